"""robots.txt through Scrapy's middleware, remembered across visits."""

import asyncio
import logging
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urljoin, urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK
from scrapy.robotstxt import RobotParser
from scrapy.utils.misc import build_from_crawler

from crawlers.guard import OWN
from crawlers.pace import DELAY
from domain.clock import Clock

__all__ = ["RobotsBook", "RobotsMiddleware", "RobotsRefusedError"]

logger = logging.getLogger(__name__)

_KEEP = timedelta(hours=1)
_MAX_BODY = 512_000
_MAX_HOPS = 5
_MAX_SITES = 5_000
_LONGEST_DELAY_S = 60.0


class RobotsRefusedError(IgnoreRequest):
    """A page was not fetched because of robots.txt."""

    def __init__(self, url: str, *, temporary: bool) -> None:
        super().__init__(f"robots.txt forbids {url[:200]}")
        self.temporary = temporary
        """The rules could not be read because the server failed; they may allow it later."""


@dataclass(frozen=True, slots=True)
class _Rules:
    """Rules of one site."""

    parser: RobotParser | None
    until: datetime
    failed: bool = False


class RobotsBook:
    """Rules by site, kept for an hour of domain time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rules: dict[str, _Rules] = {}
        self.locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        """One lock per site, so that its rules are fetched once."""

    def get(self, site: str) -> _Rules | None:
        """Return the rules of a site while they are fresh."""
        rules = self._rules.get(site)
        return rules if rules is not None and rules.until > self._clock.now() else None

    def put(self, site: str, parser: RobotParser | None) -> _Rules:
        """Keep the rules of a site; None = everything is allowed."""
        if len(self._rules) >= _MAX_SITES:
            self._rules.clear()
            self.locks.clear()
        rules = _Rules(parser, self._clock.now() + _KEEP)
        self._rules[site] = rules
        return rules

    def failed(self) -> _Rules:
        """Return the rules of a site whose server failed: nothing now, ask again next time."""
        return _Rules(None, self._clock.now(), failed=True)


class RobotsMiddleware(RobotsTxtMiddleware):
    """Scrapy's middleware over a shared book; each decision is logged."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        job: Any = getattr(crawler.spider, "job", None)
        self._book: RobotsBook = job.shared.robots
        self._source: str = job.source.name

    async def process_request(self, request: Request, spider: Any = None) -> None:
        """Refuse a page that robots.txt forbids.

        Raises:
            RobotsRefusedError: it is forbidden, or the server failed to give its rules.
        """
        if request.meta.get("dont_obey_robotstxt"):
            return
        rules = await self._rules_of(request)
        agent = self._robotstxt_useragent or self._default_useragent
        allowed = not rules.failed and (rules.parser is None or rules.parser.allowed(request.url, agent))
        decision = "allow" if allowed else "deny"
        logger.info("robots decision=%s url=%s source=%s", decision, request.url, self._source)
        delay = rules.parser.crawl_delay(agent) if rules.parser is not None else None
        if delay:
            request.meta[DELAY] = min(delay, _LONGEST_DELAY_S)
        if not allowed:
            raise RobotsRefusedError(request.url, temporary=rules.failed)

    async def _rules_of(self, request: Request) -> _Rules:
        parts = urlsplit(request.url)
        site = f"{parts.scheme}://{parts.netloc}"
        async with self._book.locks[site]:
            known = self._book.get(site)
            if known is not None:
                return known
            try:
                answer = await self._ask(f"{site}/robots.txt", request)
            except Exception as err:  # noqa: BLE001  # border of one visit: the page itself will show what is wrong
                logger.debug("robots unreachable site=%s error=%s", site, err)
                return _Rules(None, self._book._clock.now())
            if answer is None or 300 <= answer.status < 500:
                return self._book.put(site, None)
            if answer.status >= 500:
                return self._book.failed()
            body = answer.body[:_MAX_BODY]
            return self._book.put(site, build_from_crawler(self._parserimpl, self.crawler, body))

    async def _ask(self, url: str, request: Request) -> Response | None:
        """Fetch the rules over at most five redirects on the same host; None = there are none."""
        host = urlsplit(url).hostname
        for _ in range(_MAX_HOPS):
            meta = {"dont_obey_robotstxt": True, "proxy": request.meta.get("proxy"), OWN: request.meta.get(OWN)}
            ask = Request(url, priority=self.DOWNLOAD_PRIORITY, meta=meta, callback=NO_CALLBACK)
            answer = await self.crawler.engine.download_async(ask)
            location = answer.headers.get("Location")
            if not 300 <= answer.status < 400 or location is None:
                return answer
            url = urljoin(url, location.decode("latin-1"))
            if urlsplit(url).hostname != host:
                return None
        return None
