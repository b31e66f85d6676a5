"""Claims: rows that one of several processes takes for a while.

PostgreSQL looks rows up and locks them in one step (FOR UPDATE SKIP LOCKED), so processes
that claim together take different rows and none waits. SQLite has one writer at a time.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import CTE, Select, Table, Update, exists, select, update

from domain.moment import to_rfc3339

__all__ = ["free_mentions", "free_rows", "take"]


def free_rows(table: Table, *, now: datetime, limit: int) -> CTE:
    """Return the oldest `limit` rows of a queue that nobody holds."""
    rows = select(table.c.row).where(table.c.free_at <= to_rfc3339(now))
    return _locked(rows.order_by(table.c.row).limit(limit))


def free_mentions(table: Table, *, now: datetime, limit: int) -> CTE:
    """Return the oldest `limit` rows that nobody holds and none of whose mention's earlier rows is held."""
    earlier = table.alias("earlier")
    blocked = exists().where(
        earlier.c.mention == table.c.mention, earlier.c.row < table.c.row, earlier.c.free_at > to_rfc3339(now)
    )
    rows = select(table.c.row, table.c.mention).where(table.c.free_at <= to_rfc3339(now), ~blocked)
    return _locked(rows.order_by(table.c.row).limit(limit))


def _locked(rows: "Select[Any]") -> CTE:
    # Materialised, because a plan that runs it again would lock further rows.
    return rows.with_for_update(skip_locked=True).cte("free").prefix_with("MATERIALIZED", dialect="postgresql")


def take(table: Table, free: CTE, values: Mapping[Any, object], *, in_order: bool = False) -> Update:
    """Return the UPDATE that gives the free rows to somebody; add `returning`.

    Args:
        table: the queue.
        free: what `free_rows` or `free_mentions` returned.
        values: new values of the taken rows.
        in_order: leave out a row while an earlier one of its mention is there and not
            taken with it: another process holds it by a lock that is not committed yet.
    """
    mine = select(free.c.row)
    if in_order:
        earlier = table.alias("before")
        mine = mine.where(
            ~exists().where(
                earlier.c.mention == free.c.mention,
                earlier.c.row < free.c.row,
                earlier.c.row.not_in(select(free.c.row)),
            )
        )
    return update(table).where(table.c.row.in_(mine)).values(dict(values))
