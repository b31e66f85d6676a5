"""What a step of the watch is about to write: incidents taken further, and what is to be told of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from alerts.detect import Signal
from alerts.incidents import Patience, Transition, advance, incident_number, unmute
from alerts.silences import silenced
from alerts.teller import Teller
from config.settings import RuleSettings
from domain.incident import Delivery, Evaluation, Incident, IncidentFlag, IncidentState, Silence
from domain.ports import Change, Desk, DeskChange
from domain.source import SourceHealth

__all__ = ["Plan"]


class Plan:
    """What one step writes; nothing is stored before `change` is.

    Args:
        rules: Enabled rules by name.
        ack_for: How long an acknowledgement holds.
        desk: Where incidents are.
        teller: Makes the messages.
        now: Present moment, UTC.
        health: How the sources are.
        silences: Those in force now.
    """

    def __init__(
        self,
        rules: Mapping[str, RuleSettings],
        *,
        ack_for: timedelta,
        desk: Desk,
        teller: Teller,
        now: datetime,
        health: Sequence[SourceHealth],
        silences: Sequence[Silence],
    ) -> None:
        self._rules, self._ack_for, self._desk, self._teller = rules, ack_for, desk, teller
        self._now, self._health, self._silences = now, health, silences
        self.evaluations: list[Evaluation] = []
        """Looks to keep."""
        self.incidents: list[Incident] = []
        """Incidents to write."""
        self.deliveries: list[Delivery] = []
        """Messages to queue."""
        self.looks = 0
        """Looks of a rule at a brand."""

    def change(self, changes: Sequence[Change]) -> DeskChange:
        """Return what is to be committed.

        Args:
            changes: Changed rows that are worked off with it.
        """
        return DeskChange(
            evaluations=tuple(self.evaluations),
            incidents=tuple(self.incidents),
            deliveries=tuple(self.deliveries),
            claimed=tuple(each.row for each in changes),
        )

    def lead(self, before: Incident | None, signal: Signal | None, *, gap: bool, late: bool = False) -> None:
        """Take one group's incident a step further and note what is to be written and told.

        Args:
            before: Its incident; None = it has none.
            signal: What its rule says; None = nothing any more.
            gap: Whether what was said of the brand can only be seen in part.
            late: Whether most of what is new happened long ago.
        """
        if before is None and (signal is None or not signal.firing):
            return
        now = self._now
        number = before.id if before else self._free_number(signal)
        rule = signal.rule if signal else self._rules.get(before.rule if before else "")
        if late and before is None and signal is not None:
            signal = replace(signal, flags=signal.flags | {IncidentFlag.LATE})
        step = advance(before, signal, gap=gap, now=now, patience=self._patience(rule, before), number=number)
        if step.incident is None:
            return
        if before is None:
            step = replace(step, incident=self._with_chain(step.incident, now))
        step = _muted(before, step, now, self._silences)
        after = step.incident
        if after is None or after == before:
            return
        self.incidents.append(after)
        self.deliveries.extend(self._teller.deliveries(step, now=now, health=self._health))
        if signal is not None and _worth_keeping(before, after, step):
            self.evaluations.append(_evaluation(signal, after, now))

    def _patience(self, rule: RuleSettings | None, before: Incident | None) -> Patience:
        return Patience(
            pending=rule.pending if rule else timedelta(0),
            cooling=rule.cooling if rule else timedelta(hours=1),
            ack_for=self._ack_for,
            steps=self._teller.steps(before) if before else (),
        )

    def _with_chain(self, incident: Incident, now: datetime) -> Incident:
        steps = self._teller.steps(incident)
        if incident.state is not IncidentState.OPEN or not steps:
            return incident
        return replace(incident, next_step_at=now + steps[0].after)

    def _free_number(self, signal: Signal | None) -> str:
        if signal is None:
            return ""
        salt = 0
        taken = {incident.id for incident in self.incidents}
        while True:
            number = incident_number(signal.fingerprint, self._now, salt)
            if number not in taken and self._desk.incident(number) is None:
                return number
            salt += 1


def _muted(before: Incident | None, step: Transition, now: datetime, silences: Sequence[Silence]) -> Transition:
    """Hold messages back while a silence matches, and tell of what is still open when it ends."""
    after = step.incident
    if after is None:
        return step
    if silenced(after, silences):
        told_before = before is not None and before.seq > 0
        if after.state is IncidentState.RESOLVED and told_before:
            return step
        flags = after.flags | {IncidentFlag.SILENCED}
        return Transition(incident=replace(after, flags=flags, seq=before.seq if before else 0))
    if IncidentFlag.SILENCED not in after.flags:
        return step
    return unmute(step, now)


def _worth_keeping(before: Incident | None, after: Incident, step: Transition) -> bool:
    if before is None or step.messages or before.state is not after.state:
        return True
    return after.active and after.value != before.value


def _evaluation(signal: Signal, incident: Incident, now: datetime) -> Evaluation:
    return Evaluation(
        at=now,
        rule=signal.rule.name,
        brand=signal.brand,
        fingerprint=signal.fingerprint,
        firing=signal.firing,
        value=signal.value,
        expected=signal.expected,
        score=signal.score,
        reason=signal.reason,
        incident=incident.id,
    )
