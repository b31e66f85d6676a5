"""Read a query: Kibana's KQL grammar plus `a NEAR/n b`, by recursive descent.

Precedence, from loose to tight: `or`, `and`, `not`, `NEAR/n`, then `( … )`,
`field:{ … }`, `field <= value`, `field: value`, `field:(values)` and a bare value.
`field:{ name: x }` is read as `field.name: x`, because mentions are flat. `NEAR/n` takes
one word or one quoted phrase on each side, or a list in parentheses joined by `or`.
Kibana reads an unquoted field called `null` as no field; here it is a name like others.
"""

import re

from domain.query.ast import (
    And,
    Exists,
    Field,
    MatchAll,
    Near,
    Node,
    Not,
    Or,
    Pattern,
    Range,
    RangeOperator,
    Term,
    Wildcard,
)
from domain.query.errors import Problem, QuerySyntaxError
from domain.query.scan import AND, NEAR, NOT, OR, Literal, read_literal, skip_blanks

__all__ = ["MAX_DEPTH", "MAX_NEAR", "MAX_NEAR_PAIRS", "MAX_QUERY_CHARS", "parse"]

MAX_DEPTH = 100
"""Most levels of parentheses, and of the tree."""
MAX_QUERY_CHARS = 65_536
"""Longest query, in characters."""
MAX_NEAR = 1_000
"""Largest n of `NEAR/n`, in units."""
MAX_NEAR_PAIRS = 200
"""Most pairs that one `NEAR/n` between two lists may stand for."""

_OPERATORS = (
    ("<=", RangeOperator.LTE),
    (">=", RangeOperator.GTE),
    ("<", RangeOperator.LT),
    (">", RangeOperator.GT),
)
_QUOTE_HINT = 'Put the text in double quotes, or write a backslash before each of \\ ( ) : < > " * { }.'
_NEAR_HINT = 'Write two words or quoted phrases: 云杉 NEAR/10 咖啡, or text: "冰 美式" NEAR/5 (涨价 or 降价).'


def parse(query: str, *, near: bool = True) -> Node:
    """Read a query into its tree.

    Args:
        query: the text; blanks alone or nothing give `MatchAll`.
        near: whether `NEAR/n` is an operator; False reads exactly Kibana's language.

    Returns:
        The tree, at most MAX_DEPTH deep.

    Raises:
        QuerySyntaxError: the text breaks the grammar, is longer than MAX_QUERY_CHARS or
            nested deeper than MAX_DEPTH.
    """
    return _Parser(query, near).read()


