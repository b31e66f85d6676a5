"""Where a short link leads: each redirect is judged before the next is asked, and the target is not."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from scrapy import Request

from crawlers.failure import classify_failure
from crawlers.guard import OWN, check_address
from crawlers.job import Job
from crawlers.link import public_link
from crawlers.platforms._native import short_of
from crawlers.proxy import proxy_for
from crawlers.road import ScrapyRoad
from crawlers.spiders.visit import VisitSpider
from crawlers.text import unwrap
from crawlers.verdict import url_outcome
from domain.outcome import FetchOutcome

__all__ = ["HopRoad", "Trail"]

_HOPS = 5


@dataclass(slots=True, kw_only=True)
class Trail:
    """Where a link has led so far; filled on the way."""

    link: str
    """The link, then where it leads."""
    outcome: FetchOutcome = FetchOutcome.OK
    """ok = `link` is no short link any more."""
    detail: str = ""
    """What was seen where it is not; at most 300 characters."""


class HopRoad(ScrapyRoad):
    """Follows short links through the crawl's guard, robots and pace."""

    async def follow(self, job: Job, trail: Trail) -> None:
        """Follow a short link over at most five redirects; `trail` is filled when this returns."""
        await self._run(self._runner(job).crawl(_HopSpider, job=job, trail=trail), job)


class _HopSpider(VisitSpider):
    """Follows one link; it yields nothing."""

    name = "hop"

    def __init__(self, name: str | None = None, *, trail: Trail, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self._trail = trail

    async def start(self) -> AsyncIterator[Any]:
        """Follow the link."""
        try:
            async with asyncio.timeout(self.job.deadline_s):
                await self._follow()
        except TimeoutError:
            self._end(FetchOutcome.ERROR, f"ended after {self.job.deadline_s:g} s")
        for item in self.items():
            yield item

    def _end(self, outcome: FetchOutcome, detail: str) -> None:
        self._trail.outcome, self._trail.detail = outcome, detail[:300]

    async def _follow(self) -> None:
        for _ in range(_HOPS):
            if short_of(self._trail.link) is None:
                return
            if not await self._hop():
                return
        if short_of(self._trail.link) is not None:
            self._end(FetchOutcome.ERROR, "too many redirects")

    async def _hop(self) -> bool:
        """Ask a short link where it leads; False = that is known now, or will not be."""
        url, trail = self._trail.link, self._trail
        meta = {OWN: False, "proxy": proxy_for(url, self.job.source, self.job.shared.network)}
        try:
            check_address(url, self.job.permit, own=False)
            raw = await self._download(Request(url, meta=meta, dont_filter=True))
        except Exception as err:  # noqa: BLE001  # border of one fetch, classified and logged there
            failure = classify_failure(err, url)
            self._end(failure.outcome, failure.detail)
            return False
        location = (raw.headers.get("Location") or b"").decode("latin-1")
        if not 300 <= raw.status < 400 or not location:
            gone = raw.status in (404, 410)
            self._end(FetchOutcome.GONE if gone else FetchOutcome.PARSE_ERROR, f"it leads nowhere: HTTP {raw.status}")
            return False
        target = _target(url, location)
        verdict = url_outcome(target) if target else FetchOutcome.ERROR
        if target is None or verdict is not None:
            self._end(verdict or FetchOutcome.ERROR, "it leads to a login or captcha page, or to no link")
            return False
        trail.link = target
        return True


def _target(url: str, location: str) -> str | None:
    try:
        return public_link(unwrap(urljoin(url, location[:4_096])))
    except ValueError:
        return None
