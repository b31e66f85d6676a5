"""Tables of the SQLite mention store and the settings of its connections.

`mentions` is thin, so that filters and sorting read little; `docs` holds the JSON. `tagged`
has one row per mention and brand, clustered by brand and event time: counts read it alone.
`mention_units` is the content of the full-text index: units between blanks, which FTS5's
`ascii` tokeniser keeps whole, because it splits at ASCII characters only and units hold no
ASCII but letters and digits. Rows are numbered in order of arrival; as nothing happens
after it was collected, a window's first arrival (`arrivals`) bounds the rows to look at.
"""

import sqlite3
from pathlib import Path

from storage.errors import DamagedError, SchemaError, StoreError
from storage.lock import DAMAGE, RESTORE
from storage.mentions.fields import COLUMNS

__all__ = ["HOUR_MS", "POLARITIES", "SCHEMA_VERSION", "connect", "prepare"]

SCHEMA_VERSION = 1
HOUR_MS = 3_600_000
BUSY_TIMEOUT_MS = 15_000
POLARITIES = ("negative", "neutral", "positive")

_PRAGMAS = (
    f"busy_timeout={BUSY_TIMEOUT_MS}",
    "synchronous=FULL",
    # macOS acknowledges a write before the disk has it; elsewhere these two do nothing.
    "fullfsync=ON",
    "checkpoint_fullfsync=ON",
    "foreign_keys=ON",
    "cache_size=-16384",
    "mmap_size=2147483648",
    "wal_autocheckpoint=4000",
    "temp_store=MEMORY",
)

_READER_CACHE_KB = 8_192
"""A reader finds most pages in the mapped file; only those of the log fill its cache, one for each connection."""

_COLUMNS = ",\n    ".join(f"{column.name} {column.kind}" for column in COLUMNS.values())

_TABLES = f"""
CREATE TABLE mentions (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    candidate INTEGER NOT NULL,
    {_COLUMNS}
);
CREATE UNIQUE INDEX mentions_by_id ON mentions (id);
CREATE INDEX mentions_by_event ON mentions (event_ms, id);
CREATE INDEX mentions_by_first ON mentions (candidate, first_ms);
CREATE INDEX mentions_by_author ON mentions (author_id, platform) WHERE author_id IS NOT NULL;
CREATE INDEX mentions_by_name ON mentions (author_name, platform) WHERE author_name IS NOT NULL;
CREATE INDEX mentions_by_story ON mentions (story_id) WHERE story_id IS NOT NULL;
CREATE TABLE docs (row INTEGER PRIMARY KEY REFERENCES mentions ON DELETE CASCADE, doc TEXT NOT NULL);
CREATE TABLE arrivals (hour INTEGER PRIMARY KEY, first_row INTEGER NOT NULL);
CREATE TABLE tagged (
    brand TEXT NOT NULL,
    event_ms INTEGER NOT NULL,
    row INTEGER NOT NULL REFERENCES mentions ON DELETE CASCADE,
    polarity INTEGER NOT NULL,
    counted INTEGER NOT NULL,
    backfill INTEGER NOT NULL,
    new_author INTEGER NOT NULL DEFAULT 0,
    p_negative REAL NOT NULL,
    source TEXT NOT NULL,
    platform TEXT NOT NULL,
    author TEXT NOT NULL,
    story_id TEXT,
    PRIMARY KEY (brand, event_ms, row)
) WITHOUT ROWID;
CREATE INDEX tagged_by_row ON tagged (row);
CREATE INDEX tagged_by_author ON tagged (brand, polarity, author, event_ms, row) WHERE counted = 1;
CREATE TABLE labels (
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    row INTEGER NOT NULL REFERENCES mentions ON DELETE CASCADE,
    PRIMARY KEY (kind, value, row)
) WITHOUT ROWID;
CREATE INDEX labels_by_row ON labels (row, kind);
CREATE TABLE readings (
    row INTEGER NOT NULL REFERENCES mentions ON DELETE CASCADE,
    at_ms INTEGER NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (row, at_ms)
) WITHOUT ROWID;
CREATE TABLE old_texts (
    row INTEGER NOT NULL REFERENCES mentions ON DELETE CASCADE,
    at_ms INTEGER NOT NULL,
    text_hash TEXT NOT NULL,
    PRIMARY KEY (row, at_ms)
) WITHOUT ROWID;
CREATE TABLE mention_units (row INTEGER PRIMARY KEY, title TEXT NOT NULL, text TEXT NOT NULL);
CREATE VIRTUAL TABLE mention_fts USING fts5(
    title, text, content='mention_units', content_rowid='row', tokenize='ascii'
);
"""


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open a connection with the store's settings, usable from any thread, one at a time.

    Raises:
        StoreError: the file cannot be opened.
    """
    try:
        connection = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False
        )
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        if read_only:
            connection.execute("PRAGMA query_only=ON")
            connection.execute(f"PRAGMA cache_size=-{_READER_CACHE_KB}")
    except sqlite3.Error as err:
        if str(getattr(err, "sqlite_errorname", "")).startswith(DAMAGE):
            raise DamagedError(f"mention store {path} is damaged ({err}): {RESTORE}", path=path) from err
        raise StoreError(f"mention store {path} cannot be opened: {err}", retryable=True) from err
    return connection


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables unless they are there; several processes may do so at once.

    Raises:
        SchemaError: a newer program wrote the file.
        StoreError: the file is no database, or cannot be written.
    """
    try:
        version = _version(connection)
        if version == 0:
            connection.execute("BEGIN IMMEDIATE")
            version = _version(connection)
            if version == 0:
                for statement in _TABLES.split(";\n"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
                version = SCHEMA_VERSION
            connection.execute("COMMIT")
    except sqlite3.Error as err:
        if str(getattr(err, "sqlite_errorname", "")).startswith(DAMAGE):
            raise DamagedError(f"mention store {path} is damaged ({err}): {RESTORE}", path=path) from err
        raise StoreError(f"mention store {path} cannot be used: {err}") from err
    if version > SCHEMA_VERSION:
        raise SchemaError(
            f"mention store {path} has form {version}, this program knows {SCHEMA_VERSION}: a newer Tingfeng wrote it. "
            "Install that version again."
        )


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
