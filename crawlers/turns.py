"""Whose turn it is at a site that sources and errands both want."""

from collections.abc import Iterable

__all__ = ["Turns"]


class Turns:
    """Lets sources and errands take turns at each site; sites are free to either where the other does not wait."""

    def __init__(self) -> None:
        self._waiting: frozenset[str] = frozenset()
        self._errand_last: set[str] = set()

    def wait(self, sites: Iterable[str]) -> None:
        """Take note of all sites that due sources wait for now."""
        self._waiting = frozenset(sites)

    def source_began(self, site: str) -> None:
        """Take note that a source asks a site."""
        self._errand_last.discard(site)

    def errand_began(self, site: str) -> None:
        """Take note that an errand asks a site."""
        self._errand_last.add(site)

    def is_for_errand(self, site: str) -> bool:
        """Say whether an errand may ask a site: no source waits for it, or a source had the last turn."""
        return site not in self._waiting or site not in self._errand_last
