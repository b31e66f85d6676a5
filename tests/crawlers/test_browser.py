"""A real Chromium before local servers; skipped with a reason where there is none."""

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiohttp import web

from config.settings import CrawlSettings
from crawlers.chromium import find_chromium
from crawlers.job import Job, VisitResult
from domain.outcome import FetchOutcome as F
from domain.secret import Secret
from tests.crawlers.farm import Farm, farm
from tests.crawlers.pages import network, source
from tests.crawlers.visiting import entry, feed, job
from tests.tls import Authority

pytest.importorskip("scrapy_playwright", reason="scrapy-playwright is missing: pip install 'tingfeng[browser]'")
CHROMIUM = find_chromium(None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: install the package `chromium`"),
]

from crawlers.browser import BrowserRoad  # noqa: E402  # behind the skip

WORDS = "云杉咖啡门店停业自查，结果将公布。"
BY_SCRIPT = (
    "<html><head><meta charset='gbk'><title>题</title></head><body><article id='a'></article><script>"
    f"document.getElementById('a').innerHTML = '<p>{WORDS}</p>'.repeat(9)</script></body></html>"
)
HTML = {"Content_Type": "text/html; charset=utf-8"}


@pytest.fixture
async def site() -> AsyncIterator[Farm]:
    async with farm() as made:
        yield made


@pytest.fixture
async def road() -> AsyncIterator[BrowserRoad]:
    made = BrowserRoad(CrawlSettings())
    yield made
    await made.close()


def page(site: Farm, path: str = "/page", **more: Any) -> Job:
    net = more.pop("net", None) or network(site.pair, timeout=timedelta(seconds=8))
    own = source(platform="article", transport="browser", url=site.base + path, **more.pop("own", {}))
    return job(site, own, net=net, **{"deadline_s": 20.0, **more})


async def visit(road: BrowserRoad, work: Job) -> VisitResult:
    await road.visit(work)
    return work.result


def children(mark: str = "") -> list[psutil.Process]:
    """Return the processes below this one that live and have a word in their command."""
    found = []
    for each in psutil.Process().children(recursive=True):
        try:
            words = each.cmdline()
        except psutil.Error:
            continue
        if "resource_tracker" not in str(words) and (not mark or mark in words):
            found.append(each)
    return found


async def test_text_that_only_a_script_makes_is_read(site: Farm, road: BrowserRoad) -> None:
    site.robots("User-agent: *\nDisallow: /private")
    site.page("/page", BY_SCRIPT, **HTML)
    result = await visit(road, page(site))
    assert (result.outcome, result.detail) == (F.OK, "")
    assert WORDS in result.posts[0].text
    asked = [each for each in site.headers if each["path"] == "/page"]
    assert len(asked) == 1
    assert asked[0]["User-Agent"] == network().user_agent
    assert asked[0]["Accept-Language"].startswith("zh-CN")
    assert site.count("/robots.txt") == 1


async def test_robots_forbids_the_browser_too(site: Farm, road: BrowserRoad) -> None:
    site.robots("User-agent: *\nDisallow: /")
    site.page("/page", BY_SCRIPT, **HTML)
    result = await visit(road, page(site))
    assert (result.outcome, site.count("/page")) == (F.BLOCKED, 0)


@pytest.mark.parametrize("status", [403, 404, 429, 500])
async def test_status_and_headers_are_those_of_the_page(site: Farm, road: BrowserRoad, status: int) -> None:
    site.page("/page", "<html><body>no</body></html>", status, Retry_After="77", **HTML)
    result = await visit(road, page(site))
    meant = {403: F.BLOCKED, 404: F.GONE, 429: F.RATE_LIMITED, 500: F.ERROR}
    assert (result.outcome, result.retry_after_s) == (meant[status], 77.0)


async def test_feed_is_taken_as_it_came_and_its_links_are_rendered(site: Farm, road: BrowserRoad) -> None:
    site.page("/feed", feed(entry(site.base + "/a")), Content_Type="application/rss+xml")
    own = source(platform="feed", transport="browser", url=site.base + "/feed")
    result = await visit(road, job(site, own, net=network(site.pair, timeout=timedelta(seconds=8)), deadline_s=20.0))
    assert (result.outcome, [post.url for post in result.posts]) == (F.OK, [site.base + "/a"])


