"""The same pages read by a spider as Scrapy's own guide builds it, with Scrapy's default settings.

Its items hold what our posts hold. It runs as `scrapy crawl` runs it: it logs as Scrapy does by default and writes its
items to a file; or, `silent`, it logs and keeps nothing, so that it costs as little as Scrapy can.
"""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import scrapy
from scrapy.crawler import AsyncCrawlerRunner
from scrapy.http import Response
from scrapy.utils.log import configure_logging
from scrapy.utils.reactor import install_reactor
from w3lib.html import remove_tags, replace_entities

from tests.benchmarks.readers import FEEDS, PAGES, serve

__all__ = ["run"]

_DC = {"dc": "http://purl.org/dc/elements/1.1/"}


class ListSpider(scrapy.Spider):
    """Reads search pages of 20 posts."""

    name = "lists"
    bases: Sequence[str] = ()

    async def start(self) -> AsyncIterator[Any]:
        """Ask for the pages of every site."""
        for base in self.bases:
            for page in range(1, PAGES + 1):
                yield scrapy.Request(f"{base}/api/container/getIndex?containerid=100103&page={page}")

    def parse(self, response: Response) -> Iterator[dict[str, Any]]:
        """Yield the posts of a page."""
        for card in json.loads(response.text)["data"]["cards"]:
            blog = card.get("mblog")
            if blog is None:
                continue
            yield {
                "id": blog["mid"],
                "url": f"https://weibo.com/{blog['user']['id']}/{blog['bid']}",
                "text": replace_entities(remove_tags(blog["text"].replace("<br />", "\n"))).strip(),
                "author": blog["user"]["screen_name"],
                "author_id": str(blog["user"]["id"]),
                "followers": blog["user"]["followers_count"],
                "verified": blog["user"]["verified"],
                "published_at": datetime.strptime(blog["created_at"], "%a %b %d %H:%M:%S %z %Y").isoformat(),
                "likes": blog["attitudes_count"],
                "comments": blog["comments_count"],
                "shares": blog["reposts_count"],
            }


class FeedSpider(scrapy.Spider):
    """Reads feeds of 40 entries."""

    name = "feeds"
    bases: Sequence[str] = ()

    async def start(self) -> AsyncIterator[Any]:
        """Ask for the feeds of every site."""
        for base in self.bases:
            for number in range(FEEDS):
                yield scrapy.Request(f"{base}/rss/{number}")

    def parse(self, response: Response) -> Iterator[dict[str, Any]]:
        """Yield the entries of a feed."""
        site = response.xpath("//channel/title/text()").get()
        for entry in response.xpath("//item"):
            printed = entry.xpath("pubDate/text()").get()
            yield {
                "id": entry.xpath("guid/text()").get(),
                "url": entry.xpath("link/text()").get(),
                "title": entry.xpath("title/text()").get(),
                "text": replace_entities(remove_tags(entry.xpath("description/text()").get() or "")).strip(),
                "author": entry.xpath("dc:creator/text()", namespaces=_DC).get(),
                "site": site,
                "published_at": parsedate_to_datetime(printed).isoformat() if printed else None,
            }


def run(kind: str, bases: Sequence[str], folder: Path, *, silent: bool) -> None:
    """Serve rounds until standard input ends, on the reactor that Scrapy takes by default."""
    install_reactor("twisted.internet.asyncioreactor.AsyncioSelectorReactor")
    from twisted.internet import reactor
    from twisted.internet.defer import Deferred

    settings = {} if silent else {"FEEDS": {str(folder / "items.jsonl"): {"format": "jsonlines"}}}
    if not silent:
        configure_logging()

    async def work() -> tuple[int, int]:
        runner = AsyncCrawlerRunner(settings)
        crawler = runner.create_crawler(ListSpider if kind == "lists" else FeedSpider)
        await runner.crawl(crawler, bases=bases)
        stats = crawler.stats
        assert stats is not None
        return stats.get_value("response_received_count", 0), stats.get_value("item_scraped_count", 0)

    import asyncio

    async def all_rounds() -> None:
        try:
            await serve(work)
        finally:
            reactor.stop()

    reactor.callWhenRunning(lambda: Deferred.fromFuture(asyncio.ensure_future(all_rounds())))
    reactor.run()
