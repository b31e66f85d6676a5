"""The state of visits, one row per source."""

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import select

from domain.codec import from_json
from domain.source import VisitState
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

    def save(self, state: VisitState) -> None:
        """Write one state as a whole, save posts_matched, which only `add_matched` changes."""
        put = self._database.upsert(VISITS).values(source=state.source, doc=doc_of(replace(state, posts_matched=0)))
        put = put.on_conflict_do_update(index_elements=[VISITS.c.source], set_={"doc": put.excluded.doc})
        with self._database.write() as connection:
            connection.execute(put)

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
