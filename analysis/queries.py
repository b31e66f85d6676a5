"""Many queries over one text, most of them ruled out in a single pass.

A query can only hold where one of its wanted phrases stands. All such phrases are looked
for at once; only queries with a hit are evaluated.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ahocorasick_rs import AhoCorasick, Implementation

from domain.query import And, Document, Matcher, Near, Node, Or, Term, compile_matcher, parse, phrases_of
from domain.units import split_units

__all__ = ["QuerySet", "unit_line"]

_TEXT_FIELDS = frozenset({None, "text", "title"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Query:
    name: str
    node: Node
    matches: Matcher


def unit_line(text: str) -> str:
    """Return the units of a text between blanks, in which `QuerySet` looks for phrases."""
    return f" {' '.join(split_units(text))} "


class QuerySet:
    """Named queries, evaluated together."""

    def __init__(self, queries: Mapping[str, str]) -> None:
        """Compile queries by name.

        Raises:
            domain.query.QueryError: a query cannot be read or evaluated.
        """
        self._queries: list[_Query] = []
        self._always: set[int] = set()
        wanted: dict[str, set[int]] = {}
        for number, name in enumerate(sorted(queries)):
            node = parse(queries[name])
            self._queries.append(_Query(name=name, node=node, matches=compile_matcher(node)))
            phrases = needed_phrases(node)
            if phrases is None:
                self._always.add(number)
            for phrase in phrases or ():
                wanted.setdefault(phrase, set()).add(number)
        self._by_phrase = tuple(wanted.values())
        self._automaton = AhoCorasick(list(wanted), implementation=Implementation.ContiguousNFA)

    def node(self, name: str) -> Node:
        """Return the tree of a query; `KeyError` for an unknown name."""
        return next(query.node for query in self._queries if query.name == name)

    def matching(self, line: str, document: Callable[[], Document]) -> list[str]:
        """Return the names of the queries that hold, sorted.

        Args:
            line: `unit_line` of a text that holds every text field of the document.
            document: makes the document; called only if some query may hold.
        """
        places = self._automaton.find_matches_as_indexes(line, overlapping=True)
        numbers = self._always.union(*(self._by_phrase[place[0]] for place in places))
        if not numbers:
            return []
        fields = document()
        return [self._queries[number].name for number in sorted(numbers) if self._queries[number].matches(fields)]


def needed_phrases(node: Node) -> frozenset[str] | None:
    """Return phrases, between blanks, of which a match holds at least one; None = unknown."""
    if isinstance(node, Term):
        if node.field not in _TEXT_FIELDS:
            return None
        return frozenset(f" {' '.join(phrase)} " for phrase in phrases_of(node))
    if isinstance(node, Near):
        return needed_phrases(node.left)
    if isinstance(node, Or):
        return _union([needed_phrases(child) for child in node.children])
    if isinstance(node, And):
        known = [phrases for child in node.children if (phrases := needed_phrases(child)) is not None]
        return min(known, key=len) if known else None
    return None


def _union(parts: Sequence[frozenset[str] | None]) -> frozenset[str] | None:
    union: set[str] = set()
    for part in parts:
        if part is None:
            return None
        union |= part
    return frozenset(union)
