"""Hostile servers before the real crawl: every case has its outcome, and nothing inside hears of it."""

import asyncio
import gzip
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from config.settings import SourceSettings
from crawlers.evidence import EvidenceBox, evidence_name
from crawlers.intake import take_in
from domain.outcome import Drop
from domain.outcome import FetchOutcome as F
from domain.secret import Secret
from tests.crawlers.farm import Farm
from tests.crawlers.pages import network, source
from tests.crawlers.visiting import T, entry, feed, job, shared, visit
from tests.hostile.cases import NOTE, Answer, Case, answers
from tests.hostile.clean import assert_clean
from tests.hostile.inside import FILES, INSIDE, Canary

PLATFORMS = {
    "feed": "/feed", "article": "/page", "gdelt": "/api/v2/doc/doc", "weibo": "/api/container/getIndex",
    "hackernews": "/api/v1/search_by_date", "v2ex": "/api/topics/latest.json", "mastodon": "/api/v1/timelines/public",
    "reddit": "/search.rss", "sitemap": "/sitemap.xml", "rsshub": "/weibo/keyword/x", "wechat": "/weixin",
    "xiaohongshu": f"/explore/{NOTE}", "websearch": "/api/paas/v4/web_search",
    "bilibili": "/main/hotword", "zhihu": "/api/v3/feed/topstory/hot-list-web", "baidu": "/board",
    "tieba": "/hottopic/browse/topicList", "toutiao": "/hot-event/hot-board/",
    "douyin": "/aweme/v1/web/hot/search/list/", "kuaishou": "/",
}  # fmt: skip
"""Path that each platform asks."""
NEVER_ASKED = {
    "import": "reads files, fetches nothing",
    "heimao": "its search wants a signature and a login",
}
"""Platforms that no settings make ask for anything, and why."""
BY_URL = frozenset({"feed", "article", "mastodon", "sitemap", "rsshub"})
SEARCHED = frozenset({"gdelt", "weibo", "hackernews", "reddit", "wechat", "websearch"})
POSTED = frozenset({"websearch"})
"""Platforms asked with POST, which follows no redirect."""
WITH_COOKIE = frozenset({"weibo", "xiaohongshu"})
HOT_LISTS = frozenset({"bilibili", "zhihu", "tieba", "baidu", "toutiao", "douyin", "kuaishou"})
ANY_PAGE = frozenset({"wechat", "baidu", "kuaishou"})
"""Platforms that take anything for a page, and miss in it what they look for."""
KNOWN_BY_WORDS = HOT_LISTS | {"wechat"}
"""Platforms whose lists give no id: entries with other words are others."""
SERVED = {platform: answers(platform) for platform in PLATFORMS}
BAD, STRANGE = frozenset({F.PARSE_ERROR}), frozenset({F.SCHEMA_ERROR})
TOO_LARGE = (Case.GZIP_BOMB, Case.HUGE)
OUTCOMES: dict[tuple[str, Case], frozenset[F]] = {
    **{(platform, case): frozenset({F.ERROR}) for platform in PLATFORMS for case in TOO_LARGE},
    **{(platform, Case.ZIP_BOMB): BAD for platform in PLATFORMS},
    **{(platform, Case.DEEP_JSON): BAD for platform in set(PLATFORMS) - {"article"}},
    **{(platform, Case.ZIP_BOMB): STRANGE for platform in ANY_PAGE},
    **{(platform, Case.DEEP_JSON): STRANGE for platform in ("wechat", "baidu")},
    ("article", Case.NUL): BAD,
    ("article", Case.TAGS): BAD,
}
ALWAYS = ("feed", "article", "gdelt", "weibo")
"""Platforms of each road, which also the fast tests try with what no parser sees."""
TRIED = [pytest.param(p, marks=() if p in ALWAYS else pytest.mark.slow, id=p) for p in PLATFORMS]
MOVING = (Case.ENDLESS, Case.DRIP, Case.REDIRECT_LOOP, Case.REDIRECT_INSIDE, Case.DNS_INSIDE, Case.FILE_URL)


