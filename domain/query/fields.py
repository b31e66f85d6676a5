"""The public fields of a mention, their types, and the nearest name for a typo."""

import difflib
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from domain.query.ast import And, Exists, Field, Near, Node, Not, Or, Pattern, Range, Term, Wildcard

__all__ = [
    "MENTION_FIELDS",
    "SEARCH_FIELDS",
    "FieldType",
    "matches_pattern",
    "nearest_field",
    "resolve_fields",
    "unknown_fields",
]


class FieldType(StrEnum):
    """How the values of a field are compared."""

    TEXT = "text"
    """By units: words, phrases, NEAR."""
    KEYWORD = "keyword"
    """As a whole, exactly, case and all."""
    NUMBER = "number"
    """As a number."""
    DATE = "date"
    """As a moment."""
    BOOLEAN = "boolean"
    """As true or false."""


SEARCH_FIELDS = ("title", "text")
"""Fields that a bare value searches."""

_TYPES: dict[FieldType, tuple[str, ...]] = {
    FieldType.TEXT: SEARCH_FIELDS,
    FieldType.KEYWORD: (
        "id",
        "kind",
        "platform",
        "source",
        "outlet",
        "outlet_tier",
        "url",
        "lang",
        "author.id",
        "author.name",
        "author.region",
        "published_precision",
        "brand",
        "sentiment",
        "negative_for",
        "neutral_for",
        "positive_for",
        "topics",
        "keywords",
        "risk",
        "story_id",
        "flags",
    ),
    FieldType.NUMBER: (
        "author.followers",
        "score",
        "p_negative",
        "confidence",
        "severity",
        "engagement.views",
        "engagement.likes",
        "engagement.comments",
        "engagement.shares",
        "engagement.favourites",
        "reach",
    ),
    FieldType.DATE: ("event_at", "published_at", "first_collected_at", "last_collected_at", "indexed_at"),
    FieldType.BOOLEAN: ("author.verified", "is_duplicate"),
}

MENTION_FIELDS: Mapping[str, FieldType] = MappingProxyType(
    {name: kind for kind, names in _TYPES.items() for name in names}
)
"""Every public field of a mention by its dotted name; names are case-sensitive."""


def resolve_fields(field: Field, fields: Mapping[str, FieldType] = MENTION_FIELDS) -> tuple[str, ...]:
    """Return the known fields that a field of the tree stands for.

    Args:
        field: a name, a pattern or None for a bare value.
        fields: the known fields by name.

    Returns:
        Known names in the order of `fields`; a bare value gives the SEARCH_FIELDS among
        them, or all fields if there is none; an unknown name gives ().
    """
    if field is None:
        return tuple(name for name in SEARCH_FIELDS if name in fields) or tuple(fields)
    if isinstance(field, Pattern):
        return tuple(name for name in fields if matches_pattern(field, name))
    return (field,) if field in fields else ()


def unknown_fields(node: Node, fields: Mapping[str, FieldType] = MENTION_FIELDS) -> tuple[str, ...]:
    """Return the field names of a query that match no known field, each once, as written."""
    found: dict[str, None] = {}
    waiting: list[Node] = [node]
    while waiting:
        current = waiting.pop()
        if isinstance(current, And | Or):
            waiting.extend(reversed(current.children))
        elif isinstance(current, Not):
            waiting.append(current.child)
        elif isinstance(current, Term | Wildcard | Exists | Range | Near) and not resolve_fields(current.field, fields):
            field = current.field
            found["*".join(field.parts) if isinstance(field, Pattern) else str(field)] = None
    return tuple(found)


def nearest_field(name: str, fields: Mapping[str, FieldType] = MENTION_FIELDS) -> str | None:
    """Return the known field most like an unknown name; None if none is like it."""
    lower = {known.lower(): known for known in fields}
    close = difflib.get_close_matches(name.lower()[:100], list(lower), n=1, cutoff=0.6)
    if close:
        return lower[close[0]]
    tails = [known for known in fields if known.rpartition(".")[2] == name.lower()]
    return tails[0] if tails else None


def matches_pattern(pattern: Pattern, text: str) -> bool:
    """Say whether a whole text fits a pattern; time is linear in the text per star."""
    first, last = pattern.parts[0], pattern.parts[-1]
    if len(pattern.parts) == 1:
        return text == first
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in pattern.parts[1:-1]:
        place = text.find(part, at, end)
        if place < 0:
            return False
        at = place + len(part)
    return True
