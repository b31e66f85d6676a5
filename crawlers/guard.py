"""The border of the crawler: nothing internal, nothing but HTTP (contracts: crawling, section 8).

Two guards hold together. The middleware judges each address as written, in every spelling
an operating system accepts. The socket hook judges the address that is really connected to,
whatever name, redirect or DNS answer led there.
"""

import ipaddress
import socket
import ssl
import unicodedata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from scrapy import Request
from scrapy.core.downloader.handlers._aiohttp import AiohttpDownloadHandler, _ClientResponse
from scrapy.crawler import Crawler
from scrapy.exceptions import DownloadConnectionRefusedError
from scrapy.utils.ssl import _make_ssl_context

from config.trust import add_trust
from crawlers.errors import GuardError
from crawlers.link import origin
from crawlers.permit import Permit

__all__ = [
    "CA_SETTING",
    "OWN",
    "GuardMiddleware",
    "GuardedHandler",
    "check_address",
    "guarded_socket",
    "is_public",
]

CA_SETTING = "TINGFENG_CA"
"""Scrapy setting: PEM file with authorities to trust besides the system's; None = none."""
OWN = "tingfeng_own"
"""Request meta key: the address was built from the source's own configured base."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_INTERNAL_SUFFIXES = (".localhost", ".local", ".internal", ".localdomain", ".home.arpa")
_MAX_URL = 8_192
_ONLY = "only a source's own base that network.allow_internal lists may be one"

_IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(address: str) -> bool:
    """Say whether an IP address is reachable for everyone: global, no multicast, no disguise."""
    try:
        ip: _IPAddress = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


def _literal(host: str) -> str | None:
    """Return the IP address that a host spells, in any form the system accepts; None for a name."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host)) if host and host[0] in "0123456789" else None
    except (OSError, ValueError):
        return None


def check_address(url: str, permit: Permit, *, own: bool) -> None:
    """Refuse an address that is not HTTP or is internal as written.

    Args:
        url: The address that is about to be fetched.
        permit: What this visit may reach besides the internet.
        own: The address was built from the source's own base, not found in a page.

    Raises:
        GuardError: it must not be fetched.
    """
    try:
        parts = urlsplit(url)
        _, host, port = origin(url)
    except ValueError as err:
        raise GuardError(url[:80], "not an http(s) address") from err
    if len(url) > _MAX_URL or parts.username or parts.password:
        raise GuardError(host[:80], "address too long or with credentials in it")
    if permit.covers(url, own=own):
        return
    if f"{host}:{port}" in permit.allow_internal:
        raise GuardError(f"{host}:{port}", "internal server, allowed only as a source's own base")
    ascii_host = unicodedata.normalize("NFKC", host).replace("。", ".").rstrip(".").lower()
    literal = _literal(ascii_host)
    if literal is not None and not is_public(literal):
        raise GuardError(f"{host}:{port}", f"internal address; {_ONLY}")
    if literal is None and (ascii_host == "localhost" or ascii_host.endswith(_INTERNAL_SUFFIXES)):
        raise GuardError(f"{host}:{port}", f"internal name; {_ONLY}")


@dataclass(slots=True)
class _Connecting:
    """What the request that is being connected for may reach."""

    port: int | None
    refused: GuardError | None = None


_CONNECTING: ContextVar[_Connecting | None] = ContextVar("tingfeng_connecting", default=None)


def guarded_socket(addr_info: tuple[Any, ...]) -> socket.socket:
    """Make the socket for a resolved address; refuse internal peers.

    Raises:
        GuardError: the peer is internal and not the one the operator allowed.
    """
    family, kind, protocol, _, peer = addr_info
    address, port = str(peer[0]), int(peer[1])
    connecting = _CONNECTING.get()
    allowed = connecting is not None and connecting.port == port
    if not allowed and not is_public(address):
        error = GuardError(f"{address}:{port}", "the name leads to an internal address")
        if connecting is not None:
            connecting.refused = error
        raise error
    sock = socket.socket(family, kind, protocol)
    sock.setblocking(False)
    return sock


_CONTEXTS: dict[tuple[bool, Path | None], ssl.SSLContext] = {}


def _ssl_context(crawler: Crawler) -> ssl.SSLContext:
    """Return the TLS context, made once per kind: loading the system's roots costs 37 ms (measured)."""
    verify = crawler.settings.getbool("DOWNLOAD_VERIFY_CERTIFICATES")
    key = (verify, crawler.settings.get(CA_SETTING))
    if key not in _CONTEXTS:
        context = _make_ssl_context(crawler.settings)
        add_trust(context, key[1])
        _CONTEXTS[key] = context
    return _CONTEXTS[key]


class GuardedHandler(AiohttpDownloadHandler):
    """Scrapy's aiohttp handler over a connector whose every socket passes `guarded_socket`."""

    experimental = False
    lazy = True

    def __init__(self, crawler: Crawler) -> None:
        super(AiohttpDownloadHandler, self).__init__(crawler)
        self._permit = permit_of(crawler)
        self._ssl_context = _ssl_context(crawler)
        connector = aiohttp.TCPConnector(
            limit=self._pool_size_total, limit_per_host=self._pool_size_per_host, socket_factory=guarded_socket
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            response_class=_ClientResponse,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        )

    @asynccontextmanager
    async def _make_request(self, request: Request, timeout: float) -> AsyncIterator[Any]:
        proxy = request.meta.get("proxy")
        port = None
        if proxy:
            port = urlsplit(proxy).port or 80
        elif self._permit.covers(request.url, own=request.meta.get(OWN) is True):
            port = origin(request.url)[2]
        connecting = _Connecting(port=port)
        token = _CONNECTING.set(connecting)
        try:
            async with super()._make_request(request, timeout) as response:
                yield response
        except DownloadConnectionRefusedError as err:
            if connecting.refused is not None:
                raise connecting.refused from err
            raise
        finally:
            _CONNECTING.reset(token)


class GuardMiddleware:
    """Judges every address before anything else does, redirects and robots.txt included."""

    def __init__(self, permit: Permit) -> None:
        self._permit = permit

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "GuardMiddleware":
        """Build it with the permit of the crawl's visit."""
        return cls(permit_of(crawler))

    def process_request(self, request: Request) -> None:
        """Refuse what must not be fetched."""
        check_address(request.url, self._permit, own=request.meta.get(OWN) is True)


def permit_of(crawler: Crawler) -> Permit:
    """Return the permit of a crawl's visit; a crawl without one reaches the internet only."""
    permit = getattr(getattr(crawler.spider, "job", None), "permit", None)
    return permit if isinstance(permit, Permit) else Permit()
