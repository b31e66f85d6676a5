"""One process at a time while a SQLite file is made."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from storage.errors import DamagedError

__all__ = ["DAMAGE", "RESTORE", "exclusive", "make_file"]

PAGE_BYTES = 8192
RESTORE = "stop the service and restore the last backup with `tingfeng restore DIR --force`"
"""What brings a damaged file back."""
DAMAGE = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
"""Beginnings of the names of the errors that mean a broken file."""
_MADE = b"made\n"


@contextmanager
def exclusive(path: Path) -> Iterator[int]:
    """Wait until no other process is inside for the same path, and give the open lock file; a killed one lets go.

    Raises:
        OSError: the lock file beside `path` cannot be made.
    """
    handle = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def make_file(path: Path) -> None:
    """Make a SQLite file with a write-ahead log and mode 0600, unless it is there.

    SQLite does not wait for others while it changes the kind of its log, hence the lock. The
    lock file remembers that the file was made: one that is gone or empty later is damage,
    not a first start.

    Raises:
        DamagedError: the file was made here before, and is missing or empty.
        OSError: the file cannot be made.
        sqlite3.Error: it is no database.
    """
    with exclusive(path) as handle:
        made = os.pread(handle, len(_MADE), 0) == _MADE
        if made and (not path.exists() or not path.stat().st_size):
            raise DamagedError(
                f"{path} is {'empty' if path.exists() else 'missing'}, and it held data: {RESTORE}; "
                f"only to begin anew without it, delete {path.name}.lock",
                path=path,
            )
        if not path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        with closing(sqlite3.connect(path, timeout=15)) as connection:
            (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
            if mode != "wal":
                connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
                connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
                connection.execute("PRAGMA journal_mode=WAL")
        if not made:
            fd = os.open(path, os.O_RDONLY)
            os.fsync(fd)
            os.close(fd)
            os.pwrite(handle, _MADE, 0)
            os.fsync(handle)
