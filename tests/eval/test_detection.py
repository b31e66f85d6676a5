"""Detection on synthetic crises: pinned floors on streams that were not used for tuning.

`python -m tests.eval.crises` runs any number of streams; here three of them, one of each
size of brand, with a look every ten minutes, so that it stays below a minute.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from alerts.detect.burst import BurstSettings
from tests.eval.crises import main, run, shared_tool
from tests.measure import Measurements

pytestmark = [pytest.mark.eval, pytest.mark.slow]

SEED = 40
SIZES = (2, 20, 200)
QUIET = {"resolved", "data_gap", "info"}
FLOOR_RECALL = 0.87
CEILING_FALSE = 0.5
CEILING_MESSAGES = 3.0
NEVER = ("bots", "campaign", "late_batch", "outage", "recrawl")


@pytest.fixture(scope="module")
def reports(shared_dir: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Reports of the judge: over pages alone, and over all messages."""
    generator, judge = shared_tool("gen"), shared_tool("judge")
    if generator is None or judge is None:
        pytest.skip(f"no tools/crises in {shared_dir}")
    pages, messages = [], []
    for size in SIZES:
        stream = generator.make(1000 * size + SEED, size)
        told = run(stream, BurstSettings(), every=2)
        pages.append(
            judge.judge(stream, [(each["bin"], each["incident"]) for each in told if each["kind"] not in QUIET])
        )
        messages.append(judge.judge(stream, [(each["bin"], each["incident"]) for each in told]))
    return judge.summarise("pages", pages), judge.summarise("messages", messages)


def test_crises_are_told_and_little_else(
    reports: tuple[dict[str, Any], dict[str, Any]], measurements: Measurements
) -> None:
    pages, messages = reports
    measurements.record("recall", pages["recall"], floor=FLOOR_RECALL)
    measurements.record("false_per_brand_week", pages["false_per_brand_week"], ceiling=CEILING_FALSE)
    measurements.record("messages_per_incident", messages["messages_per_incident"], ceiling=CEILING_MESSAGES)
    measurements.record("delay_median", pages["delay_median_min"], unit="min")
    assert pages["recall"] >= FLOOR_RECALL
    assert pages["false_per_brand_week"] <= CEILING_FALSE
    assert messages["messages_per_incident"] <= CEILING_MESSAGES


@pytest.mark.parametrize("kind", NEVER)
def test_what_is_no_crisis_never_pages(reports: tuple[dict[str, Any], dict[str, Any]], kind: str) -> None:
    assert reports[0]["wrong_on"][kind] == 0


def test_a_flash_is_always_told_within_the_hour(reports: tuple[dict[str, Any], dict[str, Any]]) -> None:
    assert reports[0]["recall_by_kind"]["flash"] == 1
    assert reports[0]["delay_by_kind"]["flash"] <= 60


def test_the_command_prints_lines_for_the_judge(
    shared_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = shared_tool("gen")
    if generator is None:
        pytest.skip(f"no tools/crises in {shared_dir}")
    make = generator.make
    monkeypatch.setattr(generator, "make", lambda seed, size, extra=False: {**make(seed, size), "n": 4600})
    assert main(["--seeds", "1", "--sizes", "20"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert (told["size"], told["seed"]) == (20, 20_000)
