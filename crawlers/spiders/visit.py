"""The spider of a visit, and what `scrapy crawl NAME` runs."""

import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import scrapy

from config.settings import NetworkSettings, SourceSettings
from crawlers.address import address_of
from crawlers.errors import SourceError
from crawlers.extract import Extractor
from crawlers.job import Job, Shared
from crawlers.pace import PaceBook
from crawlers.plain import plain_post
from crawlers.platforms import build_platform
from crawlers.robots import RobotsBook
from crawlers.visit import Visit
from crawlers.wall import WallClock
from domain.mention import Post
from domain.secret import Secret

__all__ = ["ArticleSpider", "FeedSpider", "GdeltSpider", "SourceSpider", "VisitSpider", "WeiboSpider"]

logger = logging.getLogger(__name__)


class VisitSpider(scrapy.Spider):
    """Does one job of the scheduler; what it reads lies in the job's result."""

    name = "visit"
    job: Job

    def __init__(self, name: str | None = None, *, job: Job | None = None, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        if job is not None:
            self.job = job

    async def _download(self, request: scrapy.Request) -> scrapy.http.Response:
        engine = self.crawler.engine
        if engine is None:
            raise RuntimeError("the crawl has no engine yet")
        return await engine.download_async(request)

    async def start(self) -> AsyncIterator[Any]:
        """Do the visit; yields nothing, the job keeps the result."""
        if hasattr(self, "job"):
            try:
                await Visit(self.job, self._download).run()
            except Exception as err:  # border of one visit
                self.job.result.detail = f"internal error: {type(err).__name__}"
                logger.exception("visit crashed source=%s", self.job.source.name)
        for item in self.items():
            yield item

    def items(self) -> Iterator[dict[str, Any]]:
        """Return what the spider yields: nothing, the job keeps the result."""
        return iter(())


class SourceSpider(VisitSpider):
    """Visits one source that the command line describes and yields its posts."""

    name = ""
    platform = ""
    transport = "open"

    def __init__(self, name: str | None = None, *, url: str = "", query: str = "", **kwargs: Any) -> None:
        options = {
            key: str(kwargs.pop(key)) for key in ("base_url", "allow_internal", "cookie", "follow") if key in kwargs
        }
        super().__init__(name, **kwargs)
        cookie = options.get("cookie")
        source = SourceSettings(
            name=self.name,
            platform=self.platform,
            transport="cookie" if cookie else self.transport,
            url=url or None,
            base_url=options.get("base_url") or None,
            query=(query,) if query else (),
            follow=options.get("follow", "").lower() in ("1", "true", "yes"),
            cookie=Secret(cookie) if cookie else None,
        )
        self.job = _lone_job(source, tuple(options.get("allow_internal", "").split(",")))

    def items(self) -> Iterator[dict[str, Any]]:
        """Return each post as a plain object."""
        result = self.job.result
        self.logger.info("visited outcome=%s posts=%d detail=%s", result.outcome, len(result.posts), result.detail)
        self.job.shared.extractor.close()
        for post in result.posts:
            yield plain_post(post, with_site=True)


def _none_known(posts: Sequence[Post]) -> frozenset[str]:
    return frozenset()


def _lone_job(source: SourceSettings, allow_internal: tuple[str, ...]) -> Job:
    platform = build_platform(source.platform)
    if not platform.start(source, WallClock().now()):
        raise SourceError(source.name, "nothing to fetch; give -a query=WORD")
    clock = WallClock()
    network = NetworkSettings(allow_internal=tuple(pair for pair in allow_internal if pair))
    shared = Shared(
        clock=clock, network=network, pace=PaceBook(clock), robots=RobotsBook(clock), extractor=Extractor(workers=0)
    )
    address = address_of(source, platform.hosts, network)
    return Job(source=source, platform=platform, address=address, shared=shared, known=_none_known)


class FeedSpider(SourceSpider):
    """`scrapy crawl feed -a url=…`."""

    name = "feed"
    platform = "feed"


class ArticleSpider(SourceSpider):
    """`scrapy crawl article -a url=…`."""

    name = "article"
    platform = "article"


class WeiboSpider(SourceSpider):
    """`scrapy crawl weibo`: the hot list; with `-a cookie=… -a query=…` a search."""

    name = "weibo"
    platform = "weibo"


class GdeltSpider(SourceSpider):
    """`scrapy crawl gdelt -a query=…`."""

    name = "gdelt"
    platform = "gdelt"
