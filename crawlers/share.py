"""Several crawl processes share the sources: who visits which source next.

Whoever visited a source last comes back to it at its due time; the others look a little
later, so that they find it visited, or take over what the first is too slow or too dead
for. Who begins a visit holds a claim on the source until it is over.
"""

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from config.settings import SourceSettings
from domain.clock import Clock
from domain.errors import TingfengError
from domain.ports import SitePace, VisitStore
from domain.source import VisitState

__all__ = ["Begun", "Sharing"]

logger = logging.getLogger(__name__)

_GRACE = timedelta(minutes=1)
_BUSY_S = 5.0
_SPARE_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """Whether a due source is ours to visit."""

    state: VisitState
    """Its present state."""
    again_at: datetime | None
    """When to look again because another visits it or the site is held, UTC; None = it is ours."""


class Sharing:
    """The claims of one crawl process.

    Args:
        visits: The state of sources, with their claims.
        sites: Turns and holds of sites.
        clock: Domain time.
        owner: Name of this process, unique among all that crawl.
        deadline_s: Hard limit of one visit, real seconds.
    """

    def __init__(self, visits: VisitStore, sites: SitePace, clock: Clock, *, owner: str, deadline_s: float) -> None:
        self._visits = visits
        self.sites = sites
        """Turns and holds of sites."""
        self._clock = clock
        self.owner = owner
        """Name of this process."""
        self._lease_s = deadline_s + _SPARE_S
        self._known: dict[str, VisitState] = {}

    def note(self, state: VisitState) -> None:
        """Remember a state as it lies in the store."""
        self._known[state.source] = replace(state, posts_matched=0)

    async def begin(self, source: SourceSettings, state: VisitState, site: str) -> Begun:
        """Take a due source for a visit, unless another has visited it meanwhile or visits it now.

        Args:
            source: The source.
            state: Its state as this process knows it.
            site: Its site.

        Raises:
            TingfengError: The store does not answer.
        """
        return await asyncio.to_thread(self._begin, source, state, site)

    def _begin(self, source: SourceSettings, state: VisitState, site: str) -> Begun:
        now = self._clock.now()
        state = self._newest(state)
        if state.due_at > now:
            return Begun(state=state, again_at=self._after_others(source, state))
        held = self.sites.held_until(site, now=now)
        if held is not None:
            return Begun(state=state, again_at=held)
        until = now + self._clock.span(self._lease_s)
        if not self._visits.claim(source.name, owner=self.owner, until=until, now=now):
            return Begun(state=state, again_at=now + self._clock.span(_BUSY_S))
        state = self._newest(state)
        if state.due_at > now:
            self._visits.save(state, owner=self.owner)
            return Begun(state=state, again_at=self._after_others(source, state))
        return Begun(state=state, again_at=None)

    def _newest(self, state: VisitState) -> VisitState:
        """Return what another process has made of a state, else the state as it is."""
        stored = self._visits.one(state.source)
        if stored is None or replace(stored, posts_matched=0) == self._known.get(state.source):
            return state
        self.note(stored)
        return stored

    @staticmethod
    def _after_others(source: SourceSettings, state: VisitState) -> datetime:
        return state.due_at + min(source.interval / 4, _GRACE)

    def save(self, state: VisitState) -> None:
        """Write the state after our visit and give the source up.

        Raises:
            TingfengError: The store does not answer, or another has taken the source because
                the visit took too long; what it makes of the source counts then.
        """
        self._visits.save(state, owner=self.owner)
        self.note(state)

    async def end(self) -> None:
        """Give up every source, so that the others need not wait."""
        try:
            await asyncio.to_thread(self._visits.release, owner=self.owner)
        except TingfengError as err:
            logger.warning("claims of sources are left to their end error=%s", err)
