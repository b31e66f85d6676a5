"""The second set of payloads, written from the contract before the parsers: well-formed, and none forgotten."""

import json
from pathlib import Path
from typing import Any

import pytest

from domain.moment import from_rfc3339
from domain.outcome import FetchOutcome

ROOT = Path(__file__).parent.parent / "fixtures" / "payloads"
FOLDERS = sorted(path for path in ROOT.iterdir() if path.is_dir())


def _manifest(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / "expected.json").read_text("utf-8"))
    return manifest


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_each_payload_is_listed_once_with_what_it_must_give(folder: Path) -> None:
    listed = [entry["file"] for entry in _manifest(folder)["files"]]
    assert sorted(listed) == sorted(path.name for path in folder.iterdir() if path.name != "expected.json")
    for entry in _manifest(folder)["files"]:
        now = from_rfc3339(entry["now"])
        assert FetchOutcome(entry["outcome"]) and entry["endpoint"]
        told = entry["mentions"]
        assert len({each["id"] for each in told}) == len(told), entry["file"]
        for each in told:
            assert not each.get("published_at") or from_rfc3339(each["published_at"]) <= now, each["id"]
        assert not told or FetchOutcome(entry["outcome"]).proves_life


def test_the_set_is_large_enough() -> None:
    assert sum(len(_manifest(folder)["files"]) for folder in FOLDERS) >= 60
