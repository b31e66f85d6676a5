"""Marks on the types of settings fields: what a value must be beyond its type.

Written as `visits: Annotated[int, Range(1, 64)] = 8`; the loader checks them, the JSON
schema shows them. Platform, channel and rule settings may carry them as well.
"""

from dataclasses import dataclass
from datetime import timedelta

__all__ = ["LABELS", "HostPort", "Identifier", "Query", "Range", "Url"]

LABELS = ("rule", "kind", "brand", "severity", "topic", "risk", "story", "platform", "source", "trend")
"""Labels of an incident, which routes and silences may ask for."""


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds of a number or a duration, both included."""

    low: float | timedelta | None = None
    """Least value; None = no bound."""
    high: float | timedelta | None = None
    """Greatest value; None = no bound."""


@dataclass(frozen=True, slots=True)
class Url:
    """An absolute address with a host."""

    schemes: tuple[str, ...] = ("http", "https")
    """Schemes that are taken."""


@dataclass(frozen=True, slots=True)
class HostPort:
    """An exact `host:port` pair, port 1 to 65,535."""


@dataclass(frozen=True, slots=True)
class Query:
    """A text in the query language; empty is taken as everything."""

    labels: bool = False
    """Whether it asks for the labels of an incident instead of the fields of a mention."""


@dataclass(frozen=True, slots=True)
class Identifier:
    """A name that other keys refer to: letters of any script, digits, `-`, `_`, `.`; at most 64."""

    lower: bool = False
    """Whether capital letters are refused."""
