"""When each site may be asked next, for all processes that visit sources."""

from datetime import datetime, timedelta

from sqlalchemy import case, delete, select

from domain.moment import from_rfc3339, to_rfc3339
from storage.state.database import Database
from storage.state.tables import SITES
from storage.text import encodable

__all__ = ["SqlSites"]


class SqlSites:
    """Implements `domain.ports.SitePace`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def turn(self, site: str, *, pace: timedelta, now: datetime) -> datetime:
        """Take the next turn at a site and return when it comes, `now` or later; turns lie `pace` apart."""
        key = encodable(site)
        with self._database.write() as connection:
            self._database.lock(connection, f"site.{key}")
            known = connection.scalar(select(SITES.c.next_at).where(SITES.c.site == key))
            turn = max(now, from_rfc3339(known)) if known else now
            put = self._database.upsert(SITES).values(site=key, next_at=to_rfc3339(turn + pace))
            connection.execute(
                put.on_conflict_do_update(index_elements=[SITES.c.site], set_={"next_at": put.excluded.next_at})
            )
        return turn

    def hold(self, site: str, *, until: datetime, now: datetime) -> None:
        """Ask a site nothing before `until`; an earlier, longer hold stays."""
        moment = to_rfc3339(until)
        put = self._database.upsert(SITES).values(site=encodable(site), next_at=to_rfc3339(now), held_until=moment)
        longer = case((SITES.c.held_until > put.excluded.held_until, SITES.c.held_until), else_=put.excluded.held_until)
        with self._database.write() as connection:
            connection.execute(put.on_conflict_do_update(index_elements=[SITES.c.site], set_={"held_until": longer}))

    def held_until(self, site: str, *, now: datetime) -> datetime | None:
        """Return until when a site is held; None = it is not."""
        wanted = select(SITES.c.held_until).where(SITES.c.site == encodable(site), SITES.c.held_until > to_rfc3339(now))
        with self._database.read() as connection:
            until = connection.scalar(wanted)
        return from_rfc3339(until) if until else None

    def prune(self, *, before: datetime) -> int:
        """Forget sites that were not asked since `before`; return how many."""
        moment = to_rfc3339(before)
        old = (SITES.c.next_at < moment) & (SITES.c.held_until < moment)
        with self._database.write() as connection:
            return connection.execute(delete(SITES).where(old)).rowcount
