"""Visits to pages: what is asked, and what is taken in of the answers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from config.settings import Settings, SourceSettings
from crawlers.address import address_of, site_of_source
from crawlers.base import Fetch
from crawlers.canary import is_canary
from crawlers.completed import CompletedPosts
from crawlers.errand import Errand
from crawlers.findings import canary_finding, finding_of
from crawlers.harvest import Harvest
from crawlers.job import Job, Shared, VisitResult
from crawlers.ledger import Finding
from crawlers.platforms import build_platform
from crawlers.remedy import CUT
from domain.clock import Clock
from domain.ports import TrendBook, VisitStore
from domain.source import VisitState

__all__ = ["PageVisits", "Road"]

logger = logging.getLogger(__name__)


class Road(Protocol):
    """How a job is done; the real one is `crawlers.road.ScrapyRoad`."""

    async def visit(self, job: Job) -> None:
        """Do a job and fill its result."""
        ...


class PageVisits:
    """Visits sources, their canaries and errands.

    Args:
        settings: Everything the installation is told.
        shared: What all visits of the process share.
        road: How a job is done; None = over HTTP with Scrapy.
        harvest: Takes posts in.
        visits: Where the state of sources is kept.
        states: The states of all sources by name; pages that wait to be read are noted there before posts are taken in.
        clock: Domain time.
        hold: Leaves a site alone until a moment, in all processes.
        trends: Where lines of hot lists are noted; None = nowhere.
    """

    def __init__(
        self,
        settings: Settings,
        shared: Shared,
        road: Road | None,
        *,
        harvest: Harvest,
        visits: VisitStore,
        states: dict[str, VisitState],
        clock: Clock,
        hold: Callable[[str, datetime], Awaitable[None]],
        trends: TrendBook | None = None,
    ) -> None:
        self._settings = settings
        self._shared = shared
        self._road = road or _scrapy_road()
        self._harvest = harvest
        self._visits = visits
        self._states = states
        self._clock = clock
        self._hold = hold
        self._trends = trends
        self._completed = CompletedPosts()
        self._broken_off: set[str] = set()

    async def look(self, source: SourceSettings, state: VisitState, begun: datetime) -> Finding:
        """Visit a source and take in what is new; of a canary's visit only what it came to counts.

        Args:
            source: The source.
            state: Its state.
            begun: When the visit began, UTC.
        """
        job = self._job(source, state)
        if is_canary(source):  # what it finds is counted: nothing is asked behind it
            job.known = lambda posts: frozenset(post.native_id for post in posts)
            await self._road.visit(job)
            return canary_finding(job.result, begun=begun, clock=self._clock, interval=self._settings.crawl.canary)
        await self._road.visit(job)
        return await self._take_in(source, state, job.result, begun)

    async def run_errand(self, errand: Errand, state: VisitState) -> VisitResult:
        """Make the visit of an errand and take in what it brings.

        Args:
            errand: The errand.
            state: State of the source whose road it uses.
        """
        source = errand.source
        job = self._job(source, state, fetches=errand.fetches, deep=errand.deep)
        if not errand.keep:  # its book wants to see what is there, be it known or not
            job.known = lambda posts: frozenset()
        await self._road.visit(job)
        if errand.keep and job.result.posts:
            await asyncio.to_thread(self._harvest.append, source, errand.carry(job.result.posts), errand.backfill)
        return job.result

    def _job(
        self, source: SourceSettings, state: VisitState, *, fetches: tuple[Fetch, ...] = (), deep: bool = False
    ) -> Job:
        platform = build_platform(source.platform, source.options)
        return Job(
            source=source,
            platform=platform,
            address=address_of(source, platform.hosts, self._settings.network),
            shared=self._shared,
            known=lambda posts: self._harvest.known(source, posts),
            etag=None if fetches else state.etag,
            last_modified=None if fetches else state.last_modified,
            completed=self._completed,
            pending=() if fetches else state.pending,
            fetches=fetches,
            deep=deep or source.name in self._broken_off,
            deadline_s=self._settings.crawl.visit_deadline.total_seconds(),
        )

    async def _take_in(
        self, source: SourceSettings, state: VisitState, result: VisitResult, begun: datetime
    ) -> Finding:
        self._broken_off.discard(source.name)
        if result.unread:
            self._broken_off.add(source.name)
        fresh = tuple(each for each in result.pending if each not in state.pending)
        if fresh:  # before the append makes their entries known: after a crash a page is read twice, not never
            state = self._states[source.name] = replace(state, pending=state.pending + fresh)
            await asyncio.to_thread(self._visits.save, state)
        new, drops = await asyncio.to_thread(self._harvest.append, source, result.posts, state.first_visit_at is None)
        if self._trends is not None and result.trends:
            await asyncio.to_thread(self._trends.add, source.name, source.platform, result.trends, self._clock.now())
        result.drops.update(drops)
        self._states[source.name] = replace(state, pending=tuple(result.pending))
        self._completed.add(result.completed)
        if result.cut and state.first_visit_at is not None and not result.detail:
            logger.warning("visit cut short source=%s pages=%d posts=%d", source.name, result.pages, result.seen)
            result.detail = CUT
        found = finding_of(result, begun=begun, new=new, clock=self._clock)
        if found.retry_after is not None:
            await self._hold(site_of_source(source), found.ended_at + found.retry_after)
        return found


def _scrapy_road() -> Road:
    from crawlers.road import ScrapyRoad

    return ScrapyRoad()
