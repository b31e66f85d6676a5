"""The operator hears once of a blind source, and once when it is back."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.delivery import report_of
from alerts.notices import Notices
from domain.incident import DeliveryKind
from domain.ports import DeskChange
from domain.source import SourceHealth, SourceState
from storage import State, open_state
from tests.alerts.world import START, receiver

LIVE = SourceHealth(source="feed-a", platform="feed", state=SourceState.LIVE)
BLIND = replace(LIVE, state=SourceState.BLIND, since=START, why="需要登录", fix="在配置中填写 cookie")
LATER = START + timedelta(minutes=10)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = open_state(None, tmp_path)
    yield opened
    opened.close()


def step(notices: Notices, state: State, health: list[SourceHealth], minutes: int) -> list[str]:
    now = START + timedelta(minutes=minutes)
    due = notices.due(health, now)
    state.desk.commit(DeskChange(deliveries=due), now=now)
    notices.sent(health, now)
    return [report_of(each).text for each in due]


def test_a_blind_source_is_told_once_with_the_remedy_and_once_when_back(state: State) -> None:
    notices = Notices(receiver("ops"), state.desk, locale="zh")
    assert step(notices, state, [BLIND], 9) == []
    assert step(notices, state, [BLIND], 10) == ["1 个来源采集不到数据: feed-a\nfeed-a: 需要登录 在配置中填写 cookie"]
    assert step(notices, state, [BLIND], 11) == []
    assert step(notices, state, [LIVE], 12) == ["1 个来源已恢复: feed-a"]
    assert step(notices, state, [LIVE], 13) == []
    assert {each.kind for each in state.desk.deliveries()} == {DeliveryKind.NOTICE}


def test_a_restart_remembers_what_was_told(state: State) -> None:
    assert step(Notices(receiver("ops"), state.desk, locale="en"), state, [BLIND], 10)
    again = Notices(receiver("ops"), state.desk, locale="en")
    assert step(again, state, [BLIND], 11) == []
    assert step(again, state, [LIVE], 12) == ["1 source(s) are back: feed-a"]
    assert step(Notices(receiver("ops"), state.desk, locale="en"), state, [BLIND], 30) != []


def test_a_changed_layout_is_told_once_and_again_when_it_comes_back(state: State) -> None:
    odd = replace(LIVE, lost_fields=("author",), why="页面结构有变：作者不再出现", fix="升级版本")
    notices = Notices(receiver("ops"), state.desk, locale="zh")
    words = "1 个来源的内容与往常不同: feed-a\nfeed-a: 页面结构有变：作者不再出现 升级版本"
    assert step(notices, state, [odd], 1) == [words]
    assert step(notices, state, [odd], 2) == []
    assert step(Notices(receiver("ops"), state.desk, locale="zh"), state, [odd], 3) == []
    assert step(notices, state, [LIVE], 4) == []
    assert len(step(notices, state, [replace(LIVE, low_since=START, why="少", fix="看")], 5)) == 1


def test_without_an_operator_it_is_only_logged(state: State, caplog: pytest.LogCaptureFixture) -> None:
    notices = Notices(None, state.desk, locale="zh")
    assert step(notices, state, [BLIND], 10) == []
    assert step(notices, state, [BLIND], 11) == []
    assert caplog.text.count("source is blind source=feed-a") == 1


def test_damaged_notices_are_passed_over(state: State) -> None:
    notices = Notices(receiver("ops"), state.desk, locale="zh")
    (notice,) = notices.due([BLIND], LATER)
    state.desk.commit(DeskChange(deliveries=(replace(notice, payload="{"),)), now=LATER)
    assert Notices(receiver("ops"), state.desk, locale="zh").due([BLIND], LATER) != ()
