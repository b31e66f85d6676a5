"""What the desk must do, whatever is behind it: incidents, evaluations, deliveries, silences."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.incident import Delivery, IncidentNote, IncidentState
from domain.ports import Change, DeskChange
from storage import State
from storage.errors import ConflictError
from tests.storage.desk_sample import K, S, delivery, evaluation, incident, silence, with_state
from tests.storage.sample import NOW

MINUTE = timedelta(minutes=1)


def commit(state: State, *deliveries: Delivery) -> None:
    state.desk.commit(DeskChange(deliveries=deliveries), now=NOW)


def claim(state: State, owner: str = "w1", *, at: float = 0, limit: int = 10) -> list[Delivery]:
    return list(state.desk.claim_deliveries(owner=owner, limit=limit, lease=2 * MINUTE, now=NOW + at * MINUTE))


def save(state: State, one: Delivery, owner: str = "w1") -> None:
    state.desk.save_delivery(one, owner=owner, now=NOW)


def states(state: State) -> dict[str, tuple[S, str]]:
    return {each.id: (each.state, each.answer) for each in state.desk.deliveries()}


# --- incidents -----------------------------------------------------------------------------------------------


def test_a_stored_incident_counts_its_versions(state: State) -> None:
    one = replace(incident(), notes=(IncidentNote(at=NOW, by="王", action="note", text="在查"),))
    state.desk.commit(DeskChange(incidents=(one,)), now=NOW)
    stored = state.desk.incident(one.id)
    assert stored == replace(one, version=1)
    state.desk.commit(DeskChange(incidents=(replace(stored, value=20.0),)), now=NOW)
    assert state.desk.incident(one.id) == replace(one, version=2, value=20.0)
    assert state.desk.incident("ZZZZZ") is None


def test_a_stale_writer_is_told_and_nothing_is_written(state: State) -> None:
    one = incident()
    state.desk.commit(DeskChange(incidents=(one,)), now=NOW)
    first, second = state.desk.incident(one.id), state.desk.incident(one.id)
    assert first is not None and second is not None
    state.desk.commit(DeskChange(incidents=(replace(first, acked_by="王"),)), now=NOW)
    stale = DeskChange(incidents=(second,), evaluations=(evaluation(),), deliveries=(delivery(1),))
    with pytest.raises(ConflictError) as caught:
        state.desk.commit(stale, now=NOW)
    assert caught.value.retryable
    assert state.desk.evaluations() == [] and state.desk.deliveries() == []


def test_of_many_incidents_the_stale_one_is_named_and_none_is_written(state: State) -> None:
    many = [replace(incident(f"N000{n}"), fingerprint=f"{n:016x}") for n in range(5)]
    state.desk.commit(DeskChange(incidents=tuple(many)), now=NOW)
    read = [replace(each, value=7.0) for each in state.desk.incidents()]
    state.desk.commit(DeskChange(incidents=(replace(read[3], value=9.0),)), now=NOW)
    with pytest.raises(ConflictError, match=f"incident {read[3].id} was changed since version 1"):
        state.desk.commit(DeskChange(incidents=tuple(read)), now=NOW)
    assert {each.id: each.value for each in state.desk.incidents()} == {
        each.id: 9.0 if each.id == read[3].id else incident().value for each in read
    }


def test_brands_in_trouble_are_all_named_however_many_incidents_there_are(state: State) -> None:
    assert state.desk.active_brands() == frozenset()
    many = [replace(incident(f"N{n:04d}", minutes=n), brand="one" if n else "two") for n in range(300)]
    over = replace(incident("ZZZZ9"), brand="three", state=IncidentState.RESOLVED)
    state.desk.commit(DeskChange(incidents=(*many, over)), now=NOW)
    assert state.desk.active_brands() == {"one", "two"}


def test_many_deliveries_are_saved_at_once_except_those_another_took(state: State) -> None:
    commit(state, delivery(1), delivery(1, channel="wecom_robot"))
    mine = claim(state)
    (lost,) = claim(state, "w2", at=3, limit=1)
    done = [with_state(each, S.HELD) for each in mine]
    saved = state.desk.save_deliveries(done, owner="w1", now=NOW)
    assert [each.id for each in saved] == [each.id for each in mine if each.id != lost.id]
    assert {id: found for id, (found, _) in states(state).items()} == {
        each.id: S.PENDING if each.id == lost.id else S.HELD for each in mine
    }


def test_an_id_or_an_active_fingerprint_is_taken_once(state: State) -> None:
    one = incident()
    state.desk.commit(DeskChange(incidents=(one,)), now=NOW)
    with pytest.raises(ConflictError):
        state.desk.commit(DeskChange(incidents=(one,)), now=NOW)
    twin = replace(one, id="XY9ZW")
    with pytest.raises(ConflictError):
        state.desk.commit(DeskChange(incidents=(twin,)), now=NOW)
    over = replace(one, version=1, state=IncidentState.RESOLVED)
    state.desk.commit(DeskChange(incidents=(over, twin)), now=NOW)
    assert [each.id for each in state.desk.incidents(active_only=True)] == ["XY9ZW"]


def test_incidents_are_listed_newest_first(state: State) -> None:
    many = [incident(f"N000{n}", minutes=n) for n in range(4)]
    many[1] = replace(many[1], state=IncidentState.RESOLVED)
    many[2] = replace(many[2], brand="bailu", state=IncidentState.PENDING)
    state.desk.commit(DeskChange(incidents=tuple(many)), now=NOW)
    assert [each.id[-1] for each in state.desk.incidents()] == ["3", "2", "1", "0"]
    assert [each.id[-1] for each in state.desk.incidents(active_only=True)] == ["3", "2", "0"]
    assert [each.id[-1] for each in state.desk.incidents(brand="bailu")] == ["2"]
    assert [each.id[-1] for each in state.desk.incidents(limit=1)] == ["3"]


def test_a_commit_deletes_the_changed_rows_it_claimed(state: State) -> None:
    changes = [Change(mention=str(n), brand="y", bucket=NOW, at=NOW) for n in range(3)]
    state.inbox.ack([], changes, owner="w", now=NOW)
    rows = state.inbox.claim_changes(owner="w", limit=2, lease=MINUTE, now=NOW)
    state.desk.commit(DeskChange(claimed=tuple(row.row for row in rows)), now=NOW)
    left = state.inbox.claim_changes(owner="w", limit=9, lease=MINUTE, now=NOW + 5 * MINUTE)
    assert [each.mention for each in left] == ["2"]


def test_evaluations_are_kept_newest_first_and_for_a_time(state: State) -> None:
    looks = (evaluation(0), evaluation(1, incident="AB2CD"), evaluation(2, rule="other"))
    state.desk.commit(DeskChange(evaluations=looks), now=NOW)
    assert state.desk.evaluations() == list(reversed(looks))
    assert state.desk.evaluations(incident="AB2CD") == [looks[1]]
    assert state.desk.evaluations(rule="other", limit=1) == [looks[2]]
    state.prune(now=NOW + timedelta(days=30, minutes=2), evaluations=timedelta(days=30))
    assert state.desk.evaluations() == [looks[2]]


# --- deliveries ----------------------------------------------------------------------------------------------


def test_a_queued_delivery_is_given_out_once(state: State) -> None:
    one = delivery(1)
    commit(state, one)
    commit(state, replace(one, payload="other"))
    assert claim(state, "w1") == [one]
    assert claim(state, "w2") == []


def test_the_most_urgent_goes_first_then_the_oldest(state: State) -> None:
    commit(state, delivery(1, incident="I1", priority=1), delivery(1, incident="I2", priority=3, minutes=1))
    commit(state, delivery(1, incident="I3", priority=3), delivery(1, incident="I4", not_before=NOW + 9 * MINUTE))
    assert [each.incident for each in claim(state, at=2)] == ["I3", "I2", "I1"]
    assert [each.incident for each in claim(state, at=9)] == ["I3", "I4", "I2", "I1"]


def test_one_that_is_not_due_waits(state: State) -> None:
    commit(state, delivery(1, not_before=NOW + MINUTE))
    assert claim(state) == []
    assert len(claim(state, at=1)) == 1


def test_a_newer_message_replaces_one_that_waits(state: State) -> None:
    commit(state, delivery(1), delivery(1, channel="wecom_robot"))
    commit(state, delivery(2, K.ESCALATED))
    told = states(state)
    assert told["AB2CD:1:pr-duty:slack"] == (S.DROPPED, "superseded by seq 2")
    assert told["AB2CD:2:pr-duty:slack"] == (S.PENDING, "")
    assert told["AB2CD:1:pr-duty:wecom_robot"] == (S.PENDING, "")


def test_a_held_message_is_replaced_too(state: State) -> None:
    commit(state, delivery(1))
    (one,) = claim(state)
    save(state, with_state(one, S.SENDING, attempts=1))
    save(state, with_state(one, S.HELD, attempts=1, not_before=NOW + 9 * MINUTE))
    commit(state, delivery(2, K.ESCALATED))
    assert states(state)["AB2CD:1:pr-duty:slack"][0] is S.DROPPED


def test_an_end_that_nobody_heard_begin_is_dropped_with_the_beginning(state: State) -> None:
    commit(state, delivery(1), delivery(2, K.ESCALATED), delivery(3, K.RESOLVED))
    assert {each for each, _ in states(state).values()} == {S.DROPPED}
    assert claim(state) == []


@pytest.mark.parametrize("end", [S.DELIVERED, S.DEGRADED, S.BROKEN, S.UNCERTAIN, S.SENDING])
def test_an_end_is_told_where_the_beginning_may_have_been_heard(state: State, end: S) -> None:
    commit(state, delivery(1))
    (one,) = claim(state)
    save(state, with_state(one, end))
    commit(state, delivery(2, K.REMINDER), delivery(3, K.RESOLVED))
    told = states(state)
    assert told["AB2CD:1:pr-duty:slack"][0] is end
    assert told["AB2CD:2:pr-duty:slack"][0] is S.DROPPED
    assert told["AB2CD:3:pr-duty:slack"][0] is S.PENDING


def test_notices_replace_nothing_and_wait_for_nobody(state: State) -> None:
    notices = [replace(delivery(n, K.NOTICE, incident=None), id=f"n{n}") for n in (1, 2)]
    commit(state, *notices)
    assert claim(state) == notices


def test_messages_of_one_incident_to_one_channel_go_in_sequence(state: State) -> None:
    commit(state, delivery(1))
    (one,) = claim(state)
    save(state, with_state(one, S.SENDING, attempts=1))
    commit(state, delivery(2, K.ESCALATED), delivery(2, K.ESCALATED, channel="wecom_robot"))
    assert [each.channel for each in claim(state, "w2")] == ["wecom_robot"]
    save(state, with_state(one, S.DELIVERED, attempts=1))
    assert [each.seq for each in claim(state, "w2")] == [2]


def test_an_interrupted_call_comes_back_as_uncertain(state: State) -> None:
    commit(state, delivery(1))
    (one,) = claim(state, "w1")
    save(state, with_state(one, S.SENDING, attempts=1))
    assert claim(state, "w2", at=1) == []
    (back,) = claim(state, "w2", at=2)
    assert (back.state, back.attempts) == (S.UNCERTAIN, 1)
    with pytest.raises(ConflictError):
        save(state, with_state(one, S.DELIVERED), "w1")
    save(state, with_state(back, S.DELIVERED, repeat=True), "w2")
    assert state.desk.deliveries()[0].state is S.DELIVERED


def test_a_claim_that_never_began_its_call_comes_back_as_it_was(state: State) -> None:
    commit(state, delivery(1))
    claim(state, "w1")
    (back,) = claim(state, "w2", at=2)
    assert back.state is S.PENDING


def test_a_late_owner_may_still_save_while_nobody_took_it(state: State) -> None:
    commit(state, delivery(1))
    (one,) = claim(state, "w1")
    save(state, with_state(one, S.SENDING, attempts=1))
    save(state, with_state(one, S.DELIVERED, attempts=1))
    assert claim(state, at=60) == []


def test_a_retry_is_due_again_at_its_moment(state: State) -> None:
    commit(state, delivery(1))
    (one,) = claim(state, "w1")
    save(state, with_state(one, S.SENDING, attempts=1))
    save(state, with_state(one, S.PENDING, attempts=1, not_before=NOW + MINUTE))
    assert claim(state, "w2") == []
    assert [each.attempts for each in claim(state, "w2", at=1)] == [1]


def test_a_dropped_claim_cannot_be_saved(state: State) -> None:
    commit(state, delivery(1))
    (one,) = claim(state, "w1")
    commit(state, delivery(2, K.ESCALATED))
    with pytest.raises(ConflictError):
        save(state, with_state(one, S.SENDING, attempts=1))


def test_the_first_accepted_message_is_the_thread(state: State) -> None:
    def ref(channel: str = "slack") -> str:
        return state.desk.remote_ref(incident="AB2CD", receiver="pr-duty", channel=channel)

    assert ref() == ""
    for seq, end, handle in ((1, S.BROKEN, "x"), (2, S.DEGRADED, "C1:2"), (3, S.DELIVERED, "C1:3")):
        commit(state, delivery(seq))
        (one,) = claim(state)
        save(state, with_state(one, end, remote_ref=handle))
    assert ref() == "C1:2" and ref("wecom_robot") == ""


def test_deliveries_are_listed_oldest_first(state: State) -> None:
    commit(state, *(delivery(n, channel=f"c{n}", minutes=n) for n in (3, 1, 2)), delivery(1, incident="other"))
    assert [each.seq for each in state.desk.deliveries(incident="AB2CD")] == [1, 2, 3]
    assert [each.seq for each in state.desk.deliveries(limit=2)] == [2, 3]


# --- silences ------------------------------------------------------------------------------------------------


def test_silences_in_force_are_those_that_have_begun_and_not_ended(state: State) -> None:
    past, now, next_one = silence("a", start=-20, end=0), silence("b", start=0, end=20), silence("c", start=5, end=9)
    for each in (past, now, next_one):
        state.desk.add_silence(each)
    assert state.desk.silences() == [past, next_one, now]
    assert state.desk.silences(at=NOW) == [now]
    with pytest.raises(ConflictError):
        state.desk.add_silence(now)


def test_a_silence_ends_early_once(state: State) -> None:
    state.desk.add_silence(silence("b", start=0, end=20))
    state.desk.add_silence(silence("c", start=5, end=9))
    assert state.desk.end_silence("b", at=NOW + MINUTE)
    assert not state.desk.end_silence("b", at=NOW + MINUTE)
    assert not state.desk.end_silence("none", at=NOW)
    assert state.desk.silences(at=NOW + 2 * MINUTE) == []
    assert state.desk.end_silence("c", at=NOW)
    assert state.desk.silences(at=NOW + 6 * MINUTE) == []
    assert [each.ends_at for each in state.desk.silences()] == [NOW + MINUTE, NOW + 5 * MINUTE]
