"""Lens charts: eight kinds, each as the attributes that Kibana keeps inside a panel."""

from dataclasses import dataclass
from typing import Literal

from dashboards.kibana.bucket import Bucket, Dates, Terms, column_of
from dashboards.kibana.measure import Formula, Measure, columns_of
from dashboards.kibana.saved import DATA_VIEW_ID, Json, Reference, object_id

__all__ = ["Chart", "Cloud", "Heatmap", "Metric", "Series", "Share", "Table", "attributes_of"]

_COLOURS = {"negative": "#d6412e", "neutral": "#98a2b3", "positive": "#2f9e6e"}
"""Red, grey and green of the three polarities, whatever else is in the chart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One big number."""

    of: Measure
    """What is shown; no date, which Lens's metric took only in later versions."""
    note: str = ""
    """Small words under the title."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Bars, lines or areas."""

    kind: Literal["line", "area_stacked", "bar_stacked", "bar_horizontal_stacked", "bar_percentage_stacked"]
    """Kind of drawing."""
    x: Bucket
    """Horizontal axis (vertical for horizontal bars)."""
    of: tuple[Measure, ...]
    """What is drawn."""
    split: Bucket | None = None
    """One colour for each; None = one colour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Parts of a whole."""

    by: Bucket
    """What the parts are."""
    of: Measure
    """What is shared out."""
    kind: Literal["donut", "treemap"] = "donut"
    """Kind of drawing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """Words as large as they are frequent."""

    by: Terms
    """The words."""
    of: Measure
    """What makes them large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heatmap:
    """A matrix of colours."""

    x: Bucket
    """Columns."""
    y: Bucket
    """Rows."""
    of: Measure
    """What makes a cell dark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table: splits first, then figures."""

    rows: tuple[Bucket, ...]
    """What each row stands for, outermost first."""
    of: tuple[Measure, ...]
    """Figures of a row; the first that is no formula ranks them."""


Chart = Metric | Series | Share | Cloud | Heatmap | Table


def attributes_of(chart: Chart, *, title: str, key: str, kql: str = "") -> Json:
    """Return what a panel keeps of a chart, for the data view `mentions`.

    Args:
        chart: What to draw.
        title: Title for people.
        key: Name that no other panel has; ids follow from it.
        kql: Query of this panel alone; empty = none.
    """
    layer = _Layer(chart, key)
    kind, visualization = _drawn(chart, layer)
    reference = Reference(name=f"indexpattern-datasource-layer-{layer.id}", type="index-pattern", id=DATA_VIEW_ID)
    form = {"columnOrder": list(layer.columns), "columns": layer.columns, "incompleteColumns": {}, "sampling": 1}
    return {
        "description": "",
        "references": [reference.json()],
        "state": {
            "adHocDataViews": {},
            "datasourceStates": {"formBased": {"layers": {layer.id: form}}},
            "filters": [],
            "internalReferences": [],
            "query": {"language": "kuery", "query": kql},
            "visualization": visualization,
        },
        "title": title,
        "type": "lens",
        "visualizationType": kind,
    }


class _Layer:
    """The columns of a chart, splits first, and the ids by which the drawing names them."""

    def __init__(self, chart: Chart, key: str) -> None:
        self.id = object_id(key, "layer")
        buckets, measures = _parts(chart)
        self.buckets = tuple(object_id(key, "bucket", str(place)) for place in range(len(buckets)))
        self.measures = tuple(object_id(key, "measure", str(place)) for place in range(len(measures)))
        ranks = [id for id, each in zip(self.measures, measures, strict=True) if not isinstance(each, Formula)]
        self.columns: dict[str, Json] = {}
        for id, bucket in zip(self.buckets, buckets, strict=True):
            self.columns[id] = column_of(bucket, ranks[0] if ranks else None)
        for id, measure in zip(self.measures, measures, strict=True):
            self.columns |= columns_of(measure, id)


def _parts(chart: Chart) -> tuple[tuple[Bucket, ...], tuple[Measure, ...]]:
    match chart:
        case Metric():
            return (), (chart.of,)
        case Series():
            splits = () if chart.split is None else (chart.split,)
            # Values before time, as Lens does: each value its own line. Of two values the axis leads.
            return (*splits, chart.x) if isinstance(chart.x, Dates) else (chart.x, *splits), chart.of
        case Share() | Cloud():
            return (chart.by,), (chart.of,)
        case Heatmap():
            return (chart.y, chart.x), (chart.of,)
        case Table():
            return chart.rows, chart.of


