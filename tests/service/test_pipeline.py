import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.clock import ManualClock
from domain.errors import TingfengError
from domain.mention import Author, Engagement, Kind, Mention, Post
from domain.query import parse
from domain.tagging import BrandTag, Polarity, Sentiment, Tagging
from service.pipeline import Pipeline, Tag
from storage import State, open_state
from storage.errors import RejectedError
from storage.memory import MemoryMentions

NOW = datetime(2026, 6, 20, 7, 30, tzinfo=UTC)
SENTIMENT = Sentiment(polarity=Polarity.NEGATIVE, score=-0.5, p_negative=0.8, confidence=0.8)


def make_mention(number: int, text: str = "云杉咖啡很难喝") -> Mention:
    post = Post(platform="weibo", native_id=str(number), kind=Kind.POST, text=text, author=Author(id=str(number)))
    return Mention(id=f"weibo:{number}", post=post, source="weibo", first_collected_at=NOW, last_collected_at=NOW)


def tag(mentions: Sequence[Mention]) -> list[Mention]:
    if any("poison" in mention.post.text for mention in mentions):
        raise ValueError("cannot be tagged")
    return [
        replace(
            mention,
            tags=Tagging(
                sentiment=SENTIMENT,
                brands=(BrandTag(brand="yunshan", sentiment=SENTIMENT),) if "云杉" in mention.post.text else (),
            ),
        )
        for mention in mentions
    ]


class Stand:
    def __init__(self, state: State) -> None:
        self.state = state
        self.clock = ManualClock(NOW)
        self.mentions = MemoryMentions()
        self.pipeline = self.make(self.mentions)

    def make(self, mentions: MemoryMentions, owner: str = "a", tag: Tag = tag, attempts: int = 2) -> Pipeline:
        return Pipeline(
            inbox=self.state.inbox,
            visits=self.state.visits,
            stories=self.state.stories,
            mentions=mentions,
            tag=tag,
            clock=self.clock,
            owner=owner,
            batch=10,
            attempts=attempts,
        )

    def found(self) -> list[str]:
        page = self.mentions.search(parse("*"), now=self.clock.now(), limit=100)
        return sorted(mention.id for mention in page.mentions)

    def changes(self) -> list[str]:
        claimed = self.state.inbox.claim_changes(owner="w", limit=100, lease=timedelta(minutes=1), now=self.clock.now())
        return sorted(change.mention for change in claimed)


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    state = open_state(None, tmp_path)
    yield Stand(state)
    state.close()


def test_a_batch_is_tagged_stored_and_announced(stand: Stand) -> None:
    stand.state.inbox.append([make_mention(1), make_mention(2, "天气不错")], now=NOW)
    result = stand.pipeline.step()
    assert (result.leased, result.stored, result.matched, result.dead) == (2, 2, 1, 0)
    assert stand.found() == ["weibo:1", "weibo:2"]
    assert stand.changes() == ["weibo:1"]
    assert stand.state.inbox.depth() == 0
    assert stand.pipeline.step().leased == 0


def test_a_poisoned_mention_is_set_aside_and_the_rest_goes_on(stand: Stand) -> None:
    stand.state.inbox.append([make_mention(1), make_mention(2, "poison"), make_mention(3)], now=NOW)
    first = stand.pipeline.step()
    assert (first.stored, first.returned, first.dead) == (2, 1, 0)
    stand.clock.advance(timedelta(minutes=1))
    second = stand.pipeline.step()
    assert second.dead == 1
    letters = stand.state.inbox.dead_letters()
    assert letters[0][1] == "weibo:2" and "cannot be tagged" in letters[0][2]
    assert stand.state.inbox.depth() == 0


class _Refusing(MemoryMentions):
    refuse = True

    def put(self, mentions, *, now):  # type: ignore[no-untyped-def]  # same as the parent's
        if self.refuse:
            raise TingfengError("the store does not answer")
        return super().put(mentions, now=now)


def test_a_store_that_does_not_answer_loses_nothing(stand: Stand) -> None:
    stand.mentions = _Refusing()
    pipeline = stand.make(stand.mentions)
    stand.state.inbox.append([make_mention(1)], now=NOW)
    for _ in range(20):
        with pytest.raises(TingfengError, match="does not answer"):
            pipeline.step()
        stand.clock.advance(timedelta(seconds=3))
    assert stand.state.inbox.depth() == 1
    _Refusing.refuse = False
    assert pipeline.step().stored == 1
    assert stand.found() == ["weibo:1"] and stand.state.inbox.dead_letters() == []


class _Picky(MemoryMentions):
    def put(self, mentions, *, now):  # type: ignore[no-untyped-def]  # same as the parent's
        if any("unfit" in mention.post.text for mention in mentions):
            raise RejectedError("a field cannot be read")
        return super().put(mentions, now=now)


