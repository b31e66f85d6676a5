"""Match a query against documents in memory.

A document maps public field names to values: text, number, boolean, aware datetime (or
RFC 3339 text), a tuple of them, or None. The meaning, by field type:

- bare value: in `title` or `text`, a whole phrase in one of them;
- text: see `phrase`; keyword: the whole value exactly, `*` stands for any characters;
  number, date, boolean: by value; of a list any element counts;
- `not` holds where its clause does not, so also for a missing field;
- a field that is not known holds nothing.
"""

import operator
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from domain.errors import DomainError
from domain.moment import from_rfc3339, require_utc
from domain.query.ast import And, Exists, MatchAll, Near, Node, Not, Or, Range, RangeOperator, Term, Wildcard
from domain.query.bounds import range_moment, read_date, read_number, uses_now
from domain.query.errors import QueryError
from domain.query.fields import MENTION_FIELDS, FieldType, matches_pattern, resolve_fields
from domain.query.phrase import phrases_of, unit_patterns_of
from domain.query.place import line_of, near_places, needle_of, pattern_places, phrase_places

__all__ = ["Document", "Matcher", "compile_matcher"]

Document = Mapping[str, object]
"""Public field names to values."""
Matcher = Callable[[Document], bool]
"""Says whether a document matches."""
_Test = Callable[[object], bool]
"""Says whether one value of one field fits; never given None."""

_COMPARE: Mapping[RangeOperator, Callable[[Any, Any], bool]] = {
    RangeOperator.LT: operator.lt,
    RangeOperator.LTE: operator.le,
    RangeOperator.GT: operator.gt,
    RangeOperator.GTE: operator.ge,
}
_BOOLEANS = {"true": True, "false": False}


def compile_matcher(
    node: Node,
    *,
    fields: Mapping[str, FieldType] = MENTION_FIELDS,
    now: datetime | Callable[[], datetime] | None = None,
    zone: tzinfo = UTC,
) -> Matcher:
    """Compile a tree into a test of documents.

    Args:
        node: the tree.
        fields: known fields by name; the labels of an incident have their own.
        now: the present for `now` in dates: a moment, or a clock asked for each document.
        zone: zone of dates without an offset, and of rounding (`now/d`).

    Returns:
        A pure function (but for the clock); thread-safe. Values of a wrong type never
        match, they raise nothing.

    Raises:
        QueryError: a value that the type of its named field cannot have, such as
            `author.followers: many`, or `now` in a date while `now` is None.
    """
    return _Compiler(fields, now, zone).compile(node)


class _Compiler:
    def __init__(
        self, fields: Mapping[str, FieldType], now: datetime | Callable[[], datetime] | None, zone: tzinfo
    ) -> None:
        self._fields = fields
        self._now = now
        self._zone = zone

    def compile(self, node: Node) -> Matcher:
        match node:
            case MatchAll():
                return _everything
            case And():
                return _all_of([self.compile(child) for child in node.children])
            case Or():
                return _any_of([self.compile(child) for child in node.children])
            case Not():
                return _none_of(self.compile(node.child))
            case Exists():
                return _any_field((name, _is_filled) for name in resolve_fields(node.field, self._fields))
            case _:
                return self._leaf(node)

    def _leaf(self, node: Term | Wildcard | Range | Near) -> Matcher:
        if isinstance(node, Wildcard) and node.field is None and node.pattern.is_lonely:
            return _everything
        tests: list[tuple[str, _Test]] = []
        for name in resolve_fields(node.field, self._fields):
            try:
                tests.append((name, self._test(node, self._fields[name])))
            except _UnfitError as err:
                if isinstance(node.field, str):
                    raise QueryError(f"{name}: {err}") from err
        return _any_field(tests)

    def _test(self, node: Term | Wildcard | Range | Near, kind: FieldType) -> _Test:
        if isinstance(node, Near):
            return _near_test(node, kind)
        if isinstance(node, Wildcard):
            return _wildcard_test(node, kind)
        if isinstance(node, Range):
            return self._range_test(node, kind)
        return self._term_test(node, kind)

    def _term_test(self, node: Term, kind: FieldType) -> _Test:
        match kind:
            case FieldType.TEXT:
                return _phrase_test(node)
            case FieldType.KEYWORD:
                return lambda value: value == node.value
            case FieldType.NUMBER:
                return _number_test(operator.eq, node.value)
            case FieldType.BOOLEAN:
                return _boolean_test(node.value)
            case FieldType.DATE:
                lower = self._date_test(RangeOperator.GTE, node.value)
                upper = self._date_test(RangeOperator.LTE, node.value)
                return lambda value: lower(value) and upper(value)

    def _range_test(self, node: Range, kind: FieldType) -> _Test:
        compare = _COMPARE[node.operator]
        match kind:
            case FieldType.NUMBER:
                return _number_test(compare, node.value)
            case FieldType.DATE:
                return self._date_test(node.operator, node.value)
            case FieldType.KEYWORD:
                return lambda value: isinstance(value, str) and compare(value, node.value)
            case FieldType.TEXT | FieldType.BOOLEAN:
                raise _UnfitError(f"a {kind} field has no order, so < and > do not fit")

    def _date_test(self, comparison: RangeOperator, text: str) -> _Test:
        compare, zone, now = _COMPARE[comparison], self._zone, self._now
        if uses_now(text) and callable(now):
            clock = now
            _fit(lambda: read_date(text, last=False, now=datetime(2000, 1, 1, tzinfo=UTC), zone=zone))

            def fits_present(value: object) -> bool:
                moment = _moment(value)
                return moment is not None and compare(moment, range_moment(comparison, text, now=clock(), zone=zone))

            return fits_present
        fixed = None if callable(now) else now
        bound = _fit(lambda: range_moment(comparison, text, now=fixed, zone=zone))

        def fits(value: object) -> bool:
            moment = _moment(value)
            return moment is not None and compare(moment, bound)

        return fits


