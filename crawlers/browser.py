"""Runs a job in a browser, for pages that are made by scripts."""

import asyncio
import logging
from typing import Any

from playwright.async_api import Error
from scrapy import Request
from scrapy.http import Response

from config.settings import CrawlSettings
from crawlers.address import Address
from crawlers.browser_engine import BrowserEngine, BrowserError
from crawlers.browser_page import RENDERED, Tab, shut
from crawlers.browser_proxy import FilterProxy
from crawlers.chromium import find_chromium
from crawlers.job import Job
from crawlers.link import origin
from crawlers.proxy import proxy_for
from crawlers.road import ScrapyRoad
from crawlers.spiders.visit import VisitSpider
from domain.outcome import FetchOutcome
from domain.secret import Secret

__all__ = ["BrowserRoad", "BrowserSpider", "cookies_of"]

logger = logging.getLogger(__name__)

_AGE_S = 6 * 3600.0
_HARD = 1.5
"""A browser that passes so many times its limit is ended while its visits are under way."""
_WEIGH_S = 1.0
_CLOSE_S = 3.0
_MAXSIZE = 8 << 20
_HANDLER = "crawlers.browser_page.BrowserHandler"


class BrowserSpider(VisitSpider):
    """Does one job of the scheduler in a browser."""

    name = "browser"
    tab: Tab

    async def _download(self, request: Request) -> Response:
        request.meta[RENDERED] = request.method == "GET"
        return await super()._download(request)


class BrowserRoad(ScrapyRoad):
    """Visits with Chromium: the same visit as over HTTP, but pages are rendered.

    Each visit has a context of its own, which is closed when it ends, and a proxy of its own, which is its only way
    out. The browser is started with the first visit, and afresh after so many visits, six hours, or when its memory
    passes the limit.

    Args:
        limits: Settings of the crawl.
        age_s: How long one browser serves, real seconds.
    """

    def __init__(self, limits: CrawlSettings, *, age_s: float = _AGE_S) -> None:
        super().__init__()
        self._limits, self._age_s = limits, age_s
        self._settings |= {
            "DOWNLOAD_HANDLERS": self._settings["DOWNLOAD_HANDLERS"] | {"http": _HANDLER, "https": _HANDLER}
        }
        self._engine: BrowserEngine | None = None
        self._retired: set[BrowserEngine] = set()
        self._starting = asyncio.Lock()
        self._watcher: asyncio.Task[None] | None = None
        self.started = 0
        """Browsers started so far."""

    async def visit(self, job: Job) -> None:
        """Do a job; its result is filled when this returns, also when the browser died meanwhile."""
        try:
            if not await self._try(job) and not await self._try(job):
                raise BrowserError("the browser ends as soon as it starts")
        except BrowserError as err:
            job.result.outcome, job.result.detail = FetchOutcome.ERROR, str(err)[:300]

    async def _try(self, job: Job) -> bool:
        """Do a job in the present browser; False = that was dead already, and nothing was begun."""
        engine = await self._take()
        try:
            return await self._visit_with(engine, job)
        finally:
            engine.active -= 1
            if engine.sick or (engine in self._retired and not engine.active):
                await self._end(engine)

    async def close(self) -> None:
        """End every browser."""
        if self._watcher is not None:
            self._watcher.cancel()
        for engine in [*self._retired, *([self._engine] if self._engine else [])]:
            await self._end(engine)

    async def _take(self) -> BrowserEngine:
        """Return a browser that may take one more visit.

        Raises:
            BrowserError: none can be started.
        """
        async with self._starting:
            engine = self._engine
            if engine is not None and (why := await asyncio.to_thread(self._worn, engine)):
                logger.info("browser is started afresh why=%s", why)
                self._engine = None
                self._retired.add(engine)
                if not engine.active:
                    await self._end(engine)
            if self._engine is None:
                self._engine = await self._start()
            self._engine.visits += 1
            self._engine.active += 1
            return self._engine

    async def _start(self) -> BrowserEngine:
        program = find_chromium(self._limits.browser)
        if program is None:
            raise BrowserError("no Chromium is found: install chromium, or name it in crawl.browser")
        engine = BrowserEngine(program)
        await engine.start()
        self.started += 1
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.create_task(self._watch(), name="weigh browser")
        return engine

    def _worn(self, engine: BrowserEngine) -> str:
        """Return why a browser takes no more visits; empty = it does."""
        if not engine.alive:
            return "it ended"
        if engine.visits >= self._limits.browser_visits:
            return f"{engine.visits} visits"
        if engine.age_s > self._age_s:
            return f"running for {engine.age_s / 3600:.1f} h"
        weight = engine.weigh()
        limit = self._limits.browser_memory_bytes
        return f"{weight / 1e6:.0f} MB of memory, limit {limit / 1e6:.0f} MB" if 0 < limit < weight else ""

    async def _watch(self) -> None:
        """End a browser that outgrows everything while its visits go on."""
        limit = self._limits.browser_memory_bytes * _HARD
        while True:
            await asyncio.sleep(_WEIGH_S)
            for engine in [*self._retired, *([self._engine] if self._engine else [])]:
                if await asyncio.to_thread(engine.weigh) > limit > 0:
                    logger.error("browser has grown out of bounds and is ended")
                    await self._end(engine)

    async def _end(self, engine: BrowserEngine) -> None:
        self._retired.discard(engine)
        if self._engine is engine:
            self._engine = None
        await engine.close()

    async def _visit_with(self, engine: BrowserEngine, job: Job) -> bool:
        network = job.shared.network
        proxy = FilterProxy(job.permit, lambda url: proxy_for(url, job.source, network), page_bytes=2 * _MAXSIZE)
        await proxy.start()
        context = None
        try:
            context = await engine.context(
                proxy={"server": proxy.address, "bypass": "<-loopback>"},
                user_agent=network.user_agent,
                locale="zh-CN",
                timezone_id="Asia/Shanghai",
                service_workers="block",
                accept_downloads=False,
                ignore_https_errors=not job.source.verify_tls,
                permissions=[],
            )
            if cookies := cookies_of(await job.cookie(), job.address):
                await context.add_cookies(cookies)  # type: ignore[arg-type]  # their type has no name outside
            tab = Tab(context, proxy, timeout_s=network.timeout.total_seconds(), maxsize=_MAXSIZE)
            await tab.open()
            await self._run(self._runner(job).crawl(BrowserSpider, job=job, tab=tab), job)
            engine.sick |= tab.stuck
            return True
        except Error:
            engine.sick = True
            return False
        finally:
            if context is not None and not await shut(context, _CLOSE_S):
                engine.sick = True
            await proxy.close()


def cookies_of(cookie: Secret | None, address: Address) -> list[dict[str, Any]]:
    """Return the operator's cookies, bound to the platform's own hosts, none of which shares them with a neighbour.

    Over a mirror they are bound to that instead. They go only with pages of those hosts: no other page can make the
    browser send them along (SameSite=Strict).
    """
    if cookie is None:
        return []
    base = address.base_url
    places = [base] if base is not None else [f"https://{host}/" for host in sorted(address.hosts)]
    pairs = [part.strip().partition("=") for part in cookie.reveal().replace("\r", "").replace("\n", "").split(";")]
    return [
        {
            "name": name.strip(),
            "value": value.strip(),
            "url": "{}://{}:{}/".format(*origin(place)) if base is not None else place,
            "httpOnly": True,
            "sameSite": "Strict",
        }
        for place in places
        for name, _, value in pairs
        if name.strip()
    ]