def test_a_mention_that_the_store_refuses_is_set_aside_and_the_rest_goes_on(stand: Stand) -> None:
    stand.mentions = _Picky()
    pipeline = stand.make(stand.mentions)
    stand.state.inbox.append([make_mention(1), make_mention(2, "unfit"), make_mention(3)], now=NOW)
    first = pipeline.step()
    assert (first.leased, first.stored, first.returned, first.dead) == (3, 2, 1, 0)
    stand.clock.advance(timedelta(seconds=6))
    assert pipeline.step().dead == 1
    (letter,) = stand.state.inbox.dead_letters()
    assert letter[1:] == ("weibo:2", "a field cannot be read")
    assert stand.found() == ["weibo:1", "weibo:3"] and stand.state.inbox.depth() == 0


def test_a_batch_of_a_dead_worker_is_taken_over_and_stored_once(stand: Stand) -> None:
    stand.state.inbox.append([make_mention(1)], now=NOW)
    rows = stand.state.inbox.lease(owner="dead", limit=10, lease=timedelta(minutes=5), now=NOW)
    stand.mentions.put(tag([row.mention for row in rows]), now=NOW)
    assert stand.pipeline.step().leased == 0
    stand.clock.advance(timedelta(minutes=6))
    result = stand.pipeline.step()
    assert (result.leased, result.stored) == (1, 0)
    assert stand.found() == ["weibo:1"]


def test_a_successor_goes_on_at_once_with_what_it_held_when_it_died(stand: Stand) -> None:
    stand.state.inbox.append([make_mention(1)], now=NOW)
    assert stand.state.inbox.lease(owner="a", limit=10, lease=timedelta(minutes=5), now=NOW)
    assert stand.pipeline.step().stored == 1
    stand.state.inbox.append([make_mention(2)], now=NOW)
    assert stand.state.inbox.lease(owner="a", limit=10, lease=timedelta(minutes=5), now=NOW)
    assert stand.pipeline.step().leased == 0, "only what was held before it began"


def test_a_step_that_broke_off_after_the_put_is_announced_when_it_is_repeated(stand: Stand) -> None:
    stand.state.inbox.append([make_mention(1)], now=NOW)
    (row,) = stand.state.inbox.lease(owner="dead", limit=9, lease=timedelta(minutes=1), now=NOW)
    stand.mentions.put(tag([replace(row.mention, story_id=row.mention.id)]), now=NOW)
    stand.clock.advance(timedelta(minutes=2))
    assert stand.pipeline.step().leased == 1
    assert stand.changes() == ["weibo:1"] and stand.state.inbox.depth() == 0


def test_changed_counters_are_kept_and_announced(stand: Stand) -> None:
    stand.state.inbox.append([make_mention(1)], now=NOW)
    stand.pipeline.step()
    stand.changes()
    old = make_mention(1)
    grown = replace(old, post=replace(old.post, engagement=Engagement(likes=9)))
    stand.clock.advance(timedelta(minutes=5))
    result = stand.state.inbox.append([grown], now=stand.clock.now())
    assert result.changed == frozenset({"weibo:1"})
    assert stand.pipeline.step().stored == 0
    assert stand.mentions.get(["weibo:1"])["weibo:1"].post.engagement.likes == 9


def test_a_mention_that_takes_its_worker_down_is_set_aside_in_the_end(stand: Stand) -> None:
    stand.state.inbox.append([make_mention(1)], now=NOW)
    for _ in range(2):
        stand.state.inbox.lease(owner="dead", limit=10, lease=timedelta(minutes=5), now=stand.clock.now())
        stand.clock.advance(timedelta(minutes=6))
    result = stand.pipeline.step()
    assert (result.leased, result.dead, result.stored) == (1, 1, 0)
    assert "died or hung" in stand.state.inbox.dead_letters()[0][2]
    assert stand.state.inbox.depth() == 0


@pytest.mark.parametrize("attempts", [2, 5])
def test_a_mention_that_takes_its_worker_down_takes_no_other_with_it(stand: Stand, attempts: int) -> None:
    def die_of(mentions: Sequence[Mention]) -> list[Mention]:
        if any("deadly" in mention.post.text for mention in mentions):
            raise KeyboardInterrupt
        return tag(mentions)

    texts = ["云杉咖啡很难喝", "deadly", *["云杉咖啡不错"] * 4]
    stand.state.inbox.append([make_mention(n, text) for n, text in enumerate(texts)], now=NOW)
    for life in range(40):
        worker = stand.make(stand.mentions, owner=f"w{life}", tag=die_of, attempts=attempts)
        with contextlib.suppress(KeyboardInterrupt):
            while worker.step().leased:
                pass
        stand.clock.advance(timedelta(minutes=6))
    assert stand.found() == [f"weibo:{n}" for n in (0, 2, 3, 4, 5)]
    assert [letter[1] for letter in stand.state.inbox.dead_letters()] == ["weibo:1"]
    assert stand.state.inbox.depth() == 0
