"""Channel matrix: where the brand is spoken of, how, and when."""

from dashboards.kibana.board import Board, Control, Panel
from dashboards.kibana.boards.way import head
from dashboards.kibana.bucket import Terms
from dashboards.kibana.figure import (
    AUTHORS,
    BRAND_POLARITY,
    ENGAGEMENT,
    NEGATIVE,
    NEGATIVE_SHARE,
    PLATFORMS,
    REACH,
    SENTIMENT,
    TIME,
    TOPICS,
    VOLUME,
)
from dashboards.kibana.lens import Heatmap, Series, Share, Table
from dashboards.kibana.measure import Stat

__all__ = ["CHANNEL"]

_NOTE = "平台指首次发表处，与由哪个来源收录无关。各平台能看到多少，见“来源与覆盖”；看不到不等于没有人说。"
_HOURS = Terms(field="hour_of_day", label="小时（北京）", size=24)
_DAYS = Terms(field="weekday", label="星期（北京）", size=7)
_TYPICAL_FOLLOWERS = Stat(op="median", field="author.followers", label="粉丝中位数", format="compact")

CHANNEL = Board(
    key="channel-matrix",
    title="听风 渠道矩阵",
    description="各平台的声量、情感、主题、时段与媒体。",
    time_from="now-7d",
    controls=(
        Control(field="brand", title="品牌"),
        Control(field="platform", title="平台"),
        Control(field="kind", title="形式"),
        Control(field="outlet_tier", title="媒体级别"),
    ),
    rows=(
        head("channel-matrix", _NOTE),
        (
            Panel(title="平台 × 情感", shows=Heatmap(x=SENTIMENT, y=PLATFORMS, of=VOLUME), w=20, h=14),
            Panel(title="平台 × 品牌 · 情感", shows=Heatmap(x=BRAND_POLARITY, y=PLATFORMS, of=VOLUME), w=28, h=14),
        ),
        (
            Panel(
                title="平台一览",
                shows=Table(
                    rows=(PLATFORMS,),
                    of=(VOLUME, NEGATIVE, NEGATIVE_SHARE, AUTHORS, ENGAGEMENT, REACH, _TYPICAL_FOLLOWERS),
                ),
                w=48,
                h=12,
            ),
        ),
        (
            Panel(
                title="平台走势", shows=Series(kind="area_stacked", x=TIME, of=(VOLUME,), split=PLATFORMS), w=24, h=12
            ),
            Panel(
                title="平台的情感构成",
                shows=Series(kind="bar_percentage_stacked", x=PLATFORMS, of=(VOLUME,), split=SENTIMENT),
                w=24,
                h=12,
            ),
        ),
        (
            Panel(title="平台 × 主题", shows=Heatmap(x=TOPICS, y=PLATFORMS, of=VOLUME), w=28, h=14),
            Panel(title="时段", shows=Heatmap(x=_HOURS, y=_DAYS, of=VOLUME), w=20, h=14),
        ),
        (
            Panel(
                title="媒体与账号",
                shows=Table(rows=(Terms(field="outlet", label="发布者", size=30),), of=(VOLUME, NEGATIVE, ENGAGEMENT)),
                w=24,
                h=14,
            ),
            Panel(
                title="媒体级别", shows=Share(by=Terms(field="outlet_tier", label="媒体级别"), of=VOLUME), w=12, h=14
            ),
            Panel(title="形式", shows=Share(by=Terms(field="kind", label="形式", size=5), of=VOLUME), w=12, h=14),
        ),
    ),
)
