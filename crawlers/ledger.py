"""What a visit changes in the state of its source: due time, breaker, counters. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from config.settings import SourceSettings
from crawlers.wholeness import after_fields
from domain.mention import Post
from domain.outcome import Drop, FetchOutcome
from domain.source import VisitState

__all__ = [
    "OFF",
    "Finding",
    "after_visit",
    "first_state",
    "is_paused",
    "joined",
    "needs_someone",
    "pause_after",
    "revived",
]

OFF = timedelta(days=3_650)
"""Pause until the configuration changes, that is until the next start."""

_SIX_HOURS = timedelta(hours=6)
_SHORTEST_PAUSE = timedelta(minutes=5)
_LONGEST_PAUSE = timedelta(hours=2)
_LONGEST_BACKOFF = timedelta(minutes=30)
_STOP = frozenset({FetchOutcome.CAPTCHA, FetchOutcome.ACCOUNT_RESTRICTED, FetchOutcome.JS_CHALLENGE})
_NEEDS_SOMEONE = frozenset({FetchOutcome.LOGIN_REQUIRED, FetchOutcome.SIGNATURE_REJECTED})
_BACK_OFF = frozenset(
    {
        FetchOutcome.RATE_LIMITED,
        FetchOutcome.IP_BLOCKED,
        FetchOutcome.BLOCKED,
        FetchOutcome.AUTH_REQUIRED,
        FetchOutcome.AUTH_FAILED,
        FetchOutcome.EMPTY_OR_UPSTREAM_BLOCKED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one visit came to, in figures."""

    begun_at: datetime
    """When it began, UTC."""
    ended_at: datetime
    """When it ended, UTC."""
    outcome: FetchOutcome
    """Its outcome."""
    detail: str = ""
    """What was seen."""
    unreachable: bool = False
    """There was no answer at all."""
    rest_until: datetime | None = None
    """When its cookie or key may be used again, UTC; None = it may."""
    retry_after: timedelta | None = None
    """How long the server asked us to wait, domain time; None = it did not."""
    pages: int = 0
    """Pages read."""
    seen: int = 0
    """Posts read."""
    new: int = 0
    """Posts that were new."""
    drops: Mapping[Drop, int] = field(default_factory=dict)
    """Posts or lines that were let go, by reason."""
    followed: Mapping[FetchOutcome, int] = field(default_factory=dict)
    """Outcomes of the pages behind entries."""
    newest_at: datetime | None = None
    """Newest publication among them, UTC."""
    shares: Mapping[str, float] | None = None
    """Share of the posts that have each field, see `crawlers.wholeness`; None = too few to say."""
    etag: str | None = None
    """ETag to send next time; None = none."""
    last_modified: str | None = None
    """Last-Modified to send next time; None = none."""
    look_again: timedelta | None = None
    """Something is about to be ready: come back that soon; None = at the interval."""
    not_modified: bool = False
    """The server said that nothing changed: keep the old ETag."""


def joined(first: Finding, then: Finding) -> Finding:
    """Return what two parts of one visit come to: the outcome of the later, the sums of both."""
    return replace(
        then,
        pages=first.pages + then.pages,
        seen=first.seen + then.seen,
        new=first.new + then.new,
        drops=Counter(first.drops) + Counter(then.drops),
    )


def first_state(source: SourceSettings, now: datetime) -> VisitState:
    """Return the state of a source that was never visited: due at once."""
    return VisitState(source=source.name, platform=source.platform, transport=source.transport, due_at=now)


def revived(state: VisitState, source: SourceSettings, now: datetime) -> VisitState:
    """Return a stored state at the start of the service.

    A pause that waits for someone's doing ends: the start may be the answer to it. A due
    time beyond one interval, from another clock or another interval, is brought nearer. What
    was learnt over another transport, a pause or a layout, says nothing of this one.
    """
    if state.transport and state.transport != source.transport:
        state = replace(
            state, fails=0, blind_since=None, paused_until=None, etag=None, last_modified=None, fields=(), due_at=now
        )
    state = replace(state, platform=source.platform, transport=source.transport)
    if state.paused_until is not None and state.last_outcome in _NEEDS_SOMEONE:
        state = replace(state, paused_until=None, due_at=now)
    if state.paused_until is not None and state.paused_until > now:
        return state
    return replace(state, paused_until=None, due_at=min(state.due_at, now + source.interval))


