from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from crawlers.cookie import after_answer, configured_states, cookie_host, cookie_name, credential_lines, fingerprint
from crawlers.platforms import build_platform
from domain.credential import CredentialCondition as C
from domain.credential import CredentialState
from domain.moment import require_utc
from domain.outcome import FetchOutcome as F
from domain.secret import Secret
from tests.crawlers.pages import NOW, source

T = require_utc(NOW)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
FRESH = CredentialState(name="cookie:weibo.com:f", host="weibo.com", since=T - HOUR, place="`cookie` of source w")


@pytest.mark.parametrize("outcome", [F.LOGIN_REQUIRED, F.AUTH_FAILED])
def test_login_page_is_the_end_of_a_cookie(outcome: F) -> None:
    dead = after_answer(FRESH, outcome, T, None)
    assert (dead.condition, dead.since, dead.why) == (C.DEAD, T, outcome)
    assert not dead.usable(T + timedelta(days=300))
    assert after_answer(dead, F.OK, T + HOUR, None) == dead


@pytest.mark.parametrize("outcome", [F.CAPTCHA, F.ACCOUNT_RESTRICTED, F.JS_CHALLENGE])
def test_challenge_lets_it_rest_six_hours(outcome: F) -> None:
    state = after_answer(FRESH, outcome, T, timedelta(seconds=5))
    assert (state.condition, state.until) == (C.COOLING, T + 6 * HOUR)
    assert not state.usable(T + 6 * HOUR - MINUTE)
    assert state.usable(T + 6 * HOUR)


def test_limits_let_it_rest_as_the_source_rests_and_longer_each_time() -> None:
    first = after_answer(FRESH, F.RATE_LIMITED, T, None)
    assert first.until == T + 5 * MINUTE
    second = after_answer(first, F.IP_BLOCKED, T + 5 * MINUTE, None)
    assert second.until == T + 15 * MINUTE
    asked = after_answer(second, F.RATE_LIMITED, T + 15 * MINUTE, HOUR)
    assert asked.until == T + 15 * MINUTE + HOUR
    well = after_answer(asked, F.EMPTY, asked.until or T, None)
    assert (well.condition, well.fails, well.until, well.why) == (C.OK, 0, None, None)


def test_answers_that_were_under_way_neither_wake_nor_multiply() -> None:
    first = after_answer(FRESH, F.RATE_LIMITED, T, None)
    late = first
    for _ in range(20):
        late = after_answer(late, F.RATE_LIMITED, T, None)
    assert late == first
    assert after_answer(first, F.OK, T + MINUTE, None) == first
    assert after_answer(first, F.CAPTCHA, T + MINUTE, None).until == T + MINUTE + 6 * HOUR


@pytest.mark.parametrize("outcome", [F.OK, F.EMPTY, F.BLOCKED, F.GONE, F.ERROR, F.PARSE_ERROR, F.AUTH_REQUIRED])
def test_other_answers_say_nothing_of_a_cookie(outcome: F) -> None:
    assert after_answer(FRESH, outcome, T, None) == FRESH


def test_fingerprint_tells_nothing_and_needs_the_salt() -> None:
    assert fingerprint("a", "SUB=s3cret") != fingerprint("b", "SUB=s3cret")
    assert "s3cret" not in cookie_name("a", "weibo.com", "SUB=s3cret")
    assert cookie_name("a", "weibo.com", "SUB=x\n") == cookie_name("a", "weibo.com", "SUB=x")


def test_cookie_is_called_by_the_platforms_host_or_that_of_the_url() -> None:
    assert cookie_host(source(platform="weibo"), build_platform("weibo")) == "weibo.com"
    assert cookie_host(source(url="https://Feed.Example.cn/a"), build_platform("feed")) == "feed.example.cn"


def test_only_cookies_that_are_configured_now_and_rest_are_told() -> None:
    own = source(name="w", platform="weibo", transport="cookie", cookie=Secret("SUB=now", Path("/run/secrets/weibo")))
    dead = replace(FRESH, condition=C.DEAD, why=F.LOGIN_REQUIRED, since=T)
    names = [cookie_name("salt", "weibo.com", text) for text in ("SUB=now", "SUB=before")]
    stored = {name: replace(dead, name=name) for name in names}
    (state,) = configured_states([own, replace(own, name="again"), source()], stored, "salt", T)
    assert (state.name, state.place) == (names[0], "`cookie_file` /run/secrets/weibo")
    over = {names[0]: replace(FRESH, name=names[0], condition=C.COOLING, until=T)}
    assert configured_states([own], over, "salt", T) == ()


def test_lines_say_which_since_when_and_what_to_do() -> None:
    dead = replace(FRESH, condition=C.DEAD, why=F.LOGIN_REQUIRED, since=T)
    cooling = replace(FRESH, condition=C.COOLING, why=F.CAPTCHA, until=T + 6 * HOUR)
    assert credential_lines([FRESH, dead, cooling], "en") == (
        "cookie of weibo.com: dead since 2026-06-20 15:30 (login_required), put a new one into `cookie` of source w",
        "cookie of weibo.com: rests until 2026-06-20 21:30 (captcha), it is used again by itself",
    )
    assert credential_lines([dead, cooling], "zh") == (
        "weibo.com 的 Cookie 自 2026-06-20 15:30 起失效（login_required）：请把新的写入 来源 w 的 `cookie`",
        "weibo.com 的 Cookie 暂停使用至 2026-06-20 21:30（captcha）：会自动恢复，不要强行重试",
    )
