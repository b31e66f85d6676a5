"""The alerter looks at itself: is somebody due for every open critical incident, does somebody hold every message?

Detection contract, section 1.3. A finding is a fault of ours, not of a channel: it is logged as an
error, shown on the health page, and told to the operator once.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.lost import undelivered
from alerts.outbox import queue
from alerts.report import notice
from alerts.routing import escalation_of, receivers_of
from alerts.teller import route_labels
from config.settings import Settings
from domain.clock import Clock
from domain.incident import Delivery, DeliveryState, Incident, IncidentFlag, IncidentState, Severity
from domain.ports import Desk, DeskChange

__all__ = ["Auditor", "Violation", "violations_of"]

logger = logging.getLogger(__name__)

_GRACE_S = 180.0
"""What is due for so long and was not done will not be done, real seconds."""
_UNHEARD = (DeliveryState.BROKEN, DeliveryState.DROPPED)
_NOTICE = "audit"
_WORDS: Mapping[str, str] = {
    "zh": "系统自查发现 {n} 个问题，请人工查看事件并报告：",
    "en": "The system's audit found {n} problem(s); look at the incidents yourself and report it:",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One promise that does not hold."""

    subject: str
    """What it is about: `incident=…` or `delivery=…`."""
    what: str
    """What is wrong, in English."""

    def __str__(self) -> str:
        return f"{self.subject}: {self.what}"


def violations_of(
    incidents: Sequence[Incident],
    deliveries: Callable[[str], Sequence[Delivery]],
    settings: Settings,
    *,
    now: datetime,
    grace: timedelta,
) -> tuple[Violation, ...]:
    """Return what the open critical incidents lack; a pure function of its arguments.

    Args:
        incidents: incidents that are not resolved.
        deliveries: gives the deliveries of an incident by its id.
        settings: routes and receivers.
        now: present moment, UTC.
        grace: how late something may be.
    """
    found: list[Violation] = []
    for incident in incidents:
        if incident.severity is not Severity.CRITICAL or IncidentFlag.SILENCED in incident.flags:
            continue
        subject = f"incident={incident.id}"
        if why := _undue(incident, settings, now, grace):
            found.append(Violation(subject=subject, what=why))
        if why := _unheard(incident, deliveries, settings, now, grace):
            found.append(Violation(subject=subject, what=why))
    return tuple(found)


def _undue(incident: Incident, settings: Settings, now: datetime, grace: timedelta) -> str:
    """Say why nobody will be reminded of an incident; empty = somebody will, or no route asks for it."""
    if incident.state is IncidentState.ACKED:
        if incident.ack_until is None:
            return "taken by a person, and the acknowledgement never ends"
        return "its acknowledgement ended and it is not open again" if now - incident.ack_until > grace else ""
    if incident.state is not IncidentState.OPEN or not escalation_of(route_labels(incident), settings.routes):
        return ""
    if incident.next_step_at is None:
        opened = incident.opened_at or incident.pending_at
        return "open, not taken, and no reminder is due" if now - opened > grace else ""
    return "its reminder is overdue" if now - incident.next_step_at > grace else ""


def _unheard(
    incident: Incident,
    deliveries: Callable[[str], Sequence[Delivery]],
    settings: Settings,
    now: datetime,
    grace: timedelta,
) -> str:
    """Say why nobody has heard of an incident; empty = somebody has, will, or need not."""
    if incident.told_at is None or now - incident.told_at <= grace:
        return ""
    if not receivers_of(route_labels(incident), settings.routes, settings.receivers):
        return ""
    sent = deliveries(incident.id)
    if not sent:
        return "told to nobody: no message of it was queued"
    if all(each.state in _UNHEARD for each in sent):
        return "told to nobody: every message of it was lost"
    return "its newest message was lost, and nobody heard it" if undelivered(sent, now) else ""


class Auditor:
    """Audits the desk at most once a tick; one object per process.

    Args:
        settings: routes, receivers, operator, tick, language.
        desk: incidents and deliveries; notices are queued there.
        ownerless: gives the ids of deliveries that are long due and that nobody took.
        clock: domain time.
    """

    def __init__(
        self, settings: Settings, desk: Desk, ownerless: Callable[[datetime], Sequence[str]], clock: Clock
    ) -> None:
        self._settings, self._desk, self._ownerless, self._clock = settings, desk, ownerless, clock
        self._operator = next((one for one in settings.receivers if one.name == settings.operator), None)
        self._due_at = clock.now() + settings.watch.tick
        self._found: tuple[Violation, ...] = ()

    def step(self) -> tuple[str, ...]:
        """Audit if a tick has passed; return what is wrong as of the last audit, at most 20.

        Raises:
            TingfengError: the store does not answer.
        """
        now = self._clock.now()
        if now >= self._due_at:
            self._due_at = now + self._settings.watch.tick
            found = self._audit(now)
            self._tell([each for each in found if each not in self._found], now)
            self._found = found
        return tuple(str(each) for each in self._found[:20])

    def _audit(self, now: datetime) -> tuple[Violation, ...]:
        grace = self._settings.watch.tick + self._clock.span(_GRACE_S)
        incidents = self._desk.incidents(active_only=True, limit=1_000)
        found = violations_of(
            incidents, lambda id: self._desk.deliveries(incident=id), self._settings, now=now, grace=grace
        )
        lost = [
            Violation(subject=f"delivery={id}", what="due, and nobody sends it") for id in self._ownerless(now - grace)
        ]
        return (*found, *lost)

    def _tell(self, news: Sequence[Violation], now: datetime) -> None:
        if not news:
            return
        for each in news:
            logger.error("audit failed %s what=%s", each.subject, each.what)
        if self._operator is not None:
            head = _WORDS[self._settings.locale].format(n=len(news))
            report = notice(
                _NOTICE, "\n".join([head, *(str(each) for each in news[:20])]), at=now, severity=Severity.HIGH
            )
            rows = queue(report, incident_id=None, receivers=[self._operator], severity=report.severity, now=now)
            self._desk.commit(DeskChange(deliveries=rows), now=now)
