"""Campaign review: what a campaign brought, in voice, mood and reach."""

from dashboards.kibana.board import Board, Control, Found, Panel
from dashboards.kibana.boards.way import head
from dashboards.kibana.bucket import Filters, Terms
from dashboards.kibana.figure import (
    AUTHORS,
    BRANDS,
    ENGAGEMENT,
    FOLLOWERS,
    HEALTH,
    NEGATIVE_SHARE,
    POSITIVE_SHARE,
    REACH,
    SENTIMENT,
    TIME,
    TOPICS,
    VOLUME,
)
from dashboards.kibana.lens import Cloud, Metric, Series, Share, Table

__all__ = ["CAMPAIGN"]

_NOTE = (
    "先把时间调到活动期间，再用“主题”或“关键词”选出活动；也可以在搜索框里写活动名，如 `联名 and 云杉`。"
    "与活动前同样长的一段相比，看声量、正面率、互动的变化。"
)
_WORDS = Terms(field="keywords", label="关键词", size=40)
_SIZE = Filters(
    label="作者大小",
    of=(
        ("100 万以上", "author.followers >= 1000000"),
        ("10 万到 100 万", "author.followers >= 100000 and author.followers < 1000000"),
        ("1 万到 10 万", "author.followers >= 10000 and author.followers < 100000"),
        ("1 万以下", "author.followers < 10000"),
        ("未写明", "not author.followers: *"),
    ),
)

CAMPAIGN = Board(
    key="campaign-review",
    title="听风 活动复盘",
    description="一次活动带来的声量、口碑、互动、触达与参与者。",
    time_from="now-30d",
    controls=(
        Control(field="brand", title="品牌"),
        Control(field="topics", title="主题"),
        Control(field="keywords", title="关键词"),
        Control(field="platform", title="平台"),
    ),
    rows=(
        head("campaign-review", _NOTE),
        (
            Panel(title="声量", shows=Metric(of=VOLUME), w=8, h=6),
            Panel(title="正面率", shows=Metric(of=POSITIVE_SHARE), w=8, h=6),
            Panel(title="负面率", shows=Metric(of=NEGATIVE_SHARE), w=8, h=6),
            Panel(title="健康指数", shows=Metric(of=HEALTH), w=8, h=6),
            Panel(title="互动", shows=Metric(of=ENGAGEMENT), w=8, h=6),
            Panel(title="触达", shows=Metric(of=REACH), w=8, h=6),
        ),
        (
            Panel(title="声量走势", shows=Series(kind="area_stacked", x=TIME, of=(VOLUME,), split=BRANDS), w=24, h=12),
            Panel(title="互动走势", shows=Series(kind="line", x=TIME, of=(ENGAGEMENT,)), w=24, h=12),
        ),
        (
            Panel(title="参与者走势", shows=Series(kind="bar_stacked", x=TIME, of=(AUTHORS,)), w=24, h=12),
            Panel(title="作者大小", shows=Share(by=_SIZE, of=VOLUME), w=12, h=12),
            Panel(title="声量占比（SOV）", shows=Share(by=BRANDS, of=VOLUME), w=12, h=12),
        ),
        (
            Panel(title="正面关键词", shows=Cloud(by=_WORDS, of=VOLUME), w=24, h=12, kql="positive_for: *"),
            Panel(title="负面关键词", shows=Cloud(by=_WORDS, of=VOLUME), w=24, h=12, kql="negative_for: *"),
        ),
        (
            Panel(
                title="参与作者",
                shows=Table(
                    rows=(
                        Terms(field="author.name", label="作者", size=30),
                        Terms(field="platform", label="平台", size=3),
                    ),
                    of=(FOLLOWERS, VOLUME, ENGAGEMENT),
                ),
                w=24,
                h=14,
            ),
            Panel(
                title="主题",
                shows=Series(kind="bar_horizontal_stacked", x=TOPICS, of=(VOLUME,), split=SENTIMENT),
                w=24,
                h=14,
            ),
        ),
        (
            Panel(title="传播最广", shows=Found(search="most-shared"), w=24, h=16),
            Panel(title="大号发声", shows=Found(search="loud-authors"), w=24, h=16),
        ),
    ),
)
