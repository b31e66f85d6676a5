"""The query language as Query DSL of Elasticsearch, in two readings.

`kibana_query` gives what Kibana's own code gives for KQL: for Discover, panels and links.
`compile_query` gives what the product means: text by units, keywords as a whole. Its result
is exact, or lets through more than it should; then the caller tests what comes back with
the matcher in memory, which defines the meaning. So every store gives the same answers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from domain.query import (
    MENTION_FIELDS,
    And,
    Exists,
    FieldType,
    MatchAll,
    Near,
    Node,
    Not,
    Or,
    Pattern,
    Phrase,
    QueryError,
    Range,
    RangeOperator,
    Term,
    Wildcard,
    matches_pattern,
    phrases_of,
    range_moment,
    read_number,
    resolve_fields,
    unit_patterns_of,
)
from storage.mentions.ask import ZONE
from storage.mentions.cursor import EPOCH
from storage.mentions.fields import MAX_INT

__all__ = ["KIBANA_FIELDS", "Clause", "Dsl", "compile_query", "kibana_query"]

Dsl = dict[str, Any]
"""A query as JSON-ready object."""

KIBANA_FIELDS: Mapping[str, str] = {name: kind.value for name, kind in MENTION_FIELDS.items()}
"""Public fields by the kind that Kibana's code looks at; only text and keyword matter to it."""

_CONSTANTS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None}


def kibana_query(node: Node, fields: Mapping[str, str] = KIBANA_FIELDS, *, zone: str | None = None) -> Dsl:
    """Return the Query DSL that Kibana makes of a query.

    Args:
        node: tree of `parse(query, near=False)`.
        fields: kind (text, keyword, long, date, boolean …) of the fields of the data view.
        zone: time zone that Kibana's settings add to ranges of dates; None = none.

    Raises:
        QueryError: the tree has a NEAR, which Kibana does not know.
    """
    return _Kibana(fields, zone).compile(node)


class _Kibana:
    def __init__(self, fields: Mapping[str, str], zone: str | None) -> None:
        self._fields = fields
        self._zone = zone

    def compile(self, node: Node) -> Dsl:
        match node:
            case MatchAll():
                return {"match_all": {}}
            case And():
                return {"bool": {"filter": [self.compile(child) for child in node.children]}}
            case Or():
                return _any_of([self.compile(child) for child in node.children])
            case Not():
                return {"bool": {"must_not": self.compile(node.child)}}
            case Term(field=None):
                kind = "phrase" if node.quoted else "best_fields"
                return {"multi_match": {"type": kind, "query": node.value, "lenient": True}}
            case Wildcard(field=None):
                return {"query_string": {"query": "*".join(node.pattern.parts)}}
            case Near():
                raise QueryError("Kibana knows no NEAR; write the words with and")
            case _:
                return _any_of([self._field(node, name) for name in self._names(node.field)])

    def _names(self, field: str | Pattern | None) -> list[str]:
        if isinstance(field, Pattern):
            return [name for name in self._fields if matches_pattern(field, name)]
        return [str(field)]

    def _field(self, node: Term | Wildcard | Exists | Range, name: str) -> Dsl:
        keyword = self._fields.get(name) == "keyword"
        match node:
            case Exists():
                return {"exists": {"field": name}}
            case Range():
                bound: dict[str, Any] = {node.operator.value: node.value}
                if self._zone is not None and self._fields.get(name) == "date":
                    bound["time_zone"] = self._zone
                return {"range": {name: bound}}
            case Wildcard():
                value = "*".join(node.pattern.parts)
                return {"wildcard": {name: {"value": value}}} if keyword else _query_string(name, value)
            case Term():
                if keyword:
                    return {"term": {name: {"value": node.value}}}
                if node.quoted:
                    return {"match_phrase": {name: node.value}}
                return {"match": {name: _CONSTANTS.get(node.value, node.value)}}


def _query_string(name: str, value: str) -> Dsl:
    return {"query_string": {"fields": [name], "query": value}}


def _any_of(clauses: list[Dsl]) -> Dsl:
    return {"bool": {"should": clauses, "minimum_should_match": 1}}


# --- our own meaning -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """A query of the product."""

    query: Dsl
    """Query DSL; scores mean nothing."""
    exact: bool = True
    """False = it may let through documents that do not match."""
    depth: int = 0
    """Levels of `bool`; Elasticsearch takes 30."""
    size: int = 1
    """Leaves; Elasticsearch takes about a thousand."""