def of(platform: str, site: Farm) -> SourceSettings:
    if platform in BY_URL:
        return source(platform=platform, url=site.base + PLATFORMS[platform])
    more: dict[str, Any] = {"query": ("云杉咖啡",)} if platform in SEARCHED else {}
    if platform in WITH_COOKIE:
        more |= {"transport": "cookie", "cookie": Secret("SUB=x")}
    if platform == "websearch":
        more |= {"transport": "official", "token": Secret("key-of-nobody")}
    if platform == "xiaohongshu":
        more["url"] = f"https://www.xiaohongshu.com{PLATFORMS[platform]}?xsec_token=AB"
    return source(platform=platform, base_url=site.base, **more)


def serve(site: Farm, platform: str, answer: Answer) -> None:
    headers: dict[str, Any] = {"Content_Type": "text/html"}
    headers |= {name.replace("-", "_"): value for name, value in answer.headers}
    site.page(PLATFORMS[platform], answer.body, **headers)


@pytest.mark.parametrize(
    ("platform", "case"),
    [
        pytest.param(p, c, marks=() if p in ALWAYS else pytest.mark.slow, id=f"{p}-{c.value}")
        for p, served in SERVED.items()
        for c in served
    ],
)
async def test_every_answer_has_its_outcome_and_clean_posts(
    site: Farm, canary: Canary, platform: str, case: Case, tmp_path: Path
) -> None:
    answer = SERVED[platform][case]()
    serve(site, platform, answer)
    with_ = shared(network(site.pair))
    box = EvidenceBox(tmp_path, with_.clock)
    own = of(platform, site)
    result = await visit(job(site, own, with_=replace(with_, evidence=box)))
    assert result.outcome in OUTCOMES.get((platform, case), frozenset({F.OK})), result.detail
    assert len(result.detail) <= 300
    assert site.count(PLATFORMS[platform]) == 1
    for post in result.posts:
        assert_clean(post)
        assert "root:" not in post.text
    if result.outcome is F.OK:
        intake = take_in(result.posts, own, T, backfill=False)
        assert intake.mentions
        assert all(each.event_at <= T and (each.post.published_at or T) <= T for each in intake.mentions)
        if case is Case.DUPLICATE_ID and platform != "article":
            assert result.drops[Drop.DUPLICATE_IN_BATCH] == 1
        if case is Case.COLLIDING_ID:
            assert len(intake.mentions) == (2 if platform in {"feed", *KNOWN_BY_WORDS} else 1)
    elif case not in TOO_LARGE:
        kept = (tmp_path / evidence_name(own.name, result.outcome or F.ERROR)).read_bytes()
        assert gzip.decompress(kept) == answer.body[:1_000_000]


@pytest.mark.slow
@pytest.mark.parametrize("platform", PLATFORMS)
async def test_endless_and_dripping_answers_end(site: Farm, platform: str) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(1_000):
            await response.write(b"x" * 100_000)
        return response

    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(200):
            await response.write(b"<")
            await asyncio.sleep(0.02)
        return response

    for case, page, words in ((Case.ENDLESS, endless, "larger"), (Case.DRIP, drip, "no answer in time")):
        site.pages[PLATFORMS[platform]] = page
        net = network(site.pair, timeout=timedelta(seconds=0.6))
        result = await visit(job(site, of(platform, site), net=net))
        assert (result.outcome, words in result.detail) == (F.ERROR, True), (case, result.detail)


@pytest.mark.parametrize("platform", TRIED)
async def test_redirects_that_circle_end(site: Farm, platform: str) -> None:
    path = PLATFORMS[platform]
    site.page(path, b"", 302, Location=path + "?again")
    result = await visit(job(site, of(platform, site)))
    told, times = ("redirected, which a POST does not follow", 1) if platform in POSTED else ("too many redirects", 6)
    assert (result.outcome, result.detail) == (F.ERROR, told)
    assert site.count(path) == times


