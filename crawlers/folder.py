"""A file or a watched folder that the operator drops posts into."""

import logging
import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from config.settings import SourceSettings
from crawlers.importer import BadLine, read_posts
from domain.mention import Post

__all__ = ["DropFolder"]

logger = logging.getLogger(__name__)

_SUFFIXES = frozenset({".ndjson", ".jsonl", ".csv"})
_SETTLED_S = 5.0
_MAX_PROBLEMS = 1_000


class DropFolder:
    """Finds files that are ready and remembers those that were taken.

    A file is ready when it looks the same as at the last look, or was last written more
    than five seconds ago. A taken file of a folder moves to `done/` beside it; where that
    is not possible, and for a single file, its inode, size and time are remembered.

    Args:
        source: The source, whose options hold `path`.
        taken: Signature of the single file that was taken last; None = none.
    """

    def __init__(self, source: SourceSettings, *, taken: str | None) -> None:
        self._path = Path(getattr(source.options, "path", "") or "")
        self.taken = taken
        """Signature of the file that was taken last; None = none."""
        self.problem = ""
        """Why nothing can be read; empty = it can."""
        self.waiting = False
        """A file was still growing at the last look."""
        self.refused = 0
        """Links, pipes and the like that the last look saw for the first time; they are never read."""
        self.bad_lines = 0
        """Lines of the present file that could not be read."""
        self._refused: set[str] = set()
        self._last: dict[str, str] = {}
        self._done: set[str] = {taken} if taken else set()
        self._problems: list[str] = []

    def look(self) -> list[str]:
        """Return the paths of files that are ready, oldest first."""
        self.problem, self.waiting, self.refused = "", False, 0
        try:
            files = self._files()
        except OSError as err:
            self.problem = f"cannot read the import path: {err.strerror}"
            return []
        ready: list[tuple[float, str]] = []
        seen: dict[str, str] = {}
        for path, stat in files:
            signature = _signature(stat)
            seen[path] = signature
            settled = time.time() - stat.st_mtime > _SETTLED_S
            if signature not in self._done and (settled or self._last.get(path) == signature):
                ready.append((stat.st_mtime, path))
        waiting = {path for path, signature in seen.items() if signature not in self._done}
        self.waiting = bool(waiting - {path for _, path in ready})
        self._last = seen
        return [path for _, path in sorted(ready)]

    def _files(self) -> list[tuple[str, os.stat_result]]:
        if self._path.is_file():
            return [(str(self._path), self._path.stat())]
        found = []
        with os.scandir(self._path) as entries:
            for entry in entries:
                if Path(entry.name).suffix.lower() not in _SUFFIXES or entry.name.startswith("."):
                    continue
                if entry.is_file(follow_symlinks=False):
                    found.append((entry.path, entry.stat(follow_symlinks=False)))
                elif entry.name not in self._refused and len(self._refused) < _MAX_PROBLEMS:
                    self._refused.add(entry.name)
                    self.refused += 1
        return found

    def batches(self, path: str, size: int, *, now: datetime) -> Iterator[list[Post]]:
        """Read a file in batches of at most `size` posts; bad lines are kept for `finish`."""
        self._problems, self.bad_lines = [], 0
        batch: list[Post] = []
        for entry in read_posts(Path(path), now=now):
            if isinstance(entry, BadLine):
                self.bad_lines += 1
                if len(self._problems) < _MAX_PROBLEMS:
                    self._problems.append(f"{Path(path).name}:{entry.number}: {entry.problem}")
                continue
            batch.append(entry)
            if len(batch) >= size:
                yield batch
                batch = []
        if batch:
            yield batch

    def finish(self, path: str) -> list[str]:
        """Remember a file as taken and return its problems, in order of the lines."""
        file = Path(path)
        signature = self._last.get(path, "")
        self._done.add(signature)
        self.taken = signature
        if file != self._path:
            try:
                _move(file)
            except OSError as err:
                logger.warning("imported file stays where it is file=%s error=%s", file.name, err.strerror)
        return self._problems


def _signature(stat: os.stat_result) -> str:
    return f"{stat.st_ino}:{stat.st_size}:{stat.st_mtime_ns}"


def _move(file: Path) -> None:
    folder = file.parent / "done"
    folder.mkdir(exist_ok=True)
    target = folder / file.name
    number = 1
    while target.exists():
        target = folder / f"{file.stem}-{number}{file.suffix}"
        number += 1
    file.rename(target)
