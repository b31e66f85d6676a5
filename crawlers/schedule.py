"""The crawl role: a heap of due sources, a bounded number of visits, nothing lost.

All waiting is in domain time; the limits of one visit are real time.
"""

import asyncio
import heapq
import logging
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from config.settings import Settings, SourceSettings
from crawlers.address import address_of, site_of
from crawlers.brake import Brake, disk_free
from crawlers.evidence import EvidenceBox
from crawlers.extract import Extractor
from crawlers.folder import DropFolder
from crawlers.intake import ids_of, take_in
from crawlers.job import Job, Shared, VisitResult
from crawlers.ledger import Finding, after_visit, first_state, joined, newest, revived
from crawlers.pace import PaceBook
from crawlers.plan import expand_sources
from crawlers.platforms import build_platform
from crawlers.remedy import CUT
from crawlers.robots import RobotsBook
from crawlers.share import Sharing
from domain.clock import Clock
from domain.mention import Post
from domain.outcome import Drop, FetchOutcome
from domain.ports import Inbox, SitePace, VisitStore
from domain.source import VisitState

__all__ = ["Crawler", "Road"]

logger = logging.getLogger(__name__)

_STEP_S = 0.5
_STOP_S = 5.0
_BATCH = 500
_COMPLETED = 10_000
_LOOK_AGAIN = timedelta(seconds=10)
_THREADS = 32


class Road(Protocol):
    """How a job is done; the real one is `crawlers.road.ScrapyRoad`."""

    async def visit(self, job: Job) -> None:
        """Do a job and fill its result."""
        ...


