"""What ships with the product can be read by the product."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from yaml.nodes import ScalarNode

from config import Packaged, default_settings, packaged
from config.packaged import entry_text, overlay
from tests.config.fakes import SPECS


def without_rules() -> Packaged:
    return replace(packaged(), rules=())  # their kinds are the business of the detection package


def test_packaged_topics_and_risks_are_read() -> None:
    settings = default_settings(SPECS, folder=Path("/tmp"), defaults=without_rules())
    assert len({one.id for one in settings.topics}) == len(settings.topics) > 5
    assert len({one.id for one in settings.risks}) == 11
    assert sum(one.strong for one in settings.risks) == 5
    assert all(0 < one.weight < 1 and one.words for one in settings.risks)


def test_packaged_files_are_read_once() -> None:
    assert packaged() is packaged()


def test_entry_that_is_no_mapping_has_no_text() -> None:
    node = ScalarNode("tag:yaml.org,2002:str", "x")
    assert entry_text(node, "name") == ""
    assert overlay((node,), [("p", node)], "name") == [("p", node)]
