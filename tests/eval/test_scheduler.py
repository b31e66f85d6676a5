"""A day of 200 queries: the scheduler against one that visits each every five minutes, at the same number of visits."""

import heapq
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from crawlers.cadence import Bounds, Cadence, after_posts
from domain.source import Rates
from tests.measure import Measurements

pytestmark = pytest.mark.eval

T = datetime(2026, 6, 20, 8, tzinfo=UTC)
FIVE = timedelta(minutes=5)
SEEDS = (1,) if os.environ.get("TINGFENG_BENCH_REDUCED") == "1" else (1, 2, 3)
QUERIES = 200
DAY_S = 86_400
PER_DAY = 6_741
CRISIS_S = (10 * 3_600, 12 * 3_600)
TIMES = 50


def a_day(seed: int) -> tuple[list[list[float]], int]:
    """Return the moments of all posts of a day by query, and the query in whose two hours there are fifty times more.

    Rates of 200 queries after Pareto (shape 1.5), 6,741 posts in all, as in contracts: crawling, section 9.
    """
    chance = random.Random(seed)
    weights = [chance.paretovariate(1.5) for _ in range(QUERIES)]
    rates = [weight / sum(weights) * PER_DAY / DAY_S for weight in weights]
    crisis = sorted(range(QUERIES), key=lambda each: rates[each])[QUERIES // 2]
    posts = [list(_moments(chance, one, 1.0 if each != crisis else TIMES)) for each, one in enumerate(rates)]
    posts[crisis] = [at for at in posts[crisis] if CRISIS_S[0] <= at < CRISIS_S[1] or chance.random() < 1 / TIMES]
    return posts, crisis


def _moments(chance: random.Random, per_s: float, times: float) -> Iterator[float]:
    at = chance.expovariate(per_s * times)
    while at < DAY_S:
        yield at
        at += chance.expovariate(per_s * times)


@dataclass(frozen=True)
class Day:
    """What a day came to, seconds."""

    per_hour: float
    waits: list[float]
    crisis: list[float]


def run(seed: int, most: timedelta | None) -> Day:
    """Visit a day's queries; `most` None = each exactly every five minutes."""
    posts, crisis = a_day(seed)
    chance = random.Random(seed)
    names = [str(each) for each in range(QUERIES)]
    spans = Bounds(usual=FIVE, least=timedelta(seconds=30), most=most or FIVE)
    cadence = Cadence({name: spans for name in names})
    rates = [Rates() for _ in names]
    last, read, visits = [0.0] * QUERIES, [0] * QUERIES, 0
    waits: list[list[float]] = [[] for _ in names]
    heap = [(chance.uniform(0, 300), each) for each in range(QUERIES)]
    heapq.heapify(heap)
    while heap[0][0] < DAY_S:
        at, each = heap[0]
        visits += 1
        new = 0
        while read[each] < len(posts[each]) and posts[each][read[each]] <= at:
            waits[each].append(at - posts[each][read[each]])
            read[each] += 1
            new += 1
        span = FIVE
        if most is not None:
            rates[each] = after_posts(rates[each], new, timedelta(seconds=at - last[each]))
            cadence.note(names[each], rates[each], hot=rates[each].burst)
            span = cadence.wait(names[each], T + timedelta(seconds=at))
        last[each] = at
        heapq.heapreplace(heap, (at + span.total_seconds() * chance.uniform(0.9, 1.1), each))
    crisis_waits = [
        wait for wait, at in zip(waits[crisis], posts[crisis], strict=False) if CRISIS_S[0] <= at < CRISIS_S[1]
    ]
    return Day(per_hour=visits / 24, waits=[wait for each in waits for wait in each], crisis=crisis_waits)


def p95(values: list[float]) -> float:
    return sorted(values)[int(0.95 * len(values))]


def test_in_a_day_the_crisis_is_seen_sooner_and_the_quiet_wait_little_longer(measurements: Measurements) -> None:
    uniform = [run(seed, None) for seed in SEEDS]
    crisis_s = mean([wait for day in uniform for wait in day.crisis])
    p95_s = p95([wait for day in uniform for wait in day.waits])
    per_hour = mean([day.per_hour for day in uniform])
    measurements.record("uniform_visits", per_hour, unit="1/h", note="every query each five minutes")
    measurements.record("uniform_crisis_mean", crisis_s, unit="s")
    measurements.record("uniform_p95", p95_s, unit="s")
    for cap in (5, 10, 20):
        days = [run(seed, timedelta(minutes=cap)) for seed in SEEDS]
        chosen = cap == 10  # the default: twice the interval
        every = [wait for day in days for wait in day.waits]
        visits = mean([day.per_hour for day in days])
        crisis = mean([wait for day in days for wait in day.crisis])
        note = f"longest interval {cap} min"
        measurements.record(f"cap_{cap}_visits", visits, unit="1/h", note=note)
        measurements.record(f"cap_{cap}_budget", visits / per_hour, ceiling=1.01 if chosen else None, note=note)
        measurements.record(f"cap_{cap}_mean", mean(every), unit="s", note=note)
        measurements.record(f"cap_{cap}_crisis_mean", crisis, unit="s", note=note)
        measurements.record(f"cap_{cap}_crisis_ratio", crisis / crisis_s, ceiling=0.4 if chosen else None, note=note)
        measurements.record(f"cap_{cap}_p95_ratio", p95(every) / p95_s, ceiling=1.6 if chosen else None, note=note)


def mean(values: list[float]) -> float:
    return sum(values) / len(values)
