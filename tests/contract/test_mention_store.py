"""What every mention store must do, whatever is behind it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.mention import Author, Engagement, Flag, Mention, Precision
from domain.moment import Window
from domain.query import QueryError, parse
from storage import MentionStore
from storage.errors import StoreError
from tests.storage.sample import NOW, N, P, U, mention

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
AROUND = Window(start=NOW - DAY, end=NOW + DAY)


def found(store: MentionStore, query: str, **more: object) -> list[str]:
    page = store.search(parse(query), now=NOW, **more)  # type: ignore[arg-type]  # keywords by name
    return [each.post.native_id for each in page.mentions]


# --- put -----------------------------------------------------------------------------------------------------


def test_a_mention_comes_back_as_it_was_put(store: MentionStore) -> None:
    one = mention("1", "云杉咖啡😀", title="标题", brands={"yunshan": N}, topics=["food"], risks=["food_safety"])
    result = store.put([one], now=NOW)
    assert result.created == {one.id}
    assert store.get([one.id, "weibo:none"]) == {one.id: replace(one, indexed_at=NOW)}


def test_putting_the_same_again_changes_nothing(store: MentionStore) -> None:
    one = mention("1", brands={"yunshan": N}, engagement=Engagement(likes=3))
    store.put([one], now=NOW)
    again = store.put([one], now=NOW + HOUR)
    assert again.unchanged == {one.id}
    assert store.get([one.id])[one.id].indexed_at == NOW
    assert len(store.engagement_history(one.id)) == 1
    assert store.count(parse("*"), now=NOW) == 1
    assert [row.mentions for row in store.counts(AROUND)] == [1]


def test_a_later_reading_alone_is_kept_but_is_no_change(store: MentionStore) -> None:
    one = mention("1")
    store.put([one], now=NOW)
    later = replace(one, last_collected_at=one.last_collected_at + HOUR)
    assert store.put([later], now=NOW).unchanged == {one.id}
    assert store.get([one.id])[one.id].last_collected_at == later.last_collected_at


def test_the_first_sight_stays_and_the_rest_is_replaced(store: MentionStore) -> None:
    one = mention("1", "旧文", brands={"yunshan": N}, flags=[Flag.BACKFILL], story="weibo:1", source="first")
    store.put([one], now=NOW)
    two = replace(
        mention("1", "新文", brands={"bailu": P}, flags=[Flag.DELETED], story="weibo:9", source="second"),
        first_collected_at=NOW + HOUR,
        last_collected_at=NOW + HOUR,
        is_duplicate=True,
    )
    assert store.put([two], now=NOW + HOUR).updated == {one.id}
    kept = store.get([one.id])[one.id]
    assert (kept.source, kept.first_collected_at, kept.story_id) == ("first", one.first_collected_at, "weibo:1")
    assert not kept.is_duplicate
    assert kept.flags == {Flag.BACKFILL, Flag.DELETED}
    assert (kept.post.text, kept.brands, kept.last_collected_at) == ("新文", ("bailu",), NOW + HOUR)
    assert found(store, "旧文") == [] and found(store, "新文") == ["1"]
    assert found(store, "brand: yunshan") == [] and found(store, "brand: bailu") == ["1"]


def test_a_backfill_never_hides_a_mention_that_came_live(store: MentionStore) -> None:
    store.put([mention("1", brands={"yunshan": N})], now=NOW)
    store.put([mention("1", brands={"yunshan": N}, flags=[Flag.BACKFILL])], now=NOW)
    assert [row.backfill for row in store.counts(AROUND)] == [False]


def test_a_story_is_taken_where_none_was_known(store: MentionStore) -> None:
    one = mention("1")
    store.put([one], now=NOW)
    store.put([replace(one, story_id="weibo:0", is_duplicate=True)], now=NOW)
    kept = store.get([one.id])[one.id]
    assert (kept.story_id, kept.is_duplicate) == ("weibo:0", True)


def test_of_two_with_one_id_in_a_batch_the_later_wins(store: MentionStore) -> None:
    result = store.put([mention("1", "前"), mention("1", "后")], now=NOW)
    assert result.created == {"weibo:1"}
    assert found(store, "后") == ["1"] and found(store, "前") == []


def test_putting_nothing_is_fine(store: MentionStore) -> None:
    assert store.put([], now=NOW).created == frozenset()


def test_hostile_text_is_stored_and_found(store: MentionStore) -> None:
    one = mention("1", "坏\ud800字 \x00 x' OR 1=1 \" NEAR(a b) * 表", title='"; DROP TABLE mentions; --')
    store.put([one], now=NOW)
    assert store.get([one.id])[one.id].post.text.startswith("坏\ufffd字")
    assert found(store, '"drop table mentions"') == ["1"]
    assert found(store, '"near a b"') == ["1"]
    assert found(store, "表") == ["1"]


def test_an_odd_id_is_one_id(store: MentionStore) -> None:
    one = mention("1\ud800")
    assert len(store.put([one], now=NOW).created) == 1
    assert store.put([one], now=NOW).unchanged == {"weibo:1\ufffd"}
    assert store.get([one.id]) == {}


def test_numbers_beyond_64_bits_are_stored(store: MentionStore) -> None:
    one = mention("1", author=Author(name="甲", followers=10**30))
    store.put([one], now=NOW)
    assert store.get([one.id])[one.id].post.author.followers == 10**30
    assert found(store, "author.followers > 1000") == ["1"]
    assert found(store, f"author.followers < {10**31}") == ["1"]


# --- engagement history --------------------------------------------------------------------------------------


def test_changed_counters_are_kept_in_the_history(store: MentionStore) -> None:
    one = mention("1", engagement=Engagement(likes=3))
    two = replace(
        mention("1", engagement=Engagement(likes=5, shares=0)), last_collected_at=one.last_collected_at + HOUR
    )
    store.put([one], now=NOW)
    store.put([two], now=NOW)
    assert store.engagement_history(one.id) == [
        (one.last_collected_at, Engagement(likes=3)),
        (two.last_collected_at, Engagement(likes=5, shares=0)),
    ]
    assert store.engagement_history("weibo:none") == []


def test_a_page_without_counters_leaves_no_reading(store: MentionStore) -> None:
    store.put([mention("1")], now=NOW)
    assert store.engagement_history("weibo:1") == []


# --- delete, erase -------------------------------------------------------------------------------------------


def test_candidates_and_mentions_expire_apart(store: MentionStore) -> None:
    store.put([mention("old", minutes=-600), mention("new", minutes=10)], now=NOW)
    store.put([mention("b-old", brands={"yunshan": N}, minutes=-600)], now=NOW)
    assert store.delete_before(NOW, candidates=True) == 1
    assert sorted(found(store, "*")) == ["b-old", "new"]
    assert store.delete_before(NOW, candidates=False) == 1
    assert found(store, "*") == ["new"] and found(store, "异物") == ["new"]
    assert store.counts(AROUND) == []
    assert store.delete_before(NOW, candidates=False) == 0


def test_many_expire_at_once(store: MentionStore) -> None:
    store.put([mention(str(n), minutes=-60) for n in range(1201)], now=NOW)
    assert store.delete_before(NOW, candidates=True) == 1201
    assert store.count(parse("*"), now=NOW) == 0


def test_what_expires_makes_the_next_author_new_again(store: MentionStore) -> None:
    who = Author(id="a", name="甲")
    first = mention("1", brands={"yunshan": N}, author=who, minutes=-60)
    second = mention("2", brands={"yunshan": N}, author=who, minutes=0)
    store.put([first, second], now=NOW)
    assert [row.new_authors for row in store.counts(AROUND)] == [1, 0]
    store.delete_before(NOW, candidates=False)
    assert [row.new_authors for row in store.counts(AROUND)] == [1]


def test_erasing_an_author_takes_all_his_mentions_and_their_history(store: MentionStore) -> None:
    he, other = Author(id="7", name="张三"), Author(id="8", name="张三")
    likes = Engagement(likes=1)
    store.put([mention("1", "甲句", author=he, brands={"yunshan": N}, engagement=likes)], now=NOW)
    store.put([mention("2", "乙句", author=other), mention("3", "丙句", author=he, platform="zhihu")], now=NOW)
    assert store.erase_author(platform="weibo", author_id="7") == 1
    assert found(store, "甲句") == [] and store.engagement_history("weibo:1") == []
    assert store.counts(AROUND) == [] and store.get(["weibo:1"]) == {}
    assert sorted(found(store, "*")) == ["2", "3"]


def test_erasing_by_name_takes_everyone_of_that_name(store: MentionStore) -> None:
    store.put([mention("1", author=Author(name="张三")), mention("2", author=Author(id="8", name="张三"))], now=NOW)
    store.put([mention("3", author=Author(id="9", name="李四"))], now=NOW)
    assert store.erase_author(platform="weibo", name="张三") == 2
    assert found(store, "*") == ["3"]


def test_erasing_by_id_and_name_spares_namesakes_with_another_id(store: MentionStore) -> None:
    store.put([mention("1", author=Author(name="张三")), mention("2", author=Author(id="8", name="张三"))], now=NOW)
    store.put([mention("3", author=Author(id="7", name="从前"))], now=NOW)
    assert store.erase_author(platform="weibo", author_id="7", name="张三") == 2
    assert found(store, "*") == ["2"]
    assert store.erase_author(platform="weibo") == 0


# --- search --------------------------------------------------------------------------------------------------


def test_the_newest_event_comes_first_and_pages_join_without_gap(store: MentionStore) -> None:
    store.put([mention(f"{n:02}", minutes=-(n // 2) * 1000) for n in range(25)], now=NOW)
    seen: list[Mention] = []
    after = None
    for _ in range(9):
        page = store.search(parse("咖啡"), now=NOW, limit=3, after=after)
        seen.extend(page.mentions)
        after = page.next
        if after is None:
            break
    assert len(seen) == 25
    assert seen == sorted(seen, key=lambda each: (each.event_at, each.id), reverse=True)


def test_a_full_last_page_has_no_next(store: MentionStore) -> None:
    store.put([mention("1"), mention("2")], now=NOW)
    assert store.search(parse("*"), now=NOW, limit=2).next is None
    assert store.search(parse("*"), now=NOW, limit=0).mentions == ()


def test_a_foreign_cursor_is_refused(store: MentionStore) -> None:
    with pytest.raises(StoreError, match="no cursor"):
        store.search(parse("*"), now=NOW, after="nonsense")


def test_the_window_bounds_the_event_time(store: MentionStore) -> None:
    store.put([mention("1", minutes=0), mention("2", minutes=5), mention("3", minutes=10)], now=NOW)
    window = Window(start=NOW, end=NOW + timedelta(minutes=10))
    assert found(store, "*", window=window) == ["2", "1"]
    assert store.count(parse("*"), now=NOW, window=window) == 2
    fine = Window(start=NOW + timedelta(microseconds=1), end=NOW + timedelta(minutes=5, microseconds=1))
    assert found(store, "*", window=fine) == ["2"]


def test_a_mention_found_late_lies_in_the_window_of_its_event(store: MentionStore) -> None:
    store.put([mention("now", minutes=0)], now=NOW)
    store.put([mention("late", minutes=-3000, collected_after=5000)], now=NOW)
    window = Window(start=NOW - timedelta(minutes=3010), end=NOW - timedelta(minutes=2990))
    assert found(store, "咖啡", window=window) == ["late"]


def test_an_inexact_time_falls_where_it_was_first_seen(store: MentionStore) -> None:
    one = mention("1", collected_after=30)
    rough = replace(one, post=replace(one.post, published_precision=Precision.DAY))
    store.put([rough], now=NOW)
    assert found(store, "*", window=Window(start=NOW + timedelta(minutes=30), end=NOW + HOUR)) == ["1"]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("异物", "12"),
        ('"喝出异物"', "1"),
        ("喝 NEAR/2 异物", "12"),
        ("异物 NEAR/0 喝", ""),
        ("text: 异物 and not title: 曝光", "2"),
        ("hel*", "3"),
        ("title: *", "1"),
        ("brand: yunshan", "12"),
        ("brand: yun*", "12"),
        ("negative_for: yunshan", "1"),
        ("positive_for: yunshan", "2"),
        ("neutral_for: bailu", "3"),
        ("topics: food and risk: food_safety", "1"),
        ("flags: backfill", "3"),
        ("keywords: 咖啡", "123"),
        ("author.name: 用户*", "123"),
        ("author.id: u2 or author.id: u3", "23"),
        ("author.followers >= 10", ""),
        ("not author.followers >= 10", "123"),
        ('event_at >= "2026-06-20T16:05:00+08:00"', "23"),
        ('event_at < "2026-06-20T16:05"', "1"),
        ("published_at: 2026-06-20", "123"),
        ("first_collected_at > now+10m", "3"),
        ("is_duplicate: false", "123"),
        ("is_duplicate: true", ""),
        ("platform: (weibo or zhihu) and source > a", "123"),
        ("story_id: *", ""),
        ("auth*: u1", "1"),
        ("nonsense: 1", ""),
        ("severity > 50", "1"),
        ("p_negative: 0.5", "123"),
        ("。", ""),
        ("*", "123"),
        ("id: weibo\\:1", "1"),
    ],
)
def test_queries_find_what_they_say(store: MentionStore, query: str, ids: str) -> None:
    store.put(
        [
            mention(
                "1", "云杉咖啡喝出异物", title="曝光", brands={"yunshan": N}, topics=["food"], risks=["food_safety"]
            ),
            mention("2", "喝了云杉，没有异物", brands={"yunshan": P}, minutes=5),
            mention("3", "Hello world", brands={"bailu": U}, minutes=10, flags=[Flag.BACKFILL]),
        ],
        now=NOW,
    )
    expected = {"喝 NEAR/2 异物": "1"}.get(query, ids)
    assert sorted(found(store, query)) == list(expected)
    assert store.count(parse(query), now=NOW) == len(expected)


def test_a_value_that_does_not_fit_its_field_is_refused(store: MentionStore) -> None:
    with pytest.raises(QueryError, match=r"author\.followers"):
        store.search(parse("author.followers: many"), now=NOW)


def test_deep_and_long_queries_are_answered(store: MentionStore) -> None:
    store.put([mention("1", "甲")], now=NOW)
    deep = "甲"
    for n in range(40):
        deep = f"({deep} and not 乙{n}) or 丙" if n % 2 else f"({deep} and not id: x{n}) and 甲"
    assert found(store, deep) == ["1"]
    assert found(store, " or ".join(f"id: x{n}" for n in range(1000))) == []


# --- histogram, terms ----------------------------------------------------------------------------------------


def test_a_histogram_has_every_bar_of_its_window(store: MentionStore) -> None:
    store.put([mention("1", minutes=1), mention("2", minutes=2), mention("3", minutes=25)], now=NOW)
    window = Window(start=NOW, end=NOW + timedelta(minutes=35))
    for query in ("咖啡", "咖啡 NEAR/9 异物"):
        bars = store.histogram(parse(query), now=NOW, window=window, interval=timedelta(minutes=10))
        assert [bar.mentions for bar in bars] == [2, 0, 1, 0]
        assert bars[0].start == NOW and bars[-1].start == NOW + timedelta(minutes=30)


@pytest.mark.parametrize("interval", [timedelta(0), timedelta(milliseconds=1)])
def test_an_impossible_interval_is_refused(store: MentionStore, interval: timedelta) -> None:
    with pytest.raises(StoreError):
        store.histogram(parse("*"), now=NOW, window=AROUND, interval=interval)


def test_terms_count_each_mention_once_per_value(store: MentionStore) -> None:
    store.put([mention("1", brands={"yunshan": N, "bailu": N}), mention("2", brands={"yunshan": P})], now=NOW)
    store.put([mention("3", platform="zhihu")], now=NOW)

    def terms(field: str, query: str = "*", limit: int = 20) -> list[tuple[str, int]]:
        rows = store.terms(parse(query), now=NOW, field=field, limit=limit)
        return [(row.term, row.mentions) for row in rows]

    assert terms("brand") == [("yunshan", 2), ("bailu", 1)]
    assert terms("platform") == [("weibo", 2), ("zhihu", 1)]
    assert terms("platform", limit=1) == [("weibo", 2)]
    assert terms("author.id") == [("u1", 1), ("u2", 1), ("u3", 1)]
    assert terms("platform", "咖啡 NEAR/9 异物") == [("weibo", 2), ("zhihu", 1)]
    assert terms("outlet") == []


@pytest.mark.parametrize("field", ["text", "author.followers", "nonsense"])
def test_terms_of_other_fields_are_refused(store: MentionStore, field: str) -> None:
    with pytest.raises(QueryError, match="keyword"):
        store.terms(parse("*"), now=NOW, field=field)
