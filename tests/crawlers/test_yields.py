from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crawlers.yields import YieldWatch, low_yield
from storage import State, open_state

T = datetime(2026, 6, 20, 8, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = open_state(None, tmp_path)
    yield opened
    opened.close()


def weeks(number: int, per_hour: int, now: int | None) -> Mapping[datetime, int]:
    """Return `per_hour` for each of the last six hours of earlier weeks, and `now` for those of today."""
    start = T.replace(minute=0)
    hours = {start - back * HOUR - week * WEEK: per_hour for back in range(1, 7) for week in range(1, number + 1)}
    return hours if now is None else {**hours, **{start - back * HOUR: now for back in range(1, 7)}}


@pytest.mark.parametrize(
    ("hours", "low"),
    [
        (weeks(4, 10, 10), None),
        (weeks(4, 10, 2), (12, 60.0)),
        (weeks(2, 10, 0), (0, 60.0)),
        (weeks(1, 10, 0), None),
        (weeks(4, 1, 0), None),
        (weeks(4, 0, 0), None),
        (weeks(4, 10, None), None),
        ({}, None),
    ],
)
def test_low_is_what_chance_does_not_explain(hours: Mapping[datetime, int], low: tuple[int, float] | None) -> None:
    assert low_yield(hours, T) == low


def test_only_whole_hours_are_written_and_compared(state: State) -> None:
    for week in range(1, 5):
        for back in range(1, 7):
            state.hours.add("s", at=T - back * HOUR - week * WEEK, new=10)
    watch = YieldWatch(state.hours, T - timedelta(hours=7))
    said = []
    at = T - timedelta(hours=7)
    while at <= T:
        said.append(watch.note("s", 0, at))
        at += timedelta(minutes=15)
    since = T - timedelta(days=1)
    assert len(state.hours.hours("s", since=since)) == 6
    assert said[-1] == (False, None) and said[-3] == (True, (0, 60.0))
    assert [ended for ended, _ in said].count(True) == 6


def test_visits_of_one_hour_add_up_and_old_hours_go(state: State) -> None:
    state.hours.add("s", at=T, new=2)
    state.hours.add("s", at=T + timedelta(minutes=10), new=3)
    state.hours.add("other", at=T, new=7)
    assert state.hours.hours("s", since=T - HOUR) == {T.replace(minute=0): 5}
    assert state.hours.prune(before=T + HOUR) == 2
    assert not state.hours.hours("s", since=T - HOUR)
