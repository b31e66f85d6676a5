"""Messages that a channel did not take: who stands in, who is told, what a repaired channel still has to say."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from alerts.delivery import queue, report_of
from alerts.report import notice
from alerts.words import Locale
from config.settings import ReceiverSettings
from domain.incident import Delivery, DeliveryKind, DeliveryState, Severity

__all__ = ["CLOSED", "broken_notice", "kept", "stand_in", "undelivered"]

CLOSED = "the incident was closed"
"""Start of the stored answer of a delivery that was dropped because there was nothing left to tell."""

_SUPERSEDED = "superseded"  # as the desk begins the answer of one that a newer message replaced
_ACCEPTED = (DeliveryState.DELIVERED, DeliveryState.DEGRADED)
_FORGET = timedelta(days=1)


def stand_in(
    lost: Delivery, receivers: Mapping[str, ReceiverSettings], now: datetime, *, operator: str | None = None
) -> tuple[Delivery, ...]:
    """Return the rows that tell a delivery which cannot arrive to somebody else; empty = there is nobody.

    Args:
        lost: What cannot arrive.
        receivers: All receivers by name.
        now: When, UTC.
        operator: Receiver of last resort, for critical messages where no fallback is named.
    """
    receiver = receivers.get(lost.receiver)
    other = receivers.get(receiver.fallback) if receiver is not None and receiver.fallback else None
    if other is None and operator is not None and lost.priority >= Severity.CRITICAL.rank:
        other = receivers.get(operator)
    if other is None or other.name == lost.receiver:
        return ()
    rows = queue(report_of(lost), incident_id=lost.incident, receivers=[other], severity=_severity(lost), now=now)
    return tuple(replace(row, fallback_of=lost.id) for row in rows if row.id != lost.id)


def _severity(delivery: Delivery) -> Severity:
    return next((level for level in Severity if level.rank == delivery.priority), Severity.CRITICAL)


def broken_notice(
    broken: Delivery, operator: ReceiverSettings | None, hint: str, locale: Locale, now: datetime
) -> tuple[Delivery, ...]:
    """Return the rows that tell the operator of a broken channel, over every other channel of theirs.

    Args:
        broken: The delivery that showed it.
        operator: Who is told; None = nobody.
        hint: What to do, in the message's language.
        locale: Language.
        now: When, UTC.
    """
    if operator is None:
        return ()
    words = "消息通道不能用：{0} → {1}" if locale == "zh" else "channel broken: {0} → {1}"
    head = words.format(broken.receiver, broken.channel)
    report = notice(
        "channel_broken",
        "\n".join(filter(None, (head, f"{broken.target}: {broken.answer}", hint))),
        at=now,
        severity=Severity.HIGH,
    )
    rows = queue(report, incident_id=None, receivers=[operator], severity=report.severity, now=now)
    return tuple(row for row in rows if (row.channel, row.target) != (broken.channel, broken.target))


def kept(
    deliveries: Sequence[Delivery], key: tuple[str, str], is_open: Callable[[str], bool], now: datetime
) -> tuple[Delivery, ...]:
    """Return anew what a broken target could not show and nobody else did; a repaired one still tells it.

    Args:
        deliveries: Stored deliveries, oldest first.
        key: Channel and target.
        is_open: Whether an incident, by id, still goes on; what is over is not told late.
        now: When, UTC.

    Returns:
        One row per incident, its newest message, and one per notice.
    """
    stood_in = {one.fallback_of for one in deliveries if one.state in _ACCEPTED or not one.state.final}
    newest = {one.incident or one.id: one for one in deliveries if (one.channel, one.target) == key}
    return tuple(
        replace(
            one,
            id=str(uuid.uuid5(uuid.UUID(one.id), "again")),
            state=DeliveryState.PENDING,
            attempts=0,
            degrade=0,
            repeat=False,
            answer="",
            not_before=now,
            created_at=now,
            fallback_of=one.id,
        )
        for one in newest.values()
        if one.state is DeliveryState.BROKEN
        and one.kind is not DeliveryKind.TEST
        and one.id not in stood_in
        and (one.incident is None or is_open(one.incident))
    )


def undelivered(deliveries: Sequence[Delivery], now: datetime) -> tuple[Delivery, ...]:
    """Return the newest lost delivery of each message that reached nobody and that nothing will bring.

    A later message of the same incident that arrived or still waits makes up for it, and so
    does a stand-in. What a broken channel lost counts until that channel accepts something,
    what was given up for other reasons for one day.

    Args:
        deliveries: Stored deliveries, oldest first.
        now: When, UTC.
    """
    told: dict[str, int] = {}
    works: dict[tuple[str, str], datetime] = {}
    for one in deliveries:
        if one.sent_at is not None:
            works[one.channel, one.target] = max(one.sent_at, works.get((one.channel, one.target), one.sent_at))
        if one.state in _ACCEPTED or not one.state.final:
            told[_event(one)] = max(one.seq, told.get(_event(one), one.seq))
    lost = {
        _event(one): one
        for one in deliveries
        if _counts(one, works.get((one.channel, one.target)), now) and one.seq > told.get(_event(one), -1)
    }
    return tuple(lost.values())


def _event(delivery: Delivery) -> str:
    return delivery.incident or delivery.payload


def _counts(delivery: Delivery, worked_at: datetime | None, now: datetime) -> bool:
    if delivery.kind is DeliveryKind.TEST:
        return False
    if delivery.state is DeliveryState.BROKEN:
        return worked_at is None or worked_at < delivery.not_before
    explained = delivery.answer.startswith((_SUPERSEDED, CLOSED))
    given_up = delivery.state is DeliveryState.DROPPED and delivery.attempts > 0 and not explained
    return given_up and now - delivery.created_at < _FORGET
