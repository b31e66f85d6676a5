"""From what became of an incident to the deliveries that tell of it."""

import logging
from collections.abc import Sequence
from datetime import datetime

from alerts.detect.base import reason_of
from alerts.evidence import Evidence
from alerts.incidents import Transition
from alerts.outbox import queue
from alerts.routing import escalation_of, receivers_of
from config.settings import EscalationStep, ReceiverSettings, Settings
from domain.incident import Delivery, DeliveryKind, Incident
from domain.ports import Desk
from domain.source import SourceHealth

__all__ = ["Teller", "route_labels"]

logger = logging.getLogger(__name__)


def route_labels(incident: Incident) -> dict[str, str]:
    """Return the labels that routes and silences look at."""
    labels = dict(incident.labels)
    labels["severity"] = incident.severity.value
    risk = reason_of(incident).get("risk")
    if isinstance(risk, str) and risk:
        labels.setdefault("risk", risk)
    return labels


class Teller:
    """Finds who must hear of a transition and queues the messages for them."""

    def __init__(self, settings: Settings, evidence: Evidence, desk: Desk) -> None:
        self._settings, self._evidence, self._desk = settings, evidence, desk
        self._receivers = {receiver.name: receiver for receiver in settings.receivers}

    def steps(self, incident: Incident) -> tuple[EscalationStep, ...]:
        """Return the escalation chain of an incident as it stands."""
        return escalation_of(route_labels(incident), self._settings.routes)

    def deliveries(
        self, transition: Transition, *, now: datetime, health: Sequence[SourceHealth]
    ) -> tuple[Delivery, ...]:
        """Return one delivery for each message, channel and target; nothing is stored."""
        incident = transition.incident
        if incident is None or not transition.messages:
            return ()
        told: list[Delivery] = []
        first = incident.seq - len(transition.messages) + 1
        for seq, kind in enumerate(transition.messages, first):
            receivers = self._who(incident, kind, transition.step)
            if not receivers:
                logger.warning("nobody is to hear of it, no receiver incident=%s kind=%s", incident.id, kind.value)
                continue
            report = self._evidence.report(incident, kind, seq=seq, now=now, health=health)
            told.extend(
                queue(report, incident_id=incident.id, receivers=receivers, severity=incident.severity, now=now)
            )
        return tuple(told)

    def _who(self, incident: Incident, kind: DeliveryKind, step: EscalationStep | None) -> list[ReceiverSettings]:
        if kind is DeliveryKind.REMINDER and step is not None:
            return self._known([step.to])
        names = list(receivers_of(route_labels(incident), self._settings.routes, self._settings.receivers))
        if kind is not DeliveryKind.FIRING:
            heard = self._desk.deliveries(incident=incident.id)
            names.extend(each.receiver for each in heard if each.fallback_of is None)
        return self._known(names)

    def _known(self, names: Sequence[str]) -> list[ReceiverSettings]:
        return [self._receivers[name] for name in dict.fromkeys(names) if name in self._receivers]
