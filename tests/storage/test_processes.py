"""Several processes on the same files, and processes that are killed at any moment."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from domain.moment import Window
from domain.ports import DeskChange
from domain.query import parse
from storage import open_mentions, open_state
from storage.state.database import Database
from storage.state.engine import parse_url
from tests.conftest import REPOSITORY
from tests.postgres_node import postgres
from tests.storage.desk_sample import delivery, incident
from tests.storage.sample import NOW, mention

pytestmark = pytest.mark.slow


def begin(what: str, folder: Path, name: str, url: str | None = None) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.storage.workers", what, str(folder), name]
    env = os.environ | ({"STATE_URL": url} if url else {})
    return subprocess.Popen(command, cwd=REPOSITORY, env=env, stdout=subprocess.PIPE, text=True, encoding="utf-8")


def together(what: str, folder: Path, names: str = "ab", url: str | None = None) -> dict[str, str]:
    running = {name: begin(what, folder, name, url) for name in names}
    said = {name: process.communicate(timeout=60)[0] for name, process in running.items()}
    assert [process.returncode for process in running.values()] == [0] * len(names)
    return said


def kill_after(process: subprocess.Popen[str], lines: int) -> list[str]:
    """Kill a process without warning after it said so much; return all that it said."""
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(lines)]
    os.kill(process.pid, signal.SIGKILL)
    said += process.stdout.read().splitlines()
    process.wait(timeout=30)
    # The last line may be cut; what was said whole was stored before.
    return [line.strip() for line in said if line.strip()][: lines + 1]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.pg)])
def url(request: pytest.FixtureRequest) -> str | None:
    """Address of an empty state database; None = a file in the folder."""
    return postgres().empty() if request.param == "postgresql" else None


def test_processes_that_start_together_all_find_the_tables(tmp_path: Path, url: str | None) -> None:
    together("start", tmp_path, "abcd", url)
    state, store = open_state(url, tmp_path), open_mentions("sqlite", tmp_path)
    assert state.inbox.depth() == 4 and store.count(parse("*"), now=NOW) == 4
    assert len(state.desk.deliveries()) == 4
    state.close()
    store.close()


def test_every_row_goes_to_one_process(tmp_path: Path, url: str | None) -> None:
    state = open_state(url, tmp_path)
    state.inbox.append([mention(str(n)) for n in range(60)], now=NOW)
    said = together("drain", tmp_path, url=url)
    rows = Counter(row for text in said.values() for row in text.split())
    assert len(rows) == 60 and set(rows.values()) == {1}
    changes = state.inbox.claim_changes(owner="w", limit=99, lease=timedelta(hours=1), now=NOW)
    assert len(changes) == 60 and state.inbox.depth() == 0
    state.close()


def test_every_delivery_goes_to_one_process(tmp_path: Path, url: str | None) -> None:
    state = open_state(url, tmp_path)
    state.desk.commit(DeskChange(deliveries=tuple(delivery(1, incident=f"I{n}") for n in range(30))), now=NOW)
    said = together("claim", tmp_path, url=url)
    ids = Counter(id for text in said.values() for id in text.split())
    assert len(ids) == 30 and set(ids.values()) == {1}
    state.close()


def test_two_linkers_find_the_stories_of_one(tmp_path: Path, url: str | None) -> None:
    together("link", tmp_path, url=url)
    state = open_state(url, tmp_path)
    database = Database(parse_url(url, tmp_path))
    with database.read() as raw:
        members = {row[0]: row[1] for row in raw.execute(text("SELECT mention, story FROM story_members"))}
    database.close()
    present = state.stories.resolve(list(members.values()))
    stories = {frozenset(m for m in members if present[members[m]] == story) for story in set(present.values())}
    assert stories == {frozenset(f"m{n}" for n in range(100) if n % 10 == rest) for rest in range(10)}
    state.close()


def test_no_change_of_an_incident_is_lost(tmp_path: Path, url: str | None) -> None:
    state = open_state(url, tmp_path)
    state.desk.commit(DeskChange(incidents=(incident(),)), now=NOW)
    together("bump", tmp_path, url=url)
    stored = state.desk.incident("AB2CD")
    assert stored is not None
    assert (stored.value, stored.version) == (incident().value + 100, 101)
    state.close()


@pytest.mark.parametrize("lines", [1, 7, 30])
def test_a_killed_writer_leaves_whole_mentions(tmp_path: Path, lines: int) -> None:
    said = kill_after(begin("put", tmp_path, "k"), lines)
    ids = {f"weibo:{id}" for line in said[:lines] for id in line.split()[1:]}
    store = open_mentions("sqlite", tmp_path)
    assert set(store.get(sorted(ids))) == ids
    with closing(sqlite3.connect(tmp_path / "mentions.db")) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        raw.execute("INSERT INTO mention_fts (mention_fts, rank) VALUES ('integrity-check', 1)")
        sizes = {
            raw.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("mentions", "docs", "tagged", "mention_units")
        }
    everything = store.count(parse("*"), now=NOW)
    assert sizes == {everything} and everything % 5 == 0
    assert store.count(parse("k"), now=NOW) == everything
    window = Window(start=NOW, end=NOW + timedelta(hours=1))
    assert sum(row.mentions for row in store.counts(window)) == everything
    store.put([mention("after")], now=NOW)
    store.close()


@pytest.mark.parametrize("lines", [1, 25])
def test_a_killed_crawler_leaves_every_seen_id_queued(tmp_path: Path, lines: int) -> None:
    said = kill_after(begin("append", tmp_path, "k"), lines)
    state = open_state(None, tmp_path)
    known = state.inbox.known([f"weibo:{id}" for id in said[:lines]])
    assert len(known) == lines
    with closing(sqlite3.connect(tmp_path / "state.db")) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        seen = {id for (id,) in raw.execute("SELECT id FROM seen")}
        assert {id for (id,) in raw.execute("SELECT mention FROM inbox")} == seen
    assert state.inbox.depth() >= lines
    state.close()
