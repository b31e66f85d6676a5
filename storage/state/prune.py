"""Deletes old rows a few at a time, so that nobody waits long for the write lock."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import ColumnElement, Table, delete, select, update

from domain.codec import from_json
from domain.incident import Delivery, DeliveryState
from domain.moment import to_rfc3339
from storage.room import breathe
from storage.state.database import CHUNK, Database
from storage.state.tables import DELIVERIES
from storage.text import doc_of

__all__ = ["drop_texts", "prune_rows"]

_FINAL = tuple(state.value for state in DeliveryState if state.final)


def prune_rows(
    database: Database,
    table: Table,
    stale: ColumnElement[bool],
    *,
    lock: str = "",
    pause: Callable[[], None] = breathe,
) -> int:
    """Delete the rows that are stale, found without a lock and looked at again under it; return how many.

    Args:
        database: the state.
        table: a table with a key of one column.
        stale: what makes a row too old.
        lock: name of the lock under which others write this table; empty = none.
        pause: called between two steps.
    """
    (key,) = table.primary_key.columns
    deleted = 0
    while True:
        with database.read() as connection:
            keys = connection.scalars(select(key).where(stale).limit(CHUNK)).all()
        if keys:
            with database.write() as connection:
                if lock:
                    database.lock(connection, lock)
                gone = delete(table).where(database.among(key), stale)
                deleted += connection.execute(gone, database.these(keys)).rowcount
        if len(keys) < CHUNK:
            return deleted
        pause()


def drop_texts(database: Database, *, before: datetime, pause: Callable[[], None] = breathe) -> int:
    """Empty the texts of finished messages that were queued before a moment; the rows stay. Return how many."""
    old = DELIVERIES.c.state.in_(_FINAL) & (DELIVERIES.c.created_at < to_rfc3339(before))
    has_text = DELIVERIES.c.doc.not_like('%"payload":""%')
    dropped = 0
    while True:
        with database.read() as connection:
            docs = connection.scalars(select(DELIVERIES.c.doc).where(old, has_text).limit(CHUNK)).all()
        if docs:
            with database.write() as connection:
                for doc in docs:
                    empty = replace(from_json(Delivery, doc), payload="")
                    same = (DELIVERIES.c.id == empty.id) & (DELIVERIES.c.doc == doc)
                    dropped += connection.execute(update(DELIVERIES).where(same).values(doc=doc_of(empty))).rowcount
        if len(docs) < CHUNK:
            return dropped
        pause()
