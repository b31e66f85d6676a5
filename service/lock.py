"""One service per data folder: a lock that its child processes share."""

import fcntl
import os
import time
from collections.abc import Sequence
from pathlib import Path

from service.errors import BusyError

__all__ = ["RoleLocks", "holder_of", "is_alive", "is_taken"]


class RoleLocks:
    """Hold one lock file per role in the data folder.

    The lock belongs to the open file, so a child that inherits it keeps it: a new start
    finds the folder busy until the last process of the old one is gone.
    """

    def __init__(self, data_dir: Path, roles: Sequence[str]) -> None:
        self._paths = [data_dir / f"run-{role}.lock" for role in sorted(roles)]
        self._fds: list[int] = []
        self._held: list[int] = []
        self.after_crash = False
        """Whether a holder before us did not let go by itself: it was killed, or the power went."""

    @property
    def fds(self) -> tuple[int, ...]:
        """Open files to pass on to children."""
        return tuple(self._fds)

    def take(self, *, wait_s: float = 12.0) -> None:
        """Take every lock, waiting up to `wait_s` real seconds for a holder that is gone.

        A holder whose recorded process still runs is refused at once.

        Raises:
            BusyError: another service holds the folder.
        """
        for path in self._paths:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._fds.append(fd)
            self._take_one(fd, path, wait_s)
            self._held.append(fd)
            self.after_crash |= _pid_in(fd) is not None
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)

    def _take_one(self, fd: int, path: Path, wait_s: float) -> None:
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError as err:
                pid = _pid_in(fd)
                if (pid and is_alive(pid)) or time.monotonic() >= deadline:
                    self.release()
                    raise BusyError(
                        f"{path.parent} is in use by a running Tingfeng, process {pid or 'unknown'}: "
                        f"stop it first (kill {pid or 'PID'}) or give this one another data_dir",
                        pid=pid,
                    ) from err
                time.sleep(0.1)

    def release(self) -> None:
        """Close the files; the locks end when no child holds them either."""
        for fd in self._held:
            os.ftruncate(fd, 0)
        for fd in self._fds:
            os.close(fd)
        self._fds, self._held = [], []


def is_taken(path: Path) -> bool:
    """Say whether a process holds the lock of a file; nothing is written.

    Raises:
        OSError: the file cannot be opened.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def holder_of(path: Path) -> int | None:
    """Return the process id that a lock file names; None = it names none.

    Raises:
        OSError: the file cannot be opened.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _pid_in(fd)
    finally:
        os.close(fd)


def _pid_in(fd: int) -> int | None:
    text = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
    return int(text) if text.isdigit() else None


def is_alive(pid: int) -> bool:
    """Say whether a process runs, whoever owns it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
