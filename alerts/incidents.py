"""The life of an incident: pure transitions, driven by signals, by people and by the clock.

The table is contracts/detection.md, section 1.1. Nothing here reads a clock or a store.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from alerts.detect.base import Signal
from config.settings import EscalationStep
from domain.errors import TingfengError
from domain.ids import short_number
from domain.incident import DeliveryKind, Incident, IncidentFlag, IncidentNote, IncidentState, Severity
from domain.moment import bucket_of, to_rfc3339

__all__ = ["Action", "ActionError", "Patience", "Transition", "act", "advance", "incident_number", "unmute"]

Action = Literal["ack", "close", "note", "false_alarm"]

_SYSTEM = "tingfeng"
_RETELL = 2.0
"""Score relative to the last told one from which people are told again."""
_RETELL_GAP = timedelta(minutes=15)
_FLAPS = 4
_MAX_COOLING = timedelta(hours=6)
_LEAST_REPEAT = timedelta(minutes=15)
_MAX_NOTES = 200


class ActionError(TingfengError):
    """A person's action that the incident's state does not allow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long things wait for one incident."""

    pending: timedelta = timedelta(0)
    """How long the condition must hold before it opens; critical ones open at once."""
    cooling: timedelta = timedelta(hours=1)
    """How long it must be false, with data, before it is resolved."""
    ack_for: timedelta = timedelta(hours=4)
    """How long an acknowledgement holds."""
    steps: tuple[EscalationStep, ...] = ()
    """Escalation chain, by `after`; empty = none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """What became of an incident, and what people are to be told of it."""

    incident: Incident | None
    """The incident after it; None = there is none."""
    messages: tuple[DeliveryKind, ...] = ()
    """Messages in order; the incident's `seq` already counts them."""
    step: EscalationStep | None = None
    """Step that a REMINDER goes to; None = no reminder among the messages."""


def incident_number(fingerprint: str, now: datetime, salt: int = 0) -> str:
    """Return the five-character number of an incident that begins now; `salt` avoids a taken one."""
    return short_number(f"{fingerprint} {to_rfc3339(bucket_of(now))} {salt or ''}".strip())


def advance(
    incident: Incident | None, signal: Signal | None, *, gap: bool, now: datetime, patience: Patience, number: str = ""
) -> Transition:
    """Take an incident one look further.

    Args:
        incident: The unresolved incident of the group; None = there is none.
        signal: What the rule says; None = the rule is gone or says nothing.
        gap: Too many sources are dark for quiet to mean anything.
        now: Moment of the look, UTC.
        patience: How long things wait.
        number: Id for a new incident.

    Returns:
        The incident after the look, with its messages. Without an incident and without a
        firing signal there is none.
    """
    if incident is None:
        return (
            _begin(signal, now, patience, number) if signal is not None and signal.firing else Transition(incident=None)
        )
    if signal is not None and signal.firing:
        return _holds(incident, signal, now, patience)
    measured = (
        replace(incident, value=signal.value, expected=signal.expected, score=signal.score) if signal else incident
    )
    return _fails(measured, gap, now, patience)


def _begin(signal: Signal, now: datetime, patience: Patience, number: str) -> Transition:
    incident = Incident(
        id=number or incident_number(signal.fingerprint, now),
        fingerprint=signal.fingerprint,
        rule=signal.rule.name,
        kind=signal.rule.kind,
        brand=signal.brand,
        labels=signal.labels,
        severity=signal.severity,
        state=IncidentState.PENDING,
        flags=signal.flags,
        started_at=signal.started_at,
        pending_at=now,
        last_true_at=now,
        value=signal.value,
        expected=signal.expected,
        score=signal.score,
        peak_value=signal.value,
        peak_at=now,
        story_ids=signal.story_ids,
        reason=signal.reason,
    )
    return _open_if_due(incident, now, patience)


def _open_if_due(incident: Incident, now: datetime, patience: Patience) -> Transition:
    if incident.severity is not Severity.CRITICAL and now - incident.pending_at < patience.pending:
        return Transition(incident=incident)
    opened = replace(
        incident,
        state=IncidentState.OPEN,
        opened_at=now,
        next_step_at=now + patience.steps[0].after if patience.steps else None,
    )
    return _tell(opened, DeliveryKind.FIRING, now)


