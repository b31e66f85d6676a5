"""Worker processes that tag, so that the caller's event loop never blocks."""

import logging
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Final, Self

from analysis.errors import WorkerError
from analysis.tagger import Tagger, TaggerSettings
from domain.mention import Mention

__all__ = ["TaggerPool"]

logger = logging.getLogger(__name__)

DEFAULT_TIMEOUT_S: Final = 120.0

_tagger: Tagger | None = None


def _prepare(settings: TaggerSettings) -> None:
    """Build the tagger of a new worker process and warm its model up."""
    global _tagger
    _tagger = Tagger(settings)
    _tagger.warm_up()


def _tag(mentions: Sequence[Mention]) -> list[Mention]:
    if _tagger is None:
        raise WorkerError("tagging worker: its settings were never loaded")
    return _tagger.tag(mentions)


class TaggerPool:
    """Tags batches in worker processes of its own (started afresh, never forked).

    A worker that dies fails the batch it had with `WorkerError`; the next call starts a
    new pool. Use as a context manager, or call `close`.
    """

    def __init__(self, settings: TaggerSettings, *, n_workers: int = 1) -> None:
        """Keep the settings; processes start at the first batch.

        Args:
            settings: what the taggers work by.
            n_workers: processes, at least 1.
        """
        self._settings = settings
        self._n_workers = max(1, n_workers)
        self._executor: ProcessPoolExecutor | None = None

    def submit(self, mentions: Sequence[Mention]) -> "Future[list[Mention]]":
        """Hand a batch to a worker; the future holds the tagged mentions in order.

        `asyncio.wrap_future` makes it awaitable.

        Raises:
            WorkerError: no process can be started.
        """
        try:
            return self._running().submit(_tag, tuple(mentions))
        except (BrokenProcessPool, OSError) as err:
            self._discard()
            raise WorkerError("tagging workers cannot be started; check memory and process limits") from err

    def tag(self, mentions: Sequence[Mention], *, timeout_s: float = DEFAULT_TIMEOUT_S) -> list[Mention]:
        """Tag a batch and wait for it; for callers that may block.

        Raises:
            WorkerError: the worker died or took longer than `timeout_s`.
            ModelError: the sentiment weights cannot be read.
        """
        if not mentions:
            return []
        future = self.submit(mentions)
        try:
            return future.result(timeout=timeout_s)
        except BrokenProcessPool as err:
            self._discard()
            raise WorkerError(f"a tagging worker died in a batch of {len(mentions)}; try it again") from err
        except TimeoutError as err:
            self._discard()
            raise WorkerError(f"a batch of {len(mentions)} was not tagged within {timeout_s:g} s") from err

    def close(self) -> None:
        """Stop the workers; waits for the batch in hand."""
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._executor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _running(self) -> ProcessPoolExecutor:
        if self._executor is None:
            self._executor = ProcessPoolExecutor(
                max_workers=self._n_workers,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_prepare,
                initargs=(self._settings,),
            )
            logger.info("tagging workers started workers=%d", self._n_workers)
        return self._executor

    def _discard(self) -> None:
        """Give a broken or stuck pool up, its processes killed."""
        executor, self._executor = self._executor, None
        if executor is None:
            return
        for process in list((executor._processes or {}).values()):
            process.kill()
        executor.shutdown(wait=False, cancel_futures=True)
