"""Reports, receivers and a running sink for the tests of channels."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from alerts.notifiers import notifier_specs
from alerts.notifiers.slack import SlackSettings
from alerts.notifiers.wecom_robot import WecomRobotSettings
from alerts.outbox import Outbox, OutboxSettings, queue
from alerts.report import AlertReport, BlindSource, ReportAuthor, ReportStory
from config.settings import ReceiverSettings, Settings
from domain.clock import Clock, ManualClock
from domain.incident import Delivery, DeliveryKind, Severity
from domain.mention import Engagement
from domain.ports import DeskChange
from domain.secret import Secret
from service.channels import channel_lines
from service.demo.sink import DEMO_CHANNEL, DEMO_KEY, DEMO_TOKEN, Sink, serve
from storage import State, open_state

NOW = datetime(2026, 6, 20, 7, 55, tzinfo=UTC)
HOSTILE = (
    "<!channel> <@U012> *粗* [点我](https://evil.example) <https://evil.example|银行>|a\u202egnp.exe\n> 假引用 ```代码"
)

FULL = AlertReport(
    kind=DeliveryKind.FIRING,
    incident="7K2QD",
    seq=1,
    severity=Severity.CRITICAL,
    brand="云杉咖啡",
    rule="负面突增",
    subject="食品安全",
    value=42.0,
    expected=3.0,
    window_s=1_800,
    reason="30 分钟内负面 42 条，通常 3 条，作者 35 人",
    started_at=NOW - timedelta(minutes=25),
    at=NOW,
    quote="在云杉咖啡南洲店喝到一半发现杯底有异物，店员说是“正常沉淀”，我不接受。",
    quote_url="https://weibo.example/status/501?a=1&b=2",
    engagement=Engagement(shares=1_234, comments=560, likes=0, views=None, favourites=None),
    author=ReportAuthor(name="南洲吃喝小队", platform="weibo", followers=1_260_000),
    first_publisher="阿梨在南洲",
    first_published_at=NOW - timedelta(minutes=27),
    platforms=(("weibo", 30), ("web", 8), ("zhihu", 4)),
    authors=35,
    negative_share=0.64,
    usual_share=0.08,
    stories=(
        ReportStory(
            id="weibo:501",
            quote="杯底有异物，店员说是正常沉淀",
            url="https://weibo.example/status/501",
            mentions=28,
            platform="weibo",
            outlet="阿梨在南洲",
        ),
        ReportStory(
            id="web:1", quote="云杉咖啡回应异物事件", url="https://news.example/a/1.html", mentions=9, platform="web"
        ),
        ReportStory(id="zhihu:9", quote="如何看待云杉咖啡异物事件？", url=None, mentions=5, platform="zhihu"),
    ),
    story_count=5,
    blind=(BlindSource(source="小红书·云杉", since=NOW - timedelta(hours=2), why="需要登录"),),
    flags=("late",),
    console_url="https://tingfeng.example/i/7K2QD",
)

REPORTS: dict[str, AlertReport] = {
    "firing_full": FULL,
    "firing_unknowns": AlertReport(
        kind=DeliveryKind.FIRING,
        incident="2ABCD",
        seq=1,
        severity=Severity.HIGH,
        brand="云杉咖啡",
        rule="负面过量",
        at=NOW,
    ),
    "firing_zero": replace(
        FULL,
        severity=Severity.MEDIUM,
        subject="",
        value=6.0,
        expected=0.0,
        engagement=Engagement(shares=0, comments=0, likes=0),
        author=ReportAuthor(name="", platform="weibo", followers=0),
        flags=(),
        blind=(),
        console_url="http://127.0.0.1:8650/i/7K2QD",
    ),
    "firing_one_mention": replace(
        FULL,
        rule="大号提到食品安全",
        value=1.0,
        expected=None,
        window_s=None,
        platforms=(("weibo", 1),),
        authors=1,
        negative_share=None,
        usual_share=None,
        stories=FULL.stories[:1],
        story_count=1,
        blind=(),
        flags=(),
    ),
    "firing_long_names": replace(
        FULL,
        brand="云杉咖啡（南洲）国际餐饮管理有限公司旗下子品牌",
        subject="食品安全与产品质量投诉",
        value=128_000.0,
        expected=12_345.0,
    ),
    "firing_hostile": replace(
        FULL,
        brand="云杉" + HOSTILE,
        subject=HOSTILE,
        rule=HOSTILE,
        reason=HOSTILE * 9,
        quote=HOSTILE * 9,
        quote_url="https://weibo.example/a)b|c>d<e f?x=[1]",
        author=ReportAuthor(name=HOSTILE, platform="weibo<b>", followers=5),
        first_publisher=HOSTILE,
        stories=tuple(
            replace(one, quote=HOSTILE * 9, outlet=HOSTILE, url="javascript:alert(1)") for one in FULL.stories
        ),
        blind=(BlindSource(source=HOSTILE, since=None, why=HOSTILE),),
        notes=(HOSTILE,),
        acked_by=HOSTILE,
    ),
    "escalated": replace(
        FULL,
        kind=DeliveryKind.ESCALATED,
        seq=2,
        value=180.0,
        peak_value=180.0,
        peak_at=NOW,
        notes=("张敏：已联系门店",),
    ),
    "reminder": replace(FULL, kind=DeliveryKind.REMINDER, seq=3),
    "acked": replace(FULL, kind=DeliveryKind.ACKED, seq=4, acked_by="张敏"),
    "data_gap": replace(
        FULL,
        kind=DeliveryKind.DATA_GAP,
        seq=5,
        blind=(
            BlindSource(source="微博搜索", since=NOW, why="被限流"),
            BlindSource(source="南洲晚报", since=None, why=""),
        ),
    ),
    "unstable": replace(FULL, kind=DeliveryKind.UNSTABLE, seq=6, severity=Severity.HIGH, flags=("flapping",)),
    "resolved": replace(
        FULL,
        kind=DeliveryKind.RESOLVED,
        seq=7,
        peak_value=180.0,
        peak_at=NOW + timedelta(minutes=30),
        resolved_at=NOW + timedelta(hours=5),
        at=NOW + timedelta(hours=5),
        total=412,
        acked_by="张敏",
    ),
    "notice": AlertReport(
        kind=DeliveryKind.NOTICE,
        incident="",
        seq=0,
        severity=Severity.MEDIUM,
        brand="",
        rule="",
        at=NOW,
        text="2 个来源连续 3 次没有数据\n微博搜索：需要登录，请更新 Cookie",
    ),
    "test": AlertReport(
        kind=DeliveryKind.TEST,
        incident="",
        seq=0,
        severity=Severity.INFO,
        brand="",
        rule="",
        at=NOW,
        text="听风测试消息 pr-duty",
    ),
}


@dataclass
class Stand:
    """A sink, a state database and an outbox on a clock that a test moves."""

    sink: Sink
    clock: Any
    state: State
    receivers: tuple[ReceiverSettings, ...]
    options: dict[str, Any] = field(default_factory=dict)
    outboxes: list[Outbox] = field(default_factory=list)

    def outbox(self, owner: str = "one", **changes: Any) -> Outbox:
        settings = OutboxSettings(owner=owner, **{"wait_s": 10.0, **self.options, **changes})
        outbox = Outbox(
            self.state.desk,
            self.receivers,
            specs=notifier_specs(),
            clock=self.clock,
            settings=settings,
            chance=random.Random(1),
        )
        self.outboxes.append(outbox)
        return outbox

    def put(self, report: AlertReport, *names: str) -> tuple[Delivery, ...]:
        receivers = [one for one in self.receivers if not names or one.name in names]
        incident = report.incident or None
        now = self.clock.now()
        rows = queue(report, incident_id=incident, receivers=receivers, severity=report.severity, now=now)
        self.state.desk.commit(DeskChange(deliveries=rows), now=now)
        return rows

    def row(self, channel: str, receiver: str = "pr") -> Delivery:
        found = [d for d in self.state.desk.deliveries() if d.channel == channel and d.receiver == receiver]
        return found[-1]

    def pump(self, outbox: Outbox, *, seconds: float, step: float = 1.0) -> int:
        """Let the outbox work while the clock goes `seconds`; return how many were accepted."""
        sent = outbox.deliver_due()
        for _ in range(int(seconds / step)):
            self.clock.advance(timedelta(seconds=step))
            sent += outbox.deliver_due()
        return sent

    def channels(self) -> dict[tuple[str, str], dict[str, Any]]:
        """How each channel stands, by receiver and channel, as the health page and `tingfeng doctor` show it."""
        settings = Settings(path=Path("tingfeng.yaml"), data_dir=Path("data"), receivers=self.receivers)
        lines = channel_lines(settings, self.state.figures.read().channels, self.clock.now())
        return {(str(line["receiver"]), str(line["channel"])): line for line in lines}

    def accepted(self, channel: str) -> int:
        return sum(one.channel == channel for one in self.sink.ledger.posted)

    def calls(self, route: str) -> int:
        return sum(one.route == route for one in self.sink.ledger.requests)


def slack(sink: Sink, **changes: Any) -> SlackSettings:
    given = {"token": Secret(DEMO_TOKEN), "channel": DEMO_CHANNEL, "base_url": sink.slack_base_url}
    return SlackSettings(**{**given, **changes})


def wecom(sink: Sink, **changes: Any) -> WecomRobotSettings:
    return WecomRobotSettings(**{"key": Secret(DEMO_KEY), "base_url": sink.url, **changes})


@contextmanager
def standing(folder: Path, *, receivers: Any = None, clock: Clock | None = None) -> Iterator[Stand]:
    """Run a sink on the test's clock, with one receiver `pr` on both channels."""
    clock = clock or ManualClock(NOW)

    def seconds() -> float:
        return clock.now().timestamp()

    with serve(Sink(tick=seconds, wall=seconds)) as sink:
        given = (
            receivers(sink)
            if receivers
            else (ReceiverSettings(name="pr", channels=(("slack", slack(sink)), ("wecom_robot", wecom(sink)))),)
        )
        state = open_state(None, folder)
        stand = Stand(sink, clock, state, given)
        try:
            yield stand
        finally:
            for outbox in stand.outboxes:
                outbox.close(5.0)
            state.close()
