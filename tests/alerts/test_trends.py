"""A brand on a hot list, from the first look to the last message, over real stores on virtual time."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.delivery import report_of
from alerts.detect.trend import TrendSettings
from alerts.message import compose
from config.settings import RuleSettings
from domain.incident import IncidentFlag, IncidentState, Severity
from domain.source import SourceState
from domain.tagging import Polarity
from domain.trend import BrandTrend, TrendSpell
from tests.alerts import world as kit
from tests.alerts.world import World

MINUTE = timedelta(minutes=1)
HOT = RuleSettings(
    name="hot-list",
    kind="trend",
    title="登上热搜",
    severity=Severity.MEDIUM,
    pending=2 * MINUTE,
    cooling=15 * MINUTE,
    options=TrendSettings(),
)
HOSTILE = "云杉咖啡 <!channel> [点](https://evil.example) \u202e*粗*"


class Lists(World):
    """The small world with hot lists that are read every five minutes."""

    def show(self, rank: int, *, polarity: Polarity | None = None, title: str = "云杉咖啡异物", **more: object) -> None:
        """Let the last look show the brand's line."""
        now = self.clock.now()
        before = self.trends["yunshan"][0].spell if self.trends else None
        given: dict[str, object] = {
            "row": 1,
            "source": "feed-a",
            "platform": "weibo",
            "title": title,
            "entered_at": before.entered_at if before else now,
            "last_seen_at": now,
            "looked_at": now,
            "rank": rank,
            "first_rank": before.first_rank if before else rank,
            "best_rank": min(rank, before.best_rank) if before else rank,
            "best_at": now,
            "hot": 1_000_000,
            "url": "https://s.weibo.example/1",
            "mention": "weibo:hot:0:x",
            **more,
        }
        spell = TrendSpell(**given)  # type: ignore[arg-type]  # test shorthand
        self.trends = {"yunshan": [BrandTrend(spell=spell, polarity=polarity)]}

    def look_without_it(self) -> None:
        """Let the last look show other lines only."""
        (trend,) = self.trends["yunshan"]
        self.trends = {"yunshan": [replace(trend, spell=replace(trend.spell, looked_at=self.clock.now()))]}


@pytest.fixture
def lists(tmp_path: Path) -> Iterator[Lists]:
    made = Lists(tmp_path, wanted=kit.settings(rules=(HOT,)))
    made.run(2)
    yield made
    made.close()


def test_it_is_told_when_it_enters_rises_and_is_over(lists: Lists) -> None:
    lists.show(40)
    lists.run(1)
    assert lists.told() == [], "two minutes, until the line has been judged"
    lists.run(2)
    assert lists.told() == ["firing"]
    for rank in (38, 30, 12):
        lists.show(rank)
        lists.run(10)
    assert lists.told() == ["firing"]
    lists.show(9)
    lists.run(10)
    lists.show(2)
    lists.run(20)
    assert lists.told() == ["firing", "escalated", "escalated"]
    for _ in range(12):
        lists.look_without_it()
        lists.run(5)
    assert lists.told() == ["firing", "escalated", "escalated", "resolved"]
    incident = lists.incident()
    assert (incident.state, incident.severity) == (IncidentState.RESOLVED, Severity.MEDIUM)
    lists.look_without_it()
    lists.run(30)
    assert len(lists.told()) == 4


def test_a_line_that_speaks_badly_is_orange_from_the_start(lists: Lists) -> None:
    lists.show(40)
    lists.run(1)
    lists.show(40, polarity=Polarity.NEGATIVE)
    lists.run(2)
    assert (lists.told(), lists.incident().severity) == (["firing"], Severity.HIGH)
    report = report_of(lists.deliveries()[0])
    assert (report.subject, report.value, report.quote, report.quote_url) == (
        "微博热搜第 40 位",
        None,
        "云杉咖啡异物",
        "https://s.weibo.example/1",
    )
    message = compose(report, "zh")
    assert message.first_line == "【橙】云杉咖啡 微博热搜第 40 位"
    told = {line.name: line.text for line in message.lines}
    assert told["reason"] == "微博热搜第 40 位（热度 100万）；标题对品牌不利"
    assert "count" not in told


def test_the_end_tells_the_best_place_and_no_number_of_mentions(lists: Lists) -> None:
    lists.show(2)
    lists.run(5)
    for _ in range(14):
        lists.look_without_it()
        lists.run(5)
    message = compose(report_of(lists.deliveries()[-1]), "zh")
    assert message.first_line == "【黄】已解除 云杉咖啡 微博热搜最高第 2 位"
    assert not {"count", "total", "peak"} & {line.name for line in message.lines}


def test_the_mention_of_the_line_is_quoted_where_it_is_stored(lists: Lists) -> None:
    post = lists.make(lists.clock.now(), text="云杉咖啡异物")
    lists.store([post])
    lists.show(5, mention=post.id)
    lists.run(5)
    report = report_of(lists.deliveries()[0])
    assert (report.quote, report.quote_url, [story.id for story in report.stories]) == (
        "云杉咖啡异物",
        post.post.url,
        [post.id],
    )
    assert (report.platforms, report.authors, report.negative_share) == ((), None, None)


def test_it_is_never_over_while_the_list_cannot_be_read(lists: Lists) -> None:
    lists.show(5)
    lists.run(5)
    lists.health = [replace(kit.SOURCE, state=SourceState.BLIND, since=lists.clock.now())]
    lists.run(100)
    assert lists.told() == ["firing"]
    assert IncidentFlag.DATA_GAP in lists.incident().flags
    lists.health = [kit.SOURCE]
    lists.look_without_it()
    lists.run(30)
    assert lists.told() == ["firing", "resolved"]


def test_what_a_person_closed_does_not_open_again(lists: Lists) -> None:
    lists.show(5)
    lists.run(5)
    lists.watch.act(lists.incident().id, action="close", by="小周")
    for _ in range(6):
        lists.show(5)
        lists.run(5)
    assert lists.told() == ["firing", "resolved"]


def test_hostile_words_harm_no_message(lists: Lists) -> None:
    lists.show(5, title=HOSTILE, label="\u202e<b>", url="javascript:alert(1)")
    lists.run(5)
    message = compose(report_of(lists.deliveries()[0]), "zh")
    assert not any("\u202e" in line.text or (line.url or "").startswith("javascript") for line in message.lines)
    assert any(line.quoted and "evil.example" in line.text for line in message.lines), (
        "quoted, for the channel to escape"
    )


def test_without_such_a_rule_nobody_asks_for_lists(tmp_path: Path) -> None:
    world = Lists(tmp_path)
    world.show(1)
    world.run(10)
    assert world.told() == []
    world.close()
