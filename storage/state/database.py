"""One connection pool to the state database: transactions, dialects, errors."""

import logging
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import cache
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    Table,
    any_,
    bindparam,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import (
    DBAPIError,
    IntegrityError,
    OperationalError,
    SQLAlchemyError,
    TimeoutError,
)

from storage.errors import ConflictError, DamagedError, StoreError
from storage.lock import DAMAGE, RESTORE
from storage.room import give_back, rewrite
from storage.state.engine import BUSY_TIMEOUT_MS, make_engine, sqlite_path
from storage.text import json_list

__all__ = ["AMONG", "CHUNK", "Database", "chunked", "translated"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

CHUNK = 500
"""Most values in one statement; SQLite before 3.32 allows 999 parameters."""
AMONG = 5_000
"""Most values in one condition of `Database.among`, where they are one parameter."""
_THESE = "these"
_TOGETHER = 25
_PASSING_CLASSES = frozenset({"08", "40", "53", "57"})
_PASSING_STATES = frozenset({"25006", "25P03", "55P03", "58030"})
_MAX_CAUSE = 300


class Database:
    """A pool of connections; safe to use from several threads.

    A writing transaction takes the write lock at its start (SQLite: BEGIN IMMEDIATE), so
    it never fails half-way because another process wrote meanwhile.
    """

    def __init__(self, url: URL, *, make: bool = True) -> None:
        """Prepare the pool.

        Args:
            url: address of the database.
            make: make a SQLite file if it is not there, and let it keep a write-ahead log.

        Raises:
            StoreError: no driver, or the file cannot be made or is no database.
        """
        self.url = url
        self._engine = make_engine(url, make=make)
        self._writer = self._engine.execution_options(writes=True)
        self._reader = self._finder = self._engine
        self._writing = threading.Lock()
        if self.dialect == "postgresql":
            self._reader = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            self._finder = self._engine.execution_options(isolation_level="AUTOCOMMIT", postgresql_readonly=True)

    @property
    def dialect(self) -> str:
        """Name of the SQL dialect: sqlite or postgresql."""
        return self._engine.dialect.name

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of the database and writes nothing.

        Raises:
            StoreError: the database cannot be read.
        """
        with translated("read", sqlite_path(self.url)), self._reader.begin() as connection:
            yield connection

    def find(self, statement: Select[tuple[str]], values: Sequence[str]) -> list[str]:
        """Return the texts that a SELECT with `among` finds for at most `AMONG` values, without a transaction.

        Every page that is read asks once. SQLAlchemy's way through it costs more than SQLite's (measured), so a SQLite
        file is asked directly, over the same pool.

        Raises:
            StoreError: the database cannot be read.
        """
        with translated("read", sqlite_path(self.url)):
            if self.dialect == "postgresql":
                with self._finder.connect() as connection:
                    return list(connection.scalars(statement, self.these(values)))
            with closing(self._engine.raw_connection()) as raw:
                return [row[0] for row in raw.cursor().execute(_plain_text(statement), (json_list(values),))]

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that writes all or nothing.

        Raises:
            ConflictError: a row that must be unique is already there.
            StoreError: the database cannot be written.
        """
        with self._turn(), translated("write", sqlite_path(self.url)), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Let one thread of this process write at a time where the file takes one writer.

        SQLite itself looks again after a sleep, in no order, and holds a connection for each who waits.
        """
        if self.dialect == "postgresql":
            yield
            return
        if not self._writing.acquire(timeout=BUSY_TIMEOUT_MS / 1000):
            raise StoreError("state database: cannot write: another write takes too long", retryable=True)
        try:
            yield
        finally:
            self._writing.release()

    def upsert(self, table: Table) -> "sqlite.Insert | postgresql.Insert":
        """Return an INSERT that knows ON CONFLICT, in the database's dialect."""
        return postgresql.insert(table) if self.dialect == "postgresql" else sqlite.insert(table)

    def put_rows(
        self,
        connection: Connection,
        table: Table,
        rows: Sequence[Mapping[str, object]],
        *,
        key: str | None = None,
        change: Sequence[str] = (),
    ) -> None:
        """Insert many rows at once.

        Args:
            connection: of a writing transaction.
            table: where they go.
            rows: the rows, all with the same columns; none = nothing is done.
            key: unique column; a row whose key is there is left as it is. None = that is an error.
            change: columns that such a row takes over from the new one.
        """
        if not rows:
            return
        names = tuple(column.name for column in table.c if column.name in rows[0])
        if self.dialect == "postgresql":
            # One statement with an array for each column: a row each costs the server four times as much.
            arrays = {f"b_{name}": [row[name] for row in rows] for name in names}
            connection.execute(_put_arrays(table, names, key, tuple(change)), arrays)
            return
        values = list(map(itemgetter(*names), rows)) if len(names) > 1 else [(row[names[0]],) for row in rows]
        whole = len(values) - len(values) % _TOGETHER
        for start in range(0, whole, _TOGETHER):
            sql = _put_text(table, names, key, tuple(change), _TOGETHER)
            connection.exec_driver_sql(sql, tuple(chain.from_iterable(values[start : start + _TOGETHER])))
        if values[whole:]:
            connection.exec_driver_sql(_put_text(table, names, key, tuple(change), 1), values[whole:])

    def among(self, column: Column[Any]) -> ColumnElement[bool]:
        """Return the condition that a column has one of the values that `these` gives to the statement.

        They are one parameter, so that a statement is made once for any number of them.
        """
        if self.dialect == "postgresql":
            return column == any_(bindparam(_THESE, type_=postgresql.ARRAY(column.type)))
        return column.in_(select(func.json_each(bindparam(_THESE)).table_valued("value").c.value))

    def these(self, values: Sequence[str] | Sequence[int]) -> dict[str, object]:
        """Return the parameter of a statement with `among`, of at most `AMONG` values."""
        if self.dialect == "postgresql":
            return {_THESE: list(values)}
        return {_THESE: json_list(values)}

    def lock(self, connection: Connection, name: str) -> None:
        """Let one transaction at a time past this point; SQLite has one writer anyway."""
        if self.dialect == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext(%s))", (f"tingfeng.{name}",))

    def give_back(self) -> None:
        """Give free pages of a SQLite file back to the disk in small steps; other databases see to it themselves.

        Raises:
            StoreError: others write too long; retryable.
        """
        path = sqlite_path(self.url)
        if path is not None:
            try:
                give_back(path)
            except sqlite3.Error as err:
                raise StoreError(f"state database: cannot shrink {path}: {err}", retryable=True) from err

    def compact(self) -> None:
        """Rewrite a SQLite file without free pages and empty its log; other databases see to it themselves.

        Raises:
            StoreError: others write or read too long; retryable.
        """
        path = sqlite_path(self.url)
        if path is not None:
            try:
                rewrite(path)
            except sqlite3.Error as err:
                raise StoreError(f"state database: cannot rewrite {path}: {err}", retryable=True) from err

    def close(self) -> None:
        """Close all connections that are not in use."""
        self._engine.dispose()


