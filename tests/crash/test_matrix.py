"""The comparison can fail, the plans leave nothing out, and writes are found where they happen."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.crash.control import Begun, Kill, read_deaths, read_hits, write_plan
from tests.crash.faults import role_of
from tests.crash.matrix import ROLES, differences, plans, second_deaths
from tests.crash.scenario import CHANNELS, KINDS, Outcome

ONCE = {(channel, kind, "12"): 1 for channel in CHANNELS for kind in KINDS}
GOOD = Outcome(
    mentions={"post-1": {"text": "a"}, "post-2": {"text": "b"}},
    incidents=(("complaints", "yunshan", "critical", "resolved"),),
    told=ONCE,
    marked={},
    undelivered=(),
    inbox=0,
    one_step=False,
    homeless=(),
    hits={},
    died={},
    seconds=1.0,
    log="",
)
FIRING = ("wecom_robot", "firing", "12")
UNKNOWN = {0: (Begun("wecom_robot", "firing"),)}


@pytest.mark.parametrize(
    "outcome",
    [
        replace(GOOD, mentions={"post-1": {"text": "a"}}),
        replace(GOOD, mentions={**GOOD.mentions, "post-3": {"text": "c"}}),
        replace(GOOD, mentions={**GOOD.mentions, "post-2": {"text": "cut"}}),
        replace(GOOD, incidents=GOOD.incidents * 2),
        replace(GOOD, inbox=1),
        replace(GOOD, undelivered=("slack firing dropped",)),
        replace(GOOD, homeless=("weibo:1",)),
        replace(GOOD, told={key: times for key, times in ONCE.items() if key != FIRING}),
        replace(GOOD, told={**ONCE, ("slack", "firing", "13"): 1}),
        replace(GOOD, told={**ONCE, ("slack", "notice", "x"): 1}),
        replace(GOOD, told={**ONCE, FIRING: 2}, marked={FIRING: 1}),
        replace(GOOD, marked={FIRING: 1}),
        replace(GOOD, told={**ONCE, FIRING: 2}, died=UNKNOWN),
        replace(GOOD, told={**ONCE, FIRING: 3}, marked={FIRING: 2}, died=UNKNOWN | {1: UNKNOWN[0]}),
    ],
)
def test_every_kind_of_difference_is_seen(outcome: Outcome) -> None:
    assert differences(outcome, GOOD)


def test_one_marked_repeat_is_allowed_where_the_outcome_was_unknown() -> None:
    assert not differences(GOOD, GOOD)
    assert not differences(replace(GOOD, died=UNKNOWN), GOOD)
    assert not differences(replace(GOOD, told={**ONCE, FIRING: 2}, marked={FIRING: 1}, died=UNKNOWN), GOOD)
    assert not differences(replace(GOOD, marked={FIRING: 1}, died=UNKNOWN), GOOD)


def test_a_message_unknown_at_two_deaths_may_have_been_given_up_and_no_other() -> None:
    lost = replace(
        GOOD,
        told={key: times for key, times in ONCE.items() if key != FIRING},
        undelivered=("wecom_robot firing dropped outcome unknown twice",),
    )
    assert differences(replace(lost, died=UNKNOWN), GOOD)
    assert not differences(replace(lost, died=UNKNOWN | {1: UNKNOWN[0]}), GOOD)
    assert differences(replace(lost, undelivered=(), died=UNKNOWN | {1: UNKNOWN[0]}), GOOD)


def test_worse_may_be_told_twice_with_other_numbers() -> None:
    assert not differences(replace(GOOD, told={**ONCE, ("slack", "escalated", "40"): 1}), GOOD)


def test_a_crisis_told_in_one_step_is_told_all_the_same() -> None:
    unescalated = {key: times for key, times in ONCE.items() if key[1] != "escalated"}
    assert differences(replace(GOOD, told=unescalated), GOOD)
    assert not differences(replace(GOOD, told=unescalated, one_step=True), GOOD)
    assert differences(replace(GOOD, told={}, one_step=True), GOOD)


def test_all_points_are_planned_and_a_sample_has_every_operation() -> None:
    hits = {role: Counter({f"{what} {n} | x": 5 for what in ("commit", "call") for n in range(6)}) for role in ROLES}
    planned = [kill for kills in plans(hits) for kill in kills]
    assert {(kill.role, kill.point) for kill in planned} == {(role, point) for role in ROLES for point in hits[role]}
    assert len(planned) == len(set(planned)) and all(1 <= kill.hit <= 3 for kill in planned)
    sample = [kill for kills in plans(hits, sample=2) for kill in kills]
    assert {(kill.role, kill.point.split()[0]) for kill in sample} == {
        (r, w) for r in ROLES for w in ("commit", "call")
    }


def test_a_point_that_only_recovery_comes_to_gets_a_second_death() -> None:
    first = [Kill("watch", "call POST /x | before", 1)]
    there = {"watch": Counter({"call POST /x | before": 2, "call GET /found | before": 1, "commit a,b | f | after": 1})}
    known = {"watch": Counter({"call POST /x | before": 1, "commit a | f | after": 1})}
    other = [Kill("watch", "call POST /x | before", 2)]
    done = [(first, replace(GOOD, hits=there)), (other, replace(GOOD, hits=there))]
    second = Kill("watch", "call GET /found | before", 1)
    assert second_deaths(done, known) == [[*first, second]]
    assert second_deaths(done, known, attempt=1) == [[*other, second]]
    done.append(([*first, second], replace(GOOD, hits=there, died={1: ()})))
    assert second_deaths(done, known) == []


def test_roles_are_known_by_their_command_line() -> None:
    assert role_of(["python", "-m", "service.role", "crawl", "--config", "x"]) == "crawl"
    assert role_of(["python", "-c", "from service.cli import main; main()", "run", "--config", "x"]) == "service"
    assert role_of(["python", "-c", "from service.cli import main; main()", "search", "x"]) is None


WRITES = """
import sqlite3, sys
from tests.crash import faults
from tests.crash.control import Control
from pathlib import Path
folder = Path(sys.argv[1])
faults._control = Control(folder / "control", folder, "analyse")
connection = faults._connect(folder / "x.db", isolation_level=None)
connection.execute("CREATE TABLE a (x)")
for sql in ("BEGIN IMMEDIATE", "INSERT INTO a VALUES (1)", "COMMIT"):
    connection.execute(sql)
