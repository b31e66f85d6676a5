"""Where the SQLite mention store keeps each public field."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from domain.document import PublicValue
from storage.mentions.cursor import to_ms

__all__ = ["COLUMNS", "LISTS", "MAX_INT", "Column", "ListField", "column_value"]

MAX_INT = 2**63 - 1
"""Largest whole number of a column; larger ones are cut to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of `mentions` that holds a single-valued public field."""

    name: str
    """Name in the table."""
    kind: str
    """Type in the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListField:
    """A public field with several values, and the rows that have one."""

    rows: str
    """SELECT of row numbers; `{test}` is a condition on `value`."""
    value: str
    """SQL of one value inside `rows`."""
    windowed: bool = False
    """Whether `rows` takes bounds on `event_ms` too."""


def _columns() -> dict[str, Column]:
    texts = "id kind platform source outlet outlet_tier url lang author.id author.name author.region".split()
    texts += "published_precision sentiment story_id".split()
    whole = "author.followers severity engagement.views engagement.likes engagement.comments".split()
    whole += "engagement.shares engagement.favourites reach".split()
    found = {name: Column(name=name.replace(".", "_"), kind="TEXT") for name in texts}
    found |= {name: Column(name=name.replace(".", "_"), kind="INTEGER") for name in whole}
    found |= {name: Column(name=name, kind="REAL") for name in ("score", "p_negative", "confidence")}
    found |= {name: Column(name=name.replace(".", "_"), kind="INTEGER") for name in ("author.verified", "is_duplicate")}
    found["event_at"] = Column(name="event_ms", kind="INTEGER NOT NULL")
    found["first_collected_at"] = Column(name="first_ms", kind="INTEGER NOT NULL")
    found["last_collected_at"] = Column(name="last_ms", kind="INTEGER NOT NULL")
    found["published_at"] = Column(name="published_ms", kind="INTEGER")
    found["indexed_at"] = Column(name="indexed_ms", kind="INTEGER")
    return found


COLUMNS: Mapping[str, Column] = MappingProxyType(_columns())
"""Single-valued public fields, all but title and text, by public name."""


def _tagged(polarity: int | None) -> ListField:
    also = "" if polarity is None else f" AND polarity = {polarity}"
    return ListField(rows=f"SELECT row FROM tagged WHERE {{test}}{also}", value="brand", windowed=True)


def _label(kind: str) -> ListField:
    return ListField(rows=f"SELECT row FROM labels WHERE kind = '{kind}' AND {{test}}", value="value")


LISTS: Mapping[str, ListField] = MappingProxyType(
    {
        "brand": _tagged(None),
        "negative_for": _tagged(0),
        "neutral_for": _tagged(1),
        "positive_for": _tagged(2),
        "topics": _label("topics"),
        "risk": _label("risk"),
        "keywords": _label("keywords"),
        "flags": _label("flags"),
    }
)
"""Public fields with several values, by public name."""


def column_value(value: PublicValue) -> object:
    """Return a public value as its column takes it."""
    if isinstance(value, datetime):
        return to_ms(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return max(-MAX_INT, min(MAX_INT, value))
    return value
