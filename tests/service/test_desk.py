"""What people see of an incident on the command line and do about it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.incident import (
    Delivery,
    DeliveryKind,
    DeliveryState,
    Incident,
    IncidentNote,
    IncidentState,
    Severity,
)
from domain.mention import Engagement, Flag
from domain.ports import DeskChange
from service import wiring
from service.demo.sink import DEMO_CHANNEL, DEMO_KEY, DEMO_TOKEN, Sink, serve
from tests.service.conftest import CONFIG, Cli
from tests.storage.sample import mention

NOW = datetime(2026, 6, 20, 7, 30, tzinfo=UTC)
INCIDENT = Incident(
    id="AB2CD",
    fingerprint="f1",
    rule="negative-burst",
    kind="burst",
    brand="yunshan",
    labels=(("brand", "yunshan"), ("rule", "negative-burst")),
    severity=Severity.CRITICAL,
    state=IncidentState.OPEN,
    started_at=NOW - timedelta(minutes=20),
    pending_at=NOW,
    opened_at=NOW,
    last_true_at=NOW,
    value=24,
    expected=0.6,
    score=3.0,
    peak_value=24,
    peak_at=NOW,
    seq=1,
    story_ids=("weibo:9",),
    reason='{"z": 9.5}',
    notes=(IncidentNote(at=NOW, by="tingfeng", action="open"),),
)
SENT = Delivery(
    id="d1",
    incident="AB2CD",
    seq=1,
    kind=DeliveryKind.FIRING,
    receiver="pr",
    channel="slack",
    target="C1",
    payload="{}",
    state=DeliveryState.DELIVERED,
    attempts=1,
    not_before=NOW,
    created_at=NOW,
    sent_at=NOW,
    answer="ok",
)


@pytest.fixture
def opened(config: Path) -> Path:
    with wiring.opened(config) as (_, stores):
        stores.state.desk.commit(DeskChange(incidents=(INCIDENT,), deliveries=(SENT,)), now=NOW)
    return config


def test_an_incident_is_listed_and_shown(cli: Cli, opened: Path) -> None:
    view = json.loads(cli("incidents", "list", "--json").out)
    assert {"id", "brand", "rule", "severity", "state", "flags", "opened_at", "resolved_at", "peak"} <= set(view)
    assert view["counts"] == {"value": 24, "expected": 0.6}
    assert view["stories"] == [{"id": "weibo:9", "url": None}]
    assert view["reason"] == {"z": 9.5}
    delivery = view["deliveries"][0]
    assert (delivery["seq"], delivery["kind"], delivery["state"], delivery["answer"]) == (
        1,
        "firing",
        "delivered",
        "ok",
    )
    line = cli("incidents", "list").out
    assert "AB2CD 红 open" in line and "24（平时 0.6）" in line and "15:10 北京时间" in line and "消息 1/1" in line
    shown = cli("incidents", "show", "ab2cd").out
    assert "weibo:9" in shown and "slack" in shown and "tingfeng: open" in shown
    assert json.loads(cli("incidents", "show", "AB2CD", "--json").out)["id"] == "AB2CD"
    assert cli("incidents", "list", "--active", "--json").out.count("AB2CD") == 1


def test_it_shows_how_a_story_grew_and_that_it_was_deleted(cli: Cli, opened: Path) -> None:
    first = mention("9", "云杉咖啡喝出异物", engagement=Engagement(likes=3, approx=frozenset({"likes"})))
    later = replace(
        first,
        post=replace(first.post, engagement=Engagement(likes=1_200, comments=7)),
        last_collected_at=first.last_collected_at + timedelta(hours=1),
        flags=frozenset({Flag.DELETED}),
        deleted_at=first.last_collected_at + timedelta(hours=2),
    )
    with wiring.opened(opened) as (_, stores):
        stores.mentions.put([first], now=NOW)
        stores.mentions.put([later], now=NOW)
    (story,) = json.loads(cli("incidents", "show", "AB2CD", "--json").out)["stories"]
    assert story["engagement"] == [
        {"at": "2026-06-20T08:01:00.000Z", "likes": 3},
        {"at": "2026-06-20T09:01:00.000Z", "likes": 1200, "comments": 7},
    ]
    assert story["deleted_at"] == "2026-06-20T10:01:00.000Z"
    shown = cli("incidents", "show", "AB2CD").out
    assert "互动 06-20 16:01 赞 3 → 06-20 17:01 赞 1,200 评 7" in shown
    assert "（原文已删除，06-20 18:01 发现）" in shown
    found = json.loads(cli("search", "flags: deleted", "--json").out)
    assert (found["id"], found["deleted_at"]) == ("weibo:9", "2026-06-20T10:01:00.000Z")


def test_people_take_note_and_close(cli: Cli, opened: Path) -> None:
    taken = cli("incidents", "ack", "AB2CD", "--by", "王敏")
    assert taken.code == 0 and "acked" in taken.out, taken.err
    assert cli("incidents", "note", "AB2CD", "--by", "王敏", "--text", "已联系门店").code == 0
    closed = cli("incidents", "close", "AB2CD", "--by", "李雷", "--text", "已处理")
    assert closed.code == 0 and "resolved" in closed.out
    view = json.loads(cli("incidents", "list", "--json").out)
    assert view["state"] == "resolved" and view["acked_by"] == "王敏"
    assert [note["action"] for note in view["notes"]][-3:] == ["ack", "note", "close"]
    assert cli("incidents", "ack", "AB2CD", "--by", "王敏").code == 1


def test_a_false_alarm_is_marked_for_good(cli: Cli, opened: Path) -> None:
    assert cli("incidents", "false-alarm", "AB2CD", "--by", "王敏").code == 0
    view = json.loads(cli("incidents", "list", "--json").out)
    assert view["state"] == "resolved" and "false_alarm" in view["flags"]


def test_a_reason_that_is_no_json_is_shown_as_it_is(cli: Cli, config: Path) -> None:
    with wiring.opened(config) as (_, stores):
        odd = replace(INCIDENT, reason="by hand", expected=None)
        stores.state.desk.commit(DeskChange(incidents=(odd,)), now=NOW)
    assert json.loads(cli("incidents", "list", "--json").out)["reason"] == "by hand"
    assert "（平时 ?）" in cli("incidents", "list").out


def test_a_test_message_says_what_each_channel_answered(cli: Cli, config: Path) -> None:
    sink = Sink()
    with serve(sink):
        config.write_text(
            CONFIG + "receivers:\n"
            f"  - {{name: good, wecom_robot: {{key: {DEMO_KEY}, base_url: '{sink.url}'}}}}\n"
            "  - name: bad\n"
            f"    slack: {{token: xoxb-unknown, channel: {DEMO_CHANNEL}, base_url: '{sink.url}/api/'}}\n",
            encoding="utf-8",
        )
        good = cli("notify", "test", "good")
        bad = cli("notify", "test", "bad")
    assert good.code == 0 and good.out.startswith("ok"), good.out + good.err
    assert bad.code == 1 and "invalid_auth" in bad.out and "→" in bad.out
    assert "xoxb-unknown" not in bad.out + bad.err and DEMO_TOKEN not in bad.out
    doctor = cli("doctor")
    assert doctor.code == 1 and "FAIL channel slack of bad" in doctor.out