class _UnfitError(QueryError):
    """A value that the type of a field cannot have."""


def _fit(read: Callable[[], datetime]) -> datetime:
    try:
        return read()
    except QueryError as err:
        raise _UnfitError(str(err)) from err


def _phrase_test(node: Term) -> _Test:
    needles = [needle_of(phrase) for phrase in phrases_of(node)]

    def fits(value: object) -> bool:
        if not isinstance(value, str):
            return False
        line = line_of(value)
        return any(needle in line for needle in needles)

    return fits


def _near_test(node: Near, kind: FieldType) -> _Test:
    if kind is not FieldType.TEXT:
        raise _UnfitError(f"NEAR needs a text field, and this is a {kind} field")
    lefts, rights = phrases_of(node.left), phrases_of(node.right)
    if not lefts or not rights:
        return lambda value: False
    left, right = lefts[0], rights[0]
    left_needle, right_needle, distance = needle_of(left), needle_of(right), node.distance

    def fits(value: object) -> bool:
        if not isinstance(value, str):
            return False
        line = line_of(value)
        if left_needle not in line or right_needle not in line:
            return False
        return bool(near_places(phrase_places(line, left), phrase_places(line, right), distance))

    return fits


def _wildcard_test(node: Wildcard, kind: FieldType) -> _Test:
    pattern = node.pattern
    if kind is FieldType.KEYWORD:
        return lambda value: isinstance(value, str) and matches_pattern(pattern, value)
    if kind is not FieldType.TEXT:
        raise _UnfitError(f"a {kind} field takes no wildcard but * alone")
    words = unit_patterns_of(pattern)

    def fits(value: object) -> bool:
        if not isinstance(value, str):
            return False
        line = line_of(value)
        return any(pattern_places(line, word) for word in words)

    return fits


def _number_test(compare: Callable[[Any, Any], bool], text: str) -> _Test:
    bound = read_number(text)
    if bound is None:
        raise _UnfitError(f"{text[:40]!r} is no number")
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and compare(value, bound)


def _boolean_test(text: str) -> _Test:
    wanted = _BOOLEANS.get(text)
    if wanted is None:
        raise _UnfitError(f"{text[:40]!r} is neither true nor false")
    return lambda value: value is wanted


def _moment(value: object) -> datetime | None:
    """Return a value as a moment in UTC; None if it is none."""
    try:
        if isinstance(value, datetime):
            return require_utc(value)
        return from_rfc3339(value) if isinstance(value, str) else None
    except DomainError:
        return None


def _is_filled(value: object) -> bool:
    return value != ""


def _everything(document: Document) -> bool:
    return True


def _any_field(tests: Iterable[tuple[str, _Test]]) -> Matcher:
    pairs = tuple(tests)

    def matches(document: Document) -> bool:
        for name, test in pairs:
            value = document.get(name)
            if value is None:
                continue
            if not isinstance(value, tuple | list):
                if test(value):
                    return True
            elif any(test(element) for element in value if element is not None):
                return True
        return False

    return matches


def _all_of(matchers: list[Matcher]) -> Matcher:
    def matches(document: Document) -> bool:
        for matcher in matchers:
            if not matcher(document):
                return False
        return True

    return matches


def _any_of(matchers: list[Matcher]) -> Matcher:
    def matches(document: Document) -> bool:
        for matcher in matchers:
            if matcher(document):
                return True
        return False

    return matches


def _none_of(matcher: Matcher) -> Matcher:
    return lambda document: not matcher(document)
