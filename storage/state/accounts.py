"""What accounts had on each day, one row per account and day."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, func, select

from domain.account import FIGURES, AccountReading, joined
from domain.codec import from_json
from domain.moment import to_rfc3339
from storage.state.database import Database
from storage.state.prune import prune_rows
from storage.state.tables import ACCOUNT_READINGS
from storage.text import doc_of, encodable

__all__ = ["SqlAccounts", "forget_account"]

_LOCK = "account_readings"


class SqlAccounts:
    """Implements `domain.ports.AccountReadings`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, readings: Sequence[AccountReading]) -> int:
        """Write readings, each joined with what is known of its account and day; return how many days changed."""
        changed = 0
        if not readings:
            return changed
        with self._database.write() as connection:
            self._database.lock(connection, _LOCK)
            for reading in readings:
                changed += self._put_one(connection, reading)
        return changed

    def _put_one(self, connection: Connection, reading: AccountReading) -> bool:
        table = ACCOUNT_READINGS
        doc = connection.scalar(
            select(table.c.doc).where(_of(reading.platform, reading.account), table.c.day == reading.day)
        )
        old = from_json(AccountReading, doc) if doc else None
        kept = joined(old, reading) if old is not None else reading
        if doc_of(kept) == doc:
            return False
        row = {
            "platform": encodable(kept.platform),
            "account": encodable(kept.account),
            "day": kept.day,
            "at": to_rfc3339(kept.at),
            "doc": doc_of(kept),
        }
        put = self._database.upsert(table).values(row)
        put = put.on_conflict_do_update(
            index_elements=[table.c.platform, table.c.account, table.c.day],
            set_={"at": put.excluded.at, "doc": put.excluded.doc},
        )
        connection.execute(put)
        return old is None or any(getattr(old, name) != getattr(kept, name) for name in (*FIGURES, "imported"))

    def between(self, platform: str, account: str, first: str, last: str) -> Sequence[AccountReading]:
        """Return the readings of an account from one day to another, both included, oldest first."""
        table = ACCOUNT_READINGS
        wanted = select(table.c.doc).where(_of(platform, account), table.c.day >= first, table.c.day <= last)
        with self._database.read() as connection:
            docs = connection.scalars(wanted.order_by(table.c.day)).all()
        return [from_json(AccountReading, doc) for doc in docs]

    def latest(self, platform: str, account: str) -> AccountReading | None:
        """Return the reading of an account's newest day; None = there is none."""
        table = ACCOUNT_READINGS
        wanted = select(table.c.doc).where(_of(platform, account)).order_by(table.c.day.desc()).limit(1)
        with self._database.read() as connection:
            doc = connection.scalar(wanted)
        return from_json(AccountReading, doc) if doc else None

    def prune(self, *, before: datetime) -> int:
        """Forget readings that were taken before a moment; return how many."""
        return prune_rows(self._database, ACCOUNT_READINGS, ACCOUNT_READINGS.c.at < to_rfc3339(before), lock=_LOCK)


def _of(platform: str, account: str) -> ColumnElement[bool]:
    table = ACCOUNT_READINGS
    return and_(table.c.platform == encodable(platform), table.c.account == encodable(account))


def forget_account(connection: Connection, platform: str, account: str, *, preview: bool = False) -> int:
    """Delete all readings of an account inside the caller's transaction, or only count them; return how many."""
    if preview:
        counted = select(func.count()).select_from(ACCOUNT_READINGS).where(_of(platform, account))
        return connection.scalar(counted) or 0
    return connection.execute(delete(ACCOUNT_READINGS).where(_of(platform, account))).rowcount
