"""Rule kind `trend`: a line that names the brand stands on a hot list."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any

from alerts.detect.base import Labels, Signal, View, labels_of, reason_json
from alerts.detect.coverage import is_chronic, is_dark
from config.marks import Range
from config.settings import RuleSettings
from domain.ids import fingerprint
from domain.incident import IncidentFlag, Severity
from domain.moment import to_rfc3339
from domain.spec import Spec
from domain.tagging import Polarity
from domain.trend import BrandTrend, TrendSpell
from domain.units import split_units

__all__ = ["SPEC", "TrendRule", "TrendSettings"]

_STEPS = ((3, 4.0), (10, 2.0))
"""(rank, score): people are told again when a line reaches the first ten, and again the first three."""
_LISTS = 10
"""Most lists that a reason names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendSettings:
    """Settings of rules of kind `trend`."""

    rank: Annotated[int, Range(1, 1_000)] = 50
    """Worst rank that counts; a line that has once reached it counts until it leaves the list."""
    platforms: tuple[str, ...] = ()
    """Platforms whose lists count, such as weibo; empty = all."""
    hold: Annotated[timedelta, Range(timedelta(minutes=15), timedelta(days=1))] = timedelta(minutes=30)
    """How long the condition holds after the line has left the list."""
    negative: Severity = Severity.HIGH
    """Level where the line speaks badly of the brand, if that is higher than `severity`."""


class TrendRule:
    """Make one incident for a brand and the words of a line, on however many lists they stand."""

    def __init__(self, settings: TrendSettings) -> None:
        self._settings = settings

    def evaluate(self, rule: RuleSettings, view: View) -> list[Signal]:
        """Return a signal for each line: firing while it stands on a list, or left it a short while ago.

        A list that nobody can read keeps its lines, for at most a day. What stood on a list at the first look ever at
        it is history, as everything is that a source brings first.
        """
        groups: dict[Labels, list[BrandTrend]] = {}
        for trend in view.trends:
            labels = labels_of(rule, view.brand, trend=_key(trend.spell.title))
            if self._counts(trend.spell, view.cleared.get(fingerprint(labels))):
                groups.setdefault(labels, []).append(trend)
        for incident in view.active.values():
            if incident.rule == rule.name and incident.brand == view.brand:
                groups.setdefault(incident.labels, [])
        return [self._signal(rule, view, labels, found) for labels, found in groups.items()]

    def _counts(self, spell: TrendSpell, cleared: datetime | None) -> bool:
        if spell.history or spell.best_rank > self._settings.rank:
            return False
        if self._settings.platforms and spell.platform not in self._settings.platforms:
            return False
        return cleared is None or spell.entered_at > cleared

    def _signal(self, rule: RuleSettings, view: View, labels: Labels, found: Sequence[BrandTrend]) -> Signal:
        incident = view.active.get(fingerprint(labels))
        draft = Signal(
            rule=rule,
            brand=view.brand,
            labels=labels,
            firing=False,
            severity=rule.severity,
            value=0.0,
            started_at=view.now,
            reason=incident.reason if incident else "{}",
        )
        if not found:
            return draft
        found = sorted(found, key=lambda trend: (not _stands(trend.spell, view), trend.spell.rank, trend.spell.row))
        standing = [trend for trend in found if _stands(trend.spell, view)]
        lately = [trend for trend in found if view.now - trend.spell.last_seen_at < self._settings.hold]
        worst = max((rule.severity, self._settings.negative), key=lambda level: level.rank)
        bad = any(trend.polarity is Polarity.NEGATIVE for trend in found)
        unseen = any(_is_unseen(trend.spell, view) for trend in standing)
        return replace(
            draft,
            firing=bool(standing or lately),
            severity=worst if bad else rule.severity,
            value=float(len(standing)),
            score=_score(min(trend.spell.rank for trend in standing or found)),
            started_at=min(min(trend.spell.since for trend in found), view.now),
            reason=_reason(found, view, bad=bad),
            flags=frozenset({IncidentFlag.DATA_GAP}) if unseen else frozenset(),
            story_ids=tuple(dict.fromkeys(trend.story_id for trend in found if trend.story_id)),
        )


def _key(title: str) -> str:
    """Return the words of a line without what only separates, so that `#…#` and full width make no other line."""
    return "".join(split_units(title)) or title


def _stands(spell: TrendSpell, view: View) -> bool:
    """Say whether a line is on its list as far as anybody knows."""
    source = view.health.get(spell.source)
    return spell.on_list and source is not None and not is_chronic(source, view.now)


def _is_unseen(spell: TrendSpell, view: View) -> bool:
    source = view.health.get(spell.source)
    return source is not None and is_dark(source)


def _score(rank: int) -> float:
    return next((score for step, score in _STEPS if rank <= step), 1.0)


def _reason(found: Sequence[BrandTrend], view: View, *, bad: bool) -> str:
    first = found[0].spell
    return reason_json(
        kind="trend",
        on="all",
        value=sum(_stands(trend.spell, view) for trend in found),
        title=first.title,
        url=next((trend.spell.url for trend in found if trend.spell.url), None),
        polarity="negative" if bad else _polarity(found),
        lists=[_list(trend.spell, view) for trend in found[:_LISTS]],
        mentions=list(dict.fromkeys(trend.spell.mention for trend in found)),
    )


def _polarity(found: Sequence[BrandTrend]) -> str | None:
    return next((trend.polarity.value for trend in found if trend.polarity is not None), None)


def _list(spell: TrendSpell, view: View) -> dict[str, Any]:
    return {
        "platform": spell.platform,
        "source": spell.source,
        "rank": spell.rank,
        "best_rank": spell.best_rank,
        "hot": spell.hot,
        "label": spell.label,
        "since": to_rfc3339(spell.since),
        "last_seen": to_rfc3339(spell.last_seen_at),
        "on": _stands(spell, view),
    }


SPEC = Spec(name="trend", settings=TrendSettings, factory=TrendRule, title="登上热搜")
