"""Roles that one process at a time holds, each with a token that only grows.

A holder that was stopped and comes back later carries an older token, and what it still
tries to write is refused in the same transaction (Kleppmann 2016, fencing tokens).
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, select, update

from domain.moment import to_rfc3339
from domain.ports import Fence
from storage.errors import FencedError
from storage.state.database import Database
from storage.state.tables import LEASES

__all__ = ["SqlLeases", "check_fence"]


class SqlLeases:
    """Implements `domain.ports.RoleLease`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def acquire(self, role: str, *, owner: str, lease: timedelta, now: datetime) -> Fence | None:
        """Take a role that nobody holds, with a new token; None = another holds it."""
        put = self._database.upsert(LEASES).values(
            role=role, owner=owner, token=1, leased_until=to_rfc3339(now + lease)
        )
        free = LEASES.c.owner.is_(None) | (LEASES.c.leased_until <= to_rfc3339(now)) | (LEASES.c.owner == owner)
        put = put.on_conflict_do_update(
            index_elements=[LEASES.c.role],
            set_={
                "owner": put.excluded.owner,
                "token": LEASES.c.token + 1,
                "leased_until": put.excluded.leased_until,
            },
            where=free,
        )
        with self._database.write() as connection:
            token = connection.scalar(put.returning(LEASES.c.token))
        return Fence(role=role, owner=owner, token=token) if token is not None else None

    def renew(self, fence: Fence, *, lease: timedelta, now: datetime) -> bool:
        """Hold a role for `lease` from now on; False = another took it meanwhile."""
        keep = update(LEASES).where(_held(fence)).values(leased_until=to_rfc3339(now + lease))
        with self._database.write() as connection:
            return connection.execute(keep).rowcount == 1

    def release(self, fence: Fence) -> None:
        """Give a role up, so that the next one need not wait; no-op when it is not held."""
        with self._database.write() as connection:
            connection.execute(update(LEASES).where(_held(fence)).values(owner=None))

    def holder(self, role: str) -> str | None:
        """Return who took a role last and has not given it up; None = nobody."""
        with self._database.read() as connection:
            return connection.scalar(select(LEASES.c.owner).where(LEASES.c.role == role))


def check_fence(connection: Connection, fence: Fence | None) -> None:
    """Refuse to go on for a former holder; a present one keeps its role until the transaction ends.

    Raises:
        FencedError: another process holds the role.
    """
    if fence is None:
        return
    held = select(LEASES.c.token).where(_held(fence)).with_for_update(read=True)
    if connection.scalar(held) is None:
        raise FencedError(f"role {fence.role} is held by another process now, not by {fence.owner}")


def _held(fence: Fence) -> ColumnElement[bool]:
    return (LEASES.c.role == fence.role) & (LEASES.c.owner == fence.owner) & (LEASES.c.token == fence.token)
