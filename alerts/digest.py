"""Many waiting messages told in one."""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from alerts.delivery import is_readable, report_of
from alerts.message import first_line
from alerts.report import AlertReport
from alerts.words import LEVELS, Locale
from domain.codec import to_json
from domain.incident import Delivery, DeliveryKind, DeliveryState, Severity

__all__ = ["DIGEST_MARK", "digest_of", "is_common", "overview_of", "split"]

DIGEST_MARK = "told in digest "
"""Start of the stored answer of a delivery that is or was told together with others; then the digest's id."""

_SPACE = uuid.UUID("0b4f0a3c-93f5-5d35-8f0c-6a6f2b6f9d02")
_SHOWN = 30
_SHOWN_AHEAD = 15


def digest_of(parts: Sequence[Delivery], locale: Locale, now: datetime) -> Delivery:
    """Return one notice that counts waiting messages by level and lists the first ones.

    Args:
        parts: At least one delivery to the same target, most important first.
        locale: Language.
        now: When, UTC.
    """
    reports = [report_of(part) for part in parts]
    words = "{0} 条消息合并发送：{1}" if locale == "zh" else "{0} messages in one: {1}"
    lines = [words.format(len(parts), _levels(reports, locale)), *_listed(reports, _SHOWN, locale)]
    return replace(
        parts[0],
        id=str(uuid.uuid5(_SPACE, "\n".join(part.id for part in parts))),
        incident=None,
        seq=0,
        kind=DeliveryKind.NOTICE,
        payload=to_json(_notice(lines, reports, now)),
        priority=Severity.MEDIUM.rank,
        state=DeliveryState.SENDING,
        degrade=max(part.degrade for part in parts),
        repeat=any(part.repeat for part in parts),
        fallback_of=None,
    )


def overview_of(group: Sequence[Delivery], minutes: int, locale: Locale, now: datetime) -> Delivery:
    """Return the notice that goes ahead of a crowd of critical messages, one a quarter of an hour.

    Args:
        group: Readable deliveries to the same target, most important first.
        minutes: How long the last critical one will take.
        locale: Language.
        now: When, UTC.

    Returns:
        A row to queue, above every other priority.
    """
    reports = [report_of(one) for one in group]
    head = "{0} 条消息待发：{1}" if locale == "zh" else "{0} messages waiting: {1}"
    how = (
        f"红色逐条发送，约需 {minutes} 分钟；其余合并"
        if locale == "zh"
        else f"red ones follow one by one within about {minutes} min, the others in one"
    )
    lines = [head.format(len(group), _levels(reports, locale)), how, *_listed(reports, _SHOWN_AHEAD, locale)]
    first = group[0]
    name = "\n".join((first.channel, first.target, str(int(now.timestamp()) // 900)))
    return Delivery(
        id=str(uuid.uuid5(_SPACE, name)),
        incident=None,
        seq=0,
        kind=DeliveryKind.NOTICE,
        receiver=first.receiver,
        channel=first.channel,
        target=first.target,
        payload=to_json(_notice(lines, reports, now)),
        priority=Severity.CRITICAL.rank + 1,
        not_before=now,
        created_at=now,
    )


def _levels(reports: Sequence[AlertReport], locale: Locale) -> str:
    counted = Counter(report.severity for report in reports)
    return " ".join(f"{LEVELS[locale][level.value]} {counted[level]}" for level in Severity if counted[level])


def _listed(reports: Sequence[AlertReport], shown: int, locale: Locale) -> list[str]:
    lines = [f"{first_line(report, locale)}  {report.incident}:{report.seq}" for report in reports[:shown]]
    more = len(reports) - shown
    if more > 0:
        lines.append(f"另有 {more} 条" if locale == "zh" else f"and {more} more")
    return lines


def _notice(lines: Sequence[str], reports: Sequence[AlertReport], now: datetime) -> AlertReport:
    return AlertReport(
        kind=DeliveryKind.NOTICE,
        incident="",
        seq=0,
        severity=max((one.severity for one in reports), key=lambda level: level.rank),
        brand="",
        rule="",
        at=now,
        text="\n".join(lines),
    )


def split(group: Sequence[Delivery], allowed: int) -> tuple[list[Delivery], list[Delivery]]:
    """Part deliveries of one lane into those sent alone and those told together.

    Critical ones, tests and those of unknown outcome always go alone. Of the others the
    first `allowed - 1` do, if there are more than `allowed`: one message of the hour is
    then the digest of the rest. With none allowed all wait alone.

    Args:
        group: Deliveries, most important first.
        allowed: Messages that the hour still bears, 0 or more.
    """
    common = [one for one in group if _may_merge(one)]
    merged = common[allowed - 1 :] if 0 < allowed < len(common) else []
    together = {one.id for one in merged}
    return [one for one in group if one.id not in together], merged


def is_common(delivery: Delivery) -> bool:
    """Say whether the limit per hour holds for a delivery: not for critical ones and tests."""
    return delivery.priority < Severity.CRITICAL.rank and delivery.kind is not DeliveryKind.TEST


def _may_merge(delivery: Delivery) -> bool:
    return is_common(delivery) and delivery.state is not DeliveryState.UNCERTAIN and is_readable(delivery)
