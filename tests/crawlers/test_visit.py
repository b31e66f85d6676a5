import asyncio
import contextlib
import gzip
import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from crawlers.completed import CompletedPosts
from crawlers.merge import merge_page, merge_text
from crawlers.platforms.feed import FeedSettings
from crawlers.visit import FOLLOWED
from domain.outcome import FetchOutcome as F
from domain.secret import Secret
from tests.crawlers.farm import Farm, farm
from tests.crawlers.pages import network, parse, source
from tests.crawlers.visiting import article, entry, feed, job, shared, visit

HOT = {
    "ok": 1,
    "data": {"realtime": [{"word": "云杉咖啡喝出异物", "num": 5, "onboard_time": 1781935331, "label_name": "爆"}]},
}


@pytest.fixture
async def site() -> AsyncIterator[Farm]:
    async with farm() as made:
        yield made


# --- what comes back -----------------------------------------------------------------------------------------


async def test_feed_is_read_and_its_tags_are_kept(site: Farm) -> None:
    site.page("/feed", feed(entry("https://a.cn/1")), ETag='"v1"', Last_Modified="Sat, 20 Jun 2026 07:00:00 GMT")
    result = await visit(job(site))
    assert (result.outcome, len(result.posts), result.pages, result.seen) == (F.OK, 1, 1, 1)
    assert (result.etag, result.last_modified) == ('"v1"', "Sat, 20 Jun 2026 07:00:00 GMT")
    assert site.headers[-1]["Accept-Language"].startswith("zh-CN")
    assert site.headers[-1]["User-Agent"].startswith("Tingfeng/")


async def test_mislabelled_gbk_feed_is_read(site: Farm) -> None:
    body = feed(entry("https://a.cn/1", text="镕基路门店")).encode("gb18030")
    site.page("/feed", body, Content_Type="text/xml; charset=utf-8")
    assert (await visit(job(site))).posts[0].text == "镕基路门店"


async def test_unchanged_feed_is_life_without_posts(site: Farm) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        unchanged = request.headers.get("If-None-Match") == '"v1"'
        return web.Response(status=304 if unchanged else 200, text=feed(entry("https://a.cn/1")))

    site.pages["/feed"] = answer
    result = await visit(job(site, etag='"v1"', last_modified="Sat, 20 Jun 2026 07:00:00 GMT"))
    assert (result.outcome, result.detail, result.posts) == (F.EMPTY, "not modified", [])
    assert site.headers[-1]["If-Modified-Since"] == "Sat, 20 Jun 2026 07:00:00 GMT"


@pytest.mark.parametrize(
    ("body", "status", "outcome"),
    [
        (feed(), 200, F.EMPTY),
        ("", 200, F.PARSE_ERROR),
        ("<html><title>维护</title></html>", 200, F.PARSE_ERROR),
        (feed(entry("https://a.cn/1"))[:-60], 200, F.PARSE_ERROR),
        ("gone", 404, F.GONE),
        ("no", 403, F.BLOCKED),
        ("no", 432, F.BLOCKED),
        ("down", 500, F.ERROR),
    ],
)
async def test_every_answer_has_its_outcome(site: Farm, body: str, status: int, outcome: F) -> None:
    site.page("/feed", body, status)
    result = await visit(job(site))
    assert result.outcome is outcome
    assert not result.unreachable


async def test_limit_is_told_and_never_tried_again_at_once(site: Farm) -> None:
    site.page("/feed", "slow down", 429, Retry_After="120")
    result = await visit(job(site))
    assert (result.outcome, result.retry_after_s) == (F.RATE_LIMITED, 120.0)
    assert site.count("/feed") == 1


async def test_broken_gateway_is_tried_once_more(site: Farm) -> None:
    site.page("/feed", "down", 502)
    assert (await visit(job(site))).outcome is F.ERROR
    assert site.count("/feed") == 2


