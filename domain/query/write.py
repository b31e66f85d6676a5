"""Write a tree back as a query that reads as the same tree."""

import re

from domain.query.ast import And, Exists, Field, MatchAll, Near, Node, Not, Or, Pattern, Range, RangeOperator, Term
from domain.query.scan import BLANK, SPECIAL, trim

__all__ = ["to_kql"]

_SIGNS = {RangeOperator.LT: "<", RangeOperator.LTE: "<=", RangeOperator.GT: ">", RangeOperator.GTE: ">="}
_KEYWORD = re.compile(
    rf"(?<![^{BLANK}])(?:or|and)(?![^{BLANK}])|not(?![^{BLANK}])|(?<![^{BLANK}])near/(?=[0-9])",
    re.IGNORECASE | re.ASCII,
)
_CONTROL = {"\t": "\\t", "\r": "\\r", "\n": "\\n"}


def to_kql(node: Node) -> str:
    """Write a tree as a query.

    Args:
        node: a tree that `parse` can give; in others, unquoted values with blanks at their
            ends would lose them.

    Returns:
        A query on one line for which `parse(to_kql(node)) == node`.
    """
    match node:
        case MatchAll():
            return "*:*"
        case Or():
            return " or ".join(_within(child, Or) for child in node.children)
        case And():
            return " and ".join(_within(child, Or, And) for child in node.children)
        case Not():
            return f"not {_within(node.child, Or, And, Not)}"
        case Exists():
            return f"{_field(node.field)}*"
        case Range():
            bound = _quoted(node.value) if node.quoted else _stars(tuple(node.value.split("*")))
            return f"{_name(node.field)} {_SIGNS[node.operator]} {bound}"
        case Near():
            return f"{_field(node.field)}{_term(node.left)} NEAR/{node.distance} {_term(node.right)}"
        case Term():
            return f"{_field(node.field)}{_term(node)}"
        case _:
            return f"{_field(node.field)}{_stars(node.pattern.parts)}"


def _within(node: Node, *looser: type) -> str:
    return f"({to_kql(node)})" if isinstance(node, looser) else to_kql(node)


def _field(field: Field) -> str:
    return "" if field is None else f"{_name(field)}: "


def _name(field: str | Pattern) -> str:
    if isinstance(field, Pattern):
        return _stars(field.parts)
    return _escaped(field) if field and trim(field) == field else _quoted(field)


def _term(term: Term) -> str:
    return _quoted(term.value) if term.quoted else _stars((term.value,))


def _stars(parts: tuple[str, ...]) -> str:
    # A run cannot be empty: an escaped blank is trimmed away when it is read.
    return "*".join(_escaped(part) for part in parts) or "\\t"


def _quoted(text: str) -> str:
    return '"' + "".join(f"\\{char}" if char in '"\\' else _CONTROL.get(char, char) for char in text) + '"'


def _escaped(text: str) -> str:
    """Escape an unquoted run: special characters, control blanks, keywords."""
    keywords = {found.start() for found in _KEYWORD.finditer(text)}
    pieces: list[str] = []
    for index, char in enumerate(text):
        if index in keywords:
            pieces.append(f"\\u{ord(char):04x}")
        elif char in SPECIAL:
            pieces.append(f"\\{char}")
        else:
            pieces.append(_CONTROL.get(char, char))
    return "".join(pieces)