@cache
def _plain_text(statement: Select[tuple[str]]) -> str:
    """Return a SELECT as SQLite takes it; its parameters are `?` in their order."""
    return str(statement.compile(dialect=sqlite.dialect()))


@cache
def _put_arrays(table: Table, names: tuple[str, ...], key: str | None, change: tuple[str, ...]) -> postgresql.Insert:
    arrays = (bindparam(f"b_{name}", type_=postgresql.ARRAY(table.c[name].type)) for name in names)
    rows = select(*(func.unnest(array) for array in arrays))
    return _or_change(postgresql.insert(table).from_select(list(names), rows), key, change)


@cache
def _put_text(table: Table, names: tuple[str, ...], key: str | None, change: tuple[str, ...], rows: int) -> str:
    """Return the INSERT of some rows with a `?` for each value, row by row in the order of `names`.

    SQLAlchemy's own way to many rows costs as much again as SQLite itself, and a statement for each row lets another
    thread in after each (measured).
    """
    row: dict[str, ColumnElement[Any]] = {name: literal_column("?") for name in names}
    put = _or_change(sqlite.insert(table).values([row] * rows), key, change)
    return str(put.compile(dialect=sqlite.dialect()))


PutT = TypeVar("PutT", sqlite.Insert, postgresql.Insert)


def _or_change(put: PutT, key: str | None, change: tuple[str, ...]) -> PutT:
    if key is None:
        return put
    if not change:
        return put.on_conflict_do_nothing(index_elements=[key])
    return put.on_conflict_do_update(index_elements=[key], set_={name: put.excluded[name] for name in change})


def chunked(values: Iterable[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """Yield the distinct values in their order, in lists of at most `size`."""
    distinct = list(dict.fromkeys(values))
    for start in range(0, len(distinct), size):
        yield distinct[start : start + size]


@contextmanager
def translated(action: str, path: Path | None = None) -> Iterator[None]:
    """Turn the library's errors into ours; the message names the cause, never values or secrets.

    Raises:
        ConflictError: a unique key is taken.
        DamagedError: the file at `path` is broken.
        StoreError: anything else the database refuses.
    """
    try:
        yield
    except IntegrityError as err:
        raise ConflictError(f"state database: conflict: {_cause(err)}") from err
    except (DBAPIError, sqlite3.Error) as err:
        if path is not None and str(getattr(_said_by(err), "sqlite_errorname", "")).startswith(DAMAGE):
            raise DamagedError(f"state database {path} is damaged ({_cause(err)}): {RESTORE}", path=path) from err
        raise StoreError(f"state database: cannot {action}: {_cause(err)}", retryable=_passes(err)) from err
    except TimeoutError as err:
        raise StoreError(f"state database: cannot {action}: no connection is free", retryable=True) from err
    except UnicodeEncodeError as err:
        raise StoreError(f"state database: cannot {action} text with lone surrogates") from err
    except SQLAlchemyError as err:
        raise StoreError(f"state database: cannot {action}: {type(err).__name__}") from err


def _said_by(err: DBAPIError | sqlite3.Error) -> BaseException | None:
    """Return the driver's own error."""
    return err.orig if isinstance(err, DBAPIError) else err


def _passes(err: DBAPIError | sqlite3.Error) -> bool:
    if isinstance(err, DBAPIError) and err.connection_invalidated:
        return True
    said = _said_by(err)
    if isinstance(said, sqlite3.Error):
        name = getattr(said, "sqlite_errorname", "") or ""
        return name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR"))
    state = str(getattr(said, "sqlstate", None) or "")
    if not state:  # no server answered: it is down, starts, or refuses connections
        return isinstance(err, OperationalError)
    return state[:2] in _PASSING_CLASSES or state in _PASSING_STATES


def _cause(err: DBAPIError | sqlite3.Error) -> str:
    """Return the driver's words in one line, without the values that PostgreSQL adds as DETAIL."""
    said = _said_by(err)
    primary = getattr(getattr(said, "diag", None), "message_primary", None)
    return " ".join(str(primary or said).split())[:_MAX_CAUSE]
