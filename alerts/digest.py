"""Many waiting messages told in one."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from alerts.delivery import report_of
from alerts.message import first_line
from alerts.report import AlertReport
from alerts.words import Locale
from domain.codec import to_json
from domain.incident import Delivery, DeliveryKind, DeliveryState, Severity

__all__ = ["digest_of"]

_SPACE = uuid.UUID("0b4f0a3c-93f5-5d35-8f0c-6a6f2b6f9d02")
_SHOWN = 30


def digest_of(parts: Sequence[Delivery], locale: Locale, now: datetime) -> Delivery:
    """Return one notice that lists waiting messages by their first lines.

    Args:
        parts: At least one delivery to the same target, most important first.
        locale: Language.
        now: When, UTC.
    """
    reports = [report_of(part) for part in parts]
    lines = [f"{first_line(report, locale)}  {report.incident}:{report.seq}" for report in reports[:_SHOWN]]
    if len(parts) > _SHOWN:
        more = len(parts) - _SHOWN
        lines.append(f"另有 {more} 条" if locale == "zh" else f"and {more} more")
    head = f"{len(parts)} 条消息合并发送" if locale == "zh" else f"{len(parts)} messages in one"
    report = AlertReport(
        kind=DeliveryKind.NOTICE,
        incident="",
        seq=0,
        severity=max((one.severity for one in reports), key=lambda level: level.rank),
        brand="",
        rule="",
        at=now,
        text="\n".join([head, *lines]),
    )
    return replace(
        parts[0],
        id=str(uuid.uuid5(_SPACE, "\n".join(part.id for part in parts))),
        incident=None,
        seq=0,
        kind=DeliveryKind.NOTICE,
        payload=to_json(report),
        priority=Severity.MEDIUM.rank,
        state=DeliveryState.SENDING,
        degrade=max(part.degrade for part in parts),
        repeat=any(part.repeat for part in parts),
        fallback_of=None,
    )
