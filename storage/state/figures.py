"""What the health page and the metrics ask of the state: counts and ages, read in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from domain.codec import from_json
from domain.incident import HELD_MARK, Delivery, DeliveryState, IncidentState, Severity
from domain.moment import from_rfc3339, to_rfc3339
from storage.state.database import Database
from storage.state.deliveries import waits_for_another
from storage.state.tables import DEAD_LETTERS, DELIVERIES, INBOX, INCIDENTS, LEASES

__all__ = ["ChannelFigures", "SqlFigures", "StateFigures"]

_ACCEPTED = (DeliveryState.DELIVERED.value, DeliveryState.DEGRADED.value)
_HELD = f'"answer":"{HELD_MARK}'
"""How the answer of a held delivery begins in its document; inside another text the quotes would be escaped."""
_OPEN = tuple(state.value for state in DeliveryState if not state.final)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelFigures:
    """The deliveries of one channel of one receiver."""

    states: Mapping[str, int]
    """Deliveries by state; absent = none."""
    oldest_waiting_at: datetime | None = None
    """When the oldest one that is not done was queued, UTC; None = none waits."""
    last_accepted: Delivery | None = None
    """Newest one that the channel took; None = it never took any."""
    last_broken: Delivery | None = None
    """Newest one that broke; None = none did."""
    broken_since: datetime | None = None
    """When it first broke after the last accepted one, UTC; None = it is not broken."""
    last_held: Delivery | None = None
    """The one that waits longest because the channel asked for it; None = none does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateFigures:
    """Counts and ages at one moment."""

    inbox_rows: int
    """Rows that wait or are leased."""
    inbox_oldest_at: datetime | None
    """When the oldest of them was written, UTC; None = the inbox is empty."""
    dead_letters: int
    """Mentions set aside."""
    channels: Mapping[tuple[str, str], ChannelFigures]
    """Deliveries by receiver and channel."""
    critical_since: datetime | None
    """When the oldest critical message that is not done was queued, UTC; None = there is none."""
    incidents: Mapping[tuple[str, str], int]
    """Incidents that are not resolved, by severity and state."""
    watched_until: datetime | None
    """Until when somebody holds the role `watch`, UTC; None = nobody ever did."""


class SqlFigures:
    """Reads the figures of a state database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self) -> StateFigures:
        """Return the figures now.

        Raises:
            StoreError: the database does not answer.
        """
        with self._database.read() as connection:
            rows, oldest = connection.execute(select(func.count(), func.min(INBOX.c.added_at))).one()
            return StateFigures(
                inbox_rows=rows,
                inbox_oldest_at=_moment(oldest),
                dead_letters=connection.scalar(select(func.count()).select_from(DEAD_LETTERS)) or 0,
                channels=_channels(connection),
                critical_since=_moment(connection.scalar(_CRITICAL)),
                incidents=_incidents(connection),
                watched_until=_moment(connection.scalar(_WATCHED)),
            )

    def ownerless(self, before: datetime) -> tuple[str, ...]:
        """Return deliveries that were due before `before`, UTC, and that nobody holds since, by id, at most 20.

        One that waits for an earlier message of its incident, receiver and channel is not due.

        Raises:
            StoreError: the database does not answer.
        """
        with self._database.read() as connection:
            return _ownerless(connection, before)


_CRITICAL = select(func.min(DELIVERIES.c.created_at)).where(
    DELIVERIES.c.state.in_(_OPEN), DELIVERIES.c.priority >= Severity.CRITICAL.rank
)
_WATCHED = select(LEASES.c.leased_until).where(LEASES.c.role == "watch", LEASES.c.owner.is_not(None))


def _channels(connection: Connection) -> dict[tuple[str, str], ChannelFigures]:
    groups = select(
        DELIVERIES.c.receiver, DELIVERIES.c.channel, DELIVERIES.c.state, func.count(), func.min(DELIVERIES.c.created_at)
    ).group_by(DELIVERIES.c.receiver, DELIVERIES.c.channel, DELIVERIES.c.state)
    found: dict[tuple[str, str], dict[str, tuple[int, str]]] = {}
    for receiver, channel, state, number, oldest in connection.execute(groups):
        found.setdefault((receiver, channel), {})[state] = (number, oldest)
    return {key: _channel(connection, key, states) for key, states in found.items()}


def _channel(connection: Connection, key: tuple[str, str], states: Mapping[str, tuple[int, str]]) -> ChannelFigures:
    waiting = [oldest for state, (_, oldest) in states.items() if state in _OPEN]
    accepted = _newest(connection, key, _ACCEPTED)
    broken = _newest(connection, key, (DeliveryState.BROKEN.value,))
    # Of a broken one `not_before` says when it broke: it may have been queued before the last that was accepted.
    after = to_rfc3339(accepted.sent_at) if accepted and accepted.sent_at else ""
    since = select(func.min(DELIVERIES.c.not_before)).where(
        _of(key), DELIVERIES.c.state == DeliveryState.BROKEN.value, DELIVERIES.c.not_before > after
    )
    held = select(DELIVERIES.c.doc).where(
        _of(key), DELIVERIES.c.state == DeliveryState.HELD.value, DELIVERIES.c.doc.contains(_HELD, autoescape=True)
    )
    longest = connection.scalar(held.order_by(DELIVERIES.c.not_before.desc()).limit(1))
    return ChannelFigures(
        states={state: number for state, (number, _) in sorted(states.items())},
        oldest_waiting_at=_moment(min(waiting, default=None)),
        last_accepted=accepted,
        last_broken=broken,
        broken_since=_moment(connection.scalar(since)),
        last_held=from_json(Delivery, longest) if longest else None,
    )


def _of(key: tuple[str, str]) -> ColumnElement[bool]:
    return and_(DELIVERIES.c.receiver == key[0], DELIVERIES.c.channel == key[1])


def _newest(connection: Connection, key: tuple[str, str], states: tuple[str, ...]) -> Delivery | None:
    wanted = select(DELIVERIES.c.doc).where(_of(key), DELIVERIES.c.state.in_(states))
    doc = connection.scalar(wanted.order_by(DELIVERIES.c.created_at.desc(), DELIVERIES.c.seq.desc()).limit(1))
    return from_json(Delivery, doc) if doc else None


def _ownerless(connection: Connection, before: datetime) -> tuple[str, ...]:
    moment = to_rfc3339(before)
    abandoned = or_(DELIVERIES.c.owner.is_(None), DELIVERIES.c.leased_until <= moment)
    late = DELIVERIES.c.state.in_(_OPEN) & (DELIVERIES.c.not_before <= moment) & abandoned
    wanted = select(DELIVERIES.c.id).where(late, ~waits_for_another())
    return tuple(connection.scalars(wanted.order_by(DELIVERIES.c.not_before, DELIVERIES.c.id).limit(20)))


def _incidents(connection: Connection) -> dict[tuple[str, str], int]:
    wanted = select(INCIDENTS.c.severity, INCIDENTS.c.state, func.count()).where(
        INCIDENTS.c.state != IncidentState.RESOLVED.value
    )
    rows = connection.execute(wanted.group_by(INCIDENTS.c.severity, INCIDENTS.c.state))
    return {(severity, state): number for severity, state, number in rows}


def _moment(text: str | None) -> datetime | None:
    return from_rfc3339(text) if text else None
