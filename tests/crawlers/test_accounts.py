from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from config.settings import AccountSettings, CrawlSettings, Settings, SourceSettings
from crawlers.account_roads import account_lines, roads
from crawlers.accounts import AccountBook
from crawlers.errand import Errand
from crawlers.job import Job, VisitResult
from crawlers.schedule import Crawler
from domain.account import AccountReading
from domain.clock import ManualClock
from domain.mention import Author, Engagement, Flag, Kind, Mention, Post
from domain.outcome import FetchOutcome
from domain.secret import Secret
from domain.tagging import BrandDefinition
from storage import open_mentions
from storage.mentions.memory import MemoryMentions
from tests.crawlers.pages import source
from tests.crawlers.stores import MemoryInbox, MemoryVisits
from tests.crawlers.visiting import look_at_once

NOW = datetime(2026, 6, 20, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
BRANDS = (BrandDefinition(id="yunshan", name="云杉咖啡", query="云杉咖啡"),)
COOKIE = source(name="weibo", platform="weibo", transport="cookie", cookie=Secret("x"), query=("云杉咖啡",))
BRIDGE = source(name="hub", platform="rsshub", url="http://127.0.0.1:1200/36kr/newsflashes")
OURS = AccountSettings(platform="weibo", id="7900010001", name="云杉咖啡", brand="yunshan")
RIVAL = AccountSettings(platform="weibo", id="7900010002", role="competitor")
DOUYIN = AccountSettings(platform="douyin", id="MS4w", role="watch")


class Marks:
    def __init__(self) -> None:
        self.moments: dict[str, datetime] = {}

    def at(self, name: str) -> datetime | None:
        return self.moments.get(name)

    def put(self, name: str, at: datetime) -> None:
        self.moments[name] = at


class Readings:
    def __init__(self) -> None:
        self.written: list[list[AccountReading]] = []

    def put(self, readings: Sequence[AccountReading]) -> int:
        self.written.append(list(readings))
        return len(readings)

    def between(self, platform: str, account: str, first: str, last: str) -> Sequence[AccountReading]:
        raise NotImplementedError

    def latest(self, platform: str, account: str) -> AccountReading | None:
        raise NotImplementedError


def settings(*accounts: AccountSettings, sources: Sequence[SourceSettings] = (COOKIE,), **more: Any) -> Settings:
    given = {"path": Path("x"), "data_dir": Path(), "brands": BRANDS, "sources": tuple(sources), **more}
    return Settings(accounts=accounts, **given)


def own_post(number: int = 1, *, age: timedelta = HOUR, flags: Sequence[Flag] = (), **more: Any) -> Mention:
    mid = str(5_311_901_742_082_000 + number)
    extra = (("account_role", "owned"), ("account", OURS.id))
    given = {"platform": "weibo", "kind": Kind.POST, "text": "新品", "published_at": NOW - age, "extra": extra, **more}
    return Mention(
        id=f"weibo:{mid}", post=Post(native_id=mid, **given), source="weibo", first_collected_at=NOW,
        last_collected_at=NOW, flags=frozenset({Flag.OWNED, *flags}),
    )  # fmt: skip


def memory(*mentions: Mention) -> MemoryMentions:
    store = open_mentions("memory", Path())
    assert isinstance(store, MemoryMentions)
    store.put(list(mentions), now=NOW)
    return store


class Stand:
    """A book with its surroundings in memory."""

    def __init__(self, *mentions: Mention, given: Settings | None = None) -> None:
        self.marks, self.readings, self.store = Marks(), Readings(), memory(*mentions)
        self.book = AccountBook(given or settings(OURS), self.store, self.readings, self.marks)

    def due(self, after: timedelta = timedelta(0), limit: int = 9) -> list[Errand]:
        return list(self.book.due(NOW + after, limit))

    def keys(self, after: timedelta = timedelta(0), limit: int = 9) -> list[str]:
        """Take what is due, and give it back as read with nothing in it."""
        errands = self.due(after, limit)
        for errand in errands:
            self.done(errand, after)
        return [errand.key for errand in errands]

    def every(self, after: timedelta) -> set[str]:
        """Take whatever is due at a moment, and give it back as read with nothing in it."""
        seen: set[str] = set()
        while keys := self.keys(after):
            seen |= set(keys)
        return seen

    def next(self, key: str, after: timedelta) -> tuple[Errand, timedelta]:
        """Go on by the minute until an errand comes, giving others back as read; at most a day."""
        for at in (after + step * MINUTE for step in range(1_441)):
            while errands := self.due(at):
                for errand in errands:
                    if errand.key == key:
                        return errand, at
                    self.done(errand, at)
        raise AssertionError(f"{key} does not come")

    def done(self, errand: Errand, after: timedelta = timedelta(0), *posts: Post, outcome: str = "ok") -> None:
        result = VisitResult(outcome=FetchOutcome(outcome), posts=list(posts))
        self.book.done(errand, result, NOW + after)


def comment(number: str, **more: Any) -> Post:
    return Post(**{"platform": "weibo", "native_id": number, "kind": Kind.COMMENT, "text": "评", **more})


def post(
    number: str, *, followers: int | None = None, author: str = OURS.id, age: timedelta = HOUR, **counts: int
) -> Post:
    return Post(
        platform="weibo", native_id=number, kind=Kind.POST, text="文", published_at=NOW - age,
        author=Author(id=author, followers=followers), engagement=Engagement(**counts),
    )  # fmt: skip


# --- timelines -----------------------------------------------------------------------------------------------


def test_ours_are_read_every_ten_minutes_and_others_every_thirty() -> None:
    other = replace(BRIDGE, name="other")
    stand = Stand(given=settings(OURS, replace(RIVAL, platform="douyin"), sources=(COOKIE, other)))
    ours, rival = "account:weibo:7900010001", "account:douyin:7900010002"
    assert stand.keys() == [ours, rival]
    assert stand.keys(9 * MINUTE) == []
    assert stand.keys(10 * MINUTE) == [ours]
    assert stand.keys(31 * MINUTE) == [ours, rival]


def test_the_first_look_at_an_account_is_history_also_after_a_restart() -> None:
    stand = Stand()
    (first,) = stand.due()
    assert first.backfill
    stand.done(first, outcome="login_required")
    (again,) = stand.due(10 * MINUTE)
    assert again.backfill
    stand.done(again, 10 * MINUTE, outcome="empty")
    (later,) = stand.due(20 * MINUTE)
    assert not later.backfill
    assert stand.marks.moments == {"account.weibo.7900010001": NOW + 10 * MINUTE}
    restarted = AccountBook(settings(OURS), stand.store, stand.readings, stand.marks)
    assert [errand.backfill for errand in restarted.due(NOW + DAY, 9)] == [False]


def test_an_errand_is_given_out_once_and_comes_back_when_its_road_is_closed() -> None:
    stand = Stand()
    (errand,) = stand.due()
    assert stand.due(DAY) == []
    stand.book.done(errand, None, NOW + DAY)
    assert stand.due(DAY) == []
    assert [each.key for each in stand.due(DAY + timedelta(seconds=10))] == [errand.key]


def test_one_errand_at_a_time_goes_over_a_source_and_comments_go_first() -> None:
    stand = Stand(own_post(1), own_post(2), given=settings(OURS, RIVAL, DOUYIN, sources=(COOKIE, BRIDGE)))
    assert stand.due(limit=0) == []
    first, other = stand.due()
    assert (first.key, other.key) == ("comments:weibo:5311901742082002", "account:douyin:MS4w")
    assert stand.due() == []
    stand.done(first)
    assert stand.keys(limit=1) == ["comments:weibo:5311901742082001"]
    assert stand.keys() == ["account:weibo:7900010001"]
    assert stand.keys() == ["account:weibo:7900010002"]
    assert stand.keys() == []


def test_comments_do_not_keep_a_timeline_waiting_for_good() -> None:
    stand = Stand(own_post(1), own_post(2))
    first = stand.due()[0]
    stand.done(first)
    assert [errand.key for errand in stand.due(10 * MINUTE)] == ["account:weibo:7900010001"]


# --- readings ------------------------------------------------------------------------------------------------


def test_followers_and_counters_of_whole_days_are_noted_where_they_changed() -> None:
    stand = Stand()
    (errand,) = stand.due()
    page = [
        post("1", followers=100, likes=5, comments=0),
        post("2", likes=2, shares=1, age=2 * HOUR),
        post("3", likes=9, age=DAY),
        post("4", likes=50, age=2 * DAY),
        post("5", likes=99, author="1"),
    ]
    stand.done(errand, timedelta(0), *page)
    ((yesterday, today),) = stand.readings.written
    same = {"platform": "weibo", "account": OURS.id, "at": NOW}
    assert yesterday == AccountReading(**same, day="2026-06-19", posts=1, likes=9)  # type: ignore[arg-type]
    told = {"day": "2026-06-20", "followers": 100, "posts": 2, "likes": 7, "comments": 0, "shares": 1}
    assert today == AccountReading(**same, **told)  # type: ignore[arg-type]
    (errand,) = stand.due(10 * MINUTE)
    stand.done(errand, 10 * MINUTE, *page)
    assert len(stand.readings.written) == 1
    (errand,) = stand.due(20 * MINUTE)
    stand.done(errand, 20 * MINUTE, replace(page[0], author=Author(id=OURS.id, followers=101)), *page[1:])
    assert [each.followers for each in stand.readings.written[1]] == [101]


def test_a_page_without_dates_or_posts_gives_what_it_can() -> None:
    stand = Stand()
    (errand,) = stand.due()
    stand.done(errand)
    (errand,) = stand.due(10 * MINUTE)
    undated = replace(post("1", followers=3), published_at=None)
    stand.done(errand, 10 * MINUTE, undated)
    (written,) = stand.readings.written
    assert [(each.followers, each.posts) for each in written] == [(3, None)]


# --- comments ------------------------------------------------------------------------------------------------


def test_comments_under_our_posts_come_first_and_carry_where_they_stand() -> None:
    stand = Stand(own_post(), given=settings(OURS))
    (comments,) = stand.due()
    assert comments.source == COOKIE
    assert "hotflow" in comments.fetches[0].url
    mid = "5311901742082001"
    assert comments.extra == (("under_own", OURS.id), ("under_post", mid), ("brand", "yunshan"))
    given = comment("9", extra=(("a", "b"),))
    top = own_post().post
    carried = comments.carry([top, given])
    assert carried == [top, replace(given, extra=(("a", "b"), *comments.extra))]
    assert comments.carry(carried) == carried
    assert not comments.backfill


def test_comments_are_read_often_while_new_ones_come_and_then_less() -> None:
    stand = Stand(own_post(age=timedelta(0)))
    gaps, at = [], timedelta(0)
    key = "comments:weibo:5311901742082001"
    for found in (["1"], ["1", "2"], ["1", "2"], ["1", "2"], ["1", "2"], ["1", "2"], ["3"]):
        since = at
        errand, at = stand.next(key, at)
        gaps.append((at - since) // MINUTE)
        stand.done(errand, at, *(comment(number) for number in found))
    assert gaps == [0, 5, 5, 10, 20, 30, 30]
    assert stand.next(key, at)[1] - at == 5 * MINUTE


def test_closed_comments_are_left_alone_for_hours_and_old_posts_for_good() -> None:
    stand = Stand(own_post(age=HOUR), own_post(2, age=8 * DAY))
    key = "comments:weibo:5311901742082001"
    (errand,) = stand.due(2 * HOUR)
    assert errand.key == key
    stand.done(errand, 2 * HOUR, outcome="comments_closed")
    assert stand.next(key, 2 * HOUR)[1] == 8 * HOUR
    late = Stand(own_post(age=HOUR), own_post(2, age=8 * DAY))
    assert late.every(7 * DAY) == {"account:weibo:7900010001"}


def test_the_first_comments_under_a_post_that_is_history_are_history() -> None:
    stand = Stand(own_post(age=HOUR, flags=[Flag.BACKFILL]))
    first = stand.due()[0]
    assert first.backfill
    stand.done(first, timedelta(0), comment("1"))
    assert not stand.next(first.key, timedelta(0))[0].backfill


def test_at_the_start_old_posts_do_not_come_all_at_once() -> None:
    stand = Stand(*(own_post(number, age=4 * DAY) for number in range(40)))
    assert len(stand.every(timedelta(0))) < 10
    seen = set[str]().union(*(stand.every(hours * HOUR) for hours in range(8)))
    assert len([key for key in seen if key.startswith("comments:")]) == 40


def test_a_process_reads_only_over_its_own_sources() -> None:
    book = AccountBook(settings(OURS, DOUYIN), memory(own_post()), Readings(), Marks(), sources=[BRIDGE])
    assert [errand.source.name for errand in book.due(NOW, 9)] == ["hub"]
    assert AccountBook(settings(OURS), memory(own_post()), Readings(), Marks(), sources=[]).due(NOW, 9) == []


def test_what_is_deleted_a_rivals_or_without_a_road_has_no_errand() -> None:
    rival = replace(own_post(2), post=replace(own_post(2).post, extra=(("account_role", "competitor"),)))
    gone = own_post(3, flags=[Flag.DELETED])
    elsewhere = replace(own_post(4), id="douyin:4", post=replace(own_post(4).post, platform="douyin"))
    stand = Stand(rival, gone, elsewhere)
    assert [errand.key for errand in stand.due()] == ["account:weibo:7900010001"]


# --- roads ---------------------------------------------------------------------------------------------------


def test_a_platforms_own_source_goes_before_a_bridge_and_what_is_not_read_is_named() -> None:
    given = settings(OURS, DOUYIN, AccountSettings(platform="tieba", id="7"), sources=(BRIDGE, COOKIE))
    assert [own.name if own else None for _, own in roads(given)] == ["weibo", "hub", None]
    lines = account_lines(given)
    assert lines[0] == "weibo  云杉咖啡  自有  yunshan  每 10 分钟，经 weibo"
    assert "经 hub" in lines[1]
    assert "读不到" in lines[2]
    english = account_lines(settings(DOUYIN, sources=(COOKIE,), locale="en"))
    assert english == [f"douyin  MS4w  watch list  not read → {english[0].partition('→ ')[2]}"]
    assert "RSSHub" in english[0]
    assert account_lines(settings(sources=())) == []


# --- in the crawl role ---------------------------------------------------------------------------------------


class FakeRoad:
    """Answers a comment page and a timeline, whoever asks."""

    async def visit(self, job: Job) -> None:
        endpoint = job.fetches[0].endpoint if job.fetches else ""
        ours = Author(id=OURS.id)
        found = {
            "weibo.hotflow": [comment("9", author=Author(id="5")), comment("10", author=ours)],
            "weibo.search_profile": [post("11"), post("12", author="5")],
        }
        job.result.posts = found.get(endpoint, [])
        job.result.outcome = FetchOutcome.OK


async def test_the_crawl_role_takes_comments_and_timelines_in_as_what_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_at_once(monkeypatch)
    given = settings(OURS, data_dir=tmp_path, crawl=CrawlSettings(extract_workers=0))
    inbox, clock = MemoryInbox(), ManualClock(NOW)
    book = AccountBook(given, memory(own_post()), Readings(), Marks())
    crawler = Crawler(
        given, inbox, MemoryVisits(), clock, road=FakeRoad(), disk_free=lambda path: 10**12, errands=[book]
    )  # fmt: skip
    await crawler.visit_due()
    clock.advance(timedelta(seconds=20))
    await crawler.visit_due()
    crawler.close()
    taken = {each.id: each for each in inbox.appended}
    assert set(taken) == {"weibo:c:9", "weibo:c:10", "weibo:11", "weibo:12"}
    told = (("under_own", OURS.id), ("under_post", "5311901742082001"), ("brand", "yunshan"))
    assert taken["weibo:c:9"].post.extra == told
    assert {id: sorted(each.flags) for id, each in taken.items()} == {
        "weibo:c:9": [],
        "weibo:c:10": [Flag.OWNED],
        "weibo:11": [Flag.BACKFILL, Flag.OWNED],
        "weibo:12": [Flag.BACKFILL],
    }
