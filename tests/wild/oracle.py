"""Read feeds and pages with libraries that are not ours: a process of its own, so that none of them is in the tests'.

    python oracle.py feeds|pages FOLDER... < JSON list of [path, content type or ""] > JSON object of path to reading

FOLDER are put before the import path. A file that the library cannot read is left out.
"""

import calendar
import json
import sys
from pathlib import Path
from typing import Any

BASE = "https://feeds.example.org/feed"


def read_feed(path: str, kind: str) -> dict[str, Any]:
    """Return a feed as feedparser reads it; times are seconds since 1970, of what it calls published, else updated."""
    import feedparser  # type: ignore[import-not-found]  # of the unpacked package

    headers = {"content-location": BASE} | ({"content-type": kind} if kind else {})
    told = feedparser.parse(Path(path).read_bytes(), response_headers=headers)
    entries = []
    for each in told.entries:
        moment = each.get("published_parsed") or each.get("updated_parsed") or each.get("created_parsed")
        hrefs = [link.get("href") for link in each.get("links", []) if link.get("rel") == "alternate"]
        link = next(filter(None, hrefs), None) or each.get("link")  # its own `link` is the last of any relation
        known = {"id": each.get("id"), "link": link, "title": each.get("title")}
        entries.append({**known, "published": calendar.timegm(moment) if moment else None})
    return {"title": told.feed.get("title"), "entries": entries, "whole": not told.bozo}


def read_page(path: str, kind: str) -> dict[str, Any]:
    """Return a page as GNE reads it: title, author, publish_time, content."""
    from gne import GeneralNewsExtractor  # type: ignore[import-not-found]  # of the unpacked package

    body = Path(path).read_bytes()
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        text = body.decode("gb18030", "replace")
    told = GeneralNewsExtractor().extract(text)
    return {name: told.get(name) or "" for name in ("title", "publish_time", "content")}


def main() -> None:
    """Answer with a reading of each file of standard input."""
    what, *folders = sys.argv[1:]
    sys.path[:0] = folders
    read = {"feeds": read_feed, "pages": read_page}[what]
    found = {}
    for path, kind in json.load(sys.stdin):
        try:
            found[path] = read(path, kind)
        except Exception as err:  # noqa: BLE001  # whatever ends another library is no matter of ours
            sys.stderr.write(f"{path}: {type(err).__name__} {err}\n")
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
