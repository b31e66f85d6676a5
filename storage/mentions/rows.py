"""Write mentions into the tables of the SQLite store, inside the caller's transaction."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.codec import from_json
from domain.document import public_fields
from domain.ids import text_hash
from domain.mention import Flag, Mention
from domain.units import split_units
from storage.author import author_key
from storage.mentions.cursor import to_ms
from storage.mentions.fields import COLUMNS, column_value
from storage.mentions.merge import Outcome, brand_tags, is_counted
from storage.mentions.schema import HOUR_MS, POLARITIES
from storage.mentions.walk import Walked
from storage.text import THESE, doc_of, json_list

__all__ = ["NEW_AUTHOR_MS", "Known", "delete_rows", "expired_rows", "load_docs", "load_walked", "write_outcomes"]

NEW_AUTHOR_MS = 24 * HOUR_MS
"""An author is new again after so long without a mention of that brand and polarity."""

_NAMES = ", ".join(column.name for column in COLUMNS.values())
_MARKS = ", ".join("?" for _ in COLUMNS)
_SETS = ", ".join(f"{column.name} = ?" for column in COLUMNS.values())
_INSERT = f"INSERT INTO mentions (candidate, {_NAMES}) VALUES (?, {_MARKS})"
_UPDATE = f"UPDATE mentions SET candidate = ?, {_SETS} WHERE row = ?"

_DOCS = f"SELECT m.id, m.row, d.doc FROM mentions m JOIN docs d ON d.row = m.row WHERE m.id IN {THESE}"

_TAG = (
    "INSERT INTO tagged (brand, event_ms, row, polarity, counted, backfill, p_negative, source, platform, "
    "author, story_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)

_Seat = tuple[str, int, str, int, int]
"""Brand, polarity, author, event time in ms, row: where a mention sits among its author's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A stored mention and its row."""

    row: int
    """Row number."""
    mention: Mention
    """What is stored."""


def load_docs(connection: sqlite3.Connection, ids: Sequence[str]) -> dict[str, Known]:
    """Return the stored mentions among `ids`."""
    found: dict[str, Known] = {}
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        for id, row, doc in connection.execute(_DOCS, (json_list(part),)):
            found[id] = Known(row=row, mention=from_json(Mention, doc))
    return found


def write_outcomes(
    connection: sqlite3.Connection, outcomes: Iterable[tuple[int | None, Mention | None, Outcome]]
) -> None:
    """Write what a put came to: (row or None if new, what was stored, outcome) each."""
    seats: set[_Seat] = set()
    for row, old, outcome in outcomes:
        mention = outcome.stored.mention
        if row is None:
            row = _insert(connection, mention, outcome.stored.doc)
        elif old is not None:
            _replace(connection, row, old, outcome)
            if not outcome.changed:
                continue
            seats.update(_drop_tags(connection, [row]))
        seats.update(_add_tags(connection, row, mention))
        if outcome.counted:
            reading = (row, to_ms(mention.last_collected_at), doc_of(mention.post.engagement))
            connection.execute("INSERT OR REPLACE INTO readings (row, at_ms, doc) VALUES (?, ?, ?)", reading)
    _refresh(connection, seats)


def load_walked(connection: sqlite3.Connection, walked: Sequence[Walked]) -> int:
    """Write mentions of another store as they were there, in order of arrival; those here already stay.

    Returns:
        How many were written.
    """
    known = load_docs(connection, [str(each.plain["id"]) for each in walked])
    seats: set[_Seat] = set()
    new = [each for each in walked if each.plain["id"] not in known]
    for each in new:
        mention = from_json(Mention, each.doc)
        row = _insert(connection, mention, each.doc)
        seats.update(_add_tags(connection, row, mention))
        for table, column, values in (("readings", "doc", each.readings), ("old_texts", "text_hash", each.old_texts)):
            sql = f"INSERT OR REPLACE INTO {table} (row, at_ms, {column}) VALUES (?, ?, ?)"
            connection.executemany(sql, [(row, at_ms, value) for at_ms, value in values])
    _refresh(connection, seats)
    return len(new)


