from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from crawlers.canary import FOUND_NOTHING, canary_name
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
        (after(F.OK, F.CAPTCHA), T, SourceState.BLIND),
        (after(F.OK, F.RATE_LIMITED), T, SourceState.PAUSED),
        (after(F.OK, F.RATE_LIMITED, F.RATE_LIMITED), T, SourceState.BLIND),
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


SEARCH = source(name="q", platform="hackernews", query=("星澜汽车",), canary="news", interval=timedelta(minutes=5))


def canary(*outcomes: F) -> VisitState:
    name = canary_name(SEARCH)
    assert name is not None
    state = first_state(replace(SEARCH, name=name), T)
    for outcome in outcomes:
        found = Finding(begun_at=T, ended_at=T, outcome=outcome, detail=FOUND_NOTHING)
        state = after_visit(state, SEARCH, found, jitter=1.0)
    return state


@pytest.mark.parametrize(
    ("outcomes", "kind"),
    [
        ((F.OK,), SourceState.LIVE),
        ((F.OK, F.EMPTY_OR_UPSTREAM_BLOCKED), SourceState.LIVE),
        ((F.OK, F.EMPTY_OR_UPSTREAM_BLOCKED, F.EMPTY_OR_UPSTREAM_BLOCKED), SourceState.BLIND),
    ],
)
def test_a_search_that_finds_nothing_is_blind_once_its_canary_is_deaf_twice(
    outcomes: tuple[F, ...], kind: SourceState
) -> None:
    quiet = replace(after(F.EMPTY), source="q")
    states = {"q": quiet, canary(*outcomes).source: canary(*outcomes)}
    (health,) = health_of([SEARCH], states, T, "en")
    assert health.state is kind
    assert ("'news'" in health.why) is (kind is SourceState.BLIND) and bool(health.fix) is bool(health.why)


def test_a_captcha_at_one_source_is_that_of_all_at_the_site_over_the_same_road() -> None:
    other = replace(SEARCH, name="other", query=("云杉咖啡",))
    bridge = source(name="bridge", platform="rsshub", transport="rsshub", url="https://hub.cn/weibo/keyword/a")
    blocked = replace(after(F.OK, F.CAPTCHA), source="q")
    states = {
        "q": blocked,
        "other": replace(after(F.OK), source="other"),
        "bridge": replace(after(F.OK), source="bridge"),
    }
    first, second, third = health_of([SEARCH, other, bridge], states, T, "en")
    assert (first.state, second.state, third.state) == (SourceState.BLIND, SourceState.BLIND, SourceState.LIVE)
    assert second.why.startswith("source q at the same site is blocked") and second.fix == first.fix


def test_a_change_of_the_layout_names_the_field() -> None:
    state = first_state(SOURCE, T)
    whole = {"time": 1.0, "author": 1.0, "text": 1.0, "url": 1.0}
    for number in range(10):
        seen = whole if number < 8 else {**whole, "author": 0.1}
        found = Finding(begun_at=T, ended_at=T, outcome=F.OK, shares=seen)
        state = after_visit(state, SOURCE, found, jitter=1.0)
        (health,) = health_of([SOURCE], {"s": state}, T, "zh")
        assert health.lost_fields == (("author",) if number == 9 else ())
    assert health.state is SourceState.LIVE and "作者" in health.why and "sources test s" in health.fix


def test_far_less_than_is_usual_is_said() -> None:
    state = replace(after(F.OK), low_since=T, low_detail="3 instead of about 40 in 6 h")
    (health,) = health_of([SOURCE], {"s": state}, T, "en")
    assert health.low_since == T and "3 instead of about 40" in health.why and health.fix


def test_a_feed_that_is_no_longer_kept_up_is_said() -> None:
    state = replace(after(F.OK), newest_at=T - timedelta(days=30))
    assert "30 days old" in health_of([SOURCE], {"s": state}, T, "en")[0].why
    assert not health_of([SOURCE], {"s": replace(state, newest_at=T - timedelta(days=3))}, T, "en")[0].why
