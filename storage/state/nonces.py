"""Numbers that a request may carry only once."""

from datetime import datetime

from sqlalchemy import delete

from domain.moment import to_rfc3339
from storage.state.database import Database
from storage.state.tables import NONCES

__all__ = ["SqlNonces"]


class SqlNonces:
    """Remembers which nonces were used; safe over several processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def use(self, nonce: str, at: datetime) -> bool:
        """Use a nonce, for good once this returns; False = it was used before.

        Raises:
            StoreError: the database cannot be written; the nonce is not used then.
        """
        put = self._database.upsert(NONCES).values(nonce=nonce, at=to_rfc3339(at))
        put = put.on_conflict_do_nothing(index_elements=[NONCES.c.nonce])
        with self._database.write() as connection:
            return connection.scalar(put.returning(NONCES.c.nonce)) is not None

    def prune(self, *, before: datetime) -> int:
        """Forget what was used before a moment; return how many."""
        with self._database.write() as connection:
            return connection.execute(delete(NONCES).where(NONCES.c.at < to_rfc3339(before))).rowcount
