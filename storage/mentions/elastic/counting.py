"""Counts for detection: aggregations where a mention names one brand, documents where it names several.

A probability belongs to one brand of a mention, and a flat document cannot say which value
of a list belongs to which. Most mentions name one brand; there the sum over the documents
of a bucket is the answer. The few others are read and counted here.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from domain.counting import CountBy, CountRow
from domain.moment import BUCKET, Window
from domain.tagging import Polarity
from storage.mentions.cursor import ceil_ms, from_ms
from storage.mentions.dsl import Dsl
from storage.mentions.elastic.read import Reader, both, in_window

__all__ = ["count_authors", "count_rows"]

_BUCKET_MS = BUCKET // timedelta(milliseconds=1)
_KEY = {CountBy.TOPIC: "topics", CountBy.RISK: "risk", CountBy.STORY: "story_id"}
_SEVERAL = ["source", "platform", "story_id", "topics", "risk", "inner.backfill", "inner.seats", "inner.seat_p"]

_Place = tuple[int, str, str, str, bool, str | None]
"""Bucket in ms, seat with its newness, source, platform, backfill, key."""


def count_rows(reader: Reader, whole: Window, *, brand: str | None, by: CountBy | None) -> list[CountRow]:
    """Return the counts in a window of whole buckets, in no order."""
    sums: dict[tuple[int, str, str, str, str, bool, str | None], list[float]] = {}
    for place, mentions, p_negative in (*_single(reader, whole, brand, by), *_several(reader, whole, brand, by)):
        bucket, seat, source, platform, backfill, key = place
        name, polarity, new = seat.rsplit("|", 2)
        if brand not in (None, name):
            continue
        row = sums.setdefault((bucket, name, polarity, source, platform, backfill, key), [0, 0, 0.0])
        row[0] += mentions
        row[1] += mentions * (new == "1")
        row[2] += p_negative
    return [
        CountRow(
            bucket=from_ms(bucket),
            brand=name,
            polarity=Polarity(polarity),
            source=source,
            platform=platform,
            backfill=backfill,
            key=key,
            mentions=int(row[0]),
            new_authors=int(row[1]),
            p_negative=row[2],
        )
        for (bucket, name, polarity, source, platform, backfill, key), row in sums.items()
    ]


def _filters(whole: Window, brand: str | None) -> list[Dsl]:
    return [*in_window(whole), *([_of_brand(brand, None)] if brand is not None else [])]


def _of_brand(brand: str, polarity: Polarity | None) -> Dsl:
    polarities = [polarity] if polarity is not None else list(Polarity)
    return {"terms": {"inner.seats": [f"{brand}|{each.value}|{new}" for each in polarities for new in (0, 1)]}}


def _single(
    reader: Reader, whole: Window, brand: str | None, by: CountBy | None
) -> Iterator[tuple[_Place, int, float]]:
    query = both({"term": {"inner.seat_n": 1}}, *_filters(whole, brand))
    sources: list[Dsl] = [
        {"bucket": {"date_histogram": {"field": "event_at", "fixed_interval": "5m"}}},
        *({name: {"terms": {"field": field}}} for name, field in _FIXED),
    ]
    if by is not None:
        sources.append({"key": {"terms": {"field": _KEY[by]}}})
    for found in reader.composite(query, sources, aggs={"p": {"sum": {"field": "inner.seat_p"}}}):
        key = found["key"]
        place = (key["bucket"], key["seat"], key["source"], key["platform"], key["backfill"], key.get("key"))
        yield place, found["doc_count"], found["p"]["value"]


_FIXED = (("seat", "inner.seats"), ("source", "source"), ("platform", "platform"), ("backfill", "inner.backfill"))


def _several(
    reader: Reader, whole: Window, brand: str | None, by: CountBy | None
) -> Iterator[tuple[_Place, int, float]]:
    query = both({"range": {"inner.seat_n": {"gte": 2}}}, *_filters(whole, brand))
    for hit in reader.scan(query, source=_SEVERAL, page=2_000):
        source = hit["_source"]
        bucket = int(hit["sort"][0]) // _BUCKET_MS * _BUCKET_MS
        inner = source["inner"]
        for seat, p_negative in zip(inner["seats"], inner["seat_p"], strict=True):
            for key in _keys(source, by):
                place = (bucket, seat, source["source"], source["platform"], inner["backfill"], key)
                yield place, 1, p_negative


def _keys(source: Any, by: CountBy | None) -> Sequence[str | None]:
    if by is None:
        return (None,)
    value = source.get(_KEY[by], [])
    return [value] if isinstance(value, str) else list(dict.fromkeys(value))


def count_authors(
    reader: Reader,
    window: Window,
    *,
    brand: str,
    polarity: Polarity | None,
    story: str | None,
    include_backfill: bool,
) -> int:
    """Return the exact number of distinct authors of counted mentions."""
    if ceil_ms(window.start) >= ceil_ms(window.end):
        return 0
    filters = [*in_window(window), _of_brand(brand, polarity)]
    if story is not None:
        filters.append({"term": {"story_id": story}})
    if not include_backfill:
        filters.append({"term": {"inner.backfill": False}})
    sources: list[Dsl] = [{"author": {"terms": {"field": "inner.author"}}}]
    return sum(1 for _ in reader.composite(both(*filters), sources))
