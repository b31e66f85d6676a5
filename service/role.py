"""One role in a process of its own: `python -m service.role crawl --config FILE`."""

import argparse
import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from config.settings import Settings
from crawlers.brake import disk_free
from crawlers.chromium import needs_browser
from domain.clock import Clock
from domain.errors import TingfengError
from domain.moment import to_rfc3339
from domain.outcome import Drop
from domain.ports import Fence
from service import wiring
from service.beat import Beat
from service.clock import clock_order, make_clock
from service.errors import ServiceError
from service.logs import configure_logging
from service.memory import RECYCLED, Growth
from service.observe import Observed, on_saved
from service.pictures import sweep_pictures
from service.private import keep_private
from service.retention import Retention
from service.stopping import stop_on_signal
from service.tenure import Tenure, machine_name

if TYPE_CHECKING:
    from crawlers.schedule import Crawler

__all__ = ["ON_DEMAND", "ROLES", "main", "memory_limit", "wanted"]

logger = logging.getLogger(__name__)

ROLES = ("crawl", "browse", "analyse", "watch", "ingest")
ON_DEMAND = frozenset({"browse", "ingest"})
"""Roles that run only where the settings give them something to do."""
IDLE_S = 0.25
ERROR_WAIT_S = 2.0
HICCUP_S = 5.0
"""A store that answers again so soon is no trouble that people must be told of, real seconds."""


def _stop_with_parent(stop: threading.Event) -> None:
    """Set `stop` when standard input closes: the supervisor is gone or wants an end."""

    def wait_for_parent() -> None:
        while os.read(0, 4096):
            continue
        stop.set()

    threading.Thread(target=wait_for_parent, daemon=True).start()


