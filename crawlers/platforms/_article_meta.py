"""What a page says about itself: title, author, time, site."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from crawlers.cn_time import Stamp, parse_cn_time
from crawlers.shape import obj, text_of
from crawlers.text import clean_line, html_to_text
from crawlers.tree import Node
from domain.mention import Precision

__all__ = ["Facts", "Marks", "read_facts", "read_marks"]

_ARTICLE_TYPES = re.compile(r"Article|Posting|Report|WebPage", re.IGNORECASE)
_PRINTED = re.compile(
    r"(?<!\d)20\d{2}\s*[-/.年]\s*\d{1,2}\s*[-/.月]\s*\d{1,2}日?(?:[\sT]*\d{1,2}[:时]\d{2}(?::\d{2})?)?|"
    r"(?<!\d)\d{1,2}月\d{1,2}日\s*\d{1,2}:\d{2}|\d{1,2}\s*(?:分钟|小时|天)前|(?:今天|昨天|前天)\s*\d{1,2}:\d{2}"
)
_BYLINE = re.compile(r"(?:作者|文|记者|撰文|来源)\s*[:：/丨|]\s*([^\s:：|丨/]{2,20})")
_TITLE_TAIL = re.compile(r"\s*[-_|–—·]\s*[^-_|–—·]{1,30}$")
_TIME_META = (
    "article:published_time", "og:published_time", "publishdate", "pubdate", "publish_time", "publishtime",
    "weibo: article:create_at", "datepublished", "og:release_date", "apub:time", "dc.date",
)  # fmt: skip
_NEAR_TITLE = 1_500
_MAX_LD = 500_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """The elements in which a page speaks about itself, in its order."""

    head: str | None
    """Title as a browser's tab shows it."""
    first: str | None
    """The first heading of the first level."""
    meta: Mapping[str, str]
    """Contents of `meta` by lower-case name; the first of each name."""
    linked: tuple[str, ...]
    """JSON-LD as written."""
    moment: str | None
    """The first time that a machine can read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a page says about itself."""

    title: str | None = None
    """Title without the site's name."""
    author: str | None = None
    """Author or byline."""
    site: str | None = None
    """Name of the medium, else the host."""
    stamp: Stamp | None = None
    """Time of publication."""
    printed: str | None = None
    """That time as printed."""
    date_source: str = ""
    """Where the time was found: meta, json-ld, time or text."""
    body: str = ""
    """Text of the article from JSON-LD; empty = none."""


def read_marks(tree: Node) -> Marks:
    """Return the marks of a page by one walk through it: an XPath for each walks as often as there are marks."""
    found: dict[str, list[Node]] = {name: [] for name in ("title", "h1", "meta", "script", "time")}
    for node in tree.iter(*found):
        found[node.tag].append(node)
    titles = (clean_line("".join(node.itertext()), 300) for node in found["title"][:5])
    scripts = (node for node in found["script"] if node.get("type") == "application/ld+json")
    return Marks(
        head=next(filter(None, titles), None),
        first=next((clean_line("".join(node.itertext()), 300) for node in found["h1"]), None),
        meta=_contents(found["meta"]),
        linked=tuple((node.text or "")[:_MAX_LD] for node in islice(scripts, 10)),
        moment=next((text for node in found["time"] if (text := node.get("datetime")) is not None), None),
    )


def read_facts(marks: Marks, visible: Callable[[], str], url: str, now: datetime) -> Facts:
    """Return what a page says about itself.

    Args:
        marks: Those of the page.
        visible: Gives its readable text, for dates and names that only people see; asked where nothing else tells.
        url: Its public address.
        now: Moment of the answer; later times are set to it.
    """
    meta = marks.meta
    linked = next(_json_ld(marks.linked), {})
    site = clean_line(meta.get("og:site_name") or text_of(obj(linked, "publisher").get("name")), 100)
    title = _title(marks, linked)
    printed, source = _printed_time(marks, linked, visible, title)
    stamp = parse_cn_time(printed, now) if printed else None
    if stamp is not None and stamp.at > now:
        stamp = Stamp(at=now, precision=stamp.precision) if stamp.precision is not Precision.DAY else None
    return Facts(
        title=title,
        author=_author(meta, linked, visible, title),
        site=site or urlsplit(url).hostname,
        stamp=stamp,
        printed=clean_line(printed, 60) if stamp else None,
        date_source=source if stamp else "",
        body=html_to_text(text_of(linked.get("articleBody"))).text,
    )


def _contents(nodes: Sequence[Node]) -> dict[str, str]:
    found: dict[str, str] = {}
    for node in nodes[:300]:
        name = node.get("property") or node.get("name") or node.get("itemprop")
        content = (node.get("content") or "").strip()
        if name and content:
            found.setdefault(name.strip().lower(), content[:2_000])
    return found


def _json_ld(texts: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    for text in texts:
        try:
            data = json.loads(text, strict=False)
        except (ValueError, RecursionError):
            continue
        graph = data.get("@graph") if isinstance(data, Mapping) else None
        for each in graph if isinstance(graph, list) else data if isinstance(data, list) else [data]:
            if isinstance(each, Mapping) and _ARTICLE_TYPES.search(str(each.get("@type", ""))):
                yield each


def _title(marks: Marks, linked: Mapping[str, Any]) -> str | None:
    head, first = marks.head, marks.first
    told = marks.meta.get("og:title") or text_of(linked.get("headline")) or marks.meta.get("twitter:title")
    if told:
        return clean_line(html_to_text(told).text, 300)
    if first and (head is None or len(first) >= 6 or first in head):
        return first
    return _TITLE_TAIL.sub("", head) or head if head else first


def _author(
    meta: Mapping[str, str], linked: Mapping[str, Any], visible: Callable[[], str], title: str | None
) -> str | None:
    person = linked.get("author")
    person = person[0] if isinstance(person, list) and person else person
    name = text_of(person) or text_of(obj(person).get("name")) or meta.get("author") or meta.get("article:author")
    if name and not name.startswith("http"):
        return clean_line(name, 100)
    match = _BYLINE.search(_near(visible(), title))
    return clean_line(match[1], 100) if match else None


def _near(visible: str, title: str | None) -> str:
    at = visible.find(title) if title else -1
    return visible[max(at, 0) : max(at, 0) + _NEAR_TITLE]


def _printed_time(
    marks: Marks, linked: Mapping[str, Any], visible: Callable[[], str], title: str | None
) -> tuple[str | None, str]:
    for name in _TIME_META:
        if name in marks.meta:
            return marks.meta[name], "meta"
    told = text_of(linked.get("datePublished")) or text_of(linked.get("dateCreated"))
    if told:
        return told, "json-ld"
    if marks.moment is not None:
        return marks.moment, "time"
    match = _PRINTED.search(_near(visible(), title)) or _PRINTED.search(visible()[:20_000])
    return (match[0], "text") if match else (None, "")
