"""Begins what is due besides the sources, and tells the books what became of it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import TypeVar

from crawlers.errand import Errand, ErrandBook
from crawlers.job import VisitResult
from domain.clock import Clock

__all__ = ["ErrandRun"]

logger = logging.getLogger(__name__)

T = TypeVar("T")


class ErrandRun:
    """The errands of one crawl process.

    Args:
        books: Where errands come from, the most urgent first.
        clock: Domain time.
        is_open: Says whether an errand's road is free and open.
        visit: Does an errand and returns what it came to.
    """

    def __init__(
        self,
        books: Sequence[ErrandBook],
        clock: Clock,
        *,
        is_open: Callable[[Errand, datetime], bool],
        visit: Callable[[Errand], Awaitable[VisitResult]],
    ) -> None:
        self._books = tuple(books)
        self._clock = clock
        self._is_open = is_open
        self._visit = visit
        self._under_way: set[str] = set()
        # One thread for all books: they read many mentions at once, and each thread keeps what its largest read took.
        self._thread = ThreadPoolExecutor(1, "errands")
        self.crashes = 0
        """Errands that ended in an error of ours since the start."""

    async def begin(self, now: datetime, room: Callable[[], int]) -> AsyncIterator[tuple[asyncio.Task[None], Errand]]:
        """Begin what is due and whose road is free, and yield it; the rest is given back.

        Args:
            now: Present moment, UTC.
            room: Returns how many visits may begin.
        """
        for book in self._books:
            if room() <= 0:
                return
            try:
                due = await self._in_thread(book.due, now, room())
            except Exception as err:  # noqa: BLE001  # border of one book: the store may come back, the others go on
                logger.warning("errands not looked at book=%s error=%s", type(book).__name__, err)
                continue
            for errand in due:
                if errand.key in self._under_way or not self._is_open(errand, now):
                    await self._tell(book, errand, None)
                    continue
                self._under_way.add(errand.key)
                task = asyncio.create_task(self._do(book, errand), name=f"errand {errand.key}")
                task.add_done_callback(partial(self._ended, errand.key))
                yield task, errand

    async def _in_thread(self, call: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments)

    def _ended(self, key: str, _task: asyncio.Task[None]) -> None:
        self._under_way.discard(key)

    async def _do(self, book: ErrandBook, errand: Errand) -> None:
        """Do one errand; whatever happens, its book hears of it."""
        result: VisitResult | None = None
        try:
            result = await self._visit(errand)
        except Exception:  # border of one errand
            self.crashes += 1
            logger.exception("errand crashed key=%s", errand.key)
        await self._tell(book, errand, result)

    async def _tell(self, book: ErrandBook, errand: Errand, result: VisitResult | None) -> None:
        try:
            await self._in_thread(book.done, errand, result, self._clock.now())
        except Exception:  # border of one errand: its lease runs out and it is due again
            logger.exception("errand not noted key=%s", errand.key)