@pytest.mark.usefixtures("lying_dns")
@pytest.mark.parametrize("platform", TRIED)
async def test_redirects_reach_nothing_inside_in_any_spelling(site: Farm, canary: Canary, platform: str) -> None:
    path = PLATFORMS[platform]
    for spelling in (*INSIDE, *FILES):
        site.page(path, b"", 302, Location=spelling.format(port=canary.port))
        result = await visit(job(site, of(platform, site)))
        # A backslash makes it a page of the site itself, which is not there.
        assert result.outcome is (F.GONE if "\\" in spelling and platform in BY_URL else F.ERROR), spelling
        assert result.posts == [], spelling


@pytest.mark.usefixtures("lying_dns")
async def test_links_in_a_feed_lead_to_nothing_inside(site: Farm, canary: Canary) -> None:
    links = [spelling.format(port=canary.port) for spelling in (*INSIDE, *FILES)]
    site.page("/feed", feed(*(entry(link, title=f"题{n}") for n, link in enumerate(links))))
    own = source(url=site.base + "/feed", follow=True)
    result = await visit(job(site, own, deadline_s=20.0))
    assert result.outcome is F.OK
    assert result.followed.keys() <= {F.ERROR, F.PARSE_ERROR, F.GONE}
    assert result.followed[F.ERROR] >= 15
    assert "/etc/hostname" not in str(result.posts)


async def test_one_bad_entry_loses_no_other(site: Farm) -> None:
    bad = ("<item/>", "<item><title>\0\x1b</title></item>", "<item><link>javascript:x</link></item>")
    site.page("/feed", feed(entry("https://a.cn/1"), *bad, entry("https://a.cn/2")))
    result = await visit(job(site))
    assert [post.url for post in result.posts] == ["https://a.cn/1", "https://a.cn/2"]
    assert result.drops[Drop.NO_ID] == 3


ROBOTS: dict[str, tuple[bytes, bool]] = {
    "binary": (b"\xff\xfe\0\0" * 1_000, True),
    "stars": (b"User-agent: *\nDisallow: /" + b"*a" * 100_000, True),
    "many-rules": (b"User-agent: *\n" + b"Disallow: /x*y*z\n" * 30_000, True),
    "one-line": (b"Disallow: " + b"/" * 5_000_000, True),
    "deny": (b"User-agent: *\nDisallow: /", False),
    "delay": (b"User-agent: *\nCrawl-delay: 1e308\nCrawl-delay: nan\nDisallow:", True),
    "html": (b"<html>" + b"<div>" * 100_000, True),
    "gzip-bomb": (SERVED["feed"][Case.GZIP_BOMB]().body, True),
}


@pytest.mark.parametrize("name", ROBOTS)
async def test_robots_of_any_kind_is_survived(site: Farm, name: str) -> None:
    body, allowed = ROBOTS[name]
    encoded: dict[str, Any] = {"Content_Encoding": "gzip"} if name == "gzip-bomb" else {}
    site.page("/robots.txt", body, **encoded)
    site.page("/feed", feed(entry("https://a.cn/1")))
    result = await visit(job(site))
    if name != "delay":
        assert (result.outcome is F.OK) is allowed, result.detail
    assert result.outcome in {F.OK, F.BLOCKED, F.ERROR}


@pytest.mark.usefixtures("lying_dns")
async def test_robots_redirected_inside_reaches_nothing(site: Farm, canary: Canary) -> None:
    site.page("/feed", feed(entry("https://a.cn/1")))
    for spelling in (*INSIDE, *FILES):
        site.page("/robots.txt", b"", 302, Location=spelling.format(port=canary.port))
        assert (await visit(job(site))).outcome in {F.OK, F.ERROR}
