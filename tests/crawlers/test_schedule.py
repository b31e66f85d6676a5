import asyncio
import json
import os
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.settings import CrawlSettings, Settings, SourceSettings
from crawlers.base import Fetch
from crawlers.canary import canary_name
from crawlers.errand import Errand
from crawlers.health import health_of
from crawlers.job import Job, VisitResult
from crawlers.ledger import first_state
from crawlers.platforms.imports import ImportSettings
from crawlers.schedule import Crawler
from domain.clock import ManualClock
from domain.mention import Flag, Kind, Post
from domain.outcome import FetchOutcome as F
from domain.source import SourceState
from tests.crawlers.farm import farm
from tests.crawlers.pages import network, source
from tests.crawlers.stores import MemoryInbox, MemoryVisits
from tests.crawlers.visiting import entry, feed, look_at_once

T = datetime(2026, 6, 20, 8, tzinfo=UTC)
Act = Callable[[Job], Awaitable[None]]


def post(number: int, **more: object) -> Post:
    given: dict[str, object] = {"platform": "web", "native_id": f"https://a.cn/{number}", "url": f"https://a.cn/{number}",
                                "kind": Kind.ARTICLE, "text": "文", **more}  # fmt: skip
    return Post(**given)  # type: ignore[arg-type]


class FakeRoad:
    """Does jobs by a function per source and counts what runs at once."""

    def __init__(self) -> None:
        self.acts: dict[str, Act] = {}
        self.visited: list[str] = []
        self.now = 0
        self.most = 0

    async def visit(self, job: Job) -> None:
        self.visited.append(job.source.name)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(0)
            act = self.acts.get(job.source.name)
            if act is not None:
                await act(job)
            else:
                job.result.outcome = F.EMPTY
        finally:
            self.now -= 1


class World:
    """A crawler over fakes."""

    def __init__(self, folder: Path, *sources: SourceSettings, **crawl: object) -> None:
        self.clock = ManualClock(T)
        self.inbox = MemoryInbox()
        self.visits = MemoryVisits()
        self.road = FakeRoad()
        self.disk = 10**12
        limits = CrawlSettings(**{"extract_workers": 0, **crawl})  # type: ignore[arg-type]
        self.settings = Settings(path=folder / "x", data_dir=folder, sources=sources, crawl=limits)
        self.crawler = self.restarted()

    def restarted(self) -> Crawler:
        self.crawler = Crawler(
            self.settings, self.inbox, self.visits, self.clock,
            road=self.road, rng=random.Random(1), disk_free=lambda path: self.disk,
        )  # fmt: skip
        return self.crawler

    async def later(self, **span: float) -> int:
        self.clock.advance(timedelta(**span))
        return await self.crawler.visit_due()


def gives(*posts: Post, outcome: F = F.OK, **more: object) -> Act:
    async def act(job: Job) -> None:
        job.result.outcome = outcome
        job.result.posts = list(posts)
        job.result.seen = len(posts)
        for name, value in more.items():
            setattr(job.result, name, value)

    return act


def one(name: str = "s", site: str = "a.cn", **more: object) -> SourceSettings:
    return source(name=name, url=f"https://{site}/feed", **more)


async def test_sources_are_visited_when_due_and_not_before(tmp_path: Path) -> None:
    world = World(tmp_path, one())
    assert await world.crawler.visit_due() == 1
    assert await world.later(minutes=4) == 0
    assert await world.later(minutes=2) == 1
    state = world.visits.states["s"]
    assert timedelta(minutes=4.5) <= state.due_at - world.clock.now() <= timedelta(minutes=5.5)


