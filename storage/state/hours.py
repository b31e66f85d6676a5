"""New posts of each source by the hour."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, select

from domain.moment import from_rfc3339, to_rfc3339
from storage.state.database import Database
from storage.state.tables import SOURCE_HOURS

__all__ = ["SqlHours"]


class SqlHours:
    """Implements `crawlers.yields.HourBook`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, source: str, *, at: datetime, new: int) -> None:
        """Add a visit to its hour."""
        hour = to_rfc3339(at.replace(minute=0, second=0, microsecond=0))
        put = self._database.upsert(SOURCE_HOURS).values(source=source, hour=hour, visits=1, new=new)
        more = {name: SOURCE_HOURS.c[name] + put.excluded[name] for name in ("visits", "new")}
        put = put.on_conflict_do_update(index_elements=[SOURCE_HOURS.c.source, SOURCE_HOURS.c.hour], set_=more)
        with self._database.write() as connection:
            connection.execute(put)

    def hours(self, source: str, *, since: datetime) -> Mapping[datetime, int]:
        """Return the new posts of each hour that had visits, by the hour's start, UTC."""
        wanted = select(SOURCE_HOURS.c.hour, SOURCE_HOURS.c.new).where(
            SOURCE_HOURS.c.source == source, SOURCE_HOURS.c.hour >= to_rfc3339(since)
        )
        with self._database.read() as connection:
            return {from_rfc3339(hour): new for hour, new in connection.execute(wanted)}

    def prune(self, *, before: datetime) -> int:
        """Forget hours that began before a moment; return how many rows there were."""
        with self._database.write() as connection:
            return connection.execute(delete(SOURCE_HOURS).where(SOURCE_HOURS.c.hour < to_rfc3339(before))).rowcount
