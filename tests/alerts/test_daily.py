from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.daily import Daily
from alerts.delivery import report_of
from config.settings import HeartbeatSettings, Settings
from domain.clock import ManualClock
from domain.counting import CountRow
from domain.moment import Window
from domain.ports import DeskChange
from domain.source import SourceHealth, SourceState
from domain.tagging import Polarity
from storage import State, open_state
from tests.alerts.world import receiver, settings
from tests.storage.desk_sample import incident

EIGHT = datetime(2026, 6, 20, 0, 0, tzinfo=UTC)  # in Shanghai
HOUR = timedelta(hours=1)
WANTED = settings(
    locale="en", receivers=(receiver("pr"),), operator="pr", heartbeat=HeartbeatSettings(daily_hour=9), routes=()
)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = open_state(None, tmp_path)
    yield opened
    opened.close()


class _Counts:
    def counts(self, window: Window, *, brand: str | None = None, by: object = None) -> Sequence[CountRow]:
        row = CountRow(
            bucket=window.start,
            brand="b",
            polarity=Polarity.NEUTRAL,
            source="a",
            platform="web",
            backfill=False,
            mentions=7,
            new_authors=1,
            p_negative=0.1,
        )
        return [row, replace(row, backfill=True), row]

    def distinct_authors(self, window: Window, **which: object) -> int:
        return 0


def make(state: State, clock: ManualClock, wanted: Settings = WANTED) -> Daily:
    sources = [
        SourceHealth(source="news", platform="feed", state=SourceState.LIVE),
        SourceHealth(source="weibo", platform="weibo", state=SourceState.BLIND),
    ]
    return Daily(wanted, desk=state.desk, counts=_Counts(), health=lambda: sources, marks=state.marks, clock=clock)


def told(state: State) -> list[str]:
    rows = {each.payload: report_of(each).text for each in state.desk.deliveries()}
    return list(rows.values())


def test_the_operator_hears_once_a_day_what_was_heard(state: State) -> None:
    clock = ManualClock(EIGHT)
    daily = make(state, clock)
    state.desk.commit(DeskChange(incidents=(replace(incident(), opened_at=EIGHT - HOUR),)), now=EIGHT)
    assert not daily.step()
    clock.advance(HOUR)
    assert daily.step() and not daily.step()
    assert told(state) == [
        "Tingfeng is listening: 1 of 2 sources are well\n"
        "last 24 hours: 14 mentions, 1 new incidents, 1 still open\n"
        "sources that give no data: weibo"
    ]
    clock.advance(24 * HOUR)
    assert daily.step() and len(told(state)) == 2


def test_a_restart_tells_neither_twice_nor_forgets(state: State) -> None:
    clock = ManualClock(EIGHT + HOUR / 2)
    first = make(state, clock)
    first.step()
    clock.advance(HOUR)
    assert first.step()
    assert not make(state, clock).step()
    clock.set(EIGHT + 30 * HOUR)  # it was down at nine
    assert make(state, clock).step()


def test_a_first_start_after_the_hour_waits_for_the_next_day(state: State) -> None:
    clock = ManualClock(EIGHT + 5 * HOUR)
    daily = make(state, clock)
    assert not daily.step()
    clock.advance(20 * HOUR)
    assert daily.step()


@pytest.mark.parametrize("wanted", [replace(WANTED, operator=None), replace(WANTED, heartbeat=HeartbeatSettings())])
def test_without_an_hour_or_an_operator_nothing_is_told(state: State, wanted: Settings) -> None:
    clock = ManualClock(EIGHT)
    daily = make(state, clock, wanted)
    clock.advance(48 * HOUR)
    assert not daily.step() and told(state) == []