async def test_first_life_is_backfill_and_news_is_not(tmp_path: Path) -> None:
    world = World(tmp_path, one())
    world.road.acts["s"] = gives(outcome=F.ERROR)
    await world.crawler.visit_due()
    world.road.acts["s"] = gives(post(1), etag="e")
    await world.later(hours=1)
    world.road.acts["s"] = gives(post(1), post(2))
    await world.later(hours=1)
    flags = {mention.post.native_id: mention.flags for mention in world.inbox.appended[:1] + world.inbox.appended[2:]}
    assert flags == {"https://a.cn/1": {Flag.BACKFILL}, "https://a.cn/2": frozenset()}
    state = world.visits.states["s"]
    assert (state.posts_seen, state.posts_new, state.first_visit_at) == (3, 2, T + timedelta(hours=1))
    assert dict(state.outcomes) == {"error": 1, "ok": 2}


async def test_state_survives_a_restart(tmp_path: Path) -> None:
    world = World(tmp_path, one())
    world.road.acts["s"] = gives(post(1), etag="e", last_modified="m")
    await world.crawler.visit_due()
    world.restarted()
    assert await world.crawler.visit_due() == 0
    tags: list[str | None] = []

    async def act(job: Job) -> None:
        tags.extend((job.etag, job.last_modified))
        job.result.outcome, job.result.detail = F.EMPTY, "not modified"

    world.road.acts["s"] = act
    assert await world.later(minutes=6) == 1
    assert tags == ["e", "m"]
    assert world.visits.states["s"].etag == "e"


async def test_crash_in_one_visit_leaves_the_others_and_the_schedule(tmp_path: Path) -> None:
    async def crash(job: Job) -> None:
        raise ZeroDivisionError("ours")

    world = World(tmp_path, one("bad"), one("good", "b.cn"))
    world.road.acts["bad"] = crash
    world.road.acts["good"] = gives(post(1))
    assert await world.crawler.visit_due() == 2
    assert world.crawler.crashes == 1
    assert world.visits.states["bad"].last_detail == "internal error: ZeroDivisionError"
    assert world.visits.states["good"].last_outcome is F.OK
    assert await world.later(minutes=6) == 2


async def test_posts_that_cannot_be_stored_are_asked_for_again(tmp_path: Path) -> None:
    world = World(tmp_path, one())
    world.road.acts["s"] = gives(post(1), etag="e")
    world.inbox.broken = True
    await world.crawler.visit_due()
    assert world.visits.states["s"].etag is None
    assert world.visits.states["s"].first_visit_at is None
    world.inbox.broken = False
    await world.later(minutes=6)
    assert next(iter(world.inbox.mentions.values())).flags == {Flag.BACKFILL}


async def test_state_that_cannot_be_saved_is_kept_in_memory(tmp_path: Path) -> None:
    world = World(tmp_path, one())
    world.visits.broken = True
    assert await world.crawler.visit_due() == 1
    assert await world.later(minutes=1) == 0


async def test_visits_at_once_are_bounded_and_one_per_site(tmp_path: Path) -> None:
    many = [one(f"s{number}", f"a{number}.cn") for number in range(9)]
    world = World(tmp_path, *many, visits=3)
    assert await world.crawler.visit_due() == 9
    assert world.road.most == 3
    same = World(tmp_path, *(one(f"s{number}") for number in range(4)), visits=3)
    assert await same.crawler.visit_due() == 4
    assert same.road.most == 1


