"""The only way out of a browser page: a forward proxy on loopback that judges every address (contracts: crawling, 8).

A browser asks for far more than the page that it is sent to: frames, scripts, WebSockets, prefetches. Each of them
comes here, because the browser knows no other way. The name is resolved here, once, and the address that was judged
is the one that is connected to.
"""

import asyncio
import logging
import socket
import ssl
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from scrapy.exceptions import CannotResolveHostError, DownloadConnectionRefusedError, DownloadTimeoutError

from crawlers.errors import GuardError
from crawlers.guard import check_address, is_public
from crawlers.link import origin
from crawlers.permit import Permit

__all__ = ["REFUSED", "FilterProxy"]

logger = logging.getLogger(__name__)

REFUSED = "x-tingfeng-refused"
"""Header of the answers that the proxy gives itself."""

_HEAD_BYTES = 65_536
_CHUNK = 65_536
_CONNECTIONS = 400
"""Most connections of one page: no page makes this machine knock at thousands of doors."""
_CONNECT_S = 10.0
_DROPPED = frozenset({"connection", "keep-alive", "proxy-connection", "proxy-authorization", "te", "upgrade", "host"})

_Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _UnfitError(Exception):
    """What came is no request or answer that is passed on."""


@dataclass(frozen=True, slots=True)
class _Head:
    """First line and headers of a request or an answer."""

    first: str
    headers: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    def encode(self, first: str, **more: str) -> bytes:
        """Return it with another first line, for one exchange on its connection."""
        kept = [(name, value) for name, value in self.headers if name not in _DROPPED]
        lines = [first, *(f"{name}: {value}" for name, value in (*more.items(), *kept)), "connection: close"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class FilterProxy:
    """Passes on what one visit's browser may ask for, and refuses the rest.

    Args:
        permit: What the visit may reach besides the internet.
        onward: Returns the operator's proxy for an address; None = direct.
        page_bytes: Most bytes of one page with all that it loads.
    """

    def __init__(self, permit: Permit, onward: Callable[[str], str | None], *, page_bytes: int) -> None:
        self._permit, self._onward, self._page_bytes = permit, onward, page_bytes
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._problems: dict[tuple[str, int], Exception] = {}
        self._own = False
        self._left = page_bytes
        self._begun = 0
        self.refusals = 0
        """Addresses that were refused because they are internal, since the start."""

    async def start(self) -> None:
        """Listen on a free port of loopback."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_HEAD_BYTES)

    @property
    def address(self) -> str:
        """Address for the browser."""
        if self._server is None:
            raise RuntimeError("the proxy does not listen yet")
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    @property
    def overrun(self) -> bool:
        """Whether the present page has asked for more than it may have."""
        return self._left < 0 or self._begun > _CONNECTIONS

    async def turn(self, *, own: bool) -> None:
        """Begin a page: end what the one before left open, and count afresh.

        Args:
            own: The page's address was built from the source's own base, so that the base may be reached.
        """
        await self._end_all()
        self._own, self._left, self._begun = own, self._page_bytes, 0
        self._problems.clear()

    def problem(self, url: str) -> Exception | None:
        """Return why nothing came from the host of an address; None = something did, or it was not asked."""
        try:
            _, host, port = origin(url)
        except ValueError:
            return None
        return self._problems.get((host, port))

    async def close(self) -> None:
        """Stop listening and end every connection."""
        if self._server is not None:
            self._server.close()
        await self._end_all()

    async def _end_all(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection; whatever happens, it is closed."""
        self._begun += 1
        try:
            if not self.overrun:
                await self._pass_on(reader, writer)
        except (OSError, ValueError, EOFError, asyncio.LimitOverrunError, _UnfitError) as err:
            logger.debug("connection ended error=%s", err)
        except Exception:  # border of one connection
            logger.exception("connection of the browser's proxy crashed")
        finally:
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await _read_head(reader)
        method, target, _ = (*head.first.split(" "), "", "")[:3]
        tunnel = method == "CONNECT"
        url = f"https://{target}/" if tunnel else target
        try:
            _, host, port = origin(url)
        except ValueError:
            await _refuse(writer, 400)
            return
        try:
            far = await self._open(url, host, port, tunnel=tunnel)
        except GuardError as err:
            self.refusals += 1
            logger.info("browser refused target=%s reason=%s", err.target, err.reason)
            self._problems[host, port] = err
            await _refuse(writer, 403)
            return
        except Exception as err:  # noqa: BLE001  # border of one connection: the page's visit tells of it
            self._problems[host, port] = err
            await _refuse(writer, 502)
            return
        self._problems.pop((host, port), None)
        try:
            if tunnel:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await self._both_ways((reader, writer), far)
            else:
                await self._exchange(head, method, url, (reader, writer), far)
        finally:
            far[1].close()

    async def _open(self, url: str, host: str, port: int, *, tunnel: bool) -> _Stream:
        """Connect to what was judged.

        Raises:
            GuardError: it is internal and not the source's own base.
            CannotResolveHostError: there is no such name.
            DownloadConnectionRefusedError: nobody listens there.
            DownloadTimeoutError: no connection in time.
        """
        own = self._own and self._is_base(host, port)
        if not own:
            check_address(url, self._permit, own=False)
        onward = self._onward(url)
        try:
            async with asyncio.timeout(_CONNECT_S):
                if onward is not None:
                    return await _through(onward, host, port, tunnel=tunnel)
                return await _direct(host, port, own=own)
        except TimeoutError as err:
            raise DownloadTimeoutError(f"{host}: no connection") from err

    def _is_base(self, host: str, port: int) -> bool:
        """Say whether host and port are those of the source's own base; a tunnel does not say what it carries."""
        base = self._permit.base
        return base is not None and (host, port) == base[1:] and f"{host}:{port}" in self._permit.allow_internal

    async def _exchange(self, head: _Head, method: str, url: str, near: _Stream, far: _Stream) -> None:
        """Pass on one request and its answer; the connection is of no further use, so that each request is judged."""
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        target = path if self._onward(url) is None else url
        more = {"host": parts.netloc.rpartition("@")[2]}
        if onward := self._onward(url):
            more |= _credentials(onward)
        if head.get("transfer-encoding") is not None:
            raise _UnfitError("a request of unknown length")
        far[1].write(head.encode(f"{method} {target} HTTP/1.1", **more))
        length = int(head.get("content-length") or 0)
        if length:
            await self._copy(near[0], far[1], most=length)
        await far[1].drain()
        answer = await _read_head(far[0])
        while answer.first[9:10] == "1":
            if answer.first[9:12] == "101":
                raise _UnfitError("an upgrade that was not asked for")
            answer = await _read_head(far[0])
        near[1].write(answer.encode(answer.first))
        gone = asyncio.create_task(_until_gone(near[0]))
        body = asyncio.create_task(self._copy(far[0], near[1]))
        await _first_of(gone, body)

    async def _both_ways(self, near: _Stream, far: _Stream) -> None:
        out = asyncio.create_task(self._copy(near[0], far[1]))
        back = asyncio.create_task(self._copy(far[0], near[1]))
        await _first_of(out, back)

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, most: int | None = None) -> None:
        """Copy until the end, `most` bytes or the limit of the page."""
        while most is None or most > 0:
            chunk = await reader.read(_CHUNK if most is None else min(_CHUNK, most))
            self._left -= len(chunk)
            if not chunk or self._left < 0:
                return
            most = None if most is None else most - len(chunk)
            writer.write(chunk)
            await writer.drain()


