"""The written objects: current, stable, whole, and what the checks catch in damaged ones."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from dashboards.kibana import BUNDLE_PATH, DATA_VIEW_ID, bundle, dashboard_id, shipped_text, to_ndjson
from dashboards.kibana.boards import BOARDS
from dashboards.kibana.check import field_types, problems
from dashboards.kibana.saved import TYPE_VERSIONS, read_ndjson
from domain.query import MENTION_FIELDS
from storage.mentions.elastic.mapping import index_mapping

FIELDS = field_types(index_mapping()["properties"])
Json = dict[str, Any]


def objects() -> list[Json]:
    return copy.deepcopy(list(read_ndjson(BUNDLE_PATH.read_text(encoding="utf-8"))))


def board(found: list[Json], title: str) -> Json:
    return next(each for each in found if each["attributes"]["title"] == f"听风 {title}")


def test_the_written_file_is_current() -> None:
    assert BUNDLE_PATH.read_text(encoding="utf-8") == shipped_text(), "python -m dashboards.kibana.bundle"


def test_nothing_is_wrong_with_the_objects() -> None:
    assert problems(objects(), FIELDS) == ()


def test_every_public_field_of_the_index_is_known_to_the_checks() -> None:
    assert {name: kind for name, kind in FIELDS.items() if not name.startswith("inner.")} == dict(MENTION_FIELDS)


def test_the_objects_are_the_promised_ones() -> None:
    kinds: dict[str, list[str]] = {}
    for each in objects():
        kinds.setdefault(each["type"], []).append(each["attributes"]["title"])
    assert kinds["index-pattern"] == [DATA_VIEW_ID]
    assert kinds["dashboard"] == ["听风 品牌总览", "听风 危机室", "听风 渠道矩阵", "听风 活动复盘", "听风 来源与覆盖"]
    assert len(kinds["search"]) == 7


def test_ids_never_change() -> None:
    """Links that people keep name them."""
    assert dashboard_id("crisis-room") == "049157d5-d513-58f1-8b85-fb6812743b36"
    assert dashboard_id("brand-overview") == "27c4af16-d018-5ae5-8040-e5e12664f9bd"
    assert to_ndjson(bundle()) == to_ndjson(bundle())


def test_another_alias_is_only_the_title_of_the_data_view() -> None:
    ours, theirs = bundle(), bundle("prod-mentions")
    assert theirs[0].attributes["title"] == "prod-mentions"
    assert theirs[0].id == DATA_VIEW_ID
    assert ours[1:] == theirs[1:]


def test_every_dashboard_leads_to_the_others() -> None:
    for each in objects():
        if each["type"] == "dashboard":
            (note,) = [p for p in json.loads(each["attributes"]["panelsJSON"]) if p["type"] == "visualization"]
            text = note["embeddableConfig"]["savedVis"]["params"]["markdown"]
            others = {dashboard_id(one.key) for one in BOARDS} - {each["id"]}
            assert all(f"(#/view/{id})" in text for id in others)


def test_big_numbers_are_numbers() -> None:
    for each in objects():
        for panel in json.loads(each["attributes"].get("panelsJSON", "[]")):
            attributes = panel["embeddableConfig"].get("attributes", {})
            if attributes.get("visualizationType") == "lnsMetric":
                assert {column["dataType"] for column in _layer([panel])["columns"].values()} == {"number"}


def test_links_lead_to_story_and_original() -> None:
    view = objects()[0]["attributes"]
    formats = json.loads(view["fieldFormatMap"])
    assert formats["url"] == {"id": "url", "params": {"labelTemplate": "打开原文"}}
    story = formats["story_id"]["params"]["urlTemplate"]
    assert f"../app/dashboards#/view/{dashboard_id('crisis-room')}?" in story
    assert "{{value}}" in story and "now-30d" in story
    labels = json.loads(view["fieldAttrs"])
    assert labels["negative_for"] == {"customLabel": "对谁负面"}


def test_an_export_is_read_without_its_summary() -> None:
    text = to_ndjson(bundle()[:2]) + '\n{"exportedCount":2,"missingRefCount":0}\n'
    assert [each["type"] for each in read_ndjson(text)] == ["index-pattern", "search"]
    with pytest.raises(ValueError, match="no object of Kibana"):
        read_ndjson("[1]")


# --- what the checks catch -----------------------------------------------------------------------------------


def _edit_panels(found: list[Json], title: str, edit: Callable[[list[Json]], None]) -> None:
    attributes = board(found, title)["attributes"]
    panels = json.loads(attributes["panelsJSON"])
    edit(panels)
    attributes["panelsJSON"] = json.dumps(panels)


def _lens(panels: list[Json]) -> Json:
    return next(each for each in panels if each["type"] == "lens")["embeddableConfig"]["attributes"]  # type: ignore[no-any-return]


def _layer(panels: list[Json], place: int = 0) -> Json:
    found = [each for each in panels if each["type"] == "lens"][place]["embeddableConfig"]["attributes"]
    (layer,) = found["state"]["datasourceStates"]["formBased"]["layers"].values()
    return layer  # type: ignore[no-any-return]


def _column(panels: list[Json], operation: str) -> Json:
    for place in range(len([each for each in panels if each["type"] == "lens"])):
        for column in _layer(panels, place)["columns"].values():
            if column["operationType"] == operation:
                return column  # type: ignore[no-any-return]
    raise AssertionError(operation)


DAMAGES: dict[str, tuple[Callable[[list[Json]], None], str]] = {
    "twice": (lambda found: found.append(copy.deepcopy(found[1])), "share type and id"),
    "unknown type": (lambda found: found[1].update(type="map"), "no type of ours"),
    "no version": (lambda found: found[1].pop("typeMigrationVersion"), "carries no version"),
    "newer": (lambda found: found[-1].update(typeMigrationVersion="10.10.0"), "newer than Kibana 8.14"),
    "lost target": (lambda found: found.pop(1), "which is not here"),
    "lost reference": (lambda found: found[-1]["references"].pop(), "is missing"),
    "spare reference": (
        lambda found: found[-1]["references"].append({"id": "mentions", "name": "x", "type": "index-pattern"}),
        "never used",
    ),
    "same reference": (lambda found: found[-1]["references"].append(found[-1]["references"][0]), "share a name"),
    "time field": (lambda found: found[0]["attributes"].update(timeFieldName="platform"), "is no date"),
    "label": (lambda found: found[0]["attributes"].update(fieldAttrs='{"heat":{}}'), "no field heat"),
    "broken string": (lambda found: found[-1]["attributes"].update(panelsJSON="[{"), "cannot be read"),
    "search column": (lambda found: found[1]["attributes"]["columns"].append("heat"), "no field heat"),
    "search sort": (lambda found: found[1]["attributes"].update(sort=[["text", "desc"]]), "sorts by the text"),
    "bad query": (
        lambda found: _edit_panels(found, "危机室", lambda p: _lens(p)["state"]["query"].update(query="(brand: x")),
        "cannot be read",
    ),
    "unknown in query": (
        lambda found: _edit_panels(found, "危机室", lambda p: _lens(p)["state"]["query"].update(query="heat: 3")),
        "asks for heat",
    ),
    "text as terms": (
        lambda found: _edit_panels(found, "品牌总览", lambda p: _column(p, "terms").update(sourceField="text")),
        "text is text, which terms cannot use",
    ),
    "unknown field": (
        lambda found: _edit_panels(found, "品牌总览", lambda p: _column(p, "sum").update(sourceField="heat")),
        "no field heat",
    ),
    "lost part": (
        lambda found: _edit_panels(found, "品牌总览", lambda p: _column(p, "formula").update(references=["gone"])),
        "refers to gone",
    ),
    "layer": (
        lambda found: _edit_panels(found, "品牌总览", lambda p: _lens(p)["references"][0].update(name="x")),
        "layers and references differ",
    ),
    "order": (
        lambda found: _edit_panels(found, "品牌总览", lambda p: _layer(p)["columnOrder"].pop()),
        "columns and their order differ",
    ),
    "drawn": (
        lambda found: _edit_panels(
            found, "品牌总览", lambda p: _lens(p)["state"]["visualization"].update(metricAccessor="gone")
        ),
        "draws columns that are not there",
    ),
    "overlap": (
        lambda found: _edit_panels(found, "品牌总览", lambda p: p[1]["gridData"].update(y=0)),
        "overlap",
    ),
    "too wide": (
        lambda found: _edit_panels(found, "品牌总览", lambda p: p[0]["gridData"].update(w=49)),
        "leaves the 48 columns",
    ),
    "place": (
        lambda found: _edit_panels(found, "品牌总览", lambda p: p[0]["gridData"].update(i="x")),
        "belongs to another",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_named(name: str) -> None:
    damage, said = DAMAGES[name]
    found = objects()
    damage(found)
    assert any(said in each for each in problems(found, FIELDS)), problems(found, FIELDS)[:5]


def test_a_control_over_text_is_named() -> None:
    found = objects()
    group = board(found, "品牌总览")["attributes"]["controlGroupInput"]
    controls = json.loads(group["panelsJSON"])
    next(iter(controls.values()))["explicitInput"]["fieldName"] = "text"
    group["panelsJSON"] = json.dumps(controls)
    assert any("a control cannot use" in each for each in problems(found, FIELDS))


def test_the_types_that_are_written_are_no_newer_than_8_14() -> None:
    assert TYPE_VERSIONS == {"dashboard": "10.2.0", "index-pattern": "8.0.0", "search": "7.9.3", "tag": "8.0.0"}
