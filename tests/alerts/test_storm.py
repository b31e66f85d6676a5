"""Storms: the limits of the channels are kept, critical ones come first, nothing is lost."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.digest import DIGEST_MARK
from alerts.outbox import queue
from domain.incident import Delivery, DeliveryState, Severity
from domain.ports import DeskChange
from service.clock import SystemClock
from service.demo.sink import Fault
from service.demo.sink_page import readable
from tests.alerts import faults
from tests.alerts.kit import FULL, NOW, Stand, standing

CHANNELS = ("slack", "wecom_robot")
ACCEPTED = {DeliveryState.DELIVERED}


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    with standing(tmp_path) as one:
        yield one


def storm(stand: Stand, size: int, *, critical_every: int) -> None:
    """Queue `size` incidents in one transaction; every so many is critical, the others of three levels."""
    lower = (Severity.HIGH, Severity.MEDIUM, Severity.INFO)
    rows: list[Delivery] = []
    for number in range(size):
        severity = lower[number % 3] if number % critical_every else Severity.CRITICAL
        report = replace(FULL, incident=f"N{number:04}", severity=severity, at=stand.clock.now())
        rows += queue(
            report, incident_id=report.incident, receivers=stand.receivers, severity=severity, now=report.at or NOW
        )
    stand.state.desk.commit(DeskChange(deliveries=tuple(rows)), now=stand.clock.now())


def until_done(stand: Stand, *, step: float, most: float) -> float:
    """Let the outbox work until every row is final; return the virtual seconds that it took."""
    outbox = stand.outbox()
    began = stand.clock.now()
    while stand.clock.now() - began < timedelta(seconds=most):
        stand.pump(outbox, seconds=5 * step, step=step)
        if all(row.state.final for row in rows_of(stand)):
            break
    return (stand.clock.now() - began).total_seconds()


def rows_of(stand: Stand, channel: str = "") -> list[Delivery]:
    return [row for row in stand.state.desk.deliveries(limit=9_999) if channel in ("", row.channel)]


def told(stand: Stand, channel: str) -> list[str]:
    return [readable(one) for one in stand.sink.ledger.posted if one.channel == channel]


@pytest.mark.slow
def test_a_thousand_incidents_in_one_tick(stand: Stand) -> None:
    storm(stand, 1_000, critical_every=10)
    took_s = until_done(stand, step=3.3, most=3_600)
    assert took_s < 490, "100 critical ones at 18 a minute, and 30 others"
    for channel in CHANNELS:
        seen = told(stand, channel)
        assert stand.calls(faults.ROUTES[channel]) == len(seen) == 131, "no call was refused: no 429, no 45009"
        assert "1000 条消息待发：红 100 橙 300 黄 300 蓝 300" in seen[0], "the whole is told at once"
        assert all(text.startswith("【红】") for text in seen[1:101]), "each critical one alone, before all others"
        assert "871 条消息合并发送：橙 271 黄 300 蓝 300" in seen[101]
        assert all(text.startswith("【橙】") for text in seen[102:])
        rows = rows_of(stand, channel)
        assert {row.state for row in rows} == ACCEPTED
        together = {row.incident for row in rows if row.answer.startswith(DIGEST_MARK)}
        alone = {row.incident for row in rows if row.incident} - together
        assert len(together) == 871
        for incident in alone:
            assert sum(f"{incident}:1" in text.rpartition("\n")[2] for text in seen) == 1
    first = {one.channel: one.at - NOW.timestamp() for one in reversed(stand.sink.ledger.posted)}
    assert max(first.values()) == pytest.approx(3.3, abs=3.4)


@pytest.mark.slow
def test_a_crowd_of_critical_ones_is_announced_and_loses_none(stand: Stand) -> None:
    storm(stand, 120, critical_every=1)
    took_s = until_done(stand, step=3.3, most=3_600)
    assert 360 <= took_s <= 420, "18 a minute"
    for channel in CHANNELS:
        seen = told(stand, channel)
        assert stand.calls(faults.ROUTES[channel]) == len(seen) == 121
        assert "红色逐条发送，约需" in seen[0]
        assert Counter(text.startswith("【红】") for text in seen) == {True: 120, False: 1}


def test_others_are_not_starved_by_critical_ones(stand: Stand) -> None:
    storm(stand, 40, critical_every=2)
    stand.options = {"messages_per_hour": 3}
    assert until_done(stand, step=3.3, most=600) <= 130
    for channel in CHANNELS:
        seen = told(stand, channel)
        assert sum(text.startswith("【红】") for text in seen) == 20
        assert sum("18 条消息合并发送" in text for text in seen) == 1
        assert len(seen) == 20 + 3, "a minute's wait is not announced"


@pytest.mark.slow
def test_pace_survives_a_restart(stand: Stand) -> None:
    storm(stand, 30, critical_every=1)
    stand.pump(stand.outbox(), seconds=5)
    stand.pump(stand.outbox("two"), seconds=125)
    assert {row.state for row in rows_of(stand)} == ACCEPTED
    assert (stand.calls("slack.post"), stand.calls("wecom.send")) == (30, 30), "no call was refused"


def test_a_digest_does_not_fill_the_hour_after_a_restart(stand: Stand) -> None:
    storm(stand, 60, critical_every=999)
    stand.options = {"messages_per_hour": 5}
    until_done(stand, step=3.3, most=60)
    sent = stand.accepted("slack")
    stand.put(replace(FULL, incident="LATER", severity=Severity.HIGH))
    stand.pump(stand.outbox("two", messages_per_hour=7), seconds=4)
    assert (sent, stand.accepted("slack")) == (6, 7)


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
        (faults.wecom(93000), DeliveryState.BROKEN),
        (faults.wecom(45009), DeliveryState.DELIVERED),
        (faults.wecom(40058), DeliveryState.DEGRADED),
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
def test_a_storm_in_real_time(tmp_path: Path) -> None:
    """The same with the machine's clock, threads and all: within seconds."""
    with standing(tmp_path, clock=SystemClock()) as stand:
        storm(stand, 60, critical_every=20)
        outbox = stand.outbox(messages_per_hour=4, wait_s=0.2)
        began = time.monotonic()
        while not all(row.state.final for row in rows_of(stand)) and time.monotonic() - began < 60:
            outbox.deliver_due()
            time.sleep(0.05)
        assert time.monotonic() - began < 30
        assert {row.state for row in rows_of(stand)} == ACCEPTED
        for channel in CHANNELS:
            seen = told(stand, channel)
            assert stand.calls(faults.ROUTES[channel]) == len(seen) == 3 + 4
            assert [text[:3] for text in seen[:3]] == ["【红】"] * 3
