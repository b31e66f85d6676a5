"""`tingfeng run`: locks the data folder, starts the roles, shows health, stops in order."""

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from config.settings import Settings
from domain.clock import Clock
from domain.errors import TingfengError
from service import wiring
from service.advice import closed_lines
from service.aftermath import check_files, find_lost
from service.clock import ClockOrder, make_clock, noted_clock
from service.errors import UsageError
from service.health_page import HealthPage, Pages
from service.lock import RoleLocks
from service.notify import Manager
from service.overview import traffic_lines, traffic_of
from service.role import ROLES, memory_limit, wanted
from service.status import Status, reader
from service.stopping import stop_on_signal
from service.supervisor import Supervisor, role_argv
from service.tenure import machine_name

__all__ = ["Say", "check_clock", "run_service"]

logger = logging.getLogger(__name__)

Say = Callable[[str], None]
STEP_S = 0.5
WORDS_S = (60.0, 720.0)
"""When the service says what came in: soon, for what is unreachable, and when a rate can be told."""
NEXT_WORD_S = 3600.0
SILENCE_LIMIT_S = 300.0
"""A role that the supervisor cannot bring to beat for so long is a matter for the service manager."""


def check_clock(settings: Settings, order: ClockOrder | None) -> None:
    """Refuse a driven clock unless every source and receiver is on loopback.

    Raises:
        UsageError: something real would be reached in a time that is not real.
    """
    if order is None:
        return
    from crawlers.plan import expand_sources
    from service.loopback import outside_addresses

    outside = outside_addresses(settings, expand_sources(settings))
    if outside:
        raise UsageError(
            "--clock-start and --clock-scale are for tests on loopback only; these are not: " + ", ".join(outside)
        )


@dataclass(slots=True)
class _Service:
    settings: Settings
    stores: wiring.Stores
    supervisor: Supervisor
    clock: Clock
    status: Status

    def traffic(self) -> list[str]:
        """Return what came in so far, in words."""
        states = list(self.stores.state.visits.load().values())
        health = wiring.health_reader(self.settings, self.stores, self.clock)()
        return traffic_lines(traffic_of(states, self.clock.now()), health, self.settings.locale)


def run_service(config: Path, *, roles: Sequence[str], order: ClockOrder | None, say: Say) -> int:
    """Listen until SIGTERM or SIGINT; return 0 when stopped in order.

    Raises:
        UsageError: a role is unknown, a port is in use, the clock is driven towards the outside.
        BusyError: another service works in the data folder.
        config.errors.ConfigError: the settings cannot be used.
        storage.errors.DamagedError: a file of the stores is broken; found only after a crash.
    """
    unknown = sorted(set(roles) - set(ROLES))
    if unknown or not roles:
        raise UsageError(f"--role {','.join(unknown) or '(none)'}: there are {', '.join(ROLES)}")
    settings = wiring.load_settings(config)
    if settings.storage.mentions == "memory":
        raise UsageError("storage.mentions: memory is forgotten between processes; use sqlite for `run`")
    if not _children(settings, roles):
        raise UsageError(f"--role {','.join(roles)}: these settings give it nothing to do, such as ingest.partners")
    check_clock(settings, order)
    wiring.prepare_data_dir(settings.data_dir)
    locks = RoleLocks(settings.data_dir, roles)
    locks.take()
    try:
        if locks.after_crash:
            check_files(settings)
        return _run_locked(settings, config, roles, order, locks, say)
    finally:
        locks.release()


def _children(settings: Settings, roles: Sequence[str]) -> list[str]:
    names: list[str] = []
    for role in ROLES:
        if role in roles and wanted(settings, role):
            count = settings.analyse.workers if role == "analyse" else 1
            names += [role if n == 0 else f"{role}-{n + 1}" for n in range(count)]
    return names


def _run_locked(
    settings: Settings,
    config: Path,
    roles: Sequence[str],
    order: ClockOrder | None,
    locks: RoleLocks,
    say: Say,
) -> int:
    stores = wiring.open_stores(settings)
    machine_name(settings.data_dir)  # made before the roles start, of which several read it at once
    clock = make_clock(order)
    if locks.after_crash:
        find_lost(stores, settings, now=clock.now(), say=say)
    arguments = ["--config", str(config.resolve()), *(order.arguments() if order else [])]
    supervisor = Supervisor(
        _children(settings, roles),
        lambda name: role_argv(name, arguments),
        pass_fds=locks.fds,
        memory_bytes=partial(_memory_bytes, settings),
    )
    manager = Manager()
    status = Status(settings, clock, supervisor.status, reader(settings, stores, clock))
    service = _Service(settings, stores, supervisor, clock, status)
    page: HealthPage | None = None
    try:
        with noted_clock(settings.data_dir, order), stop_on_signal() as stop:
            pages = Pages(health=status.health, live=status.live, metrics=status.metrics)
            page = HealthPage(settings.health.host, settings.health.port, pages)
            page.start()
            wiring.make_heartbeat(settings, status.health).start(stop)
            _say_start(settings, page.address, say)
            _loop(service, manager, stop, say)
    finally:
        manager.stopping()
        say("正在停止…" if settings.locale == "zh" else "stopping…")
        supervisor.stop()
        if page is not None:
            page.stop()
        stores.close()
    return 0


def _memory_bytes(settings: Settings, role: str) -> int:
    return memory_limit(settings, role.split("-")[0])


def _say_start(settings: Settings, health: str, say: Say) -> None:
    brands = "、".join(brand.name for brand in settings.brands) or "-"
    receivers = "、".join(receiver.name for receiver in settings.receivers)
    if settings.locale == "en":
        say(f"listening for {brands}: {len(settings.sources)} sources, {len(settings.rules)} rules")
        say(f"messages go to: {receivers}" if receivers else "no receiver yet: incidents are kept, nobody is told")
        say(f"health page: {health}   stop with Ctrl-C")
        return
    say(f"开始听：{brands}；来源 {len(settings.sources)} 个，规则 {len(settings.rules)} 条")
    say(f"消息发给：{receivers}" if receivers else "还没有接收人：事件会记录，但不会通知任何人(见 receivers)")
    say(f"健康页：{health}   按 Ctrl-C 停止")


def _loop(service: _Service, manager: Manager, stop: threading.Event, say: Say) -> None:
    began_s = time.monotonic()
    due_s = list(WORDS_S)
    while not stop.is_set():
        service.supervisor.step()
        service.status.turn()
        _tell_manager(service.supervisor, manager, time.monotonic() - began_s)
        if time.monotonic() - began_s >= due_s[0]:
            said_s = due_s.pop(0)
            due_s = due_s or [said_s + NEXT_WORD_S]
            _say_traffic(service, say, with_closed=said_s == WORDS_S[0])
        stop.wait(STEP_S)


def _tell_manager(supervisor: Supervisor, manager: Manager, up_s: float) -> None:
    silence_s = supervisor.silence_s()
    unwell = [str(role["role"]) for role in supervisor.status() if not role["ok"]]
    manager.step(
        ready=silence_s < math.inf,
        alive=min(silence_s, up_s) < SILENCE_LIMIT_S,
        status=f"not well: {', '.join(unwell)}; see tingfeng doctor" if unwell else "listening",
    )


def _say_traffic(service: _Service, say: Say, *, with_closed: bool) -> None:
    try:
        lines = service.traffic()
    except TingfengError as err:
        logger.warning("cannot say what came in error=%s", err)
        return
    for line in lines + (closed_lines(service.settings) if with_closed else []):
        say(line)