MOVES = {
    "redirect": (b"", 302, {"Location": "{to}"}),
    "script": ("<html><body><script>location.href = '{to}'</script></body></html>", 200, HTML),
    "late script": ("<html><body><script>setTimeout(() => location.assign('{to}'), 200)</script></body>", 200, HTML),
    "meta refresh": ("<html><head><meta http-equiv=refresh content='0;url={to}'></head></html>", 200, HTML),
}


@pytest.mark.parametrize("kind", MOVES)
async def test_every_move_is_judged_before_it_is_followed(site: Farm, road: BrowserRoad, kind: str) -> None:
    body, status, headers = MOVES[kind]

    def move(path: str, to: str) -> None:
        text = body if isinstance(body, bytes) else body.replace("{to}", to)
        site.page(path, text, status, **{name: value.replace("{to}", to) for name, value in headers.items()})

    site.robots("User-agent: *\nDisallow: /private")
    site.page("/end", BY_SCRIPT, **HTML)
    move("/page", "/end")
    assert (await visit(road, page(site))).outcome is F.OK
    for to, outcome in (
        ("https://passport.weibo.com/sso", F.LOGIN_REQUIRED),
        (f"{site.base}/captcha/x", F.CAPTCHA),
        ("/private", F.BLOCKED),
        ("/page2", F.ERROR),
        ("file:///etc/hostname", F.ERROR),
    ):
        move("/page", to)
        move("/page2", "/page3"), move("/page3", "/page2")
        result = await visit(road, page(site))
        assert (result.outcome, result.posts) == (outcome, []) or (to.startswith("file") and kind != "redirect"), to
    assert site.count("/private") == 0


async def test_page_may_load_itself_again_as_those_do_that_set_a_cookie(site: Farm, road: BrowserRoad) -> None:
    async def answer(request: web.Request) -> web.Response:
        again = "<html><script>document.cookie = 'seen=1'; location.reload()</script></html>"
        return web.Response(text=BY_SCRIPT if "seen" in request.cookies else again, content_type="text/html")

    site.pages["/page"] = answer
    result = await visit(road, page(site))
    assert (result.outcome, site.count("/page")) == (F.OK, 2)
    assert (await visit(road, page(site))).outcome is F.OK
    assert site.count("/page") == 4, "no cookie outlives its visit"


HANGING = {
    "no answer": None,
    "loop": "<html><body><p>x</p><script>while (true) {}</script></body></html>",
    "late loop": "<html><body><p>x</p><script>setTimeout(() => { while (true) {} }, 50)</script></body></html>",
    "script that never comes": "<html><body><p>x</p><script src='/never'></script></body></html>",
}


