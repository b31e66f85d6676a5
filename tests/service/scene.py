"""A service that is well, to be made unwell by tests."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from config.settings import ReceiverSettings, Settings
from domain.source import SourceHealth, SourceState
from service.health_page import Pages
from service.problems import Scene
from storage.state.figures import StateFigures

NOW = datetime(2026, 6, 20, 7, 30, tzinfo=UTC)
SETTINGS = Settings(path=Path("t"), data_dir=Path("/n"), locale="en", receivers=(ReceiverSettings(name="pr"),))


def role(name: str, **changes: object) -> dict[str, object]:
    base: dict[str, object] = {"role": name, "pid": 7, "ok": True, "restarts": 0, "last_exit": None}
    return base | {"heartbeat_age_s": 1, "detail": {"role": name}} | changes


def watching(**detail: object) -> dict[str, object]:
    since = (NOW - timedelta(hours=1)).isoformat()
    said = {"standby": False, "watching_since": since, "evaluated_at": NOW.isoformat()}
    return role("watch", detail=said | detail)


def figures(**changes: object) -> StateFigures:
    base: dict[str, object] = {
        "inbox_rows": 0,
        "inbox_oldest_at": None,
        "dead_letters": 0,
        "channels": {},
        "critical_since": None,
        "incidents": {},
        "watched_until": None,
    }
    return StateFigures(**(base | changes))  # type: ignore[arg-type]  # fields by name


def source(name: str, state: SourceState = SourceState.LIVE, why: str = "") -> SourceHealth:
    return SourceHealth(source=name, platform="feed", state=state, why=why, fix="do this" if why else "")


def scene(**changes: object) -> Scene:
    base: dict[str, object] = {
        "now": NOW,
        "roles": [role("crawl"), role("analyse"), watching()],
        "disk_free_bytes": 10**12,
        "figures": figures(),
        "sources": [source("a"), source("b")],
    }
    return Scene(**(base | changes))  # type: ignore[arg-type]  # fields by name


def pages(health: Callable[[], Mapping[str, object]]) -> Pages:
    return Pages(
        health=health, live=lambda: {"ok": True, "up_s": 1}, metrics=lambda accept: (accept.encode(), "text/x")
    )
