"""The threshold rule: a fixed number over one window."""

from datetime import timedelta
from typing import Literal

import pytest

from alerts.detect.base import Signal
from alerts.detect.threshold import ThresholdRule, ThresholdSettings
from alerts.incidents import Patience, advance
from config.settings import RuleSettings
from domain.counting import CountRow
from tests.alerts.detect.sample import START, Rows, U, row, view

NOW = START + timedelta(minutes=2)
RULE = RuleSettings(name="t", kind="threshold")
Measure = Literal["mentions", "authors", "share", "p_negative"]


def look(rows: list[CountRow], settings: ThresholdSettings, **facts: object) -> Signal:
    (signal,) = ThresholdRule(settings).evaluate(RULE, view(Rows(rows), NOW, **facts))
    return signal


@pytest.mark.parametrize(
    ("measure", "at", "below"), [("mentions", 8, 9), ("authors", 4, 5), ("share", 0.8, 0.81), ("p_negative", 6, 7)]
)
def test_each_measure_fires_at_its_number(measure: Measure, at: float, below: float) -> None:
    rows = [row(NOW - timedelta(minutes=20), 8, authors=4, p=6.0), row(NOW - timedelta(minutes=20), 2, U)]
    assert look(rows, ThresholdSettings(at_least=at, measure=measure)).firing
    assert not look(rows, ThresholdSettings(at_least=below, measure=measure)).firing


def test_a_share_of_few_mentions_says_nothing() -> None:
    rows = [row(NOW, 2)]
    assert not look(rows, ThresholdSettings(at_least=0.5, measure="share", min_mentions=10)).firing


def test_nothing_is_never_enough() -> None:
    assert not look([], ThresholdSettings(at_least=0)).firing


def test_an_open_incident_holds_a_little_below() -> None:
    wanted = ThresholdSettings(at_least=10)
    step = advance(None, look([row(NOW, 10)], wanted), gap=False, now=NOW, patience=Patience(), number="ABCDE")
    assert step.incident is not None
    active = {step.incident.fingerprint: step.incident}
    assert look([row(NOW, 8)], wanted, active=active).firing
    assert not look([row(NOW, 7)], wanted, active=active).firing


def test_what_was_told_before_does_not_fire_again() -> None:
    wanted = ThresholdSettings(at_least=10)
    rows = [row(NOW - timedelta(minutes=30), 10)]
    key = look(rows, wanted).fingerprint
    assert not look(rows, wanted, cleared={key: NOW - timedelta(minutes=10)}).firing
