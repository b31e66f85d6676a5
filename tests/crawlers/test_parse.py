import json
from pathlib import Path
from typing import Any

import pytest

from crawlers.errors import CrawlError, ManifestError
from crawlers.parse import parse_manifest
from crawlers.platforms import build_platform, platform_specs

FEED = "<rss><channel><item><title>题</title><link>https://a.cn/1</link></item></channel></rss>"


def run(folder: Path, *files: dict[str, Any], **top: Any) -> list[dict[str, Any]]:
    (folder / "expected.json").write_text(json.dumps({"files": list(files), **top}), "utf-8")
    return list(parse_manifest(folder / "expected.json"))


def entry(file: str = "a.xml", **more: Any) -> dict[str, Any]:
    return {"file": file, "endpoint": "rss.any", "request_url": "https://a.cn/f", "http_status": 200,
            "response_headers": {}, "now": "2026-06-20T15:30:00+08:00", **more}  # fmt: skip


def test_bad_entries_say_why_and_the_rest_is_done(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(FEED, "utf-8")
    (tmp_path.parent / "secret.txt").write_text("x", "utf-8")
    (tmp_path / "link.xml").symlink_to(tmp_path.parent / "secret.txt")
    results = run(
        tmp_path,
        entry("../secret.txt"),
        entry("link.xml"),
        entry("missing.xml"),
        entry("..", endpoint="rss.any"),
        entry(endpoint="nowhere.x"),
        entry(endpoint="weibo.nothing"),
        entry(endpoint=""),
        entry(now="yesterday"),
        entry(now=""),
        entry(response_headers=None, http_status="x"),
        entry(),
    )
    assert [bool(result.get("error")) for result in results] == [True] * 9 + [False] * 2
    assert all(result["outcome"] == "error" for result in results[:9])
    words = [result.get("error", "") for result in results]
    assert "leaves the manifest's folder" in words[0]
    assert "points out of" in words[1]
    assert "cannot read payload" in words[2]
    assert "unknown endpoint 'nowhere.x'; known platforms are" in words[4]
    assert "unknown endpoint weibo.nothing" in words[5]
    assert results[-1]["mentions"][0]["url"] == "https://a.cn/1"
    assert results[-1]["next"] is None


def test_expected_results_are_never_read(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(FEED, "utf-8")
    plain = run(tmp_path, entry())
    told = run(tmp_path, entry(mentions=[{"id": "lie"}], outcome="captcha", trends=[1], next={"page": 9}, note="x"))
    assert plain == told


def test_manifest_time_serves_entries_without_one(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(FEED, "utf-8")
    (result,) = run(tmp_path, entry(now=None), reference_now="2026-06-20T15:30:00+08:00")
    assert result["outcome"] == "ok"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": 3}', "[" * 20_000])
def test_manifest_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.json").write_text(text, "utf-8")
    with pytest.raises(ManifestError, match="manifest"):
        list(parse_manifest(tmp_path / "m.json"))
    with pytest.raises(ManifestError, match="cannot read the manifest"):
        list(parse_manifest(tmp_path / "none.json"))


def test_giant_payload_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "a.xml").open("wb") as file:
        file.truncate(17_000_000)
    (result,) = run(tmp_path, entry())
    assert "larger than" in result["error"]


def test_every_platform_module_announces_itself() -> None:
    specs = platform_specs()
    assert list(specs) == sorted(specs)
    assert {"feed", "article", "weibo", "gdelt", "import"} <= set(specs)
    for name, spec in specs.items():
        assert build_platform(name).name == name
        assert spec.title
    with pytest.raises(CrawlError, match="unknown platform 'x'; known are article"):
        build_platform("x")
