"""Run the shipped burst rule over synthetic brand streams: `python -m tests.eval.crises`.

Prints one JSON line per stream for the judge: the messages that the rule and the incident
machine would have sent. The streams come from `tools/crises` of the shared folder; the
detector sees each bin only as far as it was visible then.
"""

import argparse
import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

from alerts.detect.base import View
from alerts.detect.brand import BrandCounts
from alerts.detect.burst import BurstRule, BurstSettings
from alerts.detect.coverage import dark_bins, in_gap
from alerts.detect.series import bin_start
from alerts.incidents import Patience, advance
from config.settings import RuleSettings
from domain.counting import CountBy, CountRow
from domain.incident import Incident, IncidentState, Severity
from domain.moment import Window
from domain.source import SourceHealth, SourceState
from domain.tagging import Polarity

START = datetime(2026, 3, 1, 16, tzinfo=UTC)
"""Midnight in Shanghai: bin 0 of a stream."""
_BIN = timedelta(minutes=5)
_SOURCES = tuple(f"source-{number}" for number in range(5))


def shared_tool(name: str) -> ModuleType | None:
    """Load a module of the shared folder's `tools/crises`; None where there is no such folder."""
    root = Path(os.environ.get("TINGFENG_SHARED", Path(__file__).parents[3] / "shared"))
    path = root / "tools" / "crises" / f"{name}.py"
    if not path.exists():
        return None
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        return None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


