"""One politeness budget per site, shared by all visits."""

import asyncio
import logging
from datetime import datetime, timedelta

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured

from crawlers.address import site_of
from domain.clock import Clock
from domain.errors import TingfengError
from domain.ports import SitePace

__all__ = ["DELAY", "PaceBook", "PaceMiddleware"]

logger = logging.getLogger(__name__)

DELAY = "tingfeng_delay"
"""Request meta key: seconds between two requests that the site's robots.txt asks for."""

_MAX_SITES = 20_000


class PaceBook:
    """When each site may be asked next, in domain time.

    Args:
        clock: Domain time.
        sites: Turns that several processes share; None = this one is alone.
    """

    def __init__(self, clock: Clock, sites: SitePace | None = None) -> None:
        self._clock = clock
        self._sites = sites
        self._alone = False
        self._next: dict[str, datetime] = {}
        self._held: dict[str, datetime] = {}

    async def wait(self, site: str, pace: timedelta) -> None:
        """Take the next turn at a site and wait until it comes; without a pace nobody is asked for one."""
        now = self._clock.now()
        turn = self._own_turn(site, pace, now)
        if self._sites is not None and pace > timedelta(0):
            turn = max(turn, await self._shared_turn(self._sites, site, pace, now))
        wait_s = self._clock.real_s(turn - now) if turn > now else 0.0
        if wait_s > 0:
            await asyncio.sleep(wait_s)

    async def _shared_turn(self, sites: SitePace, site: str, pace: timedelta, now: datetime) -> datetime:
        """Return the turn among all processes; while the store does not answer, `now`."""
        try:
            turn = await asyncio.to_thread(sites.turn, site, pace=pace, now=now)
        except TingfengError as err:
            if not self._alone:
                logger.warning("turns at sites are not shared for now error=%s", err)
            self._alone = True
            return now
        self._alone = False
        return turn

    def _own_turn(self, site: str, pace: timedelta, now: datetime) -> datetime:
        turn = max(now, self._next.get(site, now))
        if len(self._next) >= _MAX_SITES:
            self._next = {name: at for name, at in self._next.items() if at > now}
        self._next[site] = turn + pace
        return turn

    def hold(self, site: str, until: datetime) -> None:
        """Ask a site nothing before a moment, because it said so."""
        self._held[site] = max(until, self._held.get(site, until))

    def held_until(self, site: str) -> datetime | None:
        """Return until when a site is held; None = it is not."""
        until = self._held.get(site)
        if until is not None and until <= self._clock.now():
            del self._held[site]
            return None
        return until


class PaceMiddleware:
    """Waits for the site's turn as the last step before a request goes out."""

    def __init__(self, book: PaceBook, pace: timedelta) -> None:
        self._book = book
        self._pace = pace

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "PaceMiddleware":
        """Build it for the crawl's visit.

        Raises:
            NotConfigured: the crawl is no visit.
        """
        job = getattr(crawler.spider, "job", None)
        if job is None:
            raise NotConfigured
        return cls(job.shared.pace, job.pace)

    async def process_request(self, request: Request) -> None:
        """Wait for the turn; robots.txt itself does not wait."""
        if request.url.endswith("/robots.txt"):
            return
        asked = timedelta(seconds=request.meta.get(DELAY, 0.0))
        await self._book.wait(site_of(request.url), max(self._pace, asked))
