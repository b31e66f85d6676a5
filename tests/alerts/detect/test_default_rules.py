"""The packaged rules load with the real rule kinds, and mistakes in a rule are refused."""

from datetime import timedelta
from pathlib import Path

import pytest

from alerts.detect import rule_specs
from alerts.detect.burst import BurstSettings
from alerts.detect.match import MatchSettings
from alerts.detect.trend import TrendSettings
from config.errors import ConfigError
from config.loader import load
from config.settings import Settings
from config.specs import Specs
from domain.incident import Severity


def loaded(folder: Path, rules: str) -> Settings:
    path = folder / "tingfeng.yaml"
    path.write_text(f"data_dir: data\nbrands:\n  - {{id: yunshan, name: 云杉咖啡, query: 云杉咖啡}}\nrules:\n{rules}\n")
    return load(path, Specs(rules=rule_specs()))


def test_the_default_rules_are_a_burst_and_a_grave_risk(tmp_path: Path) -> None:
    rules = {rule.name: rule for rule in loaded(tmp_path, "  - {name: grave-risk, hold: 2h}").rules}
    burst, grave = rules["negative-burst"], rules["grave-risk"]
    assert isinstance(burst.options, BurstSettings)
    assert isinstance(grave.options, MatchSettings)
    assert (burst.severity, burst.options.on, burst.cooling) == (Severity.HIGH, "negative", timedelta(minutes=45))
    assert (grave.options.hold, "followers" in grave.options.query) == (timedelta(hours=2), True)


def test_a_brand_on_a_hot_list_is_yellow_and_worse_where_the_line_speaks_badly(tmp_path: Path) -> None:
    (hot,) = [
        rule for rule in loaded(tmp_path, "  - {name: hot-list, platforms: [weibo]}").rules if rule.kind == "trend"
    ]
    assert isinstance(hot.options, TrendSettings)
    assert (hot.severity, hot.options.negative, hot.options.rank) == (Severity.MEDIUM, Severity.HIGH, 50)
    assert (hot.options.platforms, hot.options.hold) == (("weibo",), timedelta(minutes=30))


def test_windows_and_limits_can_be_set(tmp_path: Path) -> None:
    (own,) = [
        rule
        for rule in loaded(tmp_path, "  - {name: mine, kind: burst, windows: [10m, 2h], k: [5, 4], on: all}").rules
        if rule.name == "mine"
    ]
    assert isinstance(own.options, BurstSettings)
    assert own.options.windows == (timedelta(minutes=10), timedelta(hours=2))
    assert (own.options.k, own.options.on) == ((5.0, 4.0), "all")


@pytest.mark.parametrize(
    "rule",
    [
        "{name: a, kind: burst, hold: 2}",
        "{name: a, kind: burst, on: angry}",
        "{name: a, kind: match}",
        "{name: a, kind: match, query: '(('}",
        "{name: a, kind: threshold, at_least: 0}",
        "{name: a, kind: threshold, at_least: 5, window: 1m}",
        "{name: a, kind: trend, rank: 0}",
        "{name: a, kind: trend, hold: 1m}",
        "{name: a, kind: trend, negative: 红}",
        "{name: a, kind: spike}",
    ],
)
def test_mistakes_are_refused(tmp_path: Path, rule: str) -> None:
    with pytest.raises(ConfigError):
        loaded(tmp_path, f"  - {rule}")
