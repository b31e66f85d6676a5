"""What a failing source really answered, kept for who has to find out why (contracts: crawling, section 7).

Bodies of public pages may hold names of people: they are readable for the service's own
user alone, few, and gone after a week.
"""

import gzip
import hashlib
import logging
import os
from datetime import datetime, timedelta
from pathlib import Path

from crawlers.base import Response
from domain.clock import Clock
from domain.outcome import FetchOutcome

__all__ = ["EvidenceBox", "evidence_name"]

logger = logging.getLogger(__name__)

_MAX_BODY = 1_000_000
_SWEEP = timedelta(hours=1)


def evidence_name(source: str, outcome: FetchOutcome) -> str:
    """Return the file name for a source and an outcome: a hash, never anything from outside."""
    return hashlib.sha256(f"{source}\n{outcome.value}".encode("utf-8", "surrogatepass")).hexdigest()[:32] + ".gz"


class EvidenceBox:
    """Keeps the first failing answer of each row of failures, one file for each source and outcome.

    Args:
        folder: Where the files lie; made with mode 0700 at the first failure.
        clock: Domain time.
        files: Most files.
        total_bytes: Most bytes of all files together; the oldest go first.
        age: How long a file is kept.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        files: int = 200,
        total_bytes: int = 20_000_000,
        age: timedelta = timedelta(days=7),
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._files = files
        self._total_bytes = total_bytes
        self._age = age
        self._kept: dict[str, set[FetchOutcome]] = {}
        self._swept: datetime | None = None

    def keep(self, source: str, outcome: FetchOutcome, response: Response) -> None:
        """Keep at most a megabyte of a failing body, gzip'd; later ones of the same row of failures are not kept.

        A disk that refuses costs the evidence, never the visit.
        """
        kept = self._kept.setdefault(source, set())
        if outcome in kept or not response.body:
            return
        kept.add(outcome)
        name = evidence_name(source, outcome)
        try:
            self._write(name, gzip.compress(response.body[:_MAX_BODY], 6, mtime=0), response.now)
            self._bound()
        except OSError as err:
            logger.warning("evidence not kept source=%s error=%s", source, err.strerror)
            return
        logger.info("evidence kept source=%s outcome=%s file=%s", source, outcome.value, name)

    def forget(self, source: str) -> None:
        """Note that a source answers again: its next failure is the first of a new row."""
        self._kept.pop(source, None)

    @property
    def sweep_due(self) -> bool:
        """An hour of domain time has passed since the last sweep."""
        return self._swept is None or self._clock.now() - self._swept >= _SWEEP

    def sweep(self) -> None:
        """Remove files that are too old."""
        self._swept = self._clock.now()
        try:
            self._bound()
        except OSError as err:
            logger.warning("evidence not swept error=%s", err.strerror)

    def _write(self, name: str, raw: bytes, at: datetime) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = self._folder / f"{name}.{os.getpid()}.part"
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(raw)
        os.utime(part, (at.timestamp(), at.timestamp()))
        part.replace(self._folder / name)

    def _bound(self) -> None:
        """Remove what is too old, too much or a left-over of a crash; the newest stay."""
        if not self._folder.is_dir():
            return
        with os.scandir(self._folder) as entries:
            # What people add by hand lies in a folder below and is not ours to remove.
            files = [entry for entry in entries if not entry.is_dir(follow_symlinks=False)]
            found = [(entry.stat(follow_symlinks=False), entry.path) for entry in files]
        oldest = (self._clock.now() - self._age).timestamp()
        total = 0
        for number, (stat, path) in enumerate(sorted(found, key=lambda each: -each[0].st_mtime), 1):
            total += stat.st_size
            if stat.st_mtime < oldest or number > self._files or total > self._total_bytes:
                Path(path).unlink(missing_ok=True)
