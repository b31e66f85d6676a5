"""The outbox: which message goes next, who holds it, what became of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select, update

from domain.codec import from_json
from domain.incident import Delivery, DeliveryKind, DeliveryState, Incident
from domain.moment import to_rfc3339
from domain.ports import Fence
from storage.errors import ConflictError
from storage.state.database import Database, chunked
from storage.state.leases import check_fence
from storage.state.marks import RESTORED, mark_at
from storage.state.tables import DELIVERIES, INCIDENTS
from storage.text import doc_of

__all__ = ["SqlDeliveries", "waits_for_another"]

_WAITING = (DeliveryState.PENDING.value, DeliveryState.HELD.value)
_DUE = (*_WAITING, DeliveryState.UNCERTAIN.value)
_FINAL = tuple(state.value for state in DeliveryState if state.final)
_ACCEPTED = (DeliveryState.DELIVERED.value, DeliveryState.DEGRADED.value)


class SqlDeliveries:
    """The deliveries' part of the desk."""

    def __init__(self, database: Database, fence: Fence | None = None) -> None:
        self._database = database
        self._fence = fence

    def queue(self, connection: Connection, delivery: Delivery) -> None:
        """Insert a delivery inside the caller's transaction and drop those it replaces.

        An id already there is left as it is and replaces nothing.
        """
        delivery = _marked(connection, delivery)
        put = self._database.upsert(DELIVERIES).values(_row(delivery)).on_conflict_do_nothing()
        new = connection.scalar(put.returning(DELIVERIES.c.id)) is not None
        if not new or delivery.incident is None:
            return
        if self._supersede(connection, delivery) and delivery.kind is DeliveryKind.RESOLVED:
            # Nobody heard of it, so nobody needs to hear that it is over.
            _drop(connection, delivery, f"superseded with its alert by seq {delivery.seq}")

    def _supersede(self, connection: Connection, newer: Delivery) -> bool:
        """Drop waiting deliveries before `newer`; True = some were and nobody received any."""
        before = select(DELIVERIES.c.state, DELIVERIES.c.doc).where(
            DELIVERIES.c.incident == newer.incident,
            DELIVERIES.c.receiver == newer.receiver,
            DELIVERIES.c.channel == newer.channel,
            DELIVERIES.c.seq < newer.seq,
        )
        # Locked, so that a call that begins meanwhile is either seen here or finds itself dropped.
        rows = connection.execute(before.order_by(DELIVERIES.c.seq, DELIVERIES.c.id).with_for_update()).all()
        waiting = [doc for state, doc in rows if state in _WAITING]
        for doc in waiting:
            _drop(connection, from_json(Delivery, doc), f"superseded by seq {newer.seq}")
        unheard = all(state in (*_WAITING, DeliveryState.DROPPED.value) for state, _ in rows)
        return bool(waiting) and unheard

    def all(self, *, incident: str | None, limit: int) -> Sequence[Delivery]:
        """Return the newest `limit` deliveries by creation then seq, oldest first."""
        wanted = select(DELIVERIES.c.doc)
        if incident is not None:
            wanted = wanted.where(DELIVERIES.c.incident == incident)
        order = (DELIVERIES.c.created_at.desc(), DELIVERIES.c.seq.desc(), DELIVERIES.c.id.desc())
        with self._database.read() as connection:
            docs = connection.scalars(wanted.order_by(*order).limit(limit)).all()
        return [from_json(Delivery, doc) for doc in reversed(docs)]

    def claim(self, *, owner: str, limit: int, lease: timedelta, now: datetime) -> Sequence[Delivery]:
        """Take due deliveries, highest priority first, then oldest.

        Per incident, receiver and channel only the lowest unfinished seq is given out. One
        left `sending` by an owner whose lease ran out comes back as `uncertain`.

        Raises:
            FencedError: another process has taken the role over.
        """
        moment = to_rfc3339(now)
        with self._database.write() as connection:
            check_fence(connection, self._fence)
            _expire(connection, moment)
            order = (DELIVERIES.c.priority.desc(), DELIVERIES.c.created_at, DELIVERIES.c.seq, DELIVERIES.c.id)
            due = select(DELIVERIES.c.doc).where(_is_due(moment)).order_by(*order).limit(limit)
            docs = connection.scalars(due.with_for_update(skip_locked=True)).all()
            taken = [from_json(Delivery, doc) for doc in docs]
            mine = {"owner": owner, "leased_until": to_rfc3339(now + lease)}
            for ids in chunked([delivery.id for delivery in taken]):
                taking = update(DELIVERIES).where(self._database.among(DELIVERIES.c.id)).values(mine)
                connection.execute(taking, self._database.these(ids))
        return taken

    def save(self, delivery: Delivery, *, owner: str) -> None:
        """Write a claimed delivery; every state but `sending` gives up the claim.

        Raises:
            ConflictError: `owner` does not hold it: it was dropped for a newer message, or
                the lease ran out and another took it.
            FencedError: a call would begin, and another process has taken the role over. What
                came of a call that did begin is always written.
        """
        if not self.save_all([delivery], owner=owner):
            raise ConflictError(f"delivery {delivery.id} is not held by {owner} any more")

    def save_all(self, deliveries: Sequence[Delivery], *, owner: str) -> Sequence[Delivery]:
        """Write claimed deliveries in one transaction, as `save`; return those that `owner` held.

        Raises:
            FencedError: as `save`; nothing is written then.
        """
        with self._database.write() as connection:
            if any(delivery.state is DeliveryState.SENDING for delivery in deliveries):
                check_fence(connection, self._fence)
            return [delivery for delivery in deliveries if _save(connection, delivery, owner)]

    def remote_ref(self, *, incident: str, receiver: str, channel: str) -> str:
        """Return the handle of the incident's first accepted message there; empty = none."""
        wanted = select(DELIVERIES.c.doc).where(
            DELIVERIES.c.incident == incident,
            DELIVERIES.c.receiver == receiver,
            DELIVERIES.c.channel == channel,
            DELIVERIES.c.state.in_(_ACCEPTED),
        )
        with self._database.read() as connection:
            docs = connection.scalars(wanted.order_by(DELIVERIES.c.seq)).all()
        return next((ref for doc in docs if (ref := from_json(Delivery, doc).remote_ref)), "")


