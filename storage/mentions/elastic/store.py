"""A mention store on Elasticsearch; any number of processes and machines may use it."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from domain.codec import to_plain
from domain.counting import CountBy, CountRow, HistogramBar, TermCount
from domain.document import public_fields
from domain.mention import Engagement, Mention
from domain.moment import Window
from domain.ports import Page, PutResult
from domain.query import Matcher, Node
from domain.tagging import Polarity
from storage.mentions.ask import bar_starts, count_window, matcher_of, require_keyword, sort_rows, terms_of, values_of
from storage.mentions.cursor import Place, ceil_ms, place_of, read_cursor, write_cursor
from storage.mentions.dsl import Clause, Dsl, compile_query
from storage.mentions.elastic.bulk import Bulk
from storage.mentions.elastic.client import ElasticSettings, connect
from storage.mentions.elastic.counting import count_authors, count_rows
from storage.mentions.elastic.document import SOURCE, mention_of, readings_of
from storage.mentions.elastic.index import Indices
from storage.mentions.elastic.load import Loaded, Loader, at_rest, kept_of_walked, walked_of
from storage.mentions.elastic.read import Reader, both, in_window
from storage.mentions.elastic.reindex import Reindexer
from storage.mentions.elastic.remove import Remover
from storage.mentions.elastic.seats import Seats
from storage.mentions.elastic.write import Writer
from storage.mentions.walk import Walked
from storage.text import encodable, holds

__all__ = ["ElasticMentions"]

logger = logging.getLogger(__name__)

_MS = timedelta(milliseconds=1)
_LONG = 1_000
"""Most mentions of one request."""


class ElasticMentions:
    """Implements `MentionWriter`, `MentionSearch` and `CountSource` on Elasticsearch 8 and 9."""

    def __init__(self, settings: ElasticSettings, *, wait: Callable[[float], None] = time.sleep) -> None:
        """Connect and, where that is allowed, write the index template.

        Raises:
            SchemaError: a newer program wrote the indices.
            StoreError: the cluster is away (retryable), or refuses the login.
        """
        self.client = connect(settings)
        self.indices = Indices(self.client, settings)
        self.reader = Reader(self.client, settings.prefix, wait)
        self.bulk = Bulk(self.client, wait)
        self.seats = Seats(self.client, self.reader, self.bulk, wait)
        self._writer = Writer(self.client, self.indices, self.reader, self.bulk, self.seats)
        self._loader = Loader(self.client, self.indices, self.bulk, self.seats)
        self.reindexer = Reindexer(self.client, settings, self.indices, self.bulk)
        self._remover = Remover(self.client, self.indices, self.reader, self.seats)
        try:
            self.indices.prepare()
        except BaseException:
            self.client.close()
            raise

    def put(self, mentions: Sequence[Mention], *, now: datetime) -> PutResult:
        """Store tagged mentions; they can be found when this returns. Idempotent by id."""
        return self._writer.put(mentions, now=now)

    def load(self, mentions: Sequence[Walked], *, now: datetime) -> Loaded:
        """Store mentions of another store as they were there; what is here already stays as it is."""
        with at_rest():
            return self._loader.load([kept_of_walked(each) for each in mentions], now=now)

    def walk(self) -> Iterator[Walked]:
        """Yield every mention in order of arrival with all that belongs to it, as of one point in time.

        Raises:
            StoreError: the cluster did not answer; start over.
        """
        order: list[Dsl] = [{"inner.arrival": {"order": "asc"}}, {"id": {"order": "asc"}}]
        for hit in self.reader.scan({"match_all": {}}, source=True, sort=order, page=500):
            yield walked_of(hit["_source"])

    def delete_before(self, moment: datetime, *, candidates: bool) -> int:
        """Delete mentions (or candidates) first collected before `moment`; whole indices where possible."""
        return self._remover.delete_before(moment, candidates=candidates)

    def erase_author(self, *, platform: str, author_id: str | None = None, name: str | None = None) -> int:
        """Delete all mentions of one author with their history; return how many."""
        return self._remover.erase_author(platform=platform, author_id=author_id, name=name)

    def holding(self, platform: str, words: Sequence[str]) -> Iterator[Mention]:
        """Yield a platform's mentions that hold one of the words anywhere, in no order; none for no words.

        Reads all of the platform: embedded posts are not indexed.
        """
        if not words:
            return
        for hit in self.reader.scan(both({"term": {"platform": platform}}), source=SOURCE):
            mention = mention_of(hit["_source"])
            if holds(to_plain(mention), words):
                yield mention

    def compact(self) -> None:
        """Merge away deleted documents where that is allowed; else the cluster does so in its own time."""
        self._remover.expunge()

    def get(self, ids: Sequence[str]) -> Mapping[str, Mention]:
        """Return the mentions that exist, by id; missing ids are absent."""
        wanted = [id for id in dict.fromkeys(ids) if id == encodable(id)]
        found = {}
        for hit in self.reader.by_id(wanted, source=SOURCE):
            mention = mention_of(hit["_source"])
            found[mention.id] = mention
        return {id: found[id] for id in wanted if id in found}

    def search(
        self, query: Node, *, now: datetime, window: Window | None = None, limit: int = 50, after: str | None = None
    ) -> Page:
        """Return mentions that match, newest event first; `window` bounds event_at."""
        place = read_cursor(after) if after is not None else None
        found: list[Mention] = []
        for mention in self._matching(query, now, window, after=place, wanted=limit + 1):
            found.append(mention)
            if len(found) > limit:
                break
        more = len(found) > limit > 0
        page = tuple(found[: max(0, limit)])
        return Page(mentions=page, next=write_cursor(place_of(page[-1])) if more else None)

    def count(self, query: Node, *, now: datetime, window: Window | None = None) -> int:
        """Return how many mentions match."""
        _, clause = self._asked(query, now)
        if clause.exact:
            return self.reader.count(both(clause.query, *in_window(window)))
        return sum(1 for _ in self._matching(query, now, window))

    def histogram(self, query: Node, *, now: datetime, window: Window, interval: timedelta) -> Sequence[HistogramBar]:
        """Return bars over the window, oldest first, empty ones included."""
        starts = bar_starts(window, interval)
        _, clause = self._asked(query, now)
        found: Counter[int] = Counter()
        if clause.exact and interval % _MS == timedelta(0) and starts:
            found.update(self._bars(clause, window, interval // _MS))
        else:
            moments = (each.event_at for each in self._matching(query, now, window))
            found.update((moment - window.start) // interval for moment in moments)
        return [HistogramBar(start=start, mentions=found[index]) for index, start in enumerate(starts)]

    def _bars(self, clause: Clause, window: Window, interval_ms: int) -> dict[int, int]:
        """Return counts by number of bar; events are whole milliseconds, so the start may be rounded up."""
        start_ms = ceil_ms(window.start)
        bars = {"field": "event_at", "fixed_interval": f"{interval_ms}ms", "min_doc_count": 1}
        bars["offset"] = f"{start_ms % interval_ms}ms"
        answer = self._aggregate(clause, window, {"date_histogram": bars})
        return {(int(bar["key"]) - start_ms) // interval_ms: bar["doc_count"] for bar in answer.get("buckets", ())}

    def terms(
        self, query: Node, *, now: datetime, field: str, window: Window | None = None, limit: int = 20
    ) -> Sequence[TermCount]:
        """Return the commonest values of a public keyword field, most first, ties by value.

        Raises:
            QueryError: the field is no keyword field.
        """
        require_keyword(field)
        _, clause = self._asked(query, now)
        if not clause.exact:
            found: Counter[str] = Counter()
            for mention in self._matching(query, now, window):
                found.update(values_of(mention, field))
            return terms_of(found, limit)
        if limit < 1:
            return []
        # One more than asked: the empty value may be among them, and is none.
        order = [{"_count": "desc"}, {"_key": "asc"}]
        size = min(limit + 1, 10_000)
        terms = {"field": field, "size": size, "shard_size": max(10 * size, 1_000), "order": order}
        answer = self._aggregate(clause, window, {"terms": terms})
        if answer.get("doc_count_error_upper_bound"):
            sources = [{"value": {"terms": {"field": field}}}]
            whole = self.reader.composite(both(clause.query, *in_window(window)), sources)
            return terms_of(
                Counter({row["key"]["value"]: row["doc_count"] for row in whole if row["key"]["value"]}), limit
            )
        return terms_of(
            Counter({row["key"]: row["doc_count"] for row in answer.get("buckets", ()) if row["key"]}), limit
        )

    def significant_terms(
        self, query: Node, *, now: datetime, field: str = "keywords", window: Window | None = None, limit: int = 20
    ) -> Sequence[TermCount]:
        """Return values far commoner among what matches than in the whole store, most telling first.

        Raises:
            QueryError: the field is no keyword field.
        """
        require_keyword(field)
        _, clause = self._asked(query, now)
        terms = {"field": field, "size": max(1, limit), "min_doc_count": 2}
        answer = self._aggregate(clause, window, {"significant_terms": terms})
        return [TermCount(term=row["key"], mentions=row["doc_count"]) for row in answer.get("buckets", ())][:limit]

    def _aggregate(self, clause: Clause, window: Window | None, aggregation: Dsl) -> Mapping[str, Any]:
        query = both(clause.query, *in_window(window))
        answer = self.reader.search("count", query=query, size=0, track_total_hits=False, aggs={"it": aggregation})
        found: Mapping[str, Any] = answer.get("aggregations", {}).get("it", {})
        return found

    def engagement_history(self, mention: str) -> Sequence[tuple[datetime, Engagement]]:
        """Return the readings of a mention's counters, oldest first; empty if unknown."""
        hits = self.reader.by_id([encodable(mention)], source=["inner.readings"])
        return next((readings_of(hit["_source"]) for hit in hits), [])

    def counts(self, window: Window, *, brand: str | None = None, by: CountBy | None = None) -> Sequence[CountRow]:
        """Return rows per 5-minute bucket of event time, oldest first; empty buckets absent."""
        whole = count_window(window)
        if whole.start == whole.end:
            return []
        return sort_rows(count_rows(self.reader, whole, brand=brand, by=by))

    def distinct_authors(
        self,
        window: Window,
        *,
        brand: str,
        polarity: Polarity | None = None,
        story: str | None = None,
        include_backfill: bool = False,
    ) -> int:
        """Return the exact number of distinct authors, see `storage.author.author_key`."""
        return count_authors(
            self.reader, window, brand=brand, polarity=polarity, story=story, include_backfill=include_backfill
        )

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    def _asked(self, query: Node, now: datetime) -> tuple[Matcher, Clause]:
        return matcher_of(query, now), compile_query(query, now=now)

    def _matching(
        self,
        query: Node,
        now: datetime,
        window: Window | None,
        *,
        after: Place | None = None,
        wanted: int = _LONG,
    ) -> Iterator[Mention]:
        """Yield what matches and comes after a place, newest first."""
        matches, clause = self._asked(query, now)
        page = max(1, min(_LONG, wanted if clause.exact else max(wanted, 200)))
        hits = self.reader.scan(
            both(clause.query, *in_window(window)), source=SOURCE, after=_sort_values(after), page=page
        )
        for hit in hits:
            mention = mention_of(hit["_source"])
            if clause.exact or matches(public_fields(mention)):
                yield mention


def _sort_values(place: Place | None) -> Sequence[Any] | None:
    return None if place is None else (place[0], place[1])
