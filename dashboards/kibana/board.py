"""A dashboard: panels on a grid of 48 columns, controls above them."""

from dataclasses import dataclass

from dashboards.kibana.lens import Chart, attributes_of
from dashboards.kibana.saved import DATA_VIEW_ID, Json, Reference, SavedObject, compact, object_id

__all__ = ["COUNTED", "Board", "Control", "Found", "Note", "Panel", "dashboard", "dashboard_id"]

COUNTED = "brand: * and not flags: (owned or deleted)"
"""What the product counts: mentions of watched brands that are neither our own nor gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Words in markdown."""

    text: str
    """Markdown, Chinese."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The rows of a saved search."""

    search: str
    """Key of the saved search."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel and its place."""

    title: str
    """Title for people, unique within its dashboard."""
    shows: Chart | Note | Found
    """What it shows."""
    w: int
    """Width in columns, 1 to 48."""
    h: int
    """Height in rows of the grid."""
    kql: str = ""
    """What it asks for beyond what is counted; charts alone."""
    counted: bool = True
    """False = it also shows candidates, own posts and deleted ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A control above the panels."""

    field: str
    """Field it narrows."""
    title: str
    """Name for people."""
    range: bool = False
    """A slider over numbers instead of a list of values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One dashboard as it is written down: panels flow left to right, row by row."""

    key: str
    """Lower-case name; the id follows from it."""
    title: str
    """Title for people."""
    description: str
    """What it is for, one sentence."""
    time_from: str
    """Start of the window it opens with, relative, such as now-7d."""
    rows: tuple[tuple[Panel, ...], ...]
    """Panels by row; each row is as high as its first panel and at most 48 wide."""
    controls: tuple[Control, ...] = ()
    """Controls, left to right."""


def dashboard_id(key: str) -> str:
    """Return the id of the dashboard with a key such as crisis-room."""
    return object_id("dashboard", key)


def query_of(panel: Panel) -> str:
    """Return the whole query of a chart's panel."""
    if not panel.counted:
        return panel.kql
    return f"{COUNTED} and ({panel.kql})" if panel.kql else COUNTED


def dashboard(board: Board) -> SavedObject:
    """Return a dashboard as Kibana 8.14 and newer keep it."""
    panels: list[Json] = []
    references: list[Reference] = []
    y = 0
    for row in board.rows:
        x = 0
        for panel in row:
            shown, needs = _panel(panel, board.key, Json(h=panel.h, w=panel.w, x=x, y=y))
            panels.append(shown)
            references.extend(needs)
            x += panel.w
        y += row[0].h
    controls, needs = _controls(board)
    options = {
        "hidePanelTitles": False,
        "syncColors": True,
        "syncCursor": True,
        "syncTooltips": False,
        "useMargins": True,
    }
    search = {"filter": [], "query": {"language": "kuery", "query": ""}}
    return SavedObject(
        type="dashboard",
        id=dashboard_id(board.key),
        attributes={
            "controlGroupInput": controls,
            "description": board.description,
            "kibanaSavedObjectMeta": {"searchSourceJSON": compact(search)},
            "optionsJSON": compact(options),
            "panelsJSON": compact(panels),
            "timeFrom": board.time_from,
            "timeRestore": True,
            "timeTo": "now",
            "title": board.title,
            "version": 1,
        },
        references=(*references, *needs),
    )


def _panel(panel: Panel, board: str, grid: Json) -> tuple[Json, list[Reference]]:
    index = object_id("dashboard", board, "panel", panel.title)
    shown: Json = {"gridData": grid | {"i": index}, "panelIndex": index, "title": panel.title}
    match panel.shows:
        case Note():
            return shown | {"embeddableConfig": _markdown(panel.shows.text), "type": "visualization"}, []
        case Found():
            name = f"panel_{index}"
            found = {"embeddableConfig": {"enhancements": {}}, "panelRefName": name, "type": "search"}
            needs = Reference(name=f"{index}:{name}", type="search", id=object_id("search", panel.shows.search))
            return shown | found, [needs]
        case _:
            attributes = attributes_of(panel.shows, title=panel.title, key=index, kql=query_of(panel))
            references = [
                Reference(name=f"{index}:{each['name']}", type=each["type"], id=each["id"])
                for each in attributes["references"]
            ]
            config = {"attributes": attributes, "enhancements": {}}
            return shown | {"embeddableConfig": config, "type": "lens"}, references


def _markdown(text: str) -> Json:
    return {
        "enhancements": {},
        "savedVis": {
            "data": {"aggs": [], "searchSource": {"filter": [], "query": {"language": "kuery", "query": ""}}},
            "description": "",
            "id": "",
            "params": {"fontSize": 12, "markdown": text, "openLinksInNewTab": False},
            "title": "",
            "type": "markdown",
            "uiState": {},
        },
    }


def _controls(board: Board) -> tuple[Json, list[Reference]]:
    panels: Json = {}
    references = []
    for order, control in enumerate(board.controls):
        id = object_id("dashboard", board.key, "control", control.field)
        given: Json = {"dataViewId": DATA_VIEW_ID, "fieldName": control.field, "id": id, "title": control.title}
        if control.range:
            given |= {"step": 1}
        else:
            given |= {"searchTechnique": "prefix", "selectedOptions": [], "sort": {"by": "_count", "direction": "desc"}}
        panels[id] = {
            "explicitInput": given,
            "grow": True,
            "order": order,
            "type": "rangeSliderControl" if control.range else "optionsListControl",
            "width": "medium",
        }
        kind = "rangeSliderDataView" if control.range else "optionsListDataView"
        references.append(Reference(name=f"controlGroup_{id}:{kind}", type="index-pattern", id=DATA_VIEW_ID))
    ignore = {"ignoreFilters": False, "ignoreQuery": False, "ignoreTimerange": False, "ignoreValidations": False}
    group = {
        "chainingSystem": "HIERARCHICAL",
        "controlStyle": "oneLine",
        "ignoreParentSettingsJSON": compact(ignore),
        "panelsJSON": compact(panels),
    }
    return group, references
