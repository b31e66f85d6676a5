"""The real service stops within ten seconds, whatever it is waiting for, and nothing is lost by it."""

import contextlib
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
import yaml

from alerts.outbox import queue
from domain.incident import DeliveryState
from domain.mention import Kind, Mention, Post
from domain.ports import DeskChange
from service import wiring
from service.demo.sink import DEMO_KEY
from storage import open_state
from tests.alerts.kit import FULL
from tests.e2e.harness import Service, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

STOP_S = 10.0
MANY = 50


class Mute:
    """Takes connections on loopback and never answers."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._held: list[socket.socket] = []
        self.pair = f"127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._take, daemon=True).start()

    @property
    def asked(self) -> int:
        """How many connections came."""
        return len(self._held)

    def _take(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._held.append(self._server.accept()[0])

    def close(self) -> None:
        """Drop all connections."""
        self._server.close()
        for one in self._held:
            one.close()


@pytest.fixture
def mute() -> Iterator[Mute]:
    one = Mute()
    yield one
    one.close()


def make(folder: Path, site: str, channel: str) -> Service:
    settings = {
        "data_dir": str(folder / "data"),
        "brands": [{"id": "yunshan", "name": "云杉咖啡", "query": "云杉咖啡"}],
        "sources": [{"platform": "feed", "name": "news", "url": f"http://{site}/rss"}],
        "receivers": [{"name": "pr", "wecom_robot": {"key": DEMO_KEY, "base_url": f"http://{channel}"}}],
        "network": {"allow_internal": [site]},
        "healthz": {"port": 0},
    }
    return Service(folder, yaml.safe_dump(settings, allow_unicode=True))


def fill(service: Service) -> None:
    """Leave mentions in the inbox and a message in the outbox."""
    now = datetime.now(UTC)
    settings = wiring.load_settings(service.config)
    with contextlib.closing(open_state(None, settings.data_dir)) as state:
        posts = (Post(platform="weibo", native_id=str(n), kind=Kind.POST, text=f"云杉咖啡 {n}") for n in range(MANY))
        state.inbox.append(
            [
                Mention(id=f"weibo:{n}", post=post, source="x", first_collected_at=now, last_collected_at=now)
                for n, post in enumerate(posts)
            ],
            now=now,
        )
        report = replace(FULL, at=now, started_at=now)
        rows = queue(report, incident_id=None, receivers=settings.receivers, severity=report.severity, now=now)
        state.desk.commit(DeskChange(deliveries=rows), now=now)


def stop_in_time(service: Service) -> None:
    assert service.pid is not None
    family = psutil.Process(service.pid).children(recursive=True)
    assert len(family) >= 3
    begun_s = time.monotonic()
    code = service.stop()
    took_s = time.monotonic() - begun_s
    assert code == 0, service.log_text()[-3000:]
    assert took_s <= STOP_S, f"{took_s:.1f} s\n{service.log_text()[-3000:]}"
    _, left = psutil.wait_procs(family, timeout=3)
    assert not left, left


def test_it_stops_in_time_while_a_site_a_channel_and_the_store_hang(tmp_path: Path, mute: Mute) -> None:
    channel = Mute()
    service = make(tmp_path, mute.pair, channel.pair)
    service.start()
    try:
        wait_until("its roles are up", lambda: roles_up(service), limit_s=60)
        store = sqlite3.connect(tmp_path / "data" / "mentions.db", timeout=30, isolation_level=None)
        store.execute("BEGIN IMMEDIATE")  # whoever writes waits
        fill(service)
        wait_until("the site is being asked", lambda: mute.asked, limit_s=60)
        wait_until("the channel is being asked", lambda: channel.asked, limit_s=60)
        wait_until("a batch is under way", lambda: leased(tmp_path / "data" / "state.db"), limit_s=60)
        stop_in_time(service)
        store.execute("ROLLBACK")
        store.close()
    finally:
        service.stop()
        channel.close()
    with wiring.opened(service.config) as (_, stores):
        assert stores.inbox.depth() == MANY, "a batch that broke off is still in the inbox"
        (message,) = stores.state.desk.deliveries()
        assert message.state in (DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.UNCERTAIN)


def roles_up(service: Service) -> bool:
    roles = service.health().get("roles", [])
    return len(roles) == 3 and all(role["detail"] for role in roles)


def leased(path: Path) -> bool:
    with contextlib.closing(sqlite3.connect(path, timeout=15)) as connection:
        return bool(connection.execute("SELECT count(*) FROM inbox WHERE owner IS NOT NULL").fetchone()[0])


def test_it_stops_in_time_before_it_is_well_up(tmp_path: Path, mute: Mute) -> None:
    service = make(tmp_path, mute.pair, mute.pair)
    service.start()
    wait_until("its roles start", lambda: service.log_text().count("role started") >= 3, limit_s=60)
    stop_in_time(service)
