"""Requests to read sources back: which sources, and in words how far they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from config.settings import Settings
from config.values import nearest
from domain.backfill import Backfill, BackfillState
from domain.moment import SHANGHAI, to_rfc3339
from domain.ports import BackfillStore
from service.errors import UsageError

__all__ = ["Asked", "ask", "backfill_line", "backfill_view"]

_STATES = {
    "zh": {"waiting": "等待中", "going": "进行中", "done": "完成", "failed": "失败"},
    "en": {"waiting": "waiting", "going": "going on", "done": "done", "failed": "failed"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked for."""

    requests: tuple[Backfill, ...]
    """One for each source that is read back."""
    left_out: tuple[str, ...]
    """Why others are not, one line each."""


def ask(
    settings: Settings, book: BackfillStore, brand: str, since: datetime, *, sources: Sequence[str], now: datetime
) -> Asked:
    """Ask for the sources of a brand to be read back.

    Args:
        settings: The installation.
        book: Where requests are kept.
        brand: Id of the brand.
        since: How far back, UTC.
        sources: Names of the sources; empty = all that can be read back.
        now: Present moment, UTC.

    Raises:
        UsageError: there is no such brand or source, or none can be read back.
    """
    from crawlers.backfill import ask_back, can_read_back
    from crawlers.plan import expand_sources

    ids = [each.id for each in settings.brands]
    if brand not in ids:
        near = nearest(brand, ids)
        raise UsageError(
            f"backfill: no brand {brand!r}; " + (f"did you mean {near}?" if near else f"known: {', '.join(ids)}")
        )
    mine = [each for each in expand_sources(settings) if not each.brands or brand in each.brands]
    names = sorted({name for each in mine for name in (each.name, each.name.partition(":")[0])})
    for name in sources:
        if not any(name in (each.name, each.name.partition(":")[0]) for each in mine):
            near = nearest(name, names)
            raise UsageError(
                f"--source {name!r}: no source of {brand} has that name" + (f"; did you mean {near}?" if near else "")
            )
    wanted = [each for each in mine if not sources or each.name in sources or each.name.partition(":")[0] in sources]
    able = [each for each in wanted if can_read_back(each)]
    english = settings.locale == "en"
    words = "shows its newest posts only, it cannot be read back" if english else "只显示最新内容，无法回溯"
    left_out = tuple(f"{each.name}: {words}" for each in wanted if not can_read_back(each))
    if not able:
        raise UsageError(
            f"backfill: none of these sources can be read back ({', '.join(each.name for each in wanted) or 'none'}); "
            "only searches can: see docs/sources.md"
        )
    requests = tuple(ask_back(each, brand, since, now) for each in able)
    for request in requests:
        book.save(request)
    return Asked(requests=requests, left_out=left_out)


def backfill_line(one: Backfill, locale: str) -> str:
    """Return in one line how far a request is."""
    state = _STATES["en" if locale == "en" else "zh"][one.state.value]
    oldest = f"{one.oldest_at.astimezone(SHANGHAI):%Y-%m-%d}" if one.oldest_at else "-"
    since = f"{one.since.astimezone(SHANGHAI):%Y-%m-%d}"
    detail = f"  {one.detail}" if one.detail else ""
    bar = "█" * round(10 * one.share) + "░" * (10 - round(10 * one.share))
    if locale == "en":
        read = f"{one.pages} pages, {one.posts} posts, back to {oldest} (asked: {since})"
        return f"{bar} {one.source}: {state}, {read}{detail}"
    return f"{bar} {one.source}：{state}，{one.pages} 页，{one.posts} 条，已到 {oldest}（目标 {since}）{detail}"


def backfill_view(one: Backfill) -> dict[str, object]:
    """Return a JSON-ready view of a request."""
    return {
        "id": one.id,
        "source": one.source,
        "brand": one.brand,
        "state": one.state.value,
        "since": to_rfc3339(one.since),
        "asked_at": to_rfc3339(one.asked_at),
        "oldest_at": to_rfc3339(one.oldest_at) if one.oldest_at else None,
        "ended_at": to_rfc3339(one.ended_at) if one.ended_at else None,
        "pages": one.pages,
        "posts": one.posts,
        "share": round(one.share, 3),
        "detail": one.detail,
        "over": one.state in (BackfillState.DONE, BackfillState.FAILED),
    }
