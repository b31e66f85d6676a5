"""Mentions in order of arrival with all that belongs to them, to be moved to another store."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Walked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """A stored mention as it leaves its store."""

    row: int
    """Its place in the order of arrival; the next step goes on after it."""
    doc: str
    """The mention as JSON."""
    readings: tuple[tuple[int, str], ...] = ()
    """Time, ms since 1970, and counters as JSON, oldest first."""
    old_texts: tuple[tuple[int, str], ...] = ()
    """Time, ms since 1970, and hash of texts that were replaced, oldest first."""

    @property
    def plain(self) -> Mapping[str, Any]:
        """The mention as JSON-ready object."""
        found: Mapping[str, Any] = json.loads(self.doc)
        return found
