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

__all__ = [
    "ArticleSpider",
    "BaiduSpider",
    "BilibiliSpider",
    "DouyinSpider",
    "FeedSpider",
    "GdeltSpider",
    "HackerNewsSpider",
    "KuaishouSpider",
    "MastodonSpider",
    "RedditSpider",
    "RsshubSpider",
    "SitemapSpider",
    "SourceSpider",
    "TiebaSpider",
    "ToutiaoSpider",
    "V2exSpider",
    "VisitSpider",
    "WebsearchSpider",
    "WechatSpider",
    "WeiboSpider",
    "XiaohongshuSpider",
    "ZhihuSpider",
]

logger = logging.getLogger(__name__)

_ARGUMENTS = ("base_url", "allow_internal", "cookie", "token", "transport", "robots", "follow")


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
    """Visits one source that the command line describes and yields its posts.

    Every one takes `-a` with url, query, token, cookie, transport, base_url, allow_internal, robots and follow;
    a token means transport `official`, a cookie `cookie`, unless `transport` says otherwise.
    """

    name = ""
    platform = ""
    transport = "open"

    def __init__(self, name: str | None = None, *, url: str = "", query: str = "", **kwargs: Any) -> None:
        told = {key: str(kwargs.pop(key)) for key in _ARGUMENTS if key in kwargs}
        super().__init__(name, **kwargs)
        cookie, token = told.get("cookie"), told.get("token")
        robots = told.get("robots") or "obey"
        if robots not in ("obey", "override"):
            raise SourceError(self.name, f"robots is obey or override, not {robots[:20]!r}")
        source = SourceSettings(
            name=self.name,
            platform=self.platform,
            transport=told.get("transport") or ("cookie" if cookie else "official" if token else self.transport),
            url=url or None,
            base_url=told.get("base_url") or None,
            query=(query,) if query else (),
            follow=told.get("follow", "").lower() in ("1", "true", "yes"),
            robots="override" if robots == "override" else "obey",
            cookie=Secret(cookie) if cookie else None,
            token=Secret(token) if token else None,
        )
        self.job = _lone_job(source, tuple(told.get("allow_internal", "").split(",")))

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


class ArticleSpider(SourceSpider):
    """`scrapy crawl article`: one page: `-a url=…`."""

    name = platform = "article"


class BaiduSpider(SourceSpider):
    """`scrapy crawl baidu`: the top board; with `-a cookie=… -a query=…` news."""

    name = platform = "baidu"


class BilibiliSpider(SourceSpider):
    """`scrapy crawl bilibili`: words that people search for."""

    name = platform = "bilibili"


class DouyinSpider(SourceSpider):
    """`scrapy crawl douyin`: the hot list; with `-a token=… -a query=…` videos."""

    name = platform = "douyin"


class FeedSpider(SourceSpider):
    """`scrapy crawl feed`: `-a url=…`."""

    name = platform = "feed"


class GdeltSpider(SourceSpider):
    """`scrapy crawl gdelt`: `-a query=…`."""

    name = platform = "gdelt"


class HackerNewsSpider(SourceSpider):
    """`scrapy crawl hackernews`: `-a query=…`."""

    name = platform = "hackernews"


class KuaishouSpider(SourceSpider):
    """`scrapy crawl kuaishou`: the hot list."""

    name = platform = "kuaishou"


class MastodonSpider(SourceSpider):
    """`scrapy crawl mastodon`: `-a url=… -a query=…`."""

    name = platform = "mastodon"


class RedditSpider(SourceSpider):
    """`scrapy crawl reddit`: `-a query=…`."""

    name = platform = "reddit"


class RsshubSpider(SourceSpider):
    """`scrapy crawl rsshub`: `-a url=…`."""

    name = platform = "rsshub"


class SitemapSpider(SourceSpider):
    """`scrapy crawl sitemap`: `-a url=…`."""

    name = platform = "sitemap"


class TiebaSpider(SourceSpider):
    """`scrapy crawl tieba`: the hot list."""

    name = platform = "tieba"


class ToutiaoSpider(SourceSpider):
    """`scrapy crawl toutiao`: the hot list."""

    name = platform = "toutiao"


class V2exSpider(SourceSpider):
    """`scrapy crawl v2ex`: the latest topics."""

    name = platform = "v2ex"


class WebsearchSpider(SourceSpider):
    """`scrapy crawl websearch`: `-a token=… -a query=…`."""

    name = platform = "websearch"


class WechatSpider(SourceSpider):
    """`scrapy crawl wechat`: `-a query=…` or `-a url=…`."""

    name = platform = "wechat"


class WeiboSpider(SourceSpider):
    """`scrapy crawl weibo`: the hot list; with `-a cookie=… -a query=…` a search."""

    name = platform = "weibo"


class XiaohongshuSpider(SourceSpider):
    """`scrapy crawl xiaohongshu`: `-a cookie=… -a url=…`."""

    name = platform = "xiaohongshu"


class ZhihuSpider(SourceSpider):
    """`scrapy crawl zhihu`: the hot list."""

    name = platform = "zhihu"
