"""Reads sources back on request, a few pages at a time, behind everything that is new."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from config.settings import SourceSettings
from crawlers.base import Fetch
from crawlers.errand import Errand
from crawlers.job import VisitResult
from crawlers.platforms import build_platform
from domain.backfill import Backfill, BackfillState
from domain.codec import from_json, to_json
from domain.errors import DomainError
from domain.ports import BackfillStore

__all__ = ["BackfillBook", "ask_back", "can_read_back"]

_PAGES = 3
"""Pages of one errand: what is new comes between two of them."""
_LIMIT = 10_000
_RETRY = timedelta(minutes=10)
_NOT_BEGUN = timedelta(minutes=1)
_FAILS = 6
_FURTHER = "the source shows nothing older"


def can_read_back(source: SourceSettings) -> bool:
    """Say whether a source may show more than its newest posts: searches do, feeds and hot lists do not."""
    return source.platform != "import" and build_platform(source.platform, source.options).searches(source)


def ask_back(source: SourceSettings, brand: str, since: datetime, now: datetime) -> Backfill:
    """Return the request to read a source back; asking the same again begins it anew.

    Args:
        source: The source, as it is really visited.
        brand: Id of the brand.
        since: How far back, UTC.
        now: Present moment, UTC.
    """
    name = hashlib.sha256(f"{source.name}\n{brand}".encode()).hexdigest()[:12]
    return Backfill(id=name, source=source.name, brand=brand, since=since, asked_at=now, due_at=now)


class BackfillBook:
    """Implements `crawlers.errand.ErrandBook` for requests to read back.

    Args:
        sources: The sources of this process, see `crawlers.plan.expand_sources`.
        backfills: Where requests are kept.
    """

    def __init__(self, sources: Sequence[SourceSettings], backfills: BackfillStore) -> None:
        self._sources = {source.name: source for source in sources}
        self._backfills = backfills
        self._out: dict[str, Backfill] = {}

    def due(self, now: datetime, limit: int) -> Sequence[Errand]:
        """Return the next pages of requests that are due, at most one for each source."""
        errands: list[Errand] = []
        busy = {each.source for each in self._out.values()}
        for asked in self._backfills.all(open_only=True):
            source = self._sources.get(asked.source)
            if source is None or source.name in busy or asked.id in self._out or asked.due_at > now:
                continue
            if len(errands) >= limit:
                break
            begun = self._begun(asked, source)
            errand = self._errand(begun, source)
            if errand is None:
                self._backfills.save(replace(begun, state=BackfillState.DONE, detail=_FURTHER, ended_at=now))
                continue
            busy.add(source.name)
            self._out[begun.id] = begun
            errands.append(errand)
        return errands

    @staticmethod
    def _begun(asked: Backfill, source: SourceSettings) -> Backfill:
        if asked.state is not BackfillState.WAITING:
            return asked
        platform = build_platform(source.platform, source.options)
        whole = replace(source, limit=_LIMIT)
        fetches = platform.history(whole, asked.since, asked.asked_at)
        return replace(asked, state=BackfillState.GOING, steps=tuple(to_json(each) for each in fetches))

    def _errand(self, going: Backfill, source: SourceSettings) -> Errand | None:
        try:
            first = from_json(Fetch, going.steps[0]) if going.steps else None
        except DomainError:  # written by another version: begin anew
            again = self._begun(replace(going, state=BackfillState.WAITING), source)
            first = from_json(Fetch, again.steps[0]) if again.steps else None
        if first is None:
            return None
        wide = replace(source, pages=first.page + _PAGES - 1, limit=_LIMIT, follow=False)
        return Errand(key=f"backfill:{going.id}", source=wide, fetches=(first,), deep=True, backfill=True)

    def done(self, errand: Errand, result: VisitResult | None, now: datetime) -> None:
        """Note how far back it came and what comes next."""
        going = self._out.pop(errand.key.partition(":")[2], None)
        if going is None:
            return
        if result is None or result.outcome is None:
            self._backfills.save(replace(going, due_at=now + _NOT_BEGUN, detail="its road is closed now"))
            return
        self._backfills.save(_after(going, result, now))


def _after(going: Backfill, result: VisitResult, now: datetime) -> Backfill:
    oldest = min((post.published_at for post in result.posts if post.published_at is not None), default=None)
    reached = min((at for at in (going.oldest_at, oldest) if at is not None), default=None)
    read = replace(
        going,
        pages=going.pages + result.pages,
        posts=going.posts + result.seen,
        oldest_at=reached,
        due_at=now,
        detail="",
    )
    if result.outcome is not None and not result.outcome.proves_life:
        failed = replace(read, fails=going.fails + 1, due_at=now + _RETRY * (1 << going.fails), detail=result.detail)
        words = f"{result.outcome.value}: {result.detail}"[:300]
        if failed.fails >= _FAILS:
            return replace(failed, state=BackfillState.FAILED, detail=words, ended_at=now)
        return replace(failed, detail=words, steps=_rest(going, result) if result.pages > 1 else going.steps)
    old_enough = oldest is not None and oldest < going.since
    steps = _rest(going, result) if not old_enough else going.steps[1:]
    if steps:
        return replace(read, steps=steps, fails=0)
    detail = "" if reached is not None and reached <= going.since else _FURTHER
    return replace(read, state=BackfillState.DONE, steps=(), fails=0, detail=detail, ended_at=now)


def _rest(going: Backfill, result: VisitResult) -> tuple[str, ...]:
    """Return the requests that are left: where the list went on, then the other lists."""
    here = (to_json(result.resume),) if result.resume is not None else ()
    return (*here, *going.steps[1:])
