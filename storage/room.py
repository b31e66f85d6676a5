"""Disk space of a SQLite file: given back in small steps, or all at once."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

__all__ = ["PAUSE_S", "breathe", "give_back", "rewrite"]

PAUSE_S = 0.12
"""Between two steps of a long deletion: SQLite keeps no queue, a waiting writer looks again after 0.1 s at most."""
_KEEP_PAGES = 250
"""Free pages that stay for new rows, 2 MB."""
_STEP_PAGES = 200


def breathe() -> None:
    """Let waiting writers in, between two steps."""
    time.sleep(PAUSE_S)


def give_back(path: Path, pause: Callable[[], None] = breathe) -> int:
    """Cut free pages off a file, a few at a time; return how many.

    Files made before that was possible keep their size until `rewrite`; they use free pages again.

    Raises:
        sqlite3.Error: others use the file too long.
    """
    with closing(sqlite3.connect(path, timeout=15, isolation_level=None)) as connection:
        if connection.execute("PRAGMA auto_vacuum").fetchone()[0] != 2:
            return 0
        first = free = int(connection.execute("PRAGMA freelist_count").fetchone()[0])
        while free > _KEEP_PAGES:
            # `execute` would step this statement once, and each step frees one page.
            connection.executescript(f"PRAGMA incremental_vacuum({_STEP_PAGES})")
            left = int(connection.execute("PRAGMA freelist_count").fetchone()[0])
            if left >= free:
                break
            free = left
            pause()
        return first - free


def rewrite(path: Path, *, tries: int = 20) -> None:
    """Rewrite a file, so that it holds nothing deleted, and empty its write-ahead log.

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
