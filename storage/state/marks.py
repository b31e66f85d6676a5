"""Moments that the service remembers over a restart."""

from datetime import datetime

from sqlalchemy import Connection, select

from domain.moment import from_rfc3339, to_rfc3339
from storage.state.database import Database
from storage.state.tables import MARKS

__all__ = ["RESTORED", "SqlMarks", "mark_at", "put_mark"]

RESTORED = "restored"
"""When this state was last put back from a backup."""


class SqlMarks:
    """Reads and writes single moments by name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def at(self, name: str) -> datetime | None:
        """Return when something last happened, UTC; None = never."""
        with self._database.read() as connection:
            return mark_at(connection, name)

    def put(self, name: str, at: datetime) -> None:
        """Remember when something happened last."""
        with self._database.write() as connection:
            put_mark(self._database, connection, name, at=at)


def mark_at(connection: Connection, name: str) -> datetime | None:
    """Return when something last happened, UTC; None = never."""
    found = connection.scalar(select(MARKS.c.at).where(MARKS.c.name == name))
    return from_rfc3339(found) if found else None


def put_mark(database: Database, connection: Connection, name: str, *, at: datetime, doc: str = "") -> None:
    """Remember when something happened last, inside the caller's transaction."""
    put = database.upsert(MARKS).values(name=name, at=to_rfc3339(at), doc=doc)
    put = put.on_conflict_do_update(
        index_elements=[MARKS.c.name], set_={"at": put.excluded.at, "doc": put.excluded.doc}
    )
    connection.execute(put)
