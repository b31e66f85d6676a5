"""What can be told of the objects without a Kibana: identity, references, fields, layout, queries."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dashboards.kibana.dataview import runtime_types
from dashboards.kibana.measure import RECORDS
from dashboards.kibana.saved import CORE_VERSION, TYPE_VERSIONS, Json
from domain.query import FieldType, QueryError, parse, unknown_fields

__all__ = ["field_types", "problems"]

_COLUMNS = 48
_ELASTIC = {
    "boolean": FieldType.BOOLEAN,
    "byte": FieldType.NUMBER,
    "date": FieldType.DATE,
    "double": FieldType.NUMBER,
    "float": FieldType.NUMBER,
    "half_float": FieldType.NUMBER,
    "integer": FieldType.NUMBER,
    "keyword": FieldType.KEYWORD,
    "long": FieldType.NUMBER,
    "short": FieldType.NUMBER,
    "text": FieldType.TEXT,
}
_WHOLE = (FieldType.KEYWORD, FieldType.BOOLEAN)
_FITS: Mapping[str, tuple[FieldType, ...]] = {
    "terms": _WHOLE,
    "unique_count": (*_WHOLE, FieldType.NUMBER, FieldType.DATE),
    "date_histogram": (FieldType.DATE,),
    "sum": (FieldType.NUMBER,),
    "average": (FieldType.NUMBER,),
    "median": (FieldType.NUMBER,),
    "max": (FieldType.NUMBER, FieldType.DATE),
    "min": (FieldType.NUMBER, FieldType.DATE),
}


def field_types(properties: Mapping[str, Any]) -> dict[str, FieldType]:
    """Return every field of an Elasticsearch mapping by its dotted name.

    Args:
        properties: `properties` of a mapping, objects nested; a kind that panels never use is left out.
    """
    found: dict[str, FieldType] = {}
    for name, kind in properties.items():
        if "properties" in kind:
            found |= {f"{name}.{inner}": each for inner, each in field_types(kind["properties"]).items()}
        elif kind.get("type") in _ELASTIC:
            found[name] = _ELASTIC[kind["type"]]
    return found


def problems(objects: Sequence[Json], fields: Mapping[str, FieldType], *, exported: bool = False) -> tuple[str, ...]:
    """Return what is wrong with the objects, a sentence each; empty = nothing that can be seen here.

    Args:
        objects: Saved objects as written or exported.
        fields: Fields of the index by dotted name.
        exported: They come from a running Kibana, which may have brought them to its own newer version.
    """
    return tuple(_Check(objects, fields, exported=exported).run())


class _Check:
    def __init__(self, objects: Sequence[Json], fields: Mapping[str, FieldType], *, exported: bool) -> None:
        self._objects, self._exported = objects, exported
        self._fields = {**fields, **runtime_types()}
        self._ids = {(each["type"], each["id"]) for each in objects}

    def run(self) -> Iterator[str]:
        if len(self._ids) != len(self._objects):
            yield "two objects share type and id"
        for each in self._objects:
            name = f"{each['type']} {each['attributes'].get('title')}"
            for problem in self._object(each):
                yield f"{name}: {problem}"

    def _object(self, each: Json) -> Iterator[str]:
        if not self._exported:
            yield from self._versions(each)
        for reference in each["references"]:
            if (reference["type"], reference["id"]) not in self._ids:
                yield f"refers to {reference['type']} {reference['id']}, which is not here"
        try:
            match each["type"]:
                case "dashboard":
                    yield from self._dashboard(each)
                case "search":
                    yield from self._search(each)
                case "index-pattern":
                    yield from self._view(each["attributes"])
        except (KeyError, TypeError, ValueError) as err:
            yield f"cannot be read: {err!r}"

    def _versions(self, each: Json) -> Iterator[str]:
        ours, theirs = TYPE_VERSIONS.get(each["type"]), each.get("typeMigrationVersion")
        if ours is None:
            yield "no type of ours"
        elif theirs is None or each.get("coreMigrationVersion") != CORE_VERSION:
            yield "carries no version: every migration since the beginning would run"
        elif _version(theirs) > _version(ours):
            yield f"version {theirs} is newer than Kibana 8.14 knows ({ours})"

    def _view(self, attributes: Json) -> Iterator[str]:
        names = {attributes["timeFieldName"], *json.loads(attributes["fieldAttrs"])}
        names |= set(json.loads(attributes["fieldFormatMap"]))
        yield from self._unknown(names)
        if self._fields.get(attributes["timeFieldName"]) is not FieldType.DATE:
            yield "its time field is no date"

    def _search(self, each: Json) -> Iterator[str]:
        attributes = each["attributes"]
        source = json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])
        yield from self._used(each, {source["indexRefName"]})
        yield from self._unknown([*attributes["columns"], *(name for name, _ in attributes["sort"])])
        for name, _ in attributes["sort"]:
            if self._fields.get(name) is FieldType.TEXT:
                yield f"sorts by the text {name}"
        yield from self._kql(source["query"]["query"])

    def _dashboard(self, each: Json) -> Iterator[str]:
        attributes = each["attributes"]
        json.loads(attributes["optionsJSON"])
        yield from self._kql(json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])["query"]["query"])
        panels = json.loads(attributes["panelsJSON"])
        controls = json.loads(attributes["controlGroupInput"]["panelsJSON"])
        used = set()
        for id, control in controls.items():
            kind = {"optionsListControl": "optionsListDataView", "rangeSliderControl": "rangeSliderDataView"}
            used.add(f"controlGroup_{id}:{kind[control['type']]}")
            fitting = _WHOLE if control["type"] == "optionsListControl" else (FieldType.NUMBER,)
            yield from self._fitting(control["explicitInput"]["fieldName"], fitting, "a control")
        for panel in panels:
            index = panel["panelIndex"]
            if panel["type"] == "search":
                used.add(f"{index}:{panel['panelRefName']}")
            elif panel["type"] == "lens":
                inner = panel["embeddableConfig"]["attributes"]
                used |= {f"{index}:{reference['name']}" for reference in inner["references"]}
                for problem in self._lens(inner):
                    yield f"panel {panel['title']}: {problem}"
        yield from self._used(each, used)
        yield from _overlaps(panels)

    def _lens(self, attributes: Json) -> Iterator[str]:
        state = attributes["state"]
        yield from self._kql(state["query"]["query"])
        layers = state["datasourceStates"]["formBased"]["layers"]
        named = {reference["name"] for reference in attributes["references"]}
        if named != {f"indexpattern-datasource-layer-{layer}" for layer in layers}:
            yield "layers and references differ"
        columns: dict[str, Json] = {}
        for layer in layers.values():
            if sorted(layer["columnOrder"]) != sorted(layer["columns"]):
                yield "columns and their order differ"
            columns |= layer["columns"]
        for column in columns.values():
            yield from self._column(column, columns)
        drawn = set(_accessors(state["visualization"]))
        if not drawn <= set(columns):
            yield "draws columns that are not there"
        inner = {part for column in columns.values() for part in column.get("references", ())}
        if set(columns) - drawn - inner:
            yield "counts what it does not draw"

    def _column(self, column: Json, columns: Mapping[str, Json]) -> Iterator[str]:
        operation, field = column["operationType"], column.get("sourceField")
        if missing := [part for part in column.get("references", ()) if part not in columns]:
            yield f"column {column['label']} refers to {missing[0]}, which is not there"
        if field not in (None, RECORDS):
            yield from self._fitting(field, _FITS.get(operation, ()), operation)
        if "filter" in column:
            yield from self._kql(column["filter"]["query"])
        for each in column.get("params", {}).get("filters", ()):
            yield from self._kql(each["input"]["query"])

    def _fitting(self, field: str, kinds: Sequence[FieldType], what: str) -> Iterator[str]:
        known = self._fields.get(field)
        if known is None:
            yield f"the index has no field {field}"
        elif known not in kinds:
            yield f"{field} is {known.value}, which {what} cannot use"

    def _unknown(self, names: Sequence[str] | set[str]) -> Iterator[str]:
        for name in sorted(set(names) - set(self._fields)):
            yield f"the index has no field {name}"

    def _kql(self, kql: str) -> Iterator[str]:
        try:
            unknown = unknown_fields(parse(kql, near=False), self._fields) if kql else ()
        except QueryError as err:
            yield f"the query `{kql}` cannot be read: {err}"
            return
        for name in unknown:
            yield f"the query `{kql}` asks for {name}, which is no field"

    def _used(self, each: Json, used: set[str]) -> Iterator[str]:
        names = [reference["name"] for reference in each["references"]]
        if len(set(names)) != len(names):
            yield "two references share a name"
        for name in sorted(set(names) ^ used):
            yield f"reference {name} is {'never used' if name in names else 'missing'}"


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _accessors(value: object) -> Iterator[str]:
    """Give every column that a drawing names, wherever it stands."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "columnId" or (key.endswith("Accessor") and isinstance(each, str)):
                yield each
            elif key in ("accessors", "metrics", "primaryGroups"):
                yield from each
            else:
                yield from _accessors(each)
    elif isinstance(value, list):
        for each in value:
            yield from _accessors(each)


def _overlaps(panels: Sequence[Json]) -> Iterator[str]:
    taken: dict[tuple[int, int], str] = {}
    for panel in panels:
        grid = panel["gridData"]
        if grid["i"] != panel["panelIndex"]:
            yield f"panel {panel['title']}: its place belongs to another"
        if grid["x"] < 0 or grid["x"] + grid["w"] > _COLUMNS or grid["w"] < 1 or grid["h"] < 1:
            yield f"panel {panel['title']} leaves the {_COLUMNS} columns"
        for x in range(grid["x"], grid["x"] + grid["w"]):
            for y in range(grid["y"], grid["y"] + grid["h"]):
                if (x, y) in taken:
                    yield f"panels {taken[x, y]} and {panel['title']} overlap"
                    return
                taken[x, y] = panel["title"]
