import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from crawlers.watchlist import MOST, Watchlist
from domain.incident import Incident, IncidentState
from domain.mention import Author, Engagement, Flag, Mention
from domain.ports import DeskChange
from domain.tagging import Polarity
from storage import State, open_mentions, open_state
from storage.mentions.memory import MemoryMentions
from tests.storage.desk_sample import incident
from tests.storage.sample import NOW, N, P, mention

MINUTE = timedelta(minutes=1)


class World:
    """A desk and a mention store."""

    def __init__(self, folder: Path) -> None:
        self.state: State = open_state(None, folder)
        self.mentions = MemoryMentions()
        self.list = Watchlist(self.state.desk, self.mentions)

    def opened(self, *incidents: Incident) -> None:
        self.state.desk.commit(DeskChange(incidents=incidents), now=NOW)

    def put(self, *mentions: Mention, at: float = 0) -> None:
        self.mentions.put(mentions, now=NOW + at * MINUTE)

    def look(self, at: float = 0, unreadable: Sequence[str] = ()) -> list[str]:
        found = self.list.look(NOW + at * MINUTE, lambda each: each.post.native_id not in unreadable)
        return [id.removeprefix("weibo:") for id in found]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def said(id: str, polarity: Polarity = N, minutes: float = 1, **more: object) -> Mention:
    return mention(id, brands={"yunshan": polarity}, minutes=minutes, **more)  # type: ignore[arg-type]


def test_only_what_an_open_incident_is_about_is_read_again(world: World) -> None:
    world.put(said("1"), said("good", P), said("before", minutes=-60), mention("2", brands={"bailu": N}, minutes=1))
    world.put(said("old", flags=[Flag.BACKFILL]), said("ours", flags=[Flag.OWNED]), said("gone", flags=[Flag.DELETED]))
    assert world.look(at=5) == []
    world.opened(incident())
    assert sorted(world.look(at=5)) == ["1", "gone"]
    assert world.look(at=5, unreadable=["gone"]) != []


def test_a_resolved_incident_is_followed_for_a_day(world: World) -> None:
    world.put(said("1"))
    ended = replace(incident(state=IncidentState.RESOLVED), resolved_at=NOW + 10 * MINUTE)
    world.opened(ended)
    assert world.look(at=60) == ["1"]
    assert world.look(at=10 + 24 * 60 - 1) == ["1"]
    assert world.look(at=10 + 24 * 60) == []


def test_a_pending_incident_is_nothing_yet(world: World) -> None:
    world.put(said("1"))
    world.opened(incident(state=IncidentState.PENDING))
    assert world.look(at=5) == []


def test_the_first_of_a_story_and_the_loudest_come_first(world: World) -> None:
    crowd = [said(f"{n:03}", author=Author(name="甲", followers=n)) for n in range(MOST + 20)]
    world.put(*crowd, said("first", story="weibo:first"), said("liked", engagement=Engagement(likes=100)))
    world.put(said("shared", engagement=Engagement(shares=100)), replace(said("reached"), reach=10**6))
    world.opened(incident())
    found = world.look(at=5)
    assert found[:4] == ["first", "reached", "shared", "liked"]
    assert len(found) == MOST and "000" not in found and f"{MOST + 19:03}" in found


def test_what_cannot_be_read_takes_no_place(world: World) -> None:
    world.put(*(said(f"{n:03}", author=Author(name="甲", followers=n)) for n in range(MOST + 20)))
    world.opened(incident())
    loud = [f"{n:03}" for n in range(20, MOST + 20)]
    assert sorted(world.look(at=5, unreadable=loud)) == [f"{n:03}" for n in range(20)]


def test_later_looks_read_only_what_is_new(world: World) -> None:
    world.put(said("1"), at=1)
    world.opened(incident())
    assert world.look(at=5) == ["1"]
    world.put(said("2", minutes=2, engagement=Engagement(likes=9)), at=8)
    assert world.look(at=9) == ["2", "1"]
    world.mentions.put([], now=NOW)
    assert world.look(at=10) == ["2", "1"]


@pytest.mark.parametrize("kind", ["match", "trend"])
def test_an_incident_of_single_mentions_names_them_itself(world: World, kind: str) -> None:
    world.put(said("1"), said("2"), said("3"), mention("4", brands={"bailu": P}))
    told = json.dumps({"on": "all", "mentions": ["weibo:2", 7]})
    one = replace(incident(), kind=kind, reason=told, story_ids=("weibo:4",))
    world.opened(one)
    assert sorted(world.look(at=5)) == ["2", "4"]


@pytest.mark.parametrize("reason", ["", "nonsense", "[]", '{"on": ["x"], "mentions": 3}'])
def test_a_reason_that_cannot_be_read_means_negative(world: World, reason: str) -> None:
    world.put(said("1"), said("good", P))
    world.opened(replace(incident(), reason=reason))
    assert world.look(at=5) == ["1"]


def test_labels_and_polarity_of_the_rule_narrow_it(world: World) -> None:
    world.put(said("1", P, topics=["food"]), said("2", P, topics=["price"]), said("3", N, topics=["food"]))
    labels = (("brand", "yunshan"), ("rule", "praise"), ("topic", "food"))
    world.opened(replace(incident(), labels=labels, reason='{"on": "positive"}'))
    assert world.look(at=5) == ["1"]
    world.opened(replace(incident("BC3DE"), labels=labels, reason='{"on": "all"}', fingerprint="g"))
    assert sorted(world.look(at=5)) == ["1", "3"]


def test_looks_are_counted_from_the_incident_or_the_collection_whichever_is_later(world: World) -> None:
    world.put(said("1", minutes=-1), said("2", minutes=30))
    world.opened(replace(incident(), started_at=NOW - 5 * MINUTE))
    found = world.list.look(NOW + 60 * MINUTE, lambda each: True)
    assert found == {"weibo:1": NOW, "weibo:2": NOW + 31 * MINUTE}


def test_it_reads_a_file_too(tmp_path: Path) -> None:
    world = World(tmp_path)
    store = open_mentions("sqlite", tmp_path)
    store.put([said("1"), said("2", P)], now=NOW)
    world.opened(incident())
    again = Watchlist(world.state.desk, store)
    for minute in (5, 6):
        assert list(again.look(NOW + minute * MINUTE, lambda each: True)) == ["weibo:1"]
    store.close()
