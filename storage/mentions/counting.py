"""Counts of the SQLite store, from the table of brand tags alone."""

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from functools import lru_cache

from domain.counting import CountBy, CountRow
from domain.moment import BUCKET, Window
from domain.tagging import Polarity
from storage.mentions.cursor import ceil_ms, from_ms
from storage.mentions.schema import POLARITIES

__all__ = ["brands_of", "count_authors", "count_rows"]

_BUCKET_MS = BUCKET // timedelta(milliseconds=1)
_FLOOR = f"event_ms - ((event_ms % {_BUCKET_MS}) + {_BUCKET_MS}) % {_BUCKET_MS}"
_POLARITIES = tuple(Polarity(name) for name in POLARITIES)
_LABEL = {CountBy.TOPIC: "topics", CountBy.RISK: "risk"}
_BRANDS = """
WITH RECURSIVE each (brand) AS (
    SELECT min(brand) FROM tagged
    UNION ALL
    SELECT (SELECT min(brand) FROM tagged WHERE brand > each.brand) FROM each WHERE each.brand IS NOT NULL
)
SELECT brand FROM each WHERE brand IS NOT NULL
"""


def brands_of(connection: sqlite3.Connection) -> list[str]:
    """Return the brands that have mentions, sorted, without reading them all."""
    return [brand for (brand,) in connection.execute(_BRANDS)]


def count_rows(connection: sqlite3.Connection, brand: str, whole: Window, by: CountBy | None) -> Iterator[CountRow]:
    """Yield the counts of one brand in a window of whole buckets, in no order."""
    key, source, also = "NULL", "tagged t", ""
    if by is CountBy.STORY:
        key, also = "t.story_id", "AND t.story_id IS NOT NULL"
    elif by is not None:
        key, source = "l.value", "tagged t CROSS JOIN labels l"
        also = f"AND l.row = t.row AND l.kind = '{_LABEL[by]}'"
    sql = (
        f"SELECT {_FLOOR} AS bucket, polarity, source, platform, backfill, {key} AS split, "
        f"count(*), sum(new_author), sum(p_negative) FROM {source} "
        f"WHERE brand = ? AND event_ms >= ? AND event_ms < ? AND counted = 1 {also} "
        "GROUP BY bucket, polarity, source, platform, backfill, split"
    )
    values = (brand, ceil_ms(whole.start), ceil_ms(whole.end))
    starts = lru_cache(maxsize=None)(from_ms)
    for bucket, polarity, name, platform, backfill, split, mentions, new, p_negative in connection.execute(sql, values):
        yield CountRow(
            bucket=starts(bucket),
            brand=brand,
            polarity=_POLARITIES[polarity],
            source=name,
            platform=platform,
            backfill=bool(backfill),
            key=split,
            mentions=mentions,
            new_authors=new,
            p_negative=p_negative,
        )


def count_authors(
    connection: sqlite3.Connection,
    window: Window,
    *,
    brand: str,
    polarity: Polarity | None,
    story: str | None,
    include_backfill: bool,
) -> int:
    """Return the number of distinct authors of counted mentions."""
    sql = "SELECT count(DISTINCT author) FROM tagged WHERE counted = 1 AND brand = ? AND event_ms >= ? AND event_ms < ?"
    values: list[object] = [brand, ceil_ms(window.start), ceil_ms(window.end)]
    if polarity is not None:
        sql += " AND polarity = ?"
        values.append(POLARITIES.index(polarity.value))
    if story is not None:
        sql += " AND story_id = ?"
        values.append(story)
    if not include_backfill:
        sql += " AND backfill = 0"
    return int(connection.execute(sql, values).fetchone()[0])
