"""Pages that nobody here wrote: their texts, titles and days, against what other people's packages say of them.

The floors only rise. newspaper4k keeps a text and a title for each of its pages. GNE, a reader of Chinese news pages,
is asked itself; where it takes a comment or a footer for the article, the agreement is low and we are not wrong.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import mean
from typing import Final

import pytest

from crawlers.base import Parsed, Response
from crawlers.cn_time import parse_cn_time
from crawlers.platforms.article import ArticlePage
from domain.moment import SHANGHAI
from domain.outcome import FetchOutcome as F
from tests.measure import Measurements
from tests.wild.conftest import Oracle

pytestmark = [pytest.mark.eval, pytest.mark.slow]

NOW: Final = datetime(2027, 1, 1, tzinfo=UTC)
_TOKEN = re.compile(r"[a-z0-9]+|[^\W_a-z0-9]")
NO_ARTICLE: Final = frozenset({"tests/mingridapan/1.html"})
"""A page with a list of forecasts and no article."""
MISREAD: Final = {
    "tests/163/9.html": "a notice of the platform",
    "tests/ifeng/3.html": "the line with the time",
    "tests/njxfhn/1.html": "the whole page with thousands of hidden words",
    "tests/people/1.html": "a box beside the article",
    "tests/sina/4.html": "a box above the article",
    "tests/stcn/1.html": "the lists beside the article with it",
    "visiable_test/cmse/1.html": "the first paragraph alone",
    "visiable_test/mydrivers/1.html": "a comment",
}
"""What GNE takes for the article, which a person sees at once is not; titles and days of these pages count."""

TRUTH_F1_FLOOR: Final = 0.96
TRUTH_WORST_FLOOR: Final = 0.80
TRUTH_TITLE_FLOOR: Final = 0.85
TRUTH_DAY_FLOOR: Final = 0.90
GNE_F1_FLOOR: Final = 0.96
GNE_WORST_FLOOR: Final = 0.75
GNE_TITLE_FLOOR: Final = 0.94
GNE_DAY_FLOOR: Final = 0.94


@dataclass(frozen=True)
class Case:
    """One page, as another package reads it and as we do."""

    name: str
    """Folder and file."""
    text: str
    """Its text as the other package says."""
    title: str
    """Its title as the other package says."""
    day: str
    """Its time of publication as the other package says; empty = none."""
    parsed: Parsed
    """What we say."""

    @property
    def f1(self) -> float:
        """Share of tokens that both texts have: words of Latin letters, single characters of other scripts."""
        ours = Counter(_TOKEN.findall("".join(post.text for post in self.parsed.posts).lower()))
        theirs = Counter(_TOKEN.findall(self.text.lower()))
        return 2 * (ours & theirs).total() / max(ours.total() + theirs.total(), 1)

    @property
    def same_title(self) -> bool:
        """Say whether the titles are equal but for signs, or one has the name of the site or column more."""
        ours, theirs = (re.sub(r"[\W_]", "", title).lower() for title in (self.parsed.posts[0].title or "", self.title))
        return bool(ours) and (ours == theirs or min(ours, theirs, key=len) in max(ours, theirs, key=len))

    @property
    def same_day(self) -> bool:
        """Say whether ours is on the other's day in any zone, since the other often names none."""
        at, told = self.parsed.posts[0].published_at, parse_cn_time(self.day, NOW)
        if at is None or told is None:
            return False
        day = told.at.astimezone(SHANGHAI).date()
        return any((at + timedelta(hours=hours)).date() == day for hours in (-8, 0, 8))

    @property
    def line(self) -> str:
        """A row of the table that is printed."""
        post = self.parsed.posts[0]
        how = dict(post.extra)["extracted_by"]
        day = post.published_at.astimezone(SHANGHAI).date() if post.published_at else "-"
        return f"{self.f1:5.2f} {how!s:12} {'=' if self.same_title else '≠'} {day} {self.name}"


def name_of(path: Path) -> str:
    return "/".join(path.parts[-3:])


def read(path: Path, url: str) -> Parsed:
    headers = {"content-type": "text/html"}
    return ArticlePage().parse("article.page", Response(url=url, headers=headers, body=path.read_bytes(), now=NOW))


@pytest.fixture(scope="module")
def told(wild: Mapping[str, Path]) -> Sequence[Case]:
    """Return newspaper4k's pages with its own truth."""
    found = []
    for path in sorted((wild["newspaper4k"] / "tests/data/metadata").glob("*.json")):
        facts = json.loads(path.read_text("utf-8"))
        text, page = (path.parents[1] / kind / f"{path.stem}.{kind}" for kind in ("txt", "html"))
        url = facts.get("url") or ""
        parsed = read(page, url if url.startswith("http") else "https://news.example.org/a/1")
        day = (facts.get("publish_date") or "")[:10]
        found.append(Case(path.stem, text.read_text("utf-8"), facts.get("title") or "", day, parsed))
    return found


@pytest.fixture(scope="module")
def chinese(wild: Mapping[str, Path], oracle: Oracle) -> Sequence[Case]:
    """Return GNE's pages with GNE's reading."""
    files = sorted((*wild["gne"].glob("tests/*/*.html"), *wild["gne"].glob("visiable_test/*/*.html")))
    told = oracle.read("pages", [(path, "") for path in files])
    return [
        Case(name_of(path), facts["content"], facts["title"], facts["publish_time"],
             read(path, f"https://{path.parent.name}.example.cn/{path.stem}"))
        for path, facts in told.items() if name_of(path) not in NO_ARTICLE
    ]  # fmt: skip


def test_pages_have_the_text_that_their_package_says(told: Sequence[Case], measurements: Measurements) -> None:
    assert len(told) >= 20
    assert {case.parsed.outcome for case in told} == {F.OK}
    sys.stdout.writelines(f"{case.line}\n" for case in told)
    note, record = f"{len(told)} pages of newspaper4k with its own texts", measurements.record
    record("text_f1", mean(case.f1 for case in told), floor=TRUTH_F1_FLOOR, note=note)
    record("text_f1_of_the_worst", min(case.f1 for case in told), floor=TRUTH_WORST_FLOOR, note=note)
    record("titles_alike", mean(case.same_title for case in told), floor=TRUTH_TITLE_FLOOR, note=note)
    dated = [case for case in told if case.day]
    record("same_day", mean(case.same_day for case in dated), floor=TRUTH_DAY_FLOOR, note=f"{len(dated)} with a day")


def test_chinese_pages_are_read_as_a_reader_of_chinese_news_reads_them(
    chinese: Sequence[Case], measurements: Measurements
) -> None:
    assert len(chinese) >= 60
    assert {case.parsed.outcome for case in chinese} == {F.OK}
    sys.stdout.writelines(f"{case.line}\n" for case in chinese)
    judged = [case for case in chinese if case.name not in MISREAD]
    note, record = f"{len(judged)} pages, against GNE's reading", measurements.record
    record("chinese_text_f1", mean(case.f1 for case in judged), floor=GNE_F1_FLOOR, note=note)
    record("chinese_text_f1_of_the_worst", min(case.f1 for case in judged), floor=GNE_WORST_FLOOR, note=note)
    titles = mean(case.same_title for case in chinese)
    record("chinese_titles_alike", titles, floor=GNE_TITLE_FLOOR, note=f"{len(chinese)} pages")
    dated = [case for case in chinese if re.search(r"\d{4}", case.day)]
    record("chinese_same_day", mean(case.same_day for case in dated), floor=GNE_DAY_FLOOR, note=f"{len(dated)} dated")
