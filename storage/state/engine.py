"""Connections to the state database: its address, and what each of them is told first."""

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from storage.errors import DamagedError, StoreError
from storage.lock import DAMAGE, RESTORE, make_file

__all__ = ["BUSY_TIMEOUT_MS", "make_engine", "parse_url", "sqlite_path"]

BUSY_TIMEOUT_MS = 15_000
_CONNECT_S = 10
_SERVER_OPTIONS = {
    "lock_timeout": BUSY_TIMEOUT_MS,
    # A process that is stopped in the middle of a transaction must not hold its locks for ever.
    "idle_in_transaction_session_timeout": 60_000,
    "timezone": "UTC",
}


def parse_url(url: str | None, data_dir: Path) -> URL:
    """Return the address of the state database; None = `state.db` in `data_dir`.

    Raises:
        StoreError: the URL is none, or its database is neither SQLite nor PostgreSQL.
    """
    if url is None:
        return URL.create("sqlite", database=str(data_dir / "state.db"))
    try:
        parsed = make_url(url)
    except ArgumentError as err:
        raise StoreError("storage.state is no database URL; write postgresql+psycopg://user@host/name") from err
    if parsed.get_backend_name() == "postgresql" and parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise StoreError(f"storage.state: {parsed.drivername!r} is neither sqlite nor postgresql")
    return parsed


def sqlite_path(url: URL) -> Path | None:
    """Return the file behind a SQLite URL; None for memory and other databases."""
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return Path(str(url.database))


def make_engine(url: URL, *, make: bool) -> Engine:
    """Return the engine for a database.

    Args:
        url: Its address.
        make: Make a SQLite file if it is not there, and let it keep a write-ahead log.

    Raises:
        StoreError: no driver, or the file cannot be made or is no database.
    """
    try:
        if url.get_backend_name() != "sqlite":
            return _make_server_engine(url)
        # The connection used last is used first: each has a cache of its own, and few are to be filled.
        order = {"pool_use_lifo": True} if sqlite_path(url) is not None else {}
        engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000}, **order)
    except (NoSuchModuleError, ImportError) as err:
        raise StoreError(f"state database: no driver for {url.drivername!r}; install tingfeng[postgres]") from err
    if make:
        _make(url)
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _make_server_engine(url: URL) -> Engine:
    """Return an engine that notices lost connections before it uses them.

    What the URL's query says about the connection wins over these settings.
    """
    ours = {
        "connect_timeout": str(_CONNECT_S),
        "application_name": "tingfeng",
        "options": " ".join(f"-c {name}={value}" for name, value in _SERVER_OPTIONS.items()),
    }
    arguments = {name: value for name, value in ours.items() if name not in url.query}
    return create_engine(url, pool_pre_ping=True, pool_recycle=1800, connect_args=arguments)


def _make(url: URL) -> None:
    path = sqlite_path(url)
    if path is None:
        return
    try:
        make_file(path)
    except (OSError, sqlite3.Error) as err:
        if str(getattr(err, "sqlite_errorname", "")).startswith(DAMAGE):
            raise DamagedError(f"state database {path} is damaged ({err}): {RESTORE}", path=path) from err
        raise StoreError(f"state database {path} cannot be opened: {err}") from err


def _on_connect(raw: Any, _record: Any) -> None:
    # Without this the driver begins transactions by itself, late and as readers.
    raw.isolation_level = None
    cursor = raw.cursor()
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "synchronous=FULL",
        # macOS acknowledges a write before the disk has it; elsewhere these two do nothing.
        "fullfsync=ON",
        "checkpoint_fullfsync=ON",
        "foreign_keys=ON",
        "cache_size=-2048",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
