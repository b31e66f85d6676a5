from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from crawlers.health import health_of
from crawlers.ledger import Finding, after_visit, first_state
from crawlers.remedy import CUT
from domain.outcome import FetchOutcome as F
from domain.source import SourceState, VisitState
from tests.crawlers.pages import source

T = datetime(2026, 6, 20, 8, tzinfo=UTC)
SOURCE = source(interval=timedelta(minutes=5))


def after(*outcomes: F, detail: str = "") -> VisitState:
    state = first_state(SOURCE, T)
    for outcome in outcomes:
        state = after_visit(state, SOURCE, Finding(begun_at=T, ended_at=T, outcome=outcome, detail=detail), jitter=1.0)
    return state


@pytest.mark.parametrize(
    ("state", "at", "kind"),
    [
        (None, T, SourceState.NEW),
        (first_state(SOURCE, T), T, SourceState.NEW),
        (after(F.OK), T, SourceState.LIVE),
        (after(F.EMPTY), T + timedelta(minutes=15), SourceState.LIVE),
        (after(F.OK), T + timedelta(minutes=16), SourceState.BLIND),
        (after(F.OK, F.ERROR), T, SourceState.LIVE),
        (after(F.OK, F.ERROR, F.ERROR), T, SourceState.BLIND),
        (after(F.ERROR), T, SourceState.BLIND),
        (after(F.OK, F.CAPTCHA), T, SourceState.PAUSED),
        (after(F.OK, F.CAPTCHA), T + timedelta(hours=7), SourceState.BLIND),
        (after(F.ERROR, F.ERROR, F.OK), T, SourceState.LIVE),
    ],
)
def test_blind_is_not_quiet(state: VisitState | None, at: datetime, kind: SourceState) -> None:
    (health,) = health_of([SOURCE], {"s": state} if state else {}, at, "zh")
    assert health.state is kind
    assert bool(health.why) is (kind in (SourceState.BLIND, SourceState.PAUSED))
    assert bool(health.fix) is bool(health.why)


@pytest.mark.parametrize("outcome", [outcome for outcome in F if not outcome.proves_life])
def test_every_failure_has_a_reason_and_a_remedy_in_both_languages(outcome: F) -> None:
    state = after(outcome, outcome, detail="HTTP 418")
    for locale in ("zh", "en"):
        (health,) = health_of([SOURCE], {"s": state}, T, locale)  # type: ignore[arg-type]
        assert "HTTP 418" in health.why
        assert health.fix
        assert any("\u4e00" <= char <= "\u9fff" for char in health.why) is (locale == "zh")


@pytest.mark.parametrize(
    ("platform", "outcome", "detail", "words"),
    [
        ("weibo", F.LOGIN_REQUIRED, "ok:-100", "登录 weibo.com"),
        ("feed", F.BLOCKED, "robots.txt of a.cn forbids it", "robots: override"),
        ("feed", F.ERROR, "a.cn: cannot connect", "检查网络"),
        ("feed", F.ERROR, "refused 10.0.0.1:80: internal address", "allow_internal"),
        ("feed", F.ERROR, "a.cn: its certificate is not trusted", "verify_tls: false"),
        ("feed", F.ERROR, "other", "自动重试"),
    ],
)
def test_remedy_fits_the_cause(platform: str, outcome: F, detail: str, words: str) -> None:
    own = replace(SOURCE, platform=platform)
    (health,) = health_of([own], {"s": after(outcome, outcome, detail=detail)}, T, "zh")
    assert words in health.fix


def test_a_source_that_is_read_in_part_only_says_so() -> None:
    (health,) = health_of([SOURCE], {"s": after(F.OK, detail=CUT)}, T, "en")
    assert (health.state, health.why[:12]) == (SourceState.LIVE, "more was new") and "`pages`" in health.fix


def test_silence_without_failure_points_to_ourselves() -> None:
    (health,) = health_of([SOURCE], {"s": after(F.OK)}, T + timedelta(hours=1), "en")
    assert "three intervals" in health.why
    assert health.since == T
