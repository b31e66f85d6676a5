"""Brand overview: how much is said, how bad it is, who says it."""

from dashboards.kibana.board import Board, Control, Found, Panel
from dashboards.kibana.boards.way import head
from dashboards.kibana.bucket import Terms
from dashboards.kibana.figure import (
    AUTHORS,
    BRAND_POLARITY,
    BRANDS,
    ENGAGEMENT,
    FOLLOWERS,
    HEALTH,
    NEGATIVE,
    NEGATIVE_FOR,
    NEGATIVE_SHARE,
    NEWEST,
    PLATFORMS,
    REACH,
    REACH_KNOWN,
    SENTIMENT,
    STORY_ROWS,
    TIME,
    TOPICS,
    VOLUME,
)
from dashboards.kibana.lens import Cloud, Metric, Series, Share, Table

__all__ = ["OVERVIEW"]

_NOTE = (
    "只计命名了监测品牌的提及，不含自有账号和已删除的原文。负面率 = 对任一品牌负面的提及 ÷ 全部提及；"
    "一篇提到两个品牌时，请看“品牌 · 情感”，那里按品牌分别计。"
    "健康指数 = 50 ×（1 +（正面 − 负面）÷（正面 + 负面 + 10）），50 为持平，提及很少时接近 50。"
    "触达只加总平台写明的数字；未写明的不计为 0，“触达已知的比例”说明覆盖了多少。"
)

OVERVIEW = Board(
    key="brand-overview",
    title="听风 品牌总览",
    description="声量、负面率、声量占比、互动、触达、健康指数、主题与作者。",
    time_from="now-7d",
    controls=(
        Control(field="brand", title="品牌"),
        Control(field="platform", title="平台"),
        Control(field="sentiment", title="情感"),
        Control(field="topics", title="主题"),
    ),
    rows=(
        head("brand-overview", _NOTE),
        (
            Panel(title="声量", shows=Metric(of=VOLUME), w=7, h=6),
            Panel(title="负面率", shows=Metric(of=NEGATIVE_SHARE), w=7, h=6),
            Panel(title="健康指数", shows=Metric(of=HEALTH, note="50 为持平"), w=7, h=6),
            Panel(title="互动", shows=Metric(of=ENGAGEMENT, note="赞 + 评 + 转 + 藏"), w=7, h=6),
            Panel(title="触达", shows=Metric(of=REACH, note="平台写明的人数"), w=7, h=6),
            Panel(title="触达已知的比例", shows=Metric(of=REACH_KNOWN), w=6, h=6),
            Panel(title="作者数", shows=Metric(of=AUTHORS), w=7, h=6),
        ),
        (
            Panel(
                title="声量走势", shows=Series(kind="area_stacked", x=TIME, of=(VOLUME,), split=SENTIMENT), w=32, h=12
            ),
            Panel(title="声量占比（SOV）", shows=Share(by=BRANDS, of=VOLUME), w=16, h=12),
        ),
        (
            Panel(
                title="各品牌负面走势", shows=Series(kind="line", x=TIME, of=(VOLUME,), split=NEGATIVE_FOR), w=32, h=12
            ),
            Panel(title="品牌 · 情感", shows=Table(rows=(BRAND_POLARITY,), of=(VOLUME, AUTHORS, NEWEST)), w=16, h=12),
        ),
        (
            Panel(
                title="主题",
                shows=Series(kind="bar_horizontal_stacked", x=TOPICS, of=(VOLUME,), split=SENTIMENT),
                w=24,
                h=14,
            ),
            Panel(
                title="关键词",
                shows=Cloud(by=Terms(field="keywords", label="关键词", size=60), of=VOLUME),
                w=24,
                h=14,
            ),
        ),
        (
            Panel(
                title="主要作者",
                shows=Table(
                    rows=(
                        Terms(field="author.name", label="作者", size=20),
                        Terms(field="platform", label="平台", size=3),
                    ),
                    of=(VOLUME, NEGATIVE, FOLLOWERS, ENGAGEMENT),
                ),
                w=24,
                h=14,
            ),
            Panel(
                title="主要事件", shows=Table(rows=(STORY_ROWS,), of=(VOLUME, NEGATIVE, AUTHORS, NEWEST)), w=24, h=14
            ),
        ),
        (
            Panel(
                title="平台", shows=Series(kind="bar_stacked", x=PLATFORMS, of=(VOLUME,), split=SENTIMENT), w=16, h=14
            ),
            Panel(title="提及", shows=Found(search="mentions"), w=32, h=14),
        ),
    ),
)
