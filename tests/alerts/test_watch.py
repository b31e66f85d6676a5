"""The watch over real stores on virtual time: what is told, and what is not."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.delivery import report_of
from alerts.incidents import ActionError
from config.settings import EscalationStep
from domain.errors import TingfengError
from domain.incident import IncidentFlag, IncidentState, Severity, Silence
from domain.mention import Author, Engagement, Flag
from domain.source import SourceState
from tests.alerts import world as kit
from tests.alerts.world import START, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.history()
    yield made
    made.close()


@pytest.mark.slow
def test_a_wave_of_400_in_30_minutes_fires_once_and_resolves_once(world: World) -> None:
    world.plan_quiet(8)
    world.plan_wave(400, 30, start=60)
    world.run(8 * 60)
    assert world.told().count("firing") == 1
    assert world.told()[-1] == "resolved"
    assert len(world.told()) <= 3
    incident = world.incident()
    assert incident.severity is Severity.CRITICAL
    assert incident.state is IncidentState.RESOLVED
    assert incident.resolved_at is not None
    assert timedelta(hours=1) <= incident.resolved_at - (START + timedelta(minutes=90)) <= timedelta(hours=2)


@pytest.mark.slow
def test_a_wave_of_60_in_two_hours_fires_before_its_end(world: World) -> None:
    world.plan_quiet(8)
    world.plan_wave(60, 120, start=60)
    world.run(180)
    assert world.told()[:1] == ["firing"]
    world.run(5 * 60)
    assert world.told().count("firing") == 1
    assert world.told()[-1] == "resolved"
    assert len(world.told()) <= 3


@pytest.mark.slow
def test_a_small_brand_is_heard_too(tmp_path: Path) -> None:
    world = World(tmp_path, rate=1.0)
    world.history()
    world.plan_quiet(6)
    world.plan_wave(60, 120, start=60)
    world.run(6 * 60)
    assert world.told().count("firing") == 1
    assert world.told()[-1] == "resolved"
    world.close()


@pytest.mark.slow
def test_quiet_days_and_imported_history_tell_nothing(world: World) -> None:
    world.plan_quiet(12)
    world.run(12 * 60)
    assert world.told() == []
    assert world.desk.incidents() == []


@pytest.mark.slow
def test_a_positive_campaign_with_misread_posts_tells_nothing(world: World) -> None:
    world.plan_quiet(6)
    world.plan_wave(400, 30, start=60, negative=0.07)
    world.run(6 * 60)
    assert world.told() == []


def test_history_that_arrives_in_mid_watch_tells_nothing(world: World) -> None:
    world.run(30)
    late = [world.make(START - timedelta(hours=1, seconds=n), flags=[Flag.BACKFILL]) for n in range(400)]
    world.store(late)
    world.run(60)
    assert world.told() == []


def test_the_same_rows_twice_change_nothing(world: World) -> None:
    world.plan_wave(400, 30)
    world.run(60)
    before = (world.told(), world.incident().peak_value)
    world.inbox.write([each for each in world.mentions.get([f"weibo:{n}" for n in range(1, 5000)]).values()], START)
    world.run(5)
    assert (world.told(), world.incident().peak_value) == before


@pytest.mark.slow
def test_all_sources_dark_tell_nothing_about_the_brand(world: World) -> None:
    world.plan_quiet(6)
    world.run(60)
    world.health = [replace(kit.SOURCE, state=SourceState.BLIND, since=world.clock.now())]
    world.run(120, dark=True)
    world.health = [kit.SOURCE]
    world.run(120)
    assert world.told() == []


@pytest.mark.slow
def test_nothing_resolves_in_a_data_gap_and_it_is_told_once(world: World) -> None:
    world.plan_quiet(10)
    world.plan_wave(200, 30)
    world.run(40)
    world.health = [replace(kit.SOURCE, state=SourceState.BLIND, since=world.clock.now())]
    world.run(240, dark=True)
    assert world.told().count("data_gap") == 1
    assert "resolved" not in world.told()
    world.health = [kit.SOURCE]
    world.run(180)
    assert world.told().count("firing") == 1
    assert world.told()[-1] == "resolved"


@pytest.mark.slow
def test_one_post_by_a_big_author_is_enough_and_the_next_joins_it(world: World) -> None:
    world.run(10)
    big = Author(name="大号", id="9", followers=500_000)
    world.store([world.make(world.clock.now(), author=big, risk="food_safety")])
    world.run(2)
    world.store([world.make(world.clock.now(), author=big, risk="food_safety")])
    world.run(2)
    assert world.told() == ["firing"]
    incident = world.incident()
    assert (incident.rule, incident.value) == ("grave-risk", 2.0)
    report = report_of(world.deliveries()[0])
    assert report.author is not None
    assert report.author.followers == 500_000
    assert report.expected is None
    assert report.engagement == Engagement()
    world.run(5 * 60)
    assert world.told() == ["firing", "resolved"]


@pytest.mark.slow
def test_a_changed_counter_is_no_second_match(world: World) -> None:
    big = Author(name="大号", id="9", followers=500_000)
    post = world.make(world.clock.now(), author=big, risk="food_safety")
    world.store([post])
    world.run(2)
    world.store([replace(post, post=replace(post.post, engagement=Engagement(likes=9)))])
    world.run(2)
    assert world.incident().value == 1.0
    world.run(5 * 60)
    world.store([replace(post, post=replace(post.post, engagement=Engagement(likes=99)))])
    world.run(2)
    assert world.told() == ["firing", "resolved"]


@pytest.mark.parametrize(
    "facts",
    [
        {"author": Author(name="小号", followers=99_999)},
        {"author": Author(name="未知")},
        {"author": Author(name="大号", followers=500_000), "risk": None},
        {"author": Author(name="大号", followers=500_000), "flags": [Flag.BACKFILL]},
    ],
)
def test_a_post_that_does_not_match_tells_nothing(world: World, facts: dict[str, object]) -> None:
    world.store([world.make(world.clock.now(), **{"risk": "food_safety", **facts})])
    world.run(3)
    assert world.told() == []


def test_an_old_post_tells_nothing(world: World) -> None:
    big = Author(name="大号", followers=500_000)
    at = START - timedelta(hours=30)
    world.store([world.make(at, collected=START, author=big, risk="food_safety")])
    world.run(3)
    assert world.told() == []


def test_late_posts_open_an_incident_marked_late(world: World) -> None:
    world.run(240)
    now = world.clock.now()
    world.store([world.make(now - timedelta(minutes=120 + n % 40), collected=now) for n in range(200)])
    world.run(1)
    assert world.told() == ["firing"]
    assert IncidentFlag.LATE in world.incident().flags


def test_the_report_carries_the_evidence(world: World) -> None:
    world.plan_quiet(3)
    world.plan_wave(
        120,
        30,
        start=60,
        risk="food_safety",
        story="weibo:1",
        engagement=Engagement(likes=2, shares=1),
    )
    world.settings = replace(world.settings, public_url="https://tingfeng.example/")
    world.start()
    world.run(90)
    report = report_of(world.deliveries()[-1])
    assert report.brand == "云杉咖啡"
    assert report.rule == "负面激增"
    assert report.stories[0].id == "weibo:1"
    assert report.stories[0].url == "https://weibo.example/1"
    assert report.quote.startswith("云杉咖啡")
    assert report.engagement.likes and report.engagement.likes >= 100
    assert report.engagement.comments is None
    assert report.platforms[0][0] == "weibo"
    assert report.authors and report.authors >= 50
    assert report.negative_share and report.negative_share > 0.7
    assert report.console_url == f"https://tingfeng.example/incidents/{report.incident}"
    assert "平时" in report.reason
    assert report.subject == "food_safety"


def test_people_can_acknowledge_and_close(world: World) -> None:
    world.plan_wave(200, 30)
    world.run(30)
    number = world.incident().id
    acked = world.watch.act(number, action="ack", by="王敏")
    assert acked.state is IncidentState.ACKED
    assert acked.version > 0
    closed = world.watch.act(number, action="false_alarm", by="王敏", text="内部测试")
    assert IncidentFlag.FALSE_ALARM in closed.flags
    assert world.told()[-2:] == ["acked", "resolved"]
    told = len(world.told())
    world.run(180)
    assert len(world.told()) == told
    with pytest.raises(ActionError):
        world.watch.act("ZZZZZ", action="ack", by="王敏")


def test_an_action_between_read_and_commit_is_kept(world: World) -> None:
    world.plan_wave(200, 30)
    world.run(20)
    number = world.incident().id
    commit = world.desk.commit

    def slower(change: object, *, now: object) -> None:
        world.desk.commit = commit  # type: ignore[method-assign]
        world.watch.act(number, action="note", by="王敏", text="已联系门店")
        commit(change, now=now)  # type: ignore[arg-type]

    world.desk.commit = slower  # type: ignore[assignment, method-assign]
    world.run(1)
    assert [note.text for note in world.incident().notes] == ["已联系门店"]
    assert world.told().count("firing") == 1


def test_a_store_that_fails_loses_nothing(world: World) -> None:
    world.plan_wave(200, 30)
    world.run(4)
    commit = world.desk.commit

    def broken(change: object, *, now: object) -> None:
        raise TingfengError("disk full")

    world.desk.commit = broken  # type: ignore[assignment, method-assign]
    with pytest.raises(TingfengError, match="disk full"):
        world.run(5)
    world.desk.commit = commit  # type: ignore[method-assign]
    world.run(30)
    assert world.told().count("firing") == 1


def test_a_silence_holds_messages_back_and_tells_what_is_still_open_when_it_ends(world: World) -> None:
    end = START + timedelta(minutes=40)
    silence = Silence(id="s1", matcher="brand: yunshan", starts_at=START, ends_at=end, by="王敏", comment="发布会")
    world.state.desk.add_silence(silence)
    world.plan_wave(400, 60)
    world.run(35)
    assert world.told() == []
    assert IncidentFlag.SILENCED in world.incident().flags
    world.run(10)
    assert world.told() == ["firing"]
    assert IncidentFlag.SILENCED not in world.incident().flags


@pytest.mark.slow
def test_what_ends_inside_a_silence_is_never_told(world: World) -> None:
    silence = Silence(
        id="s1", matcher="", starts_at=START, ends_at=START + timedelta(hours=12), by="王敏", comment="发布会"
    )
    world.state.desk.add_silence(silence)
    world.plan_wave(400, 30)
    world.run(6 * 60)
    assert world.told() == []
    assert world.incident().state is IncidentState.RESOLVED


def test_the_chain_goes_on_until_somebody_takes_it(world: World) -> None:
    steps = (
        EscalationStep(after=timedelta(minutes=10), to="head"),
        EscalationStep(after=timedelta(minutes=30), to="boss"),
    )
    routes = (kit.route("pr", escalate=steps),)
    receivers = tuple(kit.receiver(name) for name in ("pr", "head", "boss"))
    world.settings = kit.settings(receivers=receivers, routes=routes)
    world.start()
    world.plan_wave(600, 120)
    world.run(75)
    told = [(each.receiver, each.kind.value) for each in world.deliveries() if each.kind.value == "reminder"]
    assert told == [("head", "reminder"), ("boss", "reminder"), ("boss", "reminder")]
    assert world.incident().next_step_at is not None
    world.watch.act(world.incident().id, action="ack", by="王敏")
    acked = [each.receiver for each in world.deliveries() if each.kind.value == "acked"]
    assert sorted(acked) == ["boss", "head", "pr"]
    count = len(world.told())
    world.run(30)
    assert len(world.told()) == count


def test_without_receivers_incidents_are_still_kept(world: World) -> None:
    world.settings = kit.settings(receivers=())
    world.start()
    world.plan_wave(200, 30)
    world.run(40)
    assert world.told() == []
    assert world.incident().state is IncidentState.OPEN


def test_a_removed_rule_lets_its_incident_end(world: World) -> None:
    world.plan_wave(200, 30)
    world.run(40)
    world.settings = kit.settings(rules=(), brands=())
    world.start()
    world.run(90)
    assert world.incident().state is IncidentState.RESOLVED


def test_evaluations_explain_the_incident(world: World) -> None:
    world.plan_wave(200, 30)
    world.run(40)
    kept = world.desk.evaluations(incident=world.incident().id)
    assert 1 <= len(kept) <= 40
    reason = json.loads(kept[-1].reason)
    assert {"window_s", "value", "expected", "z", "share", "usual_share"} <= set(reason)


def test_an_idle_step_does_nothing(world: World) -> None:
    world.run(1)
    commits = world.desk.commits
    assert world.watch.step().evaluated == 0
    assert world.desk.commits == commits


def decisions(folder: Path, seed: int, restarts: frozenset[int]) -> list[tuple[object, ...]]:
    """Return everything that was told of one stream, with restarts after these minutes."""
    world = World(folder, seed=seed, rate=4.0)
    world.history(5)
    world.plan_quiet(4)
    world.plan_wave(world.random.choice([30, 80, 300]), 30, start=30)
    for minute in range(1, 200):
        world.run(1)
        if minute in restarts:
            world.start()
    told = [(each.id, each.kind, each.created_at, each.payload) for each in world.deliveries()]
    state = [(each.id, each.state, each.peak_value, each.reason, each.flaps) for each in world.desk.incidents()]
    world.close()
    return [*told, *state]


@pytest.mark.slow
@settings(max_examples=3)
@given(seed=st.integers(0, 50), restarts=st.frozensets(st.integers(1, 199), min_size=1, max_size=20))
def test_restarts_change_no_decision(
    tmp_path_factory: pytest.TempPathFactory, seed: int, restarts: frozenset[int]
) -> None:
    straight = decisions(tmp_path_factory.mktemp("a"), seed, frozenset())
    assert decisions(tmp_path_factory.mktemp("b"), seed, restarts) == straight
