"""Speed of the mention store on Elasticsearch, beside bare bulks of the client and beside SQLite."""

import asyncio
import gc
import json
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from itertools import islice
from statistics import median, quantiles
from typing import Any

import pytest
from elasticsearch import AsyncElasticsearch, Elasticsearch
from elasticsearch.helpers import async_bulk

from domain.mention import Author, Mention
from domain.moment import Window
from domain.query import parse
from storage import MentionStore
from storage.mentions.elastic.document import body_of, doc_id, seats_of
from storage.mentions.elastic.index import month_of
from storage.mentions.elastic.load import kept_of_walked
from storage.mentions.elastic.store import ElasticMentions
from storage.mentions.sqlite import SqliteMentions
from storage.mentions.walk import Walked
from storage.text import doc_of
from tests.elasticsearch_node.fixture import drop, elasticsearch_url, open_elastic
from tests.measure import Measurements
from tests.storage.sample import NOW, N, P, U, mention

__all__ = ["elasticsearch_url"]

pytestmark = [pytest.mark.bench, pytest.mark.es, pytest.mark.slow]

REDUCED = os.environ.get("TINGFENG_BENCH_REDUCED") == "1"
ROWS = int(os.environ.get("TINGFENG_BENCH_MENTIONS") or (40_000 if REDUCED else 100_000))
CHUNK = 5_000
Stores = tuple[ElasticMentions, SqliteMentions, list[float], list[float]]
DAYS = 30
DAY = Window(start=NOW - timedelta(days=1), end=NOW + timedelta(hours=1))
NOTE = f"{ROWS:,} invented mentions of 45 characters, 50 brands, {DAYS} days, one node of 512 MB on the same machine"
WARM = f"warm, of 40; {NOTE}"


def _invent(rows: int) -> Iterator[Mention]:
    dice = random.Random(7)
    letters = [chr(0x4E00 + n) for n in range(3000)]
    weights = [1 / (n + 1) for n in range(3000)]
    for n in range(rows):
        text = "".join(dice.choices(letters, weights, k=45))
        yield mention(
            str(n),
            f"{text[:20]}投诉{text[20:]}" if dice.random() < 0.06 else text,
            minutes=-DAYS * 1440 * (1 - n / rows),
            brands={f"b{dice.randrange(50)}": dice.choice([N, U, U, P])},
            author=Author(id=f"a{dice.randrange(rows // 3)}"),
            platform=dice.choice(["weibo", "zhihu", "tieba"]),
        )


