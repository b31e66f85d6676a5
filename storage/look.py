"""Look at the stores without changing anything: is it there, can this program work on it."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from config.settings import StorageSettings
from storage.errors import StoreError
from storage.mentions.schema import SCHEMA_VERSION
from storage.state.database import translated
from storage.state.engine import parse_url, sqlite_path
from storage.state.upgrade import is_known, newest_revision

__all__ = ["StoreLook", "look_at_mentions", "look_at_state"]

POSTGRES_LEAST = 13
_CONNECT_S = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreLook:
    """What was seen of one store."""

    what: str
    """Which store, in words; no password."""
    exists: bool = True
    """False = it is made at the first start."""
    problem: str = ""
    """Why this program cannot work on it; empty = it can."""
    fix: str = ""
    """What to do about the problem."""
    behind: bool = False
    """It is brought to this program's form at the next start."""


def look_at_state(storage: StorageSettings, data_dir: Path) -> StoreLook:
    """Look at the state database; it is neither made nor upgraded.

    Raises:
        StoreError: no such kind of database, or it does not answer within seconds.
    """
    url = parse_url(storage.state.reveal() if storage.state else None, data_dir)
    if url.get_backend_name() != "sqlite":
        return _look_at_server(url)
    path = sqlite_path(url)
    if path is None or not path.exists():
        return StoreLook(what=f"state database {path}", exists=False)
    what = f"state database {path}"
    try:
        with closing(_read_only(path)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name='alembic_version'").fetchone():
                return StoreLook(what=what, exists=False)
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as err:
        return _damaged(what, err)
    return _judged(what, row[0] if row else None)


def look_at_mentions(data_dir: Path) -> StoreLook:
    """Look at the SQLite mention store; it is not made."""
    path = data_dir / "mentions.db"
    what = f"mention store {path}"
    if not path.exists():
        return StoreLook(what=what, exists=False)
    try:
        with closing(_read_only(path)) as connection:
            form = int(connection.execute("PRAGMA user_version").fetchone()[0])
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as err:
        return _damaged(what, err)
    if form > SCHEMA_VERSION:
        return _newer(what)
    return StoreLook(what=what, exists=form > 0, behind=0 < form < SCHEMA_VERSION)


def _read_only(path: Path) -> sqlite3.Connection:
    # A reader makes the files of the log where they are missing and leaves them behind, perhaps as another user.
    alone = "" if path.with_name(f"{path.name}-wal").exists() else "&immutable=1"
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro{alone}", uri=True, timeout=_CONNECT_S)


def _damaged(what: str, err: sqlite3.Error) -> StoreLook:
    return StoreLook(
        what=what,
        problem=f"cannot be read: {err}",
        fix="stop the service and follow `A database is damaged` in docs/operations.md",
    )


def _newer(what: str) -> StoreLook:
    return StoreLook(
        what=what,
        problem="a newer Tingfeng wrote it",
        fix="install that version again, or go back as docs/operations.md says under Upgrade",
    )


def _judged(what: str, revision: str | None) -> StoreLook:
    if revision == newest_revision():
        return StoreLook(what=what)
    return StoreLook(what=what, behind=True) if revision is None or is_known(revision) else _newer(what)


def _look_at_server(url: URL) -> StoreLook:
    what = f"state database {url.host or 'local'}/{url.database}"
    engine = _engine(url)
    try:
        with translated("connect"), engine.connect() as connection:
            return _look_inside(what, connection)
    finally:
        engine.dispose()


def _engine(url: URL) -> Engine:
    given = {} if "connect_timeout" in url.query else {"connect_timeout": str(_CONNECT_S)}
    try:
        return create_engine(url, poolclass=NullPool, connect_args=given)
    except ImportError as err:
        raise StoreError(f"state database: no driver for {url.drivername!r}; install tingfeng[postgres]") from err


def _look_inside(what: str, connection: Connection) -> StoreLook:
    connection.execute(text("SET statement_timeout = 5000"))
    number = int(connection.execute(text("SHOW server_version_num")).scalar_one())
    if number < POSTGRES_LEAST * 10_000:
        return StoreLook(
            what=what,
            problem=f"PostgreSQL {number // 10_000} is too old",
            fix=f"use PostgreSQL {POSTGRES_LEAST} or newer",
        )
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        return StoreLook(
            what=what,
            problem=f"its encoding is {encoding}, which cannot hold Chinese",
            fix="make the database anew with ENCODING 'UTF8' TEMPLATE template0 (docs/postgresql.md)",
        )
    if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar_one() is None:
        return StoreLook(what=what, exists=False)
    return _judged(what, connection.execute(text("SELECT version_num FROM alembic_version")).scalar())
