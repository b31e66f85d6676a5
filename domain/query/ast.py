"""The syntax tree of the query language, shared by its three interpreters.

The tree keeps what was written: quoting, wildcards, literal strings and the order of
clauses. A field is a plain name (`str`), a `Pattern` for a name with `*`, or None for a
bare value, which searches `title` and `text`. `fields.resolve_fields` turns any of them
into known fields.
"""

from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "And",
    "Exists",
    "Field",
    "MatchAll",
    "Near",
    "Node",
    "Not",
    "Or",
    "Pattern",
    "Range",
    "RangeOperator",
    "Term",
    "Wildcard",
]


class RangeOperator(StrEnum):
    """A comparison; the value is Elasticsearch's name of the bound."""

    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A text with wildcards."""

    parts: tuple[str, ...]
    """Literal pieces between the stars, in order, length = stars + 1; `a*` is ("a", "")."""

    @property
    def is_lonely(self) -> bool:
        """Whether the pattern is one star and nothing else."""
        return self.parts == ("", "")


Field = str | Pattern | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchAll:
    """Every document: the empty query, or `*:*`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class And:
    """All clauses hold."""

    children: tuple["Node", ...]
    """Clauses as written, two or more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Or:
    """At least one clause holds."""

    children: tuple["Node", ...]
    """Clauses as written, two or more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    """The clause does not hold; true for a document without the field."""

    child: "Node"
    """The denied clause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A value in a field.

    Text fields: `quoted` = one phrase; unquoted = any of the words, each a phrase of its
    units (`phrase.phrases_of`). Keyword fields: the whole value, exactly. Numbers, dates
    and booleans: the value read as such.
    """

    field: Field
    """Where; None = title and text."""
    value: str
    """What, unescaped, trimmed unless quoted. Unquoted `true`, `false`, `null` stay text."""
    quoted: bool
    """Whether it stood in double quotes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wildcard:
    """An unquoted value with at least one star; `field:*` is `Exists` instead."""

    field: Field
    """Where; None = title and text."""
    pattern: Pattern
    """What; the pieces are unescaped, the whole is trimmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exists:
    """The field has a value: not None, not an empty list, not an empty text."""

    field: str | Pattern
    """Which field; a pattern holds if any field that fits it has a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A field compared with a bound."""

    field: str | Pattern
    """Which field."""
    operator: RangeOperator
    """The comparison: field <operator> value."""
    value: str
    """Number, RFC 3339 date or date math such as `now-24h`, still as text."""
    quoted: bool
    """Whether the bound stood in double quotes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """Two phrases in the same field with at most `distance` units between, either order.

    Phrases that overlap have zero units between them.
    """

    left: Term
    """First phrase as written."""
    right: Term
    """Second phrase; its field equals that of `left`."""
    distance: int
    """Most units between the end of one and the start of the other, 0 to MAX_NEAR."""

    @property
    def field(self) -> Field:
        """The common field; None = title or text, both phrases in the same one."""
        return self.left.field


Node = MatchAll | And | Or | Not | Term | Wildcard | Exists | Range | Near
