"""The service itself: whether it runs, how it says it is, and what it knows of sources and channels."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from config.settings import Settings
from domain.clock import Clock
from domain.source import SourceState
from service.channels import channel_lines
from service.doctor.base import Finding, fail, fine, warn
from service.lock import holder_of, is_alive, is_taken
from storage.state.store import State

__all__ = ["listening", "port", "receivers", "service"]

WAIT_S = 5.0
_MAX_BYTES = 10_000_000


def port(settings: Settings) -> Iterator[Finding]:
    """Look who has the port of the health page, and what our own service says there."""
    number, held = settings.health.port, _holder(settings.data_dir)
    if number == 0:
        yield fine("port", "healthz.port: any free port")
        return
    try:
        page = _ask(f"http://{settings.health.host}:{number}/healthz")
    except ConnectionRefusedError:
        if held:
            fix = "look at the log for what it does; restart it if that says nothing"
            yield fail("port", f"port {number}: the service runs (process {held}), but its page does not answer", fix)
        else:
            yield fine("port", f"port {number} is free")
        return
    if page is None:
        fix = "stop that program, or set healthz.port to a free port"
        yield fail("port", f"port {number} is in use by another program", fix)
    elif page.get("ok"):
        yield fine("port", f"port {number}: our service answers and is well")
    else:
        yield fail(
            "port",
            f"port {number}: our service is not well: {_unwell(page)}",
            "docs/operations.md says for each what to do",
        )


def _ask(url: str) -> Mapping[str, Any] | None:
    """Return what our page says; None = something else is there.

    Raises:
        ConnectionRefusedError: nothing is there.
    """
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=WAIT_S) as answer:
            raw = answer.read(_MAX_BYTES)
    except urllib.error.HTTPError as err:
        with err:
            raw = err.read(_MAX_BYTES)
    except urllib.error.URLError as err:
        if isinstance(err.reason, ConnectionRefusedError):
            raise err.reason from err
        return None
    except (OSError, ValueError):
        return None
    try:
        page = json.loads(raw)
    except ValueError:
        return None
    return page if isinstance(page, dict) and "ok" in page and {"roles", "error"} & page.keys() else None


def _unwell(page: Mapping[str, Any]) -> str:
    named = [str(each.get("what")) for each in page.get("problems", ()) if isinstance(each, dict)]
    if named:
        return "; ".join(named)
    named = [f"role {each['role']}" for each in page.get("roles", ()) if not each.get("ok")]
    named += [f"channel {each['channel']}" for each in page.get("channels", ()) if not each.get("ok")]
    return ", ".join(named) or str(page.get("error", "see its page"))


def service(settings: Settings) -> Iterator[Finding]:
    """Look whether the service runs in this data folder."""
    locks = sorted(settings.data_dir.glob("run-*.lock")) if settings.data_dir.is_dir() else []
    taken = [path for path in locks if is_taken(path)]
    if not locks:
        yield fine("service", "the service was not started here yet; next: tingfeng run")
    elif not taken:
        yield warn("service", "the service does not run", "tingfeng run, or: systemctl start tingfeng")
    else:
        pids = {path: holder_of(path) for path in taken}
        left = [path for path, pid in pids.items() if pid is None or not is_alive(pid)]
        if left:
            fix = f"find it: fuser {left[0]} (macOS: lsof {left[0]}), end it with kill, then start the service"
            yield fail("service", "processes of a service that is gone still hold the data folder", fix)
        else:
            roles = ", ".join(path.stem.removeprefix("run-") for path in taken)
            yield fine("service", f"the service runs: {roles} (process {pids[taken[0]]})")


def _holder(data_dir: Path) -> int | None:
    taken = [path for path in sorted(data_dir.glob("run-*.lock")) if is_taken(path)] if data_dir.is_dir() else []
    return holder_of(taken[0]) if taken else None


def receivers(settings: Settings) -> Iterator[Finding]:
    """Look whether anyone is told; a fresh installation listens well without."""
    if settings.receivers:
        yield fine("receivers", f"messages go to {', '.join(one.name for one in settings.receivers)}")
    else:
        fix = "add receivers: with slack or wecom_robot to the settings, then: tingfeng notify test NAME"
        yield warn("receivers", "no receiver: incidents are kept and nobody is told", fix)


def listening(settings: Settings, state: State, clock: Clock) -> Iterator[Finding]:
    """Look at what the state database knows of sources, channels and mentions set aside."""
    from crawlers.health import health_of
    from crawlers.plan import expand_sources

    visits = state.visits.load()
    stopped = state.dialect == "sqlite" and _holder(settings.data_dir) is None
    for health in health_of(expand_sources(settings), visits, clock.now(), settings.locale):
        if stopped and health.state is SourceState.BLIND and visits[health.source].fails == 0:
            yield fine("source", f"source {health.source}: not visited since the service stopped")
            continue
        said = f"source {health.source}: {health.state.value} {health.why}".rstrip()
        if health.state is SourceState.BLIND:
            yield fail("source", said, health.fix or "tingfeng sources says more")
        elif health.state is SourceState.PAUSED:
            yield warn("source", said, health.fix or "tingfeng sources says more")
        else:
            yield fine("source", said)
    now = clock.now()
    for line in channel_lines(settings, state.figures.read().channels, now):
        said = f"channel {line['channel']} of {line['receiver']}: {line['state']} {line['last_answer']}".rstrip()
        if line["ok"]:
            yield fine("channel", said)
        else:
            yield fail("channel", said, f"{line['fix']}; then: tingfeng notify test {line['receiver']}")
    dead = state.inbox.dead_letters(limit=100)
    if dead:
        said = f"{len(dead)} mentions set aside, newest: {dead[0][2]}"
        yield warn(
            "mentions", said, "tingfeng inbox list shows them; once the cause is gone: tingfeng inbox requeue --all"
        )
