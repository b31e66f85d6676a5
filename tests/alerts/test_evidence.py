"""What a report says, and what it leaves unsaid because nobody knows it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from alerts.detect.base import reason_json
from alerts.evidence import Evidence, KibanaLink
from alerts.report import AlertReport
from domain.incident import DeliveryKind, Incident, IncidentNote
from domain.mention import Author, Engagement, Flag, Mention
from domain.moment import Window
from domain.source import SourceHealth, SourceState
from domain.tagging import Polarity, RiskCategory, TopicDefinition
from storage.memory import MemoryMentions
from tests.alerts.test_incidents import opened
from tests.alerts.world import BURST, START, mention, settings

NOW = START
TOPICS = (TopicDefinition(id="service", name="服务", name_en="Service", query="服务"),)
RISKS = (RiskCategory(id="food_safety", name="食品安全", name_en="Food safety", weight=0.6, strong=True),)


def incident(kind: str = "burst", **reason: Any) -> Incident:
    facts = {"on": "negative", "window_s": 3600, "usual_share": 0.25, **reason}
    return replace(
        opened(),
        kind=kind,
        rule=BURST.name,
        brand="yunshan",
        value=3.0,
        expected=1.0,
        started_at=NOW - timedelta(hours=3),
        reason=reason_json(**facts),
    )


def told(
    mentions: Sequence[Mention],
    about: Incident | None = None,
    kind: DeliveryKind = DeliveryKind.FIRING,
    health: Sequence[SourceHealth] = (),
    kibana: KibanaLink | None = None,
    **changes: Any,
) -> AlertReport:
    store = MemoryMentions()
    store.put(list(mentions), now=NOW)
    wanted = settings(topics=TOPICS, risks=RISKS, **changes)
    evidence = Evidence(wanted, search=store, counts=store, kibana=kibana)
    return evidence.report(about or incident(), kind, seq=1, now=NOW, health=health)


def recent(number: int, minutes: int = 10, **facts: Any) -> Mention:
    return mention(number, NOW - timedelta(minutes=minutes), **facts)


def test_nothing_known_is_nothing_said() -> None:
    report = told([])
    assert report.engagement == Engagement()
    assert (report.author, report.first_publisher, report.negative_share, report.story_count) == (
        None,
        None,
        None,
        None,
    )
    assert (report.stories, report.platforms, report.subject, report.quote, report.console_url) == (
        (),
        (),
        "",
        "",
        None,
    )
    assert report.total is None


def test_counters_are_summed_over_those_that_show_them() -> None:
    shown = [recent(1, engagement=Engagement(likes=3, shares=0)), recent(2, engagement=Engagement(likes=4)), recent(3)]
    report = told(shown)
    assert report.engagement == Engagement(likes=7, shares=0)


def test_the_biggest_author_is_one_whose_followers_are_shown() -> None:
    authors = [Author(name="不明"), Author(name="大号", followers=900), Author(name="小号", followers=0)]
    report = told([recent(n, author=author) for n, author in enumerate(authors)])
    assert report.author is not None
    assert (report.author.name, report.author.followers) == ("大号", 900)
    assert told([recent(1, author=Author(name="不明"))]).author is None


def test_history_and_other_polarities_are_not_counted() -> None:
    rows = [recent(1), recent(2, flags=[Flag.BACKFILL]), recent(3, polarity=Polarity.POSITIVE)]
    report = told(rows)
    assert (report.platforms, report.authors, report.story_count) == ((("weibo", 1),), 1, 1)
    assert report.negative_share == 0.5
    assert report.usual_share == 0.25


def test_the_top_story_leads_with_the_words_of_its_first_post() -> None:
    long = "云杉咖啡" * 40
    first = mention(1, NOW - timedelta(hours=5), text=f"  {long}\n", author=Author(name="阿梨"), story="weibo:1")
    rows = [first, *[recent(n, story="weibo:1") for n in range(2, 6)], recent(7)]
    report = told(rows)
    assert [story.mentions for story in report.stories] == [4, 1]
    assert len(report.quote) == 60
    assert report.quote.endswith("…")
    assert report.quote_url == "https://weibo.example/1"
    assert (report.first_publisher, report.first_published_at) == ("阿梨", first.post.published_at)
    assert report.story_count == 2


def test_a_story_whose_first_post_is_gone_is_told_by_the_earliest_left() -> None:
    report = told([recent(5, story="weibo:1"), recent(6, minutes=20, story="weibo:1")])
    assert report.quote_url == "https://weibo.example/6"


def test_a_risk_that_stands_out_is_named_in_the_readers_language() -> None:
    rows = [recent(n, risk="food_safety") for n in range(5)]
    rows += [mention(100 + n, NOW - timedelta(days=2), flags=[Flag.BACKFILL]) for n in range(20)]
    assert told(rows).subject == "食品安全"
    assert told(rows, locale="en").subject == "Food safety"


def test_what_is_always_said_does_not_stand_out() -> None:
    rows = [recent(n, risk="food_safety") for n in range(5)]
    rows += [mention(100 + n, NOW - timedelta(days=2), risk="food_safety") for n in range(20)]
    assert told(rows).subject == ""


def test_a_topic_is_named_where_no_risk_stands_out() -> None:
    def about(each: Mention) -> Mention:
        assert each.tags is not None
        return replace(each, tags=replace(each.tags, topics=("service",)))

    assert told([about(recent(n)) for n in range(4)]).subject == "服务"


def test_a_match_is_told_by_its_mentions() -> None:
    rows = [recent(1, author=Author(name="大号", followers=5)), recent(2), recent(3)]
    report = told(rows, incident("match", mentions=["weibo:1", "weibo:2"], risk="food_safety"))
    assert (report.subject, report.window_s, report.authors, report.platforms) == ("食品安全", None, 2, (("weibo", 2),))
    assert report.author is not None


def test_the_end_sums_the_whole_incident_up() -> None:
    rows = [recent(1, minutes=170), recent(2)]
    about = replace(incident(), resolved_at=NOW, peak_value=9.0, peak_at=NOW)
    report = told(rows, about, DeliveryKind.RESOLVED)
    assert (report.total, report.peak_value, report.resolved_at, report.window_s) == (2, 9.0, NOW, None)


def test_dark_sources_and_notes_are_told() -> None:
    health = [
        SourceHealth(source="a", platform="feed", state=SourceState.LIVE),
        SourceHealth(source="b", platform="feed", state=SourceState.BLIND, since=NOW, why="需要登录"),
    ]
    notes = (
        IncidentNote(at=NOW, by="王敏", action="note", text="已联系"),
        IncidentNote(at=NOW, by="tingfeng", action="escalate", text="head"),
    )
    report = told([], replace(incident(), notes=notes), health=health, public_url="https://t.example")
    assert [each.source for each in report.blind] == ["b"]
    assert report.notes == ("王敏: 已联系",)
    assert report.console_url == f"https://t.example/incidents/{report.incident}"


def test_kibana_is_linked_from_an_hour_before_the_beginning_until_now() -> None:
    asked: list[tuple[str, Window]] = []

    def link(kql: str, window: Window) -> str:
        asked.append((kql, window))
        return "https://kibana.example/x"

    assert told([], kibana=link).kibana_url == "https://kibana.example/x"
    assert told([]).kibana_url is None
    told([], incident(on="all"), kibana=link)
    told([], replace(incident(), kind="match"), kibana=link)
    assert [kql for kql, _ in asked] == ['negative_for: "yunshan"', 'brand: "yunshan"', 'brand: "yunshan"']
    assert asked[0][1] == Window(start=NOW - timedelta(hours=4), end=NOW)
    assert told([], kibana=lambda *_: None).kibana_url is None


def test_a_rule_on_all_mentions_counts_all() -> None:
    report = told([recent(1), recent(2, polarity=Polarity.POSITIVE)], incident(on="all"))
    assert report.platforms == (("weibo", 2),)


def test_many_mentions_are_read_page_by_page() -> None:
    rows = [recent(n, engagement=Engagement(likes=1)) for n in range(1, 700)]
    assert told(rows).engagement.likes == 699
