"""Put mentions: new ones at once, known ones merged over the state that was read."""

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from elasticsearch import Elasticsearch

from domain.mention import Mention
from domain.ports import PutResult
from storage.errors import ConflictError
from storage.mentions.cursor import to_ms
from storage.mentions.elastic.bulk import Bulk, Write
from storage.mentions.elastic.document import Kept, after_put, body_of, doc_id, kept_of
from storage.mentions.elastic.errors import answered
from storage.mentions.elastic.index import Indices, month_of
from storage.mentions.elastic.read import Reader, both
from storage.mentions.elastic.seats import Seats, span_of
from storage.mentions.merge import Outcome, PutTally, last_of_each, merge
from storage.text import encodable

__all__ = ["Arrivals", "Stored", "Writer"]

logger = logging.getLogger(__name__)

_TRIES = 6
_PER_MS = 20
"""Bits of the arrival number that tell apart what arrives in one millisecond."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A document as it was read."""

    kept: Kept
    """What it holds."""
    index: str
    """The index it lies in."""
    seen: tuple[int, int]
    """Its sequence number and primary term."""


class Arrivals:
    """Numbers what arrives: later moments first, then the order within this process."""

    def __init__(self) -> None:
        self._number = 0
        self._lock = threading.Lock()

    def next(self, now: datetime) -> int:
        """Return a number larger than every earlier one at the same `now`; fits 63 bits until 2248."""
        with self._lock:
            self._number += 1
            return (max(0, to_ms(now)) << _PER_MS) | (self._number & ((1 << _PER_MS) - 1))


@dataclass(slots=True)
class _Batch:
    """What is known of the mentions of one put."""

    now: datetime
    waiting: dict[str, Mention]
    """Mentions not written yet, by `_id`."""
    touched: list[Kept] = field(default_factory=list)
    """Everything that came or went."""
    done: PutTally = field(default_factory=PutTally)


class Writer:
    """The writing side."""

    def __init__(self, client: Elasticsearch, indices: Indices, reader: Reader, bulk: Bulk, seats: Seats) -> None:
        self._client = client
        self._indices = indices
        self._reader = reader
        self._bulk = bulk
        self._seats = seats
        self._arrivals = Arrivals()

    def put(self, mentions: Sequence[Mention], *, now: datetime) -> PutResult:
        """Store mentions and return when they can be found and everyone's newness is right.

        Raises:
            StoreError: nothing can be said of the batch; the same put may be repeated.
        """
        batch = _Batch(now=now, waiting={doc_id(encodable(each.id)): each for each in last_of_each(mentions)})
        if not batch.waiting:
            return batch.done.result()
        names = {id: self._indices.ready(month_of(each.first_collected_at)) for id, each in batch.waiting.items()}
        known = self._elsewhere(names)
        taken = self._create(batch, {id: name for id, name in names.items() if id not in known})
        for attempt in range(1, _TRIES + 1):
            known |= self._read(taken)
            taken = self._replace(batch, known)
            if not batch.waiting:
                break
            if attempt == _TRIES:
                raise ConflictError("elasticsearch: others keep writing the same mentions; try again", retryable=True)
            known = {}
        self._seats.settle(span_of(batch.touched))
        return batch.done.result()

    def _elsewhere(self, names: Mapping[str, str]) -> dict[str, Stored]:
        """Return those that lie in another month than they name, which is rare but possible."""
        others = [
            index for index in self._indices.all() if any(not _is_same(index.name, name) for name in names.values())
        ]
        if not others:
            return {}
        filters = both({"ids": {"values": list(names)}})
        found = self._reader.scan(filters, source=True, seq_no_primary_term=True)
        return {hit["_id"]: _stored(hit) for hit in found}

    def _create(self, batch: _Batch, names: Mapping[str, str]) -> dict[str, str]:
        """Write what seems new; return the `_id`s that were taken, with their index."""
        coming = list(names)
        kept: list[Kept] = []
        outcomes: list[Outcome] = []
        for id in coming:
            outcome = merge(None, batch.waiting[id], now=batch.now)
            outcomes.append(outcome)
            kept.append(after_put(None, outcome, arrival=self._arrivals.next(batch.now)))
        new_for, _ = self._seats.plan(kept, leaving=coming)
        writes = [
            Write(action="create", index=names[id], id=id, body=body_of(each, new))
            for id, each, new in zip(coming, kept, new_for, strict=True)
        ]
        taken: dict[str, str] = {}
        for id, each, outcome, answer in zip(
            coming, kept, outcomes, self._bulk.send(writes, refresh="wait_for"), strict=True
        ):
            if answer.conflict:
                taken[id] = names[id]
            else:
                del batch.waiting[id]
                batch.done.add(outcome)
                batch.touched.append(each)
        return taken

    def _replace(self, batch: _Batch, known: Mapping[str, Stored]) -> dict[str, str]:
        """Merge over what is stored; return the `_id`s that changed meanwhile, with their index."""
        ids = [id for id in batch.waiting if id in known]
        outcomes = {id: merge(known[id].kept.mention, batch.waiting[id], now=batch.now) for id in ids}
        kept = {id: after_put(known[id].kept, outcomes[id], arrival=0) for id in ids}
        stale = [id for id in ids if outcomes[id].stored.mention != known[id].kept.mention]
        new_for, _ = self._seats.plan([kept[id] for id in stale], leaving=stale)
        writes = [
            Write(
                action="index",
                index=known[id].index,
                id=id,
                body=body_of(kept[id], new),
                seen=known[id].seen,
            )
            for id, new in zip(stale, new_for, strict=True)
        ]
        taken: dict[str, str] = {}
        for id, answer in zip(stale, self._bulk.send(writes, refresh="wait_for"), strict=True):
            if answer.conflict:
                taken[id] = known[id].index
        for id in ids:
            if id not in taken:
                del batch.waiting[id]
                batch.done.add(outcomes[id])
                batch.touched += [known[id].kept, kept[id]]
        return taken

    def _read(self, taken: Mapping[str, str]) -> dict[str, Stored]:
        """Return documents as they are this moment, found or not yet."""
        found: dict[str, Stored] = {}
        for part in _chunks(list(taken.items()), 500):
            with answered("read"):
                docs = self._client.mget(docs=[{"_index": name, "_id": id} for id, name in part])["docs"]
            found |= {doc["_id"]: _stored(doc) for doc in docs if doc.get("found")}
        return found


def _is_same(index: str, name: str) -> bool:
    """Say whether an index is the one that a name stands for, reindexed or not."""
    month = name[-7:]
    return index == name or index.endswith(f".{month}") or f".{month}.r" in index


def _stored(doc: Mapping[str, Any]) -> Stored:
    return Stored(
        kept=kept_of(doc["_source"]), index=doc["_index"], seen=(int(doc["_seq_no"]), int(doc["_primary_term"]))
    )


def _chunks(items: list[tuple[str, str]], size: int) -> Iterator[list[tuple[str, str]]]:
    return (items[start : start + size] for start in range(0, len(items), size))
