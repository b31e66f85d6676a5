from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from alerts.audit import Auditor, violations_of
from config.settings import EscalationStep, Settings
from domain.clock import ManualClock
from domain.incident import Delivery, DeliveryKind, DeliveryState, Incident, IncidentFlag, IncidentState, Severity
from domain.ports import DeskChange
from storage import State, open_state
from tests.alerts.world import receiver, route, settings
from tests.storage.desk_sample import delivery, incident, with_state
from tests.storage.sample import NOW

MINUTE = timedelta(minutes=1)
GRACE = 4 * MINUTE
LATER = NOW + timedelta(hours=1)
CHAIN = settings(
    receivers=(receiver("pr"), receiver("head")),
    routes=(route("pr", escalate=(EscalationStep(after=15 * MINUTE, to="head"),)),),
    operator="head",
)
SENT = with_state(delivery(1), DeliveryState.DELIVERED, sent_at=NOW)


def found(one: Incident, *sent: Delivery, wanted: Settings = CHAIN, now: datetime = LATER) -> list[str]:
    seen = violations_of([one], lambda id: sent or (SENT,), wanted, now=now, grace=GRACE)
    return [each.what for each in seen]


def told(**changes: object) -> Incident:
    return replace(incident(), told_at=NOW, next_step_at=LATER + MINUTE, **changes)  # type: ignore[arg-type]  # by name


def test_an_incident_that_will_be_reminded_of_and_was_heard_of_is_in_order() -> None:
    assert found(told()) == []


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"next_step_at": None}, "open, not taken, and no reminder is due"),
        ({"next_step_at": LATER - 5 * MINUTE}, "its reminder is overdue"),
        ({"state": IncidentState.ACKED}, "taken by a person, and the acknowledgement never ends"),
        (
            {"state": IncidentState.ACKED, "ack_until": LATER - 5 * MINUTE},
            "its acknowledgement ended and it is not open again",
        ),
    ],
)
def test_a_critical_incident_that_nobody_is_due_for_is_found(changes: dict[str, object], what: str) -> None:
    wrong = replace(told(), **changes)  # type: ignore[arg-type]  # by name
    assert found(wrong) == [what]
    assert found(replace(wrong, severity=Severity.HIGH)) == []
    assert found(replace(wrong, flags=frozenset({IncidentFlag.SILENCED}))) == []


def test_what_is_late_by_less_than_the_grace_is_in_order() -> None:
    assert found(replace(told(), next_step_at=LATER - GRACE)) == []
    assert found(replace(told(), next_step_at=None), now=NOW + GRACE) == []


def test_without_a_chain_no_reminder_is_asked_for() -> None:
    assert found(replace(told(), next_step_at=None), wanted=settings(receivers=(receiver("pr"),), routes=())) == []


@pytest.mark.parametrize("state", [DeliveryState.BROKEN, DeliveryState.DROPPED])
def test_an_incident_that_nobody_heard_of_is_found(state: DeliveryState) -> None:
    lost = with_state(delivery(1), state)
    assert found(told(), lost, with_state(lost, DeliveryState.BROKEN)) == [
        "told to nobody: every message of it was lost"
    ]
    assert found(told(), lost, delivery(2)) == []
    assert found(told(), lost, SENT) == []
    assert found(told(), lost, now=NOW + GRACE) == []


def test_a_later_message_that_nobody_heard_is_found() -> None:
    grown = with_state(
        delivery(2), DeliveryState.DROPPED, attempts=3, created_at=NOW, answer="refused in every form: x"
    )
    assert found(told(), SENT, grown) == ["its newest message was lost, and nobody heard it"]
    assert found(told(), SENT, grown, with_state(delivery(3), DeliveryState.DELIVERED, sent_at=NOW)) == []


def test_an_incident_without_any_message_is_found_unless_nobody_is_to_hear() -> None:
    def none(id: str) -> Sequence[Delivery]:
        return ()

    seen = violations_of([told()], none, CHAIN, now=LATER, grace=GRACE)
    assert [str(each) for each in seen] == ["incident=AB2CD: told to nobody: no message of it was queued"]
    assert violations_of([told()], none, settings(receivers=(), routes=()), now=LATER, grace=GRACE) == ()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = open_state(None, tmp_path)
    yield opened
    opened.close()


def test_a_finding_is_logged_and_told_to_the_operator_once(state: State, caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock(NOW)
    auditor = Auditor(CHAIN, state.desk, state.figures.ownerless, clock)
    wrong = replace(incident(), told_at=NOW, next_step_at=NOW)
    state.desk.commit(DeskChange(incidents=(wrong,), deliveries=(delivery(1, receiver="pr"),)), now=NOW)
    assert auditor.step() == ()
    clock.advance(10 * MINUTE)
    first = auditor.step()
    assert first == (
        "incident=AB2CD: its reminder is overdue",
        "delivery=AB2CD:1:pr:slack: due, and nobody sends it",
    )
    clock.advance(2 * MINUTE)
    assert auditor.step() == first
    notices = [each for each in state.desk.deliveries() if each.kind is DeliveryKind.NOTICE]
    assert {each.receiver for each in notices} == {"head"} and len({each.payload for each in notices}) == 1
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        "audit failed incident=AB2CD what=its reminder is overdue",
        "audit failed delivery=AB2CD:1:pr:slack what=due, and nobody sends it",
    ]


def test_what_is_in_order_again_is_forgotten(state: State) -> None:
    clock = ManualClock(NOW)
    auditor = Auditor(CHAIN, state.desk, state.figures.ownerless, clock)
    state.desk.commit(DeskChange(deliveries=(delivery(1, receiver="pr"),)), now=NOW)
    clock.advance(10 * MINUTE)
    assert len(auditor.step()) == 1
    claimed = state.desk.claim_deliveries(owner="o", limit=9, lease=MINUTE, now=clock.now())
    for one in claimed:
        state.desk.save_delivery(with_state(one, DeliveryState.DELIVERED, sent_at=NOW), owner="o", now=NOW)
    clock.advance(MINUTE)
    assert auditor.step() == ()
