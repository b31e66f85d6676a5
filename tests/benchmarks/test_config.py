"""Reading the settings must not be felt by a command."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from config import load_text, starter
from config.packaged import packaged
from service.wiring import specs
from tests.measure import Measurements

pytestmark = pytest.mark.bench


def test_starter_file_is_read_at_once(measurements: Measurements) -> None:
    known, text = specs(), starter("云杉咖啡")
    taken = []
    for _ in range(5):
        packaged.cache_clear()
        began = time.perf_counter()
        load_text(text, known, folder=Path("/tmp"), environ={})
        taken.append(time.perf_counter() - began)
    measurements.record(
        "starter_load_s", sorted(taken)[2], unit="s", ceiling=1.0, note="median of 5, packaged read anew"
    )