_MAX_DEPTH = 20
_MAX_LEAVES = 800
_MAX_TERM_CHARS = 8_191
_ALL = Clause(query={"match_all": {}})
_NONE = Clause(query={"match_none": {}})
_UNKNOWN = Clause(query={"match_all": {}}, exact=False)
_UNITS = {"title": "inner.title", "text": "inner.text"}


def compile_query(node: Node, *, now: datetime) -> Clause:
    """Return the query whose values were already checked by the matcher."""
    return _Compiler(now).compile(node)


class _Compiler:
    def __init__(self, now: datetime) -> None:
        self._now = now

    def compile(self, node: Node) -> Clause:
        match node:
            case MatchAll():
                return _ALL
            case And():
                return _all([self.compile(child) for child in node.children])
            case Or():
                return _any([self.compile(child) for child in node.children])
            case Not():
                return _deny(self.compile(node.child))
            case Exists():
                return _any([_exists(name) for name in resolve_fields(node.field)])
            case _:
                return self._leaf(node)

    def _leaf(self, node: Term | Wildcard | Range | Near) -> Clause:
        if isinstance(node, Wildcard) and node.field is None and node.pattern.is_lonely:
            return _ALL
        parts: list[Clause] = []
        for name in resolve_fields(node.field):
            try:
                parts.append(self._field(node, name))
            except QueryError:
                continue  # a pattern of names skips the fields that the value does not fit
        return _any(parts)

    def _field(self, node: Term | Wildcard | Range | Near, name: str) -> Clause:
        match MENTION_FIELDS[name]:
            case FieldType.TEXT:
                return _text(node, _UNITS[name])
            case FieldType.KEYWORD:
                return _keyword(node, name)
            case FieldType.NUMBER:
                return _number(node, name)
            case FieldType.DATE:
                return self._date(node, name)
            case _:
                return _boolean(node, name)

    def _date(self, node: Term | Wildcard | Range | Near, name: str) -> Clause:
        if isinstance(node, Wildcard | Near):
            raise QueryError("a date takes no wildcard and no NEAR")
        if isinstance(node, Range):
            bounds = self._bound(node.operator, node.value)
        else:
            bounds = self._bound(RangeOperator.GTE, node.value) | self._bound(RangeOperator.LTE, node.value)
        return _leaf({"range": {name: {**bounds, "format": "epoch_millis"}}})

    def _bound(self, operator: RangeOperator, text: str) -> dict[str, int]:
        micros = (range_moment(operator, text, now=self._now, zone=ZONE) - EPOCH) // timedelta(microseconds=1)
        up = operator in (RangeOperator.GTE, RangeOperator.LT)
        return {operator.value: -(-micros // 1000) if up else micros // 1000}


def _leaf(query: Dsl) -> Clause:
    return Clause(query=query)


def _all(parts: Sequence[Clause]) -> Clause:
    exact = all(part.exact for part in parts)
    if any(part is _NONE for part in parts):
        return _NONE
    told = [part for part in parts if "match_all" not in part.query]
    if not told:
        return _ALL if exact else _UNKNOWN
    if len(told) == 1:
        return Clause(query=told[0].query, exact=exact, depth=told[0].depth, size=told[0].size)
    return _bounded("filter", told, exact=exact)


def _any(parts: Sequence[Clause]) -> Clause:
    told = [part for part in parts if part is not _NONE]
    if not told:
        return _NONE
    for part in told:
        if "match_all" in part.query:
            return _ALL if any(each is _ALL for each in told) else _UNKNOWN
    told = _grouped(told)
    if len(told) == 1:
        return told[0]
    return _bounded("should", told, exact=all(part.exact for part in told))


def _grouped(parts: Sequence[Clause]) -> list[Clause]:
    """Join single values of one field into one list of values."""
    values: dict[str, dict[Any, None]] = {}
    others: list[Clause] = []
    for part in parts:
        kind = next(iter(part.query))
        if kind not in ("term", "terms") or not part.exact:
            others.append(part)
            continue
        ((name, value),) = part.query[kind].items()
        values.setdefault(name, {}).update(dict.fromkeys(value if kind == "terms" else [value]))
    for name, found in values.items():
        one = {"term": {name: next(iter(found))}} if len(found) == 1 else {"terms": {name: list(found)}}
        others.append(_leaf(one))
    return others


def _bounded(kind: str, parts: Sequence[Clause], *, exact: bool) -> Clause:
    """Join under one `bool`; what would be too deep or too long for the engine is left to the matcher."""
    depth, size = 1 + max(part.depth for part in parts), sum(part.size for part in parts)
    if depth > _MAX_DEPTH or size > _MAX_LEAVES:
        return _UNKNOWN
    bare = [part.query for part in parts]
    query: Dsl = {"bool": {kind: bare}} if kind == "filter" else _any_of(bare)
    return Clause(query=query, exact=exact, depth=depth, size=size)


def _deny(inner: Clause) -> Clause:
    if not inner.exact or inner.depth >= _MAX_DEPTH:
        return _UNKNOWN
    if inner is _NONE:
        return _ALL
    if inner is _ALL:
        return _NONE
    return Clause(query={"bool": {"must_not": [inner.query]}}, depth=inner.depth + 1, size=inner.size)


def _exists(name: str) -> Clause:
    match MENTION_FIELDS[name]:
        case FieldType.TEXT:
            return _leaf({"term": {"inner.filled": name}})
        case FieldType.KEYWORD:
            return _leaf({"range": {name: {"gt": ""}}})
        case _:
            return _leaf({"exists": {"field": name}})


def _keyword(node: Term | Wildcard | Range | Near, name: str) -> Clause:
    match node:
        case Term():
            return _leaf({"term": {name: node.value}}) if len(node.value) <= _MAX_TERM_CHARS else _UNKNOWN
        case Wildcard():
            return _leaf({"wildcard": {name: {"value": _stars(node.pattern)}}})
        case Range():
            return _leaf({"range": {name: {node.operator.value: node.value}}})
        case _:
            raise QueryError("NEAR needs a text field")


def _number(node: Term | Wildcard | Range | Near, name: str) -> Clause:
    bound = read_number(node.value) if isinstance(node, Term | Range) else None
    if bound is None:
        raise QueryError("no number")
    if abs(bound) >= MAX_INT:
        return _UNKNOWN
    operator = node.operator if isinstance(node, Range) else None
    if name in ("score", "p_negative", "confidence"):
        value: int | float = float(bound) + 0.0
    elif bound == int(bound):
        value = int(bound)
    else:  # a fraction lies between two whole numbers
        below = operator in (RangeOperator.LT, RangeOperator.LTE)
        if operator is None:
            return _NONE
        value, operator = int(bound // 1), RangeOperator.LTE if below else RangeOperator.GT
    return _leaf({"term": {name: value}} if operator is None else {"range": {name: {operator.value: value}}})


def _boolean(node: Term | Wildcard | Range | Near, name: str) -> Clause:
    if not isinstance(node, Term) or node.value not in ("true", "false"):
        raise QueryError("neither true nor false")
    return _leaf({"term": {name: node.value == "true"}})


def _text(node: Term | Wildcard | Range | Near, units: str) -> Clause:
    match node:
        case Term():
            return _any([_phrase(units, phrase) for phrase in phrases_of(node)])
        case Wildcard():
            return _any([_word(units, patterns) for patterns in unit_patterns_of(node.pattern)])
        case Near():
            lefts, rights = phrases_of(node.left), phrases_of(node.right)
            if not lefts or not rights:
                return _NONE
            both = _all([_phrase(units, lefts[0]), _phrase(units, rights[0])])
            return Clause(query=both.query, exact=False, depth=both.depth, size=both.size)
        case _:
            raise QueryError("a text field has no order")


def _phrase(units: str, phrase: Phrase) -> Clause:
    if len(phrase) == 1:
        return _leaf({"term": {units: phrase[0]}})
    return _leaf({"match_phrase": {units: " ".join(phrase)}})


def _word(units: str, patterns: Sequence[Pattern]) -> Clause:
    if all(len(pattern.parts) == 1 for pattern in patterns):
        return _phrase(units, tuple(pattern.parts[0] for pattern in patterns))
    told = _all([_unit(units, pattern) for pattern in patterns])
    return Clause(query=told.query, exact=len(patterns) == 1, depth=told.depth, size=told.size)


def _unit(units: str, pattern: Pattern) -> Clause:
    if len(pattern.parts) == 1:
        return _leaf({"term": {units: pattern.parts[0]}})
    value = "?*" if pattern.is_lonely else _stars(pattern)
    return _leaf({"wildcard": {units: {"value": value}}})


def _stars(pattern: Pattern) -> str:
    def escaped(part: str) -> str:
        return "".join(f"\\{char}" if char in "\\*?" else char for char in part)

    return "*".join(escaped(part) for part in pattern.parts)
