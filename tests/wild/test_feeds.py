"""Feeds that nobody here wrote: read as feedparser reads them, and as their own packages say they are to be read.

The floors only rise. What stays below: an entry without id, link and title has nothing to be known by (over 900 of
feedparser's one-line feeds; they are left out), entries of one id are one, a link that only has another fragment is
the same page, and CDF, which no site writes any more, is not read.
"""

import ast
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from crawlers.base import Parsed, Response
from crawlers.link import public_link
from crawlers.platforms.feed import FeedPage
from crawlers.text import clean_line, html_to_text
from domain.outcome import FetchOutcome as F
from tests.measure import Measurements
from tests.wild.conftest import Oracle

pytestmark = [pytest.mark.eval, pytest.mark.slow]

NOW: Final = datetime(2027, 1, 1, tzinfo=UTC)  # after every entry: none is set back to the moment of the answer
FEEDS: Final = {
    "feedparser": "tests/**/*.xml",
    "podcastparser": "tests/data/*.rss",
    "reader": "tests/data/*.[ra][st][so]*",
    "rss-parser": "tests/**/data.xml",
    "newspaper4k": "tests/data/html/sample_rss.html",
}
_TYPE = re.compile(rb"Header:\s*Content-type:\s*([^\r\n]+)", re.IGNORECASE)

LEAST_FULL_FEEDS: Final = 60
COUNT_FLOOR: Final = 0.99
FULL_COUNT_FLOOR: Final = 0.97
TITLE_FLOOR: Final = 0.99
LINK_FLOOR: Final = 0.98
TIME_FLOOR: Final = 0.99


@dataclass(frozen=True)
class Case:
    """One feed, as feedparser reads it and as we do."""

    package: str
    """Where it comes from."""
    path: Path
    """Its file."""
    told: Mapping[str, Any]
    """What feedparser says."""
    parsed: Parsed
    """What we say."""

    @property
    def known(self) -> Sequence[Mapping[str, Any]]:
        """The entries that have something to be known by."""
        return [each for each in self.told["entries"] if each["id"] or each["link"] or plain(each["title"])]

    @property
    def full(self) -> bool:
        """Say whether it is like a real feed: an entry with a title that has an id or a link."""
        return any((each["id"] or each["link"]) and plain(each["title"]) for each in self.told["entries"])


def show(line: str) -> None:
    sys.stdout.write(line + "\n")


def plain(title: str | None) -> str | None:
    return clean_line(html_to_text(title or "").text)


def content_type(path: Path) -> str:
    """Return the content type that a file of feedparser's says it is served with; empty = none."""
    match = _TYPE.search(path.read_bytes()[:2_000])
    return match[1].decode("ascii", "replace").strip() if match else ""


def read(path: Path, address: str) -> Parsed:
    kind = content_type(path)
    headers = {"content-type": kind} if kind else {}
    return FeedPage().parse("feed.any", Response(url=address, headers=headers, body=path.read_bytes(), now=NOW))


@pytest.fixture(scope="module")
def cases(wild: Mapping[str, Path], oracle: Oracle) -> Sequence[Case]:
    files = [(name, path) for name, pattern in FEEDS.items() for path in sorted(wild[name].glob(pattern))]
    told = oracle.read("feeds", [(path, content_type(path)) for _, path in files])
    return [Case(name, path, told[path], read(path, oracle.address)) for name, path in files if path in told]


def test_no_feed_is_refused_and_each_has_as_many_entries(cases: Sequence[Case], measurements: Measurements) -> None:
    assert Counter(case.package for case in cases)["feedparser"] >= 2_000
    assert {case.parsed.outcome for case in cases} <= {F.OK, F.EMPTY, F.PARSE_ERROR}
    other = [case for case in cases if len(case.parsed.posts) != len(case.known)]
    for case in other:
        show(f"{case.package} {case.path.name}: {len(case.parsed.posts)} for {len(case.known)} {case.parsed.drops}")
    note = f"{len(cases)} feeds of other people's packages"
    measurements.record("same_number_of_entries", 1 - len(other) / len(cases), floor=COUNT_FLOOR, note=note)
    whole = [case for case in cases if case.full and case.told["whole"]]
    assert [case.path.name for case in whole if case.parsed.outcome is not F.OK] == []


