"""Durations, near words and bounds."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.marks import Range
from config.shape import shape_of, type_shape
from config.values import ValueProblem, check_marks, format_duration, nearest, parse_duration, parse_scalar, slug
from tests.config.fakes import BurstOptions


@given(st.integers(min_value=0, max_value=10**11).map(lambda ms: timedelta(milliseconds=ms)))
def test_duration_survives_writing_and_reading(span: timedelta) -> None:
    assert parse_duration(format_duration(span)) == span


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("5m", 300), ("2h", 7200), ("1d", 86400), ("1w", 604800), ("1h30m", 5400), ("1.5h", 5400), ("0", 0)],
)
def test_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@given(st.text(max_size=30))
def test_any_text_is_a_duration_or_a_problem(text: str) -> None:
    try:
        assert parse_duration(text) >= timedelta(0)
    except ValueProblem as problem:
        assert problem.problem


@given(st.text(max_size=80))
def test_slug_is_always_a_name(text: str) -> None:
    name = slug(text, "x")
    assert 1 <= len(name) <= 64
    assert name == slug(name, "x")


@pytest.mark.parametrize(
    ("word", "known", "near"),
    [
        ("publicUrl", ["public_url", "proxy"], "public_url"),
        ("Proxy", ["public_url", "proxy"], "proxy"),
        ("zzzz", ["proxy"], None),
        ("", [], None),
    ],
)
def test_nearest_word(word: str, known: list[str], near: str | None) -> None:
    assert nearest(word, known) == near


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999", "x"])
def test_number_is_finite(text: str) -> None:
    with pytest.raises(ValueProblem, match="no number"):
        parse_scalar(float, text, shown=text, folder=Path("/"))


def test_numbers_may_have_thousands_signs() -> None:
    assert parse_scalar(int, "50_000", shown="", folder=Path("/")) == 50_000
    assert parse_scalar(float, "1_0.5", shown="", folder=Path("/")) == 10.5


def test_open_bounds_hold_nothing_back() -> None:
    check_marks((Range(), "unknown mark"), 10**9, shown="")


def test_type_that_settings_cannot_hold_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError):
        parse_scalar(bytes, "x", shown="x", folder=Path("/"))
    with pytest.raises(TypeError):
        type_shape(int | str)
    with pytest.raises(TypeError):
        shape_of(int)


def test_shape_knows_the_string_under_each_field() -> None:
    assert shape_of(BurstOptions)["least"].doc == "Least number."
    assert not shape_of(BurstOptions)["least"].required
