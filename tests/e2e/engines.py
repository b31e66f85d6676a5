"""The engines of several machines: three Elasticsearch nodes and one PostgreSQL server, ours to break."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from storage.mentions.elastic.client import ElasticSettings
from storage.mentions.elastic.store import ElasticMentions
from tests.e2e.harness import HTTP, ask, wait_until
from tests.elasticsearch_node.node import Node, free_port, missing
from tests.postgres_node import Databases, PostgresNode, programs

NAMES = ("es1", "es2", "es3")
UP_S = 120.0


class Cluster:
    """Three nodes that elect one master among them.

    Args:
        folder: Holds the nodes' data; it stays over a stop and a start.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = {name: (free_port(), free_port()) for name in NAMES}
        self._nodes: dict[str, Node] = {}
        self.start()

    @property
    def urls(self) -> list[str]:
        """Addresses of all nodes."""
        return [f"http://127.0.0.1:{http}" for http, _ in self._ports.values()]

    def start(self, *names: str) -> None:
        """Start nodes, or all that do not run, and wait until the cluster is whole."""
        names = names or tuple(name for name in NAMES if name not in self._nodes)
        peers = ",".join(f"127.0.0.1:{transport}" for _, transport in self._ports.values())
        settings = {
            "discovery.seed_hosts": peers,
            "cluster.initial_master_nodes": ",".join(NAMES),
            # What is gone is known in seconds, as where machines fail and not only processes.
            "cluster.fault_detection.follower_check.timeout": "3s",
            "cluster.fault_detection.leader_check.timeout": "3s",
        }
        for name in names:
            http, transport = self._ports[name]
            self._nodes[name] = Node(
                self._folder / name, name=name, http=http, transport=transport, settings=settings, wait=False
            )
        for name in names:
            self._nodes[name].wait_ready()
        wait_until("the cluster is whole", self.is_whole, limit_s=UP_S)

    def is_whole(self) -> bool:
        """Say whether all started nodes are in and every shard has its copies."""
        for url in self.urls:
            health = ask(url + "/_cluster/health")
            if health is not None:
                return bool(health.get("status") == "green" and health.get("number_of_nodes") == len(self._nodes))
        return False

    def ask(self, path: str) -> Any:
        """GET a path from the first node that answers."""
        for url in self.urls:
            answer = ask(url + path)
            if answer is not None:
                return answer
        raise AssertionError("no node answers")

    def master(self) -> str:
        """Name of the master; empty while there is none."""
        rows = self.ask("/_cat/master?format=json&h=node")
        return str(rows[0]["node"]) if isinstance(rows, list) and rows else ""

    def kill(self, *names: str) -> None:
        """End nodes, or all, as a power cut would."""
        for name in names or tuple(self._nodes):
            self._nodes.pop(name).kill()

    def close(self) -> None:
        """End all nodes; nothing of them is needed any more."""
        self.kill()


class Engines:
    """A cluster and a server; every run gets a database and an index prefix of its own."""

    def __init__(self, folder: Path) -> None:
        # Durable as shipped: what was committed must survive a kill.
        self.postgres = PostgresNode(max_connections="100")
        self._databases = Databases(self.postgres.url())
        try:
            self.cluster = Cluster(folder)
        except BaseException:
            self.postgres.close()
            raise

    def storage(self, database: str | None = None) -> dict[str, Any]:
        """Return the `storage` settings of a new installation, empty unless a database is given."""
        first, *others = self.cluster.urls
        return {
            "state": database or self._databases.empty(),
            "mentions": "elasticsearch",
            "elasticsearch_url": first,
            "elasticsearch_nodes": others,
            "index_prefix": f"m{uuid.uuid4().hex[:8]}",
            "index_refresh": "200ms",
        }

    def copy(self, storage: Mapping[str, Any]) -> dict[str, Any]:
        """Return the `storage` settings of a new installation that begins as a copy of one that nobody uses."""
        made = self.storage(self._databases.copy(storage["state"]))
        old, new = storage["index_prefix"], made["index_prefix"]
        open_store(made).close()  # writes the index template of the new prefix
        for index in self.cluster.ask(f"/_alias/{old}"):
            body = {"source": {"index": index}, "dest": {"index": index.replace(old, new, 1)}}
            url = f"{self.cluster.urls[0]}/_reindex?refresh=true"
            request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
            with HTTP.open(request, timeout=120) as answer:
                assert not json.loads(answer.read())["failures"]
        wait_until("the copies are whole", self.cluster.is_whole, limit_s=UP_S)
        return made

    def restart_postgres(self) -> float:
        """Stop the server in the middle of everything, start it, and return the gap in seconds."""
        began_s = time.monotonic()
        self.postgres.stop("immediate")
        self.postgres.start()
        return time.monotonic() - began_s

    def close(self) -> None:
        """End everything."""
        self.cluster.close()
        self.postgres.close()


def open_store(storage: Mapping[str, Any]) -> ElasticMentions:
    """Open the mention store of some `storage` settings."""
    urls = (storage["elasticsearch_url"], *storage["elasticsearch_nodes"])
    return ElasticMentions(ElasticSettings(urls=urls, prefix=storage["index_prefix"], refresh_s=0.2))


@contextlib.contextmanager
def open_engines() -> Iterator[Engines]:
    """Start the engines; skips the test where they cannot be had."""
    pytest.importorskip("psycopg", reason="PostgreSQL's driver is not installed (tingfeng[postgres])")
    if programs() is None:
        pytest.skip("no PostgreSQL here: install the package `postgresql`")
    reason = missing()
    if reason is not None:
        pytest.skip(f"no Elasticsearch: {reason}")
    folder = Path(tempfile.mkdtemp(prefix="tingfeng-es3-"))
    try:
        engines = Engines(folder)
        try:
            yield engines
        finally:
            engines.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
