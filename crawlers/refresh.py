"""Reads mentions of open incidents again: their counters grow, and some are deleted."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from config.settings import SourceSettings
from crawlers.address import site_of_source
from crawlers.base import Fetch, Platform
from crawlers.errand import Errand
from crawlers.job import VisitResult
from crawlers.platforms import build_platform
from crawlers.reread import Look, deleted, look_of, seen_again, shown_hash
from crawlers.watchlist import Watchlist
from domain.clock import Clock
from domain.errors import TingfengError
from domain.mention import Flag, Mention
from domain.outcome import FetchOutcome
from domain.ports import Desk, Inbox, MentionSearch, RefreshStore
from domain.refresh import Refresh, next_look

__all__ = ["CONFIRM", "RefreshBook"]

logger = logging.getLogger(__name__)

CONFIRM = timedelta(minutes=10)
"""Least time between the two looks that must both find a post gone."""

_PLAN_EVERY = timedelta(minutes=1)
_NOT_BEGUN = timedelta(minutes=1)
"""How long a site is left alone whose road was busy or closed."""
_NO_ROAD = timedelta(minutes=15)
_RETRY = timedelta(minutes=10)
_LONGEST_RETRY = timedelta(hours=4)
_SUSPECT = timedelta(days=1)
"""How long a post that was found gone once is looked at, though its incident is over."""
_DOUBTFUL = 5
"""So many posts of one site gone in a row, and none that stands: rather its address is gone than all of them."""
_TAKEN = 200
"""Most plans that one look takes up to see which of them can be begun."""
_LEASE_S = 600.0


class RefreshBook:
    """Implements `crawlers.errand.ErrandBook` for the mentions of open incidents.

    One errand is one mention, asked over the road of its own source if that can show single
    posts, else of another source of its platform. A post is marked as deleted when its platform
    says twice, ten minutes apart, that it is gone; a login, a captcha or a block says nothing of it.
    While five different posts of one site are gone in a row and none is there, none of them is marked.

    Args:
        sources: The sources whose roads may be used, see `crawlers.plan.expand_sources`.
        desk: Where incidents are.
        search: Where mentions are.
        inbox: Where changed mentions go.
        refreshes: Where plans are kept.
        clock: Domain time.
        owner: Name of this process, that no other has.
    """

    def __init__(
        self,
        sources: Sequence[SourceSettings],
        *,
        desk: Desk,
        search: MentionSearch,
        inbox: Inbox,
        refreshes: RefreshStore,
        clock: Clock,
        owner: str,
    ) -> None:
        self._roads: dict[str, tuple[SourceSettings, Platform]] = {
            source.name: (source, build_platform(source.platform, source.options)) for source in sources
        }
        self._search = search
        self._inbox = inbox
        self._refreshes = refreshes
        self._clock = clock
        self._owner = owner
        self._watchlist = Watchlist(desk, search)
        self._planned_at: datetime | None = None
        self._trouble = ""
        self._out: dict[str, tuple[Refresh, datetime]] = {}
        self._missed: dict[str, set[str]] | None = None
        """Mentions found gone since one was seen, by road; None = not yet known from before the start."""
        self._resting: dict[str, datetime] = {}

    def due(self, now: datetime, limit: int) -> Sequence[Errand]:
        """Return at most `limit` mentions that are due, one for each site; once a minute new ones are planned first."""
        self._plan(now)
        self._out = {key: taken for key, taken in self._out.items() if taken[1] > now}
        self._resting = {road: until for road, until in self._resting.items() if until > now}
        busy = {refresh.road for refresh, _ in self._out.values()} | self._resting.keys()
        errands: list[Errand] = []
        until = now + self._clock.span(_LEASE_S)
        for _ in range(_TAKEN if limit > 0 else 0):
            refresh = self._refreshes.take(owner=self._owner, busy=busy, until=until, now=now)
            if refresh is None:
                break
            errand = self._begin(refresh, now, until, busy)
            if errand is not None:
                errands.append(errand)
            if len(errands) >= limit:
                break
        return errands

    def _begin(self, refresh: Refresh, now: datetime, until: datetime, busy: set[str]) -> Errand | None:
        """Return the errand of a plan that was taken; None = it cannot be read now."""
        mention = self._search.get([refresh.mention]).get(refresh.mention)
        if mention is None:
            self._refreshes.drop([refresh.mention])
            return None
        found = self._road(mention)
        if found is None:
            self._refreshes.save(replace(refresh, due_at=now + _NO_ROAD), owner=self._owner)
            return None
        refresh = replace(refresh, road=site_of_source(found[0]))
        if refresh.road in busy:  # it was not known before which site is asked
            self._refreshes.save(refresh, owner=self._owner)
            return None
        errand = _errand(refresh, *found)
        self._out[errand.key] = (refresh, until)
        busy.add(refresh.road)
        return errand

    def done(self, errand: Errand, result: VisitResult | None, now: datetime) -> None:
        """Take in what an errand found: changed counters and texts, deletions, and what came back."""
        refresh, _ = self._out.pop(errand.key, (None, None))
        if refresh is None:  # its time ran out: it is due again
            return
        if result is None or result.outcome is None:
            self._resting[refresh.road] = now + _NOT_BEGUN
            self._refreshes.save(replace(refresh, due_at=now + _NOT_BEGUN), owner=self._owner)
            return
        mention = self._search.get([refresh.mention]).get(refresh.mention)
        if mention is None:
            self._refreshes.drop([refresh.mention])
            return
        look = look_of(mention, errand.source, result)
        logger.debug("mention read again mention=%s outcome=%s", mention.id, result.outcome.value)
        look = self._doubted(refresh.road, mention, look)
        after = self._after(refresh, mention, look, result.outcome, now)
        self._refreshes.save(after, owner=self._owner)

    def _doubted(self, road: str, mention: Mention, look: Look) -> Look:
        """Return a look, or nothing where everything of a site seems gone at once."""
        if self._missed is None:
            self._missed = _missed_before(self._refreshes.load().values())
        missed = self._missed.setdefault(road, set())
        if look.seen is not None:
            missed.clear()
        if not look.gone or Flag.DELETED in mention.flags:
            return look
        missed.add(mention.id)
        if len(missed) == _DOUBTFUL:
            logger.warning("everything read again is gone, none is marked as deleted site=%s", road)
        return look if len(missed) < _DOUBTFUL else Look()

    def _plan(self, now: datetime) -> None:
        """Plan the mentions of new incidents and forget those of old ones; a store that is away is asked again."""
        if self._planned_at is not None and timedelta(0) <= now - self._planned_at < _PLAN_EVERY:
            return
        self._planned_at = now
        try:
            wanted = self._watchlist.look(now, lambda mention: self._road(mention) is not None)
            known = self._refreshes.load()
            new = [
                Refresh(mention=id, begun_at=begun, due_at=next_look(begun, now))
                for id, begun in wanted.items()
                if id not in known
            ]
            if new:
                self._refreshes.plan(new)
            old = [id for id, refresh in known.items() if id not in wanted and not _is_suspect(refresh, now)]
            if old:
                self._refreshes.drop(old)
        except TingfengError as err:
            if self._trouble != str(err):
                logger.warning("mentions to read again not planned error=%s", err)
            self._trouble = str(err)
            return
        self._trouble = ""
        if new or old:
            logger.info("mentions to read again planned new=%d over=%d", len(new), len(old))

    def _road(self, mention: Mention) -> tuple[SourceSettings, Fetch] | None:
        for source, platform in self._candidates(mention):
            fetch = platform.reread(source, mention.post)
            if fetch is not None:
                return source, fetch
        return None

    def _candidates(self, mention: Mention) -> Iterator[tuple[SourceSettings, Platform]]:
        """Yield the mention's own source, then others of its platform where ids are the same for all of them."""
        own = self._roads.get(mention.source)
        if own is not None:
            yield own
        for name, (source, platform) in self._roads.items():
            if name != mention.source and source.platform == mention.post.platform and platform.hosts:
                yield source, platform

    def _after(self, refresh: Refresh, mention: Mention, look: Look, outcome: FetchOutcome, now: datetime) -> Refresh:
        """Take a look in and return the plan after it."""
        refresh = replace(refresh, last_outcome=outcome)
        if look.seen is not None:
            self._take_in(refresh, mention, look, now)
            shown = shown_hash(look.seen) or refresh.text_hash
            due = next_look(refresh.begun_at, now)
            return replace(refresh, looks=refresh.looks + 1, fails=0, gone_at=None, text_hash=shown, due_at=due)
        if look.gone:
            return self._gone(replace(refresh, looks=refresh.looks + 1, fails=0), mention, now)
        wait = min(_RETRY * (1 << min(refresh.fails, 10)), _LONGEST_RETRY)
        return replace(refresh, fails=refresh.fails + 1, due_at=now + wait)

    def _take_in(self, refresh: Refresh, mention: Mention, look: Look, now: datetime) -> None:
        if look.seen is None:
            return
        if Flag.DELETED in mention.flags:
            logger.info("deleted mention is back mention=%s", mention.id)
            self._refreshes.lift([mention.id])
        self._inbox.append([seen_again(mention, look.seen, before=refresh.text_hash, now=now)], now=now)

    def _gone(self, refresh: Refresh, mention: Mention, now: datetime) -> Refresh:
        """Mark a post that is found gone for the second time; the first time look again soon."""
        due = next_look(refresh.begun_at, now)
        if Flag.DELETED in mention.flags:
            return replace(refresh, due_at=due)
        if refresh.gone_at is None:
            return replace(refresh, gone_at=now, due_at=now + CONFIRM)
        if now - refresh.gone_at < CONFIRM:
            return replace(refresh, due_at=refresh.gone_at + CONFIRM)
        logger.info("mention deleted at its platform mention=%s", mention.id)
        self._inbox.append([deleted(mention, gone_at=refresh.gone_at)], now=now)
        return replace(refresh, due_at=due)


def _errand(refresh: Refresh, source: SourceSettings, fetch: Fetch) -> Errand:
    """Return the visit that shows one mention; nothing behind its page is followed."""
    bare = replace(source, follow=False, pages=1)
    return Errand(key=f"refresh {refresh.mention}", source=bare, fetches=(fetch,), keep=False)


def _missed_before(known: Iterable[Refresh]) -> dict[str, set[str]]:
    """Return the mentions whose last look found them gone, by road, where no last look found one that stands."""
    missed: dict[str, set[str]] = {}
    standing: set[str] = set()
    for refresh in known:
        if refresh.last_outcome is FetchOutcome.OK:
            standing.add(refresh.road)
        elif refresh.gone_at is not None or refresh.last_outcome is FetchOutcome.GONE:
            missed.setdefault(refresh.road, set()).add(refresh.mention)
    return {road: missed[road] for road in missed.keys() - standing}


def _is_suspect(refresh: Refresh, now: datetime) -> bool:
    return refresh.gone_at is not None and now - refresh.gone_at < _SUSPECT