def _repeat(
    step: Callable[[], bool],
    stop: threading.Event,
    name: str,
    beat: Beat,
    *,
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Run `step` until `stop`; it says whether there was work. Store errors are waited out.

    What is waited for is on the health page once it lasts longer than a hiccup.
    """
    last_error = ""
    failing_s: float | None = None
    while not stop.is_set():
        try:
            busy = step()
        except TingfengError as err:
            if str(err) != last_error:
                logger.warning("%s step failed, trying again error=%s", name, err)
                last_error = str(err)
            failing_s = monotonic() if failing_s is None else failing_s
            if monotonic() - failing_s > HICCUP_S:
                beat.wait_for(name, str(err))
            stop.wait(ERROR_WAIT_S)
            continue
        if failing_s is not None:
            logger.info("%s goes on after_s=%.1f", name, monotonic() - failing_s)
            last_error, failing_s = "", None
            beat.wait_for(name, "")
        if not busy:
            stop.wait(IDLE_S)


def run_crawl(settings: Settings, clock: Clock, stop: threading.Event, beat: Beat) -> None:
    """Visit sources until told to stop."""
    stores = wiring.open_stores(settings)
    crawler = wiring.make_crawler(settings, stores, clock)
    try:
        asyncio.run(_crawl(crawler, "crawl", stop, beat))
    finally:
        stores.close()


async def _crawl(crawler: "Crawler", role: str, stop: threading.Event, beat: Beat) -> None:
    ended = asyncio.Event()
    task = asyncio.create_task(crawler.run(ended))
    while not stop.is_set() and not task.done():
        beat.note({"ok": True})
        _note_clock(crawler.skew.offset_s(), beat)
        beat.wait_for(role, crawler.held_back)
        if beat.recycled:
            crawler.finish()
        await asyncio.sleep(IDLE_S)
    ended.set()
    await asyncio.wait_for(task, timeout=9.0)


def run_browse(settings: Settings, clock: Clock, stop: threading.Event, beat: Beat) -> None:
    """Visit the sources whose pages need a browser until told to stop; without one, wait and say what is missing."""
    while not stop.is_set() and (missing := wiring.browser_problem(settings)):
        beat.wait_for("browse", missing)
        stop.wait(ERROR_WAIT_S)
    if stop.is_set():
        return
    beat.wait_for("browse", "")
    stores = wiring.open_stores(settings)

    async def work() -> None:
        crawler, road = wiring.make_browser(settings, stores, clock)
        try:
            await _crawl(crawler, "browse", stop, beat)
        finally:
            await road.close()

    try:
        asyncio.run(work())
    finally:
        stores.close()


def _note_clock(offset_s: float | None, beat: Beat) -> None:
    beat.note({"clock_offset_s": offset_s})
    if offset_s is not None:
        beat.figures.set("tingfeng_clock_offset_seconds", offset_s)


def _heir(beat: Beat, settings: Settings) -> str:
    """Name this process for leases as the one before it was named: it takes back at once what that one held."""
    return f"{beat.name}@{machine_name(settings.data_dir)}"


def run_analyse(settings: Settings, clock: Clock, stop: threading.Event, beat: Beat) -> None:
    """Tag and store what lies in the inbox until told to stop."""
    stores = wiring.open_stores(settings)
    seen = Observed(stores.mentions, beat.figures)
    pipeline = wiring.make_pipeline(settings, stores, clock, owner=_heir(beat, settings), mentions=seen)
    totals = {"stored": 0, "matched": 0, "dead": 0}

    def step() -> bool:
        _leave_room(settings)
        began_s = time.monotonic()
        result = pipeline.step()
        if result.leased:
            beat.figures.observe("tingfeng_analyse_batch_mentions", result.leased)
            beat.figures.observe("tingfeng_analyse_batch_seconds", time.monotonic() - began_s)
            beat.figures.count("tingfeng_mentions_dropped_total", result.dead, reason=Drop.DEAD_LETTER.value)
        totals["stored"] += result.stored
        totals["matched"] += result.matched
        totals["dead"] += result.dead
        beat.note(totals)
        return result.leased > 0

    try:
        _repeat(step, stop, "analyse", beat)
    finally:
        stores.close()


def _leave_room(settings: Settings, free: Callable[[str], int] = disk_free) -> None:
    """Take no more rows of the disk than incidents and messages can spare.

    Raises:
        ServiceError: too little is free.
    """
    least = settings.analyse.disk_free_bytes
    if free(str(settings.data_dir)) < least:
        raise ServiceError(f"less than {least / 1e6:,.0f} MB free on the disk of data_dir: tagging pauses; free some")


def run_watch(settings: Settings, clock: Clock, stop: threading.Event, beat: Beat) -> None:
    """Evaluate the rules and deliver messages while the role is ours, until told to stop."""
    stores = wiring.open_stores(settings)
    tenure = Tenure(stores.state.leases, "watch", owner=machine_name(settings.data_dir), clock=clock)
    try:
        tenure.run(
            stop,
            lambda fence, ended: _watch(settings, stores, clock, fence, ended, beat),
            lambda: beat.note({"standby": True}),
        )
    finally:
        stores.close()


def _watch(
    settings: Settings, stores: wiring.Stores, clock: Clock, fence: Fence, ended: threading.Event, beat: Beat
) -> None:
    beat.note({"standby": False, "token": fence.token, "watching_since": to_rfc3339(clock.now())})
    watch = wiring.make_watch(settings, stores, clock, owner=_heir(beat, settings), fence=fence)
    saved = on_saved(beat.figures)
    outbox = wiring.make_outbox(settings, stores, clock, owner=wiring.owner_name("outbox"), fence=fence, saved=saved)
    retention = Retention(settings.retention, stores.mentions, stores.state.prune, stores.state.marks, clock)

    def deliver() -> bool:
        sent = outbox.deliver_due()
        beat.note({"deliveries": sent})
        return sent > 0

    sender = threading.Thread(target=_repeat, args=(deliver, ended, "outbox", beat), daemon=True)
    sender.start()

    daily = wiring.make_daily(settings, stores, clock, fence=fence)
    auditor = wiring.make_auditor(settings, stores, clock, fence=fence)

    def clean() -> bool:
        if retention.step():
            sweep_pictures(settings.data_dir, now=clock.now(), age=settings.retention.mentions)
        return False

    def look_after() -> bool:
        daily.step()
        beat.tell({"audit": auditor.step()})
        return False

    # In a thread of its own: a first deletion of years takes long, and detection must not wait for it.
    threading.Thread(target=_repeat, args=(clean, ended, "retention", beat), daemon=True).start()
    threading.Thread(target=_repeat, args=(look_after, ended, "audit", beat), daemon=True).start()

    def step() -> bool:
        began_s = time.monotonic()
        result = watch.step()
        if result.looked:
            beat.figures.observe("tingfeng_evaluation_seconds", time.monotonic() - began_s)
            beat.figures.count("tingfeng_evaluated_total", result.evaluated)
            beat.note({"evaluated_at": to_rfc3339(clock.now())})
        beat.note({"evaluated": result.evaluated})
        return result.claimed > 0

    try:
        _repeat(step, ended, "watch", beat)
    finally:
        sender.join(timeout=4.0)
        outbox.close(timeout_s=4.0)


def run_ingest(settings: Settings, clock: Clock, stop: threading.Event, beat: Beat) -> None:
    """Take mentions that partners send until told to stop."""
    from service.ingest_page import serve

    stores = wiring.open_stores(settings)
    reception = wiring.make_reception(settings, stores, clock)
    try:
        asyncio.run(serve(settings.ingest, reception.receive, stop, beat.note))
    finally:
        stores.close()


_RUN: Mapping[str, Callable[[Settings, Clock, threading.Event, Beat], None]] = {
    "crawl": run_crawl,
    "browse": run_browse,
    "analyse": run_analyse,
    "watch": run_watch,
    "ingest": run_ingest,
}


def main(argv: list[str] | None = None) -> int:
    """Run one role; 0 = stopped as told, 1 = it could not go on, 75 = to be started afresh."""
    parser = argparse.ArgumentParser(prog="service.role")
    parser.add_argument("role", choices=ROLES)
    parser.add_argument("--name", default="")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--clock-start")
    parser.add_argument("--clock-scale", type=float)
    parser.add_argument("--clock-epoch", type=float)
    parser.add_argument("--heartbeat-fd", type=int)
    options = parser.parse_args(argv)
    configure_logging(options.role)
    keep_private()
    with stop_on_signal() as stop:
        if options.heartbeat_fd is not None:
            _stop_with_parent(stop)
        return _run_role(options, stop)


def _run_role(options: argparse.Namespace, stop: threading.Event) -> int:
    try:
        clock = make_clock(clock_order(options.clock_start, options.clock_scale, options.clock_epoch))
        settings = wiring.load_settings(options.config)
        beat = Beat(options.heartbeat_fd, options.role, _growth(options.role, settings), options.name)
        beat.start(stop)
        _RUN[options.role](settings, clock, stop, beat)
    except TingfengError as err:
        logger.error("role cannot go on role=%s error=%s", options.role, err)
        return 1
    except Exception:  # border of one process: on one line, masked, unlike the interpreter's own words
        logger.exception("role crashed role=%s", options.role)
        return 1
    logger.info("role stopped role=%s", options.role)
    return RECYCLED if beat.recycled else 0


def wanted(settings: Settings, role: str) -> bool:
    """Say whether the settings give a role something to do."""
    if role == "browse":
        return needs_browser(settings.sources)
    return role != "ingest" or bool(settings.ingest.partners)


def memory_limit(settings: Settings, role: str) -> int:
    """Return the memory in bytes at which a role is started afresh; 0 = no limit."""
    return {
        "crawl": settings.crawl.memory_bytes,
        "browse": settings.crawl.memory_bytes,
        "analyse": settings.analyse.memory_bytes,
        "watch": settings.watch.memory_bytes,
        "ingest": settings.ingest.memory_bytes,
    }[role]


def _growth(role: str, settings: Settings) -> Growth:
    age_s = settings.crawl.recycle.total_seconds() if role in ("crawl", "browse") else 0.0
    return Growth(limit_bytes=memory_limit(settings, role), age_s=age_s)


if __name__ == "__main__":
    sys.exit(main())
