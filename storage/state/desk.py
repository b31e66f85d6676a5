"""Incidents, evaluations and silences; deliveries are in `storage.state.deliveries`."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, bindparam, delete, insert, select, update

from domain.codec import from_json
from domain.incident import Delivery, Evaluation, Incident, IncidentState, Silence
from domain.moment import from_rfc3339, to_rfc3339
from domain.ports import DeskChange, Fence
from storage.errors import ConflictError
from storage.state.database import Database, chunked
from storage.state.deliveries import SqlDeliveries
from storage.state.leases import check_fence
from storage.state.prune import prune_rows
from storage.state.tables import CHANGED, EVALUATIONS, INCIDENTS, SILENCES
from storage.text import doc_of, encodable

__all__ = ["SqlDesk"]

_CHANGE = update(INCIDENTS).where(INCIDENTS.c.id == bindparam("which"))


class SqlDesk:
    """Implements `domain.ports.Desk`.

    Args:
        database: the state database.
        fence: what the holder of a role writes under; None = a person, who holds no role.
    """

    def __init__(self, database: Database, fence: Fence | None = None) -> None:
        self._database = database
        self._fence = fence
        self._deliveries = SqlDeliveries(database, fence)

    def fenced(self, fence: Fence) -> "SqlDesk":
        """Return the same desk for the holder of a role: once another has taken it, nothing is written."""
        return SqlDesk(self._database, fence)

    def commit(self, change: DeskChange, *, now: datetime) -> None:
        """Write everything or nothing; each stored incident's version goes up by one.

        Raises:
            ConflictError: an incident was changed by another since it was read, or its
                fingerprint already has another incident that is not resolved.
            FencedError: another process has taken the role over.
        """
        with self._database.write() as connection:
            check_fence(connection, self._fence)
            self._write_incidents(connection, change.incidents)
            if change.evaluations:
                connection.execute(insert(EVALUATIONS), [_evaluation_row(each) for each in change.evaluations])
            for delivery in change.deliveries:
                self._deliveries.queue(connection, delivery)
            for part in chunked(change.claimed):
                done = delete(CHANGED).where(self._database.among(CHANGED.c.row))
                connection.execute(done, self._database.these(part))

    def _write_incidents(self, connection: Connection, incidents: Sequence[Incident]) -> None:
        """Write changed incidents at once, then new ones: one that ends makes room for another of its fingerprint."""
        known = [each for each in incidents if each.version]
        wanted = select(INCIDENTS.c.id, INCIDENTS.c.version).where(self._database.among(INCIDENTS.c.id))
        wanted = wanted.order_by(INCIDENTS.c.id).with_for_update()
        for part in chunked(known):
            these = self._database.these([each.id for each in part])
            stored = {id: version for id, version in connection.execute(wanted, these)}
            for each in part:
                if stored.get(each.id) != each.version:
                    told = f"incident {each.id} was changed since version {each.version}; read it again"
                    raise ConflictError(told, retryable=True)
            connection.execute(_CHANGE, [{"which": each.id, **_row(each)} for each in part])
        new = [_row(each) for each in incidents if not each.version]
        if new:
            connection.execute(insert(INCIDENTS), new)

    def incidents(self, *, active_only: bool = False, brand: str | None = None, limit: int = 200) -> Sequence[Incident]:
        """Return incidents, newest first; `active_only` = pending, open, acked, cooling."""
        wanted = select(INCIDENTS.c.doc, INCIDENTS.c.version)
        if active_only:
            wanted = wanted.where(INCIDENTS.c.state != IncidentState.RESOLVED.value)
        if brand is not None:
            wanted = wanted.where(INCIDENTS.c.brand == brand)
        wanted = wanted.order_by(INCIDENTS.c.pending_at.desc(), INCIDENTS.c.id).limit(limit)
        with self._database.read() as connection:
            rows = connection.execute(wanted).all()
        return [_incident(doc, version) for doc, version in rows]

    def active_brands(self) -> frozenset[str]:
        """Return the ids of the brands with an incident that is not resolved."""
        wanted = select(INCIDENTS.c.brand).where(INCIDENTS.c.state != IncidentState.RESOLVED.value).distinct()
        with self._database.read() as connection:
            return frozenset(connection.scalars(wanted))

    def incident(self, id: str) -> Incident | None:
        """Return one incident; None = unknown."""
        wanted = select(INCIDENTS.c.doc, INCIDENTS.c.version).where(INCIDENTS.c.id == id)
        with self._database.read() as connection:
            row = connection.execute(wanted).first()
        return _incident(*row) if row else None

    def evaluations(
        self, *, incident: str | None = None, rule: str | None = None, limit: int = 200
    ) -> Sequence[Evaluation]:
        """Return kept evaluations, newest first."""
        wanted = select(EVALUATIONS)
        if incident is not None:
            wanted = wanted.where(EVALUATIONS.c.incident == incident)
        if rule is not None:
            wanted = wanted.where(EVALUATIONS.c.rule == rule)
        wanted = wanted.order_by(EVALUATIONS.c.at.desc(), EVALUATIONS.c.row.desc()).limit(limit)
        with self._database.read() as connection:
            return [_evaluation(row) for row in connection.execute(wanted).mappings()]

    def prune(self, *, before: datetime) -> int:
        """Delete evaluations older than `before`; return how many."""
        return prune_rows(self._database, EVALUATIONS, EVALUATIONS.c.at < to_rfc3339(before))

    def deliveries(self, *, incident: str | None = None, limit: int = 500) -> Sequence[Delivery]:
        """Return the newest `limit` deliveries by creation then seq, oldest first."""
        return self._deliveries.all(incident=incident, limit=limit)

    def claim_deliveries(self, *, owner: str, limit: int, lease: timedelta, now: datetime) -> Sequence[Delivery]:
        """Take due deliveries, see `SqlDeliveries.claim`."""
        return self._deliveries.claim(owner=owner, limit=limit, lease=lease, now=now)

    def save_delivery(self, delivery: Delivery, *, owner: str, now: datetime) -> None:
        """Write a claimed delivery's new state, see `SqlDeliveries.save`.

        Raises:
            ConflictError: `owner` does not hold it any more.
            FencedError: a call would begin, and another process has taken the role over.
        """
        self._deliveries.save(delivery, owner=owner)

    def save_deliveries(self, deliveries: Sequence[Delivery], *, owner: str, now: datetime) -> Sequence[Delivery]:
        """Write claimed deliveries at once and return those that `owner` held, see `SqlDeliveries.save_all`.

        Raises:
            FencedError: a call would begin, and another process has taken the role over.
        """
        return self._deliveries.save_all(deliveries, owner=owner)

    def remote_ref(self, *, incident: str, receiver: str, channel: str) -> str:
        """Return the handle of the incident's first accepted message there; empty = none."""
        return self._deliveries.remote_ref(incident=incident, receiver=receiver, channel=channel)

    def silences(self, *, at: datetime | None = None) -> Sequence[Silence]:
        """Return silences, those in force at `at` if given, by end."""
        wanted = select(SILENCES.c.doc, SILENCES.c.ends_at).order_by(SILENCES.c.ends_at, SILENCES.c.id)
        if at is not None:
            wanted = wanted.where(SILENCES.c.starts_at <= to_rfc3339(at), SILENCES.c.ends_at > to_rfc3339(at))
        with self._database.read() as connection:
            rows = connection.execute(wanted).all()
        return [replace(from_json(Silence, doc), ends_at=from_rfc3339(ends_at)) for doc, ends_at in rows]

    def add_silence(self, silence: Silence) -> None:
        """Write a silence.

        Raises:
            ConflictError: its id is taken.
        """
        starts_at, ends_at = to_rfc3339(silence.starts_at), to_rfc3339(silence.ends_at)
        row = {"id": silence.id, "starts_at": starts_at, "ends_at": ends_at, "doc": doc_of(silence)}
        with self._database.write() as connection:
            connection.execute(insert(SILENCES).values(row))

    def end_silence(self, id: str, *, at: datetime) -> bool:
        """End a silence early; False = unknown or over. One that has not begun never will."""
        running = (SILENCES.c.id == id) & (SILENCES.c.ends_at > to_rfc3339(at))
        with self._database.write() as connection:
            starts_at = connection.scalar(select(SILENCES.c.starts_at).where(running))
            if starts_at is None:
                return False
            end = max(starts_at, to_rfc3339(at))
            connection.execute(update(SILENCES).where(SILENCES.c.id == id).values(ends_at=end))
        return True


