"""Load many mentions at once, for a migration: several requests on their way, refreshed per chunk."""

import gc
import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from elasticsearch import Elasticsearch

from domain.codec import from_plain
from domain.mention import Mention
from storage.mentions.elastic.bulk import Answer, Bulk, Write
from storage.mentions.elastic.document import Kept, Seat, body_of, doc_id, kept_of
from storage.mentions.elastic.errors import answered
from storage.mentions.elastic.index import Indices, month_of
from storage.mentions.elastic.seats import Seats, span_of
from storage.mentions.elastic.write import Arrivals
from storage.mentions.walk import Walked

__all__ = ["Loaded", "Loader", "at_rest", "kept_of_walked", "walked_of"]

_PER_REQUEST = 500
_ON_THEIR_WAY = 4
"""Requests that may be unanswered; more only fill the queue of the cluster."""


@contextmanager
def at_rest() -> Iterator[None]:
    """Let the collector of cycles rest: a chunk makes some 100,000 objects and no cycle; looking costs a tenth."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a load did."""

    created: int
    """Mentions that were not there."""
    present: int
    """Mentions that were there already and stayed as they were."""


class Loader:
    """Writes mentions as they were in another store: nothing is merged, no moment changes."""

    def __init__(self, client: Elasticsearch, indices: Indices, bulk: Bulk, seats: Seats) -> None:
        self._client = client
        self._indices = indices
        self._bulk = bulk
        self._seats = seats
        self._arrivals = Arrivals()

    def load(self, mentions: Sequence[Kept], *, now: datetime) -> Loaded:
        """Store a chunk in order of arrival and return when all of it can be found.

        Repeating a chunk is harmless: what is there stays. A few thousand at a time are best.

        Args:
            mentions: distinct ids; `arrival` is given anew.
            now: the present, for the numbers of arrival.

        Raises:
            StoreError: some may be stored; load the same chunk again.
        """
        kept = [
            Kept(
                mention=each.mention,
                plain=each.plain,
                arrival=self._arrivals.next(now),
                readings=each.readings,
                old_texts=each.old_texts,
            )
            for each in mentions
        ]
        names = [self._indices.ready(month_of(each.mention.first_collected_at)) for each in kept]
        if not kept:
            return Loaded(created=0, present=0)
        ids = frozenset(doc_id(each.mention.id) for each in kept)
        new_for, disturbed = self._seats.plan(kept, leaving=ids, before=kept[0].arrival)
        conflicts = sum(answer.conflict for answer in self._send(kept, names, new_for))
        with answered("refresh"):
            self._client.indices.refresh(index=sorted(set(names)))
        if disturbed or conflicts:  # else nobody outside this chunk is concerned
            self._seats.settle(span_of(kept), refresh="true")
        return Loaded(created=len(kept) - conflicts, present=conflicts)

    def _send(
        self, kept: Sequence[Kept], names: Sequence[str], new_for: Sequence[Mapping[Seat, bool]]
    ) -> Iterator[Answer]:
        waiting: deque[Future[list[Answer]]] = deque()
        with ThreadPoolExecutor(_ON_THEIR_WAY, thread_name_prefix="load") as pool:
            for start in range(0, len(kept), _PER_REQUEST):
                part = slice(start, start + _PER_REQUEST)
                writes = [
                    Write(action="create", index=name, id=doc_id(each.mention.id), body=body_of(each, new))
                    for each, name, new in zip(kept[part], names[part], new_for[part], strict=True)
                ]
                waiting.append(pool.submit(self._bulk.send, writes, refresh="false"))
                if len(waiting) == _ON_THEIR_WAY:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()


def kept_of_walked(walked: Walked) -> Kept:
    """Return what another store gave as this one keeps it.

    Raises:
        DomainError: it is no mention.
    """
    plain = walked.plain
    return Kept(
        mention=from_plain(Mention, plain),
        plain=plain,
        arrival=0,
        readings=tuple((at, json.loads(doc)) for at, doc in walked.readings),
        old_texts=walked.old_texts,
    )


def walked_of(source: Mapping[str, Any]) -> Walked:
    """Return a whole `_source` as it goes to another store.

    Raises:
        DomainError: it was not written by this store.
    """
    kept = kept_of(source)
    return Walked(
        row=kept.arrival,
        doc=_json(kept.plain),
        readings=tuple((at, _json(counters)) for at, counters in kept.readings),
        old_texts=kept.old_texts,
    )


def _json(plain: Mapping[str, Any]) -> str:
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
