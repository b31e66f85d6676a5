"""Claims: rows that one of several processes takes for a while.

PostgreSQL looks rows up and locks them in one step (FOR UPDATE SKIP LOCKED), so processes
that claim together take different rows and none waits. SQLite has one writer at a time.
The statements are built once: building one costs more than its execution.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CTE, Integer, Select, String, Table, Update, bindparam, exists, select, update

from domain.moment import to_rfc3339
from storage.state.tables import CHANGED, INBOX

__all__ = ["CLAIM_CHANGES", "LEASE_ROWS", "parameters"]

_NOW: Any = bindparam("b_now", type_=String)
_UNTIL: Any = bindparam("b_until", type_=String)
_OWNER: Any = bindparam("b_owner", type_=String)
# Written into the statement, or the server plans for any limit: it would sort the whole queue.
_LIMIT: Any = bindparam("b_limit", type_=Integer, literal_execute=True)


def parameters(*, owner: str, limit: int, lease: timedelta, now: datetime) -> dict[str, object]:
    """Return the parameters of the statements here."""
    return {"b_owner": owner, "b_limit": limit, "b_until": to_rfc3339(now + lease), "b_now": to_rfc3339(now)}


def _locked(rows: "Select[Any]", table: Table) -> CTE:
    # Materialised, because a plan that runs it again would lock further rows.
    oldest = rows.order_by(table.c.row).limit(_LIMIT).with_for_update(skip_locked=True)
    return oldest.cte("free").prefix_with("MATERIALIZED", dialect="postgresql")


def _lease_rows() -> Update:
    """Build the claim of inbox rows, oldest first.

    A row waits while an earlier one of its mention is held or delayed. One that is there
    and not taken with it is held by a lock that is not committed yet.
    """
    earlier, unseen = INBOX.alias("earlier"), INBOX.alias("unseen")
    blocked = exists().where(
        earlier.c.mention == INBOX.c.mention, earlier.c.row < INBOX.c.row, earlier.c.free_at > _NOW
    )
    free = _locked(select(INBOX.c.row, INBOX.c.mention).where(INBOX.c.free_at <= _NOW, ~blocked), INBOX)
    locked_elsewhere = exists().where(
        unseen.c.mention == free.c.mention, unseen.c.row < free.c.row, unseen.c.row.not_in(select(free.c.row))
    )
    taken = {"owner": _OWNER, "free_at": _UNTIL, "attempts": INBOX.c.attempts + 1}
    return update(INBOX).where(INBOX.c.row.in_(select(free.c.row).where(~locked_elsewhere))).values(taken)


def _claim_changes() -> Update:
    """Build the claim of changed rows, oldest first."""
    free = _locked(select(CHANGED.c.row).where(CHANGED.c.free_at <= _NOW), CHANGED)
    return update(CHANGED).where(CHANGED.c.row.in_(select(free.c.row))).values({"owner": _OWNER, "free_at": _UNTIL})


LEASE_ROWS = _lease_rows().returning(INBOX.c.row, INBOX.c.kind, INBOX.c.doc, INBOX.c.attempts)
"""Takes inbox rows; returns (row, kind, doc, attempts) in no order."""
CLAIM_CHANGES = _claim_changes().returning(
    CHANGED.c.row, CHANGED.c.mention, CHANGED.c.brand, CHANGED.c.bucket, CHANGED.c.at
)
"""Takes changed rows; returns (row, mention, brand, bucket, at) in no order."""
