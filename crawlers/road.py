"""Runs a job as a bounded crawl inside the long-lived process."""

import asyncio
import logging
from typing import Any

from scrapy.crawler import AsyncCrawlerRunner

from crawlers.guard import CA_SETTING
from crawlers.job import Job
from crawlers.settings import scrapy_settings
from crawlers.spiders.visit import VisitSpider

__all__ = ["ScrapyRoad"]

logger = logging.getLogger(__name__)

_GRACE_S = 10.0


class ScrapyRoad:
    """Visits over HTTP; each visit is one crawl of its own."""

    def __init__(self) -> None:
        self._settings = scrapy_settings()
        for name in ("scrapy", "protego", "asyncio"):
            logging.getLogger(name).setLevel(logging.WARNING)

    async def visit(self, job: Job) -> None:
        """Do a job; its result is filled when this returns, also after the deadline."""
        runner = AsyncCrawlerRunner(self._settings | self._own(job))
        crawl = runner.crawl(VisitSpider, job=job)
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
