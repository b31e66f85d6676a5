"""The query language as conditions of SQL.

A condition is exact, or it lets through more than it should; then the caller tests what
comes back with the matcher in memory, which defines the meaning. So every store gives the
same answers, and SQL only makes them quick.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

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
    phrases_of,
    range_moment,
    read_number,
    resolve_fields,
    unit_patterns_of,
)
from storage.mentions.ask import ZONE
from storage.mentions.cursor import EPOCH
from storage.mentions.fields import COLUMNS, LISTS, MAX_INT

__all__ = ["Bounds", "Condition", "compile_where"]

_SQL_SIGN = {RangeOperator.LT: "<", RangeOperator.LTE: "<=", RangeOperator.GT: ">", RangeOperator.GTE: ">="}


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition on a row of `mentions` with the alias `m`."""

    sql: str
    """SQL with `?` for values."""
    values: tuple[object, ...] = ()
    """Values in order."""
    exact: bool = True
    """False = it may hold for rows that do not match."""
    match: str | None = None
    """The same as a full-text expression; None = it is none."""
    depth: int = 0
    """Levels of brackets; the parsers of SQL and of full-text expressions have short stacks."""
    drives: bool = False
    """Whether few rows satisfy it and SQL can list them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What is known of every row that is asked for."""

    first_row: int = 0
    """No smaller row number."""
    start_ms: int | None = None
    """No earlier event time; None = open."""
    end_ms: int | None = None
    """No event time from here on; None = open."""


_MAX_MATCH_DEPTH = 10
_MAX_DEPTH = 20

_ALL = Condition(sql="1")
_NONE = Condition(sql="0")
_UNKNOWN = Condition(sql="1", exact=False)


def compile_where(node: Node, *, now: datetime, bounds: Bounds) -> Condition:
    """Return the condition of a query whose values were already checked by the matcher."""
    return _finish(_Compiler(now, bounds).compile(node), bounds)


def _finish(condition: Condition, bounds: Bounds) -> Condition:
    """Turn a pure full-text expression into SQL."""
    if condition.match is None:
        return condition
    sql = "m.row IN (SELECT rowid FROM mention_fts WHERE mention_fts MATCH ? AND rowid >= ?)"
    values = (condition.match, bounds.first_row)
    return Condition(sql=sql, values=values, exact=condition.exact, drives=True)


