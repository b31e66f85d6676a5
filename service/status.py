"""How the service is: gathered once, shown as `/healthz`, `/livez` and `/metrics`."""

import importlib.metadata
import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from config.settings import Settings
from domain.clock import Clock
from domain.source import SourceHealth, SourceState, VisitState
from service import wiring
from service.channels import CHANNEL_STATES, channel_lines
from service.lookout import Lookout
from service.memory import own_bytes
from service.metrics.collector import Sample, exposition, wire_samples
from service.overview import source_view
from service.problems import Scene, detail_of, problems_of, warnings_of
from service.retention import MARK
from storage.state.figures import StateFigures

__all__ = ["Reading", "Status", "reader"]

WAIT_S = 3.0
"""Longest time that a page waits for the stores, real seconds."""
LOOP_LIMIT_S = 60.0
"""The supervisor's loop turns twice a second; one that stands still so long is dead, real seconds."""
FIGURES = "figures"
"""Key of a heartbeat under which a role's own metrics travel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the stores say."""

    figures: StateFigures
    """Counts and ages."""
    sources: tuple[SourceHealth, ...]
    """Health of every source."""
    cleaned_at: datetime | None = None
    """When old data was last deleted, UTC; None = never."""
    visits: Mapping[str, VisitState]
    """State of every source that was visited, by name."""


def reader(settings: Settings, stores: wiring.Stores, clock: Clock) -> Callable[[], Reading]:
    """Return what reads the stores for the pages; it raises what they raise."""
    health = wiring.health_reader(settings, stores, clock)

    def read() -> Reading:
        return Reading(
            figures=stores.state.figures.read(),
            sources=tuple(health()),
            visits=stores.state.visits.load(),
            cleaned_at=stores.state.marks.at(MARK),
        )

    return read


class Status:
    """Everything that the pages show.

    Args:
        settings: the installation.
        clock: domain time.
        roles: views of the roles' processes, from memory.
        read: reads the stores; may hang or raise.
        monotonic: real seconds.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        roles: Callable[[], Sequence[Mapping[str, object]]],
        read: Callable[[], Reading],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._clock, self._roles = settings, clock, roles
        self._monotonic = monotonic
        self._lookout = Lookout(read, monotonic=monotonic)
        self._began_s = monotonic()
        self._turned_s = self._began_s
        self._began_at = time.time()
        self._build = {"version": importlib.metadata.version("tingfeng"), "python": platform.python_version()}

    def turn(self) -> None:
        """Note that the supervisor's loop goes on."""
        self._turned_s = self._monotonic()

    def live(self) -> dict[str, object]:
        """Return the view of `/livez`: this process works; nothing about stores, sources or channels."""
        idle_s = self._monotonic() - self._turned_s
        up_s = round(self._monotonic() - self._began_s)
        return {"ok": idle_s < LOOP_LIMIT_S, "pid": os.getpid(), "up_s": up_s, "loop_idle_s": round(idle_s, 1)}

    def health(self) -> dict[str, object]:
        """Return the view of `/healthz`; `ok` = no problem, see `service.problems`."""
        scene, _ = self._scene()
        problems = problems_of(scene, self._settings)
        figures = scene.figures
        oldest = figures.inbox_oldest_at if figures else None
        return {
            "ok": not problems,
            "problems": [each.view() for each in problems],
            "warnings": [each.view() for each in warnings_of(scene, self._settings)],
            "now": scene.now.isoformat(),
            "stale_s": round(scene.stale_s, 1),
            "roles": [_without_figures(role) for role in scene.roles],
            "sources": [source_view(each) for each in scene.sources],
            "channels": list(scene.channels),
            "inbox": figures.inbox_rows if figures else None,
            "inbox_oldest_s": round((scene.now - oldest).total_seconds()) if oldest else None,
            "dead_letters": figures.dead_letters if figures else None,
            "disk_free_bytes": scene.disk_free_bytes,
            "build": self._build,
        }

    def metrics(self, accept: str = "") -> tuple[bytes, str]:
        """Return the page `/metrics` and its content type; `accept` is the header of the scrape."""
        scene, reading = self._scene()
        roles = {str(role["role"]): wire_samples(detail_of(role).get(FIGURES)) for role in scene.roles}
        return exposition(self._samples(scene, reading), roles, accept)

    def _scene(self) -> tuple[Scene, Reading | None]:
        look = self._lookout.look(WAIT_S)
        reading = look.value
        now = self._clock.now()
        scene = Scene(
            now=now,
            roles=self._roles(),
            disk_free_bytes=_disk_free(self._settings.data_dir),
            figures=reading.figures if reading else None,
            sources=reading.sources if reading else (),
            cleaned_at=reading.cleaned_at if reading else None,
            channels=channel_lines(self._settings, reading.figures.channels, now) if reading else (),
            stale_s=look.stale_s,
            trouble=look.trouble,
            span=self._clock.span(1.0),
        )
        return scene, reading

    def _samples(self, scene: Scene, reading: Reading | None) -> Iterator[Sample]:
        problems = problems_of(scene, self._settings)
        yield "tingfeng_build_info", self._build, 1
        yield "tingfeng_start_time_seconds", {}, self._began_at
        yield "tingfeng_healthy", {}, float(not problems)
        for problem in problems:
            yield "tingfeng_problems", {"code": problem.code}, 1
        yield "tingfeng_figures_age_seconds", {}, scene.stale_s
        if scene.disk_free_bytes is not None:
            yield "tingfeng_disk_free_bytes", {}, scene.disk_free_bytes
        for role in scene.roles:
            yield from _role_samples(role)
        if reading is not None:
            yield from _source_samples(reading)
            yield from _state_samples(reading.figures, scene)


