"""The JSON schema takes what the loader takes."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from config import json_schema, starter
from tests.config.fakes import SPECS
from tests.config.test_loader import SKETCH


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json.loads(json.dumps(json_schema(SPECS), ensure_ascii=False))


def valid(schema: dict[str, Any], text: str) -> bool:
    return Draft202012Validator(schema).is_valid(yaml.safe_load(text))


def test_schema_is_a_schema(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(
    "text",
    [
        SKETCH.replace("${", "$").replace("_TOKEN}", "_TOKEN").replace("_KEY}", "_KEY").replace("on:", '"on":'),
        starter("云杉咖啡"),
        "brands: [{name: a, aliases: b}]\nsources:\nproxy: env\ndata_dir: x\nhealthz: {port: 1}\n",
        "rules: [{name: packaged, enabled: false}]\n",
        "topics: [{id: a, enabled: false}]\nrisks: [{id: a, add_words: [b]}]\n",
        "receivers: [{name: a, wecom_robot: {key_file: f, headers: {A: b}}}]\n",
        "sources: [{platform: feed, url: null}]\n",
    ],
)
def test_schema_takes_good_settings(schema: dict[str, Any], text: str) -> None:
    errors = [error.message[:200] for error in Draft202012Validator(schema).iter_errors(yaml.safe_load(text))]
    assert errors == []


@pytest.mark.parametrize(
    "text",
    [
        "sorces: []\n",
        "sources: [{platform: nope}]\n",
        "sources: [{platform: feed, interval: soon}]\n",
        "rules: [{name: a, kind: burst, severity: x}]\n",
        "receivers: [{name: a, nope: {}}]\n",
        "routes: [{match: a}]\n",
        "healthz: {port: 70000}\n",
    ],
)
def test_schema_refuses_bad_settings(schema: dict[str, Any], text: str) -> None:
    assert not valid(schema, text)


def test_schema_tells_what_each_key_is_for(schema: dict[str, Any]) -> None:
    feed = next(
        form
        for form in schema["properties"]["sources"]["items"]["anyOf"]
        if form["properties"]["platform"]["const"] == "feed"
    )
    assert feed["properties"]["interval"]["description"].startswith("Time between visits")
    assert feed["properties"]["interval"]["default"] == "5m"
    assert "Language of its entries." in json.dumps(feed)
