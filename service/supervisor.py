"""Starts one process per role, restarts what dies, and stops all of them in order."""

import json
import logging
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from service.memory import HARD, RECYCLED, own_bytes

__all__ = ["RoleStatus", "Supervisor", "role_argv"]

logger = logging.getLogger(__name__)

BACKOFF_S = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
HEARTBEAT_LIMIT_S = 90.0
STOP_LIMIT_S = 8.5
STABLE_S = 300.0
WEIGH_S = 5.0
ALLOCATOR = {"MALLOC_TRIM_THRESHOLD_": "131072", "MALLOC_ARENA_MAX": "2"}
"""Environment of every role unless it is set, see mallopt(3). Two heaps for all threads: each would have one of its own
and keep in it what its largest read took. The threshold is glibc's own first value, kept. Left alone it grows with
the first large block that is freed, and what reading the weights needed for a moment, 18 MB, is never given back."""


@dataclass(slots=True)
class RoleStatus:
    """What the supervisor knows of one role's process."""

    role: str
    """Name of the role."""
    pid: int | None = None
    """Its process; None = it does not run now."""
    restarts: int = 0
    """How often it was started again after it ended by itself."""
    recycled: int = 0
    """How often it was started afresh because it had grown too large or too old."""
    last_exit: int | None = None
    """Exit code of the last process that ended; None = none has."""
    beat_at_s: float = 0.0
    """Monotonic time of the last heartbeat."""
    started_at_s: float = 0.0
    """Monotonic time of the last start."""
    detail: Mapping[str, object] = field(default_factory=dict)
    """What the role said with its last heartbeat."""
    retry_at_s: float | None = None
    """Monotonic time of the next start; None = it runs."""
    fails: int = 0
    """Ends in a row before it was stable."""

    def view(self, now_s: float) -> dict[str, object]:
        """Return a JSON-ready view; ages in whole seconds."""
        return {
            "role": self.role,
            "pid": self.pid,
            "ok": self.pid is not None
            and bool(self.detail)
            and not self.detail.get("waits")
            and now_s - self.beat_at_s < HEARTBEAT_LIMIT_S,
            "restarts": self.restarts,
            "recycled": self.recycled,
            "last_exit": self.last_exit,
            "heartbeat_age_s": round(now_s - self.beat_at_s) if self.beat_at_s else None,
            "detail": dict(self.detail),
        }