async def test_nobody_there_is_unreachable(site: Farm) -> None:
    own = source(url="http://127.0.0.1:9/feed")
    result = await visit(job(site, own, net=network("127.0.0.1:9")))
    assert (result.outcome, result.unreachable) == (F.ERROR, True)
    assert "127.0.0.1: cannot connect" in result.detail


# --- hostile servers -----------------------------------------------------------------------------------------


async def test_gzip_bomb_is_refused(site: Farm) -> None:
    site.page("/feed", gzip.compress(b"\0" * 60_000_000), Content_Encoding="gzip", Content_Type="text/xml")
    result = await visit(job(site))
    assert result.outcome is F.ERROR
    assert "larger" in result.detail


async def test_endless_body_ends_at_the_size_limit(site: Farm) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            for _ in range(1_000):
                await response.write(b"x" * 100_000)
        except ConnectionError:
            pass
        return response

    site.pages["/feed"] = endless
    result = await visit(job(site))
    assert (result.outcome, "larger" in result.detail) == (F.ERROR, True)


@pytest.mark.parametrize("deadline_s", [0.5, 8.0])
async def test_slow_drip_ends_at_the_limit_of_request_or_visit(site: Farm, deadline_s: float) -> None:
    ended = asyncio.Event()

    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while not ended.is_set():
                await response.write(b"x")
                await asyncio.sleep(0.02)
        except ConnectionError:
            pass
        return response

    site.pages["/feed"] = drip
    result = await visit(job(site, net=network(site.pair, timeout=timedelta(seconds=1)), deadline_s=deadline_s))
    ended.set()
    assert (result.outcome, result.unreachable) == (F.ERROR, True)
    assert ("no answer in time" in result.detail) is (deadline_s > 1)


