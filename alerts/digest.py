"""Many waiting messages told in one."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from alerts.delivery import is_readable, report_of
from alerts.message import first_line
from alerts.report import AlertReport
from alerts.words import Locale
from domain.codec import to_json
from domain.incident import Delivery, DeliveryKind, DeliveryState, Severity

__all__ = ["digest_of", "split"]

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


def split(group: Sequence[Delivery], allowed: int) -> tuple[list[Delivery], list[Delivery]]:
    """Part deliveries of one lane into those sent alone and those told together.

    Critical ones, tests and those of unknown outcome always go alone. Of the others the
    first `allowed - 1` do, if there are more than `allowed`; the last message of the hour
    is then the digest. With none allowed all wait alone.

    Args:
        group: Deliveries, most important first.
        allowed: Messages that the hour still bears, 0 or more.
    """
    common = [one for one in group if _may_merge(one)]
    merged = common[allowed - 1 :] if 0 < allowed < len(common) else []
    together = {one.id for one in merged}
    return [one for one in group if one.id not in together], merged


def _may_merge(delivery: Delivery) -> bool:
    common = delivery.priority < Severity.CRITICAL.rank and delivery.kind is not DeliveryKind.TEST
    return common and delivery.state is not DeliveryState.UNCERTAIN and is_readable(delivery)
