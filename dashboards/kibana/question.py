"""What each written panel, control and saved search asks of Elasticsearch, read back from the objects.

The requests are those that Lens, the controls and Discover make of the same state, with one
difference each: time steps are chosen here, and the remainder under `Other` is not asked for.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from dashboards.errors import DashboardError
from dashboards.kibana.measure import RECORDS
from dashboards.kibana.saved import Json
from domain.moment import Window, to_rfc3339

__all__ = ["Asked", "Question", "ToDsl", "questions"]

ToDsl = Callable[[str], Mapping[str, Any]]
"""From a query in the query language to Elasticsearch's own; passed in, since a store makes it."""

_BARS = 60
"""About how many steps a time axis gets."""
_STEPS_S = (60, 300, 600, 1800, 3600, 10_800, 43_200, 86_400, 604_800)
_HITS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One number of an answer's row: where it stands."""

    label: str
    """Name of the column for people."""
    column: str
    """Id of the column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request, and how to read its answer."""

    board: str
    """Title of the dashboard; the saved search's own title for one."""
    panel: str
    """Title of the panel or control."""
    kql: str | None
    """The whole query in the query language, empty = all; None for a control."""
    body: Json
    """Body of `POST /<alias>/_search`."""
    columns: Mapping[str, Json]
    """Lens columns by id, in their order; empty for a search or a control."""
    shown: tuple[Asked, ...]
    """Figures that the panel shows, in order."""


def questions(objects: Sequence[Json], *, window: Window, to_dsl: ToDsl) -> tuple[Question, ...]:
    """Return every request that the objects make, in their order.

    Args:
        objects: Saved objects as written or exported.
        window: Time that the dashboards show.
        to_dsl: How Kibana turns a query into Elasticsearch's.

    Raises:
        DashboardError: an object is not as ours are.
    """
    view = next((each for each in objects if each["type"] == "index-pattern"), None)
    if view is None:
        raise DashboardError("the data view is missing among the objects; install them again")
    asker = _Asker(view["attributes"], window, to_dsl)
    found: list[Question] = []
    for each in objects:
        try:
            if each["type"] == "search":
                found.append(asker.search(each["attributes"]))
            elif each["type"] == "dashboard":
                found.extend(asker.dashboard(each["attributes"]))
        except (KeyError, TypeError, ValueError) as err:
            raise DashboardError(f"{each['type']} {each.get('id')} cannot be read: {err!r}") from err
    return tuple(found)


