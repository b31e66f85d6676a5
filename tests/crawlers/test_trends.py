"""What the crawl role notes of hot lists, besides the mentions that their lines become."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from config.settings import CrawlSettings, OutletSettings, Settings
from crawlers.job import Job
from crawlers.merge import trend_post
from crawlers.schedule import Crawler
from domain.clock import ManualClock
from domain.mention import Kind, Post, Trend
from domain.outcome import FetchOutcome
from domain.trend import TrendReading, TrendSpell, trend_mention
from tests.crawlers.pages import source
from tests.crawlers.stores import MemoryInbox, MemoryVisits

T = datetime(2026, 6, 20, 8, tzinfo=UTC)


class Book:
    """Remembers what was added."""

    def __init__(self) -> None:
        self.added: list[tuple[str, str, list[str], datetime]] = []

    def add(self, source: str, platform: str, trends: Sequence[Trend], at: datetime) -> None:
        self.added.append((source, platform, [each.title for each in trends], at))

    def spells(self, *, since: datetime, platform: str | None = None, title: str | None = None) -> Sequence[TrendSpell]:
        raise NotImplementedError

    def readings(self, spell: int) -> Sequence[TrendReading]:
        raise NotImplementedError


class Road:
    """Shows a list that a test writes."""

    def __init__(self, *trends: Trend) -> None:
        self.trends = trends

    async def visit(self, job: Job) -> None:
        job.result.outcome = FetchOutcome.OK if self.trends else FetchOutcome.EMPTY
        job.result.trends = list(self.trends)
        job.result.posts = [trend_post(each, "weibo", "微博热搜") for each in self.trends]
        job.result.posts.append(
            Post(platform="web", native_id="1", url="https://yunshang.example/1", kind=Kind.ARTICLE, text="文")
        )


async def test_lines_are_noted_and_become_mentions_as_before(tmp_path: Path) -> None:
    lines = (Trend(rank=1, title="云杉咖啡异物"), Trend(rank=2, title="天气", at=T))
    book, inbox, clock, road = Book(), MemoryInbox(), ManualClock(T), Road(*lines)
    settings = Settings(
        path=tmp_path / "x",
        data_dir=tmp_path,
        sources=(source(name="hot", platform="weibo", transport="open"),),
        crawl=CrawlSettings(extract_workers=0),
        outlets=(OutletSettings(name="云上报", tier="省级", hosts=("yunshang.example",)),),
    )
    crawler = Crawler(settings, inbox, MemoryVisits(), clock, road=road, trends=book)
    assert await crawler.visit_due() == 1
    assert book.added == [("hot", "weibo", ["云杉咖啡异物", "天气"], T)]
    assert {trend_mention(each, "weibo") for each in lines} < set(inbox.mentions)
    assert {each.outlet_tier for each in inbox.appended} == {None, "省级"}
    road.trends = ()
    clock.advance(timedelta(hours=1))
    assert await crawler.visit_due() == 1
    assert len(book.added) == 1, "a visit that shows no list notes none"
