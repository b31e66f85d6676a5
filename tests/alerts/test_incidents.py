"""Every line of the table of detection.md, section 1.1, and people's actions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.detect.base import Signal
from alerts.incidents import ActionError, Patience, Transition, act, advance, incident_number, unmute
from config.settings import EscalationStep, RuleSettings
from domain.incident import DeliveryKind, Incident, IncidentFlag, IncidentState, Severity

NOW = datetime(2026, 6, 20, 8, 0, tzinfo=UTC)
RULE = RuleSettings(name="negative-burst", kind="burst")
K, S = DeliveryKind, IncidentState
MINUTE = timedelta(minutes=1)
STEPS = (EscalationStep(after=15 * MINUTE, to="head"), EscalationStep(after=60 * MINUTE, to="boss"))


def signal(
    firing: bool = True,
    *,
    score: float = 1.2,
    severity: Severity = Severity.HIGH,
    value: float = 20,
    kind: str = "burst",
) -> Signal:
    return Signal(
        rule=replace(RULE, kind=kind),
        brand="b",
        labels=(("brand", "b"), ("rule", RULE.name)),
        firing=firing,
        severity=severity,
        value=value,
        score=score,
        started_at=NOW - 10 * MINUTE,
    )


def step(
    incident: Incident | None,
    said: Signal | None,
    minutes: float,
    *,
    gap: bool = False,
    patience: Patience | None = None,
) -> Transition:
    return advance(incident, said, gap=gap, now=NOW + minutes * MINUTE, patience=patience or Patience(), number="AB2CD")


def held(transition: Transition) -> Incident:
    assert transition.incident is not None
    return transition.incident


def opened(patience: Patience | None = None) -> Incident:
    return held(step(None, signal(), 0, patience=patience))


def cooling() -> Incident:
    return held(step(opened(), signal(False), 5))


def test_quiet_stays_quiet() -> None:
    assert step(None, signal(False), 0) == Transition(incident=None)
    assert step(None, None, 0) == Transition(incident=None)


def test_it_opens_at_once_without_a_pending_time() -> None:
    fired = step(None, signal(), 0)
    incident = held(fired)
    assert fired.messages == (K.FIRING,)
    assert (incident.state, incident.seq, incident.told_score) == (S.OPEN, 1, 1.2)
    assert incident.started_at == NOW - 10 * MINUTE
    assert incident.active


def test_it_waits_for_the_pending_time_and_a_critical_one_does_not() -> None:
    patience = Patience(pending=5 * MINUTE)
    waiting = step(None, signal(), 0, patience=patience)
    assert (held(waiting).state, waiting.messages) == (S.PENDING, ())
    assert step(held(waiting), signal(), 4, patience=patience).messages == ()
    assert step(held(waiting), signal(), 5, patience=patience).messages == (K.FIRING,)
    assert step(held(waiting), signal(severity=Severity.CRITICAL), 1, patience=patience).messages == (K.FIRING,)
    gone = step(held(waiting), signal(False), 1, patience=patience)
    assert (held(gone).state, gone.messages, held(gone).opened_at) == (S.RESOLVED, (), None)


def test_twice_the_score_or_a_higher_level_is_told_again_after_a_rest() -> None:
    incident = opened()
    assert step(incident, signal(score=2.3), 20).messages == ()
    assert step(incident, signal(score=2.4), 14).messages == ()
    worse = step(incident, signal(score=2.4, value=50), 15)
    assert worse.messages == (K.ESCALATED,)
    assert (held(worse).told_score, held(worse).peak_value, held(worse).seq) == (2.4, 50, 2)
    assert step(held(worse), signal(score=2.5), 60).messages == ()
    assert step(incident, signal(severity=Severity.CRITICAL), 15).messages == (K.ESCALATED,)


def test_the_level_never_falls_within_an_incident() -> None:
    worse = held(step(opened(), signal(severity=Severity.CRITICAL), 15))
    assert held(step(worse, signal(), 16)).severity is Severity.CRITICAL


def test_it_cools_and_resolves_with_data_only() -> None:
    incident = cooling()
    assert (incident.state, incident.cooling_at) == (S.COOLING, NOW + 5 * MINUTE)
    assert step(incident, signal(False), 64).messages == ()
    done = step(incident, signal(False), 65)
    assert done.messages == (K.RESOLVED,)
    assert (held(done).state, held(done).resolved_at) == (S.RESOLVED, NOW + 65 * MINUTE)


def test_in_a_gap_nothing_cools_and_it_is_told_once() -> None:
    first = step(opened(), signal(False), 5, gap=True)
    assert (held(first).state, first.messages) == (S.OPEN, (K.DATA_GAP,))
    assert step(held(first), signal(False), 6, gap=True).messages == ()
    assert step(opened(), signal(), 6, gap=True).messages == ()


def test_a_gap_while_cooling_starts_the_cooling_anew() -> None:
    gapped = step(cooling(), signal(False), 50, gap=True)
    assert (held(gapped).cooling_at, gapped.messages) == (NOW + 50 * MINUTE, (K.DATA_GAP,))
    assert step(held(gapped), signal(False), 100).messages == ()
    assert step(held(gapped), signal(False), 110).messages == (K.RESOLVED,)


def test_flapping_is_told_once_and_doubles_the_cooling() -> None:
    incident, told = opened(), []
    for turn in range(6):
        incident = held(step(incident, signal(False), 10 * turn + 5))
        back = step(incident, signal(), 10 * turn + 10)
        incident = held(back)
        told += list(back.messages)
    assert told == [K.UNSTABLE]
    assert (incident.flaps, incident.state) == (6, S.OPEN)
    quiet = held(step(incident, signal(False), 100))
    assert step(quiet, signal(False), 219).messages == ()
    assert step(quiet, signal(False), 220).messages == (K.RESOLVED,)


def test_the_cooling_of_a_flapping_incident_is_bounded() -> None:
    incident = replace(cooling(), flaps=400, flags=frozenset({IncidentFlag.FLAPPING}))
    assert step(incident, signal(False), 5 + 359).messages == ()
    assert step(incident, signal(False), 5 + 360).messages == (K.RESOLVED,)


def test_a_match_that_comes_back_is_no_flap() -> None:
    incident = replace(cooling(), kind="match")
    assert held(step(incident, signal(kind="match"), 10)).flaps == 0


def test_an_acknowledgement_stops_the_chain_and_expires() -> None:
    patience = Patience(steps=STEPS)
    taken = act(opened(patience), "ack", by="王敏", now=NOW + MINUTE)
    assert taken.messages == (K.ACKED,)
    acked = held(taken)
    assert (acked.state, acked.next_step_at) == (S.ACKED, None)
    assert step(acked, signal(), 200, patience=patience).messages == ()
    back = held(step(acked, signal(), 241, patience=patience))
    assert (back.state, back.acked_by, back.notes[-1].action) == (S.OPEN, None, "expire_ack")
    assert back.next_step_at == NOW + 256 * MINUTE


def test_an_acknowledged_incident_that_cools_is_still_acknowledged_when_it_comes_back() -> None:
    acked = held(act(opened(), "ack", by="王敏", now=NOW))
    back = step(held(step(acked, signal(False), 5)), signal(), 10)
    assert held(back).state is S.ACKED
    assert held(act(cooling(), "ack", by="王敏", now=NOW)).state is S.COOLING


def test_the_chain_goes_step_by_step_and_then_repeats() -> None:
    patience, incident, told = Patience(steps=STEPS), opened(Patience(steps=STEPS)), []
    for minute in range(1, 190):
        went = step(incident, signal(), minute, patience=patience)
        incident = held(went)
        assert incident.next_step_at is not None
        if went.step is not None:
            told.append((minute, went.step.to, went.messages))
    assert told == [(m, to, (K.REMINDER,)) for m, to in ((15, "head"), (60, "boss"), (120, "boss"), (180, "boss"))]


def test_overdue_steps_come_once_and_in_order() -> None:
    patience, incident, told = Patience(steps=STEPS), opened(Patience(steps=STEPS)), []
    for minute in range(120, 125):
        went = step(incident, signal(), minute, patience=patience)
        incident = held(went)
        told += [went.step.to] if went.step else []
    assert told == ["head", "boss"]


def test_a_chain_that_appears_later_is_taken_up() -> None:
    patience = Patience(steps=STEPS)
    assert held(step(opened(), signal(), 1, patience=patience)).next_step_at == NOW + 15 * MINUTE


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0.5, 9), st.sampled_from(list(Severity))), max_size=60)
)
def test_any_run_keeps_the_promises(looks: list[tuple[bool, bool, float, Severity]]) -> None:
    patience = Patience(steps=STEPS, cooling=10 * MINUTE)
    incident: Incident | None = None
    kinds: list[DeliveryKind] = []
    for minute, (firing, gap, score, severity) in enumerate(looks):
        seq = incident.seq if incident else 0
        went = step(incident, signal(firing, score=score, severity=severity), 7 * minute, gap=gap, patience=patience)
        kinds += list(went.messages)
        if went.incident is None:
            continue
        assert went.incident.seq == seq + len(went.messages)
        assert not (gap and not firing and went.incident.state is S.RESOLVED)
        if went.incident.state is S.OPEN:
            assert went.incident.next_step_at is not None
        incident = None if went.incident.state is S.RESOLVED else went.incident
    assert kinds.count(K.FIRING) - kinds.count(K.RESOLVED) in (0, 1)


def test_people_close_note_and_call_false_alarms() -> None:
    incident = opened()
    closed = act(incident, "close", by="王敏", text="已处理", now=NOW)
    assert (held(closed).state, closed.messages) == (S.RESOLVED, (K.RESOLVED,))
    noted = act(incident, "note", by="王敏", text="已联系", now=NOW)
    assert (noted.messages, held(noted).notes[-1].text) == ((), "已联系")
    wrong = act(incident, "false_alarm", by="王敏", now=NOW)
    assert IncidentFlag.FALSE_ALARM in held(wrong).flags
    late = act(held(closed), "false_alarm", by="王敏", now=NOW)
    assert (late.messages, IncidentFlag.FALSE_ALARM in held(late).flags) == ((), True)
    pending = held(step(None, signal(), 0, patience=Patience(pending=5 * MINUTE)))
    assert act(pending, "close", by="王敏", now=NOW).messages == ()


def test_impossible_actions_say_why() -> None:
    incident = opened()
    closed = held(act(incident, "close", by="王敏", now=NOW))
    pending = held(step(None, signal(), 0, patience=Patience(pending=5 * MINUTE)))
    with pytest.raises(ActionError, match="who"):
        act(incident, "ack", by=" ", now=NOW)
    with pytest.raises(ActionError, match="text"):
        act(incident, "note", by="王敏", now=NOW)
    with pytest.raises(ActionError, match="resolved already"):
        act(closed, "ack", by="王敏", now=NOW)
    with pytest.raises(ActionError, match="not opened"):
        act(pending, "ack", by="王敏", now=NOW)


def test_the_end_of_a_silence_tells_what_nobody_heard() -> None:
    muted = replace(opened(), flags=frozenset({IncidentFlag.SILENCED}), seq=0)
    told = unmute(Transition(incident=muted), NOW)
    assert (told.messages, held(told).seq, held(told).flags) == ((K.FIRING,), 1, frozenset())
    heard = unmute(Transition(incident=replace(muted, seq=1)), NOW)
    assert heard.messages == ()
    over = replace(muted, state=S.RESOLVED, seq=1)
    assert unmute(Transition(incident=over, messages=(K.RESOLVED,)), NOW).messages == ()
    with pytest.raises(ActionError):
        unmute(Transition(incident=None), NOW)


def test_numbers_are_short_stable_and_can_avoid_a_taken_one() -> None:
    one = incident_number("f", NOW)
    assert len(one) == 5
    assert one == incident_number("f", NOW + timedelta(minutes=4))
    assert len({one, incident_number("f", NOW, 1), incident_number("g", NOW)}) == 3