class _Asker:
    def __init__(self, view: Json, window: Window, to_dsl: ToDsl) -> None:
        self._time = str(view["timeFieldName"])
        self._window = window
        self._to_dsl = to_dsl
        self._runtime = json.loads(view.get("runtimeFieldMap") or "{}")

    def search(self, attributes: Json) -> Question:
        query = json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])["query"]["query"]
        body = self._body([query], size=_HITS)
        body["sort"] = [{name: {"order": order, "unmapped_type": "boolean"}} for name, order in attributes["sort"]]
        body["fields"] = [*attributes["columns"], self._time]
        body["_source"] = False
        title = str(attributes["title"])
        return Question(board=title, panel=title, kql=query, body=body, columns={}, shown=())

    def dashboard(self, attributes: Json) -> Iterator[Question]:
        board = str(attributes["title"])
        common = json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])["query"]["query"]
        for panel in json.loads(attributes["panelsJSON"]):
            if panel["type"] == "lens":
                yield self._lens(board, common, panel)
        for control in json.loads(attributes["controlGroupInput"]["panelsJSON"]).values():
            given = control["explicitInput"]
            body = self._body([common], size=0)
            if control["type"] == "optionsListControl":
                body["aggs"] = {"suggestions": {"terms": {"field": given["fieldName"], "size": 10}}}
            else:
                field = {"field": given["fieldName"]}
                body["aggs"] = {"least": {"min": field}, "most": {"max": field}}
            yield Question(board=board, panel=str(given["title"]), kql=None, body=body, columns={}, shown=())

    def _lens(self, board: str, common: str, panel: Json) -> Question:
        attributes = panel["embeddableConfig"]["attributes"]
        (layer,) = attributes["state"]["datasourceStates"]["formBased"]["layers"].values()
        columns = {id: layer["columns"][id] for id in layer["columnOrder"]}
        given = [each for each in (common, attributes["state"]["query"]["query"]) if each]
        body = self._body(given, size=0)
        body |= self._aggregations(columns)
        inner = {part for each in columns.values() for part in each.get("references", ())}
        shown = tuple(
            Asked(label=each["label"], column=id)
            for id, each in columns.items()
            if not each["isBucketed"] and id not in inner
        )
        kql = " and ".join(f"({each})" for each in given)
        return Question(board=board, panel=str(attributes["title"]), kql=kql, body=body, columns=columns, shown=shown)

    def _body(self, kql: Sequence[str], *, size: int) -> Json:
        bounds = {
            "gte": to_rfc3339(self._window.start),
            "lt": to_rfc3339(self._window.end),
            "format": "strict_date_optional_time",
        }
        asked = [dict(self._to_dsl(each)) for each in kql if each]
        body: Json = {
            "query": {"bool": {"filter": [{"range": {self._time: bounds}}, *asked]}},
            "size": size,
            "track_total_hits": True,
        }
        if self._runtime:
            body["runtime_mappings"] = self._runtime
        return body

    def _aggregations(self, columns: Mapping[str, Json]) -> Json:
        buckets = [(id, each) for id, each in columns.items() if each["isBucketed"]]
        inner: Json = {}
        for id, column in columns.items():
            figure = None if column["isBucketed"] else self._figure(id, column)
            if figure is not None:
                inner[id] = figure
        aggs = inner
        for id, column in reversed(buckets):
            split = self._split(column, columns)
            inside = {**self._ranking(column, columns), **aggs}
            if inside:
                split["aggs"] = inside
            aggs = {id: split}
        return {"aggs": aggs} if aggs else {}

    def _figure(self, id: str, column: Json) -> Json | None:
        """Return the aggregation of a column; None where the number of documents is the answer."""
        field = {"field": column.get("sourceField")}
        figure: Json | None
        match column["operationType"]:
            case "sum" | "max" | "min":
                figure = {column["operationType"]: field}
            case "average":
                figure = {"avg": field}
            case "median":
                figure = {"percentiles": {**field, "percents": [50]}}
            case "unique_count":
                figure = {"cardinality": field}
            case "count":
                figure = None
            case "math" | "formula":
                return None
            case other:
                raise DashboardError(f"no request is known for the operation {other}")
        if "filter" not in column:
            return figure
        filtered: Json = {"filter": dict(self._to_dsl(column["filter"]["query"]))}
        return filtered | ({"aggs": {id: figure}} if figure is not None else {})

    def _split(self, column: Json, columns: Mapping[str, Json]) -> Json:
        params = column["params"]
        match column["operationType"]:
            case "date_histogram":
                return {
                    "date_histogram": {
                        "field": column["sourceField"],
                        "fixed_interval": f"{self._step_s()}s",
                        "min_doc_count": 1,
                    }
                }
            case "filters":
                named = {each["label"]: dict(self._to_dsl(each["input"]["query"])) for each in params["filters"]}
                return {"filters": {"filters": named}}
            case "terms":
                return {
                    "terms": {
                        "field": column["sourceField"],
                        "size": params["size"],
                        "order": {self._rank(params, columns): params["orderDirection"]},
                    }
                }
            case other:
                raise DashboardError(f"no request is known for the operation {other}")

    def _ranking(self, column: Json, columns: Mapping[str, Json]) -> Json:
        """Return the figure that ranks the values of a split; it must stand beside them."""
        by = column["params"].get("orderBy", {})
        if by.get("type") != "column":
            return {}
        figure = self._figure(by["columnId"], columns[by["columnId"]])
        return {by["columnId"]: figure} if figure is not None else {}

    def _rank(self, params: Json, columns: Mapping[str, Json]) -> str:
        by = params["orderBy"]
        if by["type"] == "alphabetical":
            return "_key"
        column = columns[by["columnId"]]
        figure = self._figure(by["columnId"], column)
        if figure is None:
            return "_count"
        path = str(by["columnId"])
        if "filter" in column:
            path += f">{path}" if column["sourceField"] != RECORDS else "._count"
        return f"{path}[50.0]" if column["operationType"] == "median" else path

    def _step_s(self) -> int:
        wanted = self._window.length / timedelta(seconds=1) / _BARS
        return next((step for step in _STEPS_S if step >= wanted), _STEPS_S[-1])
