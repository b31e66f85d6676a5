"""One process at a time while a SQLite file is made."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

__all__ = ["exclusive", "make_file"]

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
