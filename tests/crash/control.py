"""The folder through which a test and the processes under test speak of fault points. Standard library only.

`plan.json` says where to die, `hits-<role>` lists the points reached, one a line and in order,
over all processes that had the role, and `death-<number in the plan>` is what a process left when it died.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

# Kept here, for `tests.crash.faults` puts others in their place.
_CONNECT, _OPEN = sqlite3.connect, os.open


@dataclass(frozen=True, slots=True)
class Kill:
    """Where a role dies, once."""

    role: str
    """crawl, analyse, watch, or service: the supervisor."""
    point: str
    """Name of the fault point."""
    hit: int
    """The process dies when the point is reached for this time, from 1; all processes of the role count."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A delivery whose call had begun and had no stored end: whether people see it is unknown."""

    channel: str
    kind: str


def begun_deliveries(state: Path) -> list[Begun]:
    """Read which deliveries are `sending` in a state database; none where it is not made yet."""
    try:
        with contextlib.closing(_CONNECT(f"file:{state}?mode=ro", uri=True, timeout=2.0)) as connection:
            rows = connection.execute("SELECT doc FROM deliveries WHERE state = 'sending'").fetchall()
    except sqlite3.OperationalError:
        return []
    return [Begun(doc["channel"], doc["kind"]) for doc in (json.loads(raw) for (raw,) in rows)]


def waiting(state: Path) -> int:
    """Count what still waits in a state database: mentions, changed rows, deliveries."""
    wanted = (
        "SELECT (SELECT count(*) FROM inbox) + (SELECT count(*) FROM changed) + (SELECT count(*) FROM deliveries"
        " WHERE state NOT IN ('delivered', 'degraded', 'broken', 'dropped'))"
    )
    with contextlib.closing(_CONNECT(f"file:{state}?mode=ro", uri=True, timeout=2.0)) as connection:
        return int(connection.execute(wanted).fetchone()[0])


class Control:
    """One role's side of the folder.

    Args:
        folder: The control folder.
        data_dir: Data folder of the service.
        role: Name of the role that this process has.
    """

    def __init__(self, folder: Path, data_dir: Path, role: str) -> None:
        self.data_dir = data_dir
        self._folder = folder
        self._hits = folder / f"hits-{role}"
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._kills = [(n, kill) for n, kill in enumerate(read_plan(folder)) if kill.role == role]
        self._counts = Counter(self._hits.read_text().splitlines() if self._hits.exists() else ())
        self._fd = _OPEN(self._hits, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def reach(self, point: str) -> None:
        """Note that a fault point was reached, and die here if that is planned."""
        if os.getpid() != self._pid:  # a worker that the role forked
            return
        with self._lock:
            self._counts[point] += 1
            os.write(self._fd, f"{point}\n".encode())
            for n, kill in self._kills:
                death = self._folder / f"death-{n}"
                if kill.point == point and self._counts[point] >= kill.hit and not death.exists():
                    self._die(death)

    def _die(self, death: Path) -> None:
        begun = [asdict(one) for one in begun_deliveries(self.data_dir / "state.db")]
        death.write_text(json.dumps(begun))
        os.kill(self._pid, signal.SIGKILL)
        signal.pause()


def write_plan(folder: Path, kills: Sequence[Kill]) -> None:
    """Say where roles die."""
    folder.mkdir()
    (folder / "plan.json").write_text(json.dumps([asdict(kill) for kill in kills]))


def read_plan(folder: Path) -> list[Kill]:
    """Read what `write_plan` wrote."""
    return [Kill(**one) for one in json.loads((folder / "plan.json").read_text())]


def read_deaths(folder: Path) -> dict[int, tuple[Begun, ...]]:
    """Return, by number in the plan, the kills that came and the deliveries whose outcome was unknown then."""
    found = {}
    for path in folder.glob("death-*"):
        found[int(path.name.removeprefix("death-"))] = tuple(Begun(**one) for one in json.loads(path.read_text()))
    return found


def read_hits(folder: Path) -> dict[str, Counter[str]]:
    """Return how often each role reached each of its fault points."""
    found = {}
    for path in folder.glob("hits-*"):
        found[path.name.removeprefix("hits-")] = Counter(path.read_text().splitlines())
    return found
