"""The burst rule: what fires, what holds, what stays quiet."""

import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from alerts.detect import build_rule, evaluate, rule_specs
from alerts.detect.base import Signal
from alerts.detect.burst import BurstRule, BurstSettings
from alerts.detect.series import bin_of
from alerts.incidents import Patience, advance
from config.settings import RuleSettings
from domain.counting import CountRow
from domain.incident import Incident, IncidentFlag, IncidentState, Severity
from tests.alerts.detect.sample import START, N, P, Rows, U, row, steady, view

RULE = RuleSettings(name="negative-burst", kind="burst", options=BurstSettings())
NOW = START + timedelta(days=14, hours=4, minutes=2)


def look(rows: list[CountRow], settings: BurstSettings | None = None, **facts: object) -> Signal:
    (signal,) = BurstRule(settings or BurstSettings()).evaluate(RULE, view(Rows(rows), NOW, **facts))
    return signal


def usual() -> list[CountRow]:
    return steady(14 * 24, end=NOW - timedelta(minutes=2))


def wave(number: int, minutes: int = 25, **facts: object) -> list[CountRow]:
    return [row(NOW - timedelta(minutes=minutes * n / number), 1, **facts) for n in range(number)]  # type: ignore[arg-type]


def opened(signal: Signal) -> Incident:
    step = advance(None, signal, gap=False, now=NOW, patience=Patience(), number="ABCDE")
    assert step.incident is not None
    return step.incident


def test_the_usual_talk_is_quiet() -> None:
    signal = look(usual())
    assert not signal.firing
    assert signal.expected == pytest.approx(signal.value, abs=3)


def test_a_wave_of_many_people_fires_with_its_reason() -> None:
    signal = look(usual() + wave(40))
    assert signal.firing
    assert signal.severity is Severity.CRITICAL
    assert NOW - signal.started_at < timedelta(minutes=40)
    reason = json.loads(signal.reason)
    assert reason["window_s"] in (1800, 3600)
    assert reason["value"] >= 40
    assert reason["usual_share"] == pytest.approx(1 / 3, abs=0.05)


def test_a_small_excess_has_the_rules_own_level() -> None:
    signal = look(usual() + wave(13))
    assert signal.firing
    assert signal.severity is Severity.HIGH


def test_few_people_with_many_posts_are_a_flood_not_a_crisis() -> None:
    signal = look(usual() + [row(NOW - timedelta(minutes=3 * n), 20, authors=1) for n in range(8)])
    assert not signal.firing
    assert IncidentFlag.SUSPECTED_FLOOD in signal.flags


def test_a_campaign_that_keeps_the_share_low_is_quiet() -> None:
    assert not look(usual() + wave(30) + wave(400, polarity=P)).firing


def test_without_the_share_gate_the_same_fires() -> None:
    assert look(usual() + wave(30) + wave(400, polarity=P), BurstSettings(share_ratio=0)).firing


def test_history_is_never_a_present_excess() -> None:
    assert not look(usual() + wave(400, backfill=True)).firing


def test_one_story_fires_before_the_whole_does() -> None:
    told = [row(NOW - timedelta(minutes=4 * n), 1, story="s") for n in range(28)]
    calm = BurstSettings(k=(99.0,))
    signal = look(usual() + wave(28, 112) + told, calm)
    assert signal.firing
    assert signal.story_ids == ("s",)
    assert not look(usual() + wave(28, 112) + told, replace(calm, story_window=timedelta(0))).firing


def test_what_an_earlier_incident_has_told_does_not_fire_again() -> None:
    rows = usual() + wave(60, minutes=50)
    key = look(rows).fingerprint
    assert look(rows).firing
    assert not look(rows, cleared={key: NOW - timedelta(minutes=1)}).firing


def test_an_open_incident_goes_on_while_the_last_hour_is_raised() -> None:
    incident = opened(look(usual() + wave(40)))
    again = look(usual() + wave(40, minutes=55), active={incident.fingerprint: incident})
    assert again.firing
    assert again.started_at == incident.started_at


def test_an_open_incident_does_not_go_on_by_what_is_over() -> None:
    incident = opened(look(usual() + wave(40)))
    over = usual() + [row(NOW - timedelta(minutes=100 + n), 1) for n in range(60)]
    assert not look(over, active={incident.fingerprint: incident}).firing


