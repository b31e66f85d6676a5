"""What reading costs: list pages beside a stock Scrapy spider, article pages beside bare trafilatura.

All readers read the same pages of one site at the same time of day, in turns; a ratio is the median over the turns of
their pages for one second of processor time, so that what else the machine does hits both sides.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import pytest

from tests.benchmarks.site import serving
from tests.conftest import REPOSITORY
from tests.measure import Measurements

pytestmark = [pytest.mark.bench, pytest.mark.slow]

REDUCED = os.environ.get("TINGFENG_BENCH_REDUCED") == "1"
ROUNDS = 4 if REDUCED else 9
ROOM = 0.75 if REDUCED else 1.0
"""Share of a ratio that a few rounds on a busy machine have to reach; the proof has to reach all of it."""
Turn = dict[str, float]


@contextlib.contextmanager
def _reader(who: str, kind: str, folder: Path, bases: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.benchmarks.readers", who, kind, str(folder), *bases]
    folder.mkdir()
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        assert process.stdin is not None and process.stdout is not None
        said = process.stdout.readline()
        assert said == "ready\n", (folder / "log").read_text()[-2000:]
        yield process
        process.stdin.close()
        process.wait(20)


def read_in_turns(kind: str, names: Sequence[str], folder: Path, sites: int) -> dict[str, list[Turn]]:
    """Let readers read round after round, each after the other; every one must find every post of every round."""
    turns: dict[str, list[Turn]] = {name: [] for name in names}
    with serving() as bases, contextlib.ExitStack() as stack:
        running = {name: stack.enter_context(_reader(name, kind, folder / name, bases[:sites])) for name in names}
        for number in range(ROUNDS):
            for name in names if number % 2 else reversed(names):
                process = running[name]
                assert process.stdin is not None and process.stdout is not None
                process.stdin.write("go\n")
                process.stdin.flush()
                turns[name].append(json.loads(process.stdout.readline()))
    assert len({(turn["pages"], turn["posts"]) for each in turns.values() for turn in each}) == 1, turns
    assert turns[names[0]][0]["posts"] > 0
    return turns


def ratio(turns: dict[str, list[Turn]], ours: str, peer: str) -> float:
    """Return how many pages one side reads in the processor time in which the other reads one."""
    return median(theirs["cpu_s"] / our["cpu_s"] for our, theirs in zip(turns[ours], turns[peer], strict=True))


def note_rates(turns: dict[str, list[Turn]], kind: str, measurements: Measurements) -> None:
    """Record what each reader did in a second of processor time and of the wall."""
    for name, each in turns.items():
        for span, unit in (("cpu_s", "1/s of one core"), ("wall_s", "1/s")):
            rate = median(turn["pages"] / turn[span] for turn in each)
            measurements.record(f"{kind}: pages of {name}, {span}", rate, unit=unit, note=f"median of {ROUNDS}")


@pytest.mark.parametrize(("kind", "stock", "dropping"), [("lists", 1.3, 0.7), ("feeds", 0.55, 0.65)])
def test_list_pages_beside_stock_scrapy(
    kind: str, stock: float, dropping: float, tmp_path: Path, measurements: Measurements
) -> None:
    """Whole visits with parsing, memory of what is known and the inbox on disk."""
    turns = read_in_turns(kind, ("crawl", "dropping", "stock", "stock-silent"), tmp_path, 8)
    note = f"processor time, median of {ROUNDS} paired rounds"
    pages = "search pages of 20 posts, 10 a visit" if kind == "lists" else "feeds of 40 entries, one a visit"
    measurements.record(
        f"{kind}: to stock Scrapy as `scrapy crawl` runs it", ratio(turns, "crawl", "stock"), floor=stock * ROOM,
        note=f"{pages}; default settings, its log and its items to files; {note}",
    )  # fmt: skip
    measurements.record(
        f"{kind}: to our crawl without a store", ratio(turns, "crawl", "dropping"), floor=dropping * ROOM,
        note=f"{pages}; {note}",
    )  # fmt: skip
    measurements.record(
        f"{kind}: to stock Scrapy that logs and keeps nothing", ratio(turns, "crawl", "stock-silent"),
        note=f"{pages}; {note}",
    )  # fmt: skip
    note_rates(turns, kind, measurements)


@pytest.mark.parametrize(("kind", "floor"), [("articles", 0.8), ("articles-rule", 3.0)])
def test_article_pages_beside_bare_trafilatura(
    kind: str, floor: float, tmp_path: Path, measurements: Measurements
) -> None:
    """Whole visits; the peer makes the same visits, keeps nothing and lets trafilatura find text and metadata.

    A round is of 80 pages: the system counts a worker's time in hundredths of a second.
    """
    turns = read_in_turns(kind, ("crawl", "trafilatura"), tmp_path, 8)
    how = "with the site's rule" if kind == "articles-rule" else "text found by itself"
    note = f"pages of 50 kB, {how}; over the same fetch; processor time, median of {ROUNDS} paired rounds"
    reached = ratio(turns, "crawl", "trafilatura")
    measurements.record(f"{kind}: to bare trafilatura", reached, floor=floor * ROOM, note=note)
    note_rates(turns, kind, measurements)
