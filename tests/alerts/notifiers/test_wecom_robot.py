from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from alerts.message import compose
from alerts.notifiers.road import Road
from alerts.notifiers.wecom_robot import SPEC, WecomRobotSettings, escape
from domain.errors import DomainError
from domain.outcome import DeliveryClass
from domain.secret import Secret
from service.demo.sink import DEMO_KEY
from tests.alerts.kit import FULL, REPORTS, Stand, standing, wecom


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    with standing(tmp_path) as one:
        yield one


def test_the_key_and_the_whole_url_mean_the_same_robot() -> None:
    key = "693a91f6-7abc-4bc4-97a0-0ec2sifa5aaa"
    plain = WecomRobotSettings(key=Secret(key))
    url = WecomRobotSettings(key=Secret(f" https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={key} "))
    assert plain.target == url.target
    assert plain.target.startswith("robot …5aaa-") and key not in plain.target
    assert WecomRobotSettings(key=Secret("short")).target.startswith("robot …-")


@pytest.mark.parametrize("key", ["", "https://qyapi.weixin.qq.com/cgi-bin/webhook/send", "a?b=c"])
def test_what_holds_no_key_is_refused(key: str) -> None:
    with pytest.raises(DomainError, match="key"):
        WecomRobotSettings(key=Secret(key))


def test_foreign_settings_are_refused() -> None:
    with pytest.raises(DomainError, match="not WecomRobotSettings"):
        SPEC.factory("nonsense", road=Road())


def test_people_are_called_on_new_incidents_only(stand: Stand) -> None:
    notifier = SPEC.factory(wecom(stand.sink, mention=("zhangmin", "@all")), road=Road())
    row = stand.put(FULL)[1]
    notifier.send(row, compose(FULL, "zh"), thread_ref="")
    notifier.send(replace(row, degrade=2), compose(FULL, "zh"), thread_ref="")
    notifier.send(replace(row, degrade=2), compose(REPORTS["resolved"], "zh"), thread_ref="")
    full, text, resolved = (one.body for one in stand.sink.ledger.posted)
    assert full["markdown"]["content"].endswith("\n<@zhangmin>")
    assert text["text"]["mentioned_list"] == ["zhangmin", "@all"]
    assert "mentioned_list" not in resolved["text"]


def test_a_robot_cannot_be_searched(stand: Stand) -> None:
    assert SPEC.factory(wecom(stand.sink), road=Road()).find(stand.put(FULL)[1], thread_ref="").known is False


def test_an_unreachable_address_shows_no_key(stand: Stand) -> None:
    notifier = SPEC.factory(wecom(stand.sink, base_url="http://127.0.0.1:1"), road=Road(timeout_s=1.0))
    answer = notifier.send(stand.put(FULL)[1], compose(FULL, "zh"), thread_ref="")
    assert answer.verdict is DeliveryClass.TRANSIENT
    assert DEMO_KEY not in repr(answer)


def test_escaping_leaves_no_markup() -> None:
    assert escape("<@all> [a](b) `c` *d*\n") == "＜@all＞ ［a］(b) ˋcˋ ＊d＊ "
