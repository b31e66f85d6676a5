"""Signs of life to a watchdog, against a real server on loopback."""

import http.server
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.notifiers.road import Road
from config.loader import default_settings
from config.settings import HeartbeatSettings, NetworkSettings
from domain.secret import Secret
from service.heartbeat import GRACE_S, Heartbeat
from service.wiring import make_heartbeat, specs
from tests.tls import Authority

WELL: dict[str, object] = {"ok": True, "problems": []}
UNWELL: dict[str, object] = {"ok": False, "problems": [{"code": "disk_low", "what": "磁盘只剩 1 MB"}]}


class Watchdog(http.server.ThreadingHTTPServer):
    """Notes what it is asked and answers as told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.heard: list[tuple[str, str, str]] = []
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/ping/abc?x=1"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Watchdog

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.server.heard.append((self.command, self.path, body))
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def watchdog() -> Iterator[Watchdog]:
    server = Watchdog()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


class Service:
    def __init__(self, url: str) -> None:
        self.view: Any = WELL
        self.now_s = 0.0
        settings = HeartbeatSettings(url=Secret(url))
        self.beat = Heartbeat(settings, self._look, Road(timeout_s=2.0), monotonic=lambda: self.now_s)

    def _look(self) -> dict[str, object]:
        if self.view is None:
            raise RuntimeError("secret detail")
        return self.view  # type: ignore[no-any-return]


def test_well_is_a_ping_and_not_well_is_a_failure_with_the_problems(watchdog: Watchdog) -> None:
    service = Service(watchdog.url)
    assert service.beat.beat() is True
    service.view = UNWELL
    assert service.beat.beat() is False
    service.view = None
    assert service.beat.beat() is False
    assert watchdog.heard == [
        ("GET", "/ping/abc?x=1", ""),
        ("POST", "/ping/abc/fail?x=1", "disk_low: 磁盘只剩 1 MB"),
        ("POST", "/ping/abc/fail?x=1", "view: RuntimeError"),
    ]


def test_a_service_that_still_starts_says_nothing_for_three_minutes(watchdog: Watchdog) -> None:
    service = Service(watchdog.url)
    service.view = UNWELL
    assert service.beat.beat() is None and watchdog.heard == []
    service.now_s = GRACE_S
    assert service.beat.beat() is False and len(watchdog.heard) == 1


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_watchdog_that_refuses_harms_nothing_and_is_logged_once(
    watchdog: Watchdog, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    service = Service(watchdog.url)
    watchdog.status = status
    with caplog.at_level("INFO", "service.heartbeat"):
        assert [service.beat.beat() for _ in range(3)] == [True] * 3
        watchdog.status = 200
        service.beat.beat()
    assert [path for _, path, _ in watchdog.heard] == ["/ping/abc?x=1"] * 4
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "abc" not in caplog.text and f"HTTP {status}" in caplog.text


def test_a_watchdog_behind_the_company_s_own_authority_is_reached_with_network_ca(
    watchdog: Watchdog, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    authority = Authority(tmp_path)
    watchdog.socket = authority.server().wrap_socket(watchdog.socket, server_side=True)
    own = HeartbeatSettings(url=Secret(watchdog.url.replace("http:", "https:")))
    settings = replace(default_settings(specs(), folder=tmp_path), heartbeat=own)
    for ca in (None, authority.ca):
        make_heartbeat(replace(settings, network=NetworkSettings(ca=ca)), lambda: WELL).beat()
    assert [path for _, path, _ in watchdog.heard] == ["/ping/abc?x=1"]
    assert "the watchdog was not reached" in caplog.text


def test_a_watchdog_that_is_away_harms_nothing(caplog: pytest.LogCaptureFixture) -> None:
    service = Service("http://127.0.0.1:9/secret-path")
    assert service.beat.beat() is True
    assert "secret-path" not in caplog.text and "URLError" in caplog.text


def test_it_beats_in_a_thread_until_told_to_stop(watchdog: Watchdog) -> None:
    stop = threading.Event()
    quick = Heartbeat(
        HeartbeatSettings(url=Secret(watchdog.url), interval=timedelta(milliseconds=20)),
        lambda: WELL,
        Road(timeout_s=2.0),
    )
    quick.start(stop)
    deadline = time.monotonic() + 10
    while len(watchdog.heard) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    stop.set()


def test_without_an_address_nothing_runs() -> None:
    before = threading.active_count()
    Heartbeat(HeartbeatSettings(), lambda: WELL, Road()).start(threading.Event())
    assert threading.active_count() == before
