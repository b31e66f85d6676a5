"""What panels ask and how answers are read, without a node."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboards.errors import DashboardError
from dashboards.kibana import bundle
from dashboards.kibana.answer import rows_of
from dashboards.kibana.bucket import Dates, Filters, Terms
from dashboards.kibana.lens import Metric, Series, Table, attributes_of
from dashboards.kibana.measure import Count, Formula, Math, Stat
from dashboards.kibana.question import Question, questions
from domain.moment import Window

START = datetime(2026, 6, 20, tzinfo=UTC)
WINDOW = Window(start=START, end=START + timedelta(days=7))
OBJECTS = [each.json() for each in bundle()]


def dsl(kql: str) -> Mapping[str, Any]:
    return {"kql": kql}


def ask(chart: Metric | Series | Table, *, kql: str = "", objects: list[dict[str, Any]] | None = None) -> Question:
    """Return the request of one chart, put into a dashboard of ours."""
    found = copy.deepcopy(objects or [OBJECTS[0], OBJECTS[-1]])
    panels = [each for each in json.loads(found[1]["attributes"]["panelsJSON"]) if each["type"] == "lens"][:1]
    panels[0]["embeddableConfig"]["attributes"] = attributes_of(chart, title="t", key="k", kql=kql)
    found[1]["attributes"]["panelsJSON"] = json.dumps(panels)
    return questions(found, window=WINDOW, to_dsl=dsl)[0]


def test_every_panel_control_and_search_asks_once() -> None:
    found = questions(OBJECTS, window=WINDOW, to_dsl=dsl)
    lens = sum(
        each["type"] == "lens"
        for one in OBJECTS
        if one["type"] == "dashboard"
        for each in json.loads(one["attributes"]["panelsJSON"])
    )
    assert sum(bool(each.columns) for each in found) == lens
    assert len(found) == lens + 7 + 20
    assert all(each.body["query"]["bool"]["filter"][0]["range"]["event_at"]["gte"] for each in found)
    assert {"author_key", "brand_polarity"} <= set(found[0].body["runtime_mappings"])


def test_a_single_count_needs_no_aggregation() -> None:
    question = ask(Metric(of=Count(label="声量")), kql="brand: *")
    assert "aggs" not in question.body
    assert {"kql": "brand: *"} in question.body["query"]["bool"]["filter"]
    (row,) = rows_of(question, {"hits": {"total": {"value": 12}}})
    assert (row.keys, row.values) == ((), {"声量": 12.0})


def test_a_formula_is_computed_as_lens_computes_it() -> None:
    share = Math(op="divide", left=Count(kql="bad"), right=Count())
    both = Math(op="multiply", left=100, right=Math(op="subtract", left=1, right=Math(op="add", left=share, right=0)))
    question = ask(Metric(of=Formula(label="f", value=both)))
    formula = next(each for each in question.columns.values() if each["operationType"] == "formula")
    assert formula["params"]["formula"] == "(100 * (1 - ((count(kql='bad') / count()) + 0)))"
    (part,) = question.body["aggs"]
    assert question.body["aggs"][part] == {"filter": {"kql": "bad"}}
    answer = {"hits": {"total": {"value": 8}}, "aggregations": {part: {"doc_count": 2}}}
    assert rows_of(question, answer)[0].values == {"f": 75.0}
    none = {"hits": {"total": {"value": 0}}, "aggregations": {part: {"doc_count": 0}}}
    assert rows_of(question, none)[0].values == {"f": None}


def test_a_formula_of_one_figure_needs_no_arithmetic() -> None:
    question = ask(Metric(of=Formula(label="f", value=Stat(op="sum", field="reach", kql="it's"), format="compact")))
    kinds = [each["operationType"] for each in question.columns.values()]
    assert kinds == ["sum", "formula"]
    formula = next(each for each in question.columns.values() if each["operationType"] == "formula")
    assert formula["params"]["formula"] == "sum(reach, kql='it\\'s')"
    ((part, body),) = question.body["aggs"].items()
    assert body == {"filter": {"kql": "it's"}, "aggs": {part: {"sum": {"field": "reach"}}}}
    answer = {"hits": {"total": {"value": 3}}, "aggregations": {part: {"doc_count": 1, part: {"value": 4}}}}
    assert rows_of(question, answer)[0].values == {"f": 4.0}


@pytest.mark.parametrize(
    ("figure", "agg", "rank"),
    [
        (Count(label="n"), None, "_count"),
        (Count(label="n", kql="x"), {"filter": {"kql": "x"}}, "{0}._count"),
        (Stat(label="n", op="average", field="score"), {"avg": {"field": "score"}}, "{0}"),
        (Stat(label="n", op="max", field="event_at", date=True), {"max": {"field": "event_at"}}, "{0}"),
        (
            Stat(label="n", op="median", field="reach"),
            {"percentiles": {"field": "reach", "percents": [50]}},
            "{0}[50.0]",
        ),
        (
            Stat(label="n", op="sum", field="reach", kql="x"),
            {"filter": {"kql": "x"}, "aggs": {"{0}": {"sum": {"field": "reach"}}}},
            "{0}>{0}",
        ),
    ],
)
def test_values_are_ranked_by_the_first_figure(figure: Count | Stat, agg: dict[str, Any] | None, rank: str) -> None:
    question = ask(Table(rows=(Terms(field="platform", label="p"), Terms(field="source", label="s")), of=(figure,)))
    (id,) = [asked.column for asked in question.shown]
    ((_, outer),) = question.body["aggs"].items()
    assert outer["terms"]["order"] == {rank.replace("{0}", id): "desc"}
    inner = [each for name, each in outer["aggs"].items() if name != id]
    assert inner[0]["terms"]["order"] == outer["terms"]["order"]
    if agg is not None:
        assert outer["aggs"][id] == json.loads(json.dumps(agg).replace("{0}", id))


def test_a_table_of_formulas_alone_is_sorted_by_name() -> None:
    figure = Formula(label="f", value=Math(op="divide", left=Count(kql="x"), right=Count()))
    question = ask(Table(rows=(Terms(field="platform", label="p"),), of=(figure,)))
    ((_, outer),) = question.body["aggs"].items()
    assert outer["terms"]["order"] == {"_key": "asc"}


def test_time_named_conditions_and_medians_are_read_back() -> None:
    chart = Series(
        kind="line",
        x=Dates(),
        split=Filters(label="f", of=(("大", "big"), ("小", "small"))),
        of=(Stat(label="m", op="median", field="reach"),),
    )
    question = ask(chart)
    split, time = (id for id, each in question.columns.items() if each["isBucketed"])
    (figure,) = [asked.column for asked in question.shown]
    assert question.body["aggs"][split]["filters"] == {"filters": {"大": {"kql": "big"}, "小": {"kql": "small"}}}
    steps = question.body["aggs"][split]["aggs"][time]["date_histogram"]
    assert steps == {"field": "event_at", "fixed_interval": "10800s", "min_doc_count": 1}
    bar = {"key": 1, "key_as_string": "2026-06-20T00:00:00.000Z", "doc_count": 2, figure: {"values": {"50.0": 7}}}
    empty = {"buckets": []}
    answer = {
        "hits": {"total": {"value": 2}},
        "aggregations": {split: {"buckets": {"大": {"doc_count": 2, time: {"buckets": [bar]}}, "小": {time: empty}}}},
    }
    (row,) = rows_of(question, answer)
    assert (row.keys, row.values) == (("大", "2026-06-20T00:00:00.000Z"), {"m": 7.0})


def test_figures_over_nothing_stay_unknown() -> None:
    question = ask(Metric(of=Stat(label="m", op="max", field="reach")))
    (id,) = question.body["aggs"]
    answer = {"hits": {"total": {"value": 0}}, "aggregations": {id: {"value": None}}}
    assert rows_of(question, answer)[0].values == {"m": None}
    total = Math(op="add", left=Stat(op="max", field="reach"), right=1)
    question = ask(Metric(of=Formula(label="f", value=total)))
    (id,) = question.body["aggs"]
    answer = {"hits": {"total": {"value": 0}}, "aggregations": {id: {"value": None}}}
    assert rows_of(question, answer)[0].values == {"f": None}


def test_searches_and_controls_have_no_rows() -> None:
    found = [each for each in questions(OBJECTS, window=WINDOW, to_dsl=dsl) if not each.columns]
    assert rows_of(found[0], {"hits": {"total": {"value": 1}}}) == ()
    search = next(each for each in found if each.board == "听风 高风险")
    assert search.body["sort"] == [{"severity": {"order": "desc", "unmapped_type": "boolean"}}]
    assert "event_at" in search.body["fields"]
    slider = next(each for each in found if each.panel == "粉丝")
    assert slider.body["aggs"] == {
        "least": {"min": {"field": "author.followers"}},
        "most": {"max": {"field": "author.followers"}},
    }


@pytest.mark.parametrize(
    ("operation", "said"), [("counter_rate", "operation counter_rate"), ("intervals", "operation intervals")]
)
def test_what_we_do_not_write_is_refused(operation: str, said: str) -> None:
    found = copy.deepcopy(OBJECTS)
    attributes = found[-1]["attributes"]
    bucketed = "true" if operation == "intervals" else "false"
    name = "terms" if operation == "intervals" else "count"
    old = f'"isBucketed":{bucketed}'
    assert old in attributes["panelsJSON"]
    attributes["panelsJSON"] = attributes["panelsJSON"].replace(
        f'"operationType":"{name}"', f'"operationType":"{operation}"'
    )
    with pytest.raises(DashboardError, match=said):
        questions(found, window=WINDOW, to_dsl=dsl)


def test_objects_that_are_not_ours_are_refused() -> None:
    with pytest.raises(DashboardError, match="data view is missing"):
        questions(OBJECTS[1:], window=WINDOW, to_dsl=dsl)
    with pytest.raises(DashboardError, match="cannot be read"):
        questions([OBJECTS[0], {"type": "search", "id": "x", "attributes": {}}], window=WINDOW, to_dsl=dsl)


def test_a_long_window_still_has_a_step() -> None:
    long = Window(start=START, end=START + timedelta(days=9000))
    found = questions(OBJECTS, window=long, to_dsl=dsl)
    assert any("604800s" in json.dumps(each.body) for each in found)
