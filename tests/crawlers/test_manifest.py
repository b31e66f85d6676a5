"""Every field of every saved payload, one test per field: a drifted page names the field."""

import json
from pathlib import Path
from typing import Any

import pytest

from crawlers.parse import parse_manifest

FOLDERS = sorted(path for path in (Path(__file__).parent.parent / "fixtures" / "platforms").iterdir() if path.is_dir())


def _cases() -> list[Any]:
    cases = []
    for folder in FOLDERS:
        manifest = json.loads((folder / "expected.json").read_text("utf-8"))
        for number, entry in enumerate(manifest["files"]):
            name = f"{folder.name}/{entry['file']}"
            for key in ("outcome", "next", "trends", "visitor", "long_text", "retryable", "parent_id"):
                if key in entry:
                    cases.append(pytest.param(folder, number, (key,), entry[key], id=f"{name}:{key}"))
            required = [m for m in entry["mentions"] if not m.get("optional")]
            allowed = {m["id"] for m in entry["mentions"]}
            cases.append(pytest.param(folder, number, ("ids",), (required, allowed), id=f"{name}:ids"))
            for mention in entry["mentions"]:
                for field, value in _flat(mention):
                    label = f"{name}:{mention['id']}.{'.'.join(field)}"
                    cases.append(pytest.param(folder, number, (mention["id"], *field), value, id=label))
    return cases


def _flat(mention: dict[str, Any]) -> list[tuple[tuple[str, ...], Any]]:
    flat: list[tuple[tuple[str, ...], Any]] = []
    for key, value in mention.items():
        if key == "optional":
            continue
        if isinstance(value, dict):
            flat += [((key, inner), each) for inner, each in value.items()]
        else:
            flat.append(((key,), value))
    return flat


@pytest.fixture(scope="module")
def parsed() -> dict[Path, list[dict[str, Any]]]:
    return {folder: list(parse_manifest(folder / "expected.json")) for folder in FOLDERS}


@pytest.mark.parametrize(("folder", "number", "field", "expected"), _cases())
def test_field_is_as_expected(
    parsed: dict[Path, list[dict[str, Any]]], folder: Path, number: int, field: tuple[str, ...], expected: Any
) -> None:
    result: Any = parsed[folder][number]
    if field == ("ids",):
        required, allowed = expected
        found = [mention["id"] for mention in result["mentions"]]
        assert {mention["id"] for mention in required} <= set(found) <= allowed
        assert len(found) == len(set(found))
        return
    if len(field) > 1:
        by_id = {mention["id"]: mention for mention in result["mentions"]}
        assert field[0] in by_id, "not found"
        result, field = by_id[field[0]], field[1:]
    for key in field:
        result = result[key] if result is not None else None
    assert result == expected