async def _first_of(*tasks: asyncio.Task[None]) -> None:
    """Wait until one of the tasks is over and end the others."""
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _until_gone(reader: asyncio.StreamReader) -> None:
    while await reader.read(_CHUNK):
        continue


async def _refuse(writer: asyncio.StreamWriter, status: int) -> None:
    head = f"HTTP/1.1 {status} Refused\r\n{REFUSED}: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    writer.write(head.encode("ascii"))
    await writer.drain()


async def _read_head(reader: asyncio.StreamReader) -> _Head:
    """Read up to the blank line.

    Raises:
        _UnfitError: a line is none of HTTP.
        EOFError: the other side ended before.
        asyncio.LimitOverrunError: it is larger than 64 KiB.
    """
    raw = await reader.readuntil(b"\r\n\r\n")
    first, *lines = raw[:-4].decode("latin-1").split("\r\n")
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip() or "\n" in line or "\r" in line:
            raise _UnfitError("a line that is no header")
        headers.append((name.lower(), value.strip()))
    return _Head(first, tuple(headers))


async def _direct(host: str, port: int, *, own: bool) -> _Stream:
    """Resolve a name once and connect to the first of its addresses that is allowed and answers."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as err:
        raise CannotResolveHostError(host) from err
    allowed = [info for info in found if own or is_public(str(info[4][0]))]
    if not allowed:
        raise GuardError(f"{host}:{port}", "the name leads to an internal address")
    for info in allowed:
        try:
            return await _connect(info)
        except OSError as err:
            logger.debug("address does not answer host=%s error=%s", host, err)
    raise DownloadConnectionRefusedError(f"{host}:{port}")


async def _connect(info: tuple[Any, ...]) -> _Stream:
    family, kind, protocol, _, peer = info
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, peer)
        return await asyncio.open_connection(sock=sock, limit=_HEAD_BYTES)
    except BaseException:
        sock.close()
        raise


async def _through(onward: str, host: str, port: int, *, tunnel: bool) -> _Stream:
    """Connect over the operator's proxy, which resolves the name."""
    parts = urlsplit(onward)
    if parts.scheme not in ("http", "https"):
        raise DownloadConnectionRefusedError(f"the browser knows no proxy of kind {parts.scheme[:10]}")
    tls = ssl.create_default_context() if parts.scheme == "https" else None
    far_port = parts.port or (443 if tls else 80)
    try:
        far = await asyncio.open_connection(parts.hostname, far_port, ssl=tls, limit=_HEAD_BYTES)
    except OSError as err:
        raise DownloadConnectionRefusedError("the proxy does not answer") from err
    if not tunnel:
        return far
    name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        lines = [f"CONNECT {name} HTTP/1.1", f"host: {name}", *(f"{k}: {v}" for k, v in _credentials(onward).items())]
        far[1].write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        answer = await _read_head(far[0])
        if answer.first[9:12] != "200":
            raise DownloadConnectionRefusedError(f"the proxy refused {host}")
    except BaseException:
        far[1].close()
        raise
    return far


def _credentials(onward: str) -> dict[str, str]:
    parts = urlsplit(onward)
    if not parts.username:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"proxy-authorization": "Basic " + b64encode(pair.encode()).decode("ascii")}
