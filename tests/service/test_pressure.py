"""A store that is slow or full, and a text that never ends: nothing is lost, nothing stands still."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from config.settings import AnalyseSettings, Settings
from domain.clock import ManualClock
from domain.errors import TingfengError
from domain.mention import Mention
from domain.query import parse
from service.pipeline import Pipeline, Tag
from service.role import _leave_room
from storage import State, open_state
from storage.errors import StoreError
from storage.memory import MemoryMentions
from storage.mentions.sqlite import SqliteMentions
from tests.service.test_pipeline import NOW, Stand, make_mention, tag

MANY = 400


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    state = open_state(None, tmp_path)
    yield Stand(state)
    state.close()


class SlowMentions(MemoryMentions):
    """Takes longer, the more it is given at once."""

    def __init__(self, seconds_per_row: float) -> None:
        super().__init__()
        self.seconds_per_row = seconds_per_row
        self.now_s = 0.0
        self.sizes: list[int] = []

    def put(self, mentions: Sequence[Mention], **more: object):  # type: ignore[no-untyped-def]
        self.sizes.append(len(mentions))
        self.now_s += len(mentions) * self.seconds_per_row
        return super().put(mentions, **more)  # type: ignore[arg-type]


def pipeline(state: State, mentions: MemoryMentions, tag: Tag = tag, **more: object) -> Pipeline:
    return Pipeline(
        inbox=state.inbox, visits=state.visits, stories=state.stories, mentions=mentions, tag=tag,
        clock=ManualClock(NOW), owner="a", **more,  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_slow_store_gets_smaller_batches_until_it_is_quick_again(stand: Stand) -> None:
    slow = SlowMentions(0.21)
    stand.state.inbox.append([make_mention(number) for number in range(MANY)], now=NOW)
    steps = pipeline(stand.state, slow, batch=100, monotonic=lambda: slow.now_s)
    for _ in range(4):
        steps.step()
    assert slow.sizes == [100, 50, 25, 12]
    slow.seconds_per_row = 0.001
    while steps.step().leased:
        pass
    assert max(slow.sizes[4:]) > 40
    assert sum(slow.sizes) == MANY == len(slow.search(parse("*"), now=NOW, limit=1_000).mentions)


def test_a_lease_outlasts_a_batch_as_slow_as_the_last_one(stand: Stand) -> None:
    slow = SlowMentions(30.0)
    stand.state.inbox.append([make_mention(number) for number in range(20)], now=NOW)
    steps = pipeline(stand.state, slow, batch=10, lease_s=60.0, monotonic=lambda: slow.now_s)
    assert steps.step().stored == 10  # takes 300 s
    others: list[int] = []

    def put(mentions: Sequence[Mention], **more: object) -> None:
        for later_s in (1_199, 1_201):
            now = NOW + timedelta(seconds=later_s)
            rows = stand.state.inbox.lease(owner="b", limit=20, lease=timedelta(minutes=1), now=now)
            others.append(len(rows))
        raise StoreError("enough")

    slow.put = put  # type: ignore[assignment, method-assign]
    with pytest.raises(StoreError, match="enough"):
        steps.step()
    assert others == [5, 5], "first what nobody held, then what was held too long"


def test_a_text_that_never_ends_is_found_at_once_and_set_aside_with_its_reason(stand: Stand) -> None:
    def endless(mentions: Sequence[Mention]) -> list[Mention]:
        for _ in itertools.count() if any("poison" in mention.post.text for mention in mentions) else ():
            pass
        return tag(mentions)

    stand.state.inbox.append([make_mention(1), make_mention(2, "poison"), make_mention(3)], now=NOW)
    steps = pipeline(stand.state, stand.mentions, endless, attempts=1, tag_limits_s=(0.2, 0.1))
    result = steps.step()
    assert (result.leased, result.stored, result.dead) == (3, 2, 1)
    assert stand.found() == ["weibo:1", "weibo:3"]
    ((_, mention, reason),) = stand.state.inbox.dead_letters()
    assert (mention, reason) == ("weibo:2", "TooLongError: more than 0.1 s of computing")


def set_full(mentions: SqliteMentions, on: bool) -> None:
    """Let the mention store have no more pages than it has, as on a full disk, or as many as it likes."""
    with mentions._pool.write() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages if on else 1_000_000}")


def test_a_full_disk_loses_nothing_and_is_recovered_from_without_help(stand: Stand, tmp_path: Path) -> None:
    mentions = SqliteMentions(tmp_path / "mentions.db")
    stand.state.inbox.append([make_mention(number, "云杉咖啡很难喝" * 30) for number in range(MANY)], now=NOW)
    steps = stand.make(mentions)  # type: ignore[arg-type]
    assert steps.step().stored == 10
    set_full(mentions, True)
    stored = 10
    for _ in range(40):
        stand.clock.advance(timedelta(seconds=3))
        try:
            stored += steps.step().stored
        except StoreError as err:
            assert err.retryable, err
    assert stored < MANY, "the disk was never full"
    assert stand.state.inbox.depth() == MANY - stored
    assert stand.state.inbox.dead_letters() == []
    set_full(mentions, False)
    stand.clock.advance(timedelta(seconds=3))
    while result := steps.step().stored:
        stored += result
    assert stored == MANY == len(mentions.search(parse("*"), now=NOW, limit=1_000).mentions)
    assert stand.state.inbox.depth() == 0
    mentions.close()


def test_tagging_leaves_room_for_messages_on_a_nearly_full_disk(tmp_path: Path) -> None:
    settings = Settings(path=tmp_path / "x", data_dir=tmp_path, analyse=AnalyseSettings(disk_free_bytes=50_000_000))
    _leave_room(settings, lambda path: 50_000_000)
    with pytest.raises(TingfengError, match="less than 50 MB free"):
        _leave_room(settings, lambda path: 49_999_999)
    _leave_room(replace(settings, analyse=AnalyseSettings(disk_free_bytes=0)), lambda path: 0)