def _marked(connection: Connection, delivery: Delivery) -> Delivery:
    """Mark the first message after a restore about what began before it: people may have heard of it already."""
    restored = mark_at(connection, RESTORED) if delivery.incident is not None else None
    if restored is None or delivery.created_at < restored:
        return delivery
    incident = connection.scalar(select(INCIDENTS.c.doc).where(INCIDENTS.c.id == delivery.incident))
    if incident is None or from_json(Incident, incident).started_at >= restored:
        return delivery
    told = exists().where(
        DELIVERIES.c.incident == delivery.incident,
        DELIVERIES.c.receiver == delivery.receiver,
        DELIVERIES.c.channel == delivery.channel,
        DELIVERIES.c.created_at >= to_rfc3339(restored),
        DELIVERIES.c.id != delivery.id,
    )
    return delivery if connection.scalar(select(told)) else replace(delivery, repeat=True)


def _save(connection: Connection, delivery: Delivery, owner: str) -> bool:
    row = _row(delivery)
    if delivery.state is not DeliveryState.SENDING:
        row |= {"owner": None, "leased_until": None}
    held = (DELIVERIES.c.id == delivery.id) & (DELIVERIES.c.owner == owner)
    return connection.execute(update(DELIVERIES).where(held).values(row)).rowcount == 1


def waits_for_another() -> ColumnElement[bool]:
    """Return the condition that an earlier message of the same incident, receiver and channel is not done."""
    lower = DELIVERIES.alias("lower")
    return exists().where(
        lower.c.incident == DELIVERIES.c.incident,
        lower.c.receiver == DELIVERIES.c.receiver,
        lower.c.channel == DELIVERIES.c.channel,
        lower.c.seq < DELIVERIES.c.seq,
        lower.c.state.not_in(_FINAL),
    )


def _is_due(moment: str) -> ColumnElement[bool]:
    free = or_(DELIVERIES.c.owner.is_(None), DELIVERIES.c.leased_until <= moment)
    return and_(DELIVERIES.c.state.in_(_DUE), DELIVERIES.c.not_before <= moment, free, ~waits_for_another())


def _expire(connection: Connection, moment: str) -> None:
    """Turn deliveries whose call began and never ended into uncertain ones, for anyone to take."""
    lost = (DELIVERIES.c.state == DeliveryState.SENDING.value) & (DELIVERIES.c.leased_until <= moment)
    # One that is being saved at this moment is not lost; the lock looks again.
    for doc in connection.scalars(select(DELIVERIES.c.doc).where(lost).with_for_update(skip_locked=True)).all():
        uncertain = replace(from_json(Delivery, doc), state=DeliveryState.UNCERTAIN)
        connection.execute(update(DELIVERIES).where(DELIVERIES.c.id == uncertain.id).values(_row(uncertain)))


def _drop(connection: Connection, delivery: Delivery, answer: str) -> None:
    row = _row(replace(delivery, state=DeliveryState.DROPPED, answer=answer))
    row |= {"owner": None, "leased_until": None}
    connection.execute(update(DELIVERIES).where(DELIVERIES.c.id == delivery.id).values(row))


def _row(delivery: Delivery) -> dict[str, object]:
    return {
        "id": delivery.id,
        "incident": delivery.incident,
        "receiver": delivery.receiver,
        "channel": delivery.channel,
        "seq": delivery.seq,
        "priority": delivery.priority,
        "state": delivery.state.value,
        "not_before": to_rfc3339(delivery.not_before),
        "created_at": to_rfc3339(delivery.created_at),
        "doc": doc_of(delivery),
    }