for sql in ("BEGIN IMMEDIATE", "UPDATE a SET x = 2 WHERE x = 9", "COMMIT"):
    connection.execute(sql)
cursor = connection.cursor()
for sql in ("BEGIN", "UPDATE a SET x = 3 RETURNING x"):
    cursor.execute(sql)
cursor.fetchall()
connection.commit()
connection.execute("SELECT * FROM a").fetchall()
"""


@pytest.mark.parametrize(
    ("moment", "stored"), [("before", 1), ("after", 3)], ids=["before: rolled back", "after: stays"]
)
def test_a_process_dies_at_its_point_once(tmp_path: Path, moment: str, stored: int) -> None:
    write_plan(tmp_path / "control", [Kill("analyse", f"commit a | - | {moment}", 2)])
    run = [sys.executable, "-c", WRITES, str(tmp_path)]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    assert subprocess.run(run, env=env, check=False).returncode == -9
    with sqlite3.connect(tmp_path / "x.db") as connection:
        assert connection.execute("SELECT x FROM a").fetchall() == [(stored,)]
        connection.execute("DROP TABLE a")
    assert subprocess.run(run, env=env, check=False).returncode == 0, "it dies once"
    assert read_deaths(tmp_path / "control") == {0: ()}
    hits = read_hits(tmp_path / "control")["analyse"]
    assert set(hits) == {
        f"{what} | - | {when}" for what in ("write schema", "commit a") for when in ("before", "after")
    }
    assert json.loads((tmp_path / "control" / "plan.json").read_text())[0]["hit"] == 2