class _Child:
    """One running process and the thread that reads its heartbeats."""

    def __init__(self, argv: Sequence[str], pass_fds: Sequence[int], on_beat: Callable[[Mapping[str, object]], None]):
        read_fd, write_fd = os.pipe()
        try:
            self.process = subprocess.Popen(
                [*argv, "--heartbeat-fd", str(write_fd)],
                stdin=subprocess.PIPE,
                pass_fds=[*pass_fds, write_fd],
                close_fds=True,
                env=ALLOCATOR | os.environ,
            )
        finally:
            os.close(write_fd)
        self._on_beat = on_beat
        self._reader = threading.Thread(target=self._read, args=(read_fd,), daemon=True)
        self._reader.start()

    def _read(self, read_fd: int) -> None:
        with os.fdopen(read_fd, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    beat = json.loads(line)
                except ValueError:
                    continue
                if isinstance(beat, dict):
                    self._on_beat(beat)


class Supervisor:
    """Keep one process per role alive until told to stop.

    A child's standard input stays open as long as the supervisor lives: when it closes,
    by a stop or by a crash of the supervisor, the child stops by itself.
    """

    def __init__(
        self,
        roles: Sequence[str],
        argv_of: Callable[[str], Sequence[str]],
        *,
        pass_fds: Sequence[int] = (),
        monotonic: Callable[[], float] = time.monotonic,
        backoff_s: Sequence[float] = BACKOFF_S,
        heartbeat_limit_s: float = HEARTBEAT_LIMIT_S,
        memory_bytes: Callable[[str], int] = lambda _role: 0,
        weigh: Callable[[int | None], int] = own_bytes,
    ) -> None:
        """Make it; nothing is started before the first `step`.

        Args:
            roles: names of the roles.
            argv_of: returns the command of a role.
            pass_fds: files that every role inherits.
            monotonic: real time in seconds.
            backoff_s: pauses before a role that ended is started again, in order.
            heartbeat_limit_s: a role that is silent for longer is ended by force.
            memory_bytes: returns the memory at which a role ends by itself, 0 = no limit; at
                1.5 times that it is ended by force.
            weigh: returns the memory of a process in bytes.
        """
        self._memory_bytes, self._weigh = memory_bytes, weigh
        self._weigh_at_s = monotonic()
        self._argv_of = argv_of
        self._pass_fds = tuple(pass_fds)
        self._monotonic = monotonic
        self._backoff_s = tuple(backoff_s)
        self._heartbeat_limit_s = heartbeat_limit_s
        self._status = {role: RoleStatus(role=role, retry_at_s=monotonic()) for role in roles}
        self._children: dict[str, _Child] = {}

    def status(self) -> list[dict[str, object]]:
        """Return one JSON-ready view per role, in the order given."""
        now_s = self._monotonic()
        return [status.view(now_s) for status in self._status.values()]

    def silence_s(self) -> float:
        """Return how long the quietest role has given no sign of life, in real seconds; infinite before its first."""
        now_s = self._monotonic()
        return max(
            (now_s - each.beat_at_s if each.beat_at_s else math.inf for each in self._status.values()), default=0
        )

    def step(self) -> None:
        """Start what is due, notice what ended, end what hangs or has grown out of bounds."""
        weighs = self._monotonic() >= self._weigh_at_s
        if weighs:
            self._weigh_at_s = self._monotonic() + WEIGH_S
        for role, status in self._status.items():
            child = self._children.get(role)
            if child is None:
                if status.retry_at_s is not None and self._monotonic() >= status.retry_at_s:
                    self._start(status)
            elif child.process.poll() is not None:
                self._note_end(status, child.process.returncode)
            elif self._monotonic() - max(status.beat_at_s, status.started_at_s) > self._heartbeat_limit_s:
                logger.error("role hangs, killed role=%s pid=%s", role, status.pid)
                child.process.kill()
            elif weighs and self._is_too_large(role, child.process.pid):
                logger.error("role has grown out of bounds, killed role=%s pid=%s", role, status.pid)
                child.process.kill()

    def _is_too_large(self, role: str, pid: int) -> bool:
        limit = self._memory_bytes(role)
        return limit > 0 and self._weigh(pid) > HARD * limit

    def _start(self, status: RoleStatus) -> None:
        def on_beat(beat: Mapping[str, object]) -> None:
            status.detail, status.beat_at_s = beat, self._monotonic()

        status.detail = {}
        child = _Child(self._argv_of(status.role), self._pass_fds, on_beat)
        self._children[status.role] = child
        status.pid, status.started_at_s, status.retry_at_s = child.process.pid, self._monotonic(), None
        logger.info("role started role=%s pid=%s", status.role, status.pid)

    def _note_end(self, status: RoleStatus, code: int) -> None:
        now_s = self._monotonic()
        stable = now_s - status.started_at_s > STABLE_S
        if code == RECYCLED and stable:
            logger.info("role is started afresh role=%s pid=%s", status.role, status.pid)
            _close_stdin(self._children.pop(status.role))
            status.pid, status.last_exit, status.recycled = None, code, status.recycled + 1
            status.fails, status.retry_at_s = 0, now_s
            return
        status.fails = 1 if stable else status.fails + 1
        wait_s = self._backoff_s[min(status.fails, len(self._backoff_s)) - 1]
        logger.error("role ended role=%s pid=%s code=%s restart_in_s=%s", status.role, status.pid, code, wait_s)
        _close_stdin(self._children.pop(status.role))
        status.pid, status.last_exit, status.restarts = None, code, status.restarts + 1
        status.retry_at_s = now_s + wait_s

    def stop(self, *, limit_s: float = STOP_LIMIT_S) -> None:
        """Ask every role to stop, wait up to `limit_s` real seconds, then kill the rest."""
        for child in self._children.values():
            _close_stdin(child)
            if child.process.poll() is None:
                child.process.send_signal(signal.SIGTERM)
        deadline_s = time.monotonic() + limit_s
        for role, child in self._children.items():
            try:
                child.process.wait(timeout=max(0.05, deadline_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                logger.error("role did not stop in time, killed role=%s", role)
                child.process.kill()
                child.process.wait()
            self._status[role].pid = None
        self._children.clear()


def _close_stdin(child: _Child) -> None:
    if child.process.stdin is not None:
        try:
            child.process.stdin.close()
        except OSError:
            logger.debug("standard input of an ended role was closed already")


def role_argv(name: str, arguments: Sequence[str]) -> list[str]:
    """Return the command that runs one role in a process of its own; `name` is the role, or `analyse-2` and so on."""
    return [sys.executable, "-m", "service.role", name.partition("-")[0], *arguments, "--name", name]
