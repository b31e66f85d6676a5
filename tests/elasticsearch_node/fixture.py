"""Fixtures with a real Elasticsearch: ELASTICSEARCH_URL, or one node for the whole run.

A conftest takes them by importing their names.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest

from storage.mentions.elastic.client import ElasticSettings
from storage.mentions.elastic.store import ElasticMentions
from tests.elasticsearch_node.node import Node, missing

__all__ = ["drop", "elastic", "elasticsearch_url", "empty_elastic", "open_elastic", "ready"]

QUICK_S = 0.01
"""Refresh interval of tests; a put waits so long."""


@lru_cache(maxsize=1)
def _shared_node() -> str:
    folder = Path(tempfile.mkdtemp(prefix="tingfeng-es-"))
    node = Node(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(node.stop)
    return node.url


def ready() -> str:
    """Return the address of a node that tests may fill; skip with the reason where there is none."""
    given = os.environ.get("ELASTICSEARCH_URL")
    if given:
        return given
    reason = missing()
    if reason is not None:
        pytest.skip(f"no Elasticsearch: {reason}; or set ELASTICSEARCH_URL")
    return _shared_node()


@pytest.fixture(scope="session")
def elasticsearch_url() -> str:
    """The address of a node that tests may fill."""
    return ready()


def open_elastic(url: str, prefix: str | None = None, *, refresh_s: float = QUICK_S, **more: object) -> ElasticMentions:
    """Open a store of its own."""
    name = prefix or f"t{uuid.uuid4().hex[:12]}"
    return ElasticMentions(ElasticSettings(urls=(url,), prefix=name, replicas=0, refresh_s=refresh_s, **more))  # type: ignore[arg-type]  # by name


def drop(store: ElasticMentions) -> None:
    """Delete a store's indices and template, and close it."""
    client, alias = store.client, store.indices.alias
    for index in store.indices.all(fresh=True):
        client.indices.delete(index=index.name)
    client.options(ignore_status=404).indices.delete_index_template(name=alias)
    store.close()


@pytest.fixture
def elastic(elasticsearch_url: str) -> Iterator[ElasticMentions]:
    """An empty store, gone afterwards."""
    store = open_elastic(elasticsearch_url)
    yield store
    drop(store)


@lru_cache(maxsize=1)
def _reused() -> ElasticMentions:
    store = open_elastic(ready())
    atexit.register(store.close)
    return store


def empty_elastic() -> ElasticMentions:
    """Return one store of the whole run, emptied; for tests that need a new one many times."""
    store = _reused()
    for index in store.indices.all(fresh=True):
        store.client.delete_by_query(index=index.name, query={"match_all": {}}, refresh=True, conflicts="proceed")
    return store
