"""What the service says of itself: at the start, after some minutes, and on the health page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from config.settings import Settings
from domain.source import SourceHealth, SourceState, VisitState

__all__ = [
    "Traffic",
    "partner_health",
    "source_view",
    "traffic_lines",
    "traffic_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What came in since the sources were made."""

    pages: int
    """Pages read."""
    posts: int
    """New posts read."""
    matched: int
    """New posts that named a brand."""
    per_day: float | None
    """Posts naming a brand to expect in a day; None = too early to say (first 10 minutes)."""


def traffic_of(states: Sequence[VisitState], now: datetime) -> Traffic:
    """Add up the visits of all sources; the expectation needs ten minutes of listening."""
    began = min((state.first_visit_at for state in states if state.first_visit_at), default=None)
    matched = sum(state.posts_matched for state in states)
    listened = now - began if began else timedelta(0)
    early = listened < timedelta(minutes=10)
    return Traffic(
        pages=sum(state.pages_seen for state in states),
        posts=sum(state.posts_new for state in states),
        matched=matched,
        per_day=None if early else matched / (listened / timedelta(days=1)),
    )


def traffic_lines(traffic: Traffic, health: Sequence[SourceHealth], locale: str) -> list[str]:
    """Say what came in and which sources are unreachable, one line each."""
    blind = [each for each in health if each.state is SourceState.BLIND]
    if locale == "en":
        lines = [f"seen: {traffic.pages} pages, {traffic.posts} new posts, {traffic.matched} named a brand"]
        if traffic.per_day is not None:
            lines.append(f"expect about {traffic.per_day:.0f} mentions a day")
        return lines + [f"blind: {each.source}: {each.why}; {each.fix}" for each in blind]
    lines = [f"已看 {traffic.pages} 页，新帖 {traffic.posts} 条，其中 {traffic.matched} 条提到品牌"]
    if traffic.per_day is not None:
        lines.append(f"照此速度每天约 {traffic.per_day:.0f} 条")
    return lines + [f"看不到：{each.source}：{each.why}；{each.fix}" for each in blind]


def partner_health(settings: Settings, states: Mapping[str, VisitState]) -> tuple[SourceHealth, ...]:
    """Return a line for each partner that may send mentions; it is never blind, since nobody knows when it has news.

    These are no part of the health that detection reads: a partner's silence says nothing of the sources that we visit.
    """
    lines = []
    for partner in dict.fromkeys(each.name for each in settings.ingest.partners):
        name = f"ingest:{partner}"
        heard = states.get(name)
        lines.append(
            SourceHealth(
                source=name,
                platform="ingest",
                state=SourceState.LIVE if heard else SourceState.NEW,
                since=heard.first_visit_at if heard else None,
                last_success_at=heard.last_success_at if heard else None,
                newest_at=heard.newest_at if heard else None,
                outcomes=heard.outcomes if heard else (),
                drops=heard.drops if heard else (),
            )
        )
    return tuple(lines)


def source_view(health: SourceHealth) -> dict[str, object]:
    """Return a JSON-ready view of one source."""
    return {
        "source": health.source,
        "platform": health.platform,
        "state": health.state.value,
        "since": health.since.isoformat() if health.since else None,
        "why": health.why,
        "fix": health.fix,
        "last_success_at": health.last_success_at.isoformat() if health.last_success_at else None,
        "newest_at": health.newest_at.isoformat() if health.newest_at else None,
        "outcomes": dict(health.outcomes),
        "drops": dict(health.drops),
    }
