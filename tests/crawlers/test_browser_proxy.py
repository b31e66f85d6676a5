"""The browser's only way out, asked as a browser asks: real sockets, no browser."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from scrapy.exceptions import CannotResolveHostError, DownloadConnectionRefusedError

from crawlers.browser_proxy import REFUSED, FilterProxy
from crawlers.errors import GuardError
from crawlers.permit import Permit
from tests.crawlers.farm import Farm, farm


@pytest.fixture
async def site() -> AsyncIterator[Farm]:
    async with farm() as made:
        made.page("/x", "text", Set_Cookie="a=1")
        yield made


def permit(site: Farm, *more: str) -> Permit:
    return Permit(base=("http", "127.0.0.1", site.port), allow_internal=frozenset({site.pair, *more}))


@asynccontextmanager
async def proxy(
    allowed: Permit,
    onward: Callable[[str], str | None] = lambda url: None,
    *,
    own: bool = True,
    page_bytes: int = 1_000_000,
) -> AsyncIterator[FilterProxy]:
    made = FilterProxy(allowed, onward, page_bytes=page_bytes)
    await made.start()
    await made.turn(own=own)
    yield made
    await made.close()


async def ask(through: FilterProxy, raw: str, *, then: bytes = b"") -> bytes:
    """Send a head, and `then` once a tunnel is open; return all that comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(through.address.rpartition(":")[2]))
    writer.write(raw.replace("\n", "\r\n").encode() + b"\r\n\r\n")
    answer = b""
    if then:
        answer = await reader.readuntil(b"\r\n\r\n")
        writer.write(then)
    try:
        answer += await asyncio.wait_for(reader.read(), timeout=10)
    except ConnectionError:
        pass
    writer.close()
    return answer


async def test_request_goes_to_the_own_base_with_one_exchange_on_a_connection(site: Farm) -> None:
    async with proxy(permit(site)) as through:
        head = (
            f"GET {site.base}/x?a=1 HTTP/1.1\nHost: elsewhere.cn\nProxy-Authorization: Basic x\nConnection: keep-alive"
        )
        answer = await ask(through, head)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"\r\n\r\ntext")
    assert answer.lower().count(b"connection:") == 1
    assert b"connection: close" in answer.lower()
    assert b"set-cookie: a=1" in answer.lower()
    (sent,) = site.headers
    assert sent["Host"] == site.pair
    assert "Proxy-Authorization" not in sent


async def test_second_request_on_a_connection_is_never_passed_on(site: Farm) -> None:
    async with proxy(permit(site)) as through:
        head = f"GET {site.base}/x HTTP/1.1\nHost: a"
        await ask(through, f"{head}\n\n{head.replace('/x', '/second')}")
    assert site.asked == ["/x"]


async def test_body_of_known_length_is_passed_on_and_no_byte_more(site: Farm) -> None:
    bodies: list[bytes] = []

    async def take(request: web.Request) -> web.Response:
        bodies.append(await request.read())
        return web.Response(text="ok")

    site.pages["/post"] = take
    async with proxy(permit(site)) as through:
        answer = await ask(
            through, f"POST {site.base}/post HTTP/1.1\nContent-Length: 3\n\nabcGET {site.base}/more HTTP/1.1"
        )
        assert answer.endswith(b"ok")
        assert await ask(through, f"POST {site.base}/post HTTP/1.1\nTransfer-Encoding: chunked\n\n3\nabc\n0") == b""
    assert (bodies, site.asked) == ([b"abc"], ["/post"])


async def test_tunnel_carries_bytes_both_ways(site: Farm) -> None:
    async with proxy(permit(site)) as through:
        inside = b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        answer = await ask(through, f"CONNECT {site.pair} HTTP/1.1\nHost: {site.pair}", then=inside)
    assert answer.startswith(b"HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200")
    assert answer.endswith(b"text")