def _role_samples(role: Mapping[str, object]) -> Iterator[Sample]:
    labels = {"role": str(role["role"])}
    yield "tingfeng_role_up", labels, float(bool(role["ok"]))
    restarts, age_s, pid = role["restarts"], role["heartbeat_age_s"], role["pid"]
    if isinstance(restarts, int):
        yield "tingfeng_role_restarts_total", labels, restarts
    if isinstance(age_s, int):
        yield "tingfeng_role_heartbeat_age_seconds", labels, age_s
    if isinstance(pid, int) and (memory := own_bytes(pid)):
        yield "tingfeng_role_memory_bytes", labels, memory


def _source_samples(reading: Reading) -> Iterator[Sample]:
    for health in reading.sources:
        source = {"source": health.source}
        for state in SourceState:
            yield "tingfeng_source_state", {**source, "state": state.value}, float(health.state is state)
        if health.last_success_at is not None:
            yield "tingfeng_source_last_success_timestamp_seconds", source, health.last_success_at.timestamp()
        visits = reading.visits.get(health.source)
        if visits is None:
            continue
        for outcome, number in visits.outcomes:
            yield "tingfeng_visits_total", {**source, "outcome": outcome}, number
        for reason, number in visits.drops:
            yield "tingfeng_posts_dropped_total", {**source, "reason": reason}, number
        yield "tingfeng_pages_total", source, visits.pages_seen
        yield "tingfeng_mentions_parsed_total", source, visits.posts_seen
        yield "tingfeng_mentions_new_total", source, visits.posts_new
        yield "tingfeng_mentions_matched_total", source, visits.posts_matched


def _state_samples(figures: StateFigures, scene: Scene) -> Iterator[Sample]:
    yield "tingfeng_inbox_rows", {}, figures.inbox_rows
    yield "tingfeng_inbox_oldest_age_seconds", {}, _age_s(figures.inbox_oldest_at, scene.now)
    yield "tingfeng_dead_letters", {}, figures.dead_letters
    for (receiver, channel), one in figures.channels.items():
        key = {"receiver": receiver, "channel": channel}
        for state, number in one.states.items():
            yield "tingfeng_deliveries", {**key, "state": state}, number
        yield "tingfeng_deliveries_oldest_age_seconds", key, _age_s(one.oldest_waiting_at, scene.now)
    for line in scene.channels:
        key = {"receiver": str(line["receiver"]), "channel": str(line["channel"])}
        for state in CHANNEL_STATES:
            yield "tingfeng_channel_state", {**key, "state": state}, float(line["state"] == state)
    for (severity, state), number in figures.incidents.items():
        yield "tingfeng_incidents_open", {"severity": severity, "state": state}, number


def _age_s(at: datetime | None, now: datetime) -> float:
    return max((now - at).total_seconds(), 0.0) if at else 0.0


def _without_figures(role: Mapping[str, object]) -> dict[str, object]:
    return {**role, "detail": {key: value for key, value in detail_of(role).items() if key != FIGURES}}


def _disk_free(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
