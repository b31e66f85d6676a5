"""The line of links at the head of every dashboard."""

from dashboards.kibana.board import Note, Panel, dashboard_id

__all__ = ["head"]

_NAMES = (
    ("brand-overview", "品牌总览"),
    ("crisis-room", "危机室"),
    ("channel-matrix", "渠道矩阵"),
    ("campaign-review", "活动复盘"),
    ("sources-coverage", "来源与覆盖"),
)


def head(here: str, note: str) -> tuple[Panel, ...]:
    """Return the first row of a dashboard: links to the others, and how to read this one."""
    links = [f"**{name}**" if key == here else f"[{name}](#/view/{dashboard_id(key)})" for key, name in _NAMES]
    return (Panel(title="说明", shows=Note(text=f"{' · '.join(links)}\n\n{note}"), w=48, h=5),)