class StreamCounts:
    """A count source over one stream, as far as it is visible at bin `at`."""

    def __init__(self, stream: dict[str, Any]) -> None:
        self._stream = stream
        self._neg, self._oth = stream["neg"].tolist(), stream["oth"].tolist()
        self._delay, self._down = stream["delay"].tolist(), stream["down"].tolist()
        self._bot, self._story = stream["bot"].tolist(), stream["story"].tolist()
        self.at = 0

    def changed(self) -> list[int]:
        """Return the bins of which something becomes visible at `at`."""
        late = {int(each) for each in self._late().get(self.at, ())}
        return sorted(late | {self.at})

    def _late(self) -> dict[int, set[int]]:
        if not hasattr(self, "_late_bins"):
            self._late_bins: dict[int, set[int]] = {}
            delay = self._stream["delay"]
            for source, index in zip(*(delay > range(delay.shape[1])).nonzero(), strict=True):
                self._late_bins.setdefault(int(delay[source, index]), set()).add(int(index))
        return self._late_bins

    def counts(self, window: Window, *, brand: str | None = None, by: CountBy | None = None) -> Sequence[CountRow]:
        """Return the rows of the window."""
        first, end = max(0, (window.start - START) // _BIN), min(self.at + 1, -((START - window.end) // _BIN))
        make = self._stories if by is CountBy.STORY else self._rows
        return [row for index in range(first, end) for row in make(index)]

    def distinct_authors(self, window: Window, **_: object) -> int:
        """Not asked here."""
        raise NotImplementedError

    def _rows(self, index: int) -> Iterator[CountRow]:
        for source, name in enumerate(_SOURCES):
            if self._delay[source][index] > self.at or self._down[source][index]:
                continue
            if self._neg[source][index]:
                yield _row(index, name, Polarity.NEGATIVE, self._neg[source][index])
            if self._oth[source][index]:
                yield _row(index, name, Polarity.NEUTRAL, self._oth[source][index])
        if self._bot[index]:
            yield _row(index, _SOURCES[0], Polarity.NEGATIVE, int(self._bot[index]), max(1, int(self._bot[index] / 20)))

    def _stories(self, index: int) -> Iterator[CountRow]:
        seen = total = 0
        for source in range(len(_SOURCES)):
            total += self._neg[source][index]
            if self._delay[source][index] <= self.at and not self._down[source][index]:
                seen += self._neg[source][index]
        if self._story[index] and total:
            count = round(self._story[index] * seen / total)
            if count:
                yield _row(index, _SOURCES[0], Polarity.NEGATIVE, count, key="story")
        if self._bot[index]:
            number = int(self._bot[index])
            yield _row(index, _SOURCES[0], Polarity.NEGATIVE, number, max(1, number // 20), key="bot")

    def health(self) -> dict[str, SourceHealth]:
        """Return the health of the sources at `at`."""
        found = {}
        for source, name in enumerate(_SOURCES):
            down, since = self._down[source], self.at
            while down[self.at] and since > 0 and down[since - 1]:
                since -= 1
            found[name] = SourceHealth(
                source=name,
                platform="web",
                state=SourceState.BLIND if down[self.at] else SourceState.LIVE,
                since=START + since * _BIN if down[self.at] else None,
            )
        return found


def _row(
    index: int, source: str, polarity: Polarity, mentions: int, authors: int | None = None, key: str | None = None
) -> CountRow:
    return CountRow(
        bucket=START + index * _BIN,
        brand="b",
        polarity=polarity,
        source=source,
        platform="web",
        backfill=False,
        key=key,
        mentions=mentions,
        new_authors=mentions if authors is None else authors,
        p_negative=0.0,
    )


def run(
    stream: dict[str, Any], settings: BurstSettings, *, cooling: timedelta = timedelta(minutes=45), every: int = 1
) -> list[dict[str, Any]]:
    """Return the messages on one stream, as the judge reads them.

    Args:
        stream: A stream of the generator.
        settings: Settings of the rule.
        cooling: Cooling time of its incidents.
        every: Bins between two looks.
    """
    source = StreamCounts(stream)
    burst = BurstRule(settings)
    rule = RuleSettings(name="negative-burst", kind="burst", severity=Severity.HIGH, cooling=cooling, options=settings)
    brand = BrandCounts(source, "b", history=timedelta(days=14), now=START)
    base = bin_start(0)
    messages: list[dict[str, Any]] = []
    incident: Incident | None = None
    cleared: dict[str, datetime] = {}
    for at in range(stream["n"]):
        source.at = at
        now = START + at * _BIN + timedelta(minutes=4, seconds=59)
        first = (START - base) // _BIN
        brand.update([first + index for index in source.changed()], now)
        if at < stream["warm"] - 288 or at % every:
            continue
        health = source.health()

        def baseline(on: Any, windows: tuple[int, ...], story: int, now: datetime = now) -> Any:
            return brand.baseline(on, windows, story, now=now)

        usual = baseline("negative", burst._widths, burst._story_width)
        dark = dark_bins(brand.series, usual, health, last=first + at, fraction=1.0)
        active = {incident.fingerprint: incident} if incident else {}
        view = View(
            brand="b", now=now, series=brand.series, baseline=baseline, dark_from=dark, active=active, cleared=cleared
        )
        (signal,) = burst.evaluate(rule, view)
        gap = in_gap(brand.series, usual, dark, list(health.values()), last=first + at, now=now)
        step = advance(incident, signal, gap=gap, now=now, patience=Patience(cooling=cooling))
        incident = step.incident
        for kind in step.messages:
            messages.append(
                {"bin": at, "kind": kind.value, "incident": incident.id if incident else "", "reason": signal.reason}
            )
        if incident is not None and incident.state is IncidentState.RESOLVED:
            cleared[incident.fingerprint] = now
            incident = None
    return messages


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the messages of the streams asked for, one JSON line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="streams per size")
    parser.add_argument("--first", type=int, default=0, help="number of the first seed")
    parser.add_argument("--sizes", type=int, nargs="*", default=[2, 20, 200], help="negatives per hour")
    parser.add_argument("--extra", action="store_true", help="with the further scenarios")
    chosen = parser.parse_args(arguments)
    generator = shared_tool("gen")
    if generator is None:
        sys.stderr.write("no shared folder with tools/crises here: set TINGFENG_SHARED\n")
        return 1
    for size in chosen.sizes:
        for seed in range(chosen.first, chosen.first + chosen.seeds):
            number = 1000 * size + seed
            messages = run(generator.make(number, size, extra=chosen.extra), BurstSettings())
            sys.stdout.write(json.dumps({"size": size, "seed": number, "messages": messages}) + "\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