def test_full_feeds_say_what_feedparser_says(cases: Sequence[Case], measurements: Measurements) -> None:
    full = [case for case in cases if case.full]
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for case in full:
        row = table[case.package]
        row["feeds"] += 1
        row["same"] += len(case.parsed.posts) == len(case.known)
        if len(case.parsed.posts) == len(case.known):
            for told, post in zip(case.known, case.parsed.posts, strict=True):
                row["entries"] += 1
                row["titles"] += plain(told["title"]) == post.title
                link = public_link(told["link"] or "")
                row["linked"] += link is not None
                row["links"] += link is not None and link == post.url
                row["dated"] += told["published"] is not None
                row["times"] += post.published_at is not None and post.published_at.timestamp() == told["published"]
    columns = ("feeds", "same", "entries", "titles", "linked", "links", "dated", "times")
    show(" ".join(f"{name:>14}" for name in ("package", *columns)))
    for package, row in table.items():
        show(" ".join(f"{value:>14}" for value in (package, *(row[name] for name in columns))))
    total = sum(table.values(), Counter[str]())
    note = f"{total['feeds']} feeds, {total['entries']} entries, against feedparser"
    assert total["feeds"] >= LEAST_FULL_FEEDS
    record = measurements.record
    record("full_feeds_same_number", total["same"] / total["feeds"], floor=FULL_COUNT_FLOOR, note=note)
    record("titles_equal", total["titles"] / total["entries"], floor=TITLE_FLOOR, note=note)
    record("links_equal", total["links"] / total["linked"], floor=LINK_FLOOR, note=note)
    record("times_equal", total["times"] / total["dated"], floor=TIME_FLOOR, note=note)


def test_real_feeds_hold_what_their_package_says(wild: Mapping[str, Path], oracle: Oracle) -> None:
    found = sorted(wild["rss-parser"].glob("tests/corpus/**/expect.json"))
    assert len(found) >= 10
    for path in found:
        told, parsed = json.loads(path.read_text("utf-8")), read(path.with_name("data.xml"), oracle.address)
        title = told.get("first_item_title") or told.get("first_entry_title")
        number = next(told[name] for name in ("items", "entries") if name in told)
        assert (parsed.outcome, len(parsed.posts)) == (F.OK, number), path
        assert title is None or parsed.posts[0].title == plain(title), path
        assert parsed.posts[0].outlet == plain(told["title"]), path


def test_episodes_are_those_that_their_package_says(wild: Mapping[str, Path], oracle: Oracle) -> None:
    seen = 0
    for path in sorted(wild["podcastparser"].glob("tests/data/*.rss")):
        told = json.loads(path.with_suffix(".json").read_text("utf-8"))
        posts = {post.title: post for post in read(path, oracle.address).posts}
        for episode in told["episodes"]:
            post = posts.get(plain(episode["title"]))
            if post is None or not episode["published"]:
                continue
            seen += 1
            assert post.published_at is not None and post.published_at.timestamp() == episode["published"], path
            assert post.url == public_link(episode["link"] or ""), path
    assert seen >= 10


def test_feeds_of_every_form_hold_the_titles_that_their_package_says(wild: Mapping[str, Path], oracle: Oracle) -> None:
    seen = 0
    for path in sorted(wild["reader"].glob("tests/data/*.*.py")):
        feed = path.with_suffix("")
        if feed.stem in ("full", "relative", "10", "empty"):
            titles = [title for title in entry_titles(path) if title]
            posts = read(feed, oracle.address).posts
            assert [post.title for post in posts if post.title] == titles, feed.name
            seen += len(titles)
    assert seen >= 5


def entry_titles(path: Path) -> list[str | None]:
    """Return the titles of the entries that a module of expectations makes; the module is read, not run."""
    made = (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))
    entries = [node for node in made if isinstance(node.func, ast.Name) and node.func.id == "EntryData"]
    given = ([key.value for key in node.keywords if key.arg == "title"] for node in entries)
    return [each[0].value if each and isinstance(each[0], ast.Constant) else None for each in given]  # type: ignore[misc]
