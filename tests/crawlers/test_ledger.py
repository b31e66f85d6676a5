from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from crawlers.ledger import OFF, Finding, after_visit, first_state, newest, pause_after, revived
from domain.outcome import FetchOutcome as F
from tests.crawlers.pages import parse, source

T = datetime(2026, 6, 20, 8, tzinfo=UTC)
SOURCE = source(interval=timedelta(minutes=5))


def found(outcome: F, **more: object) -> Finding:
    return replace(Finding(begun_at=T, ended_at=T + timedelta(seconds=3), outcome=outcome), **more)  # type: ignore[arg-type]


def test_first_life_is_kept_and_the_next_visit_is_one_interval_away() -> None:
    state = after_visit(first_state(SOURCE, T), SOURCE, found(F.OK, seen=3, new=2, pages=1, etag="e"), jitter=1.1)
    assert state.due_at == T + timedelta(minutes=5.5)
    assert state.first_visit_at == T
    assert (state.posts_seen, state.posts_new, state.pages_seen, state.etag, state.fails) == (3, 2, 1, "e", 0)
    assert state.outcomes == (("ok", 1),)
    again = after_visit(state, SOURCE, found(F.EMPTY, not_modified=True), jitter=1.0)
    assert (again.etag, again.first_visit_at, again.outcomes) == ("e", T, (("empty", 1), ("ok", 1)))


def test_failures_back_off_up_to_half_an_hour_and_keep_the_old_tag() -> None:
    state = after_visit(first_state(SOURCE, T), SOURCE, found(F.OK, etag="e"), jitter=1.0)
    waits = []
    for _ in range(6):
        state = after_visit(state, SOURCE, found(F.PARSE_ERROR), jitter=1.0)
        waits.append((state.due_at - T).total_seconds() / 60)
    assert waits == [5, 10, 20, 30, 30, 30]
    assert state.blind_since == T
    assert (state.fails, state.etag) == (6, "e")
    assert after_visit(state, SOURCE, found(F.EMPTY), jitter=1.0).blind_since is None


def test_unreachable_source_is_tried_again_at_every_interval() -> None:
    state = first_state(SOURCE, T)
    for _ in range(5):
        state = after_visit(state, SOURCE, found(F.ERROR, unreachable=True), jitter=1.0)
    assert state.due_at == T + timedelta(minutes=5)
    assert state.first_visit_at is None


@pytest.mark.parametrize(
    ("outcome", "fails", "retry_after", "pause"),
    [
        (F.CAPTCHA, 1, None, timedelta(hours=6)),
        (F.ACCOUNT_RESTRICTED, 1, None, timedelta(hours=6)),
        (F.RATE_LIMITED, 1, None, timedelta(minutes=5)),
        (F.RATE_LIMITED, 3, None, timedelta(minutes=20)),
        (F.RATE_LIMITED, 30, None, timedelta(hours=2)),
        (F.RATE_LIMITED, 3, timedelta(seconds=7), timedelta(seconds=7)),
        (F.IP_BLOCKED, 2, None, timedelta(minutes=10)),
        (F.BLOCKED, 1, None, timedelta(minutes=5)),
        (F.LOGIN_REQUIRED, 1, timedelta(seconds=7), OFF),
        (F.SIGNATURE_REJECTED, 1, None, OFF),
        (F.ERROR, 1, None, None),
        (F.ERROR, 1, timedelta(seconds=7), timedelta(seconds=7)),
        (F.PARSE_ERROR, 4, None, None),
    ],
)
def test_breaker_follows_the_contract(
    outcome: F, fails: int, retry_after: timedelta | None, pause: timedelta | None
) -> None:
    assert pause_after(outcome, fails, retry_after) == pause


def test_pause_moves_the_due_time() -> None:
    state = after_visit(first_state(SOURCE, T), SOURCE, found(F.CAPTCHA), jitter=1.0)
    assert state.paused_until == state.due_at == T + timedelta(hours=6, seconds=3)


def test_start_ends_pauses_that_wait_for_someone() -> None:
    off = after_visit(first_state(SOURCE, T), SOURCE, found(F.LOGIN_REQUIRED), jitter=1.0)
    assert revived(off, SOURCE, T).due_at == T
    assert revived(off, SOURCE, T).paused_until is None
    captcha = after_visit(first_state(SOURCE, T), SOURCE, found(F.CAPTCHA), jitter=1.0)
    assert revived(captcha, SOURCE, T) == captcha
    far = replace(first_state(SOURCE, T), due_at=T + timedelta(days=9))
    assert revived(far, SOURCE, T).due_at == T + SOURCE.interval


def test_newest_is_not_in_the_future() -> None:
    text = "<rss><channel><item><title>{}</title><pubDate>{}</pubDate></item></channel></rss>"
    post = parse("feed.any", text.format("a", "2026-06-20 15:00:00")).posts[0]
    ahead = replace(post, published_at=T + timedelta(days=1))
    assert newest([post, ahead], T) == post.published_at
    assert newest([], T) is None
