"""Runs a job as a bounded crawl inside the long-lived process."""

import asyncio
import copy
import logging
from typing import Any, Self

from scrapy.crawler import AsyncCrawlerRunner
from scrapy.settings import Settings

from crawlers.guard import CA_SETTING
from crawlers.job import Job
from crawlers.settings import scrapy_settings
from crawlers.spiders.visit import VisitSpider

__all__ = ["ScrapyRoad"]

logger = logging.getLogger(__name__)

_GRACE_S = 10.0


class _SharedSettings(Settings):
    """Settings that are shared by the crawls of one runner instead of copied for each.

    The copy cost a third of what it takes to begin a visit (measured). What a crawl sets while it begins is the same
    for all crawls of a runner, and nothing may set anything once it runs.
    """

    def copy(self) -> Self:
        """Return settings of the same values, which can be frozen without freezing these."""
        return copy.copy(self)


class ScrapyRoad:
    """Visits over HTTP; each visit is one crawl of its own."""

    def __init__(self) -> None:
        self._settings = scrapy_settings()
        self._runners: dict[tuple[object, ...], AsyncCrawlerRunner] = {}
        for name in ("scrapy", "protego", "asyncio"):
            logging.getLogger(name).setLevel(logging.WARNING)
        logging.getLogger("scrapy.core.downloader").setLevel(logging.ERROR)

    async def visit(self, job: Job) -> None:
        """Do a job; its result is filled when this returns, also after the deadline."""
        await self._run(self._runner(job).crawl(VisitSpider, job=job), job)

    @staticmethod
    async def _run(crawl: "asyncio.Task[None]", job: Job) -> None:
        """Wait for a crawl until well after the visit's own deadline; then end it."""
        try:
            done, _ = await asyncio.wait({crawl}, timeout=job.deadline_s + _GRACE_S)
            if not done:
                logger.warning("visit did not end source=%s", job.source.name)
                crawl.cancel()
            else:
                await crawl
        finally:
            if not crawl.done():
                crawl.cancel()

    def _runner(self, job: Job) -> AsyncCrawlerRunner:
        """Return the runner for sources that need the same settings."""
        own = self._own(job)
        runner = self._runners.get(tuple(own.values()))
        if runner is None:
            runner = AsyncCrawlerRunner(_SharedSettings(self._settings | own))
            self._runners[tuple(own.values())] = runner
        return runner

    @staticmethod
    def _own(job: Job) -> dict[str, Any]:
        network = job.shared.network
        return {
            "ROBOTSTXT_OBEY": job.source.robots == "obey",
            "USER_AGENT": network.user_agent,
            "DOWNLOAD_TIMEOUT": network.timeout.total_seconds(),
            "DOWNLOAD_VERIFY_CERTIFICATES": job.source.verify_tls,
            CA_SETTING: network.ca,
            "CLOSESPIDER_TIMEOUT": job.deadline_s + _GRACE_S / 2,
        }
