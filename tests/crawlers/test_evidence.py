import gzip
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from crawlers.base import Response
from crawlers.evidence import EvidenceBox, evidence_name
from domain.clock import ManualClock
from domain.outcome import FetchOutcome as F

T = datetime(2026, 6, 20, 7, 30, tzinfo=UTC)


def answer(body: bytes, now: datetime = T) -> Response:
    return Response(url="https://a.cn/feed", body=body, now=now)


def test_first_failing_body_of_a_row_is_kept_for_our_user_alone(tmp_path: Path) -> None:
    box = EvidenceBox(tmp_path / "evidence", ManualClock(T))
    box.keep("../../新闻", F.PARSE_ERROR, answer(b"<html>first"))
    box.keep("../../新闻", F.PARSE_ERROR, answer(b"<html>second"))
    box.keep("../../新闻", F.BLOCKED, answer(b"no"))
    files = {path.name: gzip.decompress(path.read_bytes()) for path in (tmp_path / "evidence").iterdir()}
    assert files == {
        evidence_name("../../新闻", F.PARSE_ERROR): b"<html>first",
        evidence_name("../../新闻", F.BLOCKED): b"no",
    }
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in (tmp_path / "evidence").iterdir())
    assert (tmp_path / "evidence").stat().st_mode & 0o777 == 0o700


def test_after_a_good_answer_the_next_failure_replaces_the_old_one(tmp_path: Path) -> None:
    box = EvidenceBox(tmp_path, ManualClock(T))
    box.keep("a", F.PARSE_ERROR, answer(b"old"))
    box.forget("a")
    box.keep("a", F.PARSE_ERROR, answer(b"new"))
    assert [gzip.decompress(path.read_bytes()) for path in tmp_path.iterdir()] == [b"new"]


def test_body_number_and_total_size_are_bounded(tmp_path: Path) -> None:
    box = EvidenceBox(tmp_path, ManualClock(T), files=3, total_bytes=100_000)
    for number in range(6):
        box.keep(f"s{number}", F.ERROR, answer(b"x" * 9_000_000, T + timedelta(seconds=number)))
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {evidence_name(f"s{number}", F.ERROR) for number in (3, 4, 5)}
    assert all(len(gzip.decompress(path.read_bytes())) == 1_000_000 for path in tmp_path.iterdir())


def test_files_go_after_a_week_and_left_overs_with_them(tmp_path: Path) -> None:
    clock = ManualClock(T)
    box = EvidenceBox(tmp_path, clock)
    box.keep("a", F.ERROR, answer(b"x"))
    clock.advance(timedelta(days=6))
    box.sweep()
    assert len(list(tmp_path.iterdir())) == 1
    clock.advance(timedelta(days=2))
    box.sweep()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_refuses_costs_the_evidence_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    box = EvidenceBox(tmp_path / "file" / "evidence", ManualClock(T))
    box.keep("a", F.ERROR, answer(b"x"))
    box.sweep()


def test_what_people_added_by_hand_is_left_alone(tmp_path: Path) -> None:
    box = EvidenceBox(tmp_path, ManualClock(T))
    (tmp_path / "manual").mkdir()
    (tmp_path / "manual" / "a.png").write_bytes(b"x")
    os.utime(tmp_path / "manual", (0, 0))
    (tmp_path / "old.gz").write_bytes(b"x")
    os.utime(tmp_path / "old.gz", (0, 0))
    box.sweep()
    assert not (tmp_path / "old.gz").exists() and (tmp_path / "manual" / "a.png").exists()
