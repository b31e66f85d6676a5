"""Parts of a question that every store answers the same way."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from domain.counting import CountRow, TermCount
from domain.document import public_fields
from domain.mention import Mention
from domain.moment import BUCKET, SHANGHAI, Window, bucket_of
from domain.query import MENTION_FIELDS, FieldType, Matcher, Node, QueryError, compile_matcher
from storage.errors import StoreError

__all__ = [
    "MAX_BARS",
    "ZONE",
    "bar_starts",
    "count_window",
    "matcher_of",
    "require_keyword",
    "sort_rows",
    "terms_of",
    "values_of",
]

ZONE = SHANGHAI
"""Zone of dates without an offset: people write Beijing time."""
MAX_BARS = 10_000
"""Most bars of one histogram."""


def matcher_of(query: Node, now: datetime) -> Matcher:
    """Return the test of public fields that defines what a query finds.

    Raises:
        QueryError: a value does not fit the type of its field.
    """
    return compile_matcher(query, now=now, zone=ZONE)


def count_window(window: Window) -> Window:
    """Return the window widened to whole 5-minute buckets."""
    end = bucket_of(window.end)
    return Window(start=bucket_of(window.start), end=end if end == window.end else end + BUCKET)


def bar_starts(window: Window, interval: timedelta) -> list[datetime]:
    """Return the starts of the bars of a histogram, oldest first, the first at the window's.

    Raises:
        StoreError: the interval is not positive, or there would be more than MAX_BARS.
    """
    if interval <= timedelta(0):
        raise StoreError("a histogram needs an interval above zero")
    bars = -(-window.length // interval)
    if bars > MAX_BARS:
        raise StoreError(f"{bars} bars are more than {MAX_BARS}; take a longer interval")
    return [window.start + index * interval for index in range(bars)]


def require_keyword(field: str) -> None:
    """Refuse a field whose values cannot be listed.

    Raises:
        QueryError: the field is unknown or no keyword field.
    """
    if MENTION_FIELDS.get(field) is not FieldType.KEYWORD:
        raise QueryError(f"{field[:60]!r} is no keyword field; take one such as platform, brand or topics")


def values_of(mention: Mention, field: str) -> tuple[str, ...]:
    """Return the distinct values of a keyword field of one mention, without empty ones."""
    value = public_fields(mention)[field]
    values = value if isinstance(value, tuple) else (value,)
    return tuple(dict.fromkeys(each for each in values if isinstance(each, str) and each))


def terms_of(found: Counter[str], limit: int) -> Sequence[TermCount]:
    """Return the `limit` commonest values, most first, ties by value."""
    ordered = sorted(found.items(), key=lambda each: (-each[1], each[0]))
    return [TermCount(term=term, mentions=mentions) for term, mentions in ordered[:limit]]


def sort_rows(rows: Iterable[CountRow]) -> Sequence[CountRow]:
    """Return rows oldest first, then by their keys."""
    return sorted(
        rows,
        key=lambda row: (row.bucket, row.brand, row.polarity, row.source, row.platform, row.backfill, row.key or ""),
    )
