"""The key figures of the trade: formulas, and what stays unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.kpi import (
    engagement,
    health_index,
    negative_share,
    net_sentiment,
    platform_matrix,
    reach,
    response_time,
    share_of_voice,
    top_authors,
    top_topics,
    volume,
)
from domain.counting import CountRow
from domain.incident import Incident, IncidentState, Severity
from domain.mention import Author, Engagement
from domain.tagging import Polarity
from tests.storage.sample import NOW, N, P, U, mention


def row(brand: str, polarity: Polarity, number: int, *, platform: str = "weibo", key: str | None = None) -> CountRow:
    return CountRow(
        bucket=NOW,
        brand=brand,
        polarity=polarity,
        source="s",
        platform=platform,
        backfill=False,
        key=key,
        mentions=number,
        new_authors=0,
        p_negative=0.0,
    )


ROWS = (
    row("yunshan", N, 6),
    row("yunshan", P, 3),
    row("yunshan", U, 1, platform="zhihu"),
    row("bailu", P, 30, platform="zhihu"),
)


def of(brand: str) -> Sequence[CountRow]:
    return [each for each in ROWS if each.brand == brand]


def test_volume_and_share_of_voice() -> None:
    assert volume(ROWS) == {"yunshan": 10, "bailu": 30}
    assert share_of_voice(volume(ROWS)) == {"yunshan": 0.25, "bailu": 0.75}
    assert share_of_voice(volume(ROWS), ["yunshan", "hetao"]) == {"yunshan": 1.0, "hetao": 0.0}
    assert share_of_voice({}) == {}


def test_negative_share_and_net_sentiment() -> None:
    assert negative_share(of("yunshan")) == 0.6
    assert net_sentiment(of("yunshan")) == pytest.approx(-1 / 3)
    assert negative_share(()) is None
    assert net_sentiment([row("a", U, 5)]) is None


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_health_lies_between_0_and_100_and_follows_the_mood(positive: int, negative: int) -> None:
    found = health_index([row("a", P, positive), row("a", N, negative), row("a", U, 1000)])
    assert 0 < found < 100
    assert (found > 50) == (positive > negative)
    assert health_index([row("a", P, positive + 1), row("a", N, negative)]) > health_index(
        [row("a", P, positive), row("a", N, negative + 1)]
    )


def test_a_handful_does_not_swing_the_health_index() -> None:
    assert health_index(()) == 50
    assert health_index([row("a", N, 1)]) == pytest.approx(45.45, abs=0.01)
    assert health_index([row("a", N, 1000)]) < 1


def test_engagement_adds_what_is_shown_and_says_by_how_many() -> None:
    found = engagement(
        [
            mention("1", engagement=Engagement(likes=3, shares=0, views=900)),
            mention("2", engagement=Engagement(likes=4, comments=1)),
            mention("3"),
        ]
    )
    assert (found.likes, found.comments, found.shares, found.favourites) == (7, 1, 0, None)
    assert (found.total, found.shown_by) == (8, 2)
    assert engagement([]).likes is None


def test_reach_never_adds_people_to_views() -> None:
    fan = Author(name="甲", id="1", followers=500)
    found = reach(
        [
            replace(mention("1", engagement=Engagement(views=10)), reach=70),
            mention("2", engagement=Engagement(views=30)),
            mention("3", author=fan),
            mention("4", author=replace(fan, followers=520)),
            mention("5", author=Author(name="乙")),
        ]
    )
    assert (found.stated_people, found.stated_by) == (70, 1)
    assert (found.views, found.views_by) == (30, 1)
    assert (found.followers, found.followers_by) == (520, 2)
    assert found.unknown == 1


def incident(number: int, *, opened: bool = True, taken_min: float | None = None) -> Incident:
    return Incident(
        id=f"{number:05}",
        fingerprint="f",
        rule="r",
        kind="burst",
        brand="yunshan",
        labels=(),
        severity=Severity.HIGH,
        state=IncidentState.OPEN,
        started_at=NOW,
        pending_at=NOW,
        opened_at=NOW if opened else None,
        acked_at=NOW + timedelta(minutes=taken_min) if taken_min is not None else None,
        last_true_at=NOW,
        value=1,
        score=1,
        peak_value=1,
        peak_at=NOW,
    )


def test_response_time_is_measured_from_the_opening() -> None:
    found = response_time(
        [incident(1, taken_min=10), incident(2, taken_min=50), incident(3), incident(4, opened=False, taken_min=1)]
    )
    assert (found.incidents, found.taken, found.within_30_min) == (3, 2, 1)
    assert found.median == timedelta(minutes=30)
    assert found.slowest == timedelta(minutes=50)
    assert response_time([incident(3)]).median is None


def test_top_authors_are_people_not_names() -> None:
    found = top_authors(
        [
            mention("1", author=Author(name="甲", id="1", followers=5)),
            mention("2", author=Author(name="甲改名", id="1", followers=9)),
            mention("3", author=Author(name="甲", id="2")),
            mention("4", author=Author(id="3")),
        ]
    )
    assert [(each.name, each.mentions, each.negative, each.followers) for each in found] == [
        ("甲改名", 2, 2, 9),
        ("甲", 1, 1, None),
    ]
    assert top_authors([mention("1"), mention("2")], limit=1)[0].name == "用户1"
    assert top_authors([replace(mention("1"), tags=None)])[0].negative == 0


def test_topics_are_ranked_and_rows_without_one_left_out() -> None:
    rows = [row("a", N, 2, key="price"), row("a", P, 1, key="price"), row("a", U, 5, key="taste"), row("a", N, 99)]
    assert top_topics(rows) == (("taste", 5, 0), ("price", 3, 2))
    assert top_topics(rows, limit=1) == (("taste", 5, 0),)


def test_the_platform_matrix_has_every_polarity() -> None:
    assert platform_matrix(ROWS) == {"zhihu": {N: 0, U: 1, P: 30}, "weibo": {N: 6, U: 0, P: 3}}
    assert list(platform_matrix(ROWS)) == ["zhihu", "weibo"]
