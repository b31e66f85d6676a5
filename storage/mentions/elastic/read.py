"""Read from the alias: whole answers or an error, never part of the shards."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from elasticsearch import ApiError, Elasticsearch

from domain.moment import Window
from storage.errors import StoreError
from storage.mentions.cursor import ceil_ms
from storage.mentions.dsl import Dsl
from storage.mentions.elastic.document import doc_id
from storage.mentions.elastic.errors import answered
from storage.mentions.elastic.mapping import MAX_RESULTS

__all__ = ["NEWEST", "Hit", "Reader", "both", "in_window"]

Hit = Mapping[str, Any]
"""A hit of a search."""

NEWEST: Sequence[Dsl] = (
    {"event_at": {"order": "desc", "format": "epoch_millis", "numeric_type": "date"}},
    {"id": {"order": "desc"}},
)
"""Newest event first, then by id: the order of all lists."""
_KEEP = "2m"
_IDS = 1_000
_WAITS_S = (0.1, 0.4, 1.0)


def in_window(window: Window | None) -> list[Dsl]:
    """Return the filters of a window of event time, none for None."""
    if window is None:
        return []
    span = {"gte": ceil_ms(window.start), "lt": ceil_ms(window.end), "format": "epoch_millis"}
    return [{"range": {"event_at": span}}]


def both(*filters: Dsl) -> Dsl:
    """Return a query for documents that pass all filters; scores are not computed."""
    return {"bool": {"filter": list(filters)}}


class Reader:
    """Searches one alias; safe to use from several threads."""

    def __init__(self, client: Elasticsearch, alias: str, wait: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._alias = alias
        self._wait = wait

    def search(self, action: str = "search", **body: Any) -> Mapping[str, Any]:
        """Run one search; a shard that is on its way, as of an index just made, is waited for a moment.

        Raises:
            StoreError: a shard or the cluster did not answer.
        """
        for wait_s in _WAITS_S:
            try:
                return self._search(action, body)
            except StoreError as err:
                if not (isinstance(err.__cause__, ApiError) and err.__cause__.meta.status == 503):
                    raise
                self._wait(wait_s)
        return self._search(action, body)

    def _search(self, action: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        where: dict[str, Any] = {}
        if "pit" not in body:
            where = {"index": self._alias, "ignore_unavailable": True, "allow_no_indices": True}
        with answered(action):
            answer: Mapping[str, Any] = self._client.search(**where, allow_partial_search_results=False, **body).body
        return answer

    def count(self, query: Dsl) -> int:
        """Return how many documents match, exactly."""
        answer = self.search("count", query=query, size=0, track_total_hits=True)
        return int(answer["hits"]["total"]["value"])

    def scan(
        self,
        query: Dsl,
        *,
        source: Sequence[str] | bool,
        sort: Sequence[Dsl] = NEWEST,
        after: Sequence[Any] | None = None,
        page: int = 1_000,
        **more: Any,
    ) -> Iterator[Hit]:
        """Yield all hits in a total order.

        More than one page is read from one point in time, so that what is stored meanwhile
        neither repeats nor hides a hit.
        """
        body: dict[str, Any] = {
            "query": query,
            "sort": list(sort),
            "size": page,
            "source": source,
            "track_total_hits": False,
            **more,
        }
        if after is not None:
            body["search_after"] = list(after)
        hits = self.search(**body)["hits"]["hits"]
        yield from hits
        if len(hits) < page:
            return
        with answered("search"):
            opened = self._client.open_point_in_time(index=self._alias, keep_alive=_KEEP, ignore_unavailable=True)
        pit = opened["id"]
        try:
            while len(hits) == page:
                body |= {"search_after": hits[-1]["sort"][: len(sort)], "pit": {"id": pit, "keep_alive": _KEEP}}
                answer = self.search(**body)
                pit = answer.get("pit_id", pit)
                hits = answer["hits"]["hits"]
                yield from hits
        finally:
            with answered("search"):
                self._client.options(ignore_status=404).close_point_in_time(id=pit)

    def by_id(self, ids: Sequence[str], *, source: Sequence[str] | bool, **more: Any) -> Iterator[Hit]:
        """Yield the documents that exist and can be found, in no order."""
        for start in range(0, len(ids), _IDS):
            wanted = [doc_id(id) for id in ids[start : start + _IDS]]
            answer = self.search(
                "read",
                query={"ids": {"values": wanted}},
                size=MAX_RESULTS,
                source=source,
                track_total_hits=False,
                **more,
            )
            yield from answer["hits"]["hits"]

    def composite(
        self, query: Dsl, sources: Sequence[Dsl], *, aggs: Mapping[str, Any] | None = None, page: int = MAX_RESULTS
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the buckets of a composite aggregation, all of them, in order of their keys."""
        rows: dict[str, Any] = {"composite": {"size": page, "sources": list(sources)}}
        if aggs:
            rows["aggs"] = dict(aggs)
        while True:
            answer = self.search("count", query=query, size=0, track_total_hits=False, aggs={"rows": rows})
            found = answer.get("aggregations", {}).get("rows", {"buckets": []})
            yield from found["buckets"]
            if len(found["buckets"]) < page or "after_key" not in found:
                return
            rows = {**rows, "composite": {**rows["composite"], "after": found["after_key"]}}
