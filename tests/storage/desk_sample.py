"""Incidents and deliveries as the tests of the desk need them."""

from dataclasses import replace
from datetime import datetime, timedelta

from domain.incident import (
    Delivery,
    DeliveryKind,
    DeliveryState,
    Evaluation,
    Incident,
    IncidentState,
    Severity,
    Silence,
)
from tests.storage.sample import NOW

S = DeliveryState
K = DeliveryKind


def incident(id: str = "AB2CD", *, state: IncidentState = IncidentState.OPEN, minutes: int = 0) -> Incident:
    at = NOW + timedelta(minutes=minutes)
    return Incident(
        id=id,
        fingerprint=f"f-{id}",
        rule="negative-burst",
        kind="burst",
        brand="yunshan",
        labels=(("brand", "yunshan"), ("rule", "negative-burst")),
        severity=Severity.CRITICAL,
        state=state,
        started_at=at,
        pending_at=at,
        opened_at=at,
        last_true_at=at,
        value=12.0,
        score=3.5,
        peak_value=12.0,
        peak_at=at,
    )


def evaluation(minutes: int = 0, *, incident: str | None = None, rule: str = "negative-burst") -> Evaluation:
    return Evaluation(
        at=NOW + timedelta(minutes=minutes),
        rule=rule,
        brand="yunshan",
        fingerprint="f",
        firing=True,
        value=12.0,
        expected=None,
        score=3.5,
        reason="{}",
        incident=incident,
    )


def delivery(
    seq: int,
    kind: DeliveryKind = DeliveryKind.FIRING,
    *,
    incident: str | None = "AB2CD",
    channel: str = "slack",
    receiver: str = "pr-duty",
    priority: int = 3,
    minutes: float = 0,
    not_before: datetime | None = None,
) -> Delivery:
    at = NOW + timedelta(minutes=minutes)
    return Delivery(
        id=f"{incident}:{seq}:{receiver}:{channel}",
        incident=incident,
        seq=seq,
        kind=kind,
        receiver=receiver,
        channel=channel,
        target="C0123",
        payload='{"head":"红"}',
        priority=priority,
        not_before=not_before or at,
        created_at=at,
    )


def silence(id: str, *, start: int, end: int) -> Silence:
    return Silence(
        id=id,
        matcher="brand: yunshan",
        starts_at=NOW + timedelta(minutes=start),
        ends_at=NOW + timedelta(minutes=end),
        by="王",
        comment="已知",
    )


def with_state(one: Delivery, state: DeliveryState, **more: object) -> Delivery:
    return replace(one, state=state, **more)  # type: ignore[arg-type]  # fields by name