def _insert(connection: sqlite3.Connection, mention: Mention, doc: str) -> int:
    row = connection.execute(_INSERT, _values(mention)).lastrowid
    if row is None:
        raise AssertionError("SQLite gives every inserted row a number")
    connection.execute("INSERT INTO docs (row, doc) VALUES (?, ?)", (row, doc))
    connection.execute(
        "INSERT INTO arrivals (hour, first_row) VALUES (?, ?) ON CONFLICT (hour) DO NOTHING",
        (to_ms(mention.first_collected_at) // HOUR_MS, row),
    )
    _add_units(connection, row, mention)
    return row


def _replace(connection: sqlite3.Connection, row: int, old: Mention, outcome: Outcome) -> None:
    mention = outcome.stored.mention
    connection.execute(_UPDATE, (*_values(mention), row))
    connection.execute("UPDATE docs SET doc = ? WHERE row = ?", (outcome.stored.doc, row))
    if (old.post.title, old.post.text) != (mention.post.title, mention.post.text):
        before = (row, to_ms(old.last_collected_at), text_hash(old.post.title, old.post.text))
        connection.execute("INSERT OR REPLACE INTO old_texts (row, at_ms, text_hash) VALUES (?, ?, ?)", before)
        _drop_units(connection, [row])
        _add_units(connection, row, mention)


def _values(mention: Mention) -> tuple[object, ...]:
    fields = public_fields(mention)
    return (int(not mention.brands), *(column_value(fields[name]) for name in COLUMNS))


def _add_units(connection: sqlite3.Connection, row: int, mention: Mention) -> None:
    units = (row, " ".join(split_units(mention.post.title or "")), " ".join(split_units(mention.post.text)))
    connection.execute("INSERT INTO mention_units (row, title, text) VALUES (?, ?, ?)", units)
    connection.execute("INSERT INTO mention_fts (rowid, title, text) VALUES (?, ?, ?)", units)


def _drop_units(connection: sqlite3.Connection, rows: Sequence[int]) -> None:
    these = (json_list(rows),)
    connection.execute(
        "INSERT INTO mention_fts (mention_fts, rowid, title, text) "
        f"SELECT 'delete', row, title, text FROM mention_units WHERE row IN {THESE}",
        these,
    )
    connection.execute(f"DELETE FROM mention_units WHERE row IN {THESE}", these)


def _add_tags(connection: sqlite3.Connection, row: int, mention: Mention) -> list[_Seat]:
    event_ms, author, counted = to_ms(mention.event_at), author_key(mention), is_counted(mention)
    backfill = Flag.BACKFILL in mention.flags
    seats: list[_Seat] = []
    for tag in brand_tags(mention):
        polarity = POLARITIES.index(tag.sentiment.polarity.value)
        connection.execute(
            _TAG,
            (
                *(tag.brand, event_ms, row, polarity, counted, backfill, tag.sentiment.p_negative),
                *(mention.source, mention.post.platform, author, mention.story_id),
            ),
        )
        if counted:
            seats.append((tag.brand, polarity, author, event_ms, row))
    connection.executemany("INSERT OR IGNORE INTO labels (kind, value, row) VALUES (?, ?, ?)", _labels(row, mention))
    return seats


def _labels(row: int, mention: Mention) -> list[tuple[str, str, int]]:
    found = [("flags", flag.value, row) for flag in mention.flags]
    if mention.tags is not None:
        found += [("topics", topic, row) for topic in mention.tags.topics]
        found += [("keywords", word, row) for word in mention.tags.keywords]
        found += [("risk", risk.category, row) for risk in mention.tags.risks]
    return found


def _drop_tags(connection: sqlite3.Connection, rows: Sequence[int]) -> list[_Seat]:
    these = (json_list(rows),)
    sql = f"SELECT brand, polarity, author, event_ms, row FROM tagged WHERE counted = 1 AND row IN {THESE}"
    seats: list[_Seat] = connection.execute(sql, these).fetchall()
    for table in ("tagged", "labels"):
        connection.execute(f"DELETE FROM {table} WHERE row IN {THESE}", these)
    return seats


def delete_rows(connection: sqlite3.Connection, rows: Sequence[int]) -> None:
    """Delete mentions with everything that hangs on them; at most 500 at a time."""
    seats = _drop_tags(connection, rows)
    _drop_units(connection, rows)
    for table in ("readings", "old_texts", "docs", "mentions"):
        connection.execute(f"DELETE FROM {table} WHERE row IN {THESE}", (json_list(rows),))
    _refresh(connection, seats)


_BEFORE = (
    "SELECT event_ms FROM tagged WHERE counted = 1 AND brand = ? AND polarity = ? AND author = ? "
    "AND (event_ms, row) < (?, ?) ORDER BY event_ms DESC, row DESC LIMIT 1"
)
_AFTER = (
    "SELECT event_ms, row FROM tagged WHERE counted = 1 AND brand = ? AND polarity = ? AND author = ? "
    "AND (event_ms, row) > (?, ?) ORDER BY event_ms, row LIMIT 1"
)


def _refresh(connection: sqlite3.Connection, seats: Iterable[_Seat]) -> None:
    """Say again who is new, for seats that were taken or left and the next one after each.

    Whether an author is new depends on nothing but his mention just before.
    """
    stale = set(seats)
    for brand, polarity, author, event_ms, row in list(stale):
        after = connection.execute(_AFTER, (brand, polarity, author, event_ms, row)).fetchone()
        if after is not None:
            stale.add((brand, polarity, author, *after))
    for seat in stale:
        before = connection.execute(_BEFORE, seat).fetchone()
        is_new = before is None or seat[3] - before[0] >= NEW_AUTHOR_MS
        connection.execute(
            "UPDATE tagged SET new_author = ? WHERE brand = ? AND event_ms = ? AND row = ? AND new_author <> ?",
            (is_new, seat[0], seat[3], seat[4], is_new),
        )


def expired_rows(connection: sqlite3.Connection, moment: datetime, *, candidates: bool, limit: int) -> list[int]:
    """Return rows of mentions (or candidates) first collected before `moment`, at most `limit`."""
    sql = "SELECT row FROM mentions WHERE candidate = ? AND first_ms < ? ORDER BY first_ms LIMIT ?"
    return [row for (row,) in connection.execute(sql, (candidates, to_ms(moment), limit))]
