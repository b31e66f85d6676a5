"""Source health in words: which source is blind, why, and what to do about it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from config.settings import SourceSettings
from crawlers.ban import ban_key, is_site_wide
from crawlers.canary import canary_name
from crawlers.ledger import is_paused, needs_someone
from crawlers.remedy import canary_remedy, changed_remedy, remedy, sibling_remedy
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
    banned: dict[str, VisitState] = {}
    for source in sources:
        key, state = ban_key(source), states.get(source.name)
        if key is not None and state is not None and is_paused(state, now) and is_site_wide(state.last_outcome):
            banned.setdefault(key, state)
    return tuple(_health(source, states, banned.get(ban_key(source) or ""), now, locale) for source in sources)


def _health(
    source: SourceSettings,
    states: Mapping[str, VisitState],
    ban: VisitState | None,
    now: datetime,
    locale: Literal["zh", "en"],
) -> SourceHealth:
    state = states.get(source.name)
    canary = states.get(canary_name(source) or "")
    kind, since = _state(source, state, now)
    lost = tuple(each.field for each in state.fields if each.lost) if state is not None else ()
    why, fix = "", ""
    if state is not None and kind in (SourceState.BLIND, SourceState.PAUSED):
        why, fix = remedy(source, state, locale)
    if state is not None and ban is not None and ban.source != source.name:
        kind, since = SourceState.BLIND, ban.blind_since or ban.last_visit_at
        why, fix = sibling_remedy(source, ban, locale)
    elif kind is SourceState.LIVE and canary is not None and canary.fails >= _BLIND_AFTER_FAILS:
        kind, since = SourceState.BLIND, canary.blind_since
        why, fix = canary_remedy(source, canary, locale)
    elif kind is SourceState.LIVE and state is not None:
        why, fix = changed_remedy(source, state, lost, locale)
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
        lost_fields=lost if kind is SourceState.LIVE else (),
        low_since=state.low_since if state and kind is SourceState.LIVE else None,
    )


def _state(source: SourceSettings, state: VisitState | None, now: datetime) -> tuple[SourceState, datetime | None]:
    if state is None or state.last_visit_at is None:
        return SourceState.NEW, None
    if state.fails >= _BLIND_AFTER_FAILS or (state.fails and state.last_success_at is None):
        return SourceState.BLIND, state.blind_since
    if is_paused(state, now):
        blind = needs_someone(state.last_outcome)
        kind = SourceState.BLIND if blind else SourceState.PAUSED
        return kind, state.blind_since or state.last_visit_at
    silent_since = state.last_success_at
    longest = max(source.interval * _BLIND_AFTER_INTERVALS, 2 * (source.interval_max or source.interval))
    if silent_since is not None and now - silent_since > longest:
        return SourceState.BLIND, state.blind_since or silent_since
    return SourceState.LIVE, state.first_visit_at
