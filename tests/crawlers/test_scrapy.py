"""Scrapy's own side: defaults that are dangerous, spiders that must start, `scrapy crawl`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import scrapy
from scrapy.crawler import AsyncCrawlerRunner

from crawlers.errors import SourceError
from crawlers.platforms import platform_specs
from crawlers.road import _SharedSettings
from crawlers.settings import scrapy_settings
from crawlers.spiders import visit as spiders
from crawlers.wall import WallClock
from tests.crawlers.farm import farm
from tests.crawlers.visiting import entry, feed

REPOSITORY = Path(__file__).resolve().parent.parent.parent


def classes() -> list[type[scrapy.Spider]]:
    found = [getattr(spiders, name) for name in spiders.__all__]
    return [each for each in found if issubclass(each, scrapy.Spider)]


def test_no_spider_defines_what_scrapy_no_longer_calls() -> None:
    for spider in classes():
        assert not hasattr(spider, "start_requests"), spider
        assert "start" in {name for base in spider.__mro__[:-2] for name in vars(base)}


def test_dangerous_defaults_are_off() -> None:
    settings = scrapy_settings()
    assert settings["REMOTE_CONTROL_ENABLED"] is False
    assert settings["TELNETCONSOLE_ENABLED"] is False
    assert settings["DOWNLOAD_VERIFY_CERTIFICATES"] is True
    assert settings["ROBOTSTXT_OBEY"] is True
    assert settings["METAREFRESH_ENABLED"] is False
    assert settings["DOWNLOAD_MAXSIZE"] == 8 << 20
    assert {scheme for scheme, handler in settings["DOWNLOAD_HANDLERS"].items() if handler} == {"http", "https"}
    assert 429 not in settings["RETRY_HTTP_CODES"]


async def test_every_crawl_of_a_runner_begins_with_the_same_settings() -> None:
    kept = _SharedSettings(scrapy_settings() | {"DOWNLOADER_MIDDLEWARES": {}})
    runner = AsyncCrawlerRunner(kept)
    seen = []
    for _ in range(3):
        crawler = runner.create_crawler(spiders.VisitSpider)
        await runner.crawl(crawler)
        assert crawler.settings.frozen and not kept.frozen
        seen.append(kept.copy_to_dict())
    assert seen[0] == seen[1] == seen[2]


async def test_spider_yields_posts_of_one_source() -> None:
    async with farm() as site:
        site.page("/feed", feed(entry("https://a.cn/1")))
        items: list[dict[str, object]] = []
        runner = AsyncCrawlerRunner(scrapy_settings())
        crawler = runner.create_crawler(spiders.FeedSpider)
        crawler.signals.connect(lambda item: items.append(item), scrapy.signals.item_scraped, weak=False)
        await runner.crawl(crawler, url=site.base + "/feed", allow_internal=site.pair)
    assert [(item["url"], item["site"]) for item in items] == [("https://a.cn/1", "站")]


async def test_visit_without_a_job_does_nothing() -> None:
    runner = AsyncCrawlerRunner(scrapy_settings() | {"DOWNLOADER_MIDDLEWARES": {}})
    await runner.crawl(spiders.VisitSpider)


@pytest.mark.parametrize(("name", "words"), [("gdelt", "give -a query=WORD"), ("feed", "needs `url`")])
def test_command_without_its_arguments_says_what_is_missing(name: str, words: str) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "scrapy", "crawl", name], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert made.returncode != 0
    assert words in made.stderr


def test_command_lists_the_spiders() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "scrapy", "list"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert _VISITABLE <= set(made.stdout.split())


_VISITABLE = set(platform_specs()) - {"import", "heimao"}
"""All platforms but the two that are read from files only."""


def test_each_platform_that_is_visited_has_a_spider_of_its_name() -> None:
    made = {each.name: each for each in classes() if issubclass(each, spiders.SourceSpider) and each.name}
    assert set(made) == _VISITABLE
    assert all(each.platform == name for name, each in made.items())


@pytest.mark.parametrize(
    ("spider", "told", "transport", "header"),
    [
        (spiders.HackerNewsSpider, {"query": "xinglan"}, "open", None),
        (spiders.WeiboSpider, {"query": "云杉", "cookie": "SUB=planted"}, "cookie", "SUB=planted"),
        (spiders.DouyinSpider, {"query": "云杉", "token": "planted"}, "official", "planted"),
        (spiders.WeiboSpider, {"query": "云杉", "token": "planted", "transport": "official"}, "official", "planted"),
    ],
)
async def test_spider_asks_as_it_is_told(
    spider: type[spiders.SourceSpider], told: dict[str, str], transport: str, header: str | None
) -> None:
    async with farm() as site:
        runner = AsyncCrawlerRunner(scrapy_settings())
        crawler = runner.create_crawler(spider)
        await runner.crawl(crawler, base_url=site.base, allow_internal=site.pair, **told)
        assert isinstance(crawler.spider, spiders.SourceSpider)
        assert crawler.spider.job.source.transport == transport
        asked = [headers for headers in site.headers if not headers["path"].endswith("robots.txt")]
    assert asked
    if header is not None:
        assert any(header in str(value) for value in asked[0].values()) or header in str(asked[0])


def test_spider_refuses_an_unknown_way_with_robots() -> None:
    with pytest.raises(SourceError, match="obey or override"):
        spiders.FeedSpider(url="https://a.cn/f", robots="ignore")


async def test_command_writes_posts(tmp_path: Path) -> None:
    import asyncio

    async with farm() as site:
        site.page("/feed", feed(entry("https://a.cn/1")))
        arguments = ("crawl", "feed", "-a", f"url={site.base}/feed", "-a", f"allow_internal={site.pair}")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "scrapy", *arguments, "-O", str(tmp_path / "out.json"), cwd=REPOSITORY,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert await process.wait() == 0
    (item,) = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert item["url"] == "https://a.cn/1"


def test_wall_clock_is_real_time() -> None:
    clock = WallClock()
    assert clock.now().tzinfo is not None
    assert clock.real_s(clock.span(3.0)) == 3.0
    assert clock.real_s(clock.span(-3.0)) == 0.0
