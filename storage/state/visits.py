"""The state of visits, one row per source."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select, update

from domain.codec import from_json
from domain.moment import to_rfc3339
from domain.source import VisitState
from storage.errors import ConflictError
from storage.state.database import Database
from storage.state.tables import VISITS
from storage.text import doc_of

__all__ = ["SqlVisits"]


class SqlVisits:
    """Implements `domain.ports.VisitStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self) -> Mapping[str, VisitState]:
        """Return all states by source name."""
        rows = select(VISITS.c.doc, VISITS.c.posts_matched).where(VISITS.c.doc.is_not(None)).order_by(VISITS.c.source)
        with self._database.read() as connection:
            found = connection.execute(rows).all()
        states = (replace(from_json(VisitState, doc), posts_matched=matched) for doc, matched in found)
        return {state.source: state for state in states}

    def one(self, source: str) -> VisitState | None:
        """Return the state of one source; None = it was never saved."""
        wanted = select(VISITS.c.doc, VISITS.c.posts_matched).where(
            VISITS.c.source == source, VISITS.c.doc.is_not(None)
        )
        with self._database.read() as connection:
            found = connection.execute(wanted).first()
        return replace(from_json(VisitState, found[0]), posts_matched=found[1]) if found else None

    def save(self, state: VisitState, *, owner: str | None = None) -> None:
        """Write one state as a whole, save posts_matched, which only `add_matched` changes.

        With an `owner` the source's claim is given up in the same step.

        Raises:
            ConflictError: `owner` is given and does not hold the source any more.
        """
        doc = doc_of(replace(state, posts_matched=0))
        if owner is not None:
            self._give_back(state.source, doc, owner)
            return
        put = self._database.upsert(VISITS).values(source=state.source, doc=doc)
        put = put.on_conflict_do_update(index_elements=[VISITS.c.source], set_={"doc": put.excluded.doc})
        with self._database.write() as connection:
            connection.execute(put)

    def _give_back(self, source: str, doc: str, owner: str) -> None:
        held = (VISITS.c.source == source) & (VISITS.c.owner == owner)
        with self._database.write() as connection:
            put = update(VISITS).where(held).values(doc=doc, owner=None, leased_until=None)
            if connection.execute(put).rowcount != 1:
                raise ConflictError(f"source {source} is not held by {owner} any more")

    def claim(self, source: str, *, owner: str, until: datetime, now: datetime) -> bool:
        """Take a source for a visit that ends before `until`; False = another visits it now."""
        put = self._database.upsert(VISITS).values(source=source, owner=owner, leased_until=to_rfc3339(until))
        free = VISITS.c.owner.is_(None) | (VISITS.c.owner == owner) | (VISITS.c.leased_until <= to_rfc3339(now))
        put = put.on_conflict_do_update(
            index_elements=[VISITS.c.source],
            set_={"owner": put.excluded.owner, "leased_until": put.excluded.leased_until},
            where=free,
        )
        with self._database.write() as connection:
            return connection.scalar(put.returning(VISITS.c.source)) is not None

    def release(self, *, owner: str) -> None:
        """Give up every source that `owner` holds."""
        with self._database.write() as connection:
            connection.execute(update(VISITS).where(VISITS.c.owner == owner).values(owner=None, leased_until=None))

    def add_matched(self, matched: Mapping[str, int]) -> None:
        """Add to posts_matched per source; a source without a state is remembered for later."""
        if not matched:
            return
        put = self._database.upsert(VISITS)
        put = put.on_conflict_do_update(
            index_elements=[VISITS.c.source],
            set_={"posts_matched": VISITS.c.posts_matched + put.excluded.posts_matched},
        )
        values = [{"source": source, "posts_matched": number} for source, number in sorted(matched.items())]
        with self._database.write() as connection:
            connection.execute(put, values)
