"""Source health in words: which source is blind, why, and what to do about it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from config.settings import SourceSettings
from crawlers.remedy import CUT, remedy
from domain.source import SourceHealth, SourceState, VisitState

__all__ = ["health_of"]

_BLIND_AFTER_FAILS = 2
_BLIND_AFTER_INTERVALS = 3


def health_of(
    sources: Sequence[SourceSettings],
    states: Mapping[str, VisitState],
    now: datetime,
    locale: Literal["zh", "en"],
) -> tuple[SourceHealth, ...]:
    """Return the health of each source, in the given order.

    Args:
        sources: The sources that are really visited, see `crawlers.plan.expand_sources`.
        states: Their stored states by name; a missing one was never visited.
        now: Present moment, UTC.
        locale: Language of `why` and `fix`.
    """
    return tuple(_health(source, states.get(source.name), now, locale) for source in sources)


def _health(
    source: SourceSettings, state: VisitState | None, now: datetime, locale: Literal["zh", "en"]
) -> SourceHealth:
    kind, since = _state(source, state, now)
    why, fix = "", ""
    cut = state is not None and kind is SourceState.LIVE and state.last_detail == CUT
    if state is not None and (cut or kind in (SourceState.BLIND, SourceState.PAUSED)):
        why, fix = remedy(source, state, locale)
    return SourceHealth(
        source=source.name,
        platform=source.platform,
        state=kind,
        since=since,
        why=why,
        fix=fix,
        last_success_at=state.last_success_at if state else None,
        newest_at=state.newest_at if state else None,
        outcomes=state.outcomes if state else (),
        drops=state.drops if state else (),
        interval=source.interval,
    )


def _state(source: SourceSettings, state: VisitState | None, now: datetime) -> tuple[SourceState, datetime | None]:
    if state is None or state.last_visit_at is None:
        return SourceState.NEW, None
    if state.paused_until is not None and state.paused_until > now:
        return SourceState.PAUSED, state.blind_since or state.last_visit_at
    if state.fails >= _BLIND_AFTER_FAILS or (state.fails and state.last_success_at is None):
        return SourceState.BLIND, state.blind_since
    silent_since = state.last_success_at
    if silent_since is not None and now - silent_since > source.interval * _BLIND_AFTER_INTERVALS:
        return SourceState.BLIND, state.blind_since or silent_since
    return SourceState.LIVE, state.first_visit_at
