"""Files as a loss of power or a careless copy leaves them: recovered, or refused by name, never silently empty."""

import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from domain.query import MatchAll
from service import wiring
from service.aftermath import check_files, find_lost
from service.lock import RoleLocks
from storage import open_mentions, open_state
from storage.backup.snapshot import check_file
from storage.errors import DamagedError, StoreError
from storage.lock import make_file
from tests.service.conftest import CONFIG
from tests.storage.sample import NOW, mention
from tests.storage.test_processes import begin, kill_after

pytestmark = pytest.mark.slow

FILES = ("state.db", "mentions.db")


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Return a data folder whose writer was killed: both files with a log that was never taken in."""
    folder = tmp_path / "data"
    folder.mkdir()
    said = kill_after(begin("live", folder, "k"), 30)
    assert len(said) >= 30 and all((folder / f"{name}-wal").stat().st_size for name in FILES)
    return folder


def open_all(folder: Path) -> tuple[int, int]:
    """Open both stores as at a start; return how many posts are known and stored."""
    state, store = open_state(None, folder), open_mentions("sqlite", folder)
    try:
        return len(state.inbox.known([f"weibo:k{n}" for n in range(200)])), store.count(MatchAll(), now=NOW)
    finally:
        state.close()
        store.close()


def checked(folder: Path) -> None:
    for name in FILES:
        check_file(folder / name)


def test_a_killed_writer_leaves_all_it_committed(written: Path) -> None:
    known, stored = open_all(written)
    assert known >= 30 and stored >= known - 4
    checked(written)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("part", [0.9, 0.5, 0.1, 0.0])
def test_a_cut_log_gives_the_last_whole_transaction(written: Path, name: str, part: float) -> None:
    log = written / f"{name}-wal"
    size = int(log.stat().st_size * part)
    (written / f"{name}-shm").unlink(missing_ok=True)
    with log.open("r+b") as file:
        file.truncate(size)
    try:
        open_all(written)
    except StoreError as err:  # nothing but the empty file was on the disk yet
        assert name in str(err)
        return
    checked(written)


@pytest.mark.parametrize("name", FILES)
def test_a_lost_log_leaves_a_file_that_is_whole(written: Path, name: str) -> None:
    open_all(written)  # takes the log in and leaves an empty one
    whole = open_all(written)
    kill_after(begin("live", written, "l"), 10)
    for tail in ("-wal", "-shm"):
        (written / f"{name}{tail}").unlink()
    known, stored = open_all(written)
    assert (known if name == "state.db" else stored) >= whole[FILES.index(name)] > 0
    checked(written)


def settings_of(folder: Path) -> "wiring.Settings":
    path = folder.parent / "tingfeng.yaml"
    path.write_text(CONFIG, "utf-8")
    return wiring.load_settings(path)


def test_what_was_lost_with_the_log_is_said_and_collected_again(written: Path) -> None:
    settings = settings_of(written)
    open_all(written)
    kill_after(begin("live", written, "l"), 10)
    for tail in ("-wal", "-shm"):
        (written / f"mentions.db{tail}").unlink()
    stores, said = wiring.open_stores(settings), []
    lost = find_lost(stores, settings, now=NOW + timedelta(hours=1), say=said.append)
    assert lost >= 5 and f"{lost} of the last" in said[0] and "weibo:l" in said[0]
    assert stores.inbox.append([mention("l1")], now=NOW).new == {"weibo:l1"}
    assert find_lost(stores, settings, now=NOW + timedelta(hours=1), say=said.append) == 0
    stores.close()


def test_a_state_that_lost_everything_is_said(written: Path) -> None:
    settings = settings_of(written)
    open_all(written)
    for path in written.glob("state.db*"):
        path.unlink()
    stores, said = wiring.open_stores(settings), []
    assert find_lost(stores, settings, now=NOW + timedelta(hours=1), say=said.append) == 1
    assert "knows nothing" in said[0] and "tingfeng restore" in said[0]
    stores.close()


def test_stores_that_belong_together_lose_nothing(written: Path) -> None:
    settings = settings_of(written)
    stores = wiring.open_stores(settings)
    assert find_lost(stores, settings, now=NOW + timedelta(hours=1), say=pytest.fail) == 0
    stores.close()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("harm", ["empty", "gone"])
def test_a_file_that_held_data_is_never_begun_anew(written: Path, name: str, harm: str) -> None:
    open_all(written)
    for tail in ("-wal", "-shm"):
        (written / f"{name}{tail}").unlink(missing_ok=True)
    (written / name).unlink()
    if harm == "empty":
        (written / name).touch()
    with pytest.raises(DamagedError, match=rf"{name} is (empty|missing), and it held data: .*tingfeng restore"):
        open_all(written)
    (written / f"{name}.lock").unlink()  # what the message says, for who wants to begin anew
    open_all(written)


def test_a_first_start_that_was_cut_off_starts_again(tmp_path: Path) -> None:
    (tmp_path / "state.db").touch()
    (tmp_path / "state.db.lock").touch()
    make_file(tmp_path / "state.db")
    assert open_all(tmp_path) == (0, 0)


@pytest.mark.parametrize("name", FILES)
def test_a_half_written_page_is_found_after_a_crash_and_named(written: Path, name: str) -> None:
    settings = settings_of(written)
    open_all(written)
    path = written / name
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages, page_bytes = (raw.execute(f"PRAGMA {each}").fetchone()[0] for each in ("page_count", "page_size"))
    check_files(settings)
    with path.open("r+b") as file:
        for page in range(3, pages, 2):
            file.seek(page * page_bytes)
            file.write(b"\x5a" * (page_bytes // 2))
    before = path.read_bytes()
    with pytest.raises(DamagedError, match=rf"{name} is damaged .*tingfeng restore"):
        check_files(settings)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", FILES)
def test_a_broken_head_is_refused_by_name(written: Path, name: str) -> None:
    open_all(written)
    with (written / name).open("r+b") as file:
        file.write(b"\x00" * 50)
    with pytest.raises(DamagedError, match=rf"{name} is damaged .*tingfeng restore"):
        open_all(written)


def test_a_copy_made_while_others_write_is_whole_or_found_damaged(tmp_path: Path) -> None:
    folder, copy = tmp_path / "data", tmp_path / "copy"
    folder.mkdir()
    copy.mkdir()
    writer = begin("live", folder, "k")
    assert writer.stdout is not None
    for _ in range(20):
        writer.stdout.readline()
    for name in FILES:  # as `cp` does it, without the log
        shutil.copyfile(folder / name, copy / name)
    kill_after(writer, 1)
    try:
        open_all(copy)
        checked(copy)
    except StoreError as err:
        assert any(name in str(err) for name in FILES)


def test_a_service_that_was_killed_is_known_at_the_next_start(tmp_path: Path) -> None:
    first = RoleLocks(tmp_path, ["watch"])
    first.take()
    assert not first.after_crash
    first.release()
    second = RoleLocks(tmp_path, ["watch"])
    second.take()
    assert not second.after_crash
    second.release()
    (tmp_path / "run-watch.lock").write_text("999999\n")
    third = RoleLocks(tmp_path, ["watch"])
    third.take()
    assert third.after_crash
    third.release()
