"""Requests to read sources back."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select

from domain.backfill import Backfill, BackfillState
from domain.codec import from_json
from domain.moment import to_rfc3339
from storage.state.database import Database
from storage.state.tables import BACKFILLS
from storage.text import doc_of

__all__ = ["SqlBackfills"]

_FINAL = tuple(state.value for state in BackfillState if state.final)


class SqlBackfills:
    """Implements `domain.ports.BackfillStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, *, open_only: bool = False) -> Sequence[Backfill]:
        """Return the requests in the order they were asked for; `open_only` = those that are not over."""
        wanted = select(BACKFILLS.c.doc).order_by(BACKFILLS.c.created_at, BACKFILLS.c.id)
        if open_only:
            wanted = wanted.where(BACKFILLS.c.state.not_in(_FINAL))
        with self._database.read() as connection:
            return [from_json(Backfill, doc) for doc in connection.scalars(wanted)]

    def save(self, backfill: Backfill) -> None:
        """Write a request, in the place of one with its id."""
        row = {
            "id": backfill.id,
            "source": backfill.source,
            "state": backfill.state.value,
            "created_at": to_rfc3339(backfill.asked_at),
            "doc": doc_of(backfill),
        }
        put = self._database.upsert(BACKFILLS).values(**row)
        change = {name: put.excluded[name] for name in row if name != "id"}
        with self._database.write() as connection:
            connection.execute(put.on_conflict_do_update(index_elements=[BACKFILLS.c.id], set_=change))

    def prune(self, *, before: datetime) -> int:
        """Forget requests that were asked for before a moment and are over; return how many."""
        old = BACKFILLS.c.state.in_(_FINAL) & (BACKFILLS.c.created_at < to_rfc3339(before))
        with self._database.write() as connection:
            return connection.execute(delete(BACKFILLS).where(old)).rowcount
