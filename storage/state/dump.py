"""All rows of a state database, out to files and in again, the same for SQLite and PostgreSQL."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Integer, MetaData, Table, func, insert, select

from storage.backup.ndjson import read_rows, write_rows
from storage.errors import StoreError
from storage.state.database import Database
from storage.state.upgrade import revision_of, upgrade

__all__ = ["count_rows", "dump", "is_empty", "load"]

_CHUNK = 500
_NOT_OURS = "alembic_version"


def dump(database: Database, connection: Connection, folder: Path) -> dict[str, int]:
    """Write every table to `folder`, one file each, as the connection's transaction sees them.

    Args:
        database: whose tables they are, in whatever revision they are.
        connection: of one reading transaction, see `Database.read`.
        folder: an empty folder.

    Returns:
        Rows by table.
    """
    written: dict[str, int] = {}
    for table in _tables(connection):
        rows = connection.execution_options(yield_per=_CHUNK).execute(_in_order(table)).mappings()
        written[table.name] = write_rows(folder / f"{table.name}.ndjson.gz", (dict(row) for row in rows))
    return written


def count_rows(connection: Connection) -> dict[str, int]:
    """Return the rows of every table of ours."""
    return {
        table.name: connection.scalar(select(func.count()).select_from(table)) or 0 for table in _tables(connection)
    }


def is_empty(database: Database) -> bool:
    """Say whether a database has no tables of ours, or tables without a row."""
    with database.read() as connection:
        return not any(count_rows(connection).values())


def load(database: Database, folder: Path, *, revision: str) -> None:
    """Fill an empty database from what `dump` wrote, in one transaction, and bring it to the newest form.

    Args:
        database: without rows; its tables are made.
        folder: files of `dump`.
        revision: form that the tables had.

    Raises:
        DamagedError: a file cannot be read.
        SchemaError: a newer program wrote them.
        StoreError: the database holds rows, or refuses them.
    """
    if not is_empty(database):
        raise StoreError("the state database is not empty; name an empty one in storage.state")
    if _has_tables(database) and revision_of(database) != revision:
        raise StoreError("the state database has tables of another form; name one without tables in storage.state")
    upgrade(database, to=revision)
    with database.write() as connection:
        for table in _tables(connection):
            path = folder / f"{table.name}.ndjson.gz"
            for part in _chunks(read_rows(path)):
                connection.execute(insert(table), part)
            _go_on_counting(database, connection, table)
    upgrade(database)


def _tables(connection: Connection) -> list[Table]:
    """Return the tables as they are, those that others refer to first."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != _NOT_OURS]


def _has_tables(database: Database) -> bool:
    with database.read() as connection:
        return bool(_tables(connection))


def _in_order(table: Table) -> Any:
    return select(table).order_by(*table.primary_key.columns)


def _chunks(rows: Iterator[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    while part := list(islice(rows, _CHUNK)):
        yield part


def _go_on_counting(database: Database, connection: Connection, table: Table) -> None:
    """Let numbered rows go on after the last one; SQLite remembers it by itself."""
    keys = list(table.primary_key.columns)
    if database.dialect != "postgresql" or len(keys) != 1 or not isinstance(keys[0].type, Integer):
        return
    name = keys[0].name
    sequence = connection.scalar(select(func.pg_get_serial_sequence(table.name, name)))
    last = connection.scalar(select(func.max(keys[0])))
    if sequence and last:
        connection.execute(select(func.setval(sequence, last)))
