"""The query language: Kibana's KQL grammar plus `a NEAR/n b`, one tree, several readers."""

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
from domain.query.errors import Problem, QueryError, QuerySyntaxError
from domain.query.parser import MAX_DEPTH, MAX_NEAR, MAX_QUERY_CHARS, parse

__all__ = [
    "MAX_DEPTH",
    "MAX_NEAR",
    "MAX_QUERY_CHARS",
    "And",
    "Exists",
    "Field",
    "MatchAll",
    "Near",
    "Node",
    "Not",
    "Or",
    "Pattern",
    "Problem",
    "QueryError",
    "QuerySyntaxError",
    "Range",
    "RangeOperator",
    "Term",
    "Wildcard",
    "parse",
]
