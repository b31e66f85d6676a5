"""The tree holds what Kibana needs: it gives the DSL that Kibana's own code gives."""

import json
from pathlib import Path
from typing import Any

import pytest

from domain.query import And, Exists, MatchAll, Node, Not, Or, Pattern, QuerySyntaxError, Range, Term, Wildcard, parse
from domain.query.fields import matches_pattern

ORACLE: dict[str, Any] = json.loads((Path(__file__).parents[1] / "fixtures" / "kql_oracle.json").read_text("utf-8"))
VIEW = {
    "title": "text",
    "text": "text",
    "brand": "keyword",
    "sentiment": "keyword",
    "platform": "keyword",
    "topics": "keyword",
    "author.name": "keyword",
    "author.followers": "long",
    "published_at": "date",
    "is_duplicate": "boolean",
}
CONSTANTS = {"true": True, "false": False, "null": None}


def _dsl(node: Node) -> dict[str, Any]:
    match node:
        case MatchAll():
            return {"match_all": {}}
        case And():
            return {"bool": {"filter": [_dsl(child) for child in node.children]}}
        case Or():
            return _should([_dsl(child) for child in node.children])
        case Not():
            return {"bool": {"must_not": _dsl(node.child)}}
        case Term(field=None):
            kind = "phrase" if node.quoted else "best_fields"
            return {"multi_match": {"type": kind, "query": node.value, "lenient": True}}
        case Wildcard(field=None):
            return {"query_string": {"query": "*".join(node.pattern.parts)}}
        case Term() | Wildcard() | Exists() | Range():
            return _should([_clause(node, name) for name in _names(node.field)])
        case _:
            raise AssertionError(node)


def _should(clauses: list[dict[str, Any]]) -> dict[str, Any]:
    return {"bool": {"should": clauses, "minimum_should_match": 1}}


def _names(field: str | Pattern | None) -> list[str]:
    if isinstance(field, Pattern):
        return [name for name in VIEW if matches_pattern(field, name)]
    assert field is not None
    return [field]


def _clause(node: Term | Wildcard | Exists | Range, name: str) -> dict[str, Any]:
    kind = VIEW.get(name)
    if isinstance(node, Exists):
        return {"exists": {"field": name}}
    if isinstance(node, Range):
        return {"range": {name: {node.operator.value: node.value}}}
    if isinstance(node, Wildcard):
        value = "*".join(node.pattern.parts)
        if kind == "keyword":
            return {"wildcard": {name: {"value": value}}}
        return {"query_string": {"fields": [name], "query": value}}
    if kind == "keyword":
        return {"term": {name: {"value": node.value}}}
    literal = node.value if node.quoted else CONSTANTS.get(node.value, node.value)
    return {"match_phrase" if node.quoted else "match": {name: literal}}


@pytest.mark.parametrize("query", [query for query, answer in ORACLE.items() if "error" not in answer])
@pytest.mark.parametrize("near", [True, False])
def test_tree_gives_the_dsl_of_kibana(query: str, near: bool) -> None:
    assert _dsl(parse(query, near=near)) == ORACLE[query]


@pytest.mark.parametrize("query", [query for query, answer in ORACLE.items() if "error" in answer])
def test_errors_stand_where_kibana_puts_them(query: str) -> None:
    caret = len(ORACLE[query]["error"].split("\n")[-1]) - 1
    with pytest.raises(QuerySyntaxError) as caught:
        parse(query)
    assert caught.value.position == caret
