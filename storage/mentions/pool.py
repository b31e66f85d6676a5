"""Connections to one SQLite file: many readers, one writer at a time."""

import queue
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.errors import DamagedError, StoreError
from storage.lock import DAMAGE, RESTORE, make_file
from storage.mentions.schema import connect, prepare
from storage.room import give_back, rewrite

__all__ = ["Pool"]

_PASSING = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR")


class Pool:
    """Connections by need; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._writing = threading.Lock()
        try:
            make_file(path)
        except (OSError, sqlite3.Error) as err:
            raise self._error(err, "be opened") from err
        self._writer = connect(path)
        try:
            prepare(self._writer, path)
        except BaseException:
            self._writer.close()
            raise

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection in a transaction that sees one state of the file.

        Raises:
            StoreError: the file cannot be read.
        """
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = connect(self._path, read_only=True)
        try:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("COMMIT")
        except (sqlite3.Error, UnicodeEncodeError) as err:
            raise self._error(err, "read") from err
        finally:
            self._idle.put(connection)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Lend the writing connection in a transaction that is kept whole or not at all.

        Raises:
            StoreError: the file cannot be written.
        """
        with self._writing:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                try:
                    yield self._writer
                except BaseException:
                    self._roll_back()
                    raise
                self._writer.execute("COMMIT")
            except (sqlite3.Error, UnicodeEncodeError) as err:
                self._roll_back()
                raise self._error(err, "write") from err

    def _roll_back(self) -> None:
        # On a full disk SQLite has done it already; to ask again would hide the cause.
        if self._writer.in_transaction:
            self._writer.execute("ROLLBACK")

    def vacuum(self) -> None:
        """Drop deleted words from the full-text index and empty the log, so that nothing of them stays.

        Raises:
            StoreError: the file cannot be written.
        """
        with self.write() as connection:
            connection.execute("INSERT INTO mention_fts (mention_fts) VALUES ('optimize')")
        with self._writing:
            try:
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.Error as err:
                raise self._error(err, "write") from err

    def give_back(self) -> None:
        """Give free pages back to the disk in small steps.

        Raises:
            StoreError: others use the file too long; retryable.
        """
        try:
            give_back(self._path)
        except sqlite3.Error as err:
            raise self._error(err, "shrink") from err

    def compact(self) -> None:
        """Drop deleted words from the full-text index, then rewrite the file and empty its log.

        Raises:
            StoreError: others use the file too long, or the disk is full.
        """
        with self.write() as connection:
            connection.execute("INSERT INTO mention_fts (mention_fts) VALUES ('optimize')")
        with self._writing:
            try:
                rewrite(self._path)
            except sqlite3.Error as err:
                raise self._error(err, "rewrite") from err

    def close(self) -> None:
        """Close every connection that is not lent."""
        with self._writing:
            self._writer.close()
        while True:
            try:
                self._idle.get_nowait().close()
            except queue.Empty:
                return

    def _error(self, err: Exception, action: str) -> StoreError:
        name = str(getattr(err, "sqlite_errorname", ""))
        if name.startswith(DAMAGE):
            return DamagedError(f"mention store {self._path} is damaged ({err}): {RESTORE}", path=self._path)
        return StoreError(f"mention store {self._path}: cannot {action}: {err}", retryable=name.startswith(_PASSING))
