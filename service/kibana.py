"""Kibana: writing, installing and verifying the objects."""

from collections.abc import Mapping
from typing import Any

from dashboards.kibana.dataview import RUNTIME_FIELDS
from domain.query import parse
from storage.mentions.dsl import KIBANA_FIELDS, kibana_query

__all__ = ["kibana_dsl"]

_FIELDS = {**KIBANA_FIELDS, **{name: kind for name, (kind, _, _) in RUNTIME_FIELDS.items()}}
_ZONE = "Asia/Shanghai"


def kibana_dsl(kql: str) -> Mapping[str, Any]:
    """Return what Kibana makes of a query on our data view, in Beijing time.

    Raises:
        domain.query.QueryError: the query cannot be read.
    """
    return kibana_query(parse(kql, near=False), _FIELDS, zone=_ZONE)
