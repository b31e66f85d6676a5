"""Bring an index to the present mapping while the service runs.

A copy under another name catches up with the old index until little is left; then writes
are refused for the moments of the last step (writers try again, the inbox holds), and the
copy takes the name and the alias of the old one in a single step. Each copied document
carries the sequence number of its original as its version, so that an older state never
covers a newer one. Documents are made anew from the mention, not copied: a new splitter or
mapping takes effect.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from elasticsearch import Elasticsearch

from storage.errors import StoreError
from storage.mentions.dsl import Dsl
from storage.mentions.elastic.bulk import Bulk, Write
from storage.mentions.elastic.client import ElasticSettings
from storage.mentions.elastic.document import Seat, body_of, kept_of
from storage.mentions.elastic.errors import answered
from storage.mentions.elastic.index import Index, Indices
from storage.mentions.elastic.mapping import FORM, index_mapping, index_settings
from storage.mentions.elastic.read import Hit, Reader

__all__ = ["Reindexer"]

logger = logging.getLogger(__name__)

_FEW = 500
_ROUNDS = 10
_PAGE = 500

Progress = Callable[[int], None]
"""Told after each page how many documents were copied in it."""


class Reindexer:
    """Rebuilds indices one by one."""

    def __init__(self, client: Elasticsearch, settings: ElasticSettings, indices: Indices, bulk: Bulk) -> None:
        self._client = client
        self._settings = settings
        self._indices = indices
        self._bulk = bulk

    def stale(self) -> list[Index]:
        """Return the indices whose mapping is older than this program's, oldest first."""
        return [index for index in self._indices.all(fresh=True) if index.form is None or index.form < FORM]

    def reindex(self, index: Index, progress: Progress = lambda copied: None) -> int:
        """Rebuild one index; return how many documents it has.

        Raises:
            StoreError: the old index is as it was, and the copy is gone.
        """
        copy = self._next_name(index)
        form = index_settings(
            shards=self._settings.shards, replicas=self._settings.replicas, refresh_s=self._settings.refresh_s
        )
        with answered(f"make index {copy}"):
            self._client.indices.create(index=copy, settings=form, mappings=index_mapping())
        try:
            after = self._catch_up(index.name, copy, progress)
            documents = self._take_over(index, copy, after, progress)
        except BaseException:
            self._undo(index.name, copy)
            raise
        self._indices.forget()
        logger.info("index rebuilt index=%s copy=%s mentions=%d", index.name, copy, documents)
        return documents

    def _next_name(self, index: Index) -> str:
        _, _, number = index.name.rpartition(".r")
        following = int(number) + 1 if number.isdigit() else 1
        return f"{self._indices.alias}.{index.month}.r{following}"

    def _catch_up(self, old: str, copy: str, progress: Progress) -> int:
        """Copy until little is left; return the sequence number up to which all is copied."""
        after = -1
        for _ in range(_ROUNDS):
            upto = self._least_newest(old)
            copied = self._copy(old, copy, after, progress)
            after = upto
            if copied <= _FEW:
                break
        return after

    def _take_over(self, index: Index, copy: str, after: int, progress: Progress) -> int:
        alias = self._indices.alias
        with answered(f"block writes of {index.name}"):
            self._client.indices.add_block(index=index.name, block="write")
        self._copy(index.name, copy, after, progress)
        self._refresh(copy)
        found, expected = self._count(copy), self._count(index.name)
        if found > expected:
            self._delete_gone(index.name, copy)
            found = self._count(copy)
        if found != expected:
            raise StoreError(f"elasticsearch: {copy} has {found} of {expected} documents; {index.name} stays as it was")
        actions: list[Dsl] = [
            {"remove_index": {"index": index.name}},
            {"add": {"index": copy, "alias": alias}},
            {"add": {"index": copy, "alias": self._indices.name_of(index.month)}},
        ]
        with answered(f"replace {index.name}"):
            self._client.indices.update_aliases(actions=actions)
        return found

    def _copy(self, old: str, copy: str, after: int, progress: Progress) -> int:
        """Copy what was written after a sequence number; return how many."""
        self._refresh(old)
        query: Dsl = {"range": {"_seq_no": {"gt": after}}}
        hits = Reader(self._client, old).scan(query, source=True, page=_PAGE, seq_no_primary_term=True)
        writes: list[Write] = []
        copied = 0
        for hit in hits:
            writes.append(_write_of(hit, copy))
            if len(writes) == _PAGE:
                copied += self._send(writes, progress)
                writes = []
        return copied + self._send(writes, progress)

    def _send(self, writes: list[Write], progress: Progress) -> int:
        self._bulk.send(writes, refresh="false")
        progress(len(writes))
        return len(writes)

    def _delete_gone(self, old: str, copy: str) -> None:
        """Delete from the copy what was deleted from the old index meanwhile."""
        before = Reader(self._client, old)
        ids: list[str] = []
        for hit in Reader(self._client, copy).scan({"match_all": {}}, source=False):
            ids.append(hit["_id"])
        for start in range(0, len(ids), 1_000):
            part = ids[start : start + 1_000]
            there = before.search(query={"ids": {"values": part}}, size=len(part), source=False)["hits"]["hits"]
            gone = set(part) - {hit["_id"] for hit in there}
            self._bulk.send([Write(action="delete", index=copy, id=id) for id in sorted(gone)], refresh="false")
        self._refresh(copy)

    def _least_newest(self, index: str) -> int:
        """Return a sequence number up to which every shard has been written by now."""
        with answered("read statistics"):
            stats: Mapping[str, Any] = self._client.indices.stats(index=index, metric="docs", level="shards").body
        copies = [copy for shard in stats["indices"][index]["shards"].values() for copy in shard]
        return min(int(copy["seq_no"]["max_seq_no"]) for copy in copies)

    def _refresh(self, index: str) -> None:
        with answered("refresh"):
            self._client.indices.refresh(index=index)

    def _count(self, index: str) -> int:
        return Reader(self._client, index).count({"match_all": {}})

    def _undo(self, old: str, copy: str) -> None:
        try:
            with answered("undo"):
                self._client.indices.put_settings(index=old, settings={"index.blocks.write": None})
                self._client.options(ignore_status=404).indices.delete(index=copy)
        except StoreError as err:
            logger.warning("reindex not undone index=%s copy=%s cause=%s", old, copy, err)


def _write_of(hit: Hit, copy: str) -> Write:
    kept = kept_of(hit["_source"])
    new_for: dict[Seat, bool] = {}
    for text in hit["_source"]["inner"].get("seats", ()):
        brand, polarity, new = text.rsplit("|", 2)
        new_for[brand, polarity] = new == "1"
    return Write(
        action="index", index=copy, id=hit["_id"], body=body_of(kept, new_for), version=int(hit["_seq_no"]) + 1
    )
