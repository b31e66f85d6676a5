"""Marks on the types of settings fields: what a value must be beyond its type.

Written as `visits: Annotated[int, Range(1, 64)] = 8`; the loader checks them, the JSON
schema shows them. Platform, channel and rule settings may carry them as well.
"""

from dataclasses import dataclass
from datetime import timedelta

__all__ = ["HostPort", "Identifier", "Query", "Range", "Url"]


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


@dataclass(frozen=True, slots=True)
class Identifier:
    """A name that other keys refer to: letters of any script, digits, `-`, `_`, `.`; at most 64."""

    lower: bool = False
    """Whether capital letters are refused."""
