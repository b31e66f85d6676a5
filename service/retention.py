"""Deletes once a day what is older than the settings allow."""

import logging
from datetime import datetime, timedelta
from typing import Protocol

from config.settings import RetentionSettings
from domain.clock import Clock
from domain.ports import MentionWriter

__all__ = ["Retention"]

logger = logging.getLogger(__name__)

EVERY = timedelta(days=1)


class Prune(Protocol):
    """Deletes from the state what is older than its own limits."""

    def __call__(self, *, now: datetime, evaluations: timedelta) -> object:
        """Delete; `evaluations` = how long looks of the rules are kept."""
        ...


class Retention:
    """Runs the daily deletion when it is due; the first time one day after the start."""

    def __init__(self, settings: RetentionSettings, mentions: MentionWriter, prune: Prune, clock: Clock) -> None:
        self._settings = settings
        self._mentions = mentions
        self._prune = prune
        self._clock = clock
        self._due_at: datetime = clock.now() + EVERY

    def step(self) -> int:
        """Delete if a day has passed; return how many mentions and candidates went, 0 if not due."""
        now = self._clock.now()
        if now < self._due_at:
            return 0
        self._due_at = now + EVERY
        mentions = self._mentions.delete_before(now - self._settings.mentions, candidates=False)
        candidates = self._mentions.delete_before(now - self._settings.candidates, candidates=True)
        self._prune(now=now, evaluations=self._settings.evaluations)
        logger.info("retention done mentions=%d candidates=%d", mentions, candidates)
        return mentions + candidates
