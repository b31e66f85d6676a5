"""Crisis room: what is bad, since when, who started it, what to open."""

from dashboards.kibana.board import Board, Control, Found, Panel
from dashboards.kibana.boards.way import head
from dashboards.kibana.bucket import Filters, Terms
from dashboards.kibana.figure import (
    AUTHORS,
    ENGAGEMENT,
    FOLLOWERS,
    NEGATIVE_FOR,
    NEGATIVE_SHARE,
    NEWEST,
    OLDEST,
    PLATFORMS,
    RISKS,
    STORIES,
    STORY_ROWS,
    TIME,
    VOLUME,
)
from dashboards.kibana.lens import Heatmap, Metric, Series, Share, Table

__all__ = ["CRISIS"]

_BAD = "negative_for: *"
_NOTE = (
    "告警里的链接会带着绝对时间和品牌打开这里。先看“负面走势”何时抬头、“事件”谁先发，再打开原文。"
    "点事件编号只看这一事件；认领、静默、关闭请用告警消息或 `tingfeng incidents`，Kibana 只读。"
)
_ORIGIN = Filters(label="原创或转载", of=(("原创", "is_duplicate: false"), ("相似转载", "is_duplicate: true")))

CRISIS = Board(
    key="crisis-room",
    title="听风 危机室",
    description="负面从何时起、由谁发起、在哪里扩散、打开哪一篇。",
    time_from="now-24h",
    controls=(
        Control(field="negative_for", title="品牌"),
        Control(field="risk", title="风险"),
        Control(field="platform", title="平台"),
        Control(field="story_id", title="事件"),
        Control(field="author.followers", title="粉丝", range=True),
    ),
    rows=(
        head("crisis-room", _NOTE),
        (
            Panel(title="负面声量", shows=Metric(of=VOLUME), w=8, h=6, kql=_BAD),
            Panel(title="负面率", shows=Metric(of=NEGATIVE_SHARE), w=8, h=6),
            Panel(title="负面作者数", shows=Metric(of=AUTHORS), w=8, h=6, kql=_BAD),
            Panel(title="负面事件数", shows=Metric(of=STORIES), w=8, h=6, kql=_BAD),
            Panel(title="负面互动", shows=Metric(of=ENGAGEMENT), w=8, h=6, kql=_BAD),
            Panel(title="最大粉丝", shows=Metric(of=FOLLOWERS), w=8, h=6, kql=_BAD),
        ),
        (
            Panel(
                title="负面走势",
                shows=Series(kind="bar_stacked", x=TIME, of=(VOLUME,), split=PLATFORMS),
                w=32,
                h=12,
                kql=_BAD,
            ),
            Panel(title="品牌", shows=Share(by=NEGATIVE_FOR, of=VOLUME), w=16, h=12, kql=_BAD),
        ),
        (
            Panel(
                title="事件",
                shows=Table(rows=(STORY_ROWS,), of=(VOLUME, AUTHORS, OLDEST, NEWEST, FOLLOWERS, ENGAGEMENT)),
                w=32,
                h=14,
                kql=_BAD,
            ),
            Panel(
                title="风险", shows=Series(kind="bar_horizontal_stacked", x=RISKS, of=(VOLUME,)), w=16, h=14, kql=_BAD
            ),
        ),
        (
            Panel(
                title="发声者",
                shows=Table(
                    rows=(
                        Terms(field="author.name", label="作者", size=20),
                        Terms(field="platform", label="平台", size=3),
                    ),
                    of=(VOLUME, FOLLOWERS, OLDEST, ENGAGEMENT),
                ),
                w=24,
                h=14,
                kql=_BAD,
            ),
            Panel(title="风险 × 平台", shows=Heatmap(x=PLATFORMS, y=RISKS, of=VOLUME), w=24, h=14, kql=_BAD),
        ),
        (
            Panel(title="原创或转载", shows=Share(by=_ORIGIN, of=VOLUME), w=16, h=12, kql=_BAD),
            Panel(
                title="地区",
                shows=Series(
                    kind="bar_horizontal_stacked", x=Terms(field="author.region", label="地区", size=15), of=(VOLUME,)
                ),
                w=16,
                h=12,
                kql=_BAD,
            ),
            Panel(
                title="传播最广的原文",
                shows=Table(rows=(Terms(field="url", label="原文", size=20),), of=(VOLUME, ENGAGEMENT, FOLLOWERS)),
                w=16,
                h=12,
                kql=_BAD,
            ),
        ),
        (
            Panel(title="首发", shows=Found(search="first-posts"), w=24, h=16),
            Panel(title="负面提及", shows=Found(search="negative"), w=24, h=16),
        ),
    ),
)
