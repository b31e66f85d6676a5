from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.codec import from_json, from_plain, to_json, to_plain
from domain.document import public_document, public_fields
from domain.errors import DomainError
from domain.incident import Delivery, DeliveryKind, DeliveryState, Incident, IncidentFlag, IncidentState, Severity
from domain.mention import Author, Engagement, Flag, Kind, Mention, Post, Precision, RepostOf, event_at
from domain.outcome import FetchOutcome
from domain.secret import Secret
from domain.tagging import BrandTag, Polarity, RiskTag, Sentiment, Tagging

NOW = datetime(2026, 6, 20, 7, 30, tzinfo=UTC)
NEGATIVE = Sentiment(polarity=Polarity.NEGATIVE, score=-0.6, p_negative=0.9, confidence=0.9)
NEUTRAL = Sentiment(polarity=Polarity.NEUTRAL, score=0.1, p_negative=0.2, confidence=0.6)


def make_mention() -> Mention:
    post = Post(
        platform="weibo",
        native_id="53",
        kind=Kind.REPOST,
        text="云杉咖啡喝出异物[怒]",
        author=Author(name="甲", id="7", followers=0),
        published_at=NOW - timedelta(minutes=3),
        published_precision=Precision.SECOND,
        engagement=Engagement(likes=0, shares=12_000, approx=frozenset({"shares"})),
        repost_of=RepostOf(id="52", available=True),
        tags=("云杉咖啡",),
    )
    tags = Tagging(
        sentiment=NEGATIVE,
        brands=(
            BrandTag(brand="yunshan", spans=((0, 4),), sentiment=NEGATIVE),
            BrandTag(brand="bailu", sentiment=NEUTRAL),
        ),
        risks=(RiskTag(category="food_safety", severity=80),),
        severity=80,
        signature=(1, 2**32 - 1),
    )
    return Mention(
        id="weibo:53",
        post=post,
        source="weibo",
        first_collected_at=NOW,
        last_collected_at=NOW,
        flags=frozenset({Flag.BACKFILL, Flag.LATE}),
        tags=tags,
        story_id="weibo:50",
    )


def test_a_mention_survives_json() -> None:
    mention = make_mention()
    assert from_json(Mention, to_json(mention)) == mention


def test_an_incident_and_a_delivery_survive_json() -> None:
    incident = Incident(
        id="AB2CD",
        fingerprint="f",
        rule="r",
        kind="burst",
        brand="b",
        labels=(("brand", "b"),),
        severity=Severity.CRITICAL,
        state=IncidentState.OPEN,
        flags=frozenset({IncidentFlag.LATE}),
        started_at=NOW,
        pending_at=NOW,
        last_true_at=NOW,
        value=3.0,
        score=2.0,
        peak_value=3.0,
        peak_at=NOW,
    )
    assert from_json(Incident, to_json(incident)) == incident
    assert incident.active
    delivery = Delivery(
        id="d",
        incident="AB2CD",
        seq=1,
        kind=DeliveryKind.FIRING,
        receiver="pr",
        channel="slack",
        target="C1",
        payload="{}",
        not_before=NOW,
        created_at=NOW,
    )
    assert from_json(Delivery, to_json(delivery)) == delivery
    assert DeliveryState.DROPPED.final and not DeliveryState.HELD.final
    assert Severity.CRITICAL.rank > Severity.INFO.rank


def test_plain_defaults_are_left_out_but_zero_is_kept() -> None:
    plain = to_plain(Engagement(likes=0))
    assert plain == {"likes": 0}
    assert from_plain(Engagement, plain) == Engagement(likes=0)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "nonsense", '{"likes":"many"}', '{"likes":true}', '{"approx":3}'],
)
def test_json_that_does_not_fit_is_refused(text: str) -> None:
    with pytest.raises(DomainError):
        from_json(Engagement, text)


def test_unknown_fields_are_ignored_and_missing_ones_refused() -> None:
    assert from_json(Engagement, '{"likes":1,"novel":2}') == Engagement(likes=1)
    with pytest.raises(DomainError):
        from_json(Mention, '{"id":"x"}')
    with pytest.raises(DomainError):
        to_plain(object())


def test_public_fields_say_what_is_unknown() -> None:
    fields = public_fields(make_mention())
    assert fields["engagement.likes"] == 0
    assert fields["engagement.views"] is None
    assert fields["brand"] == ("bailu", "yunshan")
    assert fields["negative_for"] == ("yunshan",)
    assert fields["neutral_for"] == ("bailu",)
    assert fields["flags"] == ("backfill", "late")


def test_the_public_document_is_nested_and_json_ready() -> None:
    document = public_document(make_mention())
    assert document["author"] == {"id": "7", "name": "甲", "followers": 0, "verified": None, "region": None}
    assert document["published_at"] == "2026-06-20T07:27:00.000Z"
    assert document["risk"] == ["food_safety"]


def test_an_untagged_mention_has_no_brands() -> None:
    mention = make_mention()
    bare = Mention(id=mention.id, post=mention.post, source="s", first_collected_at=NOW, last_collected_at=NOW)
    assert bare.brands == ()
    assert public_fields(bare)["negative_for"] == ()
    assert public_fields(bare)["sentiment"] is None


@given(
    st.one_of(st.none(), st.timedeltas(min_value=timedelta(days=-40), max_value=timedelta(days=3))),
    st.sampled_from([None, *Precision]),
)
def test_event_time_never_lies_after_the_collection(offset: timedelta | None, precision: Precision | None) -> None:
    published = None if offset is None else NOW + offset
    assert event_at(published, precision, NOW) <= NOW


def test_a_time_exact_to_the_day_keeps_the_collection_within_that_day() -> None:
    day = datetime(2026, 6, 19, 16, tzinfo=UTC)  # 2026-06-20 00:00 in Shanghai
    assert event_at(day, Precision.DAY, NOW) == NOW
    late = event_at(day - timedelta(days=3), Precision.DAY, NOW)
    assert late == day - timedelta(days=2) - timedelta(milliseconds=1)
    assert event_at(NOW - timedelta(hours=3), Precision.HOUR, NOW) == NOW.replace(minute=0) - timedelta(
        hours=2, milliseconds=1
    )
    assert event_at(None, None, NOW) == NOW


def test_secrets_never_show_themselves() -> None:
    import pickle

    secret = Secret("xoxb-1")
    assert "xoxb" not in f"{secret!r} {secret} {[secret]}"
    assert secret.reveal() == "xoxb-1" and secret == Secret("xoxb-1") and secret != "xoxb-1"
    assert pickle.loads(pickle.dumps(secret)) == secret
    assert hash(secret) == hash(Secret("xoxb-1")) and not Secret("")


def test_only_an_answer_as_it_should_be_proves_life() -> None:
    alive = {outcome for outcome in FetchOutcome if outcome.proves_life}
    assert alive == {FetchOutcome.OK, FetchOutcome.EMPTY, FetchOutcome.COMMENTS_CLOSED}
