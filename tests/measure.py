"""Figures that tests measure: recorded, held against their floor, printed, written with commit and machine."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One measured number."""

    area: str
    """The test module it comes from, without `test_`."""
    test: str
    """The test that measured it."""
    name: str
    """What was measured, with its unit where the name can carry it."""
    value: float
    """The number."""
    unit: str
    """Unit, `1` for a share."""
    floor: float | None
    """Smallest value that passes; None = no floor."""
    ceiling: float | None
    """Largest value that passes; None = no ceiling."""
    note: str
    """How it was measured: corpus hash, size, scale."""


@dataclass
class Measurements:
    """All figures of a test run."""

    figures: list[Figure] = field(default_factory=list)
    area: str = ""
    test: str = ""

    def of(self, area: str, test: str) -> Measurements:
        """Give a view for one test that records into the same list."""
        return Measurements(self.figures, area, test)

    def record(
        self,
        name: str,
        value: float,
        *,
        unit: str = "1",
        floor: float | None = None,
        ceiling: float | None = None,
        note: str = "",
    ) -> float:
        """Keep a figure, then fail the test if it is under its floor or over its ceiling.

        Returns:
            The value, so that a test can go on with it.

        Raises:
            AssertionError: The figure misses its floor or its ceiling; it is recorded all the same.
        """
        self.figures.append(Figure(self.area, self.test, name, float(value), unit, floor, ceiling, note))
        assert floor is None or value >= floor, f"{name}: {value:.4g} {unit} is under the floor {floor:.4g}"
        assert ceiling is None or value <= ceiling, f"{name}: {value:.4g} {unit} is over the ceiling {ceiling:.4g}"
        return value

    def lines(self) -> list[str]:
        """One readable line per figure, in the order of measuring."""
        return [
            f"{one.area}: {one.name} = {one.value:.4g} {one.unit}{_bound('≥', one.floor)}{_bound('≤', one.ceiling)}"
            f"{'  ' + one.note if one.note else ''}"
            for one in self.figures
        ]

    def write(self, folder: Path, repository: Path) -> list[Path]:
        """Write one JSON file per area and return their paths, in order of name."""
        folder.mkdir(parents=True, exist_ok=True)
        origin = {**commit(repository), "machine": machine()}
        written = []
        for area in sorted({one.area for one in self.figures}):
            figures = [
                {key: value for key, value in vars(one).items() if key != "area" and value not in (None, "")}
                for one in self.figures
                if one.area == area
            ]
            path = folder / f"{area}.json"
            path.write_text(
                json.dumps({"area": area, **origin, "figures": figures}, ensure_ascii=False, indent=2) + "\n"
            )
            written.append(path)
        return written


def _bound(sign: str, value: float | None) -> str:
    return "" if value is None else f" ({sign} {value:.4g})"


def commit(repository: Path) -> dict[str, Any]:
    """Commit id and whether anything was changed since; both unknown outside a git clone."""
    try:
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=repository, capture_output=True, text=True, check=True)
        state = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs/measured"],
            cwd=repository,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "changed_since": None}
    return {"commit": head.stdout.strip(), "changed_since": bool(state.stdout.strip())}


def machine() -> dict[str, Any]:
    """Processor, cores this process may use, memory in GiB, system and Python version."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        processor = names[0] if names else processor
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": processor,
        "cores": cores,
        "memory_gib": round(memory_bytes / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }
