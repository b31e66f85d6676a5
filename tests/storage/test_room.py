"""Long deletions let others write in between, and give the disk back."""

import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from domain.incident import DeliveryState
from domain.ports import DeskChange
from domain.query import MatchAll
from storage import open_mentions, open_state
from storage.mentions.sqlite import SqliteMentions
from storage.room import give_back, rewrite
from storage.state.prune import prune_rows
from storage.state.tables import SEEN
from tests.storage.desk_sample import delivery
from tests.storage.sample import NOW, N, mention

MOST_WAIT_S = 3.0
"""A writer without gaps to enter waits until the deletion ends or its own 15 s are over."""


@pytest.mark.slow
def test_a_writer_waits_shortly_while_much_is_deleted(tmp_path: Path) -> None:
    old = SqliteMentions(tmp_path / "mentions.db")
    for start in range(0, 3_000, 1_000):
        old.put([mention(f"old{start + n}", minutes=-3_000) for n in range(1_000)], now=NOW)
    writer = SqliteMentions(tmp_path / "mentions.db")
    gone: list[int] = []
    deleting = threading.Thread(target=lambda: gone.append(old.delete_before(NOW - timedelta(days=1), candidates=True)))
    deleting.start()
    waits_s: list[float] = []
    while deleting.is_alive():
        began_s = time.monotonic()
        writer.put([mention(f"new{len(waits_s)}", brands={"y": N})], now=NOW)
        waits_s.append(time.monotonic() - began_s)
    deleting.join()
    assert gone == [3_000] and writer.count(MatchAll(), now=NOW) == len(waits_s)
    assert len(waits_s) >= 4 and max(waits_s) < MOST_WAIT_S
    old.close()
    writer.close()


@pytest.mark.slow
def test_a_deletion_makes_the_file_smaller_while_it_is_in_use(tmp_path: Path) -> None:
    store = SqliteMentions(tmp_path / "mentions.db")
    store.put([mention(f"old{n}", "x" * 9_000, minutes=-3_000) for n in range(1_100)], now=NOW)
    store.put([mention("new", brands={"y": N})], now=NOW)
    with closing(sqlite3.connect(tmp_path / "mentions.db")) as raw:
        before = raw.execute("PRAGMA page_count").fetchone()[0]
        store.delete_before(NOW - timedelta(days=1), candidates=True)
        after, free = (raw.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count"))
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert free <= 250 and after < before / 2
    assert store.count(MatchAll(), now=NOW) == 1
    store.close()


@pytest.mark.slow
def test_an_older_file_keeps_its_size_until_it_is_rewritten(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("CREATE TABLE t (x TEXT)")
        raw.executemany("INSERT INTO t VALUES (?)", [("secret" * 800,)] * 3_000)
        raw.execute("DELETE FROM t")
    assert give_back(path, lambda: None) == 0
    rewrite(path)
    assert path.stat().st_size < 100_000 and b"secret" not in path.read_bytes()
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA auto_vacuum").fetchone() == (2,)


def test_new_stores_can_give_room_back(tmp_path: Path) -> None:
    open_state(None, tmp_path).close()
    open_mentions("sqlite", tmp_path).close()
    for name in ("state.db", "mentions.db"):
        with closing(sqlite3.connect(tmp_path / name)) as raw:
            assert raw.execute("PRAGMA auto_vacuum").fetchone() == (2,), name


def test_old_rows_of_the_state_go_in_steps_with_a_pause_between(tmp_path: Path) -> None:
    from storage.state.database import Database
    from storage.state.engine import parse_url

    state = open_state(None, tmp_path)
    state.inbox.append([mention(str(n)) for n in range(1_200)], now=NOW)
    database, pauses = Database(parse_url(None, tmp_path)), []
    old = SEEN.c.last_seen_at < "2027"
    assert prune_rows(database, SEEN, old, pause=lambda: pauses.append(database.read())) == 1_200
    assert len(pauses) == 2 and state.inbox.known(["weibo:1"]) == frozenset()
    database.close()
    state.close()


@pytest.mark.parametrize("days", [89, 91])
def test_texts_of_finished_messages_and_what_was_set_aside_go_after_their_time(tmp_path: Path, days: int) -> None:
    state = open_state(None, tmp_path)
    sent = replace(delivery(1), state=DeliveryState.DELIVERED, remote_ref="C 1")
    state.desk.commit(DeskChange(deliveries=(sent, delivery(2))), now=NOW)
    state.inbox.append([mention("1")], now=NOW)
    (row,) = state.inbox.lease(owner="w", limit=1, lease=timedelta(minutes=1), now=NOW)
    state.inbox.dead_letter(row.row, reason="x", owner="w", now=NOW)
    state.prune(now=NOW + timedelta(days=days), evaluations=timedelta(days=30))
    kept, waiting = state.desk.deliveries()
    assert (kept.payload == "", bool(state.inbox.dead_letters())) == (days > 90, days < 90)
    assert replace(kept, payload="") == replace(sent, payload="") and waiting == delivery(2)
    assert state.desk.remote_ref(incident="AB2CD", receiver="pr-duty", channel="slack") == "C 1"
    state.close()
