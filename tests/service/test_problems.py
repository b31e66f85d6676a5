from dataclasses import replace
from datetime import timedelta

import pytest

from config.settings import Settings
from domain.source import SourceState
from service.problems import CODES, Problem, Scene, problems_of, warnings_of
from tests.service.scene import NOW, SETTINGS, figures, role, scene, source, watching

BLIND = SourceState.BLIND
BROKEN = {"receiver": "pr", "channel": "slack", "state": "broken", "since": NOW.isoformat(), "why": "no", "fix": "mend"}
AGO = NOW - timedelta(minutes=6)


def only(shown: Scene, settings: Settings = SETTINGS) -> Problem:
    (problem,) = problems_of(shown, settings)
    return problem


def test_a_service_that_is_well_has_no_problem_and_no_warning() -> None:
    assert problems_of(scene(), SETTINGS) == ()
    assert warnings_of(scene(), SETTINGS) == ()


UNWELL = {
    "role_down": scene(roles=[role("crawl", ok=False, pid=None, restarts=3, last_exit=-9)]),
    "role_waits": scene(roles=[role("analyse", ok=False, detail={"waits": {"analyse": "elasticsearch: away"}})]),
    "store_silent": scene(stale_s=31.0, trouble="no answer yet"),
    "channel_broken": scene(channels=[BROKEN]),
    "all_blind": scene(sources=[source("a", BLIND, "no route"), source("b", BLIND, "no route")]),
    "inbox_full": scene(figures=figures(inbox_rows=50_001, inbox_oldest_at=AGO)),
    "disk_low": scene(disk_free_bytes=499_999_999),
    "evaluation_old": scene(roles=[watching(evaluated_at=AGO.isoformat())]),
    "nobody_watches": scene(
        roles=[role("watch", detail={"standby": True})], figures=figures(watched_until=NOW - timedelta(minutes=2))
    ),
    "retention_late": scene(
        roles=[watching(watching_since="2026-06-19T05:00:00Z")], cleaned_at=NOW - timedelta(hours=27)
    ),
    "critical_undelivered": scene(figures=figures(critical_since=AGO)),
    "audit": scene(roles=[watching(audit=["incident AB2CD: nobody is due"])]),
    "clock_off": scene(roles=[role("crawl", detail={"clock_offset_s": -95.0})]),
}


@pytest.mark.parametrize("code", UNWELL)
def test_what_is_wrong_is_named_with_what_to_do(code: str) -> None:
    for locale in ("zh", "en"):
        found = only(UNWELL[code], replace(SETTINGS, locale=locale))
        assert found.code == code and found.what and found.fix and "{" not in found.what + found.fix


def test_every_code_is_a_problem_or_a_warning() -> None:
    warned = {each.code for each in warnings_of(_worrying(), replace(SETTINGS, receivers=()))}
    assert warned | set(UNWELL) == set(CODES)


def _worrying() -> Scene:
    return scene(sources=[source("a", BLIND, "captcha"), source("b")], figures=figures(dead_letters=2))


def test_one_blind_source_is_named_and_no_problem() -> None:
    assert problems_of(_worrying(), SETTINGS) == ()
    blind = warnings_of(_worrying(), SETTINGS)[0]
    assert (blind.code, blind.what, blind.fix) == ("source_blind", "source a is blind: captcha", "do this")


def test_a_machine_answers_for_its_own_roles_only() -> None:
    everything = scene(
        channels=[BROKEN],
        sources=[source("a", BLIND, "x")],
        figures=figures(inbox_rows=99_999, critical_since=AGO),
        roles=[role("crawl")],
    )
    assert [each.code for each in problems_of(everything, SETTINGS)] == ["all_blind"]
    analyse = replace(everything, roles=[role("analyse"), role("analyse-2")])
    assert [each.code for each in problems_of(analyse, SETTINGS)] == ["inbox_full"]
    watch = replace(everything, roles=[watching()])
    assert [each.code for each in problems_of(watch, SETTINGS)] == ["channel_broken", "critical_undelivered"]


def test_the_limits_are_not_reached_just_before_them() -> None:
    nearly = scene(
        roles=[role("crawl", detail={"clock_offset_s": 30.0}), watching(evaluated_at="2026-06-20T07:26:00Z")],
        figures=figures(critical_since=NOW - timedelta(minutes=5), inbox_rows=50_000),
        stale_s=30.0,
        disk_free_bytes=500_000_000,
    )
    assert problems_of(nearly, SETTINGS) == ()


def test_a_watch_that_stands_by_answers_for_nobody_while_another_holds_the_role() -> None:
    standing_by = scene(
        roles=[role("watch", detail={"standby": True, "evaluated_at": "2026-06-19T00:00:00Z"})],
        figures=figures(watched_until=NOW + timedelta(seconds=9)),
    )
    assert problems_of(standing_by, SETTINGS) == ()


def test_a_clock_that_runs_faster_gives_real_waits_their_time() -> None:
    late = scene(figures=figures(critical_since=NOW - timedelta(hours=1)), span=timedelta(minutes=1))
    assert problems_of(late, SETTINGS) == ()


def test_what_a_store_last_said_is_red_only_when_it_is_old() -> None:
    assert problems_of(scene(stale_s=5.0, trouble="no answer yet"), SETTINGS) == ()
    assert only(scene(figures=None, stale_s=2.0)).code == "store_silent"
