"""Counts as the tests of the rules need them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from alerts.detect.base import View
from alerts.detect.brand import BrandCounts
from alerts.detect.coverage import LIVES
from alerts.detect.series import On
from domain.counting import CountBy, CountRow
from domain.moment import Window, bucket_of
from domain.tagging import Polarity

START = datetime(2026, 6, 1, 16, 0, tzinfo=UTC)
N, U, P = Polarity.NEGATIVE, Polarity.NEUTRAL, Polarity.POSITIVE


def row(
    at: datetime,
    mentions: int,
    polarity: Polarity = N,
    *,
    authors: int | None = None,
    source: str = "feed-a",
    backfill: bool = False,
    story: str | None = None,
    p: float = 0.0,
) -> CountRow:
    """Return one bucket of counts; every mention has its own author unless said otherwise."""
    return CountRow(
        bucket=bucket_of(at),
        brand="b",
        polarity=polarity,
        source=source,
        platform="weibo",
        backfill=backfill,
        key=story,
        mentions=mentions,
        new_authors=mentions if authors is None else authors,
        p_negative=p,
    )


class Rows:
    """A count source over rows that a test writes."""

    def __init__(self, rows: Sequence[CountRow] = ()) -> None:
        self.rows = list(rows)
        self.calls = 0

    def counts(self, window: Window, *, brand: str | None = None, by: CountBy | None = None) -> Sequence[CountRow]:
        """Return the rows of the window; those with a story only where stories are asked for."""
        self.calls += 1
        return [each for each in self.rows if window.holds(each.bucket) and (by is None) == (each.key is None)]

    def distinct_authors(self, window: Window, **_: object) -> int:
        """Not asked here."""
        raise NotImplementedError


def steady(hours: int, *, end: datetime, negative: int = 2, other: int = 4, source: str = "feed-a") -> list[CountRow]:
    """Return steady talk: so many negative and neutral mentions each hour, spread over its buckets."""
    rows = []
    for hour in range(hours):
        at = end - timedelta(hours=hour + 1)
        for number in range(negative):
            rows.append(row(at + timedelta(minutes=60 * number / negative), 1, source=source))
        for number in range(other):
            rows.append(row(at + timedelta(minutes=60 * number / other), 1, U, source=source))
    return rows


def view(source: Rows, now: datetime, **facts: object) -> View:
    """Return a view of the rows as they stand, all sources living."""
    brand = BrandCounts(source, "b", history=timedelta(days=14), now=now)

    def baseline(on: On, windows: tuple[int, ...], story_width: int):  # type: ignore[no-untyped-def]  # as BaselineOf
        return brand.baseline(on, windows, story_width, now=now)

    import numpy as np

    dark = np.full(len(brand.series.sources), LIVES, np.int64)
    return View(**{"brand": "b", "now": now, "series": brand.series, "baseline": baseline, "dark_from": dark, **facts})  # type: ignore[arg-type]
