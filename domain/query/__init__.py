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
from domain.query.bounds import range_moment, read_date, read_number, uses_now
from domain.query.errors import Problem, QueryError, QuerySyntaxError
from domain.query.fields import (
    MENTION_FIELDS,
    SEARCH_FIELDS,
    FieldType,
    matches_pattern,
    nearest_field,
    resolve_fields,
    unknown_fields,
)
from domain.query.match import Document, Matcher, compile_matcher
from domain.query.parser import MAX_DEPTH, MAX_NEAR, MAX_QUERY_CHARS, parse
from domain.query.phrase import Phrase, phrases_of, unit_patterns_of
from domain.query.span import spans
from domain.query.write import to_kql

__all__ = [
    "MAX_DEPTH",
    "MAX_NEAR",
    "MAX_QUERY_CHARS",
    "MENTION_FIELDS",
    "SEARCH_FIELDS",
    "And",
    "Document",
    "Exists",
    "Field",
    "FieldType",
    "MatchAll",
    "Matcher",
    "Near",
    "Node",
    "Not",
    "Or",
    "Pattern",
    "Phrase",
    "Problem",
    "QueryError",
    "QuerySyntaxError",
    "Range",
    "RangeOperator",
    "Term",
    "Wildcard",
    "compile_matcher",
    "matches_pattern",
    "nearest_field",
    "parse",
    "phrases_of",
    "range_moment",
    "read_date",
    "read_number",
    "resolve_fields",
    "spans",
    "to_kql",
    "unit_patterns_of",
    "unknown_fields",
    "uses_now",
]
