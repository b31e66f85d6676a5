"""Speed of the SQLite mention store: words, time, brand and polarity against a plain LIKE."""

import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from statistics import median

import pytest

from domain.mention import Author, Mention
from domain.moment import Window
from domain.query import parse
from storage import MentionStore, open_mentions
from storage.mentions.cursor import to_ms
from tests.measure import Measurements
from tests.storage.sample import NOW, N, P, U, mention

pytestmark = [pytest.mark.bench, pytest.mark.slow]

ROWS = int(os.environ.get("TINGFENG_BENCH_MENTIONS") or 60_000)
LIKE = 50 if ROWS >= 1_000_000 else 30
"""How often quicker than LIKE: LIKE reads all rows, so that more rows make more of it."""
DAYS = 30
DAY = Window(start=NOW - timedelta(days=1), end=NOW + timedelta(hours=1))
NOTE = f"{ROWS:,} invented mentions of 45 characters, 50 brands, {DAYS} days, warm, median of 9"


def _invent(rows: int) -> Iterator[Mention]:
    dice = random.Random(7)
    letters = [chr(0x4E00 + n) for n in range(3000)]
    weights = [1 / (n + 1) for n in range(3000)]
    for n in range(rows):
        text = "".join(dice.choices(letters, weights, k=45))
        yield mention(
            str(n),
            f"{text[:20]}投诉{text[20:]}" if dice.random() < 0.06 else text,
            minutes=-DAYS * 1440 * (1 - n / rows),
            brands={f"b{dice.randrange(50)}": dice.choice([N, U, U, P])},
            author=Author(id=f"a{dice.randrange(rows // 3)}"),
            platform=dice.choice(["weibo", "zhihu", "tieba"]),
        )


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[MentionStore, Path, float]]:
    folder = tmp_path_factory.mktemp("mentions")
    store, took = open_mentions("sqlite", folder), 0.0
    batch: list[Mention] = []
    for each in _invent(ROWS):
        batch.append(each)
        if len(batch) == 1000:
            began = time.perf_counter()
            store.put(batch, now=NOW)
            took += time.perf_counter() - began
            batch = []
    yield store, folder / "mentions.db", ROWS / took
    store.close()


def _ms(work: Callable[[], object]) -> float:
    spans = []
    for _ in range(9):
        began = time.perf_counter()
        work()
        spans.append(time.perf_counter() - began)
    return median(spans) * 1000


def test_the_question_of_a_crisis_is_quick(
    filled: tuple[MentionStore, Path, float], measurements: Measurements
) -> None:
    """Term, 24 hours, brand, negative: the newest 50, against LIKE over the same rows."""
    store, path, _ = filled
    query = parse("投诉 and negative_for: b7")
    quick = _ms(lambda: store.search(query, now=NOW, window=DAY))
    sql = """
        SELECT u.row FROM mention_units u JOIN mentions m ON m.row = u.row
        WHERE u.text LIKE '%投 诉%' AND +m.event_ms >= ? AND m.row IN (SELECT row FROM tagged WHERE +brand = 'b7'
        AND polarity = 0) ORDER BY m.event_ms DESC LIMIT 50
    """
    with closing(sqlite3.connect(path)) as raw:
        slow = _ms(lambda: raw.execute("SELECT row FROM mention_units WHERE text LIKE '%投 诉%'").fetchall())
        filtered = _ms(lambda: raw.execute(sql, (to_ms(DAY.start),)).fetchall())
    measurements.record("search_ms", quick, unit="ms", ceiling=10, note=NOTE)
    measurements.record("like_ms", slow, unit="ms", note=NOTE)
    measurements.record("like_with_filters_ms", filtered, unit="ms", note=NOTE)
    measurements.record("times_quicker_than_like", slow / quick, floor=LIKE, note=NOTE)


def test_counts_of_a_day_are_quick(filled: tuple[MentionStore, Path, float], measurements: Measurements) -> None:
    store, _, _ = filled
    one = _ms(lambda: store.counts(DAY, brand="b7"))
    authors = _ms(lambda: store.distinct_authors(DAY, brand="b7"))
    measurements.record("counts_of_a_brand_ms", one, unit="ms", ceiling=10, note=NOTE)
    measurements.record("distinct_authors_ms", authors, unit="ms", ceiling=10, note=NOTE)


def test_mentions_are_stored_quickly(filled: tuple[MentionStore, Path, float], measurements: Measurements) -> None:
    _, path, speed = filled
    measurements.record("stored_per_s", speed, unit="1/s", floor=300, note=f"batches of 1,000; {NOTE}")
    measurements.record("bytes_per_mention", path.stat().st_size / ROWS, unit="B", ceiling=6000, note=NOTE)