class Crawler:
    """Visits every source when it is due, for as long as the service runs.

    Args:
        settings: Everything the installation is told.
        inbox: Where posts go.
        visits: Where the state of sources is kept.
        clock: Domain time.
        road: How a visit is done; None = over HTTP with Scrapy.
        rng: Source of jitter.
        disk_free: Returns the free bytes of the disk that holds a path.
        sites: Turns of all crawl processes; needed with `owner`.
        owner: Name of this process where several share the sources; None = it is alone.

    Raises:
        SourceError: a source cannot be visited as configured.
    """

    def __init__(
        self,
        settings: Settings,
        inbox: Inbox,
        visits: VisitStore,
        clock: Clock,
        *,
        road: Road | None = None,
        rng: random.Random | None = None,
        disk_free: Callable[[str], int] = disk_free,
        sites: SitePace | None = None,
        owner: str | None = None,
    ) -> None:
        self._settings = settings
        self._inbox = inbox
        self._visits = visits
        self._clock = clock
        self._road = road or _scrapy_road()
        self._rng = rng or random.Random()
        self._brake = Brake(settings.crawl, str(settings.data_dir), inbox, disk_free)
        self._finishing = False
        self._sources = {source.name: source for source in expand_sources(settings)}
        self._states: dict[str, VisitState] = {}
        self._heap: list[tuple[datetime, str]] = []
        self._completed: dict[str, Post] = {}
        self._broken_off: set[str] = set()
        self._running: dict[asyncio.Task[None], str] = {}
        self._folders: dict[str, DropFolder] = {}
        self._loaded = False
        self._again: dict[str, datetime] = {}
        self._sharing: Sharing | None = None
        if owner is not None and sites is not None:
            deadline_s = settings.crawl.visit_deadline.total_seconds()
            self._sharing = Sharing(visits, sites, clock, owner=owner, deadline_s=deadline_s)
        self._shared = Shared(
            clock=clock,
            network=settings.network,
            pace=PaceBook(clock, sites),
            robots=RobotsBook(clock),
            extractor=Extractor(settings.crawl.extract_workers),
            evidence=EvidenceBox(settings.data_dir / "evidence", clock),
        )
        self.skew = self._shared.skew
        """How far our clock is from that of the servers."""
        self.crashes = 0
        """Visits that ended in an error of ours since the start."""

    @property
    def held_back(self) -> str:
        """Why no visits begin at present; empty = they do."""
        return self._brake.why

    def finish(self) -> None:
        """Begin no more visits: `run` returns once those under way have ended by themselves."""
        self._finishing = True

    async def run(self, stop: asyncio.Event) -> None:
        """Visit sources until `stop` is set; then end running visits within five seconds."""
        # Name look-ups block a thread each while there is no network; the stores need theirs.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, "crawl"))
        await self._load()
        logger.info("crawl started sources=%d", len(self._sources))
        try:
            while not stop.is_set() and (self._running or not self._finishing):
                if not self._finishing:
                    await self._start_due()
                await self._wait(stop)
        finally:
            for task in list(self._running):
                task.cancel()
            if self._running:
                await asyncio.wait(self._running, timeout=_STOP_S)
            if self._sharing is not None:
                await self._sharing.end()
            self._shared.extractor.close()

    async def visit_due(self) -> int:
        """Visit everything that is due now, wait for the ends, and return how many visits there were."""
        await self._load()
        begun = 0
        while True:
            started = await self._start_due()
            begun += started
            if not started and not self._running:
                return begun
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)

    def close(self) -> None:
        """End the worker processes."""
        self._shared.extractor.close()

    async def _load(self) -> None:
        if self._loaded:
            return
        stored = await asyncio.to_thread(self._visits.load)
        now = self._clock.now()
        for name, source in self._sources.items():
            known = stored.get(name)
            if self._sharing is not None and known is not None:
                self._sharing.note(known)
            state = revived(known, source, now) if known is not None else first_state(source, now)
            self._states[name] = state
            heapq.heappush(self._heap, (state.due_at, name))
        self._loaded = True

    async def _start_due(self) -> int:
        """Start due visits whose site is free; return how many."""
        room = self._settings.crawl.visits - len(self._running)
        if room <= 0 or not self._heap or self._heap[0][0] > self._clock.now() or await self._brake.look():
            return 0
        busy = {self._site(name) for name in self._running.values()}
        later: list[tuple[datetime, str]] = []
        started = 0
        while self._heap and started < room and self._heap[0][0] <= self._clock.now():
            due, name = heapq.heappop(self._heap)
            site = self._site(name)
            held = self._shared.pace.held_until(site)
            if held is not None or site in busy:
                later.append((max(due, held) if held else due, name))
                continue
            busy.add(site)
            task = asyncio.create_task(self._visit(name), name=f"visit {name}")
            self._running[task] = name
            task.add_done_callback(self._ended)
            started += 1
        for entry in later:
            heapq.heappush(self._heap, entry)
        return started

    def _ended(self, task: asyncio.Task[None]) -> None:
        name = self._running.pop(task)
        heapq.heappush(self._heap, (self._again.pop(name, self._states[name].due_at), name))

    def _site(self, name: str) -> str:
        source = self._sources[name]
        address = source.base_url or source.url
        return site_of(address) if address else f"{source.platform}/{source.transport}"

    async def _wait(self, stop: asyncio.Event) -> None:
        due = self._heap[0][0] if self._heap else None
        now = self._clock.now()
        wait_s = _STEP_S if due is None or due <= now else min(self._clock.real_s(due - now), _STEP_S)
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait(
                {stopping, *self._running}, timeout=max(wait_s, 0.01), return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            stopping.cancel()

    async def _visit(self, name: str) -> None:
        """Do one visit and keep what it brought; whatever happens, the source stays in the schedule."""
        if not await self._is_ours(name):
            return
        source, state = self._sources[name], self._states[name]
        begun = self._clock.now()
        try:
            look = self._import if source.platform == "import" else self._fetch
            found = await look(source, state, begun)
        except Exception as err:  # border of one visit
            self.crashes += 1
            logger.exception("visit crashed source=%s", name)
            detail = f"internal error: {type(err).__name__}"
            found = Finding(begun_at=begun, ended_at=self._clock.now(), outcome=FetchOutcome.ERROR, detail=detail)
        self._log(name, state, found)
        self._states[name] = after_visit(self._states[name], source, found, jitter=self._rng.uniform(0.9, 1.1))
        try:
            await asyncio.to_thread((self._sharing or self._visits).save, self._states[name])
        except Exception:  # border of one visit: the state is written again after the next one
            logger.exception("visit state not saved source=%s", name)

    async def _is_ours(self, name: str) -> bool:
        """Say whether a due source is to be visited by this process now; else it is looked at again later."""
        if self._sharing is None:
            return True
        try:
            begun = await self._sharing.begin(self._sources[name], self._states[name], self._site(name))
        except Exception as err:  # noqa: BLE001  # border of one visit: the store may come back
            logger.warning("source not claimed source=%s error=%s", name, err)
            self._again[name] = self._clock.now() + _LOOK_AGAIN
            return False
        self._states[name] = begun.state
        if begun.again_at is not None:
            self._again[name] = begun.again_at
        return begun.again_at is None

    def _log(self, name: str, state: VisitState, found: Finding) -> None:
        changed = found.outcome is not state.last_outcome and not found.outcome.proves_life
        say = logger.warning if changed else logger.info
        words = "visited source=%s outcome=%s posts=%d new=%d pages=%d detail=%s"
        say(words, name, found.outcome.value, found.seen, found.new, found.pages, found.detail)

    async def _fetch(self, source: SourceSettings, state: VisitState, begun: datetime) -> Finding:
        platform = build_platform(source.platform, source.options)
        job = Job(
            source=source,
            platform=platform,
            address=address_of(source, platform.hosts, self._settings.network),
            shared=self._shared,
            known=lambda posts: self._known(source, posts),
            etag=state.etag,
            last_modified=state.last_modified,
            completed=self._completed,
            pending=state.pending,
            deep=source.name in self._broken_off,
            deadline_s=self._settings.crawl.visit_deadline.total_seconds(),
        )
        await self._road.visit(job)
        result = job.result
        self._broken_off.discard(source.name)
        if result.unread:
            self._broken_off.add(source.name)
        fresh = tuple(each for each in result.pending if each not in state.pending)
        if fresh:  # before the append makes their entries known: after a crash a page is read twice, not never
            state = self._states[source.name] = replace(state, pending=state.pending + fresh)
            await asyncio.to_thread(self._visits.save, state)
        new, drops = await asyncio.to_thread(self._append, source, result.posts, state.first_visit_at is None)
        result.drops.update(drops)
        self._states[source.name] = replace(state, pending=tuple(result.pending))
        self._remember(result.completed)
        if result.cut and state.first_visit_at is not None and not result.detail:
            logger.warning("visit cut short source=%s pages=%d posts=%d", source.name, result.pages, result.seen)
            result.detail = CUT
        found = self._finding(begun, result, new)
        if found.retry_after is not None:
            await self._hold(self._site(source.name), found.ended_at + found.retry_after)
        return found

    async def _hold(self, site: str, until: datetime) -> None:
        self._shared.pace.hold(site, until)
        if self._sharing is not None:
            await asyncio.to_thread(self._sharing.sites.hold, site, until=until, now=self._clock.now())

    def _remember(self, completed: Mapping[str, Post]) -> None:
        """Keep completed posts for later visits, the newest 10,000."""
        self._completed.update(completed)
        for name in list(self._completed)[: max(len(self._completed) - _COMPLETED, 0)]:
            del self._completed[name]

    def _finding(self, begun: datetime, result: VisitResult, new: int) -> Finding:
        now = self._clock.now()
        return Finding(
            begun_at=begun,
            ended_at=now,
            outcome=result.outcome or FetchOutcome.ERROR,
            detail=result.detail,
            unreachable=result.unreachable,
            retry_after=self._clock.span(result.retry_after_s) if result.retry_after_s is not None else None,
            pages=result.pages,
            seen=result.seen,
            new=new,
            drops=result.drops,
            followed=result.followed,
            newest_at=newest(result.posts, now),
            etag=result.etag,
            last_modified=result.last_modified,
            not_modified=result.detail == "not modified",
        )

    def _known(self, source: SourceSettings, posts: Sequence[Post]) -> frozenset[str]:
        ids = ids_of(posts, source)
        known = self._inbox.known(list(ids))
        return frozenset(ids[each] for each in known if each in ids)

    def _append(self, source: SourceSettings, posts: Sequence[Post], backfill: bool) -> tuple[int, Mapping[Drop, int]]:
        """Take posts in; return how many were new and what was let go."""
        now = self._clock.now()
        intake = take_in(posts, source, now, backfill=backfill)
        if intake.drops:
            reasons = {reason.value: number for reason, number in intake.drops.items()}
            logger.info("posts dropped source=%s reasons=%s", source.name, reasons)
        if not intake.mentions:
            return 0, intake.drops
        return len(self._inbox.append(intake.mentions, now=now).new), intake.drops

    async def _import(self, source: SourceSettings, state: VisitState, begun: datetime) -> Finding:
        folder = self._folders.setdefault(source.name, DropFolder(source, taken=state.etag))
        found = Finding(begun_at=begun, ended_at=begun, outcome=FetchOutcome.EMPTY, etag=state.etag)
        for look in await asyncio.to_thread(folder.look):
            part = await asyncio.to_thread(self._import_file, source, folder, look, state.posts_seen == 0, begun)
            found = joined(found, part)
        if folder.problem:
            found = replace(found, outcome=FetchOutcome.ERROR, detail=folder.problem)
        if folder.refused:
            logger.warning("import passes over what is no plain file source=%s number=%d", source.name, folder.refused)
            found = replace(found, drops=Counter(found.drops) + Counter({Drop.UNREADABLE: folder.refused}))
        return replace(found, ended_at=self._clock.now(), look_again=_LOOK_AGAIN if folder.waiting else None)

    def _import_file(
        self, source: SourceSettings, folder: DropFolder, path: str, backfill: bool, begun: datetime
    ) -> Finding:
        seen = new = 0
        drops: Counter[Drop] = Counter()
        newest_at: datetime | None = None
        for posts in folder.batches(path, _BATCH, now=self._clock.now()):
            added, dropped = self._append(source, posts, backfill)
            new += added
            drops.update(dropped)
            seen += len(posts)
            newest_at = max((at for at in (newest_at, newest(posts, self._clock.now())) if at), default=None)
        problems = folder.finish(path)
        if problems:
            drops[Drop.UNREADABLE] += folder.bad_lines
            logger.warning("import has bad lines source=%s bad=%d first=%s", source.name, folder.bad_lines, problems[0])
        outcome = FetchOutcome.OK if seen else FetchOutcome.PARSE_ERROR if problems else FetchOutcome.EMPTY
        detail = f"{folder.bad_lines} bad lines, first: {problems[0]}" if problems else ""
        return Finding(
            begun_at=begun, ended_at=begun, outcome=outcome, detail=detail[:300], pages=1, seen=seen, new=new,
            drops=drops, newest_at=newest_at, etag=folder.taken,
        )  # fmt: skip


def _scrapy_road() -> Road:
    from crawlers.road import ScrapyRoad

    return ScrapyRoad()
