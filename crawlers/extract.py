"""Reads article pages off the event loop, in worker processes with a time limit."""

import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from crawlers.base import Parsed, Response
from crawlers.platforms.article import ArticlePage
from domain.outcome import FetchOutcome

__all__ = ["Extractor", "leave_without"]

logger = logging.getLogger(__name__)

_LIMIT_S = 20.0
_START_S = 40.0
_TASKS_PER_WORKER = 500
_LOOK_S = 2.0


def leave_without(parent: int, *, sleep: Callable[[float], None], leave: Callable[[int], object]) -> None:
    """Leave once `parent` is no longer our parent: a killed service must not leave workers behind."""
    while os.getppid() == parent:
        sleep(_LOOK_S)
    leave(1)


def _begin_worker(parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    watch = {"sleep": time.sleep, "leave": os._exit}
    threading.Thread(target=leave_without, args=(parent,), kwargs=watch, daemon=True).start()


def _parse_page(response: Response) -> Parsed:
    return ArticlePage().parse("article.page", response)


class Extractor:
    """Reads pages without blocking the loop.

    Args:
        workers: Processes for pages; 0 = threads.
        limit_s: Time limit of one page, real seconds; its worker is ended then.
    """

    def __init__(self, workers: int, limit_s: float = _LIMIT_S) -> None:
        self._workers = workers
        self._limit_s = limit_s
        self._free = asyncio.Semaphore(max(workers, 1))
        self._pool: ProcessPoolExecutor | None = None
        self._warm = False

    async def page(self, response: Response) -> Parsed:
        """Read one page; parse_error where that takes too long or kills the worker, twice."""
        async with self._free:  # the time limit is of the page, not of those that wait before it
            try:
                return await self._read(response)
            except BrokenProcessPool:
                # Perhaps the worker was ended because of another page.
                logger.warning("page extraction ended its worker url=%s", response.url)
            try:
                return await self._read(response)
            except BrokenProcessPool:
                return Parsed(outcome=FetchOutcome.PARSE_ERROR, detail="reading the page ended the worker")

    async def _read(self, response: Response) -> Parsed:
        """Read one page within the time limit.

        Raises:
            BrokenProcessPool: the worker ended; the next call begins with new ones.
        """
        pool = self._executor() if self._workers else None
        try:
            if pool is None:
                return await asyncio.wait_for(asyncio.to_thread(_parse_page, response), self._limit_s)
            future = asyncio.get_running_loop().run_in_executor(pool, _parse_page, response)
            parsed = await asyncio.wait_for(future, self._limit_s if self._warm else self._limit_s + _START_S)
            self._warm = True
            return parsed
        except TimeoutError:
            self._kill(pool)
            logger.warning("page extraction took too long url=%s limit_s=%s", response.url, self._limit_s)
            return Parsed(outcome=FetchOutcome.PARSE_ERROR, detail="reading the page took too long")
        except BrokenProcessPool:
            self._kill(pool)
            raise

    def _executor(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._workers,
                mp_context=get_context("spawn"),
                max_tasks_per_child=_TASKS_PER_WORKER,
                initializer=_begin_worker,
                initargs=(os.getpid(),),
            )
        return self._pool

    def _kill(self, pool: ProcessPoolExecutor | None) -> None:
        """End a pool's workers; new ones that another page has begun meanwhile stay."""
        if pool is None:
            return
        if pool is self._pool:
            self._pool, self._warm = None, False
        for process in list((getattr(pool, "_processes", None) or {}).values()):
            process.kill()
        pool.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """End the workers."""
        self._kill(self._pool)
