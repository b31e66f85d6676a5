"""The outbox against strict imitations of both channels on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.notifiers.base import Answer
from alerts.outbox import queue
from config.settings import ReceiverSettings
from domain.incident import DeliveryKind, DeliveryState, Incident, IncidentState, Severity
from domain.outcome import DeliveryClass
from domain.ports import DeskChange
from domain.secret import Secret
from service.demo.sink import DEMO_CHANNEL, DEMO_KEY, Fault, Sink
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


def no(error: str, status: int = 200, **headers: str) -> Fault:
    return Fault(action="reply", status=status, body=json.dumps({"ok": False, "error": error}), headers=headers)


def errcode(code: int) -> Fault:
    return Fault(action="reply", body=json.dumps({"errcode": code, "errmsg": "words, hint: [1], from ip: 1.2.3.4"}))


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
    assert [one.state for one in outbox.health()] == ["ok", "ok"]


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


def test_a_message_of_an_incident_that_is_over_is_not_sent(stand: Stand) -> None:
    over = Incident(
        id="7K2QD", fingerprint="f", rule="r", kind="burst", brand="b", labels=(), severity=Severity.HIGH,
        state=IncidentState.RESOLVED, started_at=NOW, pending_at=NOW, last_true_at=NOW, value=1.0, score=1.0,
        peak_value=1.0, peak_at=NOW,
    )  # fmt: skip
    stand.state.desk.commit(DeskChange(incidents=(over,)), now=NOW)
    stand.put(FULL)
    stand.pump(stand.outbox(), seconds=2)
    assert stand.row("slack").state is DeliveryState.DROPPED
    assert "closed" in stand.row("slack").answer


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


# --- every row of the table of reactions -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "missing_scope",
        "not_in_channel",
        "channel_not_found",
        "is_archived",
        "restricted_action",
    ],
)
def test_slack_configuration_errors_break_the_channel_and_fall_back(pair: Stand, error: str) -> None:
    pair.sink.ledger.script("slack.post", no(error))
    pair.put(FULL, "pr")
    outbox = pair.outbox()
    pair.pump(outbox, seconds=5)
    assert pair.row("slack").state is DeliveryState.BROKEN
    assert pair.calls("slack.post") == 1, "no retry"
    stand_in = pair.row("wecom_robot", "group")
    assert (stand_in.state, stand_in.fallback_of) == (DeliveryState.DELIVERED, pair.row("slack").id)
    health = {one.channel: one for one in outbox.health()}
    assert health["slack"].state == "broken" and "notify test pr" in health["slack"].hint
    pair.put(replace(FULL, seq=2), "pr")
    pair.pump(outbox, seconds=5)
    assert pair.calls("slack.post") == 1, "a broken channel is not called"
    assert pair.accepted("wecom_robot") == 2, "the fallback hears of it at once"


def test_a_broken_channel_stays_so_over_a_restart_until_a_test_succeeds(pair: Stand) -> None:
    pair.sink.slack.tokens = set()
    pair.put(FULL, "pr")
    pair.pump(pair.outbox(), seconds=2)
    again = pair.outbox("two")
    assert {one.channel: one.state for one in again.health()}["slack"] == "broken"
    pair.sink.slack.tokens = {"xoxb-tingfeng-demo"}
    assert pair.outbox("cli").send_test(pair.receivers[0])[0].ok
    pair.clock.advance(timedelta(seconds=4))
    pair.put(replace(FULL, seq=2), "pr")
    pair.pump(again, seconds=2)
    assert pair.row("slack").state is DeliveryState.DELIVERED
    assert {one.channel: one.state for one in again.health()}["slack"] == "ok"


@pytest.mark.parametrize(
    "fault", [no("ratelimited", 429, **{"Retry-After": "12"}), no("rate_limited"), Fault(action="reply", status=429)]
)
def test_slack_rate_limits_hold_the_channel_and_then_deliver_once(stand: Stand, fault: Fault) -> None:
    stand.sink.ledger.script("slack.post", fault)
    stand.put(FULL)
    outbox = stand.outbox()
    stand.pump(outbox, seconds=10)
    assert stand.row("slack").state is DeliveryState.HELD
    assert stand.accepted("wecom_robot") == 1, "the other channel runs on"
    stand.put(replace(FULL, incident="OTHER"))
    stand.pump(outbox, seconds=1)
    assert stand.calls("slack.post") == 1, "the whole channel is held"
    stand.pump(outbox, seconds=40)
    assert stand.accepted("slack") == 2


@pytest.mark.parametrize(
    "error",
    [
        "msg_too_long",
        "msg_blocks_too_long",
        "invalid_blocks",
        "invalid_blocks_format",
        "too_many_attachments",
        "no_text",
        "an_error_of_tomorrow",
    ],
)
def test_slack_form_errors_degrade_to_lite_then_text(stand: Stand, error: str) -> None:
    stand.sink.ledger.script("slack.post", no(error), no(error))
    stand.put(FULL)
    stand.pump(stand.outbox(), seconds=5)
    row = stand.row("slack")
    assert (row.state, row.degrade, row.attempts) == (DeliveryState.DEGRADED, 2, 3)
    body = next(one.body for one in stand.sink.ledger.posted if one.channel == "slack")
    assert "blocks" not in body and "https://weibo.example/status/501" in body["text"] and "42 条" in body["text"]


def test_a_message_refused_in_every_form_goes_to_the_fallback(pair: Stand) -> None:
    pair.sink.ledger.script("slack.post", *[no("invalid_blocks")] * 3)
    pair.put(FULL, "pr")
    outbox = pair.outbox()
    pair.pump(outbox, seconds=5)
    assert pair.row("slack").state is DeliveryState.DROPPED
    assert pair.row("wecom_robot", "group").state is DeliveryState.DELIVERED
    assert {one.channel: one.state for one in outbox.health()}["slack"] == "ok", "the channel itself is well"


@pytest.mark.parametrize("error", ["message_not_found", "cant_update_message", "edit_window_closed"])
def test_slack_lost_message_gets_a_new_root_message(stand: Stand, error: str) -> None:
    stand.sink.ledger.script("slack.post", no(error))
    stand.put(FULL)
    stand.pump(stand.outbox(), seconds=2)
    assert stand.row("slack").state is DeliveryState.DELIVERED


@pytest.mark.parametrize(
    "fault",
    [
        no("fatal_error"),
        no("internal_error"),
        Fault(action="reply", status=500, body="<html>"),
        Fault(action="reply", status=502, body="<html>"),
        Fault(action="refuse"),
    ],
)
def test_slack_uncertain_and_not_there_is_sent_again_unmarked(stand: Stand, fault: Fault) -> None:
    stand.sink.ledger.script("slack.post", fault)
    stand.put(FULL)
    stand.pump(stand.outbox(), seconds=8)
    assert stand.calls("slack.conversations.history") == 1
    assert (stand.accepted("slack"), stand.row("slack").state) == (1, DeliveryState.DELIVERED)
    assert "可能重复" not in json.dumps(stand.sink.ledger.posted[-1].body, ensure_ascii=False)


@pytest.mark.parametrize("fault", [Fault(action="accept_then_reset"), Fault(action="accept_then_hang", seconds=5.0)])
def test_slack_uncertain_and_there_is_not_sent_again(stand: Stand, fault: Fault) -> None:
    stand.sink.ledger.script("slack.post", fault)
    stand.options = {"call_limit_s": 0.6, "lease_s": 6.0}
    stand.put(FULL)
    stand.pump(stand.outbox(), seconds=8)
    row = stand.row("slack")
    assert (stand.accepted("slack"), row.state, row.answer) == (1, DeliveryState.DELIVERED, "found in the channel")
    assert row.remote_ref


def test_slack_uncertain_reply_is_looked_up_in_its_thread(stand: Stand) -> None:
    outbox = stand.outbox()
    stand.put(FULL)
    stand.pump(outbox, seconds=2)
    stand.sink.ledger.script("slack.post", Fault(action="accept_then_reset"))
    stand.put(replace(FULL, kind=DeliveryKind.ACKED, seq=2))
    stand.pump(outbox, seconds=8)
    assert stand.calls("slack.conversations.replies") == 1
    assert stand.accepted("slack") == 2


def test_without_the_right_to_look_one_marked_repeat_is_sent(stand: Stand) -> None:
    stand.sink.slack.scopes.discard("channels:history")
    stand.sink.ledger.script("slack.post", Fault(action="accept_then_reset"))
    stand.put(FULL)
    stand.pump(stand.outbox(), seconds=30)
    first, second = (
        json.dumps(one.body, ensure_ascii=False) for one in stand.sink.ledger.posted if one.channel == "slack"
    )
    assert "可能重复" not in first and "可能重复" in second


@pytest.mark.parametrize(
    "fault",
    [
        no("service_unavailable"),
        no("request_timeout"),
        Fault(action="reply", status=503, body="<html>"),
        Fault(action="reply", status=200, body="<html>captive</html>"),
    ],
)
def test_slack_transient_errors_back_off_and_deliver_once(stand: Stand, fault: Fault) -> None:
    stand.sink.ledger.script("slack.post", fault, fault)
    stand.put(FULL)
    stand.pump(stand.outbox(), seconds=40)
    assert (stand.accepted("slack"), stand.row("slack").attempts) == (1, 3)


def test_wecom_busy_is_tried_three_times_quickly_and_then_backs_off(stand: Stand) -> None:
    stand.sink.ledger.script("wecom.send", *[errcode(-1)] * 4)
    stand.put(FULL)
    outbox = stand.outbox()
    stand.pump(outbox, seconds=2)
    assert stand.calls("wecom.send") == 3
    stand.pump(outbox, seconds=90)
    assert (stand.accepted("wecom_robot"), stand.row("wecom_robot").attempts) == (1, 5)


def test_wecom_frequency_holds_at_least_a_minute(stand: Stand) -> None:
    stand.sink.ledger.script("wecom.send", errcode(45009))
    stand.put(FULL)
    outbox = stand.outbox()
    stand.pump(outbox, seconds=59)
    assert stand.calls("wecom.send") == 1
    assert {one.channel: one.state for one in outbox.health()}["wecom_robot"] == "held"
    assert {one.channel: one.state for one in stand.outbox("two").health()}["wecom_robot"] == "held"
    stand.pump(outbox, seconds=12)
    assert stand.accepted("wecom_robot") == 1


@pytest.mark.parametrize("code", [40058, 45002])
def test_wecom_too_long_degrades_once_to_lite(stand: Stand, code: int) -> None:
    stand.sink.ledger.script("wecom.send", errcode(code))
    stand.put(FULL)
    stand.pump(stand.outbox(), seconds=2)
    row = stand.row("wecom_robot")
    assert (row.state, row.degrade) == (DeliveryState.DEGRADED, 1)


@pytest.mark.parametrize("code", [40008, 44004, 45001])
def test_wecom_our_own_mistakes_degrade_to_text_and_are_logged(
    stand: Stand, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    stand.sink.ledger.script("wecom.send", errcode(code))
    stand.put(FULL)
    stand.pump(stand.outbox(), seconds=2)
    assert stand.row("wecom_robot").degrade == 2
    (last,) = [one for one in stand.sink.ledger.posted if one.channel == "wecom_robot"]
    assert last.body["msgtype"] == "text"
    assert f"errcode={code}" in caplog.text


@pytest.mark.parametrize("code", [93000, 93004, 93008])
def test_wecom_lost_robot_breaks_the_channel(stand: Stand, code: int, caplog: pytest.LogCaptureFixture) -> None:
    stand.sink.ledger.script("wecom.send", errcode(code))
    stand.put(FULL)
    outbox = stand.outbox()
    stand.pump(outbox, seconds=5)
    assert stand.row("wecom_robot").state is DeliveryState.BROKEN
    assert stand.calls("wecom.send") == 1
    assert stand.accepted("slack") == 1
    assert DEMO_KEY not in caplog.text + stand.row("wecom_robot").answer


@pytest.mark.parametrize(
    "fault",
    [
        errcode(45033),
        Fault(action="reply", status=502, body="<html>"),
        Fault(action="reply", body="<html>login</html>"),
        Fault(action="reply", body='{"errcode":"0"}'),
        Fault(action="reply", body='{"ok":true}'),
    ],
)
def test_wecom_answers_without_errcode_zero_are_failures_and_are_tried_again(stand: Stand, fault: Fault) -> None:
    stand.sink.ledger.script("wecom.send", fault)
    stand.put(FULL)
    outbox = stand.outbox()
    outbox.deliver_due()
    assert stand.row("wecom_robot").state is DeliveryState.HELD
    stand.pump(outbox, seconds=10)
    assert (stand.accepted("wecom_robot"), stand.row("wecom_robot").attempts) == (1, 2)


def test_wecom_unknown_outcome_gives_at_most_one_marked_repeat(stand: Stand) -> None:
    reset = Fault(action="accept_then_reset")
    stand.sink.ledger.script("wecom.send", reset, reset, reset)
    stand.put(FULL)
    stand.pump(stand.outbox(), seconds=120)
    bodies = [one.body["markdown"]["content"] for one in stand.sink.ledger.posted if one.channel == "wecom_robot"]
    assert ["可能重复" in body for body in bodies] == [False, True]
    assert stand.row("wecom_robot").state is DeliveryState.DROPPED


def test_a_refused_connection_is_a_plain_retry(stand: Stand, unused_port: int) -> None:
    gone = wecom(stand.sink, base_url=f"http://127.0.0.1:{unused_port}")
    stand.receivers = (ReceiverSettings(name="pr", channels=(("wecom_robot", gone),)),)
    stand.put(FULL)
    outbox = stand.outbox()
    stand.pump(outbox, seconds=30, step=5)
    row = stand.row("wecom_robot")
    assert row.state is DeliveryState.HELD and row.attempts >= 2 and not row.repeat


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def test_a_channel_out_of_reach_for_long_gets_help_and_goes_on(pair: Stand) -> None:
    pair.sink.ledger.script("slack.post", *[no("service_unavailable")] * 12)
    pair.put(FULL, "pr")
    pair.pump(pair.outbox(), seconds=6_000, step=60)
    assert pair.row("wecom_robot", "group").state is DeliveryState.DELIVERED
    assert (pair.accepted("slack"), pair.accepted("wecom_robot")) == (1, 1)
    assert "晚了" in json.dumps(pair.sink.ledger.posted[-1].body, ensure_ascii=False)


# --- webhook -----------------------------------------------------------------------------------------------------


def with_webhook(sink: Sink) -> tuple[ReceiverSettings, ...]:
    hook = slack(
        sink, token=None, channel=None, webhook=Secret(sink.url + "/services/T0DEMO/B0DEMO/demo"), base_url=None
    )
    return (ReceiverSettings(name="pr", channels=(("slack", hook),)),)


@pytest.fixture
def hooked(tmp_path: Path) -> Iterator[Stand]:
    with standing(tmp_path, receivers=with_webhook) as one:
        yield one


@pytest.mark.parametrize(
    ("status", "body", "state"),
    [
        (404, "no_service", DeliveryState.BROKEN),
        (403, "action_prohibited", DeliveryState.BROKEN),
        (410, "channel_is_archived", DeliveryState.BROKEN),
        (400, "invalid_payload", DeliveryState.DEGRADED),
        (400, "invalid_token", DeliveryState.BROKEN),
        (429, "rate_limited", DeliveryState.DELIVERED),
        (200, "<html>captive</html>", DeliveryState.DELIVERED),
        (301, "", DeliveryState.DELIVERED),
        (500, "rollback_error", DeliveryState.DELIVERED),
    ],
)
def test_webhook_answers_are_read_by_status_and_word(
    hooked: Stand, status: int, body: str, state: DeliveryState
) -> None:
    headers = {"Retry-After": "7"} if status == 429 else {"Location": "/elsewhere"} if status == 301 else {}
    hooked.sink.ledger.script("slack.webhook", Fault(action="reply", status=status, body=body, headers=headers))
    hooked.put(FULL)
    hooked.pump(hooked.outbox(), seconds=60)
    row = hooked.row("slack")
    assert row.state is state
    assert "demo" not in row.target + row.answer
    assert hooked.accepted("slack_webhook") == (state is not DeliveryState.BROKEN)


def test_webhook_unknown_outcome_is_repeated_once_and_marked(hooked: Stand) -> None:
    hooked.sink.ledger.script("slack.webhook", Fault(action="accept_then_reset"))
    hooked.put(FULL)
    hooked.pump(hooked.outbox(), seconds=60)
    assert hooked.accepted("slack_webhook") == 2
    assert "可能重复" in json.dumps(hooked.sink.ledger.posted[-1].body, ensure_ascii=False)


# --- pace, crashes, independence -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_our_own_pace_never_meets_a_limit_of_the_channels(stand: Stand) -> None:
    for number in range(40):
        stand.put(replace(FULL, incident=f"N{number:04}"))
    stand.pump(stand.outbox(), seconds=180)
    assert (stand.accepted("slack"), stand.accepted("wecom_robot")) == (40, 40)
    assert (stand.calls("slack.post"), stand.calls("wecom.send")) == (40, 40), "no call was refused"


@pytest.mark.slow
def test_pace_survives_a_restart(stand: Stand) -> None:
    for number in range(30):
        stand.put(replace(FULL, incident=f"N{number:04}"))
    stand.pump(stand.outbox(), seconds=5)
    stand.pump(stand.outbox("two"), seconds=115)
    assert (stand.calls("slack.post"), stand.calls("wecom.send")) == (30, 30)


@pytest.mark.slow
def test_a_flood_is_told_in_one_digest_and_critical_ones_alone(stand: Stand) -> None:
    for number in range(100):
        stand.put(replace(FULL, incident=f"N{number:04}", severity=Severity.MEDIUM))
    stand.put(replace(FULL, incident="CRISIS"))
    stand.pump(stand.outbox(messages_per_hour=10), seconds=60)
    rows = stand.state.desk.deliveries()
    assert {row.state for row in rows} == {DeliveryState.DELIVERED}
    for channel in ("slack", "wecom_robot"):
        merged = sum("digest" in row.answer for row in rows if row.channel == channel)
        alone = stand.accepted(channel) - 1
        assert alone + merged == 101 and alone <= 9 + 1, "at most nine, the critical one, and one digest"
    digest = json.dumps(stand.sink.ledger.posted[-1].body, ensure_ascii=False)
    assert "条消息合并发送" in digest and "另有 6" in digest


def test_after_the_hour_is_full_the_rest_waits(stand: Stand) -> None:
    outbox = stand.outbox(messages_per_hour=2)
    for number in range(4):
        stand.put(replace(FULL, incident=f"N{number:04}", severity=Severity.HIGH))
        stand.pump(outbox, seconds=4)
    assert stand.accepted("slack") == 2
    stand.pump(outbox, seconds=3_700, step=60)
    assert stand.accepted("slack") >= 3
    assert {row.state for row in stand.state.desk.deliveries()} == {DeliveryState.DELIVERED}


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (Fault(action="accept_then_reset"), DeliveryState.DELIVERED),
        (errcode(93000), DeliveryState.BROKEN),
        (errcode(45009), DeliveryState.DELIVERED),
        (errcode(40058), DeliveryState.DEGRADED),
    ],
)
def test_a_digest_shares_the_fate_of_its_one_call(stand: Stand, fault: Fault, state: DeliveryState) -> None:
    for number in range(5):
        stand.put(replace(FULL, incident=f"N{number:04}", severity=Severity.MEDIUM))
    stand.sink.ledger.script("wecom.send", fault)
    stand.pump(stand.outbox(messages_per_hour=1), seconds=3_800, step=20)
    rows = [row for row in stand.state.desk.deliveries() if row.channel == "wecom_robot"]
    assert {row.state for row in rows} == {state}


@pytest.mark.slow
def test_one_channel_that_hangs_does_not_hold_up_the_other(stand: Stand) -> None:
    stand.sink.ledger.script("slack.post", Fault(action="accept_then_hang", seconds=4.0))
    outbox = stand.outbox(wait_s=0.3)
    for number in range(3):
        stand.put(replace(FULL, incident=f"N{number:04}"))
        outbox.deliver_due()
        stand.clock.advance(timedelta(seconds=2))
    outbox.deliver_due()
    assert stand.accepted("wecom_robot") == 3
    assert stand.accepted("slack") == 1
    assert outbox.close(0.01) is False


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


def test_what_another_took_is_not_sent(stand: Stand) -> None:
    stand.put(FULL)
    claimed = stand.state.desk.claim_deliveries(owner="other", limit=9, lease=timedelta(seconds=60), now=NOW)
    outbox = stand.outbox()
    outbox._run((claimed[0].channel, claimed[0].target), list(claimed[:1]), NOW + timedelta(seconds=60))
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
