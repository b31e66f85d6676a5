"""Rule kind `match`: one mention is enough."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from alerts.detect.base import Labels, Signal, View, labels_of, reason_json, reason_of
from config.marks import Query, Range
from config.settings import RuleSettings
from domain.document import public_fields
from domain.ids import fingerprint
from domain.incident import Incident
from domain.mention import Flag, Mention
from domain.moment import from_rfc3339, to_rfc3339
from domain.query import compile_matcher, parse
from domain.spec import Spec

__all__ = ["SPEC", "MatchRule", "MatchSettings"]

_NEVER = frozenset({Flag.BACKFILL, Flag.OWNED, Flag.DELETED})
_REMEMBERED = 200
"""Mentions an incident remembers, so that a changed counter is not a second match."""
_STORIES = 5
_DOUBLED_AT = 8.0
"""Matches at which the score has doubled: people are told again at 8, 64, … matches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchSettings:
    """Settings of rules of kind `match`."""

    query: Annotated[str, Query()]
    """What a mention must match, in the query language over the public fields."""
    by: Literal["brand", "story"] = "brand"
    """One incident for a brand, or one for each story of it."""
    late: Annotated[timedelta, Range(timedelta(0), timedelta(days=1))] = timedelta(hours=24)
    """Oldest event time that still counts when a mention comes in."""
    hold: Annotated[timedelta, Range(timedelta(0), timedelta(days=7))] = timedelta(hours=1)
    """How long the condition holds after the last match."""


class MatchRule:
    """Find single mentions that must be told at once."""

    def __init__(self, settings: MatchSettings) -> None:
        self._settings = settings
        self._now: datetime | None = None
        self._matches = compile_matcher(parse(settings.query), now=self._moment)

    def _moment(self) -> datetime:
        if self._now is None:
            raise RuntimeError("a match rule was asked for the time before its first look")
        return self._now

    def evaluate(self, rule: RuleSettings, view: View) -> list[Signal]:
        """Return a firing signal for each group with new matches, or whose last match is recent."""
        self._now = view.now
        groups: dict[Labels, list[Mention]] = {}
        for mention in view.mentions:
            labels = self._labels(rule, view.brand, mention)
            if self._counts(mention, view, view.cleared.get(fingerprint(labels))):
                groups.setdefault(labels, []).append(mention)
        for incident in view.active.values():
            if incident.rule == rule.name and incident.brand == view.brand:
                groups.setdefault(incident.labels, [])
        return [self._signal(rule, view, labels, found) for labels, found in groups.items()]

    def _labels(self, rule: RuleSettings, brand: str, mention: Mention) -> Labels:
        if self._settings.by == "story":
            return labels_of(rule, brand, story=mention.story_id or mention.id)
        return labels_of(rule, brand)

    def _counts(self, mention: Mention, view: View, cleared: datetime | None) -> bool:
        if view.brand not in mention.brands or mention.flags & _NEVER:
            return False
        if not view.now - self._settings.late <= mention.event_at <= view.now:
            return False
        if cleared is not None and mention.first_collected_at <= cleared:
            return False
        return self._matches(_fields_for(mention, view.brand))

    def _signal(self, rule: RuleSettings, view: View, labels: Labels, found: list[Mention]) -> Signal:
        incident = view.active.get(fingerprint(labels))
        before = reason_of(incident) if incident else {}
        known = [str(each) for each in before.get("mentions", [])]
        fresh = [mention for mention in found if mention.id not in set(known)]
        total = int(before.get("value", 0)) + len(fresh)
        draft = Signal(
            rule=rule,
            brand=view.brand,
            labels=labels,
            firing=bool(fresh),
            severity=rule.severity,
            value=float(total),
            score=_score(total),
            started_at=min([mention.event_at for mention in fresh], default=view.now),
        )
        if not fresh and incident is not None:
            recent = view.now - _last_match(before, incident) < self._settings.hold
            return replace(draft, firing=recent, reason=incident.reason, story_ids=incident.story_ids)
        stories = _stories(before, fresh)
        reason = reason_json(
            kind="match",
            query=self._settings.query,
            value=total,
            last=to_rfc3339(view.now),
            risk=_risk(fresh) or before.get("risk", ""),
            stories=stories,
            mentions=[*known, *(mention.id for mention in fresh)][-_REMEMBERED:],
        )
        return replace(draft, reason=reason, story_ids=tuple(stories))


def _fields_for(mention: Mention, brand: str) -> dict[str, object]:
    """Return the public fields as one brand sees them: `negative_for: *` means negative for it."""
    fields: dict[str, object] = dict(public_fields(mention))
    for name in ("brand", "negative_for", "neutral_for", "positive_for"):
        named = fields[name]
        fields[name] = tuple(each for each in named if each == brand) if isinstance(named, tuple) else ()
    return fields


def _score(total: int) -> float:
    doublings = 0.0
    while total >= _DOUBLED_AT ** (doublings + 1):
        doublings += 1
    return float(2**doublings)


def _last_match(reason: dict[str, Any], incident: Incident) -> datetime:
    last = reason.get("last")
    return from_rfc3339(last) if isinstance(last, str) else incident.pending_at


def _risk(mentions: Iterable[Mention]) -> str:
    found = Counter(mention.tags.risks[0].category for mention in mentions if mention.tags and mention.tags.risks)
    return max(found, key=lambda category: (found[category], category), default="")


def _stories(before: dict[str, Any], fresh: Iterable[Mention]) -> dict[str, int]:
    counted = Counter({str(story): int(number) for story, number in before.get("stories", {}).items()})
    counted.update(mention.story_id or mention.id for mention in fresh)
    return dict(sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))[:_STORIES])


SPEC = Spec(name="match", settings=MatchSettings, factory=MatchRule, title="单条匹配")
