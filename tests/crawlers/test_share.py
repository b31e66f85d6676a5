"""Two crawlers on one state: each source is visited by one of them at a time, sites keep their pace."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from config.settings import CrawlSettings, Settings
from crawlers.job import Job
from crawlers.pace import PaceBook
from crawlers.schedule import Crawler
from domain.clock import ManualClock
from domain.outcome import FetchOutcome as F
from storage import State, open_state
from storage.errors import StoreError
from tests.crawlers.stores import MemoryInbox
from tests.crawlers.test_pace import SlowClock
from tests.crawlers.test_schedule import T, gives, one, post
from tests.postgres_node import postgres

MINUTE = timedelta(minutes=1)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.pg)])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    opened = open_state(postgres().ready() if request.param == "postgresql" else None, tmp_path)
    yield opened
    opened.close()


class NamedRoad:
    """Notes who visits what and how many visits to one source run at once."""

    def __init__(self, log: list[tuple[str, str]], running: Counter[str], name: str) -> None:
        self.log, self.running, self.name = log, running, name
        self.act = gives(post(1))
        self.crashes = False

    async def visit(self, job: Job) -> None:
        source = job.source.name
        self.running[source] += 1
        assert self.running[source] == 1
        self.log.append((self.name, source))
        if self.crashes:
            await asyncio.sleep(3600)
        await asyncio.sleep(0.01)
        await self.act(job)
        self.running[source] -= 1


class Pair:
    """Two crawlers, a and b, over one state and one clock."""

    def __init__(self, state: State, folder: Path, sources: int = 6, **more: object) -> None:
        self.state = state
        self.clock = ManualClock(T)
        self.inbox = MemoryInbox()
        self.log: list[tuple[str, str]] = []
        self.running: Counter[str] = Counter()
        listed = tuple(one(f"s{n}", site=f"s{n}.cn", **more) for n in range(sources))
        limits = CrawlSettings(extract_workers=0)
        self.settings = Settings(path=folder / "x", data_dir=folder, sources=listed, crawl=limits)
        self.roads = {name: NamedRoad(self.log, self.running, name) for name in "ab"}
        self.crawlers = {name: self.crawler(name) for name in "ab"}

    def crawler(self, name: str) -> Crawler:
        return Crawler(
            self.settings, self.inbox, self.state.visits, self.clock, road=self.roads[name], rng=random.Random(1),
            disk_free=lambda path: 10**12, sites=self.state.sites, owner=name,
        )  # fmt: skip

    async def both(self, **span: float) -> list[tuple[str, str]]:
        """Move the clock, let both visit what is due, and return who visited what."""
        self.clock.advance(timedelta(**span))
        before = len(self.log)
        await asyncio.gather(*(crawler.visit_due() for crawler in self.crawlers.values()))
        return self.log[before:]


async def test_every_due_source_is_visited_once_by_one_of_them(state: State, tmp_path: Path) -> None:
    pair = Pair(state, tmp_path)
    assert sorted(source for _, source in await pair.both()) == [f"s{n}" for n in range(6)]
    assert await pair.both(minutes=1) == []
    for _ in range(4):
        assert sorted(source for _, source in await pair.both(minutes=6)) == [f"s{n}" for n in range(6)]
    states = state.visits.load()
    assert {each.outcomes for each in states.values()} == {(("ok", 5),)}


async def test_what_one_saw_is_no_first_visit_for_the_other(state: State, tmp_path: Path) -> None:
    pair = Pair(state, tmp_path, sources=1)
    pair.crawlers = {"a": pair.crawlers["a"]}
    await pair.both()
    pair.crawlers = {"b": pair.crawler("b")}
    pair.roads["b"].act = gives(post(1), post(2))
    assert await pair.both(minutes=6) == [("b", "s0")]
    assert [bool(mention.flags) for mention in pair.inbox.appended] == [True, False, False]


async def test_who_visited_last_comes_back_first_and_the_other_takes_over_what_it_leaves(
    state: State, tmp_path: Path
) -> None:
    pair = Pair(state, tmp_path, sources=1)
    ((first, _),) = await pair.both()
    visits: list[tuple[str, str]] = []
    for _ in range(100):
        visits += await pair.both(seconds=10)
    assert len(visits) >= 3 and {name for name, _ in visits} == {first}
    pair.crawlers.pop(first).close()
    after = [visit for _ in range(45) for visit in await pair.both(seconds=10)]
    assert after and {name for name, _ in after} == {"b" if first == "a" else "a"}


async def test_a_source_whose_visitor_died_is_taken_when_its_claim_ends(state: State, tmp_path: Path) -> None:
    pair = Pair(state, tmp_path, sources=1)
    pair.roads["a"].crashes = True
    pair.crawlers["b"] = pair.crawler("b")
    dying = asyncio.create_task(pair.crawlers.pop("a").visit_due())
    while not pair.log:
        await asyncio.sleep(0.01)
    pair.running.clear()
    assert await pair.both() == []
    assert await pair.both(seconds=120) == []
    assert await pair.both(seconds=40) == [("b", "s0")]
    dying.cancel()


async def test_a_visit_that_outlives_its_claim_does_not_overwrite_the_next(state: State, tmp_path: Path) -> None:
    pair = Pair(state, tmp_path, sources=1)
    go_on = asyncio.Event()

    async def slow(job: Job) -> None:
        pair.running.clear()
        await go_on.wait()
        job.result.outcome = F.CAPTCHA

    pair.roads["a"].act = slow
    late = asyncio.create_task(pair.crawlers.pop("a").visit_due())
    while not pair.log:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    assert await pair.both(minutes=3) == [("b", "s0")]
    go_on.set()
    await late
    stored = state.visits.one("s0")
    assert stored is not None and stored.last_outcome is F.OK


async def test_a_stop_gives_the_sources_up(state: State, tmp_path: Path) -> None:
    pair = Pair(state, tmp_path, sources=1)
    pair.roads["a"].crashes = True
    stop = asyncio.Event()
    running = asyncio.create_task(pair.crawlers.pop("a").run(stop))
    while not pair.log:
        await asyncio.sleep(0.01)
    pair.running.clear()
    stop.set()
    await running
    assert await pair.both() == [("b", "s0")]


async def test_a_site_that_asked_one_to_wait_is_held_for_both(state: State, tmp_path: Path) -> None:
    pair = Pair(state, tmp_path, sources=1)
    limited = replace(pair.settings.sources[0], name="twin", interval=MINUTE)
    pair.settings = replace(pair.settings, sources=(*pair.settings.sources, limited))
    pair.roads["a"].act = gives(outcome=F.RATE_LIMITED, retry_after_s=600.0)
    pair.crawlers = {"a": pair.crawler("a")}
    visited = await pair.both()
    assert len(visited) == 1
    pair.crawlers = {"b": pair.crawler("b")}
    assert await pair.both(minutes=5) == []
    assert len(await pair.both(minutes=6)) >= 1


async def test_a_store_that_does_not_answer_is_tried_again(state: State, tmp_path: Path) -> None:
    pair = Pair(state, tmp_path, sources=1)
    crawler = pair.crawlers["a"]
    await crawler.visit_due()

    class Down:
        def one(self, source: str) -> None:
            raise StoreError("gone", retryable=True)

        def release(self, *, owner: str) -> None:
            raise StoreError("gone", retryable=True)

    sharing = crawler._sharing
    assert sharing is not None
    sharing._visits, whole = Down(), sharing._visits  # type: ignore[assignment]
    pair.clock.advance(timedelta(minutes=6))
    await crawler.visit_due()
    await sharing.end()
    assert len(pair.log) == 1
    sharing._visits = whole
    pair.clock.advance(timedelta(seconds=10))
    await crawler.visit_due()
    assert len(pair.log) == 2


async def test_turns_at_a_site_are_shared_and_go_on_alone_without_the_store(state: State) -> None:
    clocks = [SlowClock(T), SlowClock(T)]
    books = [PaceBook(clock, state.sites) for clock in clocks]
    for book in books * 2:
        await book.wait("a.cn", timedelta(seconds=2))
    assert [clock.waits for clock in clocks] == [[4.0], [2.0, 6.0]]

    class Down:
        def turn(self, site: str, *, pace: timedelta, now: object) -> None:
            raise StoreError("gone", retryable=True)

    alone = PaceBook(clocks[0], Down())  # type: ignore[arg-type]
    for _ in range(2):
        await alone.wait("a.cn", timedelta(seconds=3))
    assert clocks[0].waits == [4.0, 3.0]
