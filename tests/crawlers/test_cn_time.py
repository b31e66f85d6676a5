import locale
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.cn_time import parse_cn_time
from domain.moment import SHANGHAI

NOW = datetime(2026, 6, 20, 15, 30, tzinfo=SHANGHAI)
NEW_YEAR = datetime(2026, 1, 1, 0, 30, tzinfo=SHANGHAI)


def local(raw: object, now: datetime = NOW) -> tuple[str, str] | None:
    stamp = parse_cn_time(raw, now)
    return (stamp.at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S"), stamp.precision.value) if stamp else None


@pytest.mark.parametrize(
    ("raw", "moment", "precision"),
    [
        ("Sat Jun 20 12:00:00 +0800 2026", "2026-06-20 12:00:00", "second"),
        (1781940600, "2026-06-20 15:30:00", "second"),
        ("1781940600", "2026-06-20 15:30:00", "second"),
        (1781940600000, "2026-06-20 15:30:00", "second"),
        ("1781940600000", "2026-06-20 15:30:00", "second"),
        ("刚刚", "2026-06-20 15:30:00", "minute"),
        ("30秒前", "2026-06-20 15:29:30", "minute"),
        ("5分钟前", "2026-06-20 15:25:00", "minute"),
        ("半小时前", "2026-06-20 15:00:00", "minute"),
        ("3小时前", "2026-06-20 12:30:00", "hour"),
        ("3 个小时前", "2026-06-20 12:30:00", "hour"),
        ("2天前", "2026-06-18 00:00:00", "day"),
        ("1周前", "2026-06-13 00:00:00", "day"),
        ("4个月前", "2026-02-20 00:00:00", "day"),
        ("1年前", "2025-06-20 00:00:00", "day"),
        ("半年前", "2025-12-20 00:00:00", "day"),
        ("今天 12:30", "2026-06-20 12:30:00", "minute"),
        ("今天12:30", "2026-06-20 12:30:00", "minute"),
        ("昨天 20:11", "2026-06-19 20:11:00", "minute"),
        ("昨日", "2026-06-19 00:00:00", "day"),
        ("前天08:21", "2026-06-18 08:21:00", "minute"),
        ("06-12", "2026-06-12 00:00:00", "day"),
        ("6月12日", "2026-06-12 00:00:00", "day"),
        ("06月12日 20:11", "2026-06-12 20:11:00", "minute"),
        ("2026-3-15", "2026-03-15 00:00:00", "day"),
        ("2025年12月30日 08:00", "2025-12-30 08:00:00", "minute"),
        ("2026年6月20日 下午3:05", "2026-06-20 15:05:00", "minute"),
        ("2026年6月20日 凌晨12:05", "2026-06-20 00:05:00", "minute"),
        ("2026年6月20日 中午1:05", "2026-06-20 13:05:00", "minute"),
        ("2026年6月20日 8时", "2026-06-20 08:00:00", "hour"),
        ("2026.06.20", "2026-06-20 00:00:00", "day"),
        ("2026/06/20", "2026-06-20 00:00:00", "day"),
        ("20260620", "2026-06-20 00:00:00", "day"),
        ("编辑于 05-30", "2026-05-30 00:00:00", "day"),
        ("发布于 2026-6-18", "2026-06-18 00:00:00", "day"),
        ("05-30 江苏", "2026-05-30 00:00:00", "day"),
        ("Sat, 20 Jun 2026 06:05:00 GMT", "2026-06-20 14:05:00", "second"),
        ("Sat, 20 Jun 2026 14:05:00 +0800", "2026-06-20 14:05:00", "second"),
        ("20 Jun 2026", "2026-06-20 00:00:00", "day"),
        ("Jun 20, 2026 2:05 PM", "2026-06-20 14:05:00", "minute"),
        ("Fri Jun 19 23:10:00 CST 2026", "2026-06-19 23:10:00", "second"),
        ("Fri, 19 Jun 2026 23:10:00 CST", "2026-06-19 23:10:00", "second"),
        ("Fri, 19 Jun 2026 23:10:00 EST", "2026-06-20 12:10:00", "second"),
        ("Fri, 19 Jun 2026 23:10:00 XYZ", "2026-06-19 23:10:00", "second"),
        ("2026-06-19 08:00:00", "2026-06-19 08:00:00", "second"),
        ("2026-06-19T08:00", "2026-06-19 08:00:00", "minute"),
        ("2026-06-20T05:59:00.123Z", "2026-06-20 13:59:00", "second"),
        ("2026-06-20T12:00:00+08:00", "2026-06-20 12:00:00", "second"),
        ("2026-06-20T12:00:00-03:30", "2026-06-20 23:30:00", "second"),
        ("20260620T061500Z", "2026-06-20 14:15:00", "second"),
        ("12:30", "2026-06-20 12:30:00", "minute"),
        ("23:30", "2026-06-19 23:30:00", "minute"),
        ("２０２６－０６－１９", "2026-06-19 00:00:00", "day"),
        ("2026-06-19 24:00", "2026-06-20 00:00:00", "minute"),
    ],
)
def test_every_printed_form_is_read_in_beijing_time(raw: object, moment: str, precision: str) -> None:
    assert local(raw) == (moment, precision)


@pytest.mark.parametrize(
    ("raw", "moment"),
    [
        ("12-31", "2025-12-31 00:00:00"),
        ("12月31日 23:59", "2025-12-31 23:59:00"),
        ("06-12", "2025-06-12 00:00:00"),
        ("01-01", "2026-01-01 00:00:00"),
        ("01-02", "2025-01-02 00:00:00"),
        ("昨天 23:59", "2025-12-31 23:59:00"),
        ("02-29", "2024-02-29 00:00:00"),
    ],
)
def test_after_new_year_a_date_without_year_is_of_the_year_before(raw: str, moment: str) -> None:
    found = local(raw, NEW_YEAR)
    expected = "2026-01-02 00:00:00" if raw == "01-02" else moment
    assert found is not None
    assert found[0] == expected


@pytest.mark.parametrize(
    "raw",
    ["", "--", "abc", None, True, [], -1, 0, 10**30, "13-45", "2026-13-01", "99999999天前", "99999年前", "2026-02-30",
     "25:99", "Sat Foo 20 12:00:00 +0800 2026", float("nan"), "2026-06-19 25:00"],
)  # fmt: skip
def test_what_is_no_time_gives_none(raw: object) -> None:
    assert parse_cn_time(raw, NOW) is None


def test_english_names_do_not_depend_on_the_locale() -> None:
    before = locale.setlocale(locale.LC_TIME)
    try:
        for name in ("zh_CN.UTF-8", "C"):
            try:
                locale.setlocale(locale.LC_TIME, name)
            except locale.Error:
                continue
            assert local("Sat Jun 20 12:00:00 +0800 2026") == ("2026-06-20 12:00:00", "second")
    finally:
        locale.setlocale(locale.LC_TIME, before)


@given(st.text(max_size=120))
def test_any_text_gives_an_aware_moment_or_none(text: str) -> None:
    stamp = parse_cn_time(text, NOW)
    assert stamp is None or stamp.at.tzinfo is UTC


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2090, 1, 1)))  # noqa: DTZ001
def test_a_full_date_survives_being_printed(naive: datetime) -> None:
    moment = naive.replace(microsecond=0, tzinfo=SHANGHAI)
    for text in (moment.isoformat(), moment.strftime("%Y-%m-%d %H:%M:%S"), str(int(moment.timestamp()))):
        stamp = parse_cn_time(text, NOW)
        assert stamp is not None
        assert abs(stamp.at - moment) < timedelta(seconds=1)


@given(st.integers(min_value=1, max_value=12), st.integers(min_value=1, max_value=28), st.datetimes(
    min_value=datetime(2001, 1, 1), max_value=datetime(2080, 1, 1)))  # noqa: DTZ001  # fmt: skip
def test_a_date_without_year_lies_within_the_last_year_or_tomorrow(month: int, day: int, naive: datetime) -> None:
    now = naive.replace(tzinfo=SHANGHAI)
    stamp = parse_cn_time(f"{month:02}-{day:02}", now)
    assert stamp is not None
    assert now - timedelta(days=367) < stamp.at <= now + timedelta(days=1)
