"""Every query of the objects, and the kinds that links carry, as Kibana's own code translates them.

`panel_queries.json` holds what `fromKueryExpression` and `toElasticsearchQuery` of npm kbn-es-query 1.0.7
(Kibana 8.9's code) give with our data view's fields, computed ones included, and no settings.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboards.kibana import bundle
from dashboards.kibana.dataview import RUNTIME_FIELDS
from domain.query import parse
from service.kibana import kibana_dsl
from storage.mentions.dsl import KIBANA_FIELDS, kibana_query

THEIRS: dict[str, Any] = json.loads(
    (Path(__file__).resolve().parent.parent / "fixtures" / "kibana" / "panel_queries.json").read_text("utf-8")
)
FIELDS = {**KIBANA_FIELDS, **{name: kind for name, (kind, _, _) in RUNTIME_FIELDS.items()}}


def queries_of(value: object) -> Iterator[str]:
    """Give every query inside an object, JSON in strings included."""
    if isinstance(value, str) and value[:2] in ('{"', "[{"):
        yield from queries_of(json.loads(value))
    elif isinstance(value, dict):
        if value.get("language") == "kuery" and value["query"]:
            yield value["query"]
        for each in value.values():
            yield from queries_of(each)
    elif isinstance(value, list):
        for each in value:
            yield from queries_of(each)


def test_every_query_of_the_objects_is_among_them() -> None:
    assert {kql for each in bundle() for kql in queries_of(each.json())} <= set(THEIRS)


@pytest.mark.parametrize("kql", THEIRS)
def test_a_query_becomes_what_kibana_makes_of_it(kql: str) -> None:
    assert kibana_query(parse(kql, near=False), FIELDS) == THEIRS[kql]
    assert kibana_dsl(kql) == THEIRS[kql], "no query of ours asks for a date range, which the time zone would change"
