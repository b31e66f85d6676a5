"""What a visit came to, in figures. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta

from crawlers.canary import FOUND_NOTHING, canary_outcome
from crawlers.job import VisitResult
from crawlers.ledger import Finding, newest
from crawlers.wholeness import shares
from domain.clock import Clock
from domain.outcome import FetchOutcome

__all__ = ["canary_finding", "finding_of"]


def finding_of(result: VisitResult, *, begun: datetime, new: int, clock: Clock) -> Finding:
    """Return what a visit came to that has just ended.

    Args:
        result: What it read.
        begun: When it began, UTC.
        new: How many of its posts were new.
        clock: Domain time.
    """
    now = clock.now()
    return Finding(
        begun_at=begun,
        ended_at=now,
        outcome=result.outcome or FetchOutcome.ERROR,
        detail=result.detail,
        unreachable=result.unreachable,
        retry_after=clock.span(result.retry_after_s) if result.retry_after_s is not None else None,
        rest_until=result.rest_until,
        pages=result.pages,
        seen=result.seen,
        new=new,
        drops=result.drops,
        followed=result.followed,
        newest_at=newest(result.posts, now),
        shares=shares(result.posts),
        etag=result.etag,
        last_modified=result.last_modified,
        not_modified=result.detail == "not modified",
    )


def canary_finding(result: VisitResult, *, begun: datetime, clock: Clock, interval: timedelta) -> Finding:
    """Return what a canary's visit came to; one that found nothing looks again after half its interval.

    Args:
        result: What it read.
        begun: When it began, UTC.
        clock: Domain time.
        interval: Time between two visits of a canary.
    """
    found = replace(finding_of(result, begun=begun, new=0, clock=clock), shares=None)
    outcome = canary_outcome(found.outcome, result.seen)
    if outcome is found.outcome:
        return found
    return replace(found, outcome=outcome, detail=FOUND_NOTHING, look_again=interval / 2)
