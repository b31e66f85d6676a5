"""Copies both stores, so that the pair is what a loss of power at that instant would have left."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import URL

from storage.backup.manifest import Manifest, write_manifest
from storage.backup.ndjson import write_rows
from storage.backup.snapshot import check_file, copy_file, frozen
from storage.errors import SchemaError
from storage.mentions.elastic.mapping import FORM
from storage.mentions.schema import SCHEMA_VERSION
from storage.mentions.walk import Walked
from storage.state.database import Database
from storage.state.dump import count_rows, dump
from storage.state.engine import sqlite_path
from storage.state.upgrade import revision_of

__all__ = ["MENTIONS_DB", "MENTIONS_ROWS", "STATE_DB", "STATE_ROWS", "Parts", "take"]

STATE_DB, MENTIONS_DB = "state.db", "mentions.db"
STATE_ROWS, MENTIONS_ROWS = "state", "mentions.ndjson.gz"
Advance = Callable[[str, int, int], None]
"""Told what is copied, how much of it is left, and how much there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Where the two stores are."""

    state: URL
    """Address of the state database."""
    mentions: Path | Callable[[], Iterable[Walked]]
    """File of the mention store, or what walks one that is no file."""


def take(parts: Parts, folder: Path, *, now: datetime, version: str, advance: Advance | None = None) -> Manifest:
    """Copy both stores into an empty folder, check the copies, and write the manifest last.

    Where both are files, the two copies show one instant. Else the state comes first and the
    mentions after it: what the state has acknowledged is then in the mentions for certain, and
    what came meanwhile is only put a second time.

    Args:
        parts: the stores; others may go on writing.
        folder: an empty folder.
        now: the present moment, UTC.
        version: of this program.
        advance: told how far it is.

    Raises:
        DamagedError: a store is damaged; there is no backup of it.
        SchemaError: a newer program wrote a store.
        StoreError: a store cannot be read now, or the folder not be written.
    """
    tell = advance or (lambda _what, _left, _all: None)
    file = sqlite_path(parts.state)
    if file is not None:
        rows, form = _copy_files(parts, file, folder, tell)
    else:
        rows, form = _dump_state(parts, folder, tell)
    if isinstance(parts.mentions, Path):
        kind, mentions_form, count = "sqlite", *_check_mentions(folder / MENTIONS_DB)
    else:
        kind, mentions_form = "elasticsearch", FORM
        count = write_rows(folder / MENTIONS_ROWS, _plain(parts.mentions()))
    manifest = Manifest(
        version=version,
        made_at=now,
        state="sqlite" if file is not None else "postgresql",
        state_form=form,
        mentions=kind,
        mentions_form=mentions_form,
        rows=tuple(sorted(rows.items())),
        mention_count=count,
    )
    return write_manifest(folder, manifest)


def _copy_files(parts: Parts, state: Path, folder: Path, tell: Advance) -> tuple[Mapping[str, int], str]:
    mentions = parts.mentions if isinstance(parts.mentions, Path) else None
    with frozen([state, mentions] if mentions else [state]) as readers:
        for reader, name in zip(readers, (STATE_DB, MENTIONS_DB), strict=False):
            _copy(reader, folder / name, tell)
    check_file(folder / STATE_DB)
    with _opened(folder / STATE_DB) as copy, copy.read() as connection:
        return count_rows(connection), revision_of(copy)


def _dump_state(parts: Parts, folder: Path, tell: Advance) -> tuple[Mapping[str, int], str]:
    (folder / STATE_ROWS).mkdir(mode=0o700)
    database = Database(parts.state)
    try:
        form = revision_of(database)
        with database.read() as connection:
            connection.exec_driver_sql("SELECT 1")  # the transaction's view is fixed here
            if not isinstance(parts.mentions, Path):
                return dump(database, connection, folder / STATE_ROWS), form
            with frozen([parts.mentions]) as (mentions,):
                rows = dump(database, connection, folder / STATE_ROWS)
                _copy(mentions, folder / MENTIONS_DB, tell)
            return rows, form
    finally:
        database.close()


def _copy(reader: sqlite3.Connection, target: Path, tell: Advance) -> None:
    copy_file(reader, target, lambda left, pages: tell(target.name, left, pages))


def _check_mentions(path: Path) -> tuple[int, int]:
    """Return form and number of mentions of a copy."""
    check_file(path)
    with closing(sqlite3.connect(path)) as copy:
        form = int(copy.execute("PRAGMA user_version").fetchone()[0])
        if form > SCHEMA_VERSION:
            raise SchemaError(f"mention store has form {form}, this program knows {SCHEMA_VERSION}")
        return form, int(copy.execute("SELECT count(*) FROM docs").fetchone()[0])


@contextmanager
def _opened(path: Path) -> Iterator[Database]:
    database = Database(URL.create("sqlite", database=str(path)), make=False)
    try:
        yield database
    finally:
        database.close()


def _plain(walked: Iterable[Walked]) -> Iterator[Mapping[str, object]]:
    for each in walked:
        yield {"row": each.row, "doc": each.doc, "readings": each.readings, "old_texts": each.old_texts}
