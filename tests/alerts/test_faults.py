"""Every row of the contract's tables of faults, played by the real outbox against the strict imitations."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from config.settings import ReceiverSettings
from domain.incident import Delivery, DeliveryKind, DeliveryState
from domain.secret import Secret
from service.demo.sink import DEMO_KEY, DEMO_TOKEN, Sink
from tests.alerts import faults, test_lost, test_outbox, test_storm
from tests.alerts.faults import CASES, OWN_TESTS, ROUTES, ROWS, Case, Seen
from tests.alerts.kit import FULL, Stand, slack, standing, wecom

REPEAT = "可能重复"


def test_every_row_is_played_or_says_why_not() -> None:
    played = {case.row for case in CASES} | set(OWN_TESTS)
    excused = {row for row, why in ROWS.items() if why}
    assert played | excused == set(ROWS)
    assert not played & excused
    assert (sum(row.startswith("reaction") for row in ROWS), sum(row.startswith("fault") for row in ROWS)) == (28, 15)
    for test in (name for names in OWN_TESTS.values() for name in names):
        assert any(hasattr(module, test) for module in (test_outbox, test_lost, test_storm)), test


def test_every_code_of_a_row_is_played() -> None:
    for row, why in ROWS.items():
        if why or not row.startswith("reaction"):
            continue
        signals = " ".join(
            case.signal + " " + str([fault.body for fault in case.faults]) for case in CASES if case.row == row
        )
        codes = ["500 with" if word == "5xx" else word for word in faults.words(row)]
        assert [code for code in codes if code not in signals] == [], row


def receivers_of(channel: str, sink: Sink) -> tuple[ReceiverSettings, ...]:
    hook = Secret(sink.url + "/services/T0DEMO/B0DEMO/demo")
    options = {
        "slack": ("slack", slack(sink)),
        "slack_webhook": ("slack", slack(sink, token=None, channel=None, webhook=hook, base_url=None)),
        "wecom_robot": ("wecom_robot", wecom(sink)),
    }
    other = options["slack" if channel == "wecom_robot" else "wecom_robot"]
    return (
        ReceiverSettings(name="pr", channels=(options[channel],), fallback="group"),
        ReceiverSettings(name="group", channels=(other,)),
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_fault_has_its_reaction(case: Case, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with standing(tmp_path, receivers=lambda sink: receivers_of(case.channel, sink)) as stand:
        if case.blind:
            stand.sink.slack.scopes.discard("channels:history")
        stand.options = {"call_limit_s": 0.5, "lease_s": 6.0} if faults.HANG in case.faults else {}
        outbox = stand.outbox()
        before = _first_of_the_thread(stand, case)
        stand.sink.ledger.script(ROUTES[case.channel], *case.faults)
        stand.sink.ledger.script("slack.conversations.history", *case.search)
        kind = DeliveryKind.ACKED if case.in_thread else DeliveryKind.FIRING
        stand.put(replace(FULL, kind=kind, seq=1 + before), "pr")
        outbox.deliver_due()
        line = next(line for (name, _), line in stand.channels().items() if name == "pr")
        waits = _to_the_end(stand)
        seen = case.seen
        assert stand.calls(ROUTES[case.channel]) - before == seen.calls
        _check_row(_row(stand), seen)
        _check_waits(waits, seen)
        assert line["state"] == seen.channel
        assert seen.hint in line["fix"]
        assert seen.log in caplog.text
        _check_channel(stand, case, before)
        assert DEMO_KEY not in caplog.text and DEMO_TOKEN not in caplog.text


def _first_of_the_thread(stand: Stand, case: Case) -> int:
    if not case.in_thread:
        return 0
    stand.put(FULL, "pr")
    stand.pump(stand.outboxes[0], seconds=8, step=4)
    return 1


def _row(stand: Stand) -> Delivery:
    return [one for one in stand.state.desk.deliveries() if one.receiver == "pr"][-1]


def _to_the_end(stand: Stand) -> list[float]:
    """Let the clock jump to each next try; return the virtual seconds between the tries."""
    waits = []
    for _ in range(30):
        row = _row(stand)
        if row.state.final:
            break
        now = stand.clock.now()
        waits.append((row.not_before - now).total_seconds())
        stand.clock.set(max(now, row.not_before + timedelta(milliseconds=1)))  # stored to the millisecond
        stand.outboxes[0].deliver_due()
    stand.pump(stand.outboxes[0], seconds=120, step=60)  # nothing more comes of it; a stand-in arrives
    return waits


def _check_row(row: Delivery, seen: Seen) -> None:
    assert row.state is seen.end, row.answer
    assert row.degrade == seen.degrade
    assert row.attempts == seen.calls
    assert row.repeat is seen.repeat
    assert (row.sent_at is not None) == (seen.end in (DeliveryState.DELIVERED, DeliveryState.DEGRADED))


def _check_waits(waits: list[float], seen: Seen) -> None:
    assert len(waits) == len(seen.waits), waits
    for wait, (least, most) in zip(waits, seen.waits, strict=True):
        assert least <= wait <= most + 0.001, waits


def _check_channel(stand: Stand, case: Case, before: int) -> None:
    posted = [one for one in stand.sink.ledger.posted if one.channel == case.channel][before:]
    assert len(posted) == case.seen.accepted
    marked = [REPEAT in json.dumps(one.body, ensure_ascii=False) for one in posted]
    assert marked == [False] * (len(posted) - case.seen.repeat) + [True] * (case.seen.repeat and bool(posted))
    for one in posted:
        told = json.dumps(one.body, ensure_ascii=False)
        for kept in ("负面 42 条", "weibo.example/status/501", "【红】", "7K2QD"):
            assert kept in told, kept
    if case.in_thread and "message" in case.signal:
        assert "thread_ts" not in posted[-1].body
    other = "slack" if case.channel == "wecom_robot" else "wecom_robot"
    assert stand.accepted(other) == case.seen.stand_in
