"""When no visits begin: what they would bring could not be taken in."""

import asyncio
import logging
import shutil
from collections.abc import Callable

from config.settings import CrawlSettings
from domain.ports import Inbox

__all__ = ["Brake", "disk_free"]

logger = logging.getLogger(__name__)

_INBOX_RELEASE = 0.8
_DISK_RELEASE = 1.1


def disk_free(path: str) -> int:
    """Return the free bytes of the disk that holds a path."""
    return shutil.disk_usage(path).free


class Brake:
    """Holds visits back while the inbox is over its limit, the disk nearly full or the store silent.

    It lets go only below 80 % of the inbox's limit and above 110 % of the disk's, so that
    visits do not start and stop with every batch.

    Args:
        limits: The limits.
        folder: Path on the disk that is watched.
        inbox: Where posts go.
        free: Returns the free bytes of the disk that holds a path.
    """

    def __init__(self, limits: CrawlSettings, folder: str, inbox: Inbox, free: Callable[[str], int]) -> None:
        self._limits, self._folder, self._inbox, self._free = limits, folder, inbox, free
        self._full = self._tight = False
        self.why = ""
        """Why visits are held back since the last look, in words for the operator; empty = they are not."""

    async def look(self) -> bool:
        """Look again and say whether visits are held back; each change is logged once."""
        why = await self._reason()
        if (why == "") != (self.why == ""):
            logger.warning("visits pause reason=%s", why) if why else logger.info("visits go on")
        self.why = why
        return bool(why)

    async def _reason(self) -> str:
        try:
            depth, free = await asyncio.to_thread(lambda: (self._inbox.depth(), self._free(self._folder)))
        except Exception as err:  # noqa: BLE001  # border of one round: the store may come back
            return f"store does not answer: {type(err).__name__}"
        inbox, disk = self._limits.inbox_limit, self._limits.disk_free_bytes
        self._full = depth > inbox * (_INBOX_RELEASE if self._full else 1.0)
        self._tight = free < disk * (_DISK_RELEASE if self._tight else 1.0)
        if self._full:
            return f"visits pause: the inbox holds {depth:,} rows, limit {inbox:,}"
        return f"visits pause: {free / 1e6:,.0f} MB free on the disk, limit {disk / 1e6:,.0f} MB" if self._tight else ""