class _Compiler:
    def __init__(self, now: datetime, bounds: Bounds) -> None:
        self._now = now
        self._bounds = bounds

    def compile(self, node: Node) -> Condition:
        match node:
            case MatchAll():
                return _ALL
            case And():
                return self._join("AND", [self.compile(child) for child in node.children])
            case Or():
                return self._join("OR", [self.compile(child) for child in node.children])
            case Not():
                inner = _finish(self.compile(node.child), self._bounds)
                return _deny(inner) if inner.exact else _UNKNOWN
            case Exists():
                return self._any([self._exists(name) for name in resolve_fields(node.field)])
            case _:
                return self._leaf(node)

    def _join(self, sign: str, parts: Sequence[Condition]) -> Condition:
        """Join by AND or OR; neighbours that are full-text expressions become one."""
        texts = [part for part in parts if part.match is not None and part.depth < _MAX_MATCH_DEPTH]
        others = [part for part in parts if part.match is None or part.depth >= _MAX_MATCH_DEPTH]
        if len(texts) > 1:
            joined = f" {sign} ".join(f"({part.match})" for part in texts)
            depth = 1 + max(part.depth for part in texts)
            texts = [Condition(sql="", match=joined, depth=depth, exact=all(part.exact for part in texts))]
        if not others and texts:
            return texts[0]
        return _tree(sign, [_finish(part, self._bounds) for part in [*texts, *others]])

    def _any(self, parts: Sequence[Condition]) -> Condition:
        if not parts:
            return _NONE
        return parts[0] if len(parts) == 1 else self._join("OR", parts)

    def _leaf(self, node: Term | Wildcard | Range | Near) -> Condition:
        if isinstance(node, Wildcard) and node.field is None and node.pattern.is_lonely:
            return _ALL
        names = resolve_fields(node.field)
        texts = [name for name in names if MENTION_FIELDS[name] is FieldType.TEXT]
        parts: list[Condition] = []
        if texts and not isinstance(node, Range):
            parts.append(_text_leaf(node, texts))
        for name in names:
            if name in texts or isinstance(node, Near):
                continue
            try:
                parts.append(self._field_leaf(node, name))
            except QueryError:
                continue  # a pattern of names skips the fields that the value does not fit
        return self._any(parts)

    def _field_leaf(self, node: Term | Wildcard | Range, name: str) -> Condition:
        match MENTION_FIELDS[name]:
            case FieldType.KEYWORD:
                return self._keyword(node, name)
            case FieldType.NUMBER:
                return _number(node, _column(name))
            case FieldType.DATE:
                return self._date(node, _column(name))
            case _:
                return _boolean(node, _column(name))

    def _keyword(self, node: Term | Wildcard | Range, name: str) -> Condition:
        if isinstance(node, Term):
            return self._value_test(name, "{} = ?", (node.value,), drives=True)
        if isinstance(node, Wildcard):
            return self._value_test(name, "{} GLOB ?", (_glob(node.pattern),))
        return self._value_test(name, f"{{}} {_SQL_SIGN[node.operator]} ?", (node.value,))

    def _value_test(self, name: str, test: str, values: tuple[object, ...], *, drives: bool = False) -> Condition:
        listed = LISTS.get(name)
        if listed is None:
            column = _column(name)
            return Condition(sql=f"({column} IS NOT NULL AND {test.format(column)})", values=values)
        condition = test.format(listed.value)
        if listed.windowed:
            for bound, sign in ((self._bounds.start_ms, ">="), (self._bounds.end_ms, "<")):
                if bound is not None:
                    condition += f" AND event_ms {sign} ?"
                    values = (*values, bound)
        else:
            condition += " AND row >= ?"
            values = (*values, self._bounds.first_row)
        return Condition(sql=f"m.row IN ({listed.rows.format(test=condition)})", values=values, drives=drives)

    def _exists(self, name: str) -> Condition:
        kind = MENTION_FIELDS[name]
        if kind is FieldType.TEXT:
            path = "$.post.title" if name == "title" else "$.post.text"
            sql = f"coalesce((SELECT json_extract(doc, '{path}') FROM docs WHERE docs.row = m.row), '') <> ''"
            return Condition(sql=f"({sql})")
        if kind is FieldType.KEYWORD:
            return self._value_test(name, "{} <> ''", ())
        return Condition(sql=f"({_column(name)} IS NOT NULL)")

    def _date(self, node: Term | Wildcard | Range, column: str) -> Condition:
        if isinstance(node, Wildcard):
            raise QueryError("a date takes no wildcard")
        if isinstance(node, Range):
            return self._date_range(node.operator, node.value, column)
        lower = self._date_range(RangeOperator.GTE, node.value, column)
        upper = self._date_range(RangeOperator.LTE, node.value, column)
        return _tree("AND", [lower, upper])

    def _date_range(self, operator: RangeOperator, text: str, column: str) -> Condition:
        micros = (range_moment(operator, text, now=self._now, zone=ZONE) - EPOCH) // timedelta(microseconds=1)
        up = operator in (RangeOperator.GTE, RangeOperator.LT)
        bound = -(-micros // 1000) if up else micros // 1000
        sql = f"({column} IS NOT NULL AND {column} {_SQL_SIGN[operator]} ?)"
        return Condition(sql=sql, values=(bound,))


def _column(name: str) -> str:
    return f"m.{COLUMNS[name].name}"


def _tree(sign: str, parts: Sequence[Condition]) -> Condition:
    """Join conditions as a balanced tree; too deep a one is left to the matcher."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    left, right = _tree(sign, parts[:middle]), _tree(sign, parts[middle:])
    depth = 1 + max(left.depth, right.depth)
    if depth > _MAX_DEPTH:
        return _UNKNOWN
    drives = left.drives or right.drives if sign == "AND" else left.drives and right.drives
    return Condition(
        sql=f"({left.sql} {sign} {right.sql})",
        values=left.values + right.values,
        exact=left.exact and right.exact,
        depth=depth,
        drives=drives,
    )


def _deny(inner: Condition) -> Condition:
    if inner.depth >= _MAX_DEPTH:
        return _UNKNOWN
    return Condition(sql=f"NOT {inner.sql}", values=inner.values, depth=inner.depth + 1)


def _number(node: Term | Wildcard | Range, column: str) -> Condition:
    bound = None if isinstance(node, Wildcard) else read_number(node.value)
    if bound is None:
        raise QueryError("no number")
    if isinstance(bound, int) and abs(bound) >= MAX_INT:
        return _UNKNOWN
    sign = _SQL_SIGN[node.operator] if isinstance(node, Range) else "="
    return Condition(sql=f"({column} IS NOT NULL AND {column} {sign} ?)", values=(bound,))


def _boolean(node: Term | Wildcard | Range, column: str) -> Condition:
    if not isinstance(node, Term) or node.value not in ("true", "false"):
        raise QueryError("neither true nor false")
    return Condition(sql=f"({column} IS {1 if node.value == 'true' else 0})")


def _glob(pattern: Pattern) -> str:
    escaped = ("".join(f"[{char}]" if char in "*?[" else char for char in part) for part in pattern.parts)
    return "*".join(escaped)


def _text_leaf(node: Term | Wildcard | Near, names: Sequence[str]) -> Condition:
    columns = "{" + " ".join(names) + "}"
    if isinstance(node, Near):
        return _near(node, names)
    if isinstance(node, Term):
        phrases = [_quote(phrase) for phrase in phrases_of(node)]
        return _match(columns, phrases, exact=True) if phrases else _NONE
    words: list[str] = []
    exact = True
    for patterns in unit_patterns_of(node.pattern):
        word, fits = _pattern_word(patterns)
        if word is None:
            return _UNKNOWN
        words.append(word)
        exact = exact and fits
    return _match(columns, words, exact=exact) if words else _NONE


def _match(columns: str, alternatives: Sequence[str], *, exact: bool) -> Condition:
    return Condition(sql="", match=f"{columns} : ({' OR '.join(alternatives)})", exact=exact)


def _near(node: Near, names: Sequence[str]) -> Condition:
    lefts, rights = phrases_of(node.left), phrases_of(node.right)
    if not lefts or not rights:
        return _NONE
    both = f"({_quote(lefts[0])} AND {_quote(rights[0])})"
    return Condition(sql="", match=" OR ".join(f"({name} : {both})" for name in names), exact=False)


def _pattern_word(patterns: Sequence[Pattern]) -> tuple[str | None, bool]:
    """Return the full-text expression of one word with stars, and whether it says all."""
    *before, last = patterns
    plain = all(len(pattern.parts) == 1 for pattern in before)
    units = tuple(pattern.parts[0] for pattern in before)
    if plain and len(last.parts) == 1:
        return _quote((*units, last.parts[0])), True
    if plain and len(last.parts) == 2 and last.parts[0] and not last.parts[1]:
        return f"{_quote((*units, last.parts[0]))} *", True
    known = [pattern.parts[0] for pattern in patterns if len(pattern.parts) == 1]
    if not known:
        return None, False
    return "(" + " AND ".join(_quote((unit,)) for unit in known) + ")", False


def _quote(phrase: Phrase) -> str:
    return '"' + " ".join(phrase) + '"'