@pytest.mark.parametrize("kind", HANGING)
async def test_page_that_hangs_ends_and_the_next_visit_works(site: Farm, road: BrowserRoad, kind: str) -> None:
    async def never(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.Response()

    site.pages["/never"] = never
    body = HANGING[kind]
    if body is None:
        site.pages["/page"] = never
    else:
        site.page("/page", body, **HTML)
    net = network(site.pair, timeout=timedelta(seconds=1))
    began_s = asyncio.get_running_loop().time()
    result = await visit(road, page(site, net=net))
    assert (result.outcome, result.detail) == (F.ERROR, "127.0.0.1: no answer in time")
    assert asyncio.get_running_loop().time() - began_s < 40
    site.page("/good", BY_SCRIPT, **HTML)
    assert (await visit(road, page(site, "/good"))).outcome is F.OK


async def test_visit_ends_at_its_deadline(site: Farm, road: BrowserRoad) -> None:
    async def never(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.Response()

    site.page("/good", BY_SCRIPT, **HTML)
    await visit(road, page(site, "/good"))
    site.pages["/page"] = never
    began_s = asyncio.get_running_loop().time()
    result = await visit(road, page(site, deadline_s=2.0))
    assert (result.outcome, result.detail) == (F.ERROR, "ended after 2 s")
    assert asyncio.get_running_loop().time() - began_s < 12
    assert (await visit(road, page(site, "/good"))).outcome is F.OK


@pytest.mark.parametrize("victim", ["browser", "driver"])
async def test_browser_that_is_killed_is_started_again(site: Farm, road: BrowserRoad, victim: str) -> None:
    site.page("/page", BY_SCRIPT, **HTML)
    assert (await visit(road, page(site))).outcome is F.OK
    wanted = "run-driver" if victim == "driver" else "--remote-debugging-pipe"
    for each in children(wanted):
        os.kill(each.pid, signal.SIGKILL)
    assert (await visit(road, page(site))).outcome is F.OK
    assert road.started == 2
    assert len(children("run-driver")) == 1


async def test_browser_that_is_killed_during_a_visit_fails_that_visit_only(site: Farm, road: BrowserRoad) -> None:
    asked = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        asked.set()
        await asyncio.sleep(30)
        return web.Response()

    site.pages["/slow"] = slow
    site.page("/page", BY_SCRIPT, **HTML)
    visiting = asyncio.create_task(visit(road, page(site, "/slow")))
    await asked.wait()
    for each in children("--remote-debugging-pipe"):
        each.kill()
    result = await asyncio.wait_for(visiting, timeout=15)
    assert result.outcome is F.ERROR
    assert (await visit(road, page(site))).outcome is F.OK


async def test_a_dozen_visits_leave_no_process_no_handle_and_no_file(
    site: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(prefix="own") as own:  # other browsers on this machine come and go
        monkeypatch.setenv("TMPDIR", own)
        monkeypatch.setattr(tempfile, "tempdir", own)
        await a_dozen_visits(site)
        assert not [each.name for each in Path(own).iterdir() if "playwright" in each.name or "tingfeng" in each.name]


async def a_dozen_visits(site: Farm) -> None:
    site.page("/page", BY_SCRIPT, **HTML)
    site.page("/feed", feed(*(entry(f"{site.base}/{n}") for n in range(3))), Content_Type="text/xml")

    processes = len(children())
    road = BrowserRoad(CrawlSettings(browser_visits=4))
    await visit(road, page(site))
    handles = psutil.Process().num_fds()
    for number in range(11):
        result = await visit(road, page(site, "/none" if number % 5 == 4 else "/page"))
        assert result.outcome is (F.GONE if number % 5 == 4 else F.OK)
    assert road.started == 3, "it is started afresh after four visits"
    assert len(children("run-driver")) == 1
    engine = road._engine
    assert engine is not None
    assert engine._browser is not None
    assert engine._browser.contexts == []
    assert psutil.Process().num_fds() <= handles + 2
    await road.close()
    assert len(children()) == processes
    assert not [each for each in psutil.Process().children(recursive=True) if each.status() == psutil.STATUS_ZOMBIE]


async def test_browser_that_outgrows_its_memory_is_started_afresh(site: Farm) -> None:
    site.page("/page", BY_SCRIPT, **HTML)
    road = BrowserRoad(CrawlSettings())
    assert (await visit(road, page(site))).outcome is F.OK
    assert road._engine is not None
    road._limits = CrawlSettings(browser_memory_bytes=int(road._engine.weigh() * 0.85))
    assert (await visit(road, page(site))).outcome is F.OK
    assert road.started == 2
    await road.close()


async def test_page_that_eats_memory_is_ended_with_its_browser(site: Farm) -> None:
    greedy = (
        "<html><body><script>const a = []; function f() { a.push('x'.repeat(1e7) + Math.random()); "
        "for (let i = 0; i < 40; i++) a.push(new Uint8Array(5e6).fill(1)); setTimeout(f, 10) } f()</script></body>"
    )
    site.page("/page", greedy, **HTML)
    site.page("/good", BY_SCRIPT, **HTML)
    road = BrowserRoad(CrawlSettings(browser_memory_bytes=400_000_000))
    result = await visit(road, page(site))
    assert result.outcome is F.ERROR
    assert (await visit(road, page(site, "/good"))).outcome is F.OK
    await road.close()


async def test_page_larger_than_allowed_is_refused(site: Farm, road: BrowserRoad) -> None:
    grown = "<html><body><script>document.body.append('字'.repeat(3e6))</script></body></html>"
    lying = (
        "<html><body><script>document.body.append('字'.repeat(3e6)); "
        "Object.defineProperty(Element.prototype, 'outerHTML', {get: () => ''})</script></body></html>"
    )
    raw = b"x" * (9 << 20)
    for body, kind in ((grown, "text/html"), (lying, "text/html"), (raw, "application/json"), (raw, "text/html")):
        site.page("/page", body, Content_Type=kind)
        patient = network(site.pair, timeout=timedelta(seconds=40))  # a busy machine writes such a page for long
        result = await visit(road, page(site, net=patient, deadline_s=90.0))
        assert (result.outcome, "larger" in result.detail) == (F.ERROR, True), (kind, result.detail)


async def test_images_fonts_and_popups_are_not_loaded(site: Farm, road: BrowserRoad) -> None:
    more = (
        "<img src='/i.png'><video src='/v.mp4'></video><style>@font-face{font-family:x;src:url(/f.woff)}"
        "*{font-family:x; background:url(/b.png)}</style>"
        "<script>window.open('/popup'); open('/popup', '_blank', 'noopener')</script>"
        "<a id='l' href='/popup' target='_blank'>x</a><form id='f' action='/popup' target='_blank'></form>"
        "<script>l.click(); f.submit()</script><script src='/s.js'></script>"
    )
    site.page("/page", BY_SCRIPT.replace("</body>", more + "</body>"), **HTML)
    assert (await visit(road, page(site))).outcome is F.OK
    assert set(site.asked) == {"/robots.txt", "/page", "/s.js"}


async def test_cookie_goes_to_the_platforms_hosts_and_nowhere_else(road: BrowserRoad) -> None:
    async with farm() as own, farm() as other:
        note = "/explore/6a357a400000000001234567"
        more = f"<script src='/s.js'></script><script src='{other.base}/t.js'></script>"
        own.page(note, f"<html><body>{more}</body></html>", **HTML)
        where = source(
            platform="xiaohongshu", transport="browser", cookie=Secret("a=1; b=2"), base_url=own.base,
            url=f"https://www.xiaohongshu.com{note}?xsec_token=AB",
        )  # fmt: skip
        work = job(own, where, net=network(own.pair, other.pair, timeout=timedelta(seconds=8)), deadline_s=20.0)
        await road.visit(work)
        sent = {each["path"]: each.get("Cookie") for each in own.headers}
        assert (sent[note], sent["/s.js"]) == ("a=1; b=2", "a=1; b=2")
        assert other.asked == []


async def test_missing_program_is_an_error_of_the_source(site: Farm, tmp_path: Path) -> None:
    wrong = tmp_path / "chromium"
    wrong.write_text("#!/bin/sh\necho no >&2\nexit 3\n")
    wrong.chmod(0o755)
    road = BrowserRoad(CrawlSettings(browser=wrong))
    result = await visit(road, page(site))
    assert result.outcome is F.ERROR
    assert "does not start" in result.detail
    road = BrowserRoad(CrawlSettings(browser=tmp_path / "none"))
    assert "install chromium" in (await visit(road, page(site))).detail


async def test_visits_side_by_side_share_the_browser_and_nothing_else(site: Farm, road: BrowserRoad) -> None:
    async def answer(request: web.Request) -> web.Response:
        number = request.path[2:]
        again = f"<html><script>document.cookie = 'who={number}'; location.reload()</script></html>"
        found = BY_SCRIPT if request.cookies.get("who") == number else "<html><body>mixed</body></html>"
        return web.Response(text=found if request.cookies else again, content_type="text/html")

    for number in range(4):
        site.pages[f"/p{number}"] = answer
    results = await asyncio.gather(*(visit(road, page(site, f"/p{number}")) for number in range(4)))
    assert [result.outcome for result in results] == [F.OK] * 4
    assert road.started == 1


async def test_certificate_that_nobody_trusts_is_refused_unless_the_source_says_so(
    road: BrowserRoad, tmp_path: Path
) -> None:
    async with farm(Authority(tmp_path).server()) as site:
        site.page("/page", BY_SCRIPT, **HTML)
        base = site.base.replace("http:", "https:")
        for verify, outcome, detail in (
            (True, F.ERROR, "127.0.0.1: its certificate is not trusted"),
            (False, F.OK, ""),
        ):
            own = source(platform="article", transport="browser", url=base + "/page", verify_tls=verify)
            net = network(site.pair, timeout=timedelta(seconds=8))
            result = await visit(road, job(site, own, net=net, deadline_s=20.0))
            assert (result.outcome, result.detail) == (outcome, detail)


async def test_operators_proxy_is_used_for_everything(site: Farm, road: BrowserRoad) -> None:
    site.page("/page", BY_SCRIPT.replace("<article", "<script src='/s.js'></script><article"), **HTML)
    own = source(platform="article", transport="browser", url="http://news.example.org/page", proxy=site.base)
    result = await visit(road, job(site, own, net=network(timeout=timedelta(seconds=8)), deadline_s=20.0))
    assert (result.outcome, set(site.asked)) == (F.OK, {"/robots.txt", "/page", "/s.js"})
    assert {each["Host"] for each in site.headers} == {"news.example.org"}
