"""The trend rule: one incident for a brand and the words of a line, as long as they stand on a list."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from alerts.detect.base import Signal
from alerts.detect.trend import TrendRule, TrendSettings
from alerts.incidents import Patience, advance
from config.settings import RuleSettings
from domain.incident import Incident, IncidentFlag, Severity
from domain.source import SourceHealth, SourceState
from domain.tagging import Polarity
from domain.trend import BrandTrend, TrendSpell
from tests.alerts.detect.sample import Rows, view
from tests.alerts.world import START

NOW = START
MINUTE = timedelta(minutes=1)
RULE = RuleSettings(name="hot-list", kind="trend", severity=Severity.MEDIUM)


def spell(rank: int = 30, *, minutes: float = 10, left: float | None = None, **more: object) -> TrendSpell:
    """Return a stay that began `minutes` ago, and ended `left` minutes ago if that is given."""
    seen = NOW - (left or 0) * MINUTE
    given: dict[str, object] = {
        "row": 1,
        "source": "weibo-hot",
        "platform": "weibo",
        "title": "云杉咖啡异物",
        "entered_at": NOW - minutes * MINUTE,
        "last_seen_at": seen,
        "looked_at": NOW,
        "rank": rank,
        "first_rank": rank,
        "best_rank": rank,
        "best_at": seen,
        "url": "https://s.weibo.example/1",
        "mention": "weibo:hot:0:云杉咖啡异物",
        **more,
    }
    return TrendSpell(**given)  # type: ignore[arg-type]  # test shorthand


def health(state: SourceState = SourceState.LIVE, since: datetime | None = None) -> dict[str, SourceHealth]:
    names = ("weibo-hot", "baidu")
    return {name: SourceHealth(source=name, platform="weibo", state=state, since=since) for name in names}


def look(*spells: TrendSpell, polarity: Polarity | None = None, **facts: object) -> list[Signal]:
    settings = facts.pop("settings", TrendSettings())
    assert isinstance(settings, TrendSettings)
    trends = [BrandTrend(spell=each, polarity=polarity, story_id="s") for each in spells]
    given = {"brand": "yunshan", "trends": trends, "health": health(), **facts}
    return TrendRule(settings).evaluate(RULE, replace(view(Rows(), NOW), **given))  # type: ignore[arg-type]


def opened(signal: Signal) -> Incident:
    step = advance(None, signal, gap=False, now=NOW, patience=Patience(), number="ABCDE")
    assert step.incident is not None
    return step.incident


def test_no_line_gives_no_signal() -> None:
    assert look() == []


def test_a_line_fires_from_when_it_entered_with_what_is_known_of_it() -> None:
    stated = NOW - 25 * MINUTE
    (signal,) = look(spell(7, stated_at=stated, hot=123_456, label="沸"))
    assert (signal.firing, signal.value, signal.started_at, signal.severity) == (True, 1.0, stated, Severity.MEDIUM)
    assert dict(signal.labels)["trend"] == "云杉咖啡异物"
    reason = json.loads(signal.reason)
    assert (reason["title"], reason["url"], reason["mentions"]) == (
        "云杉咖啡异物",
        "https://s.weibo.example/1",
        ["weibo:hot:0:云杉咖啡异物"],
    )
    (told,) = reason["lists"]
    assert (told["platform"], told["rank"], told["hot"], told["label"], told["on"]) == ("weibo", 7, 123_456, "沸", True)
    assert signal.story_ids == ("s",)


def test_the_same_words_on_several_lists_are_one_incident() -> None:
    other = spell(2, row=2, source="baidu", platform="baidu", title="＃云杉咖啡 异物＃", minutes=40)
    (signal,) = look(spell(20), other, spell(40, row=3, title="云杉咖啡新品"))[:1]
    assert (signal.value, signal.score, signal.started_at) == (2.0, 4.0, NOW - 40 * MINUTE)
    assert [each["platform"] for each in json.loads(signal.reason)["lists"]] == ["baidu", "weibo"]
    assert len(look(spell(20), other, spell(40, row=3, title="云杉咖啡新品"))) == 2


@pytest.mark.parametrize(
    ("stay", "settings"),
    [
        (spell(11), TrendSettings(rank=10)),
        (spell(1), TrendSettings(platforms=("baidu", "zhihu"))),
        (spell(1, history=True), TrendSettings()),
        (spell(1, left=31, minutes=90), TrendSettings()),
    ],
    ids=["rank", "platform", "history", "gone"],
)
def test_what_does_not_count_does_not_fire(stay: TrendSpell, settings: TrendSettings) -> None:
    assert not any(signal.firing for signal in look(stay, settings=settings))


def test_a_line_that_has_reached_the_rank_counts_until_it_leaves() -> None:
    (signal,) = look(spell(45, best_rank=8), settings=TrendSettings(rank=10))
    assert (signal.firing, signal.score) == (True, 1.0)


def test_the_first_ten_and_the_first_three_are_worth_telling_again() -> None:
    assert [look(spell(rank))[0].score for rank in (50, 11, 10, 4, 3, 1)] == [1, 1, 2, 2, 4, 4]


def test_a_line_that_speaks_badly_is_worse_and_never_less_than_the_rule_says() -> None:
    assert look(spell(), polarity=Polarity.NEGATIVE)[0].severity is Severity.HIGH
    assert look(spell(), polarity=Polarity.POSITIVE)[0].severity is Severity.MEDIUM
    mild = TrendSettings(negative=Severity.INFO)
    assert look(spell(), polarity=Polarity.NEGATIVE, settings=mild)[0].severity is Severity.MEDIUM


def test_it_holds_for_a_while_after_the_line_has_left() -> None:
    incident = opened(look(spell())[0])
    active = {incident.fingerprint: incident}
    (soon,) = look(spell(left=29), active=active)
    assert (soon.firing, soon.value, json.loads(soon.reason)["lists"][0]["on"]) == (True, 0.0, False)
    (later,) = look(spell(left=31), active=active)
    assert not later.firing
    (gone,) = look(active=active)
    assert (gone.firing, gone.reason) == (False, incident.reason)


def test_a_list_that_nobody_can_read_keeps_its_line_for_a_day() -> None:
    old = spell(minutes=300, looked_at=NOW - 200 * MINUTE, left=200)
    (signal,) = look(old, health=health(SourceState.BLIND, NOW - 3 * 60 * MINUTE))
    assert (signal.firing, signal.flags) == (True, {IncidentFlag.DATA_GAP})
    assert look(old)[0].flags == frozenset()
    (chronic,) = look(old, health=health(SourceState.PAUSED, NOW - timedelta(hours=25)))
    assert not chronic.firing, "nobody waits for a source that has been dark for a day"
    (removed,) = look(old, health={})
    assert not removed.firing, "the settings name the source no more"


def test_a_stay_that_was_closed_is_told_no_more_and_a_new_one_is() -> None:
    (signal,) = look(spell())
    cleared = {signal.fingerprint: NOW - 5 * MINUTE}
    assert look(spell(), cleared=cleared) == []
    assert look(spell(minutes=4), cleared=cleared)[0].firing


def test_a_line_without_any_word_is_known_by_its_signs() -> None:
    (signal,) = look(spell(title="？！"))
    assert dict(signal.labels)["trend"] == "？！"
