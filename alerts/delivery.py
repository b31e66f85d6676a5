"""From a report to the rows of the outbox, one for each channel and target, and back."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from alerts.report import AlertReport
from config.settings import ReceiverSettings
from domain.codec import from_json, to_json
from domain.errors import DomainError
from domain.incident import Delivery, Severity

__all__ = ["delivery_id", "is_readable", "queue", "report_of"]

_SPACE = uuid.UUID("6f0c2f52-6a0e-5b0c-9d43-0a6b8f4d7c11")


def queue(
    report: AlertReport,
    *,
    incident_id: str | None,
    receivers: Sequence[ReceiverSettings],
    severity: Severity,
    now: datetime,
) -> tuple[Delivery, ...]:
    """Return the rows that tell `report` to every channel of `receivers`; nothing is stored.

    Args:
        report: What to tell.
        incident_id: Incident it belongs to; None = a notice or a test.
        receivers: Who hears of it; a target that two of them share gets one row.
        severity: Its rank is the priority.
        now: When it is queued, UTC.

    Returns:
        Rows in order of receivers and their channels; the same message gives the same ids.
    """
    payload = to_json(report)
    rows: dict[str, Delivery] = {}
    for receiver in receivers:
        for channel, options in receiver.channels:
            id = delivery_id(report, incident_id=incident_id, channel=channel, target=options.target)
            row = Delivery(
                id=id,
                incident=incident_id,
                seq=report.seq,
                kind=report.kind,
                receiver=receiver.name,
                channel=channel,
                target=options.target,
                payload=payload,
                priority=severity.rank,
                not_before=now,
                created_at=now,
            )
            rows.setdefault(id, row)
    return tuple(rows.values())


def delivery_id(report: AlertReport, *, incident_id: str | None, channel: str, target: str) -> str:
    """Return the id of a message to one target: the same message always gets the same one."""
    event = f"{incident_id}:{report.seq}" if incident_id else to_json(report)
    return str(uuid.uuid5(_SPACE, "\n".join((event, channel, target))))


def report_of(delivery: Delivery) -> AlertReport:
    """Read a row's report back.

    Raises:
        DomainError: the payload is no report.
    """
    return from_json(AlertReport, delivery.payload)


def is_readable(delivery: Delivery) -> bool:
    """Say whether a row's payload is a report."""
    try:
        report_of(delivery)
    except DomainError:
        return False
    return True
