"""A real node that is frozen, killed, full or half there: errors that pass, and nothing lost."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.moment import Window
from domain.query import MatchAll
from storage.errors import StoreError
from storage.mentions.elastic.client import ElasticSettings
from storage.mentions.elastic.store import ElasticMentions
from tests.elasticsearch_node.node import Node, free_port, missing
from tests.storage.sample import NOW, N, mention

pytestmark = [pytest.mark.es, pytest.mark.slow]


@pytest.fixture
def folder() -> Iterator[Path]:
    reason = missing()
    if reason is not None:
        pytest.skip(f"no Elasticsearch: {reason}")
    made = Path(tempfile.mkdtemp(prefix="tingfeng-es-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


def quick(*urls: str) -> ElasticSettings:
    return ElasticSettings(urls=urls, refresh_s=0.01, timeout_s=3)


def passing(store: ElasticMentions, number: int) -> StoreError:
    with pytest.raises(StoreError) as caught:
        store.put([mention(str(number), brands={"y": N})], now=NOW)
    assert caught.value.retryable, caught.value
    return caught.value


def test_frozen_killed_and_full_nodes_lose_nothing(folder: Path) -> None:
    ports = {"http": free_port(), "transport": free_port()}
    node = Node(folder, **ports)
    try:
        store = ElasticMentions(quick(node.url))
        store.put([mention("1", brands={"y": N})], now=NOW)

        node.pause()
        assert "in time" in str(passing(store, 2))
        node.resume()
        # What timed out may have been written; the repetition says so, and both are there once.
        store.put([mention("2", brands={"y": N})], now=NOW)
        assert store.count(MatchAll(), now=NOW) == 2

        node.kill()
        assert "not reachable" in str(passing(store, 3))
        node = Node(folder, **ports)
        _until_searchable(store)
        assert store.put([mention("3", brands={"y": N})], now=NOW).created == {"weibo:3"}
        assert store.count(MatchAll(), now=NOW) == 3

        # What the flood stage of the disk does to an index.
        index = store.indices.all()[0].name
        store.client.indices.put_settings(index=index, settings={"index.blocks.read_only_allow_delete": True})
        assert "cluster_block_exception" in str(passing(store, 4))
        assert store.count(MatchAll(), now=NOW) == 3
        store.client.indices.put_settings(index=index, settings={"index.blocks.read_only_allow_delete": None})
        store.put([mention("4", brands={"y": N})], now=NOW)
        assert store.count(MatchAll(), now=NOW) == 4
    finally:
        node.stop()


def _until_searchable(store: ElasticMentions) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            store.count(MatchAll(), now=NOW)
            return
        except StoreError as err:
            assert err.retryable, err
            assert time.monotonic() < deadline
            time.sleep(0.3)


def test_three_nodes_go_on_without_their_master(folder: Path) -> None:
    """Writes go on by retrying what passes; every acknowledged mention is there once."""
    names = ("a1", "a2", "a3")
    transports = {name: free_port() for name in names}
    common = {
        "cluster.initial_master_nodes": ",".join(names),
        "discovery.seed_hosts": ",".join(f"127.0.0.1:{port}" for port in transports.values()),
    }
    nodes = {
        name: Node(folder / name, name=name, transport=transports[name], settings=common, wait=False) for name in names
    }
    try:
        for node in nodes.values():
            node.wait_ready()
        store = ElasticMentions(quick(*(node.url for node in nodes.values())))
        store.client.cluster.health(wait_for_nodes="3", wait_for_status="green", timeout="60s")
        store.put([mention("first", brands={"y": N})], now=NOW)
        store.client.cluster.health(wait_for_status="green", timeout="60s")
        master = store.client.cat.master(format="json").body[0]["node"]
        done, failures, number = 0, 0, 0
        longest, before = 0.0, time.monotonic()
        while done < 60:
            if done == 20 and master in nodes:
                nodes.pop(master).kill()
            try:
                store.put([mention(f"{number}", brands={"y": N})], now=NOW)
            except StoreError as err:
                assert err.retryable, err
                failures += 1
                assert failures < 100
                time.sleep(0.2)
                continue
            longest, before = max(longest, time.monotonic() - before), time.monotonic()
            done += 1
            number += 1
        assert store.count(MatchAll(), now=NOW) == 61
        assert sum(row.mentions for row in store.counts(_day())) == 61
        assert longest < 60
    finally:
        for node in nodes.values():
            node.stop()


def _day() -> Window:
    return Window(start=NOW, end=NOW.replace(hour=23))
