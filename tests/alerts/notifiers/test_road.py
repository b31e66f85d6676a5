from __future__ import annotations

import http.client
import socket
import ssl
import threading
import urllib.error
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest

from alerts.notifiers.base import mask
from alerts.notifiers.road import Road, began


class _Proxy(BaseHTTPRequestHandler):
    seen: ClassVar[list[tuple[str, str, str | None]]] = []

    def _note(self) -> None:
        self.seen.append((self.command, self.path, self.headers.get("Proxy-Authorization")))

    def do_POST(self) -> None:
        self._note()
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"errcode":0}')

    def do_CONNECT(self) -> None:
        self._note()
        self.send_error(403)

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def proxy() -> Iterator[str]:
    _Proxy.seen.clear()
    server = HTTPServer(("127.0.0.1", 0), _Proxy)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_proxy_is_used_with_its_login(proxy: str) -> None:
    reply = Road(proxy=f"http://u:p%40ss@{proxy}").post_json("http://api.example/x", {"a": "中"})
    assert (reply.status, reply.body) == (200, '{"errcode":0}')
    assert _Proxy.seen == [("POST", "http://api.example/x", "Basic dTpwQHNz")]


def test_a_proxy_without_scheme_is_understood_and_https_is_tunnelled(proxy: str) -> None:
    with pytest.raises(urllib.error.URLError) as caught:
        Road(proxy=proxy).post_json("https://api.example/x", {})
    assert _Proxy.seen == [("CONNECT", "api.example:443", None)]
    assert began(caught.value) is False, "nothing reached the other side"


@pytest.mark.parametrize("rule", ["127.0.0.1", ".0.0.1"])
def test_hosts_without_proxy_are_reached_directly(proxy: str, rule: str) -> None:
    road = Road(proxy="http://127.0.0.1:1", no_proxy=(rule,))
    assert road.post_json(f"http://{proxy}/x", {}).status == 200
    assert _Proxy.seen == [("POST", "/x", None)]


@pytest.mark.parametrize(
    ("error", "reached"),
    [
        (urllib.error.URLError(ConnectionRefusedError()), False),
        (urllib.error.URLError(socket.gaierror()), False),
        (urllib.error.URLError(ssl.SSLError()), False),
        (urllib.error.URLError(TimeoutError()), False),
        (urllib.error.URLError("unknown url type"), False),
        (urllib.error.URLError(ConnectionResetError()), True),
        (TimeoutError(), True),
        (ConnectionResetError(), True),
        (http.client.RemoteDisconnected(), True),
        (http.client.IncompleteRead(b""), True),
    ],
)
def test_it_is_known_whether_a_request_may_have_arrived(error: Exception, reached: bool) -> None:
    assert began(error) is reached


def test_answers_are_masked() -> None:
    text = mask(
        "https://q/send?key=abc&x=1 xoxb-12-ab /services/T/B/x 693a91f6-7abc-4bc4-97a0-0ec20cfa5aaa tok\n" + "x" * 400,
        ["tok"],
    )
    assert text.startswith("https://q/send?key=***&x=1 xox*** /services/*** *** *** xxx")
    assert len(text) == 300
