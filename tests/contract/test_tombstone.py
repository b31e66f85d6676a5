"""A post that its platform deleted, and one that came back: in the queue and in every store."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.document import public_document
from domain.mention import Author, Engagement, Flag, Mention
from domain.ports import InboxKind
from domain.query import parse
from storage import MentionStore, State
from tests.storage.sample import NOW, N, mention, tagging

HOUR = timedelta(hours=1)
LIKES = Engagement(likes=3, shares=1)


def gone(one: Mention) -> Mention:
    return replace(one, flags=one.flags | {Flag.DELETED}, deleted_at=NOW + HOUR)


def found(store: MentionStore, query: str) -> list[str]:
    return [each.id for each in store.search(parse(query), now=NOW).mentions]


# --- stores --------------------------------------------------------------------------------------------------


def test_a_tombstone_keeps_what_was_said_and_shows_when_it_was_deleted(store: MentionStore) -> None:
    one = mention("1", brands={"yunshan": N}, engagement=LIKES)
    store.put([one], now=NOW)
    assert store.put([gone(one)], now=NOW + HOUR).updated == {one.id}
    kept = store.get([one.id])[one.id]
    assert (kept.flags, kept.deleted_at, kept.post) == ({Flag.DELETED}, NOW + HOUR, one.post)
    assert found(store, "flags: deleted") == found(store, "异物") == [one.id]
    assert public_document(kept)["deleted_at"] == "2026-06-20T09:00:00.000Z"
    assert store.engagement_history(one.id) == [(one.last_collected_at, LIKES)]


def test_a_post_that_is_back_loses_the_flag(store: MentionStore) -> None:
    one = mention("1", brands={"yunshan": N})
    store.put([gone(one)], now=NOW)
    assert store.put([one], now=NOW + HOUR).updated == {one.id}
    kept = store.get([one.id])[one.id]
    assert (kept.flags, kept.deleted_at) == (frozenset(), None)
    assert found(store, "flags: deleted") == []
    assert "deleted_at" not in public_document(kept)


def test_a_list_that_shows_fewer_counters_takes_none_away(store: MentionStore) -> None:
    one = mention("1", engagement=LIKES)
    store.put([one], now=NOW)
    later = replace(mention("1", engagement=Engagement(likes=9)), last_collected_at=NOW + HOUR)
    bare = replace(mention("1"), last_collected_at=NOW + 2 * HOUR)
    store.put([later], now=NOW)
    assert store.put([bare], now=NOW).unchanged == {one.id}
    assert store.get([one.id])[one.id].post.engagement == Engagement(likes=9, shares=1)
    assert [counts.likes for _, counts in store.engagement_history(one.id)] == [3, 9]


def cut(one: Mention, text: str, *, truncated: bool = True, **more: object) -> Mention:
    flags = frozenset({Flag.TRUNCATED} if truncated else ())
    short = replace(one, post=replace(one.post, text=text, truncated=truncated), flags=flags, tags=tagging())
    return replace(short, **more)  # type: ignore[arg-type]  # fields by name


def test_the_beginning_of_a_text_does_not_replace_the_whole(store: MentionStore) -> None:
    one = mention("1", "云杉咖啡喝出异物，门店已经停业", brands={"yunshan": N})
    store.put([one], now=NOW)
    counted = cut(replace(one, post=replace(one.post, engagement=LIKES)), "云杉咖啡喝…")
    assert store.put([counted], now=NOW).updated == {one.id}
    kept = store.get([one.id])[one.id]
    assert (kept.post.text, kept.post.truncated, kept.flags) == (one.post.text, False, frozenset())
    assert (kept.post.engagement, kept.brands) == (LIKES, ("yunshan",))
    assert found(store, "停业") == [one.id]


@pytest.mark.parametrize("longer", ["云杉咖啡喝出异物，门店已经停业", "云杉咖啡喝出了异物，门店已经停业，道歉"])
def test_the_whole_text_replaces_its_beginning(store: MentionStore, longer: str) -> None:
    one = mention("1", longer)
    store.put([cut(one, "云杉咖啡喝…")], now=NOW)
    store.put([one], now=NOW)
    kept = store.get([one.id])[one.id]
    assert (kept.post.text, kept.flags) == (longer, frozenset())


def test_an_author_may_shorten_his_post(store: MentionStore) -> None:
    one = mention("1", "云杉咖啡喝出异物，门店已经停业")
    store.put([one], now=NOW)
    store.put([cut(one, "已删除原文", truncated=False)], now=NOW)
    assert store.get([one.id])[one.id].post.text == "已删除原文"


def test_of_a_page_that_two_sources_bring_the_longer_text_stays(store: MentionStore) -> None:
    page = mention("https://a.example/1", "云杉咖啡喝出异物，门店已经停业", platform="web", source="feed")
    store.put([page], now=NOW)
    store.put([cut(page, "门店已经停业", truncated=False, source="search")], now=NOW)
    assert store.get([page.id])[page.id].post.text == page.post.text
    store.put([cut(page, "更正：没有停业", truncated=False)], now=NOW)
    assert store.get([page.id])[page.id].post.text == "更正：没有停业"


# --- the queue -----------------------------------------------------------------------------------------------


def take(state: State) -> list[tuple[str, InboxKind, bool]]:
    rows = state.inbox.lease(owner="w", limit=9, lease=HOUR, now=NOW)
    state.inbox.ack([row.row for row in rows], [], owner="w", now=NOW)
    return [(row.mention.id, row.kind, Flag.DELETED in row.mention.flags) for row in rows]


def test_a_tombstone_is_a_change_and_a_list_that_is_behind_does_not_undo_it(state: State) -> None:
    one = mention("1", engagement=LIKES, author=Author(name="甲"))
    state.inbox.append([one], now=NOW)
    assert state.inbox.append([gone(one)], now=NOW).changed == {one.id}
    assert state.inbox.append([gone(one)], now=NOW).known == 1
    assert state.inbox.append([one], now=NOW + 48 * HOUR).known == 1
    assert state.inbox.append([one], now=NOW + 48 * HOUR).known == 1
    assert take(state) == [(one.id, InboxKind.NEW, False), (one.id, InboxKind.CHANGED, True)]


def test_a_deleted_post_that_moves_again_is_a_change(state: State) -> None:
    one = mention("1", engagement=LIKES)
    state.inbox.append([gone(one)], now=NOW)
    moved = replace(one, post=replace(one.post, engagement=Engagement(likes=4, shares=1)))
    assert state.inbox.append([moved], now=NOW).changed == {one.id}


def test_a_lifted_tombstone_lets_the_same_post_in_again(state: State) -> None:
    one, other = mention("1"), mention("2")
    state.inbox.append([gone(one), other], now=NOW)
    state.refreshes.lift([one.id, other.id, "weibo:none"])
    again = state.inbox.append([one, other], now=NOW)
    assert (again.changed, again.known) == ({one.id}, 1)
