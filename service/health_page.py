"""The health page: `/healthz` on loopback, for people and for an outside watchdog."""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from service.errors import UsageError

__all__ = ["HealthPage"]

logger = logging.getLogger(__name__)


class HealthPage:
    """Serves one JSON view; 200 while its `ok` is true, else 503."""

    def __init__(self, host: str, port: int, view: Callable[[], Mapping[str, object]]) -> None:
        """Bind at once, so that a port in use is known before anything starts.

        Raises:
            UsageError: the address is in use or cannot be bound.
        """
        try:
            self._server = ThreadingHTTPServer((host, port), _handler(view))
        except OSError as err:
            raise UsageError(
                f"healthz: {host}:{port} cannot be used ({err.strerror}); "
                "set healthz.port to a free port, or to 0 for any"
            ) from err
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def address(self) -> str:
        """Address of the page."""
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


def _handler(view: Callable[[], Mapping[str, object]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.split("?", 1)[0] != "/healthz":
                self._answer(404, {"error": "only /healthz is here"})
                return
            try:
                body = view()
            except Exception as err:  # noqa: BLE001 - border of one request: the page must say that it cannot see
                logger.warning("health view failed error=%r", err)
                body = {"ok": False, "error": f"{type(err).__name__}: the state database did not answer"}
            self._answer(200 if body.get("ok") else 503, body)

        def _answer(self, status: int, body: Mapping[str, object]) -> None:
            raw = json.dumps(body, ensure_ascii=False, indent=1).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(raw)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: object) -> None:
            logger.debug("health page %s", self.path)

    return Handler
