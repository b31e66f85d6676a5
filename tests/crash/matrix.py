"""Which runs cover all fault points, and what makes a disturbed run equal to the undisturbed one."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest

from tests.crash.control import Kill
from tests.crash.scenario import CHANNELS, KINDS, Outcome

GAP = "data_gap"
"""May be told besides: where the crawl role is away for three intervals of a clock that runs fast, it is true."""
WORSE = "escalated"
"""Is not told where the crisis was first told with all of it: at one level, not at two, because of the clock again."""
GIVEN_UP = "dropped outcome unknown twice"
ROLES = ("crawl", "analyse", "watch", "service")


def plans(hits: Mapping[str, Counter[str]], *, sample: int | None = None, seed: int = 1) -> list[list[Kill]]:
    """Share the fault points out over runs, one point for each role in a run.

    The roles meet only in the stores, whose transactions are the points themselves; each has
    a process of its own that is restarted alone. So a death of one and a death of another in
    the same run are two crashes, and equality is asked after both.

    Args:
        hits: How often each point was reached in the undisturbed run, by role.
        sample: How many points of each role are taken, those of different operations first; None = all. Of the
            supervisor, which does most kinds of things once, one more.
        seed: Of the sample, and of which hit of a point is the last.
    """
    dice = random.Random(seed)
    columns = []
    for role in ROLES:
        points = sorted(hits[role])
        dice.shuffle(points)
        if sample is not None:
            points = _various(points)[: sample + (role == "service")]
        columns.append([Kill(role, point, dice.randint(1, math.ceil(hits[role][point] / 2))) for point in points])
    runs: list[list[Kill]] = [[] for _ in range(max(len(column) for column in columns[:-1]))]
    for column in columns:
        for n, kill in enumerate(column):
            runs[n % len(runs)].append(kill)
    return runs


def _various(points: Sequence[str]) -> list[str]:
    """Order points so that the first are of different operations: commit, call, open, …"""
    by_operation: dict[str, list[str]] = defaultdict(list)
    for point in points:
        by_operation[point.split()[0]].append(point)
    return [point for row in zip_longest(*by_operation.values()) for point in row if point is not None]


def second_deaths(
    done: Iterable[tuple[Sequence[Kill], Outcome]], hits: Mapping[str, Counter[str]], *, attempt: int = 0
) -> list[list[Kill]]:
    """Return runs for fault points that only recovery comes to: the deaths that led there, and one more there.

    Args:
        done: The runs so far.
        hits: Fault points of the undisturbed run.
        attempt: The how manieth of the runs that came to a point is repeated for it, from 0.
    """
    known = {place(Kill(role, point, 1)) for role, points in hits.items() for point in points}
    ways: dict[tuple[str, str], list[list[Kill]]] = defaultdict(list)
    for kills, outcome in done:
        killed = {place(kill) for n, kill in enumerate(kills) if n in outcome.died}
        known |= killed
        for role, points in sorted(outcome.hits.items()):
            for kill in (Kill(role, point, 1) for point in sorted(points)):
                ways[place(kill)].append([*kills, kill])
    return [runs[attempt] for key, runs in ways.items() if key not in known and len(runs) > attempt]


def place(kill: Kill) -> tuple[str, str]:
    """Return role, function and moment of a point: which tables a transaction touches is partly chance."""
    what, _, where = kill.point.partition(" | ")
    return kill.role, where if what.startswith("commit") else kill.point


def differences(outcome: Outcome, undisturbed: Outcome) -> list[str]:
    """Say in what a run's end is not that of the undisturbed one.

    Mentions, their public fields and the incidents must be the same, and nothing may be left
    on the way. Each message must have reached each channel; a second time only where its call
    had begun at a death and its end was not stored, and then it must say so, once at most.
    """
    found = [f"{name}: missing" for name in undisturbed.mentions.keys() - outcome.mentions.keys()]
    for name, fields in outcome.mentions.items():
        should = undisturbed.mentions.get(name, {})
        found += [
            f"{name}.{key}: {value!r}, not {should.get(key)!r}"
            for key, value in fields.items()
            if should.get(key, "missing") != value
        ]
    if outcome.incidents != undisturbed.incidents:
        found.append(f"incidents: {outcome.incidents}, not {undisturbed.incidents}")
    if outcome.inbox:
        found.append(f"left on the way: {outcome.inbox} rows")
    found += [f"story of no mention: {one}" for one in outcome.homeless]
    return found + wrong_messages(outcome)


def wrong_messages(outcome: Outcome) -> list[str]:
    """Say which messages are missing, too many, or not marked as they must be.

    A message whose outcome was unknown at two deaths may have been given up, where the channel
    cannot be asked: after the one repeat there is no other, and the row says so.
    """
    unknown = Counter((one.channel, one.kind) for begun in outcome.died.values() for one in begun)
    given_up = {key for key in unknown if unknown[key] > 1 and f"{key[0]} {key[1]} {GIVEN_UP}" in outcome.undelivered}
    lost = set(outcome.undelivered) - {f"{channel} {kind} {GIVEN_UP}" for channel, kind in given_up}
    found = [f"not delivered: {one}" for one in sorted(lost)]
    found += [f"told, and never in the undisturbed run: {key}" for key in outcome.told if key[1] not in (*KINDS, GAP)]
    for channel, kind in ((channel, kind) for channel in CHANNELS for kind in KINDS):
        copies = {line: times for (*key, line), times in outcome.told.items() if key == [channel, kind]}
        marks = {line: times for (*key, line), times in outcome.marked.items() if key == [channel, kind]}
        may_miss = (channel, kind) in given_up or (outcome.one_step and kind == WORSE)
        found += wrong_copies(f"{channel} {kind}", copies, marks, unknown[channel, kind], may_miss=may_miss)
    return found


def wrong_copies(
    name: str, copies: Mapping[str, int], marks: Mapping[str, int], unknown: int, *, may_miss: bool
) -> list[str]:
    """Judge one kind of message in one channel: copies and marks by first line, deaths at which it was unknown."""
    found = [] if copies or may_miss else [f"never told: {name}"]
    if len(copies) > 1 and not name.endswith(WORSE):  # worse it may be twice, each time with other numbers
        found.append(f"told in several ways: {name} {sorted(copies)}")
    for line, times in copies.items():
        if times > 1 + min(1, unknown) or marks.get(line, 0) < times - 1:
            found.append(f"told {times} times, marked {marks.get(line, 0)}: {name}, unknown at {unknown} deaths")
    if sum(marks.values()) > min(1, unknown):
        found.append(f"marked without need: {name} {dict(marks)}, unknown at {unknown} deaths")
    return found


def repeats(outcomes: Iterable[Outcome]) -> int:
    """Count messages that people saw a second time."""
    return sum(max(0, times - 1) for outcome in outcomes for times in outcome.told.values())