def _tell(incident: Incident, kind: DeliveryKind, now: datetime) -> Transition:
    told = replace(incident, seq=incident.seq + 1)
    if kind in {DeliveryKind.FIRING, DeliveryKind.ESCALATED}:
        told = replace(told, told_score=told.score, told_severity=told.severity, told_at=now)
    return Transition(incident=told, messages=(kind,))


def _holds(incident: Incident, signal: Signal, now: datetime, patience: Patience) -> Transition:
    higher = signal.severity if signal.severity.rank > incident.severity.rank else incident.severity
    grown = signal.value > incident.peak_value
    seen = replace(
        incident,
        severity=higher,
        flags=incident.flags | signal.flags,
        last_true_at=now,
        value=signal.value,
        expected=signal.expected,
        score=signal.score,
        peak_value=signal.value if grown else incident.peak_value,
        peak_at=now if grown else incident.peak_at,
        story_ids=signal.story_ids or incident.story_ids,
        reason=signal.reason,
    )
    if seen.state is IncidentState.PENDING:
        return _open_if_due(seen, now, patience)
    if seen.state is IncidentState.COOLING:
        warm = _warm_again(seen, now, patience)
        return warm if warm.messages else _told_again(_not_none(warm), now, patience)
    return _told_again(seen, now, patience)


def _warm_again(incident: Incident, now: datetime, patience: Patience) -> Transition:
    acked = incident.ack_until is not None and now < incident.ack_until
    flaps = incident.flaps + (incident.kind != "match")
    back = replace(incident, state=IncidentState.ACKED if acked else IncidentState.OPEN, cooling_at=None, flaps=flaps)
    if flaps >= _FLAPS and IncidentFlag.FLAPPING not in back.flags:
        return _tell(replace(back, flags=back.flags | {IncidentFlag.FLAPPING}), DeliveryKind.UNSTABLE, now)
    return Transition(incident=back)


def _told_again(incident: Incident, now: datetime, patience: Patience) -> Transition:
    """Tell of a clear worsening, else let the clock do its work."""
    told_rank = incident.told_severity.rank if incident.told_severity else -1
    worse = incident.severity.rank > told_rank or incident.score >= _RETELL * incident.told_score > 0
    rested = incident.told_at is None or now - incident.told_at >= _RETELL_GAP
    if worse and rested:
        return _tell(incident, DeliveryKind.ESCALATED, now)
    return _by_clock(incident, now, patience)


def _by_clock(incident: Incident, now: datetime, patience: Patience) -> Transition:
    """Let an acknowledgement expire and the escalation chain go on."""
    if incident.state is IncidentState.ACKED and incident.ack_until is not None and now >= incident.ack_until:
        note = IncidentNote(at=now, by=_SYSTEM, action="expire_ack", text=incident.acked_by or "")
        incident = replace(
            incident,
            state=IncidentState.OPEN,
            acked_at=None,
            acked_by=None,
            ack_until=None,
            step=0,
            next_step_at=now + patience.steps[0].after if patience.steps else None,
            notes=_noted(incident.notes, note),
        )
    if incident.state is not IncidentState.OPEN or not patience.steps:
        return Transition(incident=incident)
    if incident.next_step_at is None:
        incident = replace(incident, next_step_at=_due(incident, incident.step, now, patience.steps))
    if incident.next_step_at is None or now < incident.next_step_at:
        return Transition(incident=incident)
    step = patience.steps[min(incident.step, len(patience.steps) - 1)]
    note = IncidentNote(at=now, by=_SYSTEM, action="escalate", text=step.to)
    taken = replace(
        incident,
        seq=incident.seq + 1,
        step=incident.step + 1,
        next_step_at=_due(incident, incident.step + 1, now, patience.steps),
        notes=_noted(incident.notes, note),
    )
    return Transition(incident=taken, messages=(DeliveryKind.REMINDER,), step=step)


def _due(incident: Incident, step: int, now: datetime, steps: Sequence[EscalationStep]) -> datetime:
    """Return when a step of the chain is due; past its end the last one repeats."""
    if step < len(steps):
        before = steps[step - 1].after if step else timedelta(0)
        return (incident.next_step_at or incident.opened_at or now) + (steps[step].after - before)
    return now + max(_LEAST_REPEAT, steps[-1].after)


