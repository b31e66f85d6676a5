"""Mentions moved from SQLite, and indices rebuilt, on a real node: nothing lost, nothing changed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from domain.mention import Author, Engagement, Flag, Mention
from domain.moment import Window
from domain.query import MatchAll, parse
from storage.errors import StoreError
from storage.mentions.elastic import mapping, reindex
from storage.mentions.elastic.store import ElasticMentions
from storage.mentions.sqlite import SqliteMentions
from tests.storage.sample import NOW, N, P, U, mention

pytestmark = pytest.mark.es

AROUND = Window(start=NOW - timedelta(days=900), end=NOW + timedelta(days=90))


def some(count: int, *, first: int = 0) -> list[Mention]:
    return [
        mention(
            str(n),
            f"云杉咖啡 第{n}条",
            brands={"y": (N, U, P)[n % 3], **({"z": N} if n % 5 == 0 else {})} if n % 4 else {},
            minutes=-n * 37,
            author=Author(id=f"a{n % 40}"),
            flags=[Flag.BACKFILL] if n % 9 == 0 else [],
            engagement=Engagement(likes=n),
            topics=["food"] if n % 2 else [],
        )
        for n in range(first, first + count)
    ]


@pytest.fixture
def old(tmp_path: Path) -> Iterator[SqliteMentions]:
    store = SqliteMentions(tmp_path / "mentions.db")
    store.put(some(700), now=NOW)
    again = [
        replace(each, post=replace(each.post, text="改过", engagement=Engagement(likes=9_999)), last_collected_at=NOW)
        for each in some(50)
    ]
    store.put(again, now=NOW + timedelta(hours=1))
    yield store
    store.close()


def test_a_moved_store_answers_as_the_old_one(old: SqliteMentions, elastic: ElasticMentions) -> None:
    row = 0
    while part := old.walk(row, 300):
        loaded = elastic.load(part, now=NOW)
        assert (loaded.created, loaded.present) == (len(part), 0)
        row = part[-1].row
    ids = [each.id for each in some(700)]
    assert elastic.get(ids) == old.get(ids)
    assert [elastic.engagement_history(id) for id in ids[:60]] == [old.engagement_history(id) for id in ids[:60]]
    for by in (None, *old_kinds()):
        assert counted(elastic, by) == counted(old, by)
    assert elastic.distinct_authors(AROUND, brand="y") == old.distinct_authors(AROUND, brand="y")
    assert elastic.count(parse("改过"), now=NOW) == 50
    repeated = elastic.load(old.walk(0, 300), now=NOW)
    assert (repeated.created, repeated.present) == (0, 300)
    assert counted(elastic, None) == counted(old, None)


def old_kinds() -> list[object]:
    from domain.counting import CountBy

    return list(CountBy)


def counted(store: ElasticMentions | SqliteMentions, by: object) -> list[object]:
    rows = store.counts(AROUND, by=by)  # type: ignore[arg-type]  # from old_kinds
    return [replace(row, p_negative=round(row.p_negative, 6)) for row in rows]


@contextmanager
def form(number: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from storage.mentions.elastic import index

    with monkeypatch.context() as patch:
        for module in (mapping, index, reindex):
            patch.setattr(module, "FORM", number)
        yield


def test_an_index_is_rebuilt_while_others_write(elastic: ElasticMentions, monkeypatch: pytest.MonkeyPatch) -> None:
    elastic.put(some(1_500), now=NOW)
    months = [index.name for index in elastic.indices.all(fresh=True)]
    stop, put = threading.Event(), list[Mention]()

    def write() -> None:
        number = 10_000
        while not stop.is_set():
            batch = [*some(3, first=number), replace(some(1)[0], post=replace(some(1)[0].post, text=f"第{number}次"))]
            while True:  # a batch that failed may be there in part: it is put again to its end, also at the stop
                try:
                    elastic.put(batch, now=NOW)
                    break
                except StoreError as err:
                    assert err.retryable, err
            put.extend(batch)
            number += 3

    with form(2, monkeypatch):
        writer = threading.Thread(target=write)
        writer.start()
        try:
            elastic.indices.setup()
            stale = elastic.reindexer.stale()
            assert {index.name for index in stale} >= set(months)
            for index in stale:
                elastic.reindexer.reindex(index)
            assert elastic.reindexer.stale() == []
        finally:
            stop.set()
            writer.join()
        elastic.put([mention("after")], now=NOW)
    alias = elastic.indices.alias
    assert {index.name for index in elastic.indices.all(fresh=True)} >= {f"{alias}.{name[-7:]}.r1" for name in months}
    expected = {each.id for each in (*some(1_500), *put)} | {"weibo:after"}
    assert elastic.count(MatchAll(), now=NOW) == len(expected)
    assert len(elastic.get(sorted(expected))) == len(expected)
    newest = [each for each in put if each.id == "weibo:0"][-1]
    assert elastic.get(["weibo:0"])["weibo:0"].post.text == newest.post.text
    assert sum(row.mentions for row in elastic.counts(AROUND, brand="y")) == elastic.count(parse("brand: y"), now=NOW)


def test_a_rebuild_takes_deletions_along_and_can_be_repeated(
    elastic: ElasticMentions, monkeypatch: pytest.MonkeyPatch
) -> None:
    elastic.put(some(40), now=NOW)
    index = elastic.indices.all(fresh=True)[-1]
    copy = elastic.reindexer._copy

    def erase_meanwhile(old: str, target: str, after: int, progress: reindex.Progress) -> int:
        copied = copy(old, target, after, progress)
        elastic.erase_author(platform="weibo", author_id="a1")
        return copied

    monkeypatch.setattr(elastic.reindexer, "_copy", erase_meanwhile)
    elastic.reindexer.reindex(index)
    monkeypatch.undo()
    assert elastic.count(parse("author.id: a1"), now=NOW) == 0
    (second,) = [each for each in elastic.indices.all(fresh=True) if each.month == index.month]
    assert elastic.reindexer.reindex(second) == 39
    assert elastic.indices.all(fresh=True)[-1].name.endswith(".r2")


def test_a_rebuild_that_fails_leaves_everything_as_it_was(
    elastic: ElasticMentions, monkeypatch: pytest.MonkeyPatch
) -> None:
    elastic.put(some(40), now=NOW)
    before = elastic.indices.all(fresh=True)
    monkeypatch.setattr(elastic.reindexer, "_count", lambda index: len(index))
    with pytest.raises(StoreError, match="stays as it was"):
        elastic.reindexer.reindex(before[-1])
    assert elastic.indices.all(fresh=True) == before
    elastic.put(some(3, first=100), now=NOW)
    assert elastic.count(MatchAll(), now=NOW) == 43
