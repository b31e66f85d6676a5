"""What is known of credentials, and how often keys were used today; never a credential."""

import json
import secrets
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, select

from domain.codec import from_json
from domain.credential import CredentialCondition, CredentialState
from domain.moment import to_rfc3339
from storage.state.database import Database
from storage.state.tables import CREDENTIALS
from storage.text import doc_of, encodable

__all__ = ["SqlCredentials"]

_COOKIES = "cookie:"
_QUOTAS = "quota:"
_SALT = "salt"


class SqlCredentials:
    """Implements `domain.ports.CredentialStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def salt(self) -> str:
        """Return the salt of all fingerprints, made once for the database, 64 hexadecimal digits."""
        with self._database.read() as connection:
            known = self._doc(connection, _SALT)
        if known is not None:
            return known
        put = self._database.upsert(CREDENTIALS).values(name=_SALT, doc=secrets.token_hex(32))
        with self._database.write() as connection:
            connection.execute(put.on_conflict_do_nothing(index_elements=[CREDENTIALS.c.name]))
            return self._doc(connection, _SALT) or ""

    def load(self) -> Mapping[str, CredentialState]:
        """Return the states of all cookies by name."""
        wanted = select(CREDENTIALS.c.doc).where(CREDENTIALS.c.name.startswith(_COOKIES)).order_by(CREDENTIALS.c.name)
        with self._database.read() as connection:
            states = [from_json(CredentialState, doc) for doc in connection.scalars(wanted)]
        return {state.name: state for state in states}

    def save(self, state: CredentialState) -> None:
        """Write a state; what is dead stays dead, whoever still thinks otherwise."""
        name = encodable(state.name)
        with self._database.write() as connection:
            self._database.lock(connection, f"credential.{name}")
            known = self._doc(connection, name)
            if known and from_json(CredentialState, known).condition is CredentialCondition.DEAD:
                return
            self._put(connection, name, doc_of(state))

    def spend(self, name: str, *, day: str, most: int) -> int | None:
        """Count one request of a day and return how many there were with it; None = `most` are used already."""
        key = encodable(_QUOTAS + name)
        with self._database.write() as connection:
            self._database.lock(connection, f"credential.{key}")
            used = self._used(connection, key, day)
            if used >= most:
                return None
            self._put(connection, key, json.dumps({"day": day, "used": used + 1}))
        return used + 1

    def used(self, name: str, *, day: str) -> int:
        """Return how many requests of a day were counted."""
        with self._database.read() as connection:
            return self._used(connection, encodable(_QUOTAS + name), day)

    def prune(self, *, before: datetime) -> int:
        """Forget cookies whose condition has not changed since `before`, and counts of days before; return how many."""
        old = [state.name for state in self.load().values() if state.since < before]
        with self._database.write() as connection:
            rows = connection.execute(
                select(CREDENTIALS.c.name, CREDENTIALS.c.doc).where(CREDENTIALS.c.name.startswith(_QUOTAS))
            )
            old += [name for name, doc in rows if json.loads(doc)["day"] < to_rfc3339(before)[:10]]
            for name in old:
                connection.execute(delete(CREDENTIALS).where(CREDENTIALS.c.name == name))
        return len(old)

    def _put(self, connection: Connection, name: str, doc: str) -> None:
        put = self._database.upsert(CREDENTIALS).values(name=name, doc=doc)
        connection.execute(
            put.on_conflict_do_update(index_elements=[CREDENTIALS.c.name], set_={"doc": put.excluded.doc})
        )

    @staticmethod
    def _doc(connection: Connection, name: str) -> str | None:
        return connection.scalar(select(CREDENTIALS.c.doc).where(CREDENTIALS.c.name == name))

    def _used(self, connection: Connection, name: str, day: str) -> int:
        told = self._doc(connection, name)
        row = json.loads(told) if told else {}
        return int(row["used"]) if row.get("day") == day else 0
