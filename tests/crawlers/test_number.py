import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.number import Count, parse_number


@pytest.mark.parametrize(
    ("raw", "value", "approx", "bound"),
    [
        ("1.2万", 12_000, True, False),
        ("10万+", 100_000, False, True),
        ("100万+", 1_000_000, False, True),
        ("2.1w", 21_000, True, False),
        ("2.1W", 21_000, True, False),
        ("1.03亿", 103_000_000, True, False),
        ("1千+", 1_000, False, True),
        ("10+", 10, False, True),
        ("3k", 3_000, True, False),
        ("1千万", 10_000_000, True, False),
        ("3万多", 30_000, False, True),
        ("1,234", 1_234, False, False),
        ("１，２３４", 1_234, False, False),
        ("  12 ", 12, False, False),
        ("转发", 0, False, False),
        ("评论", 0, False, False),
        ("赞", 0, False, False),
        ("收藏", 0, False, False),
        ("分享", 0, False, False),
        ("评论 2", 2, False, False),
        ("", 0, False, False),
        ("0", 0, False, False),
        ("1234 万热度", 12_340_000, True, False),
        (0, 0, False, False),
        (1203311, 1203311, False, False),
        (3.0, 3, False, False),
    ],
)
def test_counter_is_read_as_printed(raw: object, value: int, approx: bool, bound: bool) -> None:
    assert parse_number(raw) == Count(value=value, approx=approx, lower_bound=bound)


@pytest.mark.parametrize(
    "raw",
    ["--", "—", "-5", -1, None, True, "abc", "9" * 70, "9" * 20 + "亿", 2**64, float("nan"), float("inf"), [], {}],
)
def test_what_is_no_counter_is_unknown_and_never_zero(raw: object) -> None:
    assert parse_number(raw).value is None


@given(st.one_of(st.text(max_size=80), st.integers(), st.floats(), st.none(), st.booleans()))
def test_anything_gives_a_count_in_range_or_none(raw: object) -> None:
    value = parse_number(raw).value
    assert value is None or 0 <= value < 2**63


@given(st.integers(min_value=0, max_value=10**9))
def test_a_number_printed_with_commas_or_not_is_the_same(number: int) -> None:
    assert parse_number(f"{number:,}") == parse_number(str(number)) == parse_number(number)
