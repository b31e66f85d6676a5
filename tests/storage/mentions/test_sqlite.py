import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.mention import Author
from domain.moment import Window, bucket_of
from domain.query import parse
from domain.units import split_units
from storage import open_mentions
from storage.errors import SchemaError, StoreError
from storage.mentions import schema
from storage.mentions.sqlite import SqliteMentions
from tests.storage.sample import NOW, N, mention


def raw(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path / "mentions.db", isolation_level=None)


def test_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store of kind 'mongo'"):
        open_mentions("mongo", tmp_path)


def test_the_folder_is_made_for_the_owner_alone(tmp_path: Path) -> None:
    open_mentions("sqlite", tmp_path / "data").close()
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    open_mentions("sqlite", tmp_path).close()
    with closing(raw(tmp_path)) as other:
        other.execute("PRAGMA user_version=99")
    with pytest.raises(SchemaError, match="form 99"):
        open_mentions("sqlite", tmp_path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mentions.db").write_bytes(b"no database at all" * 999)
    with pytest.raises(StoreError):
        open_mentions("sqlite", tmp_path)


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mentions.db").mkdir()
    with pytest.raises(StoreError, match="cannot be opened"):
        open_mentions("sqlite", tmp_path)


def test_a_busy_file_is_worth_another_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "_PRAGMAS", ("busy_timeout=20",))
    monkeypatch.setattr(schema, "BUSY_TIMEOUT_MS", 20)
    store = open_mentions("sqlite", tmp_path)
    with closing(raw(tmp_path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError) as caught:
            store.put([mention("1")], now=NOW)
    assert caught.value.retryable
    assert store.put([mention("1")], now=NOW).created
    store.close()


def test_a_broken_reader_is_reported(tmp_path: Path) -> None:
    store = open_mentions("sqlite", tmp_path)
    with closing(raw(tmp_path)) as other:
        other.execute("DROP TABLE readings")
    with pytest.raises(StoreError, match="cannot read") as caught:
        store.engagement_history("weibo:1")
    assert not caught.value.retryable
    store.close()


def test_a_put_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    store = open_mentions("sqlite", tmp_path)
    with closing(raw(tmp_path)) as other:
        other.execute("DROP TABLE labels")
    with pytest.raises(StoreError, match="cannot write"):
        store.put([mention("1", topics=["food"])], now=NOW)
    assert store.count(parse("*"), now=NOW) == 0
    store.close()


def test_the_settings_of_the_file_are_safe(tmp_path: Path) -> None:
    store = SqliteMentions(tmp_path / "mentions.db")
    wanted = {"journal_mode": "wal", "synchronous": 2, "page_size": 8192, "foreign_keys": 1}
    with store._pool.read() as connection:
        assert {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in wanted} == wanted
        with pytest.raises(sqlite3.OperationalError):
            connection.execute("DELETE FROM mentions")
    store.close()


def test_erased_words_leave_the_file(tmp_path: Path) -> None:
    store = open_mentions("sqlite", tmp_path)
    he = Author(id="7", name="zhangsanname")
    store.put([mention("1", "secretword 秘", author=he), mention("2")], now=NOW)
    store.put([mention("1", "secretword 密", author=he)], now=NOW)
    store.erase_author(platform="weibo", author_id="7")
    store.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"secretword" not in kept and b"zhangsanname" not in kept


def test_a_changed_text_leaves_its_old_hash(tmp_path: Path) -> None:
    store = open_mentions("sqlite", tmp_path)
    store.put([mention("1", "旧")], now=NOW)
    store.put([mention("1", "新")], now=NOW)
    with closing(raw(tmp_path)) as other:
        assert other.execute("SELECT count(*) FROM old_texts").fetchone() == (1,)
    store.close()


def test_threads_read_while_one_writes(tmp_path: Path) -> None:
    store = open_mentions("sqlite", tmp_path)
    stop = threading.Event()

    def read() -> int:
        most = 0
        while not stop.is_set():
            most = max(most, len(store.search(parse("咖啡 and brand: y"), now=NOW, limit=5).mentions))
        return most

    with ThreadPoolExecutor(3) as threads:
        readers = [threads.submit(read) for _ in range(3)]
        for n in range(20):
            store.put([mention(f"{n}x{m}", brands={"y": N}) for m in range(20)], now=NOW)
        stop.set()
        assert all(each.result() <= 5 for each in readers)
    assert store.count(parse("咖啡"), now=NOW) == 400
    store.close()


def test_the_newest_hits_are_found_across_long_silences(tmp_path: Path) -> None:
    store = open_mentions("sqlite", tmp_path)
    days = [0, 0.5, 3, 40, 400, 4000]
    store.put([mention(str(n), minutes=-day * 1440) for n, day in enumerate(days)], now=NOW)
    store.put([mention(f"x{n}", "别的", minutes=-n) for n in range(50)], now=NOW)
    page = store.search(parse("咖啡"), now=NOW, limit=4)
    assert [each.post.native_id for each in page.mentions] == ["0", "1", "2", "3"]
    rest = store.search(parse("咖啡"), now=NOW, limit=4, after=page.next)
    assert [each.post.native_id for each in rest.mentions] == ["4", "5"] and rest.next is None
    store.close()


def test_a_moment_before_1970_has_a_bucket(tmp_path: Path) -> None:
    store = open_mentions("sqlite", tmp_path)
    old = mention("1", brands={"y": N}, minutes=-60 * 24 * 365 * 60 - 3)
    store.put([old], now=NOW)
    window = Window(start=old.event_at, end=old.event_at + timedelta(minutes=1))
    assert [row.bucket for row in store.counts(window)] == [bucket_of(old.event_at)]
    store.close()


@given(st.lists(st.text(), max_size=5))
def test_every_unit_is_one_word_of_the_index(texts: list[str]) -> None:
    units = {unit for text in texts for unit in split_units(text)}
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for statement in schema._TABLES.split(";\n"):
            connection.execute(statement)
        connection.execute("CREATE VIRTUAL TABLE words USING fts5vocab(mention_fts, 'row')")
        for row, text in enumerate(texts):
            line = " ".join(split_units(text))
            connection.execute("INSERT INTO mention_fts (rowid, title, text) VALUES (?, '', ?)", (row, line))
        assert {word for (word,) in connection.execute("SELECT term FROM words")} == units


def test_two_stores_of_one_file_see_each_other(tmp_path: Path) -> None:
    one, two = open_mentions("sqlite", tmp_path), open_mentions("sqlite", tmp_path)
    one.put([mention("1")], now=NOW)
    assert two.count(parse("咖啡"), now=NOW) == 1
    two.put([replace(mention("1"), story_id="weibo:0")], now=NOW)
    assert one.get(["weibo:1"])["weibo:1"].story_id == "weibo:0"
    one.close()
    two.close()
