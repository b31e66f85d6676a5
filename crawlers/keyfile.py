"""Credentials in files: a new one is taken as soon as the file changes, without a restart."""

import asyncio
import logging
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from domain.secret import Secret

__all__ = ["KeyFiles"]

logger = logging.getLogger(__name__)

_MAX_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class _Read:
    """A file as it was read last."""

    version: tuple[int, int, int]
    """Time of change, size and number of the file."""
    text: str | None
    """What it holds; None = nothing usable."""


class KeyFiles:
    """What lies in the files that secrets were read from."""

    def __init__(self) -> None:
        self._read: dict[Path, _Read] = {}
        self._locks: defaultdict[Path, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def current(self, secret: Secret) -> str:
        """Return a secret as it is now: that of its file, or the one before while the file holds none."""
        path = secret.path
        if path is None:
            return secret.reveal()
        async with self._locks[path]:  # one look at a time, however many visits ask
            before = self._read.get(path)
            found = await asyncio.to_thread(_look, path, before)
            if found is not before:
                self._read[path] = found
                if before is not None:
                    say = logger.info if found.text else logger.warning
                    say("credential file read again file=%s usable=%s", path, found.text is not None)
            if found.text is None and before is not None and before.text is not None:
                self._read[path] = found = _Read(found.version, before.text)
            return found.text or secret.reveal()


def _look(path: Path, before: _Read | None) -> _Read:
    """Return what a file holds; `before` itself where it has not changed."""
    try:
        stat = path.stat()
        version = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if before is not None and before.version == version:
            return before
        content = path.read_bytes()[: _MAX_BYTES + 1]
        text = content.decode("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        version = (0, 0, 0)
        return before if before is not None and before.version == version else _Read(version, None)
    return _Read(version, text if text and len(content) <= _MAX_BYTES else None)
