"""One process at a time while a SQLite file is made."""

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

__all__ = ["exclusive", "make_file", "rewrite"]

PAGE_BYTES = 8192


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Wait until no other process is inside for the same path; a killed one lets go.

    Raises:
        OSError: the lock file beside `path` cannot be made.
    """
    handle = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def make_file(path: Path) -> None:
    """Make a SQLite file with a write-ahead log and mode 0600, unless it is there.

    SQLite does not wait for others while it changes the kind of its log, hence the lock.

    Raises:
        OSError: the file cannot be made.
        sqlite3.Error: it is no database.
    """
    with exclusive(path):
        if not path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        with closing(sqlite3.connect(path, timeout=15)) as connection:
            (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
            if mode != "wal":
                connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
                connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
                connection.execute("PRAGMA journal_mode=WAL")


def rewrite(path: Path, *, tries: int = 20) -> None:
    """Rewrite a SQLite file, so that it holds nothing deleted, and empty its write-ahead log.

    Needs as much free disk as the file is large; others wait meanwhile. From then on the file
    can give free pages back in small steps.

    Raises:
        sqlite3.Error: others use the file too long, or the disk is full.
    """
    with closing(sqlite3.connect(path, timeout=15, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete=ON")
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("VACUUM")
        for _ in range(tries):
            busy, _pages, _moved = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not busy:
                return
            time.sleep(0.1)
        raise sqlite3.OperationalError("the log could not be emptied: others read all the time")
