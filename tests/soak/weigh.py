"""Looks at the processes of a running service: memory, open files, threads, children."""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psutil

__all__ = ["Look", "Scales", "growth"]


@dataclass(frozen=True)
class Look:
    """One process at one moment."""

    at_s: float
    """Seconds since the scales were made."""
    rss_bytes: int
    """Resident memory."""
    files: int
    """Open file descriptors."""
    threads: int
    """Threads."""
    children: int
    """Child processes of a role; 0 for the supervisor."""
    below_bytes: int = 0
    """Resident memory of all of them."""


@dataclass
class Scales:
    """Keeps looks by the name of the process."""

    looks: dict[str, list[Look]] = field(default_factory=dict)
    pids: dict[str, set[int]] = field(default_factory=dict)
    most_pss_bytes: int = 0
    """Largest sum of proportional memory over the whole service."""
    begun_s: float = field(default_factory=time.monotonic)

    def look(self, supervisor: int, roles: Sequence[Mapping[str, Any]]) -> None:
        """Look at the supervisor and at every role that the health page names."""
        named = {"supervisor": supervisor} | {str(role["role"]): role["pid"] for role in roles if role["pid"]}
        for name, pid in named.items():
            try:
                process = psutil.Process(pid)
                below = [] if name == "supervisor" else process.children(recursive=True)
                with process.oneshot():
                    one = Look(
                        at_s=time.monotonic() - self.begun_s,
                        rss_bytes=process.memory_info().rss,
                        files=process.num_fds(),
                        threads=process.num_threads(),
                        children=len(below),
                        below_bytes=sum(map(_rss, below)),
                    )
            except psutil.Error:
                continue
            self.looks.setdefault(name, []).append(one)
            self.pids.setdefault(name, set()).add(pid)

    def weigh_all(self, supervisor: int, without: int | None = None) -> int:
        """Return the proportional memory of the service with all below it, bytes; shared pages count once.

        Args:
            supervisor: Its process.
            without: A process that is left out with all below it; None = none.
        """
        total = 0
        root = psutil.Process(supervisor)
        for process in (root, *root.children(recursive=True)):
            try:
                if without is None or without not in (process.pid, *(each.pid for each in process.parents())):
                    total += process.memory_full_info().pss
            except psutil.Error:
                continue
        self.most_pss_bytes = max(self.most_pss_bytes, total)
        return total


def _rss(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def growth(values: Sequence[float], warm_up: float = 0.3) -> float:
    """Return what the last quarter is to the first after the warm-up, medians; 1 = flat.

    Args:
        values: in order of time, 16 or more.
        warm_up: share at the beginning that is left out.
    """
    warm = list(values[int(len(values) * warm_up) :])
    quarter = max(1, len(warm) // 4)
    return statistics.median(warm[-quarter:]) / max(1e-9, statistics.median(warm[:quarter]))
