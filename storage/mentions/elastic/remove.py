"""Delete what is old, and everything of one author."""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime

from elasticsearch import Elasticsearch

from domain.mention import Mention
from storage.author import is_author
from storage.errors import StoreError
from storage.mentions.cursor import ceil_ms, to_ms
from storage.mentions.dsl import Dsl
from storage.mentions.elastic.document import SOURCE, author_of, mention_of, seats_of
from storage.mentions.elastic.errors import answered
from storage.mentions.elastic.index import Index, Indices, month_end
from storage.mentions.elastic.read import Reader, both
from storage.mentions.elastic.seats import NEW_AUTHOR_MS, Seats, Span
from storage.text import encodable

__all__ = ["Remover"]

logger = logging.getLogger(__name__)

_STEP = 5_000
_AUTHORS = 5_000


class Remover:
    """Deletes mentions and sets right who is new afterwards."""

    def __init__(self, client: Elasticsearch, indices: Indices, reader: Reader, seats: Seats) -> None:
        self._client = client
        self._indices = indices
        self._reader = reader
        self._seats = seats
        self._told: set[str] = set()

    def delete_before(self, moment: datetime, *, candidates: bool) -> int:
        """Delete mentions (or candidates) first collected before `moment`; return how many.

        A month that is over by then and holds nothing else goes as a whole index.
        """
        old = {"range": {"first_collected_at": {"lt": ceil_ms(moment), "format": "epoch_millis"}}}
        kind = {"term": {"inner.candidate": candidates}}
        deleted = 0
        for index in self._indices.all(fresh=True):
            dropped = self._drop(index, both({"term": {"inner.candidate": not candidates}}), moment)
            deleted += dropped if dropped is not None else self._delete(index.name, both(old, kind))
        if deleted and not candidates:
            self._settle_after(to_ms(moment))
        return deleted

    def _drop(self, index: Index, others: Dsl, moment: datetime) -> int | None:
        """Delete a whole index; None = it must stay, or may not be deleted."""
        if month_end(index.month) > moment:
            return None
        with answered("count"):
            if self._client.count(index=index.name, query=others)["count"]:
                return None
            found = int(self._client.count(index=index.name)["count"])
        try:
            with answered(f"delete index {index.name}"):
                self._client.indices.delete(index=index.name)
        except StoreError as err:
            if err.retryable:
                raise
            if str(err) not in self._told:
                self._told.add(str(err))
                logger.warning("index stays and is emptied instead cause=%s", err)
            return None
        self._indices.forget()
        logger.info("index deleted index=%s mentions=%d", index.name, found)
        return found

    def _delete(self, index: str, query: Dsl) -> int:
        deleted = 0
        while True:
            with answered("delete"):
                answer = self._client.delete_by_query(
                    index=index, query=query, max_docs=_STEP, conflicts="proceed", refresh=True, scroll_size=1_000
                )
            deleted += int(answer["deleted"])
            if not answer["deleted"] and not answer["version_conflicts"]:
                return deleted

    def _settle_after(self, moment_ms: int) -> None:
        """Look again at everyone who was not new and may be now: only who spoke within a day after."""
        query = both(
            {"range": {"event_at": {"lt": moment_ms + NEW_AUTHOR_MS, "format": "epoch_millis"}}},
            {"wildcard": {"inner.seats": {"value": "*|0"}}},
        )
        sources: list[Dsl] = [{"author": {"terms": {"field": "inner.author"}}}]
        span = {"first": {"min": {"field": "event_at"}}, "last": {"max": {"field": "event_at"}}}
        batch: list[tuple[str, int, int]] = []
        for row in self._reader.composite(query, sources, aggs=span):
            batch.append((row["key"]["author"], int(row["first"]["value"]), int(row["last"]["value"])))
            if len(batch) == _AUTHORS:
                self._seats.settle(_span(batch))
                batch = []
        if batch:
            self._seats.settle(_span(batch))

    def erase_author(self, *, platform: str, author_id: str | None, name: str | None) -> int:
        """Delete all mentions of one author with their history; return how many."""
        gone = [(index, id, mention) for index, id, mention in self._of(platform, author_id, name)]
        for index in sorted({index for index, _, _ in gone}):
            ids = [id for each, id, _ in gone if each == index]
            for start in range(0, len(ids), 1_000):
                self._delete(index, {"ids": {"values": ids[start : start + 1_000]}})
        counted = [mention for _, _, mention in gone if seats_of(mention)]
        if counted:
            events = [to_ms(mention.event_at) for mention in counted]
            authors = frozenset(author_of(mention) for mention in counted)
            self._seats.settle(Span(authors=authors, first_ms=min(events), last_ms=max(events)))
        return len(gone)

    def expunge(self) -> None:
        """Merge deleted documents out of the segments; needs the privilege `maintenance`."""
        try:
            with answered("merge deleted documents away"):
                self._client.indices.forcemerge(
                    index=self._indices.alias, only_expunge_deletes=True, ignore_unavailable=True, allow_no_indices=True
                )
        except StoreError as err:
            if err.retryable:
                raise
            logger.warning("deleted documents stay in their segments until they are merged cause=%s", err)

    def _of(self, platform: str, author_id: str | None, name: str | None) -> Iterator[tuple[str, str, Mention]]:
        wanted: list[Dsl] = []
        if author_id is not None:
            wanted.append({"term": {"author.id": encodable(author_id)}})
        if name is not None:
            wanted.append({"term": {"author.name": encodable(name)}})
        query = both(
            {"term": {"platform": platform}},
            {"bool": {"should": wanted or [{"match_none": {}}], "minimum_should_match": 1}},
        )
        for hit in self._reader.scan(query, source=SOURCE):
            mention = mention_of(hit["_source"])
            if is_author(mention.post.author, author_id=author_id, name=name):
                yield hit["_index"], hit["_id"], mention


def _span(batch: Sequence[tuple[str, int, int]]) -> Span:
    return Span(
        authors=frozenset(author for author, _, _ in batch),
        first_ms=min(first for _, first, _ in batch),
        last_ms=max(last for _, _, last in batch),
    )
