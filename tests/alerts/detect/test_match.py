"""The match rule: one mention is enough, and the next joins."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from alerts.detect.base import Signal
from alerts.detect.match import MatchRule, MatchSettings
from alerts.incidents import Patience, advance
from config.settings import RuleSettings
from domain.incident import Incident
from domain.mention import Flag, Mention
from domain.tagging import BrandTag, Polarity, Sentiment
from tests.alerts.detect.sample import Rows, view
from tests.alerts.world import START, mention

NOW = START
RULE = RuleSettings(name="m", kind="match")


def look(mentions: list[Mention], settings: MatchSettings | None = None, **facts: object) -> list[Signal]:
    rule = MatchRule(settings or MatchSettings(query="negative_for: *"))
    return rule.evaluate(RULE, replace(view(Rows(), NOW), brand="yunshan", mentions=mentions, **facts))  # type: ignore[arg-type]


def opened(signal: Signal) -> Incident:
    step = advance(None, signal, gap=False, now=NOW, patience=Patience(), number="ABCDE")
    assert step.incident is not None
    return step.incident


def test_nothing_new_gives_no_signal() -> None:
    assert look([]) == []


def test_one_match_fires_from_its_own_time() -> None:
    at = NOW - timedelta(minutes=20)
    (signal,) = look([mention(1, at, risk="fraud")])
    assert (signal.firing, signal.value, signal.started_at) == (True, 1.0, at)
    assert json.loads(signal.reason)["risk"] == "fraud"
    assert signal.story_ids == ("weibo:1",)


@pytest.mark.parametrize("flag", [Flag.BACKFILL, Flag.OWNED, Flag.DELETED])
def test_history_own_and_deleted_posts_do_not_count(flag: Flag) -> None:
    assert look([mention(1, NOW, flags=[flag])]) == []


def test_the_polarity_is_that_for_the_brand_looked_at() -> None:
    post = mention(1, NOW, polarity=Polarity.POSITIVE)
    feeling = Sentiment(polarity=Polarity.NEGATIVE, score=-1, p_negative=1, confidence=1)
    assert post.tags is not None
    brands = (*post.tags.brands, BrandTag(brand="other", sentiment=feeling))
    both = replace(post, tags=replace(post.tags, brands=brands))
    assert look([both]) == []
    assert look([mention(2, NOW, brand="other")]) == []


def test_too_late_or_future_posts_do_not_count() -> None:
    assert look([mention(1, NOW - timedelta(hours=25), collected=NOW)]) == []
    assert look([mention(1, NOW + timedelta(minutes=1))]) == []


def test_each_story_can_have_an_incident_of_its_own() -> None:
    settings = MatchSettings(query="negative_for: *", by="story")
    signals = look([mention(1, NOW, story="a"), mention(2, NOW, story="b"), mention(3, NOW, story="a")], settings)
    assert [(dict(each.labels)["story"], each.value) for each in signals] == [("a", 2.0), ("b", 1.0)]


def test_it_holds_for_a_while_after_the_last_match() -> None:
    (signal,) = look([mention(1, NOW)])
    incident = opened(signal)
    active = {incident.fingerprint: incident}
    (soon,) = look([], active=active, now=NOW + timedelta(minutes=59))
    assert (soon.firing, soon.value, soon.reason) == (True, 1.0, incident.reason)
    (later,) = look([], active=active, now=NOW + timedelta(minutes=61))
    assert not later.firing


def test_a_known_mention_is_not_counted_again() -> None:
    (signal,) = look([mention(1, NOW)])
    incident = opened(signal)
    (again,) = look([mention(1, NOW), mention(2, NOW)], active={incident.fingerprint: incident})
    assert again.value == 2.0


def test_what_was_collected_before_the_last_end_is_told_already() -> None:
    (signal,) = look([mention(1, NOW)])
    cleared = {signal.fingerprint: NOW + timedelta(minutes=1)}
    assert look([mention(1, NOW)], cleared=cleared) == []


def test_the_score_doubles_with_eight_matches() -> None:
    assert [look([mention(n, NOW) for n in range(many)])[0].score for many in (1, 7, 8, 64)] == [1, 1, 2, 4]


def test_dates_in_the_query_follow_the_moment_of_the_look() -> None:
    settings = MatchSettings(query="event_at >= now-1h")
    assert look([mention(1, NOW - timedelta(minutes=59))], settings)
    assert look([mention(1, NOW - timedelta(minutes=61))], settings) == []


def test_a_query_about_time_needs_a_look() -> None:
    with pytest.raises(RuntimeError):
        MatchRule(MatchSettings(query="*"))._moment()


def test_a_damaged_reason_is_read_as_empty() -> None:
    (signal,) = look([mention(1, NOW)])
    incident = replace(opened(signal), reason="{")
    (held,) = look([], active={incident.fingerprint: incident})
    assert held.firing
