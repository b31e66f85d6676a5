import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from domain.ports import InboxKind
from storage import open_state
from storage.errors import ConflictError, StoreError
from storage.state import engine as module
from storage.state.database import Database, chunked
from storage.state.engine import parse_url, sqlite_path
from storage.state.tables import METADATA
from tests.storage.sample import NOW, mention


@pytest.mark.parametrize(
    ("url", "message"),
    [("nonsense", "no database URL"), ("mysql://u:pw@host/db", "neither sqlite nor postgresql")],
)
def test_a_foreign_address_is_refused_without_its_password(tmp_path: Path, url: str, message: str) -> None:
    with pytest.raises(StoreError, match=message) as caught:
        open_state(url, tmp_path)
    assert "pw" not in str(caught.value)


def test_a_missing_driver_names_the_extra_to_install(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"tingfeng\[postgres\]"):
        Database(parse_url("postgresql+nodriver://u:pw@127.0.0.1/db", tmp_path))


def test_addresses_are_completed(tmp_path: Path) -> None:
    assert parse_url("postgresql://u@h/d", tmp_path).drivername == "postgresql+psycopg"
    assert sqlite_path(parse_url(None, tmp_path)) == tmp_path / "state.db"
    assert sqlite_path(parse_url("sqlite://", tmp_path)) is None
    assert sqlite_path(parse_url("postgresql://u@h/d", tmp_path)) is None


def test_the_file_is_kept_safe_and_shared(tmp_path: Path) -> None:
    database = Database(parse_url(None, tmp_path))
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "page_size": 8192}
    with database.read() as connection:
        assert {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in wanted} == wanted
        timeout = connection.exec_driver_sql("PRAGMA busy_timeout").scalar()
        assert timeout is not None and timeout >= 5000
    database.close()


def test_every_table_can_be_made_on_postgresql() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # the library has no types here
    for table in METADATA.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=dialect))


def test_a_busy_file_is_worth_another_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUSY_TIMEOUT_MS", 20)
    state = open_state(None, tmp_path)
    with closing(sqlite3.connect(tmp_path / "state.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError) as caught:
            state.inbox.append([mention("1")], now=NOW)
    assert caught.value.retryable and not isinstance(caught.value, ConflictError)
    assert state.inbox.append([mention("1")], now=NOW).new
    state.close()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"not a database, but long enough to be one" * 300)
    with pytest.raises(StoreError) as caught:
        open_state(None, tmp_path)
    assert not caught.value.retryable


def test_a_wrong_statement_is_no_matter_of_time(tmp_path: Path) -> None:
    database = Database(parse_url(None, tmp_path))
    with pytest.raises(StoreError) as caught, database.read() as connection:
        connection.execute(text("SELECT * FROM nowhere"))
    assert not caught.value.retryable
    database.close()


def test_rows_that_cannot_be_read_become_dead_letters(tmp_path: Path) -> None:
    state = open_state(None, tmp_path)
    state.inbox.append([mention("1"), mention("2")], now=NOW)
    with closing(sqlite3.connect(tmp_path / "state.db")) as raw:
        raw.execute("UPDATE inbox SET doc = '{}' WHERE row = 1")
        raw.commit()
    rows = state.inbox.lease(owner="w", limit=5, lease=NOW - NOW, now=NOW)
    assert [(row.row, row.kind) for row in rows] == [(2, InboxKind.NEW)]
    ((row, id, reason),) = state.inbox.dead_letters()
    assert (row, id) == (1, "weibo:1") and reason.startswith("unreadable")
    state.close()


def test_long_lists_go_in_parts() -> None:
    assert [list(part) for part in chunked([3, 1, 3, 2], size=2)] == [[3, 1], [2]]
