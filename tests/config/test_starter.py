"""The starter file loads as it is, whatever the brand is called."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import NO_DEFAULTS, Settings, load_text, starter
from domain.query import parse
from tests.config.fakes import SPECS


def read(text: str) -> Settings:
    return load_text(text, SPECS, folder=Path("/tmp"), environ={}, defaults=NO_DEFAULTS)


def test_starter_listens_without_any_key() -> None:
    settings = read(starter("云杉咖啡"))
    assert settings.brands[0].name == "云杉咖啡"
    assert settings.brands[0].query == '"云杉咖啡"'
    assert {one.platform for one in settings.sources} == {"gdelt", "weibo", "feed"}
    assert len(settings.sources) > 10
    assert all(one.token is None and one.cookie is None for one in settings.sources)
    assert settings.receivers == ()


def test_starter_takes_a_query() -> None:
    assert read(starter("苹果", "苹果 and not 苹果汁")).brands[0].query == "苹果 and not 苹果汁"


def test_commented_receivers_load_once_they_are_uncommented() -> None:
    before, heading, rest = starter("云杉咖啡").partition("# receivers:\n")
    block, rule, after = rest.partition("\n# ── 其他")
    uncommented = "\n".join(line.removeprefix("# ") for line in (heading + block).splitlines())
    text = before + uncommented + rule + after
    environment = {"WECOM_KEY": "k", "SLACK_TOKEN": "t"}
    settings = load_text(text, SPECS, folder=Path("/tmp"), environ=environment, defaults=NO_DEFAULTS)
    assert [one.name for one in settings.receivers] == ["pr-duty", "pr-head"]
    assert settings.routes[0].escalate[0].to == "pr-head"
    assert settings.operator == "pr-duty"


def plain(name: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in name).split())


@given(st.text(max_size=60))
def test_any_name_gives_a_file_that_loads(name: str) -> None:
    if not plain(name):
        with pytest.raises(ValueError, match="empty"):
            starter(name)
    else:
        settings = read(starter(name))
        assert settings.brands[0].name == plain(name)
        parse(settings.brands[0].query)


@pytest.mark.parametrize("name", ["It's", "a: b", "${HOME}", "$${HOME}", "@ID@", "- x", "'", '"'])
def test_awkward_names_survive(name: str) -> None:
    assert read(starter(name)).brands[0].name == name
