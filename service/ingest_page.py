"""The HTTP server before the reception: bounded connections, headers, bodies and patience."""

import asyncio
import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from config.settings import IngestSettings
from service.errors import UsageError
from service.ingest import PATH, Answer, Asked

__all__ = ["IngestPage", "serve"]

logger = logging.getLogger(__name__)

_MOST_CLIENTS = 64
_QUIET_S = 10.0
"""A connection that is not in the middle of a request is closed after so long."""
_BODY_S = 30.0
"""A body has to be here within this time."""
_SWEEP_S = 1.0
_ROOM = 8
"""So many of the largest bodies lie in memory at once, at most."""
_LINE, _FIELD = 4_096, 8_190
_STEP_S = 0.25

Receive = Callable[[Asked], Answer]


class _TooLargeError(Exception):
    """More came than is taken."""


class _TurnedAway(asyncio.Protocol):
    """A connection too many: closed at once, so that those that are here are served."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Close it."""
        transport.close()


class IngestPage:
    """Serves the one address; what is asked is answered by `receive`, in a thread."""

    def __init__(
        self,
        settings: IngestSettings,
        receive: Receive,
        *,
        clients: int = _MOST_CLIENTS,
        quiet_s: float = _QUIET_S,
        body_s: float = _BODY_S,
    ) -> None:
        self._settings, self._receive = settings, receive
        self._clients, self._quiet_s, self._body_s = clients, quiet_s, body_s
        self._held_bytes = 0
        self._busy: set[RequestHandler] = set()
        self._idle_since: dict[RequestHandler, float] = {}
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self.answers: Counter[int] = Counter()
        """Requests answered since the start, by status."""

    @property
    def address(self) -> str:
        """Address that takes mentions."""
        if self._server is None:
            return ""
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}{PATH}"

    async def start(self) -> None:
        """Listen.

        Raises:
            UsageError: the address is in use or cannot be bound.
        """
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._handle)
        self._runner = web.AppRunner(
            app, access_log=None, auto_decompress=False, keepalive_timeout=self._quiet_s, lingering_time=2.0,
            max_line_size=_LINE, max_field_size=_FIELD, shutdown_timeout=4.0, logger=_quiet_logger(),
        )  # fmt: skip
        await self._runner.setup()
        host, port = self._settings.host, self._settings.port
        try:
            self._server = await asyncio.get_running_loop().create_server(self._connected, host, port)
        except OSError as err:
            await self._runner.cleanup()
            raise UsageError(
                f"ingest: {host}:{port} cannot be used ({err.strerror}); set ingest.port to a free port"
            ) from err
        self._sweeper = asyncio.create_task(self._sweep())

    async def stop(self) -> None:
        """Take nothing more, let what is under way end within four seconds, and free the port."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        if self._server is not None:
            self._server.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def _connected(self) -> asyncio.Protocol:
        server = self._runner.server if self._runner else None
        if server is None or len(server.connections) >= self._clients:
            return _TurnedAway()
        return server()

    async def _sweep(self) -> None:
        """Close connections that say nothing, or not all of their headers."""
        while True:
            await asyncio.sleep(min(_SWEEP_S, self._quiet_s / 2))
            server = self._runner.server if self._runner else None
            here = server.connections if server else []
            now_s = time.monotonic()
            self._idle_since = {each: self._idle_since.get(each, now_s) for each in here if each not in self._busy}
            for each, since_s in self._idle_since.items():
                if now_s - since_s > self._quiet_s:
                    each.force_close()

    async def _handle(self, request: web.Request) -> web.Response:
        self._busy.add(request.protocol)
        self._idle_since.pop(request.protocol, None)
        try:
            answer = await self._answer(request)
        except Exception:  # border of one request
            logger.exception("ingest request failed")
            answer = Answer(status=500, body={"error": "an error of this server; it is in its log"})
        finally:
            self._busy.discard(request.protocol)
        self.answers[answer.status] += 1
        return _response(answer)

    async def _answer(self, request: web.Request) -> Answer:
        most = self._settings.body_bytes
        room = min(request.content_length or most, most)
        if (request.content_length or 0) > most:
            return _too_large(most)
        if self._held_bytes + room > _ROOM * most:
            return Answer(status=503, body={"error": "too many at once; send it again"}, headers={"Retry-After": "5"})
        self._held_bytes += room
        try:
            async with asyncio.timeout(self._body_s):
                body = await _body_of(request, most)
            asked = Asked(method=request.method, path=request.raw_path, headers=request.headers, body=body)
            return await asyncio.to_thread(self._receive, asked)
        except _TooLargeError:
            return _too_large(most)
        except TimeoutError:
            return Answer(status=408, body={"error": "the body came too slowly"}, headers={"Connection": "close"})
        finally:
            self._held_bytes -= room


def _quiet_logger() -> logging.Logger:
    """Return a logger for what is no HTTP: anybody can send that, and it would stand in the log at its full length."""
    quiet = logging.getLogger(f"{__name__}.http")
    quiet.setLevel(logging.CRITICAL)
    return quiet


async def _body_of(request: web.Request, most: int) -> bytes:
    """Return the body as sent.

    Raises:
        _TooLargeError: it is longer than `most` bytes.
    """
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > most:
            raise _TooLargeError
    return bytes(body)


def _too_large(most: int) -> Answer:
    error = f"more than {most} bytes; send it in several requests"
    return Answer(status=413, body={"error": error}, headers={"Connection": "close"})


def _response(answer: Answer) -> web.Response:
    raw = json.dumps(answer.body, ensure_ascii=False).encode("utf-8", "replace")
    headers = {"Cache-Control": "no-store", **answer.headers}
    return web.Response(
        status=answer.status, body=raw, headers=headers, content_type="application/json", charset="utf-8"
    )


async def serve(
    settings: IngestSettings, receive: Receive, stop: threading.Event, note: Callable[[Mapping[str, object]], None]
) -> None:
    """Serve until `stop` is set; `note` is told every moment how it is.

    Raises:
        UsageError: the address is in use or cannot be bound.
    """
    page = IngestPage(settings, receive)
    await page.start()
    logger.info("ingest listens address=%s partners=%d", page.address, len(settings.partners))
    try:
        while not stop.is_set():
            note({"ok": True, "address": page.address, "answers": {str(k): n for k, n in sorted(page.answers.items())}})
            await asyncio.sleep(_STEP_S)
    finally:
        await page.stop()
