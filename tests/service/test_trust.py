"""A company proxy that opens TLS: trusted where the settings name its authority, for sources and both channels."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from service import wiring
from service.beat import Beat
from service.clock import SystemClock
from service.role import run_crawl
from tests.service.conftest import Cli
from tests.tls import Authority

RSS = '<rss version="2.0"><channel><title>晚报</title><item><title>题</title><link>{}/a</link></item></channel></rss>'


class _Inspected(BaseHTTPRequestHandler):
    """A feed, Slack and WeCom behind one certificate."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self._answer(b"" if self.path == "/robots.txt" else RSS.format(f"https://{self.headers['Host']}").encode())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(json.dumps({"ok": True, "errcode": 0, "errmsg": "ok", "channel": "C1", "ts": "1.2"}).encode())

    def _answer(self, body: bytes) -> None:
        self.asked.append(self.path.partition("?")[0])
        self.send_response(200)
        self.send_header("Content-Type", "application/json" if self.command == "POST" else "application/rss+xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        return


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        return  # a client that does not trust us hangs up


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def inspected(authority: Authority) -> Iterator[str]:
    _Inspected.asked.clear()
    server = _Quiet(("127.0.0.1", 0), _Inspected)
    server.socket = authority.server().wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def write(tmp_path: Path, pair: str, ca: Path | None) -> Path:
    path = tmp_path / "tingfeng.yaml"
    path.write_text(
        "brands: [{id: yunshan, name: 云杉咖啡}]\n"
        f"sources: [{{platform: feed, name: news, url: 'https://{pair}/rss', pace: 0s}}]\n"
        f"network: {{allow_internal: ['{pair}']{f', ca: {ca}' if ca else ''}}}\n"
        "receivers:\n"
        f"  - {{name: pr, slack: {{token: xoxb-1, channel: C1, base_url: 'https://{pair}/api/'}},"
        f" wecom_robot: {{key: 693a91f6-7abc-4bc4-97a0-0ec20cfa5aaa, base_url: 'https://{pair}'}}}}\n",
        encoding="utf-8",
    )
    return path


def visit(config: Path) -> tuple[int, str]:
    """Let the crawl role visit the source once; return what came in and why it is blind, if it is."""
    settings = wiring.load_settings(config)
    stop = threading.Event()
    with wiring.opened(config) as (_, stores):
        crawl = threading.Thread(target=run_crawl, args=(settings, SystemClock(), stop, Beat(None, "crawl")))
        crawl.start()
        try:
            for _ in range(600):
                state = stores.state.visits.load().get("news")
                if state is not None and state.last_outcome is not None:
                    return stores.inbox.depth(), state.last_detail
                crawl.join(0.05)
        finally:
            stop.set()
            crawl.join()
    raise AssertionError("no visit")


def test_without_the_authority_nobody_is_believed(cli: Cli, tmp_path: Path, inspected: str) -> None:
    config = write(tmp_path, inspected, None)
    got, why = visit(config)
    assert (got, why) == (0, "127.0.0.1: its certificate is not trusted")
    ran = cli("notify", "test", "pr")
    assert ran.code == 1 and ran.out.count("network.ca") == 2, ran.out
    assert _Inspected.asked == [], "nothing may be sent to a server that is not trusted"


def test_with_it_sources_are_read_and_both_channels_are_told(
    cli: Cli, tmp_path: Path, inspected: str, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    config = write(tmp_path, inspected, authority.ca)
    with caplog.at_level(logging.ERROR):
        assert visit(config) == (1, "")
    ran = cli("notify", "test", "pr")
    assert ran.code == 0, ran.out + ran.err
    assert _Inspected.asked == ["/robots.txt", "/rss", "/api/chat.postMessage", "/cgi-bin/webhook/send"]
    assert not caplog.records


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot be read: No such file or directory"), ("hello", "holds no certificate in PEM form")],
)
def test_a_file_that_is_no_use_is_an_error_of_the_settings(
    cli: Cli, tmp_path: Path, content: str | None, said: str
) -> None:
    ca = tmp_path / "corp.pem"
    if content is not None:
        ca.write_text(content, encoding="utf-8")
    write(tmp_path, "127.0.0.1:1", ca)
    ran = cli("check")
    assert ran.code == 2 and "network.ca" in ran.err and said in ran.err and "BEGIN CERTIFICATE" in ran.err
