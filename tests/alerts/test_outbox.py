"""The outbox against strict imitations of both channels on loopback."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.digest import DIGEST_MARK
from alerts.lost import undelivered
from alerts.notifiers.base import Answer
from alerts.outbox import queue
from config.settings import ReceiverSettings
from domain.incident import DeliveryKind, DeliveryState, Incident, IncidentState, Severity
from domain.outcome import DeliveryClass
from domain.ports import DeskChange
from domain.secret import Secret
from service.demo.sink import DEMO_CHANNEL, DEMO_KEY, Sink
from service.demo.sink_page import readable
from tests.alerts import faults
from tests.alerts.kit import FULL, NOW, REPORTS, Stand, slack, standing, wecom

FOLLOW_UP = replace(REPORTS["resolved"], seq=2)


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    with standing(tmp_path) as one:
        yield one


def with_fallback(sink: Sink) -> tuple[ReceiverSettings, ...]:
    return (
        ReceiverSettings(name="pr", channels=(("slack", slack(sink)),), fallback="group"),
        ReceiverSettings(name="group", channels=(("wecom_robot", wecom(sink)),)),
    )


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Stand]:
    """Slack with the WeCom group as its fallback."""
    with standing(tmp_path, receivers=with_fallback) as one:
        yield one


# --- the usual -------------------------------------------------------------------------------------------------


def test_one_message_reaches_both_channels_once(stand: Stand) -> None:
    stand.put(FULL)
    outbox = stand.outbox()
    assert outbox.deliver_due() == 2
    assert stand.pump(outbox, seconds=5) == 0
    assert (stand.accepted("slack"), stand.accepted("wecom_robot")) == (1, 1)
    row = stand.row("slack")
    assert (row.state, row.attempts, row.sent_at) == (DeliveryState.DELIVERED, 1, NOW)
    assert row.remote_ref.startswith(f"{DEMO_CHANNEL} ")
    assert [line["state"] for line in stand.channels().values()] == ["ok", "ok"]


def test_queuing_the_same_message_twice_sends_it_once(stand: Stand) -> None:
    assert stand.put(FULL) == stand.put(FULL)
    stand.pump(stand.outbox(), seconds=3)
    stand.put(FULL)
    stand.pump(stand.outbox("two"), seconds=3)
    assert (stand.accepted("slack"), stand.accepted("wecom_robot")) == (1, 1)


def test_two_receivers_with_one_target_get_one_message(stand: Stand) -> None:
    twin = replace(stand.receivers[0], name="twin")
    rows = queue(FULL, incident_id="7K2QD", receivers=[stand.receivers[0], twin], severity=FULL.severity, now=NOW)
    assert [row.receiver for row in rows] == ["pr", "pr"]


def test_a_follow_up_goes_into_the_thread_and_the_end_is_broadcast(stand: Stand) -> None:
    outbox = stand.outbox()
    stand.put(FULL)
    stand.pump(outbox, seconds=2)
    stand.put(FOLLOW_UP)
    stand.pump(outbox, seconds=2)
    root, reply = (one for one in stand.sink.ledger.posted if one.channel == "slack")
    assert reply.body["thread_ts"] == root.ts
    assert reply.body["reply_broadcast"] is True
    assert stand.row("slack").state is DeliveryState.DELIVERED


def test_a_thread_that_was_deleted_gets_a_new_root(stand: Stand) -> None:
    outbox = stand.outbox()
    stand.put(FULL, "pr")
    stand.pump(outbox, seconds=2)
    stand.sink.slack.forget(DEMO_CHANNEL)
    stand.put(FOLLOW_UP)
    stand.pump(outbox, seconds=2)
    assert "thread_ts" not in [one for one in stand.sink.ledger.posted if one.channel == "slack"][-1].body


def test_a_message_for_a_channel_that_was_taken_out_of_the_settings_is_dropped(stand: Stand) -> None:
    stand.put(FULL)
    stand.receivers = (ReceiverSettings(name="pr", channels=stand.receivers[0].channels[:1]),)
    stand.pump(stand.outbox(), seconds=2)
    assert stand.row("slack").state is DeliveryState.DELIVERED
    assert stand.row("wecom_robot").state is DeliveryState.DROPPED


def test_what_waits_goes_to_a_repaired_key(stand: Stand) -> None:
    stand.put(FULL)
    stand.sink.wecom.keys = {"new-key-of-the-robot"}
    channels = (stand.receivers[0].channels[0], ("wecom_robot", wecom(stand.sink, key=Secret("new-key-of-the-robot"))))
    stand.receivers = (ReceiverSettings(name="pr", channels=channels),)
    stand.pump(stand.outbox(), seconds=2)
    assert stand.row("wecom_robot").state is DeliveryState.DELIVERED


# --- what the table of faults cannot play with one message --------------------------------------------------------


def incident(state: IncidentState, id: str = "7K2QD") -> Incident:
    return Incident(
        id=id, fingerprint=id, rule="r", kind="burst", brand="b", labels=(), severity=Severity.HIGH,
        state=state, started_at=NOW, pending_at=NOW, last_true_at=NOW, value=1.0, score=1.0,
        peak_value=1.0, peak_at=NOW,
    )  # fmt: skip


def test_a_hold_is_of_one_channel_and_the_others_run_on(stand: Stand) -> None:
    stand.sink.ledger.script("slack.post", faults.slack("ratelimited", 429, **{"Retry-After": "12"}))
    outbox = stand.outbox()
    for number in range(3):
        stand.put(replace(FULL, incident=f"N{number:04}"))
        stand.pump(outbox, seconds=3)
    assert (stand.calls("slack.post"), stand.accepted("wecom_robot")) == (1, 3), "the whole Slack channel is held"
    stand.outbox("after a restart")
    assert {channel: line["state"] for (_, channel), line in stand.channels().items()} == {
        "slack": "held", "wecom_robot": "ok",
    }  # fmt: skip
    stand.pump(outbox, seconds=15)
    assert stand.accepted("slack") == 3


def test_a_held_robot_goes_on_in_order_of_severity(stand: Stand) -> None:
    stand.sink.ledger.script("wecom.send", faults.wecom(45009))
    outbox = stand.outbox()
    for number, severity in enumerate((Severity.INFO, Severity.MEDIUM, Severity.CRITICAL, Severity.HIGH)):
        stand.put(replace(FULL, incident=f"N{number:04}", severity=severity))
        stand.pump(outbox, seconds=14, step=7)
    assert stand.accepted("wecom_robot") == 0
    stand.pump(outbox, seconds=30)
    told = [readable(one)[:3] for one in stand.sink.ledger.posted if one.channel == "wecom_robot"]
    assert told == ["【红】", "【橙】", "【黄】", "【蓝】"]
    assert stand.calls("wecom.send") == 5


@pytest.mark.parametrize("address", ["http://127.0.0.1:{free}", "https://127.0.0.1:{plain}"])
def test_what_never_reached_the_channel_is_a_plain_retry(stand: Stand, address: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = address.format(free=probe.getsockname()[1], plain=stand.sink.port)
    gone = (
        ("slack", slack(stand.sink, base_url=address + "/api/")),
        ("wecom_robot", wecom(stand.sink, base_url=address)),
    )
    stand.receivers = (ReceiverSettings(name="pr", channels=gone),)
    stand.put(FULL)
    outbox = stand.outbox()
    stand.pump(outbox, seconds=30, step=5)
    for row in stand.state.desk.deliveries():
        assert row.state is DeliveryState.HELD and row.attempts >= 2 and not row.repeat
        assert row.not_before - stand.clock.now() <= timedelta(minutes=5)


@pytest.mark.parametrize("channel", ["slack", "wecom_robot"])
def test_a_broken_channel_is_not_called_until_a_test_succeeds_and_then_tells_what_it_kept(
    stand: Stand, channel: str
) -> None:
    tokens, keys = set(stand.sink.slack.tokens), set(stand.sink.wecom.keys)
    stand.sink.slack.tokens.clear()
    stand.sink.wecom.keys.clear()
    stand.receivers = (
        replace(stand.receivers[0], channels=tuple(c for c in stand.receivers[0].channels if c[0] == channel)),
    )
    outbox = stand.outbox()
    for number in range(3):
        stand.put(replace(FULL, incident=f"N{number:04}"))
        stand.pump(outbox, seconds=4)
    stand.put(replace(FULL, incident="N0002", kind=DeliveryKind.ESCALATED, seq=2))
    stand.pump(outbox, seconds=1200, step=60)
    stand.state.desk.commit(DeskChange(incidents=(incident(IncidentState.RESOLVED, "N0000"),)), now=stand.clock.now())
    assert stand.calls(faults.ROUTES[channel]) == 1
    assert {row.state for row in stand.state.desk.deliveries()} == {DeliveryState.BROKEN}
    restarted = stand.outbox("two")
    (line,) = stand.channels().values()
    assert line["state"] == "broken" and "notify test pr" in line["fix"]
    assert not outbox.send_test(stand.receivers[0])[0].ok
    stand.sink.slack.tokens, stand.sink.wecom.keys = tokens, keys
    stand.clock.advance(timedelta(seconds=60))
    assert stand.outbox("command line").send_test(stand.receivers[0])[0].ok
    stand.pump(restarted, seconds=5)
    told = [readable(one) for one in stand.sink.ledger.posted]
    assert ["测试" in told[0], "N0001:1" in told[1], "N0002:2" in told[2]] == [True] * 3
    assert len(told) == 3 and "晚了" in told[1], "what is over, and what a newer message replaced, is not told late"
    assert [line["state"] for line in stand.channels().values()] == ["ok"]
    assert undelivered(stand.state.desk.deliveries(), stand.clock.now()) == ()


def test_a_broken_channel_hands_over_to_its_fallback_at_once(pair: Stand) -> None:
    pair.sink.slack.tokens.clear()
    outbox = pair.outbox()
    for seq in (1, 2):
        pair.put(replace(FULL, incident=f"N{seq:04}"), "pr")
        pair.pump(outbox, seconds=1)
    assert (pair.calls("slack.post"), pair.accepted("wecom_robot")) == (1, 2)
    assert pair.row("wecom_robot", "group").fallback_of == pair.row("slack").id
    assert undelivered(pair.state.desk.deliveries(), pair.clock.now()) == ()


FAULTS = {
    "500": {"slack": faults.html(500), "wecom_robot": faults.html(500)},
    "hang": {"slack": faults.HANG, "wecom_robot": faults.HANG},
    "limit": {"slack": faults.slack("ratelimited", 429), "wecom_robot": faults.wecom(45009)},
    "gone": {"slack": faults.slack("token_revoked"), "wecom_robot": faults.wecom(93000)},
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", list(FAULTS))
@pytest.mark.parametrize(("sick", "well"), [("slack", "wecom_robot"), ("wecom_robot", "slack")])
def test_one_channel_s_fault_neither_blocks_nor_hides_another(stand: Stand, fault: str, sick: str, well: str) -> None:
    stand.sink.ledger.script(faults.ROUTES[sick], FAULTS[fault][sick])
    outbox = stand.outbox(wait_s=0.3, call_limit_s=2.0)
    for number in range(3):
        stand.put(replace(FULL, incident=f"N{number:04}"))
        outbox.deliver_due()
        stand.clock.advance(timedelta(seconds=2))
    assert outbox.close(5.0)
    outbox.deliver_due()
    rows = stand.state.desk.deliveries()
    assert {row.state for row in rows if row.channel == well} == {DeliveryState.DELIVERED}
    first = next(row for row in rows if row.channel == sick and row.incident == "N0000")
    assert first.state is not DeliveryState.DELIVERED or first.attempts == 2 or first.answer == "found in the channel"
    assert stand.accepted(well) == 3


def test_a_channel_out_of_reach_for_long_gets_help_and_goes_on(pair: Stand) -> None:
    pair.sink.ledger.script("slack.post", *[faults.slack("service_unavailable")] * 12)
    pair.put(FULL, "pr")
    pair.pump(pair.outbox(), seconds=6_000, step=60)
    assert pair.row("wecom_robot", "group").state is DeliveryState.DELIVERED
    assert (pair.accepted("slack"), pair.accepted("wecom_robot")) == (1, 1)


@pytest.mark.parametrize("looks", [True, False])
def test_a_crash_between_the_answer_and_our_commit_repeats_at_most_once_marked(stand: Stand, looks: bool) -> None:
    if not looks:
        stand.sink.slack.scopes.discard("channels:history")
    rows = stand.put(FULL)
    for row in stand.state.desk.claim_deliveries(owner="dead", limit=9, lease=timedelta(seconds=60), now=NOW):
        stand.state.desk.save_delivery(replace(row, state=DeliveryState.SENDING, attempts=1), owner="dead", now=NOW)
    ledger = stand.sink.ledger
    metadata = {"event_type": "tingfeng_delivery", "event_payload": {"delivery_id": rows[0].id}}
    stand.sink.slack.call(
        "chat.postMessage", "xoxb-tingfeng-demo", {"channel": DEMO_CHANNEL, "text": "x", "metadata": metadata}
    )
    stand.sink.wecom.send(DEMO_KEY, {"msgtype": "text", "text": {"content": "x"}})
    outbox = stand.outbox("alive")
    stand.pump(outbox, seconds=59)
    assert len(ledger.posted) == 2, "the dead owner's claim still holds"
    stand.pump(outbox, seconds=10)
    assert stand.accepted("slack") == (1 if looks else 2)
    assert stand.accepted("wecom_robot") == 2
    assert "可能重复" in json.dumps(ledger.posted[-1].body, ensure_ascii=False)
    assert {row.state for row in stand.state.desk.deliveries()} == {DeliveryState.DELIVERED}


@pytest.mark.parametrize("arrived", [True, False])
def test_a_crash_in_a_digest_is_looked_into_once_for_all_its_parts(stand: Stand, arrived: bool) -> None:
    for number in range(40):
        stand.put(replace(FULL, incident=f"N{number:04}", severity=Severity.MEDIUM))
    stand.sink.ledger.script("slack.post", faults.RESET if arrived else faults.CUT)
    stand.sink.ledger.script("wecom.send", faults.RESET)
    outbox = stand.outbox(messages_per_hour=1)
    stand.pump(outbox, seconds=3_700, step=20)
    assert stand.calls("slack.conversations.history") == 1
    assert stand.calls("slack.post") == (1 if arrived else 2)
    rows = stand.state.desk.deliveries()
    assert {(row.state, row.answer.startswith(DIGEST_MARK)) for row in rows} == {(DeliveryState.DELIVERED, True)}
    first, second = (readable(one) for one in stand.sink.ledger.posted if one.channel == "wecom_robot")
    assert ("可能重复" in first, "可能重复" in second) == (False, True)


@pytest.mark.parametrize("tried", [False, True])
def test_what_is_over_is_not_told_late(stand: Stand, tried: bool) -> None:
    stand.put(FULL)
    outbox = stand.outbox()
    if tried:
        stand.sink.ledger.script("slack.post", faults.html(503))
        stand.sink.ledger.script("wecom.send", faults.html(503))
        outbox.deliver_due()
    stand.state.desk.commit(DeskChange(incidents=(incident(IncidentState.RESOLVED),)), now=NOW)
    stand.pump(outbox, seconds=5)
    for row in stand.state.desk.deliveries():
        assert row.state is DeliveryState.DROPPED and "closed" in row.answer
    assert len(stand.sink.ledger.posted) == 0
    assert undelivered(stand.state.desk.deliveries(), stand.clock.now()) == ()


def test_a_late_message_says_so(stand: Stand) -> None:
    stand.put(FULL)
    stand.clock.advance(timedelta(minutes=11))
    stand.outbox().deliver_due()
    assert all("这条消息晚了 11 分钟" in readable(one) for one in stand.sink.ledger.posted)


def test_what_another_took_is_not_sent(stand: Stand) -> None:
    stand.put(FULL)
    outbox = stand.outbox()
    claim = stand.state.desk.claim_deliveries
    taken = claim(owner="one", limit=9, lease=timedelta(seconds=1), now=NOW)
    assert claim(owner="other", limit=9, lease=timedelta(seconds=60), now=NOW + timedelta(seconds=2))
    outbox._dispatch.round(taken[:1], outbox._roster.lanes["slack", DEMO_CHANNEL], NOW + timedelta(seconds=60))
    assert len(stand.sink.ledger.posted) == 0


def test_a_payload_that_cannot_be_read_is_dropped_and_logged(stand: Stand, caplog: pytest.LogCaptureFixture) -> None:
    rows = tuple(replace(row, payload="{") for row in queue(
        FULL, incident_id="7K2QD", receivers=stand.receivers, severity=FULL.severity, now=NOW
    ))  # fmt: skip
    stand.state.desk.commit(DeskChange(deliveries=rows), now=NOW)
    assert stand.outbox().deliver_due() == 0
    assert "payload cannot be read" in caplog.text
    assert stand.row("slack").state is DeliveryState.DROPPED


def test_a_notifier_that_raises_is_counted_and_stops_nothing(stand: Stand) -> None:
    class Mad:
        limit = stand.outbox("probe")._roster.notifier(stand.put(FULL)[0]).limit  # type: ignore[union-attr]

        def send(self, *_: object, **__: object) -> Answer:
            raise RuntimeError("mad")

    outbox = stand.outbox()
    outbox._roster._notifiers["pr", "slack"] = Mad()  # type: ignore[assignment]
    assert outbox.deliver_due() == 1
    assert outbox.failures == 1
    assert stand.accepted("wecom_robot") == 1


# --- test messages -------------------------------------------------------------------------------------------------


def test_a_test_message_says_what_each_channel_answered_and_what_to_do(stand: Stand) -> None:
    stand.sink.wecom.keys = set()
    slack_answer, wecom_answer = stand.outbox().send_test(stand.receivers[0])
    assert slack_answer.ok and not slack_answer.fix
    assert (wecom_answer.ok, wecom_answer.code, wecom_answer.verdict) == (False, "93000", DeliveryClass.BROKEN)
    assert "重新复制" in wecom_answer.fix
    assert stand.sink.ledger.posted[-1].body["text"].startswith("【测试】")
    assert stand.row("slack").state is DeliveryState.DELIVERED
    assert stand.row("wecom_robot").state is DeliveryState.BROKEN
    stand.pump(stand.outbox("two"), seconds=3)
    assert len(stand.sink.ledger.posted) == 1, "a running outbox sends no test again"


def test_a_test_message_in_english_with_a_full_url_as_key(stand: Stand) -> None:
    full = Secret(f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={DEMO_KEY}")
    receiver = ReceiverSettings(name="x", locale="en", channels=(("wecom_robot", wecom(stand.sink, key=full)),))
    assert stand.outbox().send_test(receiver)[0].ok
    assert stand.sink.ledger.posted[-1].body["markdown"]["content"].startswith('**<font color="comment">［TEST］')
