"""Tells a service manager how the service is (systemd's notify protocol: datagrams of NAME=value lines).

Without a manager that asked for it (no NOTIFY_SOCKET), every call does nothing.
Protocol: https://www.freedesktop.org/software/systemd/man/sd_notify.html
"""

import logging
import os
import socket
import time
from collections.abc import Callable, Mapping

__all__ = ["Manager"]

logger = logging.getLogger(__name__)


class Manager:
    """The service manager that started this process, if there is one.

    Args:
        environ: where NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID stand; None = those of the process.
        monotonic: real time in seconds.
    """

    def __init__(
        self, environ: Mapping[str, str] | None = None, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        given = os.environ if environ is None else environ
        self._address = given.get("NOTIFY_SOCKET", "")
        self._pause_s = _watchdog_s(given) / 3
        self._monotonic = monotonic
        self._ready = False
        self._status = ""
        self._next_s = 0.0

    def step(self, *, ready: bool, alive: bool, status: str) -> None:
        """Pass on what changed; call it every second or so from the loop that must stay alive.

        Args:
            ready: whether all has started; told once.
            alive: whether the watchdog may be fed; when it is not for `WatchdogSec`, the manager restarts the service.
            status: one line for `systemctl status`; told when it changes.
        """
        lines: list[str] = []
        if ready and not self._ready:
            self._ready = True
            lines.append("READY=1")
        if status != self._status:
            self._status = status
            lines.append(f"STATUS={' '.join(status.split())}")
        now_s = self._monotonic()
        if self._pause_s and alive and now_s >= self._next_s:
            self._next_s = now_s + self._pause_s
            lines.append("WATCHDOG=1")
        self._tell(lines)

    def stopping(self) -> None:
        """Say that the service ends of its own will."""
        self._tell(["STOPPING=1"])

    def _tell(self, lines: list[str]) -> None:
        if not lines or not self._address:
            return
        name = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
                manager.settimeout(1.0)
                manager.sendto("\n".join(lines).encode(), name)
        except OSError as err:
            logger.warning("the service manager could not be told error=%s", err)


def _watchdog_s(environ: Mapping[str, str]) -> float:
    """Return the time within which the manager wants a sign, in seconds; 0 = it wants none of this process."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    wanted = environ.get("WATCHDOG_USEC", "")
    return int(wanted) / 1e6 if wanted.isdigit() else 0.0
