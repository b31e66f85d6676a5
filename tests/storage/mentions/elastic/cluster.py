"""A cluster on loopback that answers what a test tells it to; for answers that a real one gives only in trouble."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, Any]
"""Status and JSON body."""


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class FakeCluster:
    """Answers by rule, first fitting one wins; keeps what was asked."""

    rules: list[tuple[str, Callable[[Request], Answer]]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    url: str = ""
    product: str = "Elasticsearch"

    def on(self, path: str, *answers: Answer) -> None:
        """Answer requests whose path starts so; the last answer goes on for ever."""
        left = list(answers)
        self.rules.insert(0, (path, lambda request: left.pop(0) if len(left) > 1 else left[0]))

    def asked(self, path: str) -> list[Request]:
        return [each for each in self.requests if each.path.startswith(path)]

    def answer(self, request: Request) -> Answer:
        self.requests.append(request)
        for path, rule in self.rules:
            if request.path.startswith(path):
                return rule(request)
        return 404, error("resource_not_found_exception", "nothing here")


def error(kind: str, reason: str) -> dict[str, Any]:
    return {"error": {"type": kind, "reason": reason, "root_cause": [{"type": kind, "reason": reason}]}}


def denied(action: str, privileges: str, level: str = "index") -> dict[str, Any]:
    """The answer of a real node to a user without a privilege, as read from 9.4.3."""
    return error(
        "security_exception",
        f"action [{action}] is unauthorized for user [tingfeng] with effective roles [tingfeng], "
        f"this action is granted by the {level} privileges [{privileges}]",
    )


@contextmanager
def fake_cluster(tls: ssl.SSLContext | None = None) -> Iterator[FakeCluster]:
    cluster = FakeCluster()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, answer = cluster.answer(Request(self.command, self.path, dict(self.headers), body))
            raw = b"" if self.command == "HEAD" else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("X-Elastic-Product", cluster.product)
            self.send_header("Content-Type", "application/vnd.elasticsearch+json;compatible-with=8")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def __getattr__(self, name: str) -> Callable[[], None]:
            if name.startswith("do_"):
                return self._do
            raise AttributeError(name)

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    cluster.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_address[1]}"
    try:
        yield cluster
    finally:
        server.shutdown()
        server.server_close()