async def test_visits_pause_while_the_inbox_is_full_or_the_disk(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(tmp_path, one(), inbox_limit=10)
    world.inbox.full_by = 11
    assert await world.crawler.visit_due() == 0
    assert await world.crawler.visit_due() == 0
    assert caplog.text.count("the inbox holds 11 rows, limit 10") == 1
    world.inbox.full_by = 0
    world.disk = 1
    assert await world.crawler.visit_due() == 0
    assert world.crawler.held_back == "visits pause: 0 MB free on the disk, limit 500 MB"
    world.disk = 10**12
    assert await world.crawler.visit_due() == 1
    assert world.crawler.held_back == ""


async def test_a_crawler_that_is_to_finish_lets_its_visits_end_and_begins_no_more(tmp_path: Path) -> None:
    world = World(tmp_path, one("a"), one("b", "b.cn"), visits=1)
    go_on, begun = asyncio.Event(), asyncio.Event()

    async def slow(job: Job) -> None:
        begun.set()
        await go_on.wait()
        await gives(post(1))(job)

    world.road.acts["a"] = slow
    running = asyncio.create_task(world.crawler.run(asyncio.Event()))
    await begun.wait()
    world.crawler.finish()
    go_on.set()
    await asyncio.wait_for(running, timeout=5)
    assert world.road.visited == ["a"]
    assert world.visits.states["a"].posts_new == 1


async def test_store_that_does_not_answer_holds_visits_back(tmp_path: Path) -> None:
    world = World(tmp_path, one())

    def gone() -> int:
        raise OSError("gone")

    world.inbox.depth = gone  # type: ignore[method-assign]
    assert await world.crawler.visit_due() == 0


@pytest.mark.parametrize(
    ("outcome", "retry_after_s", "first", "state"),
    [
        (F.CAPTCHA, None, timedelta(hours=6), SourceState.BLIND),
        (F.RATE_LIMITED, None, timedelta(minutes=5), SourceState.BLIND),
        (F.RATE_LIMITED, 1_800.0, timedelta(minutes=30), SourceState.BLIND),
        (F.LOGIN_REQUIRED, None, timedelta(days=3_650), SourceState.BLIND),
    ],
)
async def test_breaker_rests_the_source(
    tmp_path: Path, outcome: F, retry_after_s: float | None, first: timedelta, state: SourceState
) -> None:
    world = World(tmp_path, one(interval=timedelta(minutes=1)))
    world.road.acts["s"] = gives(outcome=outcome, retry_after_s=retry_after_s)
    await world.crawler.visit_due()
    assert world.visits.states["s"].paused_until == T + first
    (health,) = health_of(world.settings.sources, world.visits.load(), T + timedelta(minutes=2), "zh")
    assert health.state is state
    assert await world.later(minutes=2) == 0
    world.clock.set(T + first + timedelta(minutes=2))
    assert await world.crawler.visit_due() == 1


async def test_site_that_asked_to_wait_is_left_alone_by_all_its_sources(tmp_path: Path) -> None:
    world = World(tmp_path, one("a"), one("b"))
    world.road.acts["a"] = gives(outcome=F.RATE_LIMITED, retry_after_s=600.0)
    assert await world.crawler.visit_due() == 1
    assert world.road.visited == ["a"]
    world.road.acts["a"] = gives()
    assert await world.later(minutes=11) == 2


async def test_unreachable_source_is_tried_at_each_interval_until_it_is_back(tmp_path: Path) -> None:
    world = World(tmp_path, one())
    world.road.acts["s"] = gives(outcome=F.ERROR, unreachable=True, detail="a.cn: cannot connect")
    await world.crawler.visit_due()
    for _ in range(4):
        assert await world.later(minutes=6) == 1
    (health,) = health_of(world.settings.sources, world.visits.load(), world.clock.now(), "zh")
    assert health.state is SourceState.BLIND
    world.road.acts["s"] = gives(post(1))
    assert await world.later(minutes=6) == 1
    (health,) = health_of(world.settings.sources, world.visits.load(), world.clock.now(), "zh")
    assert health.state is SourceState.LIVE


async def test_waiting_pages_are_handed_to_the_next_visit(tmp_path: Path) -> None:
    world = World(tmp_path, one())
    handed: list[tuple[int, bool]] = []

    async def act(job: Job) -> None:
        handed.append((len(job.pending), job.completed.get("x") == post(1)))
        job.result.outcome, job.result.posts = F.OK, [post(1)]
        job.result.pending = [post(2)]
        job.result.completed = {"x": post(1)}

    world.road.acts["s"] = act
    await world.crawler.visit_due()
    await world.later(minutes=6)
    assert handed == [(0, False), (1, True)]


async def test_waiting_pages_survive_a_crash_at_any_moment(tmp_path: Path) -> None:
    world = World(tmp_path, one())
    handed: list[list[str]] = []
    left = [[post(2)], [post(2)], [], []]

    async def act(job: Job) -> None:
        job.result.outcome, job.result.posts, job.result.pending = F.OK, [post(1)], left[len(handed)]
        handed.append([each.native_id for each in job.pending])

    world.road.acts["s"] = act
    for dies_before_the_append in (True, False, True, False):
        world.inbox.broken = dies_before_the_append
        await world.restarted().visit_due()
        world.clock.advance(timedelta(hours=1))
    waiting = [post(2).native_id]
    assert handed == [[], waiting, waiting, waiting], "a page that was read is read again unless its text was stored"
    assert world.visits.states["s"].pending == ()


async def test_posts_without_identity_or_text_are_counted_not_stored(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    world = World(tmp_path, one())
    world.road.acts["s"] = gives(post(1, text=""), post(2, native_id="", url=None))
    await world.crawler.visit_due()
    assert world.inbox.mentions == {}
    assert "posts dropped source=s reasons={'no_text': 1, 'no_id': 1}" in caplog.text


async def test_known_tells_native_ids(tmp_path: Path) -> None:
    world = World(tmp_path, one())
    found: list[frozenset[str]] = []

    async def act(job: Job) -> None:
        found.append(job.known([post(1), post(2)]))
        await gives(post(1))(job)

    world.road.acts["s"] = act
    await world.crawler.visit_due()
    await world.later(minutes=6)
    assert found == [frozenset(), frozenset({"https://a.cn/1"})]


async def test_run_visits_until_told_to_stop_and_ends_running_visits(tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def forever(job: Job) -> None:
        begun.set()
        await asyncio.Event().wait()

    world = World(tmp_path, one("stuck"), one("other", "b.cn"))
    world.road.acts["stuck"] = forever
    stop = asyncio.Event()
    task = asyncio.create_task(world.crawler.run(stop))
    await asyncio.wait_for(begun.wait(), 5)
    stop.set()
    await asyncio.wait_for(task, 5)
    assert "stuck" not in world.visits.states


async def test_real_feed_over_http_is_appended_once(tmp_path: Path) -> None:
    async with farm() as site:
        site.page("/feed", feed(entry("https://a.cn/1", text="云杉咖啡"), entry("https://a.cn/2")))
        world = World(tmp_path, source(url=site.base + "/feed"))
        world.settings = replace(world.settings, network=network(site.pair))
        crawler = Crawler(world.settings, world.inbox, world.visits, world.clock)
        try:
            await crawler.visit_due()
            world.clock.advance(timedelta(minutes=6))
            await crawler.visit_due()
        finally:
            crawler.close()
    assert len(world.inbox.mentions) == 2
    assert world.visits.states["s"].posts_new == 2
    assert world.visits.states["s"].last_outcome is F.OK


# --- import --------------------------------------------------------------------------------------------------


def drop(folder: Path, name: str, *objects: object) -> None:
    path = folder / name
    path.write_text("".join(json.dumps(each) + "\n" for each in objects), "utf-8")
    then = time.time() - 60
    os.utime(path, (then, then))


def mention(number: int, at: str = "2026-06-20T15:50:00+08:00") -> dict[str, str]:
    return {"platform": "weibo", "id": str(number), "text": "云杉", "published_at": at}


async def test_watched_folder_is_read_once_and_its_first_files_are_history(tmp_path: Path) -> None:
    box = tmp_path / "box"
    box.mkdir()
    world = World(tmp_path, source(name="box", platform="import", options=ImportSettings(path=str(box))))
    await world.crawler.visit_due()
    assert world.visits.states["box"].last_outcome is F.EMPTY
    drop(box, "a.ndjson", mention(1), "bad", mention(2))
    await world.later(minutes=6)
    state = world.visits.states["box"]
    assert (state.last_outcome, state.posts_seen, state.posts_new) == (F.OK, 2, 2)
    assert state.last_detail == "1 bad lines, first: a.ndjson:2: not a JSON object"
    assert all(each.flags == {Flag.BACKFILL} for each in world.inbox.mentions.values())
    drop(box, "b.ndjson", mention(3), mention(4, "2026-06-01T00:00:00+08:00"))
    await world.later(minutes=6)
    assert world.inbox.mentions["weibo:3"].flags == frozenset()
    assert world.inbox.mentions["weibo:4"].flags == {Flag.BACKFILL}
    assert sorted(path.name for path in (box / "done").iterdir()) == ["a.ndjson", "b.ndjson"]
    await world.later(minutes=6)
    assert world.visits.states["box"].last_outcome is F.EMPTY


async def test_file_that_still_grows_is_looked_at_again_soon(tmp_path: Path) -> None:
    (tmp_path / "box").mkdir()
    (tmp_path / "box" / "a.ndjson").write_text(json.dumps(mention(1)) + "\n", "utf-8")
    own = source(name="box", platform="import", options=ImportSettings(path=str(tmp_path / "box")))
    world = World(tmp_path, own)
    await world.crawler.visit_due()
    assert world.inbox.mentions == {}
    assert await world.later(seconds=12) == 1
    assert len(world.inbox.mentions) == 1


async def test_single_file_is_not_read_again_after_a_restart(tmp_path: Path) -> None:
    drop(tmp_path, "a.ndjson", mention(1))
    own = source(name="box", platform="import", options=ImportSettings(path=str(tmp_path / "a.ndjson")))
    world = World(tmp_path, own)
    await world.crawler.visit_due()
    world.restarted()
    await world.later(minutes=6)
    assert len(world.inbox.appended) == 1


async def test_missing_folder_and_hopeless_files_are_failures(tmp_path: Path) -> None:
    drop(tmp_path, "bad.ndjson", "x", 3)
    world = World(
        tmp_path,
        source(name="none", platform="import", options=ImportSettings(path=str(tmp_path / "none"))),
        source(name="bad", platform="import", options=ImportSettings(path=str(tmp_path / "bad.ndjson"))),
    )
    while len(world.visits.states) < 2:
        await world.crawler.visit_due()
    assert world.visits.states["none"].last_outcome is F.ERROR
    assert "No such file" in world.visits.states["none"].last_detail
    assert world.visits.states["bad"].last_outcome is F.PARSE_ERROR


class Book:
    """Gives out errands once and keeps what became of them."""

    def __init__(self, *errands: Errand) -> None:
        self.waiting = list(errands)
        self.ended: list[tuple[str, F | None]] = []

    def due(self, now: datetime, limit: int) -> list[Errand]:
        given, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return given

    def done(self, errand: Errand, result: VisitResult | None, now: datetime) -> None:
        self.ended.append((errand.key, result.outcome if result is not None else None))


def errand(of: SourceSettings, key: str = "k", **more: object) -> Errand:
    return Errand(key=key, source=of, fetches=(Fetch(endpoint="feed.any", url="https://a.cn/x"),), **more)  # type: ignore[arg-type]


def with_books(world: World, *books: Book) -> Crawler:
    return Crawler(
        world.settings, world.inbox, world.visits, world.clock, road=world.road, rng=random.Random(1),
        disk_free=lambda path: world.disk, errands=books,
    )  # fmt: skip


async def test_an_errand_brings_posts_and_leaves_the_source_as_it_was(tmp_path: Path) -> None:
    world = World(tmp_path, one())
    book = Book(errand(one(), backfill=True))
    crawler = with_books(world, book)
    world.visits.save(replace(first_state(one(), T), due_at=T + timedelta(hours=1), first_visit_at=T))
    asked: list[tuple[Fetch, ...]] = []

    async def act(job: Job) -> None:
        asked.append(job.fetches)
        await gives(post(1))(job)

    world.road.acts["s"] = act
    await crawler.visit_due()
    assert [fetch.url for fetch in asked[0]] == ["https://a.cn/x"] and book.ended == [("k", F.OK)]
    assert [mention.flags for mention in world.inbox.appended] == [{Flag.BACKFILL}]
    assert world.visits.states["s"].last_visit_at is None


async def test_an_errand_whose_posts_are_only_looked_at_appends_nothing(tmp_path: Path) -> None:
    world = World(tmp_path, one())
    world.visits.save(replace(first_state(one(), T), due_at=T + timedelta(hours=1)))
    book = Book(errand(one(), keep=False))
    world.road.acts["s"] = gives(post(1))
    await with_books(world, book).visit_due()
    assert book.ended == [("k", F.OK)] and not world.inbox.appended


async def test_an_errand_waits_for_a_road_that_is_closed_and_its_captcha_closes_it_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_at_once(monkeypatch)
    world = World(tmp_path, one(), one("t"))
    away = replace(first_state(one(), T), due_at=T + timedelta(hours=8))
    world.visits.save(away)
    world.visits.save(replace(away, source="t", due_at=T + timedelta(minutes=5)))
    book = Book(errand(one()))
    world.road.acts["s"] = gives(outcome=F.CAPTCHA)
    crawler = with_books(world, book)
    await crawler.visit_due()
    assert book.ended == [("k", F.CAPTCHA)]
    book.waiting.append(errand(one(), key="later"))
    world.clock.advance(timedelta(hours=5))
    await crawler.visit_due()
    assert book.ended[1:] == [("later", None)] and "t" not in world.road.visited
    world.road.acts["s"] = gives()
    world.clock.advance(timedelta(hours=2))
    await crawler.visit_due()
    assert "t" in world.road.visited


async def test_a_captcha_at_one_source_rests_the_others_of_the_site(tmp_path: Path) -> None:
    world = World(tmp_path, one("a"), one("b"), one("far", site="b.cn"))
    world.road.acts["a"] = gives(outcome=F.CAPTCHA)
    await world.crawler.visit_due()
    assert sorted(world.road.visited) == ["a", "far"]
    for _ in range(12):
        await world.later(minutes=25)
    assert sorted(set(world.road.visited[2:])) == ["far"]
    world.restarted()
    await world.crawler.visit_due()
    assert "b" not in world.road.visited
    world.road.acts["a"] = gives(post(1))
    await world.later(hours=2)
    await world.later(minutes=1)
    assert {"a", "b"} <= set(world.road.visited[-4:])


async def test_a_deaf_canary_is_looked_at_again_sooner_and_nothing_of_it_is_taken_in(tmp_path: Path) -> None:
    search = source(name="hn", platform="hackernews", query=("云杉咖啡",))
    world = World(tmp_path, search)
    name = canary_name(search)
    assert name is not None
    world.road.acts[name] = gives(post(1))
    await world.crawler.visit_due()
    assert world.visits.states[name].last_outcome is F.OK and not world.inbox.appended
    world.road.acts[name] = gives(outcome=F.EMPTY)
    begun = world.clock.now()
    while world.visits.states[name].fails < 2:
        await world.later(minutes=1)
    assert world.clock.now() - begun <= 2 * world.settings.crawl.canary
    (health,) = health_of([search], world.visits.states, world.clock.now(), "zh")
    assert health.state is SourceState.BLIND


async def test_a_canary_asks_nothing_behind_what_it_finds(tmp_path: Path) -> None:
    search = source(name="wechat", platform="wechat", query=("云杉咖啡",))
    world = World(tmp_path, search)
    known: dict[str, frozenset[str]] = {}

    async def look(job: Job) -> None:
        known[job.source.name] = job.known([post(1)])

    name = canary_name(search)
    assert name is not None
    world.road.acts = {name: look, "wechat": look}
    await world.crawler.visit_due()
    assert known == {name: frozenset({post(1).native_id}), "wechat": frozenset()}


async def test_a_source_with_much_news_is_visited_as_often_as_it_bears(tmp_path: Path) -> None:
    world = World(tmp_path, source(name="s", platform="hackernews", query=("云杉咖啡",), canary=""), one("quiet"))
    numbers = iter(range(10_000))
    world.road.acts["s"] = gives(post(next(numbers)))
    await world.crawler.visit_due()

    async def act(job: Job) -> None:
        await gives(*(post(next(numbers)) for _ in range(3)))(job)

    world.road.acts["s"] = act
    await world.later(minutes=6)
    due_in = world.visits.states["s"].due_at - world.clock.now()
    assert due_in <= timedelta(seconds=33) and world.visits.states["s"].rates.burst
    fixed = World(tmp_path, source(name="s", platform="hackernews", query=("云杉咖啡",), canary=""), adaptive=False)
    fixed.road.acts["s"] = act
    await fixed.crawler.visit_due()
    await fixed.later(minutes=6)
    assert fixed.visits.states["s"].due_at - fixed.clock.now() >= timedelta(minutes=4.5)


async def test_a_book_that_fails_stops_neither_the_others_nor_the_sources(tmp_path: Path) -> None:
    class Broken(Book):
        def due(self, now: datetime, limit: int) -> list[Errand]:
            raise OSError("disk gone")

    class Forgetful(Book):
        def done(self, errand: Errand, result: VisitResult | None, now: datetime) -> None:
            super().done(errand, result, now)
            raise OSError("disk gone")

    world = World(tmp_path, one(), one("t", site="b.cn"))
    forgetful, sound = Forgetful(errand(one(), keep=False)), Book(errand(one("t", site="b.cn"), key="other"))
    world.road.acts["s"] = gives(post(1))
    crawler = with_books(world, Broken(), forgetful, sound)
    await crawler.visit_due()
    assert forgetful.ended == [("k", F.OK)] and sound.ended == [("other", F.EMPTY)]
    assert {"s", "t"} <= set(world.visits.states)


async def test_an_errand_that_crashes_is_told_to_its_book_and_counted(tmp_path: Path) -> None:
    async def crash(job: Job) -> None:
        raise RuntimeError("boom")

    world = World(tmp_path, one())
    world.visits.save(replace(first_state(one(), T), due_at=T + timedelta(minutes=1)))
    world.road.acts["s"] = crash
    book = Book(errand(one()))
    crawler = with_books(world, book)
    await crawler.visit_due()
    assert book.ended == [("k", None)] and crawler.crashes == 1


async def run_for(world: World, crawler: Crawler, visits: int, *, each: timedelta) -> Counter[str]:
    """Let a crawler run until so many visits were made, each of which takes a while; count them by source."""
    stop = asyncio.Event()

    async def act(job: Job) -> None:
        await asyncio.sleep(0.001)
        world.clock.advance(each)
        job.result.outcome = F.EMPTY
        if len(world.road.visited) >= visits:
            stop.set()

    for name in world.settings.sources:
        world.road.acts[name.name] = act
    await asyncio.wait_for(crawler.run(stop), 30)
    return Counter(world.road.visited)


async def test_sources_of_a_busy_site_take_turns_though_they_are_always_due(tmp_path: Path) -> None:
    busy = [one(name, interval=timedelta(minutes=1)) for name in ("a", "b", "c")]
    others = [one(f"z{n}", f"z{n}.cn", interval=timedelta(minutes=1)) for n in range(4)]
    world = World(tmp_path, *busy, *others, adaptive=False)
    made = await run_for(world, world.crawler, 300, each=timedelta(minutes=2))
    assert min(made[name] for name in "abc") > max(made[name] for name in "abc") / 2, made


async def test_errands_and_sources_of_a_busy_site_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    look_at_once(monkeypatch)
    sources = [one(name, interval=timedelta(minutes=1)) for name in ("a", "b")]
    world = World(tmp_path, *sources, adaptive=False)
    world.road.acts["errand"] = gives()

    class Endless(Book):
        def due(self, now: datetime, limit: int) -> list[Errand]:
            return [errand(replace(sources[0], name="errand"), key=str(now))]

    world.settings = replace(world.settings, sources=(*sources, one("errand")))
    crawler = Crawler(
        replace(world.settings, sources=tuple(sources)), world.inbox, world.visits, world.clock, road=world.road,
        rng=random.Random(1), disk_free=lambda path: world.disk, errands=(Endless(),),
    )  # fmt: skip
    made = await run_for(world, crawler, 60, each=timedelta(minutes=2))
    assert min(made.values()) >= 12 and set(made) == {"a", "b", "errand"}, made
