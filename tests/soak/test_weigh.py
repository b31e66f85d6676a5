"""The scales themselves."""

import os

import pytest

from tests.soak.weigh import Scales, growth


def test_growth_compares_the_end_with_the_time_after_the_warm_up() -> None:
    assert growth([1.0] * 30 + [100.0] * 70) == 1.0
    assert growth([float(n) for n in range(100)]) == pytest.approx(91.0 / 38.0, abs=0.1)
    assert growth([100.0] * 99 + [500.0]) == 1.0


def test_a_process_is_weighed_under_its_name() -> None:
    scales = Scales()
    scales.look(os.getpid(), [{"role": "crawl", "pid": os.getpid()}, {"role": "watch", "pid": None}])
    assert set(scales.looks) == {"supervisor", "crawl"}
    assert scales.looks["crawl"][0].rss_bytes > 10_000_000
    assert scales.looks["crawl"][0].files > 2
    assert scales.weigh_all(os.getpid()) == scales.most_pss_bytes > 10_000_000
