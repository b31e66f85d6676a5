"""Sources and coverage: what came in, from where, how late, and what is missing."""

from dashboards.kibana.board import Board, Control, Found, Panel
from dashboards.kibana.boards.way import head
from dashboards.kibana.bucket import Dates, Terms
from dashboards.kibana.figure import PLATFORMS
from dashboards.kibana.lens import Heatmap, Metric, Series, Share, Table
from dashboards.kibana.measure import Count, Formula, Math, Stat

__all__ = ["COVERAGE"]

_NOTE = (
    "这里计全部收录，包括没有命名品牌的候选、自有账号和已删除的原文。安静不等于正常：某个来源没有数据时，"
    "请看 `tingfeng sources` 或健康页，那里写着它是否看不到、为什么、该做什么。"
    "收录延迟 = 首次收录 − 发布时间；回填和导入的历史会把它拉长，可在“标记”里排除 backfill。"
)
_STORED = Count(label="收录", format="number")
_NAMED = Count(label="命名品牌", kql="brand: *", format="number")
_NAMED_SHARE = Formula(label="命名品牌的比例", value=Math(op="divide", left=Count(kql="brand: *"), right=Count()))
_LATENESS = Stat(op="median", field="lateness_min", label="延迟中位数（分钟）")
_LIVE_LATENESS = Stat(
    op="median", field="lateness_min", label="延迟中位数（分钟）", kql="not flags: backfill and published_at: *"
)
_NEWEST = Stat(op="max", field="first_collected_at", label="最近收录", date=True)
_SOURCE_COUNT = Stat(op="unique_count", field="source", label="来源数", format="number")
_CUT = Count(label="只有开头", kql="flags: truncated", format="number")
_SOURCES = Terms(field="source", label="来源", size=50)
_COLLECTED = Dates(field="first_collected_at", label="收录时间")

COVERAGE = Board(
    key="sources-coverage",
    title="听风 来源与覆盖",
    description="每个来源收录多少、最近何时、晚多久、缺什么。",
    time_from="now-7d",
    controls=(
        Control(field="source", title="来源"),
        Control(field="platform", title="平台"),
        Control(field="flags", title="标记"),
    ),
    rows=(
        head("sources-coverage", _NOTE),
        (
            Panel(title="收录", shows=Metric(of=_STORED), w=12, h=6, counted=False),
            Panel(title="命名品牌的比例", shows=Metric(of=_NAMED_SHARE), w=12, h=6, counted=False),
            Panel(
                title="收录延迟",
                shows=Metric(of=_LIVE_LATENESS, note="中位数，分钟，不含回填"),
                w=12,
                h=6,
                counted=False,
            ),
            Panel(title="来源数", shows=Metric(of=_SOURCE_COUNT, note="有收录的来源"), w=12, h=6, counted=False),
        ),
        (
            Panel(
                title="各来源收录走势",
                shows=Series(
                    kind="bar_stacked", x=_COLLECTED, of=(_STORED,), split=Terms(field="source", label="来源")
                ),
                w=48,
                h=12,
                counted=False,
            ),
        ),
        (
            Panel(
                title="来源",
                shows=Table(rows=(_SOURCES,), of=(_STORED, _NAMED, _NAMED_SHARE, _LATENESS, _CUT, _NEWEST)),
                w=32,
                h=16,
                counted=False,
            ),
            Panel(
                title="标记",
                shows=Series(
                    kind="bar_horizontal_stacked", x=Terms(field="flags", label="标记", size=6), of=(_STORED,)
                ),
                w=16,
                h=16,
                counted=False,
            ),
        ),
        (
            Panel(title="来源 × 平台", shows=Heatmap(x=PLATFORMS, y=_SOURCES, of=_STORED), w=24, h=14, counted=False),
            Panel(
                title="时间精度",
                shows=Share(by=Terms(field="published_precision", label="精度", size=4), of=_STORED),
                w=12,
                h=14,
                counted=False,
            ),
            Panel(
                title="语言", shows=Share(by=Terms(field="lang", label="语言"), of=_STORED), w=12, h=14, counted=False
            ),
        ),
        (Panel(title="已删除原文", shows=Found(search="deleted"), w=48, h=14),),
    ),
)