def _drawn(chart: Chart, layer: _Layer) -> tuple[str, Json]:
    match chart:
        case Metric():
            return "lnsMetric", _metric(chart, layer)
        case Series():
            return "lnsXY", _series(chart, layer)
        case Share():
            return "lnsPie", _share(chart, layer)
        case Cloud():
            return "lnsTagcloud", _cloud(chart, layer)
        case Heatmap():
            return "lnsHeatmap", _heatmap(layer)
        case Table():
            return "lnsDatatable", _table(layer)


def _metric(chart: Metric, layer: _Layer) -> Json:
    shown: Json = {
        "layerId": layer.id,
        "layerType": "data",
        "metricAccessor": layer.measures[0],
        "showBar": False,
    }
    return shown | ({"subtitle": chart.note} if chart.note else {})


def _series(chart: Series, layer: _Layer) -> Json:
    drawn: Json = {
        "accessors": list(layer.measures),
        "layerId": layer.id,
        "layerType": "data",
        "seriesType": chart.kind,
        "xAccessor": layer.buckets[-1 if isinstance(chart.x, Dates) else 0],
    }
    if chart.split is not None:
        split = layer.buckets[0 if isinstance(chart.x, Dates) else -1]
        drawn |= {"splitAccessor": split, "colorMapping": _colours(chart.split)}
    return {
        "axisTitlesVisibilitySettings": {"x": False, "yLeft": False, "yRight": False},
        "fittingFunction": "Zero" if chart.kind == "line" else "None",
        "layers": [drawn],
        "legend": {"isVisible": chart.split is not None or len(chart.of) > 1, "position": "right"},
        "preferredSeriesType": chart.kind,
        "valueLabels": "hide",
    }


def _share(chart: Share, layer: _Layer) -> Json:
    drawn = {
        "categoryDisplay": "default",
        "colorMapping": _colours(chart.by),
        "layerId": layer.id,
        "layerType": "data",
        "legendDisplay": "show",
        "legendPosition": "right",
        "metrics": list(layer.measures),
        "nestedLegend": False,
        "numberDisplay": "percent",
        "primaryGroups": list(layer.buckets),
    }
    return {"layers": [drawn], "shape": chart.kind}


def _cloud(chart: Cloud, layer: _Layer) -> Json:
    return {
        "colorMapping": _colours(chart.by),
        "layerId": layer.id,
        "maxFontSize": 56,
        "minFontSize": 14,
        "orientation": "single",
        "showLabel": False,
        "tagAccessor": layer.buckets[0],
        "valueAccessor": layer.measures[0],
    }


def _heatmap(layer: _Layer) -> Json:
    grid = {
        "isCellLabelVisible": True,
        "isXAxisLabelVisible": True,
        "isXAxisTitleVisible": False,
        "isYAxisLabelVisible": True,
        "isYAxisTitleVisible": False,
        "type": "heatmap_grid",
    }
    return {
        "gridConfig": grid,
        "layerId": layer.id,
        "layerType": "data",
        "legend": {"isVisible": True, "position": "right", "type": "heatmap_legend"},
        "shape": "heatmap",
        "valueAccessor": layer.measures[0],
        "xAccessor": layer.buckets[1],
        "yAccessor": layer.buckets[0],
    }


def _table(layer: _Layer) -> Json:
    columns = [{"columnId": id, "isMetric": False, "isTransposed": False} for id in layer.buckets]
    columns += [{"columnId": id, "isMetric": True, "isTransposed": False} for id in layer.measures]
    return {
        "columns": columns,
        "layerId": layer.id,
        "layerType": "data",
        "paging": {"enabled": True, "size": 10},
    }


def _colours(bucket: Bucket) -> Json:
    """Return colours of a split: the fixed ones of polarities, the palette's for everything else."""
    fixed = _COLOURS if isinstance(bucket, Terms) and bucket.field == "sentiment" else {}
    return {
        "assignments": [
            {
                "color": {"colorCode": colour, "type": "colorCode"},
                "rule": {"type": "matchExactly", "values": [value]},
                "touched": True,
            }
            for value, colour in fixed.items()
        ],
        "colorMode": {"type": "categorical"},
        "paletteId": "eui_amsterdam_color_blind",
        "specialAssignments": [{"color": {"type": "loop"}, "rule": {"type": "other"}, "touched": False}],
    }
