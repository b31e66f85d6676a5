"""Copies of SQLite files as they were at one instant, while others write."""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from storage.errors import DamagedError, StoreError
from storage.lock import RESTORE

__all__ = ["check_file", "copy_file", "frozen"]

_WAIT_S = 30.0
_PAGES = 4_096
Advance = Callable[[int, int], None]
"""Told the pages that are left and all of them."""


@contextmanager
def frozen(paths: Sequence[Path]) -> Iterator[list[sqlite3.Connection]]:
    """Give one reading connection per file, all looking at the same instant.

    Writers are held up only until the readers stand: milliseconds. Afterwards they go on, and the
    readers still see that instant; the logs of the files grow while they are open.

    Raises:
        DamagedError: a file is missing, empty, or no database.
        StoreError: a writer did not let go within 30 s; retryable.
    """
    for path in paths:
        if not path.is_file() or not path.stat().st_size:
            raise DamagedError(f"{path} is {'empty' if path.exists() else 'missing'}: {RESTORE}", path=path)
    with ExitStack() as stack:
        readers = [stack.enter_context(closing(_connect(path))) for path in paths]
        with ExitStack() as held:
            for path in paths:
                held.enter_context(_writers_held(path))
            for path, reader in zip(paths, readers, strict=True):
                _run(path, reader, "BEGIN")
                _run(path, reader, "SELECT count(*) FROM sqlite_master")
        yield readers


def copy_file(source: sqlite3.Connection, target: Path, advance: Advance | None = None) -> None:
    """Write what a reader sees to a new file of mode 0600 that needs no log beside it.

    Raises:
        StoreError: the file cannot be read or written.
    """
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    told = (lambda _status, left, total: advance(left, total)) if advance else None
    try:
        with closing(sqlite3.connect(target, isolation_level=None)) as copy:
            source.backup(copy, pages=_PAGES, progress=told, sleep=0.001)
            copy.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as err:
        raise StoreError(f"{target} could not be written: {err}") from err


def check_file(path: Path, *, deep: bool = True) -> None:
    """Read a whole SQLite file and look for damage.

    Args:
        path: the file; a log beside it is taken in first, as at every start.
        deep: also compare every index with its table.

    Raises:
        DamagedError: it is missing, empty, no database, or inconsistent; the message says what was found.
    """
    if not path.is_file() or not path.stat().st_size:
        raise DamagedError(f"{path} is {'empty' if path.exists() else 'missing'}: {RESTORE}", path=path)
    pragma = "integrity_check(5)" if deep else "quick_check(5)"
    try:
        with closing(_connect(path)) as connection:
            found = [str(row[0]) for row in connection.execute(f"PRAGMA {pragma}")]
    except sqlite3.OperationalError as err:
        if str(getattr(err, "sqlite_errorname", "")).startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL")):
            raise StoreError(f"{path} cannot be checked now: {err}", retryable=True) from err
        raise DamagedError(f"{path} is damaged ({err}): {RESTORE}", path=path) from err
    except sqlite3.DatabaseError as err:
        raise DamagedError(f"{path} is damaged ({err}): {RESTORE}", path=path) from err
    if found != ["ok"]:
        said = "; ".join(" ".join(each.split()) for each in found)[:300]
        raise DamagedError(f"{path} is damaged ({said}): {RESTORE}", path=path)


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)


@contextmanager
def _writers_held(path: Path) -> Iterator[None]:
    with closing(_connect(path)) as writer:
        _run(path, writer, "BEGIN IMMEDIATE")
        try:
            yield
        finally:
            writer.execute("ROLLBACK")


def _run(path: Path, connection: sqlite3.Connection, sql: str) -> None:
    try:
        connection.execute(sql).fetchall()
    except sqlite3.OperationalError as err:
        raise StoreError(f"{path} cannot be copied now: {err}", retryable=True) from err
    except sqlite3.DatabaseError as err:
        raise DamagedError(f"{path} is damaged ({err}): {RESTORE}", path=path) from err
