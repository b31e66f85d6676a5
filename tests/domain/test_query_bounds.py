from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.moment import SHANGHAI, to_rfc3339
from domain.query import QueryError, RangeOperator, range_moment, read_date, read_number, uses_now

NOW = datetime(2026, 11, 24, 9, 30, 15, 250_000, tzinfo=UTC)  # a Tuesday


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026", "2026-01-01T00:00:00.000Z", "2026-12-31T23:59:59.999Z"),
        ("2024-02", "2024-02-01T00:00:00.000Z", "2024-02-29T23:59:59.999Z"),
        ("2026-11-24", "2026-11-24T00:00:00.000Z", "2026-11-24T23:59:59.999Z"),
        ("2026-11-24T08", "2026-11-24T08:00:00.000Z", "2026-11-24T08:59:59.999Z"),
        ("2026-11-24T08:05", "2026-11-24T08:05:00.000Z", "2026-11-24T08:05:59.999Z"),
        ("2026-11-24 08:05:09", "2026-11-24T08:05:09.000Z", "2026-11-24T08:05:09.999Z"),
        ("2026-11-24T08:05:09.5Z", "2026-11-24T08:05:09.500Z", "2026-11-24T08:05:09.500Z"),
        ("2026-11-24T08:05:09+08:00", "2026-11-24T00:05:09.000Z", "2026-11-24T00:05:09.999Z"),
        ("2026-11-24T08:05:09.123-0130", "2026-11-24T09:35:09.123Z", "2026-11-24T09:35:09.123Z"),
        ("1700000000000", "2023-11-14T22:13:20.000Z", "2023-11-14T22:13:20.000Z"),
        ("now", "2026-11-24T09:30:15.250Z", "2026-11-24T09:30:15.250Z"),
        (" now-24h ", "2026-11-23T09:30:15.250Z", "2026-11-23T09:30:15.250Z"),
        ("now+90m", "2026-11-24T11:00:15.250Z", "2026-11-24T11:00:15.250Z"),
        ("now-1w/d", "2026-11-17T00:00:00.000Z", "2026-11-17T23:59:59.999Z"),
        ("now/w", "2026-11-23T00:00:00.000Z", "2026-11-29T23:59:59.999Z"),
        ("now/M", "2026-11-01T00:00:00.000Z", "2026-11-30T23:59:59.999Z"),
        ("now/y", "2026-01-01T00:00:00.000Z", "2026-12-31T23:59:59.999Z"),
        ("now/H", "2026-11-24T09:00:00.000Z", "2026-11-24T09:59:59.999Z"),
        ("now/m", "2026-11-24T09:30:00.000Z", "2026-11-24T09:30:59.999Z"),
        ("now/s", "2026-11-24T09:30:15.000Z", "2026-11-24T09:30:15.999Z"),
        ("now/d+1h", "2026-11-24T01:00:00.000Z", "2026-11-25T00:59:59.999Z"),
        ("2026-01-31||+1M", "2026-02-28T00:00:00.000Z", "2026-02-28T23:59:59.999Z"),
        ("2024-02-29||-1y/d", "2023-02-28T00:00:00.000Z", "2023-02-28T23:59:59.999Z"),
        ("2026-11-24||", "2026-11-24T00:00:00.000Z", "2026-11-24T23:59:59.999Z"),
    ],
)
def test_dates_stand_for_a_span(text: str, first: str, last: str) -> None:
    assert to_rfc3339(read_date(text, last=False, now=NOW)) == first
    assert to_rfc3339(read_date(text, last=True, now=NOW)) == last


def test_dates_without_an_offset_are_read_in_the_zone() -> None:
    assert to_rfc3339(read_date("2026-11-24", last=False, zone=SHANGHAI)) == "2026-11-23T16:00:00.000Z"
    assert to_rfc3339(read_date("now/d", last=False, now=NOW, zone=SHANGHAI)) == "2026-11-23T16:00:00.000Z"
    assert to_rfc3339(read_date("2026-11-24T00:00Z", last=False, zone=SHANGHAI)) == "2026-11-24T00:00:00.000Z"


def test_hours_are_counted_through_a_change_of_the_clock() -> None:
    zone = ZoneInfo("Europe/Berlin")
    now = datetime(2026, 3, 29, 3, 30, tzinfo=zone)
    assert read_date("now-1h", last=False, now=now, zone=zone) == now.astimezone(UTC) - timedelta(hours=1)


@pytest.mark.parametrize(
    ("operator", "bound"),
    [
        (RangeOperator.GTE, "2026-11-24T00:00:00.000Z"),
        (RangeOperator.LT, "2026-11-24T00:00:00.000Z"),
        (RangeOperator.GT, "2026-11-24T23:59:59.999Z"),
        (RangeOperator.LTE, "2026-11-24T23:59:59.999Z"),
    ],
)
def test_the_operator_decides_which_end_counts(operator: RangeOperator, bound: str) -> None:
    assert to_rfc3339(range_moment(operator, "2026-11-24")) == bound


@pytest.mark.parametrize(
    "text",
    (
        " yesterday 2026-13 2026-02-30 24.11.2026 2026-11-24T25 now- now-5x nowhere 0000 9999||+1y now-999999y"
        " now+999999w 2026-11-24||+ 2026-11-24T08+99:00 2026-1130 123"
    ).split(" "),
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(QueryError, match="no date"):
        read_date(text, last=True, now=NOW)


def test_now_needs_the_present() -> None:
    assert uses_now(" now/d")
    assert not uses_now("2026")
    with pytest.raises(QueryError, match="depends on the present"):
        read_date("now", last=False)


@given(st.text("now0123456789-+/|:TZ.yMwdhHms ", max_size=20))
def test_any_text_is_a_date_or_refused(text: str) -> None:
    try:
        first, last = (read_date(text, last=last, now=NOW) for last in (False, True))
    except QueryError:
        return
    assert first <= last
    assert first.tzinfo is UTC


@given(st.integers(0, 4_000_000_000_000), st.integers(-12, 14))
def test_an_exact_moment_reads_as_itself(since_ms: int, hours: int) -> None:
    exact = datetime.fromtimestamp(0, timezone(timedelta(hours=hours))) + timedelta(milliseconds=since_ms)
    text = exact.isoformat(timespec="milliseconds")
    assert read_date(text, last=False) == read_date(text, last=True) == exact


@pytest.mark.parametrize(
    ("text", "number"),
    [("10000", 10000), (" -3 ", -3), ("+5", 5), (".5", 0.5), ("1.", 1.0), ("1e4", 10000.0), ("9" * 30, int("9" * 30))],
)
def test_numbers_are_read(text: str, number: float) -> None:
    assert read_number(text) == number


@pytest.mark.parametrize("text", ["", "ten", "1,000", "0x10", "1e999", "nan", "inf", "9" * 5000, "１０", "1 2", "--1"])
def test_what_is_no_number_is_none(text: str) -> None:
    assert read_number(text) is None
