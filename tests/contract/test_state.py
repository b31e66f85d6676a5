"""What the state database must do, whatever is behind it: inbox, visits, stories."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.mention import Author, Engagement, Mention
from domain.moment import bucket_of
from domain.outcome import FetchOutcome
from domain.ports import Change, InboxKind, StoryItem
from domain.source import VisitState
from storage import State
from storage.errors import StoreError
from storage.scrub import Erased
from storage.state.erase import Author as Asked
from tests.storage.sample import NOW, N, mention

MINUTE = timedelta(minutes=1)


def lease(state: State, owner: str = "w1", *, limit: int = 10, at: int = 0) -> list[tuple[str, InboxKind]]:
    rows = state.inbox.lease(owner=owner, limit=limit, lease=5 * MINUTE, now=NOW + at * MINUTE)
    return [(row.mention.post.native_id, row.kind) for row in rows]


def change(id: str) -> Change:
    return Change(mention=id, brand="yunshan", bucket=bucket_of(NOW), at=NOW)


# --- inbox ---------------------------------------------------------------------------------------------------


def test_a_mention_is_queued_once_however_often_it_is_seen(state: State) -> None:
    one, two = mention("1"), mention("2")
    first = state.inbox.append([one, two, one], now=NOW)
    assert (first.new, first.changed, first.known) == ({one.id, two.id}, frozenset(), 1)
    again = state.inbox.append([one, two], now=NOW)
    assert (again.new, again.changed, again.known) == (frozenset(), frozenset(), 2)
    assert state.inbox.depth() == 2
    assert state.inbox.known([one.id, "weibo:9"]) == {one.id}
    assert state.inbox.append([], now=NOW).known == 0


@pytest.mark.parametrize("what", ["text", "title", "engagement", "extra"])
def test_a_changed_mention_is_queued_with_its_first_sight(state: State, what: str) -> None:
    one = mention("1")
    state.inbox.append([one], now=NOW)
    post = {
        "text": replace(one.post, text="改了"),
        "title": replace(one.post, title="题"),
        "engagement": replace(one.post, engagement=Engagement(likes=0)),
        "extra": replace(one.post, extra_counters=(("danmaku", 3),)),
    }[what]
    later = NOW + timedelta(hours=1)
    seen_again = replace(one, post=post, first_collected_at=later, last_collected_at=later)
    assert state.inbox.append([seen_again], now=later).changed == {one.id}
    rows = state.inbox.lease(owner="w", limit=9, lease=MINUTE, now=later)
    assert [row.kind for row in rows] == [InboxKind.NEW, InboxKind.CHANGED]
    assert rows[1].mention == replace(seen_again, first_collected_at=one.first_collected_at)


def known_as(native_id: str, *others: str, text: str = "云杉咖啡喝出异物") -> Mention:
    """Return an article that other roads bring under other ids."""
    one = mention(native_id, text, platform="wechat")
    return replace(one, post=replace(one.post, extra=tuple(("id_alt", other) for other in others)))


def test_an_article_that_comes_again_under_another_of_its_ids_is_known(state: State) -> None:
    resolved, listed = known_as("MzA==:22:1", "sogou:aa", "sogou:bb"), known_as("sogou:aa", text="云杉…")
    assert state.inbox.append([resolved], now=NOW).new == {resolved.id}
    assert state.inbox.known([listed.id, "wechat:sogou:bb", "wechat:sogou:cc"]) == {listed.id, "wechat:sogou:bb"}
    again = state.inbox.append([listed, resolved], now=NOW)
    assert (again.new, again.changed, again.known) == (frozenset(), frozenset(), 2)
    longer = known_as("MzA==:22:1", "sogou:aa", text="云杉咖啡喝出异物，已停业")
    assert state.inbox.append([longer], now=NOW).changed == {resolved.id}
    assert state.inbox.depth() == 2


def test_an_article_stays_under_the_id_of_its_first_sight(state: State) -> None:
    listed, found = known_as("sogou:aa"), known_as("MzA==:22:1", "sogou:aa", text="全文")
    state.inbox.append([listed], now=NOW)
    for _ in range(2):
        again = state.inbox.append([found], now=NOW)
        assert (again.new, again.changed, again.known) == (frozenset(), frozenset(), 1)
    assert state.inbox.known([found.id]) == {found.id}
    assert lease(state) == [("sogou:aa", InboxKind.NEW)]
    state.forget([listed.id])
    assert state.inbox.known([listed.id, found.id]) == frozenset()


def test_another_article_of_the_same_account_and_title_is_another(state: State) -> None:
    first, second = known_as("MzA==:22:1", "sogou:aa"), known_as("MzA==:33:1", "sogou:aa")
    assert state.inbox.append([first, second], now=NOW).new == {first.id, second.id}


def test_two_ids_of_one_article_in_one_batch_are_one(state: State) -> None:
    found = state.inbox.append([known_as("sogou:aa"), known_as("MzA==:22:1", "sogou:aa")], now=NOW)
    assert (found.new, found.known) == ({"wechat:sogou:aa"}, 1)


def test_rows_go_out_oldest_first_and_to_one_owner(state: State) -> None:
    state.inbox.append([mention(str(n)) for n in range(5)], now=NOW)
    assert [id for id, _ in lease(state, "w1", limit=2)] == ["0", "1"]
    assert [id for id, _ in lease(state, "w2", limit=2)] == ["2", "3"]
    assert [id for id, _ in lease(state, "w1")] == ["4"]
    assert lease(state, "w3") == []
    assert state.inbox.depth() == 5


def test_an_expired_lease_is_taken_again_and_counted(state: State) -> None:
    state.inbox.append([mention("1")], now=NOW)
    assert lease(state, "w1") == [("1", InboxKind.NEW)]
    assert lease(state, "w2", at=4) == []
    (row,) = state.inbox.lease(owner="w2", limit=1, lease=MINUTE, now=NOW + 5 * MINUTE)
    assert row.attempts == 2


def test_a_successor_takes_back_what_one_of_its_name_held_and_nothing_else(state: State) -> None:
    state.inbox.append([mention(str(n)) for n in range(3)], now=NOW)
    assert lease(state, "w1", limit=1) == [("0", InboxKind.NEW)]
    assert lease(state, "w2", limit=1) == [("1", InboxKind.NEW)]
    state.inbox.ack([], [change("weibo:8"), change("weibo:9")], owner="w1", now=NOW)
    for owner in ("w1", "w2"):
        assert len(state.inbox.claim_changes(owner=owner, limit=1, lease=MINUTE, now=NOW)) == 1
    assert state.inbox.take_back(owner="w1", now=NOW) == 2
    rows = state.inbox.lease(owner="w1", limit=9, lease=MINUTE, now=NOW)
    assert [(row.mention.post.native_id, row.attempts) for row in rows] == [("0", 2), ("2", 1)]
    (claimed,) = state.inbox.claim_changes(owner="w1", limit=9, lease=MINUTE, now=NOW)
    assert claimed.mention == "weibo:8"
    assert state.inbox.take_back(owner="nobody", now=NOW) == 0


def test_a_changed_row_waits_for_the_earlier_one_of_its_mention(state: State) -> None:
    state.inbox.append([mention("1", "一")], now=NOW)
    assert lease(state, "w1") == [("1", InboxKind.NEW)]
    state.inbox.append([mention("1", "二"), mention("2")], now=NOW)
    assert lease(state, "w2") == [("2", InboxKind.NEW)]
    state.inbox.ack([1], [], owner="w1", now=NOW)
    assert lease(state, "w2") == [("1", InboxKind.CHANGED)]


def test_an_ack_removes_rows_and_writes_changes(state: State) -> None:
    state.inbox.append([mention("1", brands={"yunshan": N})], now=NOW)
    (row,) = state.inbox.lease(owner="w1", limit=1, lease=MINUTE, now=NOW)
    state.inbox.ack([row.row], [change("weibo:1")], owner="w1", now=NOW)
    assert state.inbox.depth() == 0
    (claimed,) = state.inbox.claim_changes(owner="watch", limit=5, lease=MINUTE, now=NOW)
    assert claimed == replace(change("weibo:1"), row=claimed.row) and claimed.row > 0
    assert state.inbox.claim_changes(owner="other", limit=5, lease=MINUTE, now=NOW) == []
    assert len(state.inbox.claim_changes(owner="other", limit=5, lease=MINUTE, now=NOW + MINUTE)) == 1


def test_only_the_owner_can_ack_release_or_bury(state: State) -> None:
    state.inbox.append([mention("1")], now=NOW)
    lease(state, "w1")
    state.inbox.ack([1], [], owner="w2", now=NOW)
    state.inbox.release([1], owner="w2", now=NOW, delay=timedelta(0), tried=True)
    state.inbox.dead_letter(1, reason="x", owner="w2", now=NOW)
    assert state.inbox.depth() == 1 and lease(state, "w2") == []


def test_a_released_row_comes_back_after_its_delay(state: State) -> None:
    state.inbox.append([mention("1")], now=NOW)
    lease(state, "w1")
    state.inbox.release([1], owner="w1", now=NOW, delay=2 * MINUTE, tried=True)
    assert lease(state, "w1", at=1) == []
    assert lease(state, "w2", at=2) == [("1", InboxKind.NEW)]


@pytest.mark.parametrize(("tried", "attempts"), [(True, 2), (False, 1)])
def test_only_a_try_counts_as_an_attempt(state: State, tried: bool, attempts: int) -> None:
    state.inbox.append([mention("1")], now=NOW)
    lease(state, "w1")
    state.inbox.release([1], owner="w1", now=NOW, delay=timedelta(0), tried=tried)
    (row,) = state.inbox.lease(owner="w2", limit=1, lease=MINUTE, now=NOW)
    assert row.attempts == attempts


def test_a_dead_letter_is_set_aside_with_its_reason(state: State) -> None:
    state.inbox.append([mention("1"), mention("2")], now=NOW)
    lease(state, "w1")
    state.inbox.dead_letter(1, reason="坏" * 400, owner="w1", now=NOW)
    state.inbox.dead_letter(2, reason="later", owner="w1", now=NOW + MINUTE)
    assert state.inbox.depth() == 0
    assert state.inbox.dead_letters() == [(2, "weibo:2", "later"), (1, "weibo:1", "坏" * 300)]
    assert len(state.inbox.dead_letters(limit=1)) == 1
    assert state.inbox.append([mention("1")], now=NOW).known == 1


def test_text_that_no_database_takes_is_queued_all_the_same(state: State) -> None:
    one = mention("1", "坏\ud800字\x00")
    odd = replace(mention("2\udc00"), post=replace(one.post, extra_counters=(("\ud800", 1),)))
    assert len(state.inbox.append([one, odd], now=NOW).new) == 2
    assert state.inbox.append([odd], now=NOW).known == 1
    assert state.inbox.known([odd.id, "weibo:9"]) == {odd.id}
    row, _ = state.inbox.lease(owner="w", limit=2, lease=MINUTE, now=NOW)
    assert row.mention.post.text == "坏\ufffd字\x00"
    state.visits.save(VisitState(source="f", platform="web", due_at=NOW, last_detail="\ud800"))
    state.inbox.dead_letter(row.row, reason="\ud800", owner="w", now=NOW)
    with pytest.raises(StoreError, match="surrogates"):
        state.stories.link([item("\ud800", "x")], now=NOW)


def test_a_large_batch_is_one_append(state: State) -> None:
    many = [mention(str(n)) for n in range(1300)]
    assert len(state.inbox.append(many, now=NOW).new) == 1300
    assert state.inbox.append(many, now=NOW + timedelta(days=2)).known == 1300
    assert len(state.inbox.known([each.id for each in many])) == 1300


def test_erasing_an_author_empties_his_queue_but_remembers_the_ids(state: State) -> None:
    he = Author(id="7", name="张三")
    state.inbox.append([mention("1", author=he), mention("2", author=he), mention("3")], now=NOW)
    state.inbox.append([mention("4", author=he, platform="zhihu")], now=NOW)
    lease(state, "w1", limit=1)
    state.inbox.dead_letter(1, reason="x", owner="w1", now=NOW)
    author = Asked(platform="weibo", author_id="7", name=None)
    his = state.find_queued(author)
    who = Erased(platform="weibo", names=frozenset({"张三"}), ids=frozenset(each.id for each in his))
    assert who.ids == {"weibo:1", "weibo:2"}
    assert (
        state.erase(author, who, now=NOW, preview=True)
        == state.erase(author, who, now=NOW)
        == {"inbox": 1, "dead_letters": 1}
    )
    assert state.erase(author, who, now=NOW) == {}
    assert [id for id, _ in lease(state)] == ["3", "4"]
    assert state.inbox.dead_letters() == []
    assert state.inbox.known(["weibo:1"]) == {"weibo:1"}
    again = mention("1", author=he, engagement=Engagement(likes=3))
    assert state.inbox.append([again], now=NOW + timedelta(days=3)).known == 1, "other counters do not bring him back"
    assert state.inbox.append([again], now=NOW + timedelta(days=6)).known == 1


def test_what_was_set_aside_goes_back_into_the_queue_as_if_never_tried(state: State) -> None:
    state.inbox.append([mention(str(n)) for n in range(3)], now=NOW)
    for row in state.inbox.lease(owner="w", limit=3, lease=timedelta(minutes=1), now=NOW):
        state.inbox.dead_letter(row.row, reason=f"r{row.mention.id}", owner="w", now=NOW)
    first, second, _ = sorted(row for row, _, _ in state.inbox.dead_letters())
    assert state.inbox.requeue([second, first, 999], now=NOW) == 2
    again = state.inbox.lease(owner="w", limit=9, lease=timedelta(minutes=1), now=NOW)
    assert [(row.mention.id, row.kind, row.attempts) for row in again] == [
        ("weibo:0", InboxKind.NEW, 1),
        ("weibo:1", InboxKind.NEW, 1),
    ]
    assert state.inbox.requeue(None, now=NOW) == 1 and state.inbox.dead_letters() == []
    assert state.inbox.requeue(None, now=NOW) == 0


# --- visits --------------------------------------------------------------------------------------------------


def test_a_visit_state_comes_back_as_it_was_saved(state: State) -> None:
    one = VisitState(
        source="feed",
        platform="web",
        due_at=NOW,
        last_outcome=FetchOutcome.RATE_LIMITED,
        blind_since=NOW,
        etag='"x"',
        outcomes=(("ok", 3),),
    )
    state.visits.save(one)
    assert state.visits.load() == {"feed": one}
    state.visits.save(replace(one, fails=2))
    assert state.visits.load()["feed"].fails == 2


def test_matched_posts_are_only_ever_added(state: State) -> None:
    one = VisitState(source="feed", platform="web", due_at=NOW, posts_matched=99)
    state.visits.add_matched({"feed": 2, "other": 1})
    assert state.visits.load() == {}
    state.visits.save(one)
    state.visits.add_matched({"feed": 3})
    state.visits.add_matched({})
    state.visits.save(replace(one, posts_matched=0))
    assert state.visits.load()["feed"].posts_matched == 5


# --- stories -------------------------------------------------------------------------------------------------


def item(id: str, bands: str, signature: tuple[int, ...] = (1, 2, 3, 4, 5), minutes: int = 0) -> StoryItem:
    return StoryItem(id=id, bands=tuple(bands), signature=signature, event_at=NOW + minutes * MINUTE)


def link(state: State, *items: StoryItem, days: int = 0) -> dict[str, tuple[str, bool]]:
    links = state.stories.link(items, now=NOW + timedelta(days=days))
    assert [each.id for each in links] == [each.id for each in items]
    return {each.id: (each.story_id, each.is_duplicate) for each in links}


def test_like_texts_are_one_story_named_after_the_first(state: State) -> None:
    assert link(state, item("a", "xy"), item("b", "yz")) == {"a": ("a", False), "b": ("a", True)}
    assert link(state, item("c", "zw")) == {"c": ("a", True)}
    assert link(state) == {}


def test_a_shared_band_alone_makes_no_story(state: State) -> None:
    assert link(state, item("a", "xy"), item("b", "xz", (1, 2, 9, 9, 9))) == {"a": ("a", False), "b": ("b", False)}


def test_three_fifths_of_equal_values_are_enough(state: State) -> None:
    assert link(state, item("a", "x"), item("b", "x", (1, 2, 3, 9, 9)))["b"] == ("a", True)


def test_texts_without_signature_share_a_story_only_by_an_exact_band(state: State) -> None:
    links = link(state, item("a", "", ()), item("b", "", ()), item("c", "x", ()), item("d", "x", ()), item("e", "x"))
    assert [story for story, _ in links.values()] == ["a", "b", "c", "c", "e"]


def test_linking_again_gives_the_same(state: State) -> None:
    items = [item("a", "xy"), item("b", "yz"), item("c", "w")]
    first = link(state, *items)
    assert link(state, *reversed(items)) == first
    assert link(state, items[0], items[0]) == {"a": ("a", False)}


def test_a_text_between_two_stories_merges_them_into_the_earlier(state: State) -> None:
    one, other = (1, 2, 3, 4, 5), (1, 7, 3, 8, 5)
    link(state, item("late", "p", one, minutes=9), item("early", "q", other))
    assert link(state, item("bridge", "pq", (1, 2, 3, 8, 5))) == {"bridge": ("early", True)}
    assert state.stories.resolve(["late", "early", "none"]) == {"late": "early", "early": "early", "none": "none"}
    assert link(state, item("late", "p", one, minutes=9)) == {"late": ("early", True)}
    assert link(state, item("next", "p", one)) == {"next": ("early", True)}


def test_a_text_joins_the_story_most_like_it(state: State) -> None:
    link(state, item("a", "x", (1, 2, 3, 0, 0)), item("b", "y", (1, 2, 3, 4, 0), minutes=5))
    assert link(state, item("c", "xy"))["c"] == ("b", True)
    assert state.stories.resolve(["a", "b"]) == {"a": "a", "b": "b"}


def test_of_equally_like_stories_the_earlier_is_chosen(state: State) -> None:
    link(state, item("a", "x", (1, 2, 3, 0, 0), minutes=5), item("b", "y", (1, 2, 3, 9, 9)))
    assert link(state, item("c", "xy"))["c"] == ("b", True)


def test_merges_of_merges_resolve_in_one_step(state: State) -> None:
    c, b, a = (1, 2, 3, 4, 5), (1, 2, 3, 7, 6), (1, 9, 8, 7, 6)
    link(state, item("c", "r", c, minutes=9), item("b", "q", b, minutes=5), item("a", "p", a))
    link(state, item("x", "rq", (1, 2, 3, 4, 6)), item("y", "pq", (1, 2, 8, 7, 6)))
    assert state.stories.resolve(["a", "b", "c"]) == {"a": "a", "b": "a", "c": "a"}
    assert link(state, item("z", "r", c))["z"] == ("a", True)


def test_unused_bands_are_forgotten_after_30_days(state: State) -> None:
    link(state, item("a", "x"))
    assert link(state, item("b", "x"), days=29)["b"] == ("a", True)
    assert link(state, item("c", "x"), days=58)["c"] == ("a", True)
    assert link(state, item("d", "x"), days=89)["d"] == ("d", False)
    state.prune(now=NOW + timedelta(days=200), evaluations=timedelta(days=30))
    assert link(state, item("e", "x"), days=200)["e"] == ("e", False)


def test_pruning_keeps_what_is_in_use(state: State) -> None:
    link(state, item("a", "x"), item("old", "z", (9,) * 5))
    link(state, item("b", "x"), days=25)
    state.prune(now=NOW + timedelta(days=40), evaluations=timedelta(days=30))
    assert link(state, item("c", "x"), days=40)["c"] == ("a", True)
    assert link(state, item("d", "z", (9,) * 5), days=40)["d"] == ("d", False)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    batches=st.lists(
        st.lists(st.tuples(st.integers(0, 20), st.sets(st.sampled_from("pqrstuv"), max_size=3)), max_size=5), max_size=4
    ),
    run=st.uuids(),
)
def test_replayed_batches_never_split_a_story(
    state: State, batches: list[list[tuple[int, set[str]]]], run: object
) -> None:
    # Every run has ids and bands of its own, because the database stays.
    links: dict[str, str] = {}
    for batch in batches:
        items = [
            StoryItem(id=f"{run}:{n}", bands=tuple(f"{run}{b}" for b in sorted(bands)), signature=(1, 1), event_at=NOW)
            for n, bands in batch
        ]
        for _ in range(2):
            for each in state.stories.link(items, now=NOW):
                if each.id in links:
                    assert state.stories.resolve([links[each.id]])[links[each.id]] == each.story_id
                links[each.id] = each.story_id
                assert each.is_duplicate == (each.story_id != each.id)
