"""The heartbeat of a role: that it lives, what it waits for, and with what figures."""

import json
import logging
import os
import threading
import time
from collections.abc import Mapping

from service.logs import take_suppressed
from service.memory import Growth
from service.metrics.figures import Figures

__all__ = ["Beat"]

logger = logging.getLogger(__name__)

_BEAT_S = 5.0


class Beat:
    """Tells the supervisor every few seconds that the role lives, and with what figures."""

    def __init__(self, fd: int | None, role: str, growth: Growth | None = None, name: str = "") -> None:
        self._fd = fd
        self._role = role
        self.name = name or role
        """What tells this process from others of its role on the machine."""
        self._growth = growth
        self.recycled = False
        """Whether the role was told to end because it has grown too large or too old."""
        self._figures: dict[str, object] = {"started": True}
        self._progress_s = time.monotonic()
        self._waits: dict[str, str] = {}
        self._writing = threading.Lock()
        self.figures = Figures()
        """What the role counts of its work; every beat carries it."""

    def note(self, figures: Mapping[str, object]) -> None:
        """Take over the newest figures; call it from the working loop, it proves progress."""
        self._figures.update(figures)
        self._progress_s = time.monotonic()

    def tell(self, figures: Mapping[str, object]) -> None:
        """Take over figures of a side task, which prove nothing about the working loop."""
        self._figures.update(figures)

    def wait_for(self, part: str, why: str) -> None:
        """Tell at once what a part of the role waits for; empty = it goes on. Waiting is progress."""
        self._progress_s = time.monotonic()
        waits = {name: each for name, each in {**self._waits, part: why}.items() if each}
        if waits != self._waits:
            self._waits = waits
            self._write()

    def start(self, stop: threading.Event) -> None:
        """Begin to beat in a thread until `stop` is set."""
        threading.Thread(target=self._run, args=(stop,), daemon=True).start()

    def _run(self, stop: threading.Event) -> None:
        while True:
            self._look(stop)
            # A loop that makes no progress stops its own heartbeat, so that it is restarted.
            if time.monotonic() - self._progress_s < 300.0:
                self._write()
            if stop.wait(_BEAT_S):
                return

    def _look(self, stop: threading.Event) -> None:
        """Weigh the process; one that is too large or too old ends in order."""
        if self._growth is None:
            return
        why = self._growth.look()
        self._figures["own_bytes"] = self._growth.bytes
        if why and not self.recycled:
            self.recycled = True
            logger.info("role ends to be started afresh role=%s why=%s", self._role, why)
            if self._role not in ("crawl", "browse"):  # those let their visits end first
                stop.set()

    def _write(self) -> None:
        if self._fd is None:
            return
        said = {"role": self._role, **self._figures} | ({"waits": self._waits} if self._waits else {})
        for level, number in take_suppressed().items():
            self.figures.count("tingfeng_log_lines_suppressed_total", number, level=level)
        if counted := self.figures.snapshot():
            said["figures"] = counted
        with self._writing:
            try:
                os.write(self._fd, (json.dumps(said) + "\n").encode())
            except OSError:
                self._fd = None
