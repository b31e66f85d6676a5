import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

from crawlers.folder import DropFolder
from crawlers.platforms.imports import ImportSettings
from tests.crawlers.pages import source

NOW = datetime(2026, 6, 20, 7, 30, tzinfo=UTC)
LINE = json.dumps({"platform": "weibo", "id": "1", "text": "云"}) + "\n"


def folder(path: Path, taken: str | None = None) -> DropFolder:
    return DropFolder(source(platform="import", options=ImportSettings(path=str(path))), taken=taken)


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def take(drop: DropFolder, path: str) -> int:
    count = sum(len(batch) for batch in drop.batches(path, 2, now=NOW))
    drop.finish(path)
    return count


def test_growing_file_waits_until_it_looks_the_same_twice(tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson"
    file.write_text(LINE, "utf-8")
    drop = folder(tmp_path)
    assert drop.look() == []
    assert drop.waiting
    file.write_text(LINE * 2, "utf-8")
    assert drop.look() == []
    assert drop.look() == [str(file)]
    assert not drop.waiting


def test_settled_files_are_taken_at_once_oldest_first_and_moved(tmp_path: Path) -> None:
    for number, name in enumerate(("b.csv", "a.ndjson", "c.txt", ".d.csv")):
        (tmp_path / name).write_text(LINE * 3, "utf-8")
        age(tmp_path / name, 100 - number)
    drop = folder(tmp_path)
    found = drop.look()
    assert [Path(path).name for path in found] == ["b.csv", "a.ndjson"]
    assert take(drop, found[1]) == 3
    assert (tmp_path / "done" / "a.ndjson").exists()
    (tmp_path / "a.ndjson").write_text(LINE, "utf-8")
    age(tmp_path / "a.ndjson", 100)
    take(drop, drop.look()[-1])
    take(drop, drop.look()[-1])
    assert {path.name for path in (tmp_path / "done").iterdir()} == {"a.ndjson", "a-1.ndjson", "b.csv"}


def test_single_file_stays_and_is_taken_again_only_when_changed(tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson"
    file.write_text(LINE, "utf-8")
    age(file, 100)
    drop = folder(file)
    assert take(drop, drop.look()[0]) == 1
    assert drop.look() == []
    assert folder(file, drop.taken).look() == []
    file.write_text(LINE * 2, "utf-8")
    age(file, 50)
    assert drop.look() == [str(file)]


def test_file_that_cannot_be_moved_is_remembered(tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson"
    file.write_text(LINE + "{bad\n", "utf-8")
    age(file, 100)
    (tmp_path / "done").write_text("in the way", "utf-8")
    drop = folder(tmp_path)
    (path,) = drop.look()
    list(drop.batches(path, 2, now=NOW))
    (problem,) = drop.finish(path)
    assert problem.startswith("a.ndjson:2: not JSON")
    assert file.exists()
    assert drop.look() == []


def test_missing_folder_is_a_problem_in_words(tmp_path: Path) -> None:
    drop = folder(tmp_path / "none")
    assert drop.look() == []
    assert drop.problem == "cannot read the import path: No such file or directory"
