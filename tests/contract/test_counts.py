"""What the counts of every mention store must be, whatever is behind them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.counting import CountBy, CountRow
from domain.mention import Author, Flag
from domain.moment import Window
from domain.query import parse
from domain.tagging import Polarity
from storage import MentionStore
from tests.storage.sample import NOW, N, P, U, mention, tagging

DAY = timedelta(days=1)
AROUND = Window(start=NOW - DAY, end=NOW + DAY)


def row(rows: Sequence[CountRow], **keys: object) -> CountRow:
    (only,) = [each for each in rows if all(getattr(each, name) == value for name, value in keys.items())]
    return only


def test_counts_are_split_by_everything_that_detection_needs(store: MentionStore) -> None:
    store.put(
        [
            mention("1", brands={"yunshan": N, "bailu": P}, minutes=1, p=0.9),
            mention("2", brands={"yunshan": N}, minutes=4, p=0.7),
            mention("3", brands={"yunshan": N}, minutes=4, source="other"),
            mention("4", brands={"yunshan": N}, minutes=4, flags=[Flag.BACKFILL]),
            mention("5", brands={"yunshan": U}, minutes=6, platform="zhihu"),
        ],
        now=NOW,
    )
    rows = store.counts(AROUND)
    assert len(rows) == 5
    both = row(rows, brand="yunshan", source="weibo-search", backfill=False, polarity=N)
    assert (both.bucket, both.mentions, both.new_authors) == (NOW, 2, 2)
    assert both.p_negative == pytest.approx(1.6)
    assert row(rows, platform="zhihu").bucket == NOW + timedelta(minutes=5)
    assert {each.brand for each in store.counts(AROUND, brand="bailu")} == {"bailu"}
    assert [each.bucket for each in rows] == sorted(each.bucket for each in rows)


def test_the_window_is_widened_to_whole_buckets(store: MentionStore) -> None:
    store.put([mention(str(n), brands={"yunshan": N}, minutes=n) for n in range(20)], now=NOW)
    window = Window(start=NOW + timedelta(minutes=7), end=NOW + timedelta(minutes=12))
    assert sum(each.mentions for each in store.counts(window)) == 10
    exact = Window(start=NOW + timedelta(minutes=5), end=NOW + timedelta(minutes=10))
    assert sum(each.mentions for each in store.counts(exact)) == 5


def test_candidates_owned_and_deleted_posts_are_never_counted(store: MentionStore) -> None:
    store.put([mention("1"), replace(mention("2"), tags=None)], now=NOW)
    store.put([mention("3", brands={"yunshan": N}, flags=[Flag.OWNED])], now=NOW)
    store.put([mention("4", brands={"yunshan": N}, flags=[Flag.DELETED])], now=NOW)
    assert store.counts(AROUND) == []
    assert store.distinct_authors(AROUND, brand="yunshan") == 0
    assert store.count(parse("异物"), now=NOW) == 4
    assert store.count(parse("brand: yunshan"), now=NOW) == 2


@pytest.mark.parametrize(
    ("by", "keys"),
    [
        (CountBy.TOPIC, {"food": 2, "price": 1}),
        (CountBy.RISK, {"food_safety": 1}),
        (CountBy.STORY, {"weibo:1": 2}),
    ],
)
def test_counts_split_by_a_key_leave_out_what_has_none(store: MentionStore, by: CountBy, keys: dict[str, int]) -> None:
    one = mention("1", brands={"yunshan": N}, topics=["food", "price"], risks=["food_safety"], story="weibo:1")
    two = mention("2", brands={"yunshan": N}, topics=["food"], story="weibo:1")
    store.put([one, two, mention("3", brands={"yunshan": N})], now=NOW)
    assert {each.key: each.mentions for each in store.counts(AROUND, by=by)} == keys


def test_an_author_is_new_once_in_24_hours_per_brand_and_polarity(store: MentionStore) -> None:
    who = Author(id="a")
    store.put([mention("3", brands={"yunshan": N}, author=who, minutes=24 * 60 + 10)], now=NOW)
    store.put([mention("1", brands={"yunshan": N}, author=who, minutes=0)], now=NOW)
    store.put([mention("2", brands={"yunshan": N, "bailu": N}, author=who, minutes=20)], now=NOW)
    store.put([mention("4", brands={"yunshan": P}, author=who, minutes=30)], now=NOW)
    window = Window(start=NOW - DAY, end=NOW + 3 * DAY)
    rows = {(each.brand, each.polarity, each.bucket - NOW): each.new_authors for each in store.counts(window)}
    assert rows == {
        ("yunshan", N, timedelta(0)): 1,
        ("yunshan", N, timedelta(minutes=20)): 0,
        ("bailu", N, timedelta(minutes=20)): 1,
        ("yunshan", P, timedelta(minutes=30)): 1,
        ("yunshan", N, timedelta(minutes=24 * 60 + 10)): 0,
    }


def test_an_author_is_new_again_after_exactly_24_hours(store: MentionStore) -> None:
    who = Author(name="甲")
    store.put([mention(str(n), brands={"y": N}, author=who, minutes=n * 24 * 60) for n in range(3)], now=NOW)
    window = Window(start=NOW, end=NOW + 5 * DAY)
    assert [each.new_authors for each in store.counts(window)] == [1, 1, 1]


def test_a_changed_verdict_moves_the_count(store: MentionStore) -> None:
    who = Author(id="a")
    store.put([mention(n, brands={"y": N}, author=who, minutes=int(n)) for n in "12"], now=NOW)
    store.put([mention("1", brands={"y": P}, author=who, minutes=1)], now=NOW)
    assert {each.polarity: (each.mentions, each.new_authors) for each in store.counts(AROUND)} == {N: (1, 1), P: (1, 1)}


def test_distinct_authors_are_exact(store: MentionStore) -> None:
    a, b = Author(id="a", name="同名"), Author(name="同名")
    store.put([mention("1", brands={"y": N}, author=a, story="s"), mention("2", brands={"y": P}, author=a)], now=NOW)
    store.put([mention("3", brands={"y": N}, author=b, minutes=9), mention("4", brands={"z": N})], now=NOW)
    store.put([mention("5", brands={"y": N}, flags=[Flag.BACKFILL])], now=NOW)
    store.put([mention("6", brands={"y": N}, author=a, platform="zhihu", minutes=90)], now=NOW)

    def authors(window: Window = AROUND, **more: object) -> int:
        return store.distinct_authors(window, brand="y", **more)  # type: ignore[arg-type]  # keywords by name

    assert authors() == 3
    assert authors(polarity=Polarity.POSITIVE) == 1
    assert authors(story="s") == 1
    assert authors(include_backfill=True) == 4
    assert authors(Window(start=NOW, end=NOW + timedelta(minutes=9))) == 1


def test_people_who_are_not_shown_count_each(store: MentionStore) -> None:
    nobody = Author()
    store.put([mention(str(n), brands={"y": N}, author=nobody) for n in range(3)], now=NOW)
    assert store.distinct_authors(AROUND, brand="y") == 3
    assert sum(each.new_authors for each in store.counts(AROUND)) == 3


def test_a_brand_tagged_twice_counts_once(store: MentionStore) -> None:
    tags = tagging({"y": N})
    store.put([mention("1", tags=replace(tags, brands=tags.brands * 2))], now=NOW)
    assert [each.mentions for each in store.counts(AROUND)] == [1]
