"""What people hear after a restore: nothing twice where it can be known, one marked repeat where it cannot."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from config.settings import Settings
from domain.clock import ManualClock
from domain.ids import mention_id
from domain.incident import DeliveryState
from domain.mention import Author, Kind, Mention, Post, Precision
from domain.source import VisitState
from service import wiring
from service.backup import back_up
from service.demo.sink import DEMO_CHANNEL, DEMO_KEY, DEMO_TOKEN, Sink, serve
from service.demo.told import Told, told
from service.restore import put_back
from tests.service.conftest import CONFIG
from tests.storage.sample import NOW

pytestmark = pytest.mark.slow

REPEAT = "可能重复"
TEXTS = ("云杉咖啡喝出异物，太恶心了，要投诉", "云杉咖啡喝坏肚子，店员态度恶劣，退钱", "云杉咖啡卫生太差，杯子里有虫")


def quiet(_line: str) -> None:
    """Say nothing."""


def post(number: int, at: datetime) -> Mention:
    return Mention(
        id=mention_id(platform="weibo", native_id=str(number), kind=Kind.POST),
        post=Post(
            platform="weibo",
            native_id=str(number),
            kind=Kind.POST,
            text=f"{TEXTS[number % 3]}（{number}）",
            author=Author(id=f"a{number}", name=f"网友{number}"),
            published_at=at,
            published_precision=Precision.SECOND,
        ),
        source="news",
        first_collected_at=at,
        last_collected_at=at,
    )


class Life:
    """One installation that a test drives by hand."""

    def __init__(self, folder: Path, sink: Sink, clock: ManualClock) -> None:
        folder.mkdir()
        path = folder / "tingfeng.yaml"
        path.write_text(
            CONFIG + "receivers:\n"
            f"  - name: pr\n    wecom_robot: {{key: {DEMO_KEY}, base_url: '{sink.url}'}}\n"
            f"    slack: {{token: {DEMO_TOKEN}, channel: {DEMO_CHANNEL}, base_url: '{sink.slack_base_url}'}}\n",
            encoding="utf-8",
        )
        self.settings: Settings = wiring.load_settings(path)
        self.clock, self.sink = clock, sink

    def start(self) -> None:
        """Open the stores and build the roles, as at every start."""
        self.stores = wiring.open_stores(self.settings)
        self.pipeline = wiring.make_pipeline(self.settings, self.stores, self.clock, owner="a")
        self.watch = wiring.make_watch(self.settings, self.stores, self.clock, owner="w")
        self.outbox = wiring.make_outbox(self.settings, self.stores, self.clock, owner="o")

    def crisis(self, first: int, count: int = 40) -> None:
        """Let many people complain within the last quarter of an hour, and look."""
        now = self.clock.now()
        old = [replace(post(9_000 + n, NOW - timedelta(hours=n)), source="news") for n in range(2, 30)]
        praise = [replace(each, post=replace(each.post, text="云杉咖啡的新拿铁很好喝")) for each in old]
        self.stores.state.visits.save(
            VisitState(
                source="news",
                platform="web",
                due_at=now,
                first_visit_at=NOW - timedelta(days=3),
                last_visit_at=now,
                last_success_at=now,
                last_outcome="ok",
            )
        )
        self.stores.inbox.append(praise, now=now)
        posts = [post(first + n, now - timedelta(seconds=20 * (count - n))) for n in range(count)]
        self.stores.inbox.append(posts, now=now)
        while self.pipeline.step().leased:
            pass
        self.watch.step()

    def tell(self, minutes: int = 3) -> None:
        """Let the outbox work for a while."""
        for _ in range(minutes * 4):
            self.outbox.deliver_due()
            self.clock.advance(timedelta(seconds=15))

    def stop(self) -> None:
        """Close everything."""
        self.outbox.close()
        self.stores.close()

    def states(self) -> dict[tuple[str, int], DeliveryState]:
        """Return the state of each message by channel and number."""
        return {(each.channel, each.seq): each.state for each in self.stores.state.desk.deliveries()}


@pytest.fixture
def sink() -> Iterator[Sink]:
    with serve(Sink()) as running:
        yield running


def marked(sink: Sink, channel: str, start: int = 0) -> list[bool]:
    """Return for each message to a channel whether it says that it may repeat one."""
    posted = [each for each in list(sink.ledger.posted)[start:] if each.channel == channel]
    return [REPEAT in json.dumps(each.body, ensure_ascii=False) for each in posted]


def of(sink: Sink, channel: str, start: int = 0) -> list[Told]:
    return [each for each in told(sink.ledger)[start:] if each.channel == channel]


def backed_up_before_the_second_message(tmp_path: Path, sink: Sink, clock: ManualClock) -> Life:
    """Tell of a crisis, queue a second message, take a backup, and let the first life send that message."""
    life = Life(tmp_path / "a", sink, clock)
    life.start()
    life.crisis(0)
    life.tell()
    assert {len(of(sink, channel)) for channel in ("slack", "wecom_robot")} == {1}
    (incident,) = life.stores.state.desk.incidents()
    life.watch.act(incident.id, action="ack", by="王敏")
    back_up(life.settings, tmp_path / "copy", quiet, now=clock.now())
    life.tell()
    life.stop()
    assert {len(of(sink, channel)) for channel in ("slack", "wecom_robot")} == {2}
    return life


def test_what_was_sent_is_not_sent_again_and_the_unknown_is_looked_up_or_marked(tmp_path: Path, sink: Sink) -> None:
    clock = ManualClock(NOW)
    backed_up_before_the_second_message(tmp_path, sink, clock)
    second = Life(tmp_path / "b", sink, clock)
    put_back(second.settings, tmp_path / "copy", quiet, now=clock.now())
    second.start()
    assert second.states() == {
        ("slack", 1): DeliveryState.DELIVERED,
        ("wecom_robot", 1): DeliveryState.DELIVERED,
        ("slack", 2): DeliveryState.UNCERTAIN,
        ("wecom_robot", 2): DeliveryState.UNCERTAIN,
    }
    second.tell(10)
    assert set(second.states().values()) == {DeliveryState.DELIVERED}
    assert marked(sink, "slack") == [False] * 2, "Slack was asked and knew it"
    assert marked(sink, "wecom_robot") == [False, False, True], "WeCom cannot be asked: once more, and marked"
    second.stop()


def test_the_next_message_of_a_restored_incident_has_a_number_of_its_own(tmp_path: Path, sink: Sink) -> None:
    clock = ManualClock(NOW)
    backed_up_before_the_second_message(tmp_path, sink, clock)
    second = Life(tmp_path / "b", sink, clock)
    put_back(second.settings, tmp_path / "copy", quiet, now=clock.now())
    second.start()
    second.tell()
    sent = len(told(sink.ledger))
    (incident,) = second.stores.state.desk.incidents()
    second.watch.act(incident.id, action="close", by="王敏")
    second.tell()
    assert [each.kind for each in told(sink.ledger)[sent:]] == ["resolved", "resolved"]
    assert sorted(number for _, number in second.states()) == [1, 1, 2, 2, 103, 103]
    second.stop()


def test_what_is_too_old_to_be_told_is_dropped_with_the_reason(tmp_path: Path, sink: Sink) -> None:
    clock = ManualClock(NOW)
    backed_up_before_the_second_message(tmp_path, sink, clock)
    sent = len(told(sink.ledger))
    clock.advance(timedelta(hours=25))
    second = Life(tmp_path / "b", sink, clock)
    said: list[str] = []
    put_back(second.settings, tmp_path / "copy", said.append, now=clock.now())
    assert any("2 messages are older than the limit" in line for line in said)
    second.start()
    second.tell()
    assert len(told(sink.ledger)) == sent
    dropped = [each for each in second.stores.state.desk.deliveries() if each.seq == 2]
    assert {each.state for each in dropped} == {DeliveryState.DROPPED}
    assert all("outcome unknown: restored from a backup of 2026-06-20T08:0" in each.answer for each in dropped)
    second.stop()


def test_an_incident_that_fired_after_the_backup_is_found_again_and_marked_once(tmp_path: Path, sink: Sink) -> None:
    clock = ManualClock(NOW)
    first = Life(tmp_path / "a", sink, clock)
    first.start()
    back_up(first.settings, tmp_path / "copy", quiet, now=clock.now())
    first.crisis(0)
    first.tell()
    first.stop()
    sent = len(told(sink.ledger))
    assert (sent, marked(sink, "slack"), marked(sink, "wecom_robot")) == (2, [False], [False])
    second = Life(tmp_path / "b", sink, clock)
    put_back(second.settings, tmp_path / "copy", quiet, now=clock.now())
    second.start()
    clock.advance(timedelta(seconds=1))
    second.crisis(0)
    second.tell()
    assert [each.kind for each in told(sink.ledger)[sent:]] == ["firing", "firing"]
    assert (marked(sink, "slack", sent), marked(sink, "wecom_robot", sent)) == ([True], [True])
    (incident,) = second.stores.state.desk.incidents()
    second.watch.act(incident.id, action="ack", by="王敏")
    second.tell()
    assert (marked(sink, "slack", sent + 2), marked(sink, "wecom_robot", sent + 2)) == ([False], [False])
    second.stop()
