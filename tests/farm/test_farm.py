"""A day of the real crawl role over a farm of all platforms: what refuses is left alone, noticed, and heard again."""

import asyncio
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from crawlers.platforms import platform_specs
from tests.farm.judge import Judge
from tests.farm.plan import LINES, START
from tests.farm.server import farm
from tests.farm.world import Day, WaitingClock
from tests.measure import Measurements

pytestmark = [pytest.mark.eval, pytest.mark.slow]

HOURS = 8 if os.environ.get("TINGFENG_BENCH_REDUCED") == "1" else 24
COVERAGE = 0.98
LATEST = 2.0
NOT_VISITED = {
    "import": "reads files, fetches nothing",
    "heimao": "its search wants a signature and a login",
}
"""Platforms without a line on the farm, and why."""


class Outcome(NamedTuple):
    """A day that is over."""

    judge: Judge
    day: Day
    real_s: float
    asked: int


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    folder, span = tmp_path_factory.mktemp("farm"), timedelta(hours=HOURS)

    async def live() -> Outcome:
        clock = WaitingClock(START)
        async with farm(clock, span) as made:
            day = Day(made, clock, Path(folder))
            began_s = time.monotonic()
            await day.run(span)
            real_s = time.monotonic() - began_s
            made_of_it = Outcome(Judge(made, day, START + span), day, real_s, len(made.asked))
            day.freeze()
            return made_of_it

    return asyncio.run(live())


def test_every_platform_that_can_be_visited_is_on_the_farm(outcome: Outcome) -> None:
    assert {source.platform for source in outcome.day.sources} == set(platform_specs()) - set(NOT_VISITED)
    assert outcome.day.crashes == 0


def test_each_breaker_opens_and_nothing_is_asked_while_it_is(outcome: Outcome) -> None:
    assert outcome.judge.not_opened() == []
    assert outcome.judge.hammered() == []


def test_each_breaker_closes_within_one_pause(outcome: Outcome) -> None:
    assert outcome.judge.not_closed() == []


def test_no_site_is_asked_faster_than_its_pace(outcome: Outcome) -> None:
    assert outcome.judge.too_close() == []


def test_visits_stay_within_the_budget(outcome: Outcome, measurements: Measurements) -> None:
    judge, note = outcome.judge, f"{HOURS} h, {len(LINES)} sources"
    shares = {site: visits / allowed for site, (visits, allowed) in judge.load().items()}
    measurements.record(
        "busiest_site_visits_of_what_its_shortest_intervals_allow", max(shares.values()), ceiling=1.0, note=note
    )
    measurements.record("visits_of_budget", outcome.day.visits / judge.budget(), note=note)
    allowed = 1.1 * judge.budget() + judge.bursts()
    measurements.record("visits_of_budget_with_bursts", outcome.day.visits / allowed, ceiling=1.0, note=note)
    measurements.record("requests", outcome.asked, unit="requests", note=note)
    measurements.record("simulated_h_per_real_s", HOURS / outcome.real_s, unit="h/s", note=note)


def test_every_blind_spell_is_noticed_in_time(outcome: Outcome, measurements: Measurements) -> None:
    notices = outcome.judge.notices()
    assert {name: late for name, late in notices.items() if late > LATEST} == {}
    note = f"{len(notices)} spells, in canary intervals"
    measurements.record("notice_delay_max", max(notices.values()), unit="intervals", ceiling=LATEST, note=note)


def test_no_source_is_called_blind_while_its_road_is_open(outcome: Outcome) -> None:
    assert outcome.judge.false_alarms() == []


def test_what_is_published_on_an_open_road_is_collected_once(outcome: Outcome, measurements: Measurements) -> None:
    coverage = outcome.judge.coverage()
    shares = {name: got / of for name, (got, of) in coverage.items()}
    assert {name: coverage[name] for name, share in shares.items() if share < COVERAGE} == {}
    assert outcome.judge.twice() == []
    note = f"{sum(of for _, of in coverage.values())} posts of {len(coverage)} sources"
    measurements.record("coverage_min", min(shares.values()), floor=COVERAGE, note=note)