def _row(incident: Incident) -> dict[str, object]:
    stored = replace(incident, version=incident.version + 1)
    return {
        "id": stored.id,
        "fingerprint": stored.fingerprint,
        "rule": stored.rule,
        "brand": stored.brand,
        "severity": stored.severity.value,
        "state": stored.state.value,
        "pending_at": to_rfc3339(stored.pending_at),
        "version": stored.version,
        "doc": doc_of(stored),
    }


def _incident(doc: str, version: int) -> Incident:
    return replace(from_json(Incident, doc), version=version)


def _evaluation_row(evaluation: Evaluation) -> dict[str, object]:
    return {
        "at": to_rfc3339(evaluation.at),
        "rule": evaluation.rule,
        "brand": evaluation.brand,
        "fingerprint": evaluation.fingerprint,
        "firing": evaluation.firing,
        "value": evaluation.value,
        "expected": evaluation.expected,
        "score": evaluation.score,
        "reason": encodable(evaluation.reason),
        "incident": evaluation.incident,
    }


def _evaluation(row: RowMapping) -> Evaluation:
    return Evaluation(
        at=from_rfc3339(row["at"]),
        rule=row["rule"],
        brand=row["brand"],
        fingerprint=row["fingerprint"],
        firing=row["firing"],
        value=row["value"],
        expected=row["expected"],
        score=row["score"],
        reason=row["reason"],
        incident=row["incident"],
    )
