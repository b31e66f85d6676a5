"""A marked test message to one receiver, and what its channels answered."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from alerts.call import within
from alerts.delivery import queue
from alerts.hint import hint_of
from alerts.lane import LOOK_BACK
from alerts.lost import kept
from alerts.message import compose
from alerts.notifiers.base import Answer, Notifier
from alerts.report import AlertReport
from alerts.roster import road_of
from alerts.words import Locale
from config.settings import NetworkSettings, ReceiverSettings
from domain.incident import Delivery, DeliveryKind, DeliveryState, IncidentState, Severity
from domain.outcome import DeliveryClass
from domain.ports import Desk, DeskChange
from domain.spec import Spec

__all__ = ["TestAnswer", "send_test"]

_LIMIT_S = 15.0
_STATES = {DeliveryClass.OK: DeliveryState.DELIVERED, DeliveryClass.BROKEN: DeliveryState.BROKEN}


@dataclass(frozen=True, slots=True, kw_only=True)
class TestAnswer:
    """How one channel of a receiver answered the test."""

    __test__ = False

    channel: str
    """Channel: slack, wecom_robot."""
    target: str
    """Its address without secrets."""
    ok: bool
    """Whether the vendor said that the message is there."""
    verdict: DeliveryClass
    """What the answer means."""
    code: str
    """The vendor's own code; empty = none."""
    answer: str
    """What it said, masked."""
    fix: str
    """What to do, in the asked language; empty = nothing."""


def send_test(
    receiver: ReceiverSettings,
    *,
    desk: Desk,
    specs: Mapping[str, Spec],
    network: NetworkSettings,
    locale: Locale,
    now: datetime,
) -> tuple[TestAnswer, ...]:
    """Send a test to every channel of a receiver at once and record it.

    A recorded success clears the mark of a broken channel in every running outbox, and
    queues again what that channel lost, if nobody else was told and it still goes on. Rate
    limits of our own do not apply; nothing is tried twice.

    Returns:
        One answer per channel, in the order of the settings.
    """
    receiver_locale = receiver.locale or locale
    text = f"听风测试消息 {receiver.name}" if receiver_locale == "zh" else f"Tingfeng test for {receiver.name}"
    report = AlertReport(
        kind=DeliveryKind.TEST,
        incident="",
        seq=0,
        severity=Severity.INFO,
        brand="",
        rule="",
        at=now,
        text=f"{text}\n{uuid.uuid4().hex[:8]}",
    )
    rows = queue(report, incident_id=None, receivers=[receiver], severity=Severity.INFO, now=now)
    road = road_of(receiver, network, limit_s=_LIMIT_S * 2 / 3)
    options = dict(receiver.channels)
    answers = []
    for row in rows:
        notifier: Notifier = specs[row.channel].factory(options[row.channel], road=road)
        answer = _ask(notifier, row, report, receiver_locale)
        again = _kept(desk, row, now) if answer.verdict is DeliveryClass.OK else ()
        desk.commit(DeskChange(deliveries=(_recorded(row, answer, now), *again)), now=now)
        answers.append(_told(row, answer, locale))
    return tuple(answers)


def _kept(desk: Desk, row: Delivery, now: datetime) -> tuple[Delivery, ...]:
    """Return anew what the channel could not show while it was broken and still matters."""

    def is_open(incident: str) -> bool:
        found = desk.incident(incident)
        return found is None or found.state is not IncidentState.RESOLVED

    return kept(desk.deliveries(limit=LOOK_BACK), (row.channel, row.target), is_open, now)


def _ask(notifier: Notifier, row: Delivery, report: AlertReport, locale: Locale) -> Answer:
    message = compose(report, locale)
    answer = within(lambda: notifier.send(row, message, thread_ref=""), limit_s=_LIMIT_S)
    if answer is None:
        return Answer(
            verdict=DeliveryClass.UNCERTAIN, code="no_answer", text=f"no_answer: none within {_LIMIT_S:.0f} s"
        )
    return answer


def _recorded(row: Delivery, answer: Answer, now: datetime) -> Delivery:
    state = _STATES.get(answer.verdict, DeliveryState.DROPPED)
    sent_at = now if answer.verdict is DeliveryClass.OK else None
    return replace(row, state=state, attempts=1, sent_at=sent_at, answer=answer.text, remote_ref=answer.remote_ref)


def _told(row: Delivery, answer: Answer, locale: Locale) -> TestAnswer:
    return TestAnswer(
        channel=row.channel,
        target=row.target,
        ok=answer.verdict is DeliveryClass.OK,
        verdict=answer.verdict,
        code=answer.code,
        answer=answer.text,
        fix=hint_of(row.channel, f"{answer.code} {answer.text}", locale),
    )
