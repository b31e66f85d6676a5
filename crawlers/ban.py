"""What one source's block means for the others at the same site (contracts: platforms, section 3.6)."""

from datetime import datetime, timedelta

from config.settings import SourceSettings
from crawlers.address import site_of
from crawlers.ledger import pause_after
from crawlers.platforms import build_platform
from domain.outcome import FetchOutcome
from domain.source import VisitState

__all__ = ["Bans", "ban_key", "is_apart", "is_site_wide"]

_SITE_WIDE = frozenset(
    {
        FetchOutcome.CAPTCHA,
        FetchOutcome.JS_CHALLENGE,
        FetchOutcome.ACCOUNT_RESTRICTED,
        FetchOutcome.IP_BLOCKED,
        FetchOutcome.RATE_LIMITED,
    }
)


def is_apart(source: SourceSettings) -> bool:
    """Say whether a source is read through a bridge or from files: what one of them meets says nothing of the next."""
    return source.transport in ("rsshub", "file") or source.platform in ("import", "rsshub")


def ban_key(source: SourceSettings) -> str | None:
    """Return what names a source's site and road; None = its blocks are its own, as behind a bridge."""
    if is_apart(source):
        return None
    hosts = build_platform(source.platform, source.options).hosts
    site = site_of(source.url) if source.url else hosts[0] if hosts else source.name
    return f"{source.transport} {site}"


def is_site_wide(outcome: FetchOutcome | None) -> bool:
    """Say whether an outcome speaks of us at the site, not of the one request."""
    return outcome in _SITE_WIDE


class Bans:
    """Until when each site is left alone because one of its sources was blocked there."""

    def __init__(self) -> None:
        self._until: dict[str, datetime] = {}

    def note(self, source: SourceSettings, state: VisitState) -> None:
        """Take over the pause of a source whose block is that of its site."""
        if state.paused_until is not None and is_site_wide(state.last_outcome):
            self._leave_alone(source, state.paused_until)

    def refused(
        self, source: SourceSettings, outcome: FetchOutcome | None, asked: timedelta | None, now: datetime
    ) -> None:
        """Leave a source's site alone if what it said to one request speaks of us.

        Args:
            source: Whose road was taken.
            outcome: What came of the request.
            asked: How long the site asked to wait, domain time; None = it said nothing.
            now: Present moment, UTC.
        """
        pause = pause_after(outcome, 1, asked) if outcome is not None and is_site_wide(outcome) else None
        if pause is not None:
            self._leave_alone(source, now + pause)

    def _leave_alone(self, source: SourceSettings, until: datetime) -> None:
        key = ban_key(source)
        if key is not None:
            self._until[key] = max(until, self._until.get(key, until))

    def until(self, source: SourceSettings, now: datetime) -> datetime | None:
        """Return until when a source's site is left alone; None = it may be asked."""
        until = self._until.get(ban_key(source) or "")
        return until if until is not None and until > now else None

    def lift(self, source: SourceSettings) -> None:
        """Ask a source's site again: what was held against us there is gone."""
        self._until.pop(ban_key(source) or "", None)
