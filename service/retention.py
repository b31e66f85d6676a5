"""Deletes once a day what is older than the settings allow."""

import logging
from datetime import datetime, timedelta
from typing import Protocol

from config.settings import RetentionSettings
from domain.clock import Clock
from domain.ports import MentionWriter

__all__ = ["MARK", "Retention"]

logger = logging.getLogger(__name__)

EVERY = timedelta(days=1)
MARK = "retention"
"""Name of the mark that says when it last ran."""


class Marks(Protocol):
    """Remembers moments over a restart."""

    def at(self, name: str) -> datetime | None:
        """Return when something last happened, UTC; None = never."""
        ...

    def put(self, name: str, at: datetime) -> None:
        """Remember when something happened last."""
        ...


class Prune(Protocol):
    """Deletes from the state what is older than its own limits."""

    def __call__(
        self,
        *,
        now: datetime,
        evaluations: timedelta,
        dead_letters: timedelta,
        messages: timedelta,
        trends: timedelta,
    ) -> object:
        """Delete; the spans say how long each kind is kept."""
        ...


class Retention:
    """Runs the deletion a day after the last one, whoever ran that; a service that never did so starts at once."""

    def __init__(
        self, settings: RetentionSettings, mentions: MentionWriter, prune: Prune, marks: Marks, clock: Clock
    ) -> None:
        self._settings = settings
        self._mentions = mentions
        self._prune = prune
        self._marks = marks
        self._clock = clock
        self._due_at: datetime | None = None

    def step(self) -> int:
        """Delete if a day has passed since the last time; return how many mentions and candidates went.

        Raises:
            TingfengError: a store did not answer; the next call goes on.
        """
        now = self._clock.now()
        if self._due_at is None:
            last = self._marks.at(MARK)
            self._due_at = last + EVERY if last is not None else now
        if now < self._due_at:
            return 0
        settings = self._settings
        mentions = self._mentions.delete_before(now - settings.mentions, candidates=False)
        candidates = self._mentions.delete_before(now - settings.candidates, candidates=True)
        self._prune(
            now=now,
            evaluations=settings.evaluations,
            dead_letters=settings.dead_letters,
            messages=settings.messages,
            trends=settings.trends,
        )
        self._marks.put(MARK, now)
        self._due_at = now + EVERY
        logger.info("retention done mentions=%d candidates=%d", mentions, candidates)
        return mentions + candidates
