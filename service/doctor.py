"""`tingfeng doctor`: the likely faults of an installation, each with its fix."""

import importlib.metadata
import shutil
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from config.settings import Settings
from domain.errors import TingfengError
from domain.source import SourceState
from service import wiring
from service.clock import SystemClock
from service.overview import channel_view

__all__ = ["Finding", "examine"]

PACKAGES = ("domain", "config", "storage", "crawlers", "analysis", "alerts", "dashboards", "service")
FREE_BYTES = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    what: str
    """What was found, in words."""
    ok: bool
    """Whether it is as it should be."""
    fix: str = ""
    """What to do; empty = nothing."""

    def view(self) -> dict[str, object]:
        """Return it JSON-ready."""
        return {"ok": self.ok, "what": self.what, "fix": self.fix}


def examine(config: Path | None) -> list[Finding]:
    """Look at the installation, then at the settings and stores if there are any."""
    findings = [_python(), _packages(), _sqlite(), _model()]
    try:
        path = wiring.find_config(config)
        settings = wiring.load_settings(path)
    except TingfengError as err:
        return [*findings, Finding(what=str(err), ok=False, fix="tingfeng init --brand NAME writes a file that works")]
    findings.append(Finding(what=f"settings {path}: {len(settings.sources)} sources", ok=True))
    findings += [Finding(what=warning, ok=False, fix="see the line above") for warning in settings.warnings]
    return [*findings, *_installation(settings)]


def _python() -> Finding:
    found = ".".join(str(part) for part in sys.version_info[:3])
    return Finding(
        what=f"Python {found}",
        ok=sys.version_info >= (3, 11),
        fix="" if sys.version_info >= (3, 11) else "install Python 3.11 or newer",
    )


def _packages() -> Finding:
    mapping = importlib.metadata.packages_distributions()
    foreign = [name for name in PACKAGES if "tingfeng" not in mapping.get(name, ["tingfeng"])]
    return Finding(
        what="our packages are ours" if not foreign else f"another distribution provides: {', '.join(foreign)}",
        ok=not foreign,
        fix="" if not foreign else "install Tingfeng into a virtual environment of its own: make setup",
    )


def _sqlite() -> Finding:
    try:
        with sqlite3.connect(":memory:") as connection:
            connection.execute("CREATE VIRTUAL TABLE t USING fts5(x)")
    except sqlite3.OperationalError:
        return Finding(
            what=f"SQLite {sqlite3.sqlite_version} lacks FTS5", ok=False, fix="use a Python built with SQLite FTS5"
        )
    return Finding(what=f"SQLite {sqlite3.sqlite_version} with FTS5", ok=True)


def _model() -> Finding:
    from analysis.weights import SHIPPED_MODEL, load_weights

    try:
        load_weights(SHIPPED_MODEL)
    except TingfengError as err:
        return Finding(what=f"sentiment weights: {err}", ok=False, fix="reinstall: make clean setup")
    return Finding(what="sentiment weights are whole", ok=True)


def _installation(settings: Settings) -> Iterator[Finding]:
    for look in (_data_dir, _disk, _port, _receivers, _stores):
        yield from _safely(look, settings)


def _safely(look: Callable[[Settings], Iterator[Finding]], settings: Settings) -> Iterator[Finding]:
    try:
        yield from look(settings)
    except TingfengError as err:
        yield Finding(what=str(err), ok=False, fix="see the message")


def _data_dir(settings: Settings) -> Iterator[Finding]:
    wiring.prepare_data_dir(settings.data_dir)
    yield Finding(what=f"data_dir {settings.data_dir} is ours alone (0700)", ok=True)


def _disk(settings: Settings) -> Iterator[Finding]:
    free = shutil.disk_usage(settings.data_dir).free
    yield Finding(
        what=f"{free / 1e9:.1f} GB free beside the stores",
        ok=free >= FREE_BYTES,
        fix="" if free >= FREE_BYTES else "free some space, or move data_dir to a larger disk",
    )


def _port(settings: Settings) -> Iterator[Finding]:
    if settings.health.port == 0:
        return
    with socket.socket() as probe:
        answers = probe.connect_ex((settings.health.host, settings.health.port)) == 0
    yield Finding(
        what=f"port {settings.health.port}: " + ("something answers (a running Tingfeng?)" if answers else "free"),
        ok=True,
    )


def _receivers(settings: Settings) -> Iterator[Finding]:
    yield Finding(
        what=f"{len(settings.receivers)} receivers",
        ok=bool(settings.receivers),
        fix="" if settings.receivers else "add receivers: with slack or wecom_robot, then `tingfeng notify test NAME`",
    )


def _stores(settings: Settings) -> Iterator[Finding]:
    stores = wiring.open_stores(settings)
    try:
        for health in wiring.health_reader(settings, stores, SystemClock())():
            good = health.state is not SourceState.BLIND
            yield Finding(
                what=f"source {health.source}: {health.state.value} {health.why}".rstrip(), ok=good, fix=health.fix
            )
        for channel in channel_view(stores.state.desk.deliveries(limit=500)):
            yield Finding(
                what=f"channel {channel['channel']} of {channel['receiver']}: {channel['last_answer'] or 'quiet'}",
                ok=bool(channel["ok"]),
                fix="" if channel["ok"] else f"tingfeng notify test {channel['receiver']} says what to do",
            )
        dead = stores.inbox.dead_letters(limit=100)
        yield Finding(
            what=f"{len(dead)} mentions set aside" + (f", newest: {dead[0][2]}" if dead else ""),
            ok=not dead,
            fix="" if not dead else "report the reason; nothing else is held up by them",
        )
    finally:
        stores.close()
