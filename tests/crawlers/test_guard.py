import socket
from typing import Any

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given
from hypothesis import strategies as st

from crawlers.errors import GuardError
from crawlers.guard import check_address, guarded_socket, is_public
from crawlers.permit import Permit
from tests.crawlers.farm import farm

OPEN = Permit()
FARM = Permit(base=("http", "127.0.0.1", 8000), allow_internal=frozenset({"127.0.0.1:8000", "farm.internal:9000"}))


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
     "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
     "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "192.0.2.1", "198.18.0.1", "no address"],
)  # fmt: skip
def test_internal_peers_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_peers_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://127.0.0.1:8000/", "http://localhost/", "http://LOCALHOST./x", "http://a.localhost/",
        "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://0x7f000001/",
        "http://2130706433/", "http://127.1/", "http://0177.0.0.1/", "http://0.0.0.0/", "http://0/", "http://0x7f.1/",
        "http://10.0.0.1/", "http://169.254.169.254/latest/meta-data", "http://[fe80::1]/", "http://[64:ff9b::7f00:1]/",
        "http://printer.local/", "http://db.internal/", "http://１２７.０.０.１/", "http://farm.internal:9000/",
        "file:///etc/hostname", "ftp://a.cn/", "data:text/plain,x", "gopher://a.cn/", "javascript:alert(1)", "//a.cn/",
        "http://", "http://[bad/", "http://a.cn:99999/", "http://user:pw@a.cn/", "http://a.cn/" + "x" * 9_000,
    ],
)  # fmt: skip
def test_every_spelling_of_an_internal_address_is_refused(url: str) -> None:
    for permit in (OPEN, FARM):
        with pytest.raises(GuardError, match="refused"):
            check_address(url, permit, own=False)


@pytest.mark.parametrize(
    "url", ["http://news.example.cn/a", "https://8.8.8.8/", "https://新浪.cn/", "http://10.example.cn/"]
)
def test_public_addresses_pass(url: str) -> None:
    check_address(url, OPEN, own=False)


def test_own_base_passes_only_as_own_and_only_exactly() -> None:
    check_address("http://127.0.0.1:8000/feed", FARM, own=True)
    for url in (
        "http://127.0.0.1:8001/feed",
        "http://127.0.0.1/feed",
        "https://127.0.0.1:8000/feed",
        "http://localhost:8000/",
    ):
        with pytest.raises(GuardError):
            check_address(url, FARM, own=True)
    with pytest.raises(GuardError, match="only as a source's own base"):
        check_address("http://127.0.0.1:8000/feed", FARM, own=False)
    with pytest.raises(GuardError):
        check_address("http://127.0.0.1:8000/", Permit(base=("http", "127.0.0.1", 8000)), own=True)


@given(st.integers(min_value=0, max_value=2**24 - 1))
def test_loopback_in_any_notation_is_refused(tail: int) -> None:
    number = (127 << 24) + tail
    for host in (str(number), hex(number), f"127.{tail >> 16}.{tail & 0xFFFF}", f"0177.{tail}"):
        with pytest.raises(GuardError):
            check_address(f"http://{host}/", OPEN, own=False)


def info(address: str, port: int = 80) -> tuple[Any, ...]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return (family, socket.SOCK_STREAM, 0, "", (address, port))


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254"])
def test_socket_to_an_internal_answer_is_never_made(address: str) -> None:
    with pytest.raises(GuardError, match="the name leads to an internal address"):
        guarded_socket(info(address))


def test_socket_to_a_public_answer_is_made_unconnected() -> None:
    with guarded_socket(info("8.8.8.8")) as sock:
        assert sock.getblocking() is False


class Rebinding(AbstractResolver):
    """Answers every name with this machine."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        return None


async def test_name_whose_dns_answer_is_internal_is_never_connected() -> None:
    async with farm() as inside:
        connector = aiohttp.TCPConnector(resolver=Rebinding(), socket_factory=guarded_socket)
        async with aiohttp.ClientSession(connector=connector) as session:
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.get(f"http://rebind.example.cn:{inside.port}/")
        assert inside.asked == []