def test_an_incident_of_a_long_window_goes_on_by_the_recent_part_of_it() -> None:
    slow = usual() + [row(NOW - timedelta(minutes=10 * n), 1) for n in range(144)]
    signal = look(slow, BurstSettings(k=(99.0, 99.0, 99.0, 3.0)))
    assert signal.firing
    assert json.loads(signal.reason)["opened"] == 288
    incident = opened(signal)
    assert look(slow, active={incident.fingerprint: incident}).firing
    ended = usual() + [each for each in slow if NOW - each.bucket > timedelta(hours=8)]
    assert not look(ended, active={incident.fingerprint: incident}).firing


def test_a_cooling_incident_needs_more_than_an_open_one() -> None:
    incident = opened(look(usual() + wave(40)))
    rows = usual() + wave(5)
    assert look(rows, active={incident.fingerprint: incident}).firing
    cooling = replace(incident, state=IncidentState.COOLING)
    assert not look(rows, active={incident.fingerprint: cooling}).firing


def test_a_pending_incident_is_judged_like_a_new_one() -> None:
    incident = replace(opened(look(usual() + wave(40))), state=IncidentState.PENDING)
    assert not look(usual() + wave(7), active={incident.fingerprint: incident}).firing


def test_expectation_leaves_dark_sources_out() -> None:
    rows = usual() + steady(14 * 24, end=NOW - timedelta(hours=5), negative=10, other=20, source="feed-b") + wave(16)
    seen = view(Rows(rows), NOW)
    rule = BurstRule(BurstSettings())
    (all_live,) = rule.evaluate(RULE, seen)
    dark = seen.dark_from.copy()
    dark[seen.series.sources.index("feed-b")] = bin_of(NOW) - 60
    (one_dark,) = rule.evaluate(RULE, replace(seen, dark_from=dark))
    assert one_dark.score > all_live.score
    assert one_dark.firing


def test_without_history_nothing_fires() -> None:
    assert not look(wave(400)).firing
    assert not look(wave(400)).firing


def test_a_short_history_needs_more_people() -> None:
    two_days = steady(48, end=NOW - timedelta(minutes=2))
    assert not look(two_days + wave(14)).firing
    assert look(two_days + wave(60)).firing


def test_all_mentions_can_be_watched_without_a_share() -> None:
    signal = look(usual() + wave(80, polarity=U), BurstSettings(on="all"))
    assert signal.firing
    assert json.loads(signal.reason)["on"] == "all"


def test_a_brand_that_is_always_criticised_needs_no_share() -> None:
    rows = steady(14 * 24, end=NOW - timedelta(minutes=2), negative=3, other=0)
    assert look(rows + wave(40)).firing


def test_arrays_of_an_empty_brand_are_quiet() -> None:
    signal = look([])
    assert (signal.firing, signal.value, signal.expected) == (False, 0.0, 0.0)
    assert np.isfinite(signal.score)


def test_rule_kinds_announce_themselves() -> None:
    assert sorted(rule_specs()) == ["burst", "match", "threshold", "trend"]
    rule = build_rule(replace(RULE, options=None))
    seen = view(Rows(usual() + wave(40)), NOW)
    assert evaluate(rule, RULE, seen)[0].firing
    assert evaluate(rule, replace(RULE, enabled=False), seen) == ()
    assert evaluate(rule, replace(RULE, brands=("other",)), seen) == ()
    assert N.value == "negative"


def test_a_feed_that_takes_over_from_an_imported_history_is_not_counted_twice() -> None:
    def spread(days: range, source: str, *, backfill: bool) -> list[CountRow]:
        hours = [NOW - timedelta(hours=hour + 1) for day in days for hour in range(24 * day, 24 * day + 24)]
        return [row(at, 3, source=source, backfill=backfill) for at in hours] + [
            row(at + timedelta(minutes=20), 3, U, source=source, backfill=backfill) for at in hours
        ]

    rows = spread(range(4, 14), "import", backfill=True) + spread(range(4), "feed-a", backfill=False)
    one_day = BurstSettings(windows=(timedelta(days=1),), story_window=timedelta(0))
    day = look(rows, one_day, listed=frozenset({"feed-a"}))
    assert day.value == pytest.approx(72, abs=4)
    assert day.expected == pytest.approx(72, rel=0.15)


def test_an_added_source_counts_in_full() -> None:
    rows = usual() + steady(5 * 24, end=NOW - timedelta(minutes=2), negative=4, source="new")
    day = look(rows, BurstSettings(windows=(timedelta(days=1),), story_window=timedelta(0)))
    assert day.expected is not None
    assert day.expected > 0.8 * 6 * 24
