"""The crawl role: a heap of due sources, a bounded number of visits, nothing lost.

All waiting is in domain time; the limits of one visit are real time.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from config.settings import Settings, SourceSettings
from crawlers.address import site_of_source
from crawlers.agenda import Agenda
from crawlers.ban import Bans, is_site_wide
from crawlers.brake import Brake, disk_free
from crawlers.cadence import after_posts
from crawlers.canary import canaries, is_canary
from crawlers.credentials import CredentialBook
from crawlers.drop import DropVisits
from crawlers.errand import Errand, ErrandBook
from crawlers.errand_run import ErrandRun
from crawlers.evidence import EvidenceBox
from crawlers.extract import Extractor
from crawlers.harvest import Harvest
from crawlers.job import Shared, VisitResult
from crawlers.ledger import Finding, after_visit, first_state, is_paused, revived
from crawlers.pace import PaceBook
from crawlers.pages import PageVisits, Road
from crawlers.plan import expand_sources
from crawlers.platforms import build_platform
from crawlers.robots import RobotsBook
from crawlers.share import Sharing
from crawlers.turns import Turns
from crawlers.yields import HourBook, YieldWatch
from domain.clock import Clock
from domain.outcome import FetchOutcome
from domain.ports import CredentialStore, Inbox, SitePace, TrendBook, VisitStore
from domain.source import VisitState

__all__ = ["Crawler"]

logger = logging.getLogger(__name__)

_STEP_S = 0.5
_STOP_S = 5.0
_LOOK_AGAIN = timedelta(seconds=10)
_THREADS = 32
_GLANCE = timedelta(seconds=10)
"""Time between two looks at what incidents are open and what errands are due."""
_GLANCE_S = 0.5
"""Least time between two looks at what incidents are open, real seconds."""
_ERRANDS_S = 2.0
"""Least time between two looks for errands, real seconds: no visit begins meanwhile, and a clock may run fast."""


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
        only: Says which sources are this process's; None = all.
        trends: Where lines of hot lists are noted; None = nowhere.
        credentials: What is known of cookies and keys; None = nothing is remembered over a restart.
        hours: Where the new posts of each hour are noted; None = nowhere.
        pinned: Returns the ids of the brands with an open incident; may block.
        errands: What is visited besides the sources.

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
        only: Callable[[SourceSettings], bool] | None = None,
        trends: TrendBook | None = None,
        credentials: CredentialStore | None = None,
        hours: HourBook | None = None,
        pinned: Callable[[], frozenset[str]] | None = None,
        errands: Sequence[ErrandBook] = (),
    ) -> None:
        self._settings = settings
        self._visits = visits
        self._clock = clock
        self._rng = rng or random.Random()
        self._brake = Brake(settings.crawl, str(settings.data_dir), inbox, disk_free)
        self._finishing = False
        mine = [each for each in expand_sources(settings) if only is None or only(each)]
        self._sources = {each.name: each for each in (*mine, *canaries(mine, settings.crawl.canary))}
        self._states: dict[str, VisitState] = {}
        self._agenda = Agenda(self._sources, adaptive=settings.crawl.adaptive)
        self._bans = Bans()
        self._pinned = pinned
        self._errands = ErrandRun(errands, clock, is_open=self._is_open, visit=self._do)
        self._turns = Turns()
        self._glanced: tuple[datetime, float] | None = None
        self._errands_s = -_ERRANDS_S
        self._yields = YieldWatch(hours, clock.now()) if hours is not None else None
        self._running: dict[asyncio.Task[None], str] = {}
        harvest = Harvest(settings, inbox, clock)
        self._drop = DropVisits(harvest.append, clock)
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
            credentials=CredentialBook(clock, credentials),
        )
        self._pages = PageVisits(
            settings,
            self._shared,
            road,
            harvest=harvest,
            visits=visits,
            states=self._states,
            clock=clock,
            hold=self._hold,
            trends=trends,
        )
        self.skew = self._shared.skew
        """How far our clock is from that of the servers."""
        self._crashes = 0

    @property
    def crashes(self) -> int:
        """Visits that ended in an error of ours since the start."""
        return self._crashes + self._errands.crashes

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
                    await self._glance()
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
        await self._glance()
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
            self._agenda.learn(state)
            self._agenda.put(name, state.due_at)
            self._bans.note(source, state)
        self._loaded = True

    async def _glance(self) -> None:
        """Look now and then what incidents are open and what errands are due."""
        now, real_s = self._clock.now(), asyncio.get_running_loop().time()
        if self._glanced is not None:
            at, at_s = self._glanced
            if timedelta(0) <= now - at < _GLANCE or real_s - at_s < _GLANCE_S:
                return
        self._glanced = (now, real_s)
        try:
            await self._take_new_keys(now)
            if self._pinned is not None:
                self._agenda.pin(await asyncio.to_thread(self._pinned), now)
        except Exception as err:  # noqa: BLE001  # border of one look: the store may come back
            logger.warning("open incidents not looked at error=%s", err)
        if real_s - self._errands_s >= _ERRANDS_S and self._room() > 0 and not await self._brake.look():
            self._errands_s = real_s
            await self._begin_errands(now)

    async def _begin_errands(self, now: datetime) -> None:
        async for task, errand in self._errands.begin(now, self._room):
            self._running[task] = site = site_of_source(errand.source)
            self._turns.errand_began(site)
            task.add_done_callback(self._running.pop)

    async def _take_new_keys(self, now: datetime) -> None:
        """End the pause of a source whose cookie was replaced in its file."""
        book = self._shared.credentials
        for name, state in self._states.items():
            source = self._sources[name]
            if book is None or not is_paused(state, now) or source.cookie is None or source.cookie.path is None:
                continue
            if await book.replaced(source, build_platform(source.platform, source.options)):
                logger.info("a new cookie is there, the pause ends source=%s", name)
                self._states[name] = replace(state, paused_until=None, due_at=now)
                self._bans.lift(source)
                self._agenda.put(name, now)

    def _room(self) -> int:
        return self._settings.crawl.visits - len(self._running)

    def _is_open(self, errand: Errand, now: datetime) -> bool:
        """Say whether an errand's road is free and open; where sources wait for their site, they take turns with it."""
        site = site_of_source(errand.source)
        if not self._turns.is_for_errand(site):
            return False
        state = self._states.get(errand.source.name)
        paused = state is not None and is_paused(state, now)
        closed = paused or self._bans.until(errand.source, now) or self._shared.pace.held_until(site)
        return not closed and site not in self._running.values()

    async def _do(self, errand: Errand) -> VisitResult:
        """Make the visit of an errand and take in what it brings."""
        source = errand.source
        state = self._states.get(source.name) or first_state(source, self._clock.now())
        result = await self._pages.run_errand(errand, state)
        asked = self._clock.span(result.retry_after_s) if result.retry_after_s is not None else None
        self._bans.refused(source, result.outcome, asked, self._clock.now())
        return result

    async def _start_due(self) -> int:
        """Start due visits whose site is free; return how many."""
        room = self._room()
        due_at = self._agenda.next_at
        if due_at is None or due_at > self._clock.now():
            self._turns.wait(())
            return 0
        if room <= 0 or await self._brake.look():
            return 0
        busy = set(self._running.values())
        later: list[tuple[str, datetime]] = []
        started = 0
        now = self._clock.now()
        while started < room and (taken := self._agenda.take(now)) is not None:
            name, at = taken
            source = self._sources[name]
            site = site_of_source(source)
            held = self._bans.until(source, now) or self._shared.pace.held_until(site)
            if held is not None or site in busy:
                later.append((name, held or at))  # who waits for a busy site keeps the place in its queue
                continue
            busy.add(site)
            self._turns.source_began(site)
            task = asyncio.create_task(self._visit(name), name=f"visit {name}")
            self._running[task] = site
            task.add_done_callback(partial(self._ended, name))
            started += 1
        for name, at in later:
            self._agenda.put(name, at)
        self._turns.wait(site_of_source(self._sources[name]) for name, _ in later)
        return started

    def _ended(self, name: str, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._agenda.put(name, self._again.pop(name, self._states[name].due_at))

    async def _wait(self, stop: asyncio.Event) -> None:
        due, now = self._agenda.next_at, self._clock.now()
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
        if not await self._may_ask(name) or not await self._is_ours(name):
            return
        source, state = self._sources[name], self._states[name]
        begun = self._clock.now()
        try:
            look = self._drop.look if source.platform == "import" else self._pages.look
            found = await look(source, state, begun)
        except Exception as err:  # border of one visit
            self._crashes += 1
            logger.exception("visit crashed source=%s", name)
            detail = f"internal error: {type(err).__name__}"
            found = Finding(begun_at=begun, ended_at=self._clock.now(), outcome=FetchOutcome.ERROR, detail=detail)
        self._log(name, state, found)
        self._states[name] = await self._after(self._states[name], source, found)
        try:
            await asyncio.to_thread((self._sharing or self._visits).save, self._states[name])
        except Exception:  # border of one visit: the state is written again after the next one
            logger.exception("visit state not saved source=%s", name)

    async def _after(self, state: VisitState, source: SourceSettings, found: Finding) -> VisitState:
        """Return the state after a visit, with the time of the next one."""
        name, now = source.name, found.ended_at
        if found.outcome.proves_life and state.first_visit_at is not None and state.last_visit_at is not None:
            state = replace(state, rates=after_posts(state.rates, found.new, found.begun_at - state.last_visit_at))
        self._agenda.learn(state)
        interval = self._agenda.interval(name, now)
        after = after_visit(state, source, found, jitter=self._rng.uniform(0.9, 1.1), interval=interval)
        self._bans.note(source, after)
        until = after.paused_until
        if self._sharing is not None and until is not None and is_site_wide(after.last_outcome) and not source.base_url:
            await self._hold(site_of_source(source), until)  # so that the other processes leave it alone too
        if self._yields is not None and found.outcome.proves_life and not is_canary(source):
            after = await asyncio.to_thread(self._yields.after, after, found.new, now)
        return after

    async def _may_ask(self, name: str) -> bool:
        """Say whether its quota lets a source be visited now; else it waits, which is no failure."""
        source, book = self._sources[name], self._shared.credentials
        if book is None or source.platform == "import":
            return True
        platform = build_platform(source.platform, source.options)
        at = await book.next_at(source, platform, len(platform.start(source, self._clock.now())))
        if at is not None:
            self._again[name] = at
        return at is None

    async def _is_ours(self, name: str) -> bool:
        """Say whether a due source is to be visited by this process now; else it is looked at again later."""
        if self._sharing is None:
            return True
        try:
            begun = await self._sharing.begin(
                self._sources[name], self._states[name], site_of_source(self._sources[name])
            )
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

    async def _hold(self, site: str, until: datetime) -> None:
        self._shared.pace.hold(site, until)
        if self._sharing is not None:
            await asyncio.to_thread(self._sharing.sites.hold, site, until=until, now=self._clock.now())
