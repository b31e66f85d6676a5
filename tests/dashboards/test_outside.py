"""The form of every chart beside that of an independent compiler (kb-dashboard-core 0.4.1, for 9.2).

`outside_shapes.json` is written by `outside.py`. A difference stands here with its reason, or fails.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from dashboards.kibana import bundle
from tests.dashboards.shape import shapes_of

THEIRS = json.loads(
    (Path(__file__).resolve().parent.parent / "fixtures" / "kibana" / "outside_shapes.json").read_text("utf-8")
)
COLUMN = r"\.embeddableConfig\.attributes\.state\.datasourceStates\.formBased\.layers\.\*\.columns\.\*"
DRAWN = r"\.embeddableConfig\.attributes\.state\.visualization"

LEFT_OUT = {
    r"\.showApplySelections": "newer than 8.14, whose schema refuses keys that it does not know",
    r"\.embeddableConfig\.(filters\[\]|query\.\w+)": "filters and query of a panel stand in its chart's state",
    r"\.embeddableConfig\.sync\w+": "stand in the dashboard's options",
    r"\.embeddableConfig\.enhancements\.dynamicActions\.events\[\]": "no drilldowns",
    rf"{DRAWN}\.(applyColorTo|secondary\w+(\.type)?)": "newer than 8.14, and defaults",
    rf"{DRAWN}\.layers\[\]\.(position|showGridlines)": "of reference lines, not in what Kibana 9.2 itself writes",
    r"\.embeddableConfig\.(savedObjectId|title)": "a saved search is named by its reference",
}
"""What the other writes and we do not, by pattern."""

ADDED = {
    r"\.(timeFrom|timeTo)": "our dashboards open with a window of their own",
    r"\.title": "title of the panel, as Kibana 8 keeps it",
    r"\.embeddableConfig\.attributes\.description": "a key of every Lens object",
    rf"{COLUMN}\.filter\.(language|query)": "a figure with its own query; the other's metrics have it too",
    rf"{COLUMN}\.params\.(formula|isFormulaBroken|tinymathAst)": "a formula; the same as in the metric",
    rf"{COLUMN}\.references\[\]": "a formula; the same as in the metric",
    rf"{COLUMN}\.params\.format\.(id|params\.(compact|decimals))": "how a number is written; the metric has it too",
    rf"{DRAWN}\.paging\.(enabled|size)": "rows per page of a table",
    rf"{DRAWN}\.(showBar|subtitle)": "keys of a metric's state in every version since 8.14",
    rf"{DRAWN}\.(axisTitlesVisibilitySettings\.\w+|fittingFunction|legend\.isVisible)": "in what Kibana 9.2 writes",
    rf"{DRAWN}\.layers\[\]\.colorMapping\.assignments\[\]\..+": "fixed colours, as its own ColorMapping",
}
"""What we write and the other does not, by pattern."""


def ours() -> dict[str, dict[str, set[str]]]:
    found: dict[str, dict[str, set[str]]] = {}
    for each in bundle():
        if each.type == "dashboard":
            for part, paths in shapes_of(each.json()).items():
                for path, kinds in paths.items():
                    found.setdefault(part, {}).setdefault(path, set()).update(kinds)
    return found


OURS = ours()


def unexplained(paths: set[str], reasons: dict[str, str]) -> list[str]:
    return sorted(path for path in paths if not any(re.fullmatch(pattern, path) for pattern in reasons))


def test_both_write_the_same_parts() -> None:
    assert set(OURS) == set(THEIRS)


@pytest.mark.parametrize("part", sorted(THEIRS))
def test_a_part_has_the_same_form(part: str) -> None:
    assert unexplained(set(THEIRS[part]) - set(OURS[part]), LEFT_OUT) == []
    assert unexplained(set(OURS[part]) - set(THEIRS[part]), ADDED) == []


@pytest.mark.parametrize("part", sorted(THEIRS))
def test_a_part_uses_the_same_kinds_of_value(part: str) -> None:
    """Every word that the other uses for a key is one of ours, so types and operations are spelt alike."""
    differ = {
        path: sorted(set(kinds) - OURS[part][path])
        for path, kinds in THEIRS[part].items()
        if path in OURS[part] and not set(kinds) <= OURS[part][path]
    }
    assert differ == {}


def test_no_reason_is_left_over() -> None:
    left = {path for part in THEIRS for path in set(THEIRS[part]) - set(OURS[part])}
    added = {path for part in THEIRS for path in set(OURS[part]) - set(THEIRS[part])}
    assert [pattern for pattern in LEFT_OUT if not any(re.fullmatch(pattern, path) for path in left)] == []
    assert [pattern for pattern in ADDED if not any(re.fullmatch(pattern, path) for path in added)] == []
