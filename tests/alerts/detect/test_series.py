"""Counts as arrays: always what the count source says."""

import itertools
import math
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from alerts.detect.brand import BrandCounts
from alerts.detect.series import BINS_PER_DAY, Series, bin_of, bin_start, bins_in, merge_ranges
from domain.counting import CountRow
from domain.source import SourceHealth, SourceState
from tests.alerts.detect.sample import START, N, P, Rows, row

rows = st.lists(
    st.builds(
        lambda minutes, number, polarity, source, backfill: row(
            START + timedelta(minutes=minutes), number, polarity, source=source, backfill=backfill
        ),
        st.integers(-20 * 1440, 60),
        st.integers(1, 9),
        st.sampled_from(list(type(N))),
        st.sampled_from(["a", "b", "c"]),
        st.booleans(),
    ),
    max_size=30,
)


def content(series: Series, first: int, end: int) -> dict[str, list[float]]:
    found = {}
    for on in ("negative", "neutral", "positive", "all"):
        for backfill in (False, True):
            per_source = series.mentions(on, first, end, backfill=backfill).sum(axis=1).tolist()  # type: ignore[arg-type]
            found[f"{on}{backfill}"] = sorted(each for each in per_source if each)
    return found


@given(before=rows, after=rows, days=st.integers(0, 40))
def test_reading_only_what_changed_equals_reading_everything(
    before: list[CountRow], after: list[CountRow], days: int
) -> None:
    source = Rows(before)
    kept = BrandCounts(source, "b", history=timedelta(days=14), now=START)
    now = START + timedelta(days=days)
    source.rows = before + [each for each in after]
    kept.update([bin_of(each.bucket) for each in after], now)
    fresh = BrandCounts(source, "b", history=timedelta(days=14), now=now)
    first, end = bin_of(now) - 15 * BINS_PER_DAY, bin_of(now) + 1
    assert content(kept.series, first, end) == content(fresh.series, first, end)
    seen = {
        name: max(first, int(at)) for name, at in zip(kept.series.sources, kept.series.first_seen(end), strict=True)
    }
    for name, at in zip(fresh.series.sources, fresh.series.first_seen(end), strict=True):
        assert seen[name] == max(first, int(at))
    one, other = (each.baseline("negative", (6, 288), 24, now=now) for each in (kept, fresh))
    assert math.fsum(one.authors) == math.fsum(other.authors)
    assert (one.days, one.share, one.spread, one.story_maxima) == (
        other.days,
        other.share,
        other.spread,
        other.story_maxima,
    )


@given(st.lists(st.integers(0, 3000), max_size=30), st.integers(0, 3000))
def test_ranges_are_disjoint_ordered_and_hold_every_change(changed: list[int], last: int) -> None:
    ranges = merge_ranges(changed, last)
    assert all(first <= end for first, end in ranges)
    assert all(one[1] + 1 < other[0] for one, other in itertools.pairwise(ranges))
    for each in changed:
        assert any(first <= each <= end and (end >= min(last, each + 288)) for first, end in ranges)


@given(st.integers(0, 10_000_000))
def test_a_bin_starts_where_it_is_found(index: int) -> None:
    assert bin_of(bin_start(index)) == index
    assert bin_of(bin_start(index) + timedelta(seconds=299)) == index


def test_spans_are_rounded_up_to_bins() -> None:
    assert [bins_in(timedelta(minutes=minutes)) for minutes in (0, 1, 5, 6, 60)] == [1, 1, 1, 2, 12]


def test_story_maxima_are_per_day_and_history_counts() -> None:
    now = START + timedelta(days=2)
    source = Rows(
        [
            row(START + timedelta(hours=1), 3, story="s", backfill=True),
            row(START + timedelta(hours=2, minutes=30), 4, story="s", backfill=True),
            row(START + timedelta(hours=9), 5, story="s"),
            row(START + timedelta(days=1, hours=3), 2, story="t"),
            row(START + timedelta(days=1, hours=3), 50, P, story="p"),
        ]
    )
    brand = BrandCounts(source, "b", history=timedelta(days=14), now=now)
    first = bin_of(START)
    assert brand.series.story_maxima(first, first + 2 * BINS_PER_DAY, 24) == [7.0, 2.0]
    assert brand.series.story_authors(first, first + BINS_PER_DAY) == {"s": 5.0}


def test_last_live_ignores_history() -> None:
    source = Rows([row(START, 1), row(START + timedelta(hours=1), 1, backfill=True)])
    brand = BrandCounts(source, "b", history=timedelta(days=14), now=START + timedelta(hours=2))
    assert brand.series.last_live(bin_of(START) + 50).tolist() == [bin_of(START)]
    assert brand.series.last_live(0).tolist() == [brand.series.first - 1]


def test_a_window_outside_the_span_is_none() -> None:
    series = Series(last=1000, days=1)
    assert series.window(0, 10) is None
    series.replace(0, 10, [])
    assert series.window(series.first, series.first) is not None


def test_baselines_are_kept_until_the_past_or_the_listening_changes() -> None:
    now = START + timedelta(days=6)
    source = Rows([row(START, 5)])
    brand = BrandCounts(source, "b", history=timedelta(days=14), now=now)
    one = brand.baseline("negative", (6,), 24, now=now)
    brand.update([bin_of(now)], now)
    assert brand.baseline("negative", (6,), 24, now=now) is one
    brand.update([bin_of(START)], now)
    two = brand.baseline("negative", (6,), 24, now=now)
    assert two is not one
    since = START - timedelta(days=9)
    brand.listen([SourceHealth(source="x", platform="feed", state=SourceState.LIVE, since=since)])
    three = brand.baseline("negative", (6,), 24, now=now)
    assert three.days > two.days
    assert three.authors.sum() < two.authors.sum() or two.authors.sum() == 0
