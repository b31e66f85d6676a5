"""The mentions of open incidents that are worth reading again."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from domain.incident import Incident
from domain.mention import Engagement, Flag, Mention
from domain.moment import Window, to_rfc3339
from domain.ports import Desk, MentionSearch
from domain.query import Node
from domain.query.ast import And, Not, Or, Range, RangeOperator, Term

__all__ = ["AFTER", "MOST", "Watchlist"]

MOST = 50
"""Most mentions of one incident that are read again."""
AFTER = timedelta(hours=24)
"""How long they are read on after their incident is resolved."""

_INCIDENTS = 200
_PAGE = 250
_READ = 2_000
"""Most mentions of an incident that are looked at for the first time; later only new ones are."""
_REMEMBERED = 4 * MOST
_OVERLAP = timedelta(minutes=2)
"""A mention may be found so long after the moment that it says it was stored."""
_LABELS = {"topic": "topics", "risk": "risk", "story": "story_id"}
_FIELDS = {"all": "brand", "neutral": "neutral_for", "positive": "positive_for"}
_NAMING = frozenset({"match", "trend"})
"""Kinds of rules whose incidents name all their mentions themselves."""
_NEVER = frozenset({Flag.BACKFILL, Flag.OWNED})

_Rank = tuple[bool, int]


@dataclass(slots=True)
class _Held:
    """What is remembered of an incident from one look to the next."""

    ranks: dict[str, _Rank] = field(default_factory=dict)
    """The most important mentions, by id."""
    collected: dict[str, datetime] = field(default_factory=dict)
    """When each was collected first, UTC."""
    read_at: datetime | None = None
    """When its mentions were looked for last, UTC; None = never."""


class Watchlist:
    """Knows the most important mentions of each incident.

    Args:
        desk: Where incidents are.
        search: Where mentions are.
    """

    def __init__(self, desk: Desk, search: MentionSearch) -> None:
        self._desk = desk
        self._search = search
        self._held: dict[str, _Held] = {}

    def look(self, now: datetime, readable: Callable[[Mention], bool]) -> Mapping[str, datetime]:
        """Return the mentions to read again, by id, with the moment from which their looks are counted.

        At most 50 of each incident that is open or was resolved within 24 hours: those that began
        a story first, then those that reached most.

        Args:
            now: The present moment, UTC.
            readable: Says whether a mention can be read again at all; others take no place.
        """
        incidents = self._incidents(now)
        self._held = {id: self._held.get(id, _Held()) for id in incidents}
        wanted: dict[str, datetime] = {}
        for id, incident in incidents.items():
            held = self._held[id]
            self._read(incident, held, now, readable)
            begun = incident.opened_at or incident.pending_at
            for mention in _best(held.ranks, MOST):
                wanted[mention] = max(begun, held.collected[mention], wanted.get(mention, begun))
        return wanted

    def _incidents(self, now: datetime) -> dict[str, Incident]:
        found = (*self._desk.incidents(active_only=True, limit=_INCIDENTS), *self._desk.incidents(limit=_INCIDENTS))
        return {each.id: each for each in found if each.active or _just_resolved(each, now)}

    def _read(self, incident: Incident, held: _Held, now: datetime, readable: Callable[[Mention], bool]) -> None:
        named = [id for id in _named(incident) if id not in held.ranks]
        found = {**self._search.get(named), **self._new(incident, held, now)}
        for mention in found.values():
            if not mention.flags & _NEVER and readable(mention):
                held.ranks[mention.id] = _rank(mention, mention.id in incident.story_ids)
                held.collected[mention.id] = mention.first_collected_at
        held.ranks = {id: held.ranks[id] for id in _best(held.ranks, _REMEMBERED)}
        held.collected = {id: held.collected[id] for id in held.ranks}
        held.read_at = now

    def _new(self, incident: Incident, held: _Held, now: datetime) -> dict[str, Mention]:
        """Return the incident's mentions that came since the last look, or all that matter on the first."""
        if incident.kind in _NAMING:
            return {}
        query = _query(incident, since=held.read_at - _OVERLAP if held.read_at else None)
        end = max(incident.resolved_at or now, incident.started_at) + timedelta(milliseconds=1)
        window = Window(start=incident.started_at, end=end)
        found: dict[str, Mention] = {}
        after: str | None = None
        while len(found) < _READ:
            page = self._search.search(query, now=now, window=window, limit=_PAGE, after=after)
            found.update({mention.id: mention for mention in page.mentions})
            after = page.next
            if after is None:
                break
        return found


def _just_resolved(incident: Incident, now: datetime) -> bool:
    return incident.resolved_at is not None and now - incident.resolved_at < AFTER


def _reason(incident: Incident) -> Mapping[str, Any]:
    try:
        reason = json.loads(incident.reason)
    except ValueError:
        return {}
    return reason if isinstance(reason, dict) else {}


def _named(incident: Incident) -> list[str]:
    """Return the mentions that an incident names itself: the first of each story, those that matched or trend."""
    told = _reason(incident).get("mentions", []) if incident.kind in _NAMING else []
    matched = [each for each in told if isinstance(each, str)] if isinstance(told, list) else []
    return list(dict.fromkeys((*incident.story_ids, *matched)))


def _query(incident: Incident, since: datetime | None) -> Node:
    """Return the query for an incident's mentions: its brand in the polarity that its rule watches, and its labels."""
    told = _reason(incident).get("on")
    parts: list[Node] = [_is(_FIELDS.get(told if isinstance(told, str) else "", "negative_for"), incident.brand)]
    parts += [_is(_LABELS[name], value) for name, value in incident.labels if name in _LABELS]
    parts.append(Not(child=Or(children=tuple(_is("flags", flag.value) for flag in sorted(_NEVER)))))
    if since is not None:
        parts.append(Range(field="indexed_at", operator=RangeOperator.GTE, value=to_rfc3339(since), quoted=True))
    return And(children=tuple(parts))


def _is(name: str, value: str) -> Node:
    return Term(field=name, value=value, quoted=True)


def _rank(mention: Mention, first: bool) -> _Rank:
    return first or mention.story_id == mention.id, _weight(mention)


def _weight(mention: Mention) -> int:
    """Return how much depends on a mention: people reached or following, and what they did with it.

    A share or a comment weighs a hundred readers, a like ten: our own choice, only the order matters.
    """
    counts: Engagement = mention.post.engagement
    acted = 100 * ((counts.shares or 0) + (counts.comments or 0)) + 10 * (
        (counts.likes or 0) + (counts.favourites or 0)
    )
    return (mention.reach or mention.post.author.followers or 0) + (counts.views or 0) + acted


def _best(ranks: Mapping[str, _Rank], number: int) -> Iterable[str]:
    return sorted(ranks, key=lambda id: (ranks[id], id), reverse=True)[:number]