class _Parser:
    """The state of one reading: the text, the place in it, open levels and paths."""

    def __init__(self, query: str, near: bool) -> None:
        self._text = query
        self._near = near
        self._at = 0
        self._level = 0
        self._path: tuple[str, ...] = ()

    def read(self) -> Node:
        if len(self._text) > MAX_QUERY_CHARS:
            raise self._error(
                Problem.TOO_LONG, f"more than {MAX_QUERY_CHARS} characters", at=MAX_QUERY_CHARS, hint="Split the query."
            )
        self._skip()
        if self._at == len(self._text):
            return MatchAll()
        node = self._or()
        self._skip()
        if self._at < len(self._text):
            raise self._unexpected()
        if _depth(node) > MAX_DEPTH:
            raise self._too_deep(0)
        return node

    def _or(self) -> Node:
        children = [self._and()]
        while self._take(OR):
            children.append(self._and())
        return children[0] if len(children) == 1 else Or(children=tuple(children))

    def _and(self) -> Node:
        children = [self._not()]
        while self._take(AND):
            children.append(self._not())
        return children[0] if len(children) == 1 else And(children=tuple(children))

    def _not(self) -> Node:
        return Not(child=self._clause()) if self._take(NOT) else self._clause()

    def _clause(self) -> Node:
        start = self._at
        if self._peek() == "(":
            self._open()
            node = self._or()
            self._close(")", Problem.UNCLOSED_PAREN, start)
            return self._near_tail(node, None, start)
        literal = self._literal()
        if literal is None:
            raise self._missing_clause()
        after = self._at
        self._skip()
        if self._peek() == ":":
            return self._after_colon(literal)
        for sign, operator in _OPERATORS:
            if self._text.startswith(sign, self._at):
                self._at += len(sign)
                return self._range(literal, operator)
        self._at = after
        return self._near_tail(_value(None, literal), None, start)

    def _after_colon(self, name: Literal) -> Node:
        self._at += 1
        self._skip()
        if self._peek() == "{":
            return self._braces(name)
        return self._list(self._field(name))

    def _braces(self, name: Literal) -> Node:
        start, outer = self._at, self._path
        self._open()
        self._path = (*outer, name.text)
        node = self._or()
        self._path = outer
        self._close("}", Problem.UNCLOSED_BRACE, start)
        return node

    def _range(self, name: Literal, operator: RangeOperator) -> Node:
        self._skip()
        bound = self._literal()
        if bound is None:
            raise self._missing_value()
        return Range(field=self._field(name), operator=operator, value=bound.text, quoted=bound.quoted)

    def _list(self, field: Field) -> Node:
        """Read one value of a field, or a list of values in parentheses."""
        start = self._at
        if self._peek() == "(":
            return self._near_tail(self._group(field), field, start)
        literal = self._literal()
        if literal is None:
            raise self._missing_value()
        return self._near_tail(_value(field, literal), field, start)

    def _group(self, field: Field) -> Node:
        start = self._at
        self._open()
        node = self._list_or(field)
        self._close(")", Problem.UNCLOSED_PAREN, start)
        return node

    def _list_or(self, field: Field) -> Node:
        children = [self._list_and(field)]
        while self._take(OR):
            children.append(self._list_and(field))
        return children[0] if len(children) == 1 else Or(children=tuple(children))

    def _list_and(self, field: Field) -> Node:
        children = [self._list_not(field)]
        while self._take(AND):
            children.append(self._list_not(field))
        return children[0] if len(children) == 1 else And(children=tuple(children))

    def _list_not(self, field: Field) -> Node:
        return Not(child=self._list(field)) if self._take(NOT) else self._list(field)

    def _near_tail(self, left: Node, field: Field, start: int) -> Node:
        """Read `NEAR/n right` after `left`, if it follows."""
        found = NEAR.match(self._text, self._at) if self._near else None
        if found is None:
            return left
        sign = found.end() - len(found.group().lstrip())
        distance = int(found.group(1))
        if distance > MAX_NEAR:
            raise self._error(Problem.BAD_NEAR, f"NEAR/n takes 0 to {MAX_NEAR}", at=sign)
        lefts = self._phrases(left, start)
        common = lefts[0].field if field is None else field
        self._at = found.end()
        start = self._at
        rights = self._phrases(self._near_operand(common), start)
        if any(term.field != common for term in (*lefts, *rights)):
            raise self._error(Problem.BAD_NEAR, "NEAR joins phrases of one field", at=sign, hint=_NEAR_HINT)
        if len(lefts) * len(rights) > MAX_NEAR_PAIRS:
            raise self._error(Problem.BAD_NEAR, f"NEAR stands for more than {MAX_NEAR_PAIRS} pairs", at=sign)
        if again := NEAR.match(self._text, self._at):
            at = again.end() - len(again.group().lstrip())
            raise self._error(
                Problem.BAD_NEAR, "NEAR joins two phrases, not three", at=at, hint="Write a NEAR/5 b and b NEAR/5 c."
            )
        pairs = tuple(Near(left=one, right=two, distance=distance) for one in lefts for two in rights)
        return pairs[0] if len(pairs) == 1 else Or(children=pairs)

    def _near_operand(self, field: Field) -> Node:
        if self._peek() == "(":
            return self._group(field)
        literal = self._literal()
        if literal is None:
            raise self._error(Problem.BAD_NEAR, "NEAR needs a word on its right", hint=_NEAR_HINT)
        if self._text.startswith(":", skip_blanks(self._text, self._at)):
            raise self._error(
                Problem.BAD_NEAR, "NEAR takes no field on its right", at=literal.start, hint="Write text: a NEAR/5 b."
            )
        return _value(field, literal)

    def _phrases(self, node: Node, start: int) -> tuple[Term, ...]:
        """Return the alternatives on one side of NEAR."""
        if isinstance(node, Or):
            return tuple(term for child in node.children for term in self._phrases(child, start))
        if not isinstance(node, Term):
            raise self._error(Problem.BAD_NEAR, "NEAR joins words and phrases only", at=start, hint=_NEAR_HINT)
        if not node.quoted and len(node.value.split()) > 1:
            hint = f'Put them in double quotes: "{node.value[:40]}".'
            raise self._error(Problem.BAD_NEAR, "NEAR takes one word on each side", at=start, hint=hint)
        return (node,)

    def _field(self, name: Literal) -> str | Pattern:
        pattern = name.pattern
        prefix = "".join(f"{step}." for step in self._path)
        if pattern is None:
            return prefix + name.text
        return Pattern(parts=(prefix + pattern.parts[0], *pattern.parts[1:]))

    def _literal(self) -> Literal | None:
        found = read_literal(self._text, self._at, near=self._near)
        if found is None:
            return None
        literal, self._at = found
        return literal

    def _take(self, keyword: re.Pattern[str]) -> bool:
        found = keyword.match(self._text, self._at)
        if found is None:
            return False
        self._at = found.end()
        return True

    def _skip(self) -> None:
        self._at = skip_blanks(self._text, self._at)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _open(self) -> None:
        self._level += 1
        if self._level > MAX_DEPTH:
            raise self._too_deep(self._at)
        self._at += 1
        self._skip()

    def _close(self, sign: str, problem: Problem, start: int) -> None:
        self._skip()
        if self._peek() != sign:
            if self._at < len(self._text):
                raise self._unexpected()
            opened = self._text[start]
            hint = f"It was opened at character {start + 1}."
            raise self._error(problem, f"{opened} is never closed", hint=hint)
        self._at += 1
        self._level -= 1

    def _error(self, problem: Problem, message: str, *, at: int | None = None, hint: str = "") -> QuerySyntaxError:
        position = self._at if at is None else at
        return QuerySyntaxError(problem, message, query=self._text, position=position, hint=hint)

    def _too_deep(self, at: int) -> QuerySyntaxError:
        return self._error(Problem.TOO_DEEP, f"more than {MAX_DEPTH} levels", at=at, hint="Split the query.")

    def _missing_clause(self) -> QuerySyntaxError:
        found = self._peek()
        if found == '"':
            return self._error(Problem.UNCLOSED_QUOTE, "the double quote is never closed", hint='Add a " at its end.')
        if found in ("", ")", "}"):
            return self._error(Problem.MISSING_CLAUSE, "a value or field: value is missing")
        return self._unexpected()

    def _missing_value(self) -> QuerySyntaxError:
        found = self._peek()
        if found == '"':
            return self._error(Problem.UNCLOSED_QUOTE, "the double quote is never closed", hint='Add a " at its end.')
        hint = "Write field: value, field: (one or two), field: * or field >= 10."
        return self._error(Problem.MISSING_VALUE, "the field has no value", hint=hint)

    def _unexpected(self) -> QuerySyntaxError:
        found = self._peek()
        if found in (")", "}"):
            return self._error(Problem.UNEXPECTED_CLOSE, f"{found} closes nothing that is open here")
        if NOT.match(self._text, self._at):
            hint = "Write and not …, or put words that hold not in double quotes."
            return self._error(Problem.UNEXPECTED_TEXT, "not stands in the middle of a value", hint=hint)
        hint = _QUOTE_HINT if found in ("\\", ":", "<", ">", "*", "{") else "Join two clauses with and, or, NEAR/n."
        return self._error(Problem.UNEXPECTED_TEXT, f"{found} does not fit", hint=hint)


def _value(field: Field, literal: Literal) -> Node:
    pattern = literal.pattern
    if pattern is None:
        return Term(field=field, value=literal.text, quoted=literal.quoted)
    if not pattern.is_lonely or field is None:
        return Wildcard(field=field, pattern=pattern)
    if isinstance(field, Pattern) and field.is_lonely:
        return MatchAll()
    return Exists(field=field)


def _depth(node: Node) -> int:
    """Return the levels of a tree, without recursion."""
    deepest, waiting = 0, [(node, 1)]
    while waiting:
        current, level = waiting.pop()
        deepest = max(deepest, level)
        if isinstance(current, And | Or):
            waiting.extend((child, level + 1) for child in current.children)
        elif isinstance(current, Not):
            waiting.append((current.child, level + 1))
    return deepest