@contextlib.asynccontextmanager
async def port_that(act: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[int]:
    """Serve a port that takes every connection and does `act` with it, whatever it hears."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await act(writer)
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _be_silent(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(4.0)


async def _drip_a_header(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(200):
        writer.write(f"X-{number}: 1\r\n".encode())
        await writer.drain()
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(("scheme", "act"), [("https", _be_silent), ("http", _be_silent), ("http", _drip_a_header)])
async def test_server_that_stalls_before_its_answer_costs_the_limit_of_one_request(
    site: Farm, scheme: str, act: Callable[[asyncio.StreamWriter], Awaitable[None]]
) -> None:
    async with port_that(act) as port:
        net = network(f"127.0.0.1:{port}", timeout=timedelta(seconds=0.5))
        own = source(url=f"{scheme}://127.0.0.1:{port}/feed", robots="ignore")
        begun = time.monotonic()
        result = await visit(job(site, own, net=net, deadline_s=8.0))
    assert (result.outcome, result.unreachable, result.pages) == (F.ERROR, True, 0)
    assert time.monotonic() - begun < 4.0


async def test_name_that_is_never_resolved_costs_the_limit_of_one_request(
    site: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()
    resolve = socket.getaddrinfo

    def stall(host: Any, *args: Any, **more: Any) -> Any:
        if host == "stalls.example.cn":
            over.wait(20.0)
            raise socket.gaierror(socket.EAI_AGAIN, "again")
        return resolve(host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", stall)
    begun = time.monotonic()
    own = source(url="http://stalls.example.cn/feed", robots="ignore")
    result = await visit(job(site, own, net=network(timeout=timedelta(seconds=0.5)), deadline_s=8.0))
    took_s = time.monotonic() - begun
    over.set()
    assert (result.outcome, result.unreachable, result.pages) == (F.ERROR, True, 0)
    assert took_s < 4.0


async def test_cut_off_body_gives_what_is_whole(site: Farm) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        body = feed(entry("https://a.cn/1"), entry("https://a.cn/2")).encode()
        response = web.StreamResponse(headers={"Content-Length": str(len(body) + 100)})
        await response.prepare(request)
        await response.write(body[: body.index(b"a.cn/2")])
        assert request.transport is not None
        request.transport.close()
        return response

    site.pages["/feed"] = cut
    result = await visit(job(site))
    assert (result.outcome, [post.url for post in result.posts]) == (F.OK, ["https://a.cn/1"])


# --- guard ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.1:22/", "http://localhost:{port}/secret", "http://[::1]:{port}/", "http://2130706433:{port}/secret",
     "http://0x7f000001:{port}/secret", "http://127.1:{port}/secret", "http://169.254.169.254/latest",
     "http://[::ffff:127.0.0.1]:{port}/secret", "file:///etc/hostname", "https://127.0.0.1:{port}/secret"],
)  # fmt: skip
async def test_redirects_never_reach_inside(site: Farm, target: str) -> None:
    site.page("/feed", "", 302, Location=target.replace("{port}", str(site.port)))
    site.page("/secret", feed(entry("https://a.cn/secret")))
    result = await visit(job(site))
    assert result.outcome is F.ERROR
    assert result.detail.startswith("refused")
    assert result.posts == []
    assert "/secret" not in site.asked


async def test_redirect_on_the_own_origin_is_followed(site: Farm) -> None:
    site.page("/feed", "", 301, Location="/new")
    site.page("/new", feed(entry("https://a.cn/1")))
    assert (await visit(job(site))).outcome is F.OK


async def test_redirect_without_end_ends(site: Farm) -> None:
    site.page("/feed", "", 302, Location="/feed")
    result = await visit(job(site))
    assert (result.outcome, result.detail) == (F.ERROR, "too many redirects")
    assert site.count("/feed") == 6


async def test_internal_base_needs_the_operators_word(site: Farm) -> None:
    site.page("/feed", feed(entry("https://a.cn/1")))
    result = await visit(job(site, net=network()))
    assert result.detail.startswith("refused")
    assert site.asked == []


async def test_internal_name_is_allowed_as_it_is_written_only(site: Farm) -> None:
    own = source(url=f"http://localhost:{site.port}/feed")
    site.page("/feed", feed(entry("https://a.cn/1")))
    refused = await visit(job(site, own, net=network(site.pair)))
    assert refused.detail.startswith("refused localhost")
    allowed = await visit(job(site, own, net=network(f"localhost:{site.port}")))
    assert allowed.outcome is F.OK


async def test_links_in_a_page_reach_inside_only_on_the_own_origin(site: Farm) -> None:
    async with farm() as inside:
        inside.page("/p", article("机密"))
        site.page("/p/1", article())
        site.page("/feed", feed(entry(f"{inside.base}/p"), entry(f"{site.base}/p/1"), entry("http://2130706433/p")))
        own = source(url=site.base + "/feed", follow=True)
        result = await visit(job(site, own, net=network(site.pair, inside.pair)))
        assert inside.asked == []
    assert [len(post.text) > 100 for post in result.posts] == [False, True, False]


def self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "both.pem").write_bytes(plain + made.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context


async def test_certificate_is_checked_unless_the_source_says_otherwise(tmp_path: Path) -> None:
    async with farm(self_signed(tmp_path)) as site:
        site.page("/feed", feed(entry("https://a.cn/1")))
        url = site.base.replace("http:", "https:") + "/feed"
        checked = await visit(job(site, source(url=url)))
        assert (checked.outcome, checked.detail) == (F.ERROR, "127.0.0.1: its certificate is not trusted")
        trusted = await visit(job(site, source(url=url, verify_tls=False)))
        assert trusted.outcome is F.OK


# --- verdicts, robots, cookies -------------------------------------------------------------------------------


async def test_being_sent_to_a_login_is_the_verdict_and_is_not_followed(site: Farm) -> None:
    site.page("/ajax/side/hotSearch", "", 302, Location="https://passport.weibo.com/visitor/visitor?a=enter")
    result = await visit(job(site, source(platform="weibo", base_url=site.base)))
    assert result.outcome is F.LOGIN_REQUIRED
    assert site.count("/ajax/side/hotSearch") == 1


async def test_robots_are_obeyed_asked_once_and_logged(site: Farm, caplog: pytest.LogCaptureFixture) -> None:
    site.robots("User-agent: *\nDisallow: /feed")
    site.page("/feed", feed(entry("https://a.cn/1")))
    book = shared(network(site.pair))
    with caplog.at_level(logging.INFO, "crawlers.robots"):
        first, second = await visit(job(site, with_=book)), await visit(job(site, with_=book))
    assert first.outcome is second.outcome is F.BLOCKED
    assert first.detail == "robots.txt of 127.0.0.1 forbids it"
    assert site.asked == ["/robots.txt"]
    assert "robots decision=deny" in caplog.text


async def test_robots_override_is_per_source(site: Farm) -> None:
    site.robots("User-agent: *\nDisallow: /")
    site.page("/feed", feed(entry("https://a.cn/1")))
    result = await visit(job(site, source(url=site.base + "/feed", robots="override")))
    assert (result.outcome, site.asked) == (F.OK, ["/feed"])


async def test_rules_for_us_by_name_count(site: Farm) -> None:
    site.robots("User-agent: Tingfeng\nDisallow: /feed\n\nUser-agent: *\nAllow: /")
    site.page("/feed", feed(entry("https://a.cn/1")))
    assert (await visit(job(site))).outcome is F.BLOCKED


async def test_delay_that_the_rules_ask_for_is_kept(site: Farm) -> None:
    site.robots("User-agent: *\nCrawl-delay: 7\nAllow: /")
    site.page("/feed", feed(entry("https://a.cn/1")))
    work = job(site)
    waits: list[float] = []

    async def wait(name: str, pace: timedelta) -> None:
        waits.append(pace.total_seconds())

    work.shared.pace.wait = wait  # type: ignore[method-assign]
    assert (await visit(work)).outcome is F.OK
    assert waits == [7.0]


async def test_rules_that_cannot_be_read_close_the_site_for_now(site: Farm) -> None:
    site.robots("down", 503)
    site.page("/feed", feed(entry("https://a.cn/1")))
    book = shared(network(site.pair))
    result = await visit(job(site, with_=book))
    assert (result.outcome, result.detail) == (F.ERROR, "robots.txt of 127.0.0.1 could not be read")
    site.robots("User-agent: *\nAllow: /")
    assert (await visit(job(site, with_=book))).outcome is F.OK


async def test_rules_behind_a_redirect_count_if_the_host_stays(site: Farm) -> None:
    site.page("/robots.txt", "", 301, Location="/rules")
    site.page("/rules", "User-agent: *\nDisallow: /feed")
    site.page("/feed", feed(entry("https://a.cn/1")))
    assert (await visit(job(site))).outcome is F.BLOCKED
    site.page("/robots.txt", "", 301, Location="https://elsewhere.cn/robots.txt")
    assert (await visit(job(site))).outcome is F.OK
    site.page("/robots.txt", "", 301, Location="/robots.txt")
    assert (await visit(job(site))).outcome is F.OK


async def test_cookie_goes_to_the_platform_only_and_never_shows(site: Farm, caplog: pytest.LogCaptureFixture) -> None:
    short = {
        "id": "5311901742082998",
        "bid": "R4ZCm8JSK",
        "text": "短…<a>全文</a>",
        "isLongText": True,
        "user": {"id": 1},
    }
    page = {"ok": 1, "data": {"cards": [{"card_type": 9, "mblog": short}]}}
    site.page("/api/container/getIndex", json.dumps(page))
    site.page("/ajax/statuses/longtext", json.dumps({"ok": 1, "data": {"longTextContent": "长" * 300}}))
    own = source(platform="weibo", transport="cookie", cookie=Secret("SUB=s3cret\n"), query=("云",), base_url=site.base)
    with caplog.at_level(logging.DEBUG):
        result = await visit(job(site, own))
    sent = {asked["path"]: asked.get("Cookie") for asked in site.headers}
    assert sent == {
        "/robots.txt": None, "/api/container/getIndex": "SUB=s3cret", "/ajax/statuses/longtext": "SUB=s3cret",
    }  # fmt: skip
    assert (result.posts[0].text, result.posts[0].truncated) == ("长" * 300, False)
    assert "s3cret" not in caplog.text


async def test_token_goes_into_a_header_not_the_address(site: Farm) -> None:
    site.page("/2/search/statuses/limited.json", json.dumps({"error": "expired", "error_code": 21327}), 401)
    own = source(platform="weibo", transport="official", token=Secret("t0ken"), query=("云",), base_url=site.base)
    result = await visit(job(site, own))
    assert result.outcome is F.AUTH_FAILED
    assert site.headers[-1]["Authorization"] == "OAuth2 t0ken"


async def test_a_search_by_post_sends_its_words_and_the_key_and_follows_no_redirect(site: Farm) -> None:
    heard: list[dict[str, Any]] = []

    async def search(request: web.Request) -> web.StreamResponse:
        heard.append({"method": request.method, "key": request.headers["Authorization"], **await request.json()})
        found = {"title": "云杉咖啡喝出异物", "content": "文", "link": "https://n.cn/1", "media": "某报"}
        return web.json_response({"search_result": [found]})

    site.pages["/api/paas/v4/web_search"] = search
    key = {"transport": "official", "token": Secret("k3y\n"), "query": ("云杉咖啡",), "base_url": site.base}
    result = await visit(job(site, source(platform="websearch", **key)))
    assert [post.title for post in result.posts] == ["云杉咖啡喝出异物"]
    assert (heard[0]["method"], heard[0]["key"], heard[0]["search_query"]) == ("POST", "Bearer k3y", "云杉咖啡")
    site.page("/api/paas/v4/web_search", "", 307, Location="/elsewhere")
    result = await visit(job(site, source(platform="websearch", **key)))
    assert result.outcome is F.ERROR and "redirected" in result.detail
    assert site.count("/elsewhere") == 0


async def test_a_shell_is_asked_again_as_it_says_once(site: Farm) -> None:
    asked: list[str] = []

    async def search(request: web.Request) -> web.StreamResponse:
        asked.append(request.query.get("search_id", ""))
        return web.Response(text='<html><script>T={"searchId":"S1"}</script></html>', content_type="text/html")

    site.pages["/search"] = search
    own = source(platform="toutiao", query=("云",), robots="override", base_url=site.base)
    result = await visit(job(site, own))
    assert asked == ["", "S1"]
    assert result.pages == 1 and result.outcome is F.EMPTY


async def test_douyin_s_open_platform_is_asked_with_its_own_header(site: Farm) -> None:
    video = {"item_id": "7600000000000000001", "title": "云杉咖啡翻车", "create_time": 1781940000, "nickname": "某"}
    body = {"err_no": 0, "data": {"cursor": 1, "has_more": False, "video_list": [video]}}
    site.page("/dy_open_api/v2/search/video/", json.dumps(body), Content_Type="application/json")
    own = source(platform="douyin", transport="official", token=Secret("t0k"), query=("云",), base_url=site.base)
    result = await visit(job(site, own))
    assert [post.native_id for post in result.posts] == ["7600000000000000001"]
    sent = {name.lower(): value for name, value in site.headers[-1].items()}
    assert sent["access-token"] == "t0k" and "authorization" not in sent


async def test_proxy_is_used_for_everything_but_exceptions(site: Farm) -> None:
    seen: list[str] = []

    async def proxied(request: web.Request) -> web.StreamResponse:
        seen.append(str(request.raw_path))
        return web.Response(text=feed(entry("https://a.cn/1")))

    site.pages["/feed"] = site.pages["/robots.txt"] = proxied
    own = source(url="http://news.example.cn/feed", proxy=site.base)
    result = await visit(job(site, own, net=network()))
    assert result.outcome is F.OK
    assert seen == ["http://news.example.cn/robots.txt", "http://news.example.cn/feed"]


# --- pages, limits, following --------------------------------------------------------------------------------


def search_page(number: int, count: int = 2) -> str:
    posts = [{"id": str(5311901742080000 + number * 10 + i), "text": "文", "user": {"id": 1}} for i in range(count)]
    cards = [{"card_type": 9, "mblog": post} for post in posts]
    return json.dumps({"ok": 1, "data": {"cards": cards, "cardlistInfo": {"page": number + 1}}})


def paged(site: Farm, last: int) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        number = int(request.query["page"])
        return web.Response(text=search_page(number) if number <= last else '{"ok":0,"msg":"这里还没有内容"}')

    site.pages["/api/container/getIndex"] = answer


def weibo(site: Farm, **more: Any) -> Any:
    return source(platform="weibo", transport="cookie", cookie=Secret("x"), query=("云",), base_url=site.base, **more)


async def test_list_is_paged_until_it_ends_or_is_known(site: Farm) -> None:
    paged(site, last=2)
    result = await visit(job(site, weibo(site)))
    assert (len(result.posts), result.pages, result.outcome) == (4, 3, F.OK)
    assert result.resume is None
    result = await visit(job(site, weibo(site, pages=1)))
    assert (len(result.posts), result.pages) == (2, 1)
    assert result.resume is not None and result.resume.page == 2 and "page=2" in result.resume.url
    going_on = job(site, weibo(site, pages=2))
    going_on.fetches = (result.resume,)
    further = await visit(going_on)
    assert not {post.native_id for post in further.posts} & {post.native_id for post in result.posts}
    known = ("5311901742080010", "5311901742080011")
    result = await visit(job(site, weibo(site), known=known))
    assert result.pages == 1
    result = await visit(job(site, weibo(site), known=known, deep=True))
    assert (len(result.posts), result.pages) == (4, 3)


@pytest.mark.parametrize(("pages", "known", "cut"), [(1, (), True), (1, ("5311901742080010",), False), (3, (), False)])
async def test_a_list_that_goes_on_with_new_posts_is_cut(
    site: Farm, pages: int, known: tuple[str, ...], cut: bool
) -> None:
    paged(site, last=2)
    assert (await visit(job(site, weibo(site, pages=pages), known=known))).cut is cut


async def test_limit_takes_new_posts_first_and_asks_again_next_time(site: Farm) -> None:
    site.page("/feed", feed(*(entry(f"https://a.cn/{i}") for i in range(5))), ETag='"v"')
    own = source(url=site.base + "/feed", limit=2)
    result = await visit(job(site, own, known=("https://a.cn/0", "https://a.cn/1")))
    assert [post.native_id for post in result.posts] == ["https://a.cn/2", "https://a.cn/3"]
    assert result.etag is None


async def test_failure_on_a_later_page_is_the_outcome_and_keeps_the_posts(site: Farm) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(text=search_page(1)) if request.query["page"] == "1" else web.Response(status=432)

    site.pages["/api/container/getIndex"] = answer
    result = await visit(job(site, weibo(site)))
    assert (result.outcome, len(result.posts), result.unread) == (F.BLOCKED, 2, True)


async def test_words_after_a_block_are_not_asked_for(site: Farm) -> None:
    site.page("/api/container/getIndex", b"", 432)
    own = source(
        platform="weibo", transport="cookie", cookie=Secret("x"), query=("云杉咖啡", "云杉拿铁"), base_url=site.base
    )
    result = await visit(job(site, own))
    assert (result.outcome, site.count("/api/container/getIndex")) == (F.BLOCKED, 1)


async def test_hot_list_lines_become_posts_with_the_day_in_their_id(site: Farm) -> None:
    site.page("/ajax/side/hotSearch", json.dumps(HOT))
    (post,) = (await visit(job(site, source(platform="weibo", base_url=site.base)))).posts
    assert (post.native_id, post.text, post.outlet) == ("hot:20260620:云杉咖啡喝出异物", "云杉咖啡喝出异物", "微博热搜")
    assert dict(post.extra_counters) == {"hot": 5, "rank": 1}
    assert post.extra == (("label", "爆"),)


async def test_pages_behind_new_entries_are_read_and_the_rest_waits(site: Farm) -> None:
    count = FOLLOWED + 3
    for number in range(count):
        site.page(f"/p/{number}", article(f"第{number}页正文，" * 4))
    site.page("/feed", feed(*(entry(f"{site.base}/p/{n}", text="短") for n in range(count))))
    own = source(url=site.base + "/feed", follow=True)
    result = await visit(job(site, own, deadline_s=60.0))
    assert len(result.posts) == count
    assert sum(len(post.text) > 20 for post in result.posts) == FOLLOWED
    assert len(result.pending) == 3
    later = await visit(job(site, own, known=[post.native_id for post in result.posts], pending=tuple(result.pending),
                            completed=CompletedPosts(result.completed)))  # fmt: skip
    assert later.pending == []
    assert all(len(post.text) > 20 for post in later.posts)
    assert len(later.posts) == count


async def test_page_that_fails_leaves_the_entrys_own_text(site: Farm) -> None:
    site.page("/p/1", "none", 500)
    site.page("/p/2", "no", 429)
    site.page("/p/3", article())
    site.page("/feed", feed(*(entry(f"{site.base}/p/{n}", text=f"短{n}") for n in (1, 2, 3))))
    result = await visit(job(site, source(url=site.base + "/feed", follow=True)))
    assert [post.text for post in result.posts] == ["短1", "短2", "短3"]
    assert "/p/3" not in site.asked


async def test_known_entries_of_a_followed_feed_never_shorten_what_is_stored(site: Farm) -> None:
    site.page("/feed", feed(entry(f"{site.base}/p/1")))
    own = source(url=site.base + "/feed", follow=True)
    result = await visit(job(site, own, known=(f"{site.base}/p/1",)))
    assert (result.outcome, result.posts, result.seen) == (F.OK, [], 1)


async def test_base_serves_the_links_of_its_origin_and_posts_keep_the_public_link(site: Farm) -> None:
    site.page("/m/p/1", article())
    site.page("/m/feed", feed(entry("https://news.example.cn/p/1")))
    own = source(url="https://news.example.cn/feed", base_url=site.base + "/m", follow=True)
    result = await visit(job(site, own))
    assert (result.posts[0].url, "云杉咖啡" in result.posts[0].text) == ("https://news.example.cn/p/1", True)


async def test_rule_for_the_text_reaches_the_pages(site: Farm) -> None:
    site.page("/p/1", "<html><body><div id=x>只要这段，其余不要</div>" + article() + "</body></html>")
    site.page("/feed", feed(entry(f"{site.base}/p/1")))
    own = source(url=site.base + "/feed", follow=True, options=FeedSettings(text_css="#x"))
    assert (await visit(job(site, own))).posts[0].text == "只要这段，其余不要"


def test_page_adds_what_the_list_lacks() -> None:
    head = "<meta name=author content=丙><meta name=pubdate content='2026-06-19 08:00'>"
    page = parse("article.page", f"<html><head>{head}</head>{article()}</html>").posts[0]
    listed = parse("feed.any", feed(entry("https://a.cn/1"))).posts[0]
    merged = merge_page(listed, page)
    assert merged.text == page.text
    assert merged.published_at == page.published_at is not None
    assert merged.author.name == "丙"
    assert merged.title == "题"
    assert merge_text(merged, "短") is merged