INSIDE = (
    "127.0.0.1:{port}", "localhost:{port}", "LOCALHOST.:{port}", "[::1]:{port}", "[::ffff:127.0.0.1]:{port}",
    "0x7f000001:{port}", "2130706433:{port}", "127.1:{port}", "0177.0.0.1:{port}", "0.0.0.0:{port}", "0:{port}",
    "127.0.0.1.:{port}", "a.localhost:{port}", "x@127.0.0.1:{port}", "rebind.example.cn:{port}",
    "six.example.cn:{port}",
)  # fmt: skip


@pytest.fixture
def lying_dns(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def answer(host: Any, port: Any, *args: Any, **more: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if name == "gone.example.cn":
            raise socket.gaierror("no such name")
        if name.endswith(".example.cn"):
            address = "::ffff:127.0.0.1" if name.startswith("six") else "127.0.0.1"
            family = socket.AF_INET6 if name.startswith("six") else socket.AF_INET
            return [(family, socket.SOCK_STREAM, 6, "", (address, port))]
        return real(host, port, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", answer)


@pytest.mark.usefixtures("lying_dns")
@pytest.mark.parametrize("own", [True, False])
async def test_nothing_inside_is_connected_to_in_any_spelling(site: Farm, own: bool) -> None:
    async with farm() as canary, proxy(permit(site, canary.pair), own=own) as through:
        for spelling in INSIDE:
            target = spelling.format(port=canary.port)
            for head in (f"GET http://{target}/ HTTP/1.1", f"CONNECT {target} HTTP/1.1"):
                answer = await ask(through, head + "\nHost: a.cn")
                assert answer.split()[1] in (b"403", b"400"), (spelling, answer)
                assert REFUSED.encode() in answer
        assert canary.asked == []
        assert isinstance(through.problem(f"http://127.0.0.1:{canary.port}/"), GuardError)
        assert through.refusals >= 2 * (len(INSIDE) - 1)


async def test_base_is_reached_by_its_own_pages_only(site: Farm) -> None:
    async with proxy(permit(site), own=False) as through:
        assert (await ask(through, f"GET {site.base}/x HTTP/1.1")).startswith(b"HTTP/1.1 403")
        await through.turn(own=True)
        assert through.problem(site.base) is None
        assert (await ask(through, f"GET {site.base}/x HTTP/1.1")).startswith(b"HTTP/1.1 200")
    unlisted = Permit(base=("http", "127.0.0.1", site.port))
    async with proxy(unlisted) as through:
        assert (await ask(through, f"GET {site.base}/x HTTP/1.1")).startswith(b"HTTP/1.1 403")


@pytest.mark.usefixtures("lying_dns")
async def test_why_nothing_came_is_told(site: Farm) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    closed = Permit(base=("http", "127.0.0.1", port), allow_internal=frozenset({f"127.0.0.1:{port}"}))
    async with proxy(closed) as through:
        assert (await ask(through, "GET http://gone.example.cn/ HTTP/1.1")).startswith(b"HTTP/1.1 502")
        assert isinstance(through.problem("http://gone.example.cn/y"), CannotResolveHostError)
        await ask(through, f"GET http://127.0.0.1:{port}/ HTTP/1.1")
        assert isinstance(through.problem(f"http://127.0.0.1:{port}/"), DownloadConnectionRefusedError)
        assert through.problem("no address") is None


@pytest.mark.parametrize(
    "raw",
    ["GET", "\x00\x01", "GET file:///etc/hostname HTTP/1.1", "GET /x HTTP/1.1\nHost: 127.0.0.1", "CONNECT a HTTP/1.1 x",
     "CONNECT :80 HTTP/1.1", "CONNECT a:b HTTP/1.1", "GET http://a.cn:99999/ HTTP/1.1", "GET http://[/ HTTP/1.1",
     "GET http://a.cn/ HTTP/1.1\n folded", "GET http://a.cn/ HTTP/1.1\nno header", "ftp://127.0.0.1/ x y",
     "GET http://a.cn/" + "x" * 70_000 + " HTTP/1.1"],
)  # fmt: skip
async def test_what_is_no_request_ends(site: Farm, raw: str) -> None:
    async with proxy(permit(site), onward=lambda url: site.base) as through:
        assert (await ask(through, raw))[:12] in (b"", b"HTTP/1.1 400", b"HTTP/1.1 502")
    assert site.asked == []


async def test_page_that_asks_for_too_much_gets_no_more(site: Farm) -> None:
    site.page("/large", b"x" * 300_000)
    async with proxy(permit(site), page_bytes=100_000) as through:
        assert len(await ask(through, f"GET {site.base}/large HTTP/1.1")) < 110_000
        assert through.overrun
        assert await ask(through, f"GET {site.base}/x HTTP/1.1") == b""
        await through.turn(own=True)
        assert (await ask(through, f"GET {site.base}/x HTTP/1.1")).endswith(b"text")
        for _ in range(450):
            if not await ask(through, f"GET {site.base}/x HTTP/1.1"):
                break
        assert site.count("/x") < 410


async def test_next_page_finds_no_connection_of_the_one_before(site: Farm) -> None:
    async with proxy(permit(site)) as through:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(through.address.rpartition(":")[2]))
        writer.write(f"CONNECT {site.pair} HTTP/1.1\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        await through.turn(own=False)
        writer.write(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
        try:
            assert await asyncio.wait_for(reader.read(), timeout=5) == b""
        except ConnectionError:
            pass
        writer.close()
    assert site.asked == []


async def test_early_hints_are_left_out_and_an_upgrade_is_refused() -> None:
    said = {"/hints": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nbody",
            "/up": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\nraw"}  # fmt: skip

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        writer.write(said[path])
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    allowed = Permit(base=("http", "127.0.0.1", port), allow_internal=frozenset({f"127.0.0.1:{port}"}))
    async with proxy(allowed) as through:
        hinted = await ask(through, f"GET http://127.0.0.1:{port}/hints HTTP/1.1")
        assert hinted == b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nbody"
        assert await ask(through, f"GET http://127.0.0.1:{port}/up HTTP/1.1") == b""
    server.close()


async def test_operators_proxy_is_asked_for_the_name_and_gets_its_credentials() -> None:
    heads: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        heads.append(head)
        if "refused.cn" in head:
            writer.write(b"HTTP/1.1 407 No\r\n\r\n")
        elif head.startswith("CONNECT"):
            writer.write(b"HTTP/1.1 200 OK\r\n\r\nhello")
        else:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    onward = f"http://me:s%40y@127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with proxy(Permit(), lambda url: onward) as through:
        assert (await ask(through, "GET http://news.example.org/a HTTP/1.1\nHost: x")).endswith(b"hi")
        assert (await ask(through, "CONNECT news.example.org:443 HTTP/1.1")).endswith(b"hello")
        assert (await ask(through, "CONNECT refused.cn:443 HTTP/1.1")).startswith(b"HTTP/1.1 502")
        assert (await ask(through, "GET http://10.0.0.1/a HTTP/1.1")).startswith(b"HTTP/1.1 403")
        assert (await ask(through, "CONNECT localhost:443 HTTP/1.1")).startswith(b"HTTP/1.1 403")
    assert len(heads) == 3
    assert heads[0].startswith("GET http://news.example.org/a HTTP/1.1\r\n")
    assert heads[1].startswith("CONNECT news.example.org:443 HTTP/1.1\r\n")
    assert all("proxy-authorization: Basic bWU6c0B5" in head for head in heads)
    async with proxy(Permit(), lambda url: "socks5://127.0.0.1:1") as through:
        assert (await ask(through, "CONNECT news.example.org:443 HTTP/1.1")).startswith(b"HTTP/1.1 502")
    server.close()


async def test_closing_ends_what_is_open(site: Farm) -> None:
    async def never(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    site.pages["/never"] = never
    began_s = time.monotonic()
    async with proxy(permit(site)) as through:
        asking = asyncio.create_task(ask(through, f"GET {site.base}/never HTTP/1.1"))
        while site.count("/never") == 0:
            await asyncio.sleep(0.01)
    assert await asking == b""
    assert time.monotonic() - began_s < 5
