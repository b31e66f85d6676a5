"""Visits to a drop folder: what partners and people put there is taken in, file by file."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from config.settings import SourceSettings
from crawlers.folder import DropFolder
from crawlers.ledger import Finding, joined, newest
from domain.clock import Clock
from domain.mention import Post
from domain.outcome import Drop, FetchOutcome
from domain.source import VisitState

__all__ = ["DropVisits"]

logger = logging.getLogger(__name__)

_BATCH = 500
_LOOK_AGAIN = timedelta(seconds=10)

Append = Callable[[SourceSettings, Sequence[Post], bool], tuple[int, Mapping[Drop, int]]]
"""Takes posts in, as history or not; returns how many were new and what was let go."""


class DropVisits:
    """Looks into the drop folders of a process.

    Args:
        append: Takes posts in.
        clock: Domain time.
    """

    def __init__(self, append: Append, clock: Clock) -> None:
        self._append = append
        self._clock = clock
        self._folders: dict[str, DropFolder] = {}

    async def look(self, source: SourceSettings, state: VisitState, begun: datetime) -> Finding:
        """Take in the files that are ready.

        Args:
            source: The folder's source.
            state: Its state.
            begun: When the visit began, UTC.
        """
        folder = self._folders.setdefault(source.name, DropFolder(source, taken=state.etag))
        found = Finding(begun_at=begun, ended_at=begun, outcome=FetchOutcome.EMPTY, etag=state.etag)
        for look in await asyncio.to_thread(folder.look):
            part = await asyncio.to_thread(self._take_file, source, folder, look, state.posts_seen == 0, begun)
            found = joined(found, part)
        if folder.problem:
            found = replace(found, outcome=FetchOutcome.ERROR, detail=folder.problem)
        if folder.refused:
            logger.warning("import passes over what is no plain file source=%s number=%d", source.name, folder.refused)
            found = replace(found, drops=Counter(found.drops) + Counter({Drop.UNREADABLE: folder.refused}))
        return replace(found, ended_at=self._clock.now(), look_again=_LOOK_AGAIN if folder.waiting else None)

    def _take_file(
        self, source: SourceSettings, folder: DropFolder, path: str, backfill: bool, begun: datetime
    ) -> Finding:
        seen = new = 0
        drops: Counter[Drop] = Counter()
        newest_at: datetime | None = None
        for posts in folder.batches(path, _BATCH, now=self._clock.now()):
            added, dropped = self._append(source, posts, backfill)
            new += added
            drops.update(dropped)
            seen += len(posts)
            newest_at = max((at for at in (newest_at, newest(posts, self._clock.now())) if at), default=None)
        problems = folder.finish(path)
        if problems:
            drops[Drop.UNREADABLE] += folder.bad_lines
            logger.warning("import has bad lines source=%s bad=%d first=%s", source.name, folder.bad_lines, problems[0])
        outcome = FetchOutcome.OK if seen else FetchOutcome.PARSE_ERROR if problems else FetchOutcome.EMPTY
        detail = f"{folder.bad_lines} bad lines, first: {problems[0]}" if problems else ""
        return Finding(
            begun_at=begun, ended_at=begun, outcome=outcome, detail=detail[:300], pages=1, seen=seen, new=new,
            drops=drops, newest_at=newest_at, etag=folder.taken,
        )  # fmt: skip
