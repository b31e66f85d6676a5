from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.codec import from_json, to_json
from domain.mention import Engagement, known_counts
from domain.refresh import Refresh, next_look

T = datetime(2026, 6, 20, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_looks_grow_apart_and_then_come_daily() -> None:
    at, looks = T, []
    for _ in range(9):
        at = next_look(T, at)
        looks.append((at - T) // MINUTE)
    assert looks == [15, 30, 60, 120, 240, 480, 480 + 1440, 480 + 2 * 1440, 480 + 3 * 1440]


@given(st.timedeltas(min_value=timedelta(days=-2), max_value=timedelta(days=400)))
def test_the_next_look_is_later_and_at_most_a_day_away(age: timedelta) -> None:
    found = next_look(T, T + age)
    assert found > T + age
    assert found - max(T + age, T) <= timedelta(days=1)


def test_a_plan_survives_the_store() -> None:
    plan = Refresh(mention="weibo:1", begun_at=T, due_at=T + MINUTE, looks=2, gone_at=T, text_hash="ab")
    assert from_json(Refresh, to_json(plan)) == plan


def test_a_counter_that_is_not_shown_keeps_its_last_reading() -> None:
    before = Engagement(likes=12_000, comments=3, shares=None, approx=frozenset({"likes", "comments"}))
    now = Engagement(comments=5, shares=0, lower_bound=frozenset({"shares"}))
    assert known_counts(before, now) == Engagement(
        likes=12_000, comments=5, shares=0, approx=frozenset({"likes"}), lower_bound=frozenset({"shares"})
    )
    assert known_counts(before, before) is before
    assert known_counts(Engagement(), now) == now