def _fails(incident: Incident, gap: bool, now: datetime, patience: Patience) -> Transition:
    """The condition does not hold: wait, cool or resolve, but conclude nothing in a data gap."""
    if incident.state is IncidentState.PENDING:
        return Transition(incident=replace(incident, state=IncidentState.RESOLVED, resolved_at=now))
    if gap:
        return _in_gap(incident, now, patience)
    if incident.state is not IncidentState.COOLING:
        return Transition(incident=replace(incident, state=IncidentState.COOLING, cooling_at=now))
    began = incident.cooling_at or now
    if now - began < _cooling(incident, patience):
        return Transition(incident=incident)
    return _tell(
        replace(incident, state=IncidentState.RESOLVED, resolved_at=now, next_step_at=None), DeliveryKind.RESOLVED, now
    )


def _in_gap(incident: Incident, now: datetime, patience: Patience) -> Transition:
    cooling = incident.state is IncidentState.COOLING
    held = replace(incident, cooling_at=now) if cooling else incident
    if IncidentFlag.DATA_GAP not in held.flags:
        return _tell(replace(held, flags=held.flags | {IncidentFlag.DATA_GAP}), DeliveryKind.DATA_GAP, now)
    return _by_clock(held, now, patience)


def _cooling(incident: Incident, patience: Patience) -> timedelta:
    if IncidentFlag.FLAPPING not in incident.flags:
        return patience.cooling
    longer: timedelta = patience.cooling * int(2 ** min(incident.flaps // _FLAPS, 10))
    return max(patience.cooling, min(_MAX_COOLING, longer))


def unmute(step: Transition, now: datetime) -> Transition:
    """End the silence over an incident: one that nobody was told of is told now.

    Args:
        step: The transition that has just been made, its incident flagged as silenced.
        now: Moment of the look, UTC.

    Returns:
        The same without the flag; FIRING alone for an active incident that has told nothing yet,
        nothing for one that ended unheard.
    """
    incident = _not_none(step)
    heard = incident.seq - len(step.messages) > 0
    audible = replace(incident, flags=incident.flags - {IncidentFlag.SILENCED})
    if heard or incident.state is IncidentState.PENDING:
        return replace(step, incident=audible)
    quiet = replace(audible, seq=0)
    return _tell(quiet, DeliveryKind.FIRING, now) if quiet.active else Transition(incident=quiet)


def act(
    incident: Incident,
    action: Action,
    *,
    by: str,
    text: str = "",
    now: datetime,
    ack_for: timedelta = timedelta(hours=4),
) -> Transition:
    """Do what a person asks with an incident.

    Returns:
        The incident after it and the messages for the others: ACKED for `ack`, RESOLVED for
        `close` and `false_alarm` where people had been told of it, none for `note`.

    Raises:
        ActionError: There is no such incident, it is resolved already (only `note` and `false_alarm` are possible
            then), nobody is named, or a note has no text.
    """
    if incident is None:
        raise ActionError(f"there is no incident {id}".strip())
    if not by.strip():
        raise ActionError(f"incident {incident.id}: say who does it")
    note = IncidentNote(at=now, by=by.strip(), action=action, text=text.strip())
    noted = replace(incident, notes=_noted(incident.notes, note))
    if action == "note":
        if not text.strip():
            raise ActionError(f"incident {incident.id}: a note needs a text")
        return Transition(incident=noted)
    if action == "false_alarm":
        noted = replace(noted, flags=noted.flags | {IncidentFlag.FALSE_ALARM})
    if incident.state is IncidentState.RESOLVED:
        if action == "false_alarm":
            return Transition(incident=noted)
        raise ActionError(f"incident {incident.id} is resolved already, nothing to {action}")
    if action == "ack":
        return _acked(noted, by.strip(), now, ack_for)
    closed = replace(noted, state=IncidentState.RESOLVED, resolved_at=now, next_step_at=None)
    return _tell(closed, DeliveryKind.RESOLVED, now) if incident.opened_at else Transition(incident=closed)


def _acked(incident: Incident, by: str, now: datetime, ack_for: timedelta) -> Transition:
    if incident.state is IncidentState.PENDING:
        raise ActionError(f"incident {incident.id} has not opened yet, nothing to ack")
    state = incident.state if incident.state is IncidentState.COOLING else IncidentState.ACKED
    taken = replace(incident, state=state, acked_at=now, acked_by=by, ack_until=now + ack_for, next_step_at=None)
    return _tell(taken, DeliveryKind.ACKED, now)


def _noted(notes: tuple[IncidentNote, ...], note: IncidentNote) -> tuple[IncidentNote, ...]:
    return (*notes, note)[-_MAX_NOTES:]


def _not_none(transition: Transition) -> Incident:
    if transition.incident is None:
        raise ActionError("a transition lost its incident")
    return transition.incident
