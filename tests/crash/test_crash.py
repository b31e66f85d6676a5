"""`kill -9` at every write and every outgoing call, and of the whole service at random moments: nothing changes."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.crash.control import Kill
from tests.crash.matrix import ROLES, differences, place, plans, repeats, second_deaths
from tests.crash.scenario import SCALE, Outcome, live
from tests.measure import Measurements

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

REDUCED = os.environ.get("TINGFENG_BENCH_REDUCED") == "1"
SAMPLE = 3 if REDUCED else None
SIDE_BY_SIDE, STAGGER_S = 3, 8.0
"""Runs at a time, each of which waits for its clock most of the time, and how far apart the first ones start."""
WHOLE = 4 if REDUCED else 20
WHOLE_SCALE = SCALE if REDUCED else SCALE / 4
"""Twenty deaths need time to live in between."""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The run in which nobody dies; it finds the fault points."""
    outcome = live(tmp_path_factory.mktemp("undisturbed"))
    assert not outcome.died
    assert not differences(outcome, outcome), "the undisturbed run tells each message once and leaves nothing behind"
    return outcome


def test_every_kind_of_write_and_call_is_found(undisturbed: Outcome, measurements: Measurements) -> None:
    operations = {role: {point.split()[0] for point in hits} for role, hits in undisturbed.hits.items()}
    assert operations["crawl"] >= {"commit", "call"}
    assert operations["analyse"] >= {"commit"}
    assert operations["watch"] >= {"commit", "call"}
    assert operations["service"] >= {"commit", "open"}
    for role in ROLES:
        measurements.record(f"fault points of {role}", len(undisturbed.hits[role]), unit="points", floor=14)


def test_a_kill_at_any_fault_point_changes_nothing(
    undisturbed: Outcome, measurements: Measurements, tmp_path: Path
) -> None:
    wanted = plans(undisturbed.hits, sample=SAMPLE)
    done = all_of(wanted, tmp_path / "first")
    missed = missed_in(done)
    # A point that chance did not come to as often as in the undisturbed run is met at its first time.
    again = [[Kill(kill.role, kill.point, 1)] for kill in missed]
    done += all_of(again, tmp_path / "again")
    in_recovery = second_deaths(done, undisturbed.hits)
    measurements.record("fault points that only recovery comes to", len(in_recovery), unit="points")
    for attempt in range(0 if REDUCED else 6):  # chance decides whether one more death finds it there again
        done += all_of(second_deaths(done, undisturbed.hits, attempt=attempt), tmp_path / f"recovery-{attempt}")
    wrong: list[str] = []
    for kills, outcome in done:
        came = [kill for n, kill in enumerate(kills) if n in outcome.died]
        differs = differences(outcome, undisturbed)
        wrong += [f"{[(kill.role, kill.point, kill.hit) for kill in came]}: {text}" for text in differs]
        for n, kill in enumerate(kills):
            if n in outcome.died:
                begun = ",".join(f"{one.channel} {one.kind}" for one in outcome.died[n])
                measurements.record(
                    f"{kill.role}: {kill.point}",
                    repeats([outcome]) if begun else 0,
                    unit="repeats",
                    note=f"{'differs' if differs else 'same'}, hit {kill.hit}, {outcome.seconds:.0f} s"
                    + (f", outcome unknown: {begun}" if begun else ""),
                )
    killed = [kill for kills, outcome in done for n, kill in enumerate(kills) if n in outcome.died]
    measurements.record("points killed at", len(set(killed)), unit="points")
    measurements.record("runs", len(done), unit="runs")
    measurements.record("runs that end otherwise", len({text.split(":")[0] for text in wrong}), unit="runs")
    one_step = sum(outcome.one_step for _, outcome in done)
    measurements.record("runs told in one step, not two", one_step, unit="runs", ceiling=len(done) / 4)
    measurements.record("repeats in all runs", repeats(outcome for _, outcome in done), unit="messages")
    assert not wrong, "\n".join(wrong)
    unkilled = {place(kill) for kill in missed_in(done)} - {place(kill) for kill in killed}
    assert not unkilled, f"found, but nobody died there: {sorted(unkilled)}"


def missed_in(done: list[tuple[list[Kill], Outcome]]) -> list[Kill]:
    """Return the kills that were planned and did not come, for their point was not reached so often."""
    return [kill for kills, outcome in done for n, kill in enumerate(kills) if n not in outcome.died]


def all_of(wanted: list[list[Kill]], folder: Path) -> list[tuple[list[Kill], Outcome]]:
    """Live through every plan, a few side by side."""
    folder.mkdir()

    def one(numbered: tuple[int, list[Kill]]) -> tuple[list[Kill], Outcome]:
        number, kills = numbered
        if number < SIDE_BY_SIDE:
            time.sleep(number * STAGGER_S)
        place = folder / str(number)
        place.mkdir()
        try:
            return kills, live(place, kills)
        except AssertionError as err:
            err.add_note(f"{place}: {kills}")
            raise

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return list(pool.map(one, enumerate(wanted)))


def test_kills_of_the_whole_service_at_random_moments_change_nothing(
    undisturbed: Outcome, measurements: Measurements, tmp_path: Path
) -> None:
    outcome = live(tmp_path, whole=WHOLE, scale=WHOLE_SCALE)
    assert len(outcome.died) == WHOLE
    wrong = differences(outcome, undisturbed)
    measurements.record(
        "kills of the whole service", WHOLE, unit="kills", note=f"clock x{WHOLE_SCALE:g}, {outcome.seconds:.0f} s"
    )
    measurements.record("differences after them", len(wrong), unit="differences")
    measurements.record("repeats after them", repeats([outcome]), unit="messages")
    assert not wrong, "\n".join(wrong)
