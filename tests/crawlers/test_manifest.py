"""Every field of every saved payload: a page that drifted names its fields."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crawlers.parse import parse_manifest

FIXTURES = Path(__file__).parent.parent / "fixtures"
FOLDERS = sorted(path for kind in ("platforms", "payloads") for path in (FIXTURES / kind).iterdir() if path.is_dir())
OF_THE_ANSWER = (
    "outcome", "next", "trends", "visitor", "long_text", "retryable", "parent_id", "total", "resolved_url", "danmaku",
    "platform_of_origin", "fresh_children",
)  # fmt: skip
OF_THE_COMPARISON = ("optional", "id_rule")
SETS = ("counters_approx", "counters_lower_bound")


def _manifest(folder: Path) -> list[dict[str, Any]]:
    files: list[dict[str, Any]] = json.loads((folder / "expected.json").read_text("utf-8"))["files"]
    return files


@pytest.fixture(scope="module")
def parsed() -> dict[Path, list[dict[str, Any]]]:
    return {folder: list(parse_manifest(folder / "expected.json")) for folder in FOLDERS}


@pytest.mark.parametrize(
    ("folder", "number"),
    [
        pytest.param(folder, number, id=f"{folder.parent.name}/{folder.name}/{entry['file']}")
        for folder in FOLDERS
        for number, entry in enumerate(_manifest(folder))
    ],
)
def test_every_field_is_as_expected(parsed: dict[Path, list[dict[str, Any]]], folder: Path, number: int) -> None:
    wrong = [*_differences(parsed[folder][number], _manifest(folder)[number])]
    assert not wrong, "\n".join(wrong)


def _differences(result: dict[str, Any], entry: dict[str, Any]) -> Iterator[str]:
    for key in OF_THE_ANSWER:
        if key in entry:
            yield from _unequal(key, _comparable(key, result.get(key), entry[key]), entry[key])
    found = result["mentions"]
    yield from (f"{one['id']}: not expected" for one in found if not any(_is_same(one, e) for e in entry["mentions"]))
    if len({one["id"] for one in found}) != len(found):
        yield "an id comes twice"
    for mention in entry["mentions"]:
        own = next((one for one in found if _is_same(one, mention)), None)
        if own is None:
            yield from () if mention.get("optional") else (f"{mention['id']}: not found",)
            continue
        for field, value in _flat(mention):
            told: Any = own
            for key in field:
                told = told.get(key, "(no such field)") if told is not None else None
            name = f"{mention['id']}.{'.'.join(field)}"
            yield from _unequal(name, *(map(sorted, (told, value)) if field[0] in SETS else (told, value)))


def _unequal(name: str, told: Any, expected: Any) -> Iterator[str]:
    if told != expected:
        yield f"{name}: {told!r} instead of {expected!r}"


def _comparable(key: str, told: Any, expected: Any) -> Any:
    """Cut a hot list to the keys that the manifest names; we always say all that we know of."""
    if key != "trends" or len(told) != len(expected):
        return told
    return [{name: line.get(name) for name in lines} for line, lines in zip(told, expected, strict=True)]


def _flat(mention: dict[str, Any]) -> list[tuple[tuple[str, ...], Any]]:
    flat: list[tuple[tuple[str, ...], Any]] = []
    for key, value in mention.items():
        if key in OF_THE_COMPARISON or (key == "id" and _is_free(mention)):
            continue
        if isinstance(value, dict):
            flat += [((key, inner), each) for inner, each in value.items()]
        else:
            flat.append(((key,), value))
    return flat


def _is_free(mention: dict[str, Any]) -> bool:
    """Say whether the contract leaves the id open: such a mention is told from others by its link or title."""
    return mention.get("id_rule") == "free"


def _is_same(found: dict[str, Any], mention: dict[str, Any]) -> bool:
    if not _is_free(mention):
        return bool(found["id"] == mention["id"])
    return (mention.get("url") or "-", mention.get("title")) in ((found["url"], found["title"]), ("-", found["title"]))
