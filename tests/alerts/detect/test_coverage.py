"""Blind is not quiet: which sources count as dark, and when nothing can be concluded."""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from alerts.detect.coverage import LIVES, dark_bins, in_gap
from alerts.detect.series import bin_of
from domain.source import SourceHealth, SourceState
from tests.alerts.detect.sample import START, Rows, steady, view

NOW = START + timedelta(days=10)


def source(name: str, state: SourceState = SourceState.LIVE, hours: float | None = None) -> SourceHealth:
    since = NOW - timedelta(hours=hours) if hours is not None else None
    return SourceHealth(source=name, platform="feed", state=state, since=since)


def look(health: Sequence[SourceHealth], *, silent_hours: float = 0) -> tuple[dict[str, int], bool]:
    rows = steady(240, end=NOW, negative=2, other=6, source="a")
    rows += steady(240, end=NOW - timedelta(hours=silent_hours), negative=2, other=6, source="b")
    seen = view(Rows(rows), NOW)
    usual = seen.baseline("all", (), 0)
    last = bin_of(NOW)
    dark = dark_bins(seen.series, usual, {each.source: each for each in health}, last=last, fraction=1.0)
    gap = in_gap(seen.series, usual, dark, health, last=last, now=NOW)
    named = {name: int(at) for name, at in zip(seen.series.sources, dark, strict=True) if at != LIVES}
    return named, gap


def test_sources_that_give_are_not_dark() -> None:
    assert look([source("a"), source("b")]) == ({}, False)


def test_a_blind_source_is_dark_since_its_first_failed_visit() -> None:
    dark, gap = look([source("a"), source("b", SourceState.BLIND, 2)])
    assert dark == {"b": bin_of(NOW - timedelta(hours=2))}
    assert gap


def test_a_blind_source_without_a_time_is_dark_now() -> None:
    assert look([source("a"), source("b", SourceState.PAUSED)])[0] == {"b": bin_of(NOW)}


def test_a_source_that_delivers_nothing_is_dark_although_its_visits_succeed() -> None:
    dark, gap = look([source("a"), source("b")], silent_hours=4)
    assert dark["b"] <= bin_of(NOW - timedelta(hours=3, minutes=50))
    assert gap


def test_a_short_silence_is_only_quiet() -> None:
    assert look([source("a"), source("b")], silent_hours=0.5) == ({}, False)


def test_an_imported_history_is_never_dark() -> None:
    assert look([source("a")], silent_hours=48) == ({}, False)


def test_all_sources_blind_is_a_gap_even_for_an_unknown_brand() -> None:
    seen = view(Rows(), NOW)
    usual = seen.baseline("all", (), 0)
    health = [source("a", SourceState.BLIND, 1), source("n", SourceState.NEW)]
    assert in_gap(seen.series, usual, np.zeros(0, np.int64), health, last=bin_of(NOW), now=NOW)
    assert not in_gap(seen.series, usual, np.zeros(0, np.int64), [], last=bin_of(NOW), now=NOW)


def test_a_source_dark_for_a_day_holds_nothing_up() -> None:
    assert not look([source("a"), source("b", SourceState.BLIND, 30)])[1]
