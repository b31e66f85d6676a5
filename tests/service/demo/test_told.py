from pathlib import Path

import pytest
import yaml

from service.demo.settings import COOKIE, demo_settings
from service.demo.sink_ledger import Ledger
from service.demo.told import first_line_of, kind_of, told


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("【红】云杉咖啡 食品安全 负面 64 条（平时 2）", "firing"),
        ("【橙】升级 云杉咖啡 负面 200 条", "escalated"),
        ("【黄】已解除 云杉咖啡 共 230 条", "resolved"),
        ("【红】数据缺口 云杉咖啡 2 个来源看不到", "data_gap"),
        ("【系统通知】weibo", "notice"),
        ("hello", "notice"),
    ],
)
def test_a_first_line_tells_its_kind(line: str, kind: str) -> None:
    assert kind_of(line) == kind


def test_marks_of_channels_are_left_out() -> None:
    assert first_line_of('\n# **<font color="warning">【红】云杉咖啡</font>**\n第二行') == "【红】云杉咖啡"


def test_messages_of_both_channels_are_read() -> None:
    ledger = Ledger(wall=lambda: 7.0)
    ledger.accept("slack", "C1", {"text": "【红】A&amp;B 负面 3 条", "channel": "C1"}, ts="1.1")
    ledger.accept("wecom_robot", "k", {"msgtype": "markdown", "markdown": {"content": "**【红】已解除 乙**\n共"}})
    ledger.accept("wecom_robot", "k", {"msgtype": "text", "text": {"content": "【测试】"}})
    one, two, three = told(ledger)
    assert (one.channel, one.kind, one.first_line, one.at_s) == ("slack", "firing", "【红】A&B 负面 3 条", 7.0)
    assert (two.channel, two.kind) == ("wecom_robot", "resolved")
    assert three.kind == "notice"


def test_the_demo_settings_stay_on_loopback() -> None:
    bases = {name: f"http://127.0.0.1:{port}" for port, name in enumerate(("weibo", "news", "forum", "blog"), 4000)}
    text = demo_settings(Path("/nowhere/data"), bases, "http://127.0.0.1:5000")
    settings = yaml.safe_load(text)
    assert [source["name"] for source in settings["sources"]] == ["weibo", "news", "forum"]
    assert settings["sources"][0]["cookie"] == COOKIE
    assert "127.0.0.1:4000" in settings["network"]["allow_internal"]
    assert settings["receivers"][0]["slack"]["base_url"] == "http://127.0.0.1:5000/api/"
    assert "rules" not in settings
