from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.platforms import build_platform
from crawlers.platforms.websearch import WebsearchSettings
from crawlers.quota import allowance, allowed_at, day_of, fit_intervals, next_day, quota_of
from domain.secret import Secret
from tests.crawlers.pages import source

MIDNIGHT = datetime(2026, 6, 19, 16, tzinfo=UTC)  # 00:00 of the 20th in Shanghai
DAY = timedelta(days=1)


def test_day_is_that_of_shanghai() -> None:
    assert day_of(MIDNIGHT - timedelta(seconds=1)) == "2026-06-19"
    assert day_of(MIDNIGHT) == "2026-06-20"
    assert next_day(MIDNIGHT) == next_day(MIDNIGHT + DAY - timedelta(seconds=1)) == MIDNIGHT + DAY


@pytest.mark.parametrize(("share", "allowed"), [(0.0, 10), (0.25, 35), (0.5, 60), (0.9, 100), (0.999, 100)])
def test_quota_is_spread_over_the_day_with_a_tenth_beforehand(share: float, allowed: int) -> None:
    assert allowance(100, MIDNIGHT + DAY * share) == allowed


def test_smallest_quota_lets_one_through_at_once_and_none_after() -> None:
    assert allowed_at(1, 0, 1, MIDNIGHT) is None
    assert allowed_at(1, 1, 1, MIDNIGHT) == MIDNIGHT + DAY
    assert allowed_at(100, 100, 1, MIDNIGHT + DAY / 2) == MIDNIGHT + DAY


def test_more_than_a_burst_needs_only_a_burst() -> None:
    assert allowed_at(100, 0, 30, MIDNIGHT) is None
    assert allowed_at(100, 1, 30, MIDNIGHT) is not None


@given(quota=st.integers(1, 100_000), second=st.integers(0, 86_399), wanted=st.integers(0, 50), data=st.data())
def test_the_named_moment_is_enough_and_later_than_now(
    quota: int, second: int, wanted: int, data: st.DataObject
) -> None:
    used = data.draw(st.integers(0, quota))
    now = MIDNIGHT + timedelta(seconds=second)
    at = allowed_at(quota, used, wanted, now)
    if at is None:
        return
    assert at > now
    if at < MIDNIGHT + DAY:
        assert allowed_at(quota, used, wanted, at) is None
    else:
        assert day_of(at) != day_of(now)
        assert allowed_at(quota, 0, wanted, at) is None


def test_own_quota_goes_before_the_platforms_which_is_one_of_its_keys() -> None:
    qianfan = build_platform("websearch", WebsearchSettings(engine="qianfan"))
    assert quota_of(source(platform="websearch", transport="official"), qianfan) == 100
    assert quota_of(source(platform="websearch", transport="official", quota=1_000), qianfan) == 1_000
    assert quota_of(source(platform="websearch", transport="official"), build_platform("websearch")) is None
    assert quota_of(source(quota=7), build_platform("feed")) == 7
    assert quota_of(source(platform="websearch"), qianfan) is None


def test_intervals_are_stretched_until_all_that_share_a_key_fit() -> None:
    minutes = timedelta(minutes=1)
    key: dict[str, Any] = {
        "platform": "websearch", "transport": "official", "token": Secret("k"), "query": ("云杉咖啡",),
    }  # fmt: skip
    qianfan = WebsearchSettings(engine="qianfan")
    two = WebsearchSettings(engine="qianfan", sites=("zhihu.com", "mp.weixin.qq.com"))
    sources = [
        source(name="a", options=qianfan, interval=5 * minutes, **key),
        source(name="b", options=two, interval=10 * minutes, **key),
        source(name="slow", options=qianfan, interval=60 * minutes, **{**key, "token": Secret("other")}),
        source(name="zhipu", interval=5 * minutes, **key),
        source(name="feed", url="https://a.cn/f"),
    ]
    fitted = fit_intervals(sources)
    assert [each.name for each in fitted] == ["a", "b", "slow", "zhipu", "feed"]
    assert fitted[1].interval == 2 * fitted[0].interval == 64 * minutes
    assert fitted[2:] == tuple(sources[2:])
    assert fit_intervals(fitted) == fitted
