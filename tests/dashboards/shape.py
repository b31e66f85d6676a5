"""The shape of a dashboard: which keys there are and what kind of value stands behind each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_WORDS = {"operationType", "dataType", "scale", "layerType", "type", "id", "colorMode", "language", "visualizationType"}
"""Keys whose words are part of the shape."""
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")

Shapes = dict[str, dict[str, list[str]]]


def shapes_of(dashboard: dict[str, Any]) -> Shapes:
    """Return the shapes of a dashboard's parts: itself, its controls, and each kind of panel.

    Every shape is a mapping from a path to the kinds of value found there; ids become `*`.
    """
    attributes = dashboard["attributes"]
    found: dict[str, dict[str, set[str]]] = {}
    _add(found, "dashboard", {key: value for key, value in attributes.items() if not key.startswith("control")})
    group = attributes["controlGroupInput"]
    _add(found, "controls", {key: value for key, value in group.items() if key != "panelsJSON"})
    for control in json.loads(group["panelsJSON"]).values():
        _add(found, control["type"], control)
    panels = attributes["panelsJSON"]
    for panel in json.loads(panels) if isinstance(panels, str) else panels:
        kind = panel["embeddableConfig"].get("attributes", {}).get("visualizationType") or panel["type"]
        _add(found, kind, panel)
    names = {re.sub(_UUID, "*", reference["name"]) for reference in dashboard["references"]}
    shapes = {part: {path: sorted(kinds) for path, kinds in paths.items()} for part, paths in found.items()}
    shapes["references"] = {name: ["reference"] for name in names}
    return shapes


def _add(found: dict[str, dict[str, set[str]]], part: str, value: object) -> None:
    paths = found.setdefault(part, {})
    for path, kind in _walk("", value):
        paths.setdefault(path, set()).add(kind)


def _walk(path: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, each in value.items():
            name = "*" if _UUID.match(key) else key
            if name == "tinymathAst":
                yield f"{path}.{name}", "tree"
            else:
                yield from _walk(f"{path}.{name}", each)
    elif isinstance(value, list):
        yield f"{path}[]", "list"
        for each in value:
            yield from _walk(f"{path}[]", each)
    elif isinstance(value, str) and path.rsplit(".", 1)[-1] in _WORDS and not _UUID.match(value):
        yield path, value
    else:
        yield (
            path,
            "none"
            if value is None
            else {"bool": "bool", "int": "number", "float": "number"}.get(type(value).__name__, "text"),
        )
