"""What is usual: levels, hours, spread, and a past that bursts do not lift."""

from datetime import timedelta

import numpy as np
import pytest

from alerts.detect.baseline import Baseline, excess_z
from alerts.detect.series import BINS_PER_DAY, BINS_PER_HOUR, bin_of
from domain.counting import CountRow
from tests.alerts.detect.sample import START, Rows, U, row, steady, view

NOW = START + timedelta(days=15)


def measure(rows: list[CountRow]) -> Baseline:
    return view(Rows(rows), NOW).baseline("negative", (6, 72), 24)


def test_no_past_is_known_as_none() -> None:
    usual = measure([])
    assert (usual.days, usual.share, usual.authors.sum()) == (0.0, 0.0, 0.0)
    assert usual.weights(0, BINS_PER_DAY, 1.0).sum() == pytest.approx(BINS_PER_DAY)


def test_steady_talk_gives_its_level_and_share() -> None:
    usual = measure(steady(14 * 24, end=NOW, negative=3, other=9))
    assert usual.authors.sum() * BINS_PER_HOUR == pytest.approx(3, rel=0.05)
    assert usual.all_mentions.sum() * BINS_PER_HOUR == pytest.approx(12, rel=0.05)
    assert usual.share == pytest.approx(0.25, abs=0.02)
    assert usual.days == pytest.approx(13, abs=0.1)


def test_the_shape_follows_the_hours_of_shanghai() -> None:
    rows = [
        row(START + timedelta(days=day, hours=hour, minutes=30), 20 if hour >= 12 else 2, U)
        for day in range(14)
        for hour in range(24)
    ]
    usual = measure(rows)
    midnight = bin_of(START)
    night = usual.weights(midnight + 4 * BINS_PER_HOUR, midnight + 8 * BINS_PER_HOUR, 1.0).mean()
    evening = usual.weights(midnight + 16 * BINS_PER_HOUR, midnight + 20 * BINS_PER_HOUR, 1.0).mean()
    assert evening > 5 * night
    assert usual.shape.mean() == pytest.approx(1.0)


def test_a_past_crisis_hardly_lifts_the_level() -> None:
    calm = steady(14 * 24, end=NOW, negative=3, other=9)
    crisis = [row(NOW - timedelta(days=4, minutes=n), 5) for n in range(180)]
    before, after = measure(calm).authors.sum(), measure(calm + crisis).authors.sum()
    assert after < 1.1 * before


def test_restless_brands_have_a_wider_spread() -> None:
    calm = measure(steady(14 * 24, end=NOW, negative=6, other=9))
    rng = np.random.default_rng(1)
    bursts = [
        row(NOW - timedelta(hours=int(hour), minutes=5 * n), 3)
        for hour in rng.integers(30, 14 * 24, 25)
        for n in range(6)
    ]
    restless = measure(steady(14 * 24, end=NOW, negative=6, other=9) + bursts)
    assert restless.spread[72] > calm.spread[72]
    assert 0 < calm.spread[6] <= 1


def test_a_new_source_is_measured_over_its_own_time() -> None:
    rows = steady(14 * 24, end=NOW, negative=2) + steady(4 * 24, end=NOW, negative=6, source="new")
    seen = view(Rows(rows), NOW)
    usual = seen.baseline("negative", (6,), 24)
    level = usual.authors[seen.series.sources.index("new")] * BINS_PER_HOUR
    assert level == pytest.approx(6, rel=0.25)


def test_excess_grows_with_the_value_and_shrinks_with_the_spread() -> None:
    assert excess_z(10, 10, 0.1) == 0
    assert excess_z(30, 10, 0.05) > excess_z(20, 10, 0.05) > 0
    assert excess_z(30, 10, 0.5) < excess_z(30, 10, 0.05)
