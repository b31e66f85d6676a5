"""Builds stores from a backup beside where they belong; nothing that is in use is touched."""

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Protocol

from sqlalchemy.engine import URL

from storage.backup.manifest import Manifest
from storage.backup.ndjson import read_rows
from storage.backup.snapshot import check_file
from storage.backup.take import MENTIONS_DB, MENTIONS_ROWS, STATE_DB, STATE_ROWS
from storage.errors import DamagedError, SchemaError, StoreError
from storage.mentions.elastic.mapping import FORM
from storage.mentions.schema import SCHEMA_VERSION
from storage.mentions.sqlite import SqliteMentions
from storage.mentions.walk import Walked
from storage.state.database import Database
from storage.state.dump import count_rows, dump, load
from storage.state.upgrade import is_known, revision_of, upgrade

__all__ = ["build_mentions", "build_state", "fill_mentions", "fill_state", "refuse_newer"]

_CHUNK = 2_000
Advance = Callable[[int], None]


class Filled(Protocol):
    """A mention store that takes mentions as they were elsewhere."""

    def __call__(self, mentions: Sequence[Walked], /) -> object:
        """Store a chunk; what is there stays."""
        ...


def refuse_newer(manifest: Manifest) -> None:
    """Refuse a backup whose stores this program does not know.

    Raises:
        SchemaError: a newer program made it.
    """
    newest = SCHEMA_VERSION if manifest.mentions == "sqlite" else FORM
    what = None
    if not is_known(manifest.state_form):
        what = f"the state in this backup has form {manifest.state_form}"
    elif manifest.mentions_form > newest:
        what = f"the mentions in this backup have form {manifest.mentions_form}, this program knows {newest}"
    if what is not None:
        raise SchemaError(f"{what}: a newer Tingfeng ({manifest.version}) made it. Install that version to restore it.")


def build_state(backup: Path, manifest: Manifest, target: Path) -> Database:
    """Make a SQLite state database in the newest form as a new file and return it open.

    Raises:
        DamagedError: the backup's part is damaged, or holds other rows than it says.
        StoreError: the file cannot be written.
    """
    if manifest.state == "sqlite":
        shutil.copyfile(backup / STATE_DB, target)
        target.chmod(0o600)
    database = Database(URL.create("sqlite", database=str(target)))
    try:
        if manifest.state == "sqlite":
            upgrade(database, keep_copy=False)
        else:
            load(database, backup / STATE_ROWS, revision=manifest.state_form)
        _compare_rows(database, backup, manifest)
    except BaseException:
        database.close()
        raise
    return database


def fill_state(backup: Path, manifest: Manifest, database: Database) -> None:
    """Fill an empty state database, such as one on PostgreSQL, and bring it to the newest form.

    Raises:
        DamagedError: the backup's part is damaged, or holds other rows than it says.
        StoreError: the database is not empty, or refuses the rows.
    """
    if manifest.state != "sqlite":
        load(database, backup / STATE_ROWS, revision=manifest.state_form)
    else:
        with tempfile.TemporaryDirectory() as name:
            copy = Path(name) / STATE_DB
            shutil.copyfile(backup / STATE_DB, copy)
            rows = Path(name) / STATE_ROWS
            rows.mkdir()
            source = Database(URL.create("sqlite", database=str(copy)), make=False)
            try:
                with source.read() as connection:
                    dump(source, connection, rows)
                load(database, rows, revision=revision_of(source))
            finally:
                source.close()
    _compare_rows(database, backup, manifest)


def build_mentions(backup: Path, manifest: Manifest, target: Path, advance: Advance) -> None:
    """Make a SQLite mention store as a new file.

    Raises:
        DamagedError: the backup's part is damaged, or holds other mentions than it says.
        StoreError: the file cannot be written.
    """
    if manifest.mentions == "sqlite":
        shutil.copyfile(backup / MENTIONS_DB, target)
        target.chmod(0o600)
        SqliteMentions(target).close()
        check_file(target, deep=False)
        advance(manifest.mention_count)
    else:
        store = SqliteMentions(target)
        try:
            fill_mentions(backup, manifest, store.load, advance)
        finally:
            store.close()
    with closing(sqlite3.connect(target)) as connection:
        found = int(connection.execute("SELECT count(*) FROM docs").fetchone()[0])
    if found != manifest.mention_count:
        raise DamagedError(
            f"backup {backup} holds {found} mentions, {manifest.mention_count} expected: take another backup",
            path=backup,
        )


def fill_mentions(backup: Path, manifest: Manifest, fill: Filled, advance: Advance) -> None:
    """Put the backup's mentions into a store, in order of arrival.

    Raises:
        DamagedError: the backup's part is damaged.
        StoreError: the store does not answer; the same call again goes on.
    """
    if manifest.mentions != "sqlite":
        walked = (_walked(row) for row in read_rows(backup / MENTIONS_ROWS))
        while part := list(islice(walked, _CHUNK)):
            fill(part)
            advance(len(part))
        return
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / MENTIONS_DB
        shutil.copyfile(backup / MENTIONS_DB, copy)
        for part in _chunks(copy):
            fill(part)
            advance(len(part))


def _chunks(path: Path) -> Iterator[list[Walked]]:
    store, row = SqliteMentions(path), 0
    try:
        while part := store.walk(row, _CHUNK):
            yield part
            row = part[-1].row
    finally:
        store.close()


def _walked(row: dict[str, object]) -> Walked:
    try:
        readings: list[tuple[int, str]] = row["readings"]  # type: ignore[assignment]  # as written by take
        old_texts: list[tuple[int, str]] = row["old_texts"]  # type: ignore[assignment]  # as written by take
        return Walked(
            row=int(str(row["row"])),
            doc=str(row["doc"]),
            readings=tuple((int(at), str(doc)) for at, doc in readings),
            old_texts=tuple((int(at), str(text)) for at, text in old_texts),
        )
    except (KeyError, TypeError, ValueError) as err:
        raise StoreError(f"the backup's mentions cannot be read: {err!r}") from err


def _compare_rows(database: Database, backup: Path, manifest: Manifest) -> None:
    with database.read() as connection:
        found = count_rows(connection)
    wrong = {name: rows for name, rows in manifest.rows if name in found and found[name] != rows}
    if wrong:
        said = ", ".join(f"{name}: {found[name]} rows, {rows} expected" for name, rows in sorted(wrong.items()))
        raise DamagedError(f"backup {backup} holds other rows than it says ({said}): take another backup", path=backup)
