"""The pages on loopback: `/healthz` for people and watchdogs, `/livez` for restarts, `/metrics` for Prometheus."""

import contextlib
import json
import logging
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from service.errors import UsageError

__all__ = ["HealthPage", "Pages"]

logger = logging.getLogger(__name__)

_TIMEOUT_S = 10.0
_MOST_CLIENTS = 32

View = Callable[[], Mapping[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """What each address shows."""

    health: View
    """`/healthz`: 200 while its `ok` is true, else 503."""
    live: View
    """`/livez`: the same for the process alone."""
    metrics: Callable[[str], tuple[bytes, str]]
    """`/metrics`: gets the Accept header, returns page and content type."""


class HealthPage:
    """Serves the pages; a view that fails is a 503 that says so."""

    def __init__(self, host: str, port: int, pages: Pages) -> None:
        """Bind at once, so that a port in use is known before anything starts.

        Raises:
            UsageError: the address is in use or cannot be bound.
        """
        try:
            self._server = _Server((host, port), _handler(pages))
        except OSError as err:
            raise UsageError(
                f"healthz: {host}:{port} cannot be used ({err.strerror}); "
                "set healthz.port to a free port, or to 0 for any"
            ) from err
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def address(self) -> str:
        """Address of the health page; the others lie beside it."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/healthz"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and free the port."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    """Answers each client in a thread, of 32 at most: for one more the oldest, which says nothing, has to go."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._clients: dict[socket.socket, None] = {}
        self._changing = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Take a client in."""
        with self._changing:
            self._clients[request] = None
            crowd = list(self._clients)[:-_MOST_CLIENTS]
            for oldest in crowd:
                del self._clients[oldest]
        for oldest in crowd:
            with contextlib.suppress(OSError):
                oldest.shutdown(socket.SHUT_RDWR)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Let a client go."""
        with self._changing:
            self._clients.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say in one line that a client went away or wrote what is no request."""
        logger.debug("health page client failed error=%r", sys.exception())


def _handler(pages: Pages) -> type[BaseHTTPRequestHandler]:
    views = {"/healthz": pages.health, "/livez": pages.live}

    class Handler(BaseHTTPRequestHandler):
        timeout = _TIMEOUT_S

        def do_GET(self) -> None:
            path = self.path.split("?", 1)[0]
            if path == "/metrics":
                self._metrics()
            elif path in views:
                self._view(views[path])
            else:
                self._json(404, {"error": "here are /healthz, /livez and /metrics"})

        def _view(self, view: View) -> None:
            try:
                body = view()
            except Exception as err:  # noqa: BLE001 - border of one request: the page must say that it cannot see
                logger.warning("health view failed error=%r", err)
                body = {"ok": False, "error": f"{type(err).__name__}: the view failed, see the log"}
            self._json(200 if body.get("ok") else 503, body)

        def _metrics(self) -> None:
            try:
                raw, content_type = pages.metrics(self.headers.get("Accept", ""))
            except Exception as err:  # noqa: BLE001 - border of one request
                logger.warning("metrics failed error=%r", err)
                self._json(503, {"error": f"{type(err).__name__}: the metrics failed, see the log"})
                return
            self._answer(200, raw, content_type)

        def _json(self, status: int, body: Mapping[str, object]) -> None:
            raw = json.dumps(body, ensure_ascii=False, indent=1).encode("utf-8", "replace")
            self._answer(status, raw, "application/json; charset=utf-8")

        def _answer(self, status: int, raw: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(raw)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: object) -> None:
            logger.debug("health page %s", self.path)

    return Handler
