from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import DomainError
from domain.moment import BUCKET, Window, bucket_of, from_rfc3339, moment_text, require_utc, to_rfc3339

MOMENTS = st.integers(min_value=86_400_000_000, max_value=7_258_118_400_000_000).map(
    lambda us: datetime(1970, 1, 1, tzinfo=UTC).astimezone(timezone(timedelta(hours=8))) + timedelta(microseconds=us)
)


@given(MOMENTS)
def test_written_moments_read_back_to_the_millisecond(moment: datetime) -> None:
    text = to_rfc3339(moment)
    assert text.endswith("Z")
    assert timedelta(0) <= moment - from_rfc3339(text) < timedelta(milliseconds=1)


@given(MOMENTS, MOMENTS)
def test_written_moments_sort_as_text(one: datetime, two: datetime) -> None:
    if abs(one - two) >= timedelta(milliseconds=1):
        assert (one < two) == (to_rfc3339(one) < to_rfc3339(two))


@given(MOMENTS)
def test_a_bucket_holds_its_moment(moment: datetime) -> None:
    start = bucket_of(moment)
    assert start <= moment < start + BUCKET
    assert start.timestamp() % 300 == 0


@pytest.mark.parametrize("text", ["", "yesterday", "2026-06-20", "2026-06-20T10:00:00", "2026-13-01T00:00:00Z"])
def test_moments_without_zone_or_sense_are_refused(text: str) -> None:
    with pytest.raises(DomainError):
        from_rfc3339(text)


def test_naive_moments_are_refused() -> None:
    with pytest.raises(DomainError, match="naive"):
        require_utc(datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_window_is_half_open() -> None:
    start = datetime(2026, 6, 20, tzinfo=UTC)
    window = Window(start=start, end=start + BUCKET)
    assert window.holds(start) and not window.holds(window.end)
    assert window.length == BUCKET
    with pytest.raises(DomainError):
        Window(start=window.end, end=start)


def test_moments_for_people_are_in_beijing() -> None:
    assert moment_text(datetime(2026, 6, 20, 17, 5, tzinfo=UTC)) == "06-21 01:05"
