"""Which mentions are read again and when, for all processes that visit sources."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, select, update

from domain.codec import from_json
from domain.moment import to_rfc3339
from domain.refresh import Refresh
from storage.state.database import Database, chunked
from storage.state.inbox import GONE_MARK
from storage.state.tables import REFRESHES, SEEN
from storage.text import doc_of, encodable

__all__ = ["SqlRefreshes"]


class SqlRefreshes:
    """Implements `domain.ports.RefreshStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self) -> Mapping[str, Refresh]:
        """Return all plans by mention id."""
        with self._database.read() as connection:
            found = connection.scalars(select(REFRESHES.c.doc).order_by(REFRESHES.c.mention)).all()
        plans = (from_json(Refresh, doc) for doc in found)
        return {plan.mention: plan for plan in plans}

    def plan(self, refreshes: Sequence[Refresh]) -> None:
        """Write plans; one that is there is left as it is."""
        made = {encodable(each.mention): each for each in refreshes}
        rows = [{"mention": id} | _row(made[id]) for id in sorted(made)]
        with self._database.write() as connection:
            self._database.put_rows(connection, REFRESHES, rows, key="mention")

    def drop(self, mentions: Sequence[str]) -> None:
        """Forget the plans of mentions, by their ids."""
        with self._database.write() as connection:
            for part in chunked(map(encodable, mentions)):
                dropped = delete(REFRESHES).where(self._database.among(REFRESHES.c.mention))
                connection.execute(dropped, self._database.these(part))

    def take(self, *, owner: str, busy: Collection[str], until: datetime, now: datetime) -> Refresh | None:
        """Take the plan that is due the longest and that nobody holds; it comes free again at `until`.

        Plans whose road is among `busy` wait. None = none is due.
        """
        moment = to_rfc3339(now)
        free = REFRESHES.c.owner.is_(None) | (REFRESHES.c.leased_until <= moment)
        due = select(REFRESHES.c.mention, REFRESHES.c.doc).where(REFRESHES.c.due_at <= moment, free)
        due = due.where(REFRESHES.c.road.not_in(sorted(map(encodable, busy))))
        due = due.order_by(REFRESHES.c.due_at, REFRESHES.c.mention).limit(1).with_for_update(skip_locked=True)
        with self._database.write() as connection:
            found = connection.execute(due).first()
            if found is None:
                return None
            held = update(REFRESHES).where(REFRESHES.c.mention == found[0])
            connection.execute(held.values(owner=owner, leased_until=to_rfc3339(until)))
        return from_json(Refresh, found[1])

    def save(self, refresh: Refresh, *, owner: str) -> None:
        """Write a plan that `owner` took and give it up; no-op if it was dropped or another took it since."""
        held = (REFRESHES.c.mention == encodable(refresh.mention)) & (REFRESHES.c.owner == owner)
        put = update(REFRESHES).where(held).values(**_row(refresh), owner=None, leased_until=None)
        with self._database.write() as connection:
            connection.execute(put)

    def lift(self, mentions: Sequence[str]) -> None:
        """Let the next append of these deleted mentions count as a change, also if nothing else changed."""
        gone = SEEN.c.engagement_hash.endswith(GONE_MARK, autoescape=True)
        with self._database.write() as connection:
            for part in chunked(map(encodable, mentions)):
                lifted = update(SEEN).where(self._database.among(SEEN.c.id), gone).values(engagement_hash="")
                connection.execute(lifted, self._database.these(part))


def _row(refresh: Refresh) -> dict[str, str]:
    return {"due_at": to_rfc3339(refresh.due_at), "road": encodable(refresh.road), "doc": doc_of(refresh)}