def is_paused(state: VisitState, now: datetime) -> bool:
    """Say whether a source is not to be visited now."""
    return state.paused_until is not None and state.paused_until > now


def needs_someone(outcome: FetchOutcome | None) -> bool:
    """Say whether a pause for an outcome is long, and best ended by someone's doing: people are told of the first."""
    return outcome in _NEEDS_SOMEONE or outcome in _STOP


def pause_after(outcome: FetchOutcome, fails: int, retry_after: timedelta | None) -> timedelta | None:
    """Return how long a source rests after an outcome (contracts: platforms, section 3.6).

    Args:
        outcome: Outcome of the visit.
        fails: Failed visits in a row, this one included, 1 or more.
        retry_after: What the server asked for; None = nothing.
    """
    if outcome in _NEEDS_SOMEONE:
        return OFF
    if outcome in _STOP:
        return _SIX_HOURS
    if outcome in _BACK_OFF:
        if retry_after is not None:
            return retry_after
        return min(_SHORTEST_PAUSE * (1 << min(fails - 1, 10)), _LONGEST_PAUSE)
    return retry_after


def after_visit(
    state: VisitState, source: SourceSettings, found: Finding, *, jitter: float, interval: timedelta | None = None
) -> VisitState:
    """Return the state after a visit.

    Args:
        state: State before it.
        source: The source.
        found: What the visit came to.
        jitter: Factor on the interval, 0.9 to 1.1.
        interval: Time to the next visit while all is well; None = the source's own.
    """
    life = found.outcome.proves_life
    fails = 0 if life else state.fails + 1
    pause = None if life else pause_after(found.outcome, fails, found.retry_after)
    wait = _wait(interval or source.interval, fails, found) * jitter
    paused_until = found.ended_at + pause if pause else None
    if not life and found.rest_until is not None:
        paused_until = found.rest_until
    outcomes = Counter(dict(state.outcomes))
    outcomes[found.outcome.value] += 1
    return replace(
        state,
        due_at=max(found.begun_at + wait, found.ended_at, paused_until or found.ended_at),
        first_visit_at=state.first_visit_at or (found.begun_at if life else None),
        last_visit_at=found.begun_at,
        last_success_at=found.ended_at if life else state.last_success_at,
        last_outcome=found.outcome,
        last_detail=found.detail[:300],
        fails=fails,
        blind_since=None if life else state.blind_since or found.begun_at,
        paused_until=paused_until,
        etag=state.etag if found.not_modified or not life else found.etag,
        last_modified=state.last_modified if found.not_modified or not life else found.last_modified,
        newest_at=max((at for at in (state.newest_at, found.newest_at) if at is not None), default=None),
        pages_seen=state.pages_seen + found.pages,
        posts_seen=state.posts_seen + found.seen,
        posts_new=state.posts_new + found.new,
        outcomes=tuple(sorted(outcomes.items())),
        drops=_added(state.drops, found.drops),
        followed=_added(state.followed, found.followed),
        fields=after_fields(state.fields, found.shares) if life else state.fields,
    )


def _added(
    before: tuple[tuple[str, int], ...], more: Mapping[Drop, int] | Mapping[FetchOutcome, int]
) -> tuple[tuple[str, int], ...]:
    counts = Counter(dict(before)) + Counter({reason.value: number for reason, number in more.items()})
    return tuple(sorted(counts.items()))


def _wait(interval: timedelta, fails: int, found: Finding) -> timedelta:
    if found.look_again is not None:
        return min(interval, found.look_again)
    if fails < 2 or found.unreachable:
        return interval
    return min(interval * (1 << min(fails - 1, 10)), max(_LONGEST_BACKOFF, interval))


def newest(posts: Sequence[Post], now: datetime) -> datetime | None:
    """Return the newest publication that is not in the future; None = none is known."""
    return max((post.published_at for post in posts if post.published_at and post.published_at <= now), default=None)
