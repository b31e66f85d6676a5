"""What happens when nothing can be told: facts for the health page, the operator as a last resort."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.lost import kept, stand_in, undelivered
from config.settings import ReceiverSettings
from domain.incident import Delivery, DeliveryKind, DeliveryState, Severity
from service.demo.sink import DEMO_CHANNEL, Sink
from service.demo.sink_page import readable
from tests.alerts.kit import FULL, NOW, slack, standing, wecom
from tests.alerts.test_settle import ROW

S = DeliveryState
HOUR = timedelta(hours=1)
LOST = replace(ROW, state=S.BROKEN, not_before=NOW, payload="lost")
TOLD = replace(ROW, id="t", state=S.DELIVERED, sent_at=NOW - HOUR, payload="lost")


def dead_ends(sink: Sink) -> tuple[ReceiverSettings, ...]:
    second = slack(sink, channel="C0SECOND")
    return (
        ReceiverSettings(name="pr", channels=(("slack", slack(sink)),), fallback="group"),
        ReceiverSettings(name="group", channels=(("wecom_robot", wecom(sink)),)),
        ReceiverSettings(name="boss", channels=(("slack", second),)),
    )


def test_with_every_channel_dead_the_health_is_red_and_says_so(tmp_path: Path) -> None:
    with standing(tmp_path, receivers=dead_ends) as stand:
        stand.sink.slack.tokens.clear()
        stand.sink.wecom.keys.clear()
        stand.put(FULL, "pr")
        stand.pump(stand.outbox(operator="boss"), seconds=10)
        rows, now = stand.state.desk.deliveries(), stand.clock.now()
        assert len(stand.sink.ledger.posted) == 0
        assert {row.state for row in rows} == {DeliveryState.BROKEN}
        lines = stand.channels()
        assert {name: (line["state"], "notify test" in line["fix"]) for name, line in lines.items()} == {
            ("pr", "slack"): ("broken", True),
            ("group", "wecom_robot"): ("broken", True),
            ("boss", "slack"): ("broken", True),
        }
        assert [one.incident for one in undelivered(rows, now) if one.incident] == ["7K2QD"]


def test_a_critical_message_of_last_resort_and_the_broken_channel_reach_the_operator(tmp_path: Path) -> None:
    with standing(tmp_path, receivers=dead_ends) as stand:
        stand.sink.slack.archived.add(DEMO_CHANNEL)
        stand.sink.slack.members.add("C0SECOND")
        stand.sink.wecom.keys.clear()
        outbox = stand.outbox(operator="boss")
        stand.put(FULL, "pr")
        stand.put(replace(FULL, incident="LOWER", severity=Severity.MEDIUM), "pr")
        stand.pump(outbox, seconds=20)
        told = [readable(one) for one in stand.sink.ledger.posted]
        assert {one.target for one in stand.sink.ledger.posted} == {"C0SECOND"}
        assert sum("消息通道不能用：pr → slack" in one and "取消归档" in one for one in told) == 1
        assert sum("消息通道不能用：group → wecom_robot" in one for one in told) == 1
        assert sum("7K2QD:1" in one for one in told) == 1 and not any("LOWER" in one for one in told)
        assert [one.incident for one in undelivered(stand.state.desk.deliveries(), stand.clock.now())] == ["LOWER"]


@pytest.mark.parametrize(
    ("rows", "lost"),
    [
        ([LOST], ["d"]),
        ([LOST, replace(TOLD, channel="other")], []),
        ([replace(LOST, seq=2), replace(TOLD, channel="other")], ["d"]),
        ([LOST, replace(TOLD, channel="other", seq=2)], []),
        ([LOST, replace(TOLD, channel="other", state=S.HELD, sent_at=None)], []),
        ([LOST, replace(TOLD, incident="OTHER")], ["d"]),
        ([LOST, replace(TOLD, incident="OTHER", sent_at=NOW + HOUR)], []),
        ([replace(LOST, kind=DeliveryKind.TEST)], []),
        ([replace(LOST, state=S.DROPPED, answer="refused in every form: x")], ["d"]),
        ([replace(LOST, state=S.DROPPED, created_at=NOW - 25 * HOUR)], []),
        ([replace(LOST, state=S.DROPPED, answer="superseded by seq 2")], []),
        ([replace(LOST, state=S.DROPPED, answer="the incident was closed before")], []),
        ([replace(LOST, state=S.DROPPED, attempts=0)], []),
        ([replace(LOST, incident=None), replace(TOLD, incident=None, channel="other")], []),
    ],
)
def test_lost_is_what_reached_nobody_and_nothing_will_bring(rows: list[Delivery], lost: list[str]) -> None:
    assert [one.id for one in undelivered(rows, NOW)] == lost


def test_a_repaired_channel_tells_the_newest_of_what_only_it_could() -> None:
    id = "12345678-1234-5678-1234-56781234567"
    first, second = replace(LOST, id=id + "0"), replace(LOST, id=id + "1", seq=2)
    other = replace(LOST, id=id + "2", incident="OTHER")
    helped = replace(LOST, id=id + "3", incident="HELPED")
    helper = replace(TOLD, id=id + "4", incident="HELPED", channel="wecom_robot", fallback_of=helped.id)
    rows = [first, second, other, helped, helper]
    again = kept(rows, ("slack", "C1"), lambda incident: incident != "OTHER", NOW)
    assert [(one.incident, one.seq, one.state, one.fallback_of) for one in again] == [
        ("7K2QD", 2, S.PENDING, second.id)
    ]
    assert kept(rows, ("slack", "C2"), lambda incident: True, NOW) == ()


def test_only_critical_messages_go_to_the_operator_without_a_fallback(tmp_path: Path) -> None:
    with standing(tmp_path, receivers=dead_ends) as stand:
        by_name = {one.name: one for one in stand.receivers}
        row = stand.put(FULL, "group")[0]
        assert [one.receiver for one in stand_in(row, by_name, NOW, operator="boss")] == ["boss"]
        assert stand_in(replace(row, priority=Severity.HIGH.rank), by_name, NOW, operator="boss") == ()
        assert stand_in(replace(row, receiver="boss"), by_name, NOW, operator="boss") == ()
        assert stand_in(row, by_name, NOW) == ()
