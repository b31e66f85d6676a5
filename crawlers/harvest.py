"""From what a visit read to the inbox: what is known, what is new, what is let go."""

import logging
from collections.abc import Mapping, Sequence

from config.settings import Settings, SourceSettings
from crawlers.account_table import AccountTable
from crawlers.intake import ids_of, take_in
from crawlers.outlets import OutletTiers
from domain.clock import Clock
from domain.mention import Post
from domain.outcome import Drop
from domain.ports import Inbox

__all__ = ["Harvest"]

logger = logging.getLogger(__name__)


class Harvest:
    """Takes posts in; every call may block.

    Args:
        settings: Everything the installation is told: accounts, and the tiers of media.
        inbox: Where posts go.
        clock: Domain time.
    """

    def __init__(self, settings: Settings, inbox: Inbox, clock: Clock) -> None:
        self._inbox = inbox
        self._clock = clock
        self._outlets = OutletTiers(settings.outlets)
        self._accounts = AccountTable(settings.accounts, [brand.id for brand in settings.brands])

    def known(self, source: SourceSettings, posts: Sequence[Post]) -> frozenset[str]:
        """Return the native ids of those posts that were seen before."""
        ids = ids_of(posts, source)
        known = self._inbox.known(list(ids))
        return frozenset(ids[each] for each in known if each in ids)

    def append(self, source: SourceSettings, posts: Sequence[Post], backfill: bool) -> tuple[int, Mapping[Drop, int]]:
        """Take posts in; return how many were new and what was let go."""
        now = self._clock.now()
        intake = take_in(posts, source, now, backfill=backfill, outlets=self._outlets, accounts=self._accounts)
        if intake.drops:
            reasons = {reason.value: number for reason, number in intake.drops.items()}
            logger.info("posts dropped source=%s reasons=%s", source.name, reasons)
        if not intake.mentions:
            return 0, intake.drops
        return len(self._inbox.append(intake.mentions, now=now).new), intake.drops