@pytest.fixture(scope="module")
def stores(elasticsearch_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """Both stores filled; seconds of the store's load and of bare bulks with the same documents, in turns."""
    bare, store = (open_elastic(elasticsearch_url, refresh_s=1.0) for _ in range(2))
    sqlite = SqliteMentions(tmp_path_factory.mktemp("mentions") / "mentions.db")
    took: dict[str, list[float]] = {"load": [], "bare": []}
    _warm_up(elasticsearch_url)
    gc.collect()
    gc.freeze()  # what the tests before left is no business of either way
    invented = _invent(ROWS)
    for turn, start in enumerate(range(0, ROWS, CHUNK)):
        mentions = list(islice(invented, CHUNK))
        given = [Walked(row=start + n, doc=doc_of(each)) for n, each in enumerate(mentions)]
        for each in (bare, store):  # both begin with their indices made
            for month in sorted({month_of(one.first_collected_at) for one in mentions}):
                each.indices.ready(month)
        # Each way has nothing in memory but what it needs itself.
        for name in ("load", "bare") if turn % 2 else ("bare", "load"):
            work = partial(store.load, given, now=NOW) if name == "load" else partial(_bare, bare, _bodies(given))
            gc.collect()
            began = time.perf_counter()
            work()
            took[name].append(time.perf_counter() - began)
            del work
        for first in range(0, CHUNK, 1_000):
            sqlite.put(mentions[first : first + 1_000], now=NOW)
    gc.unfreeze()
    yield store, sqlite, took["load"], took["bare"]
    sqlite.close()
    drop(store)
    drop(bare)


def _warm_up(url: str) -> None:
    """Let the node compile what both ways use."""
    store = open_elastic(url, refresh_s=1.0)
    some = [Walked(row=n, doc=doc_of(each)) for n, each in enumerate(_invent(4_000))]
    for start in range(0, 4_000, 1_000):
        store.load(some[start : start + 1_000], now=NOW)
    drop(store)


def _bodies(given: Sequence[Walked]) -> list[tuple[str, str, dict[str, Any]]]:
    """Return the very documents that the store writes, as a caller of the client has them."""
    found = []
    for each in given:
        kept = kept_of_walked(each)
        seats = dict.fromkeys(seats_of(kept.mention), True)
        found.append(
            (month_of(kept.mention.first_collected_at), doc_id(kept.mention.id), json.loads(body_of(kept, seats)))
        )
    return found


def _bare(store: ElasticMentions, part: Sequence[tuple[str, str, dict[str, Any]]]) -> None:
    """Write prepared documents with the client's own helper, as its manual shows, and make them searchable."""
    url = next(iter(store.client.transport.node_pool.all())).base_url

    async def send() -> None:
        async with AsyncElasticsearch(url) as client:
            actions = (
                {"_op_type": "create", "_index": store.indices.name_of(month), "_id": id, "_source": body}
                for month, id, body in part
            )
            await async_bulk(client, actions)
            await client.indices.refresh(index=f"{store.indices.alias}-*")

    asyncio.run(send())


def test_loading_is_about_as_quick_as_bare_bulks(stores: Stores, measurements: Measurements) -> None:
    _, _, load_s, bare_s = stores
    note = f"same documents, made before; {NOTE}"
    measurements.record("loaded_per_s", ROWS / sum(load_s), unit="1/s", note=NOTE)
    measurements.record("bare_async_bulk_per_s", ROWS / sum(bare_s), unit="1/s", note=note)
    share = median(bare / load for load, bare in zip(load_s, bare_s, strict=True))
    measurements.record("share_of_bare_speed", share, floor=0.85, note=f"median of pairs of {CHUNK:,}; {NOTE}")


def test_disk_use_is_known(stores: Stores, measurements: Measurements) -> None:
    store = stores[0]
    client: Elasticsearch = store.client
    client.options(request_timeout=600).indices.forcemerge(index=f"{store.indices.alias}-*", max_num_segments=1)
    stats = client.indices.stats(index=f"{store.indices.alias}-*", metric="store")
    size = stats["_all"]["primaries"]["store"]["size_in_bytes"]
    measurements.record("bytes_per_mention", size / ROWS, unit="B", ceiling=6_000, note=f"merged; {NOTE}")


@pytest.mark.parametrize("which", [0, 1], ids=["elasticsearch", "sqlite"])
def test_questions_are_quick(stores: Stores, which: int, measurements: Measurements) -> None:
    store: MentionStore = stores[which]  # type: ignore[assignment]  # the first two are stores
    name = "elasticsearch" if which == 0 else "sqlite"
    crisis = parse("投诉 and negative_for: b7")
    for what, work in {
        "search": lambda: store.search(crisis, now=NOW, window=DAY),
        "counts_of_a_brand": lambda: store.counts(DAY, brand="b7"),
        "distinct_authors": lambda: store.distinct_authors(DAY, brand="b7"),
    }.items():
        measurements.record(f"{name}_{what}_p95_ms", _p95_ms(work), unit="ms", ceiling=2_000, note=WARM)


def test_puts_are_known(stores: Stores, measurements: Measurements) -> None:
    """Batches as the analyse step stores them: each waits until it can be found."""
    store = stores[0]
    batches = [[mention(f"p{n}-{m}", brands={"b1": N}) for m in range(200)] for n in range(5)]
    began = time.perf_counter()
    for batch in batches:
        store.put(batch, now=NOW)
    speed = 1_000 / (time.perf_counter() - began)
    measurements.record("put_per_s", speed, unit="1/s", note="200 a batch, refresh interval 1 s")


def _p95_ms(work: Callable[[], object]) -> float:
    spans = []
    for _ in range(40):
        began = time.perf_counter()
        work()
        spans.append((time.perf_counter() - began) * 1000)
    return quantiles(spans, n=20)[-1]
