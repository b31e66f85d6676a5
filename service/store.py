"""`tingfeng store`: set Elasticsearch up, move the mentions there, rebuild indices."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from config.settings import Settings
from domain.query import MatchAll
from service import wiring
from service.clock import running_clock
from service.errors import ServiceError
from service.lock import RoleLocks
from service.progress import progress
from service.role import ROLES

if TYPE_CHECKING:
    from storage.mentions.elastic.store import ElasticMentions
    from storage.mentions.sqlite import SqliteMentions

__all__ = ["migrate", "rebuild", "set_up"]

CHUNK = 2_000
SAMPLE = 500
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """How far a migration came."""

    target: str
    """Address and prefix it goes to."""
    row: int
    """Last row of the old store that is stored and searchable in the new one."""


def set_up(settings: Settings, say: Say) -> int:
    """Write the index template; returns 0.

    Raises:
        storage.errors.StoreError: not allowed, or the cluster does not answer.
    """
    store = wiring.open_elastic(settings)
    try:
        store.indices.setup()
        say(f"index template {store.indices.alias} is in place; its indices come by themselves, one per month")
        return 0
    finally:
        store.close()


def migrate(settings: Settings, say: Say, *, source: Path | None = None, chunk: int = CHUNK) -> int:
    """Move the mentions of a SQLite store to Elasticsearch; returns 0 if both are the same then.

    Stopped or killed at any moment, the same command goes on where it was. The old store
    stays as it is.

    Args:
        settings: settings whose mention store is Elasticsearch.
        say: prints a line for people.
        source: data folder with the old store; None = `data_dir` of the settings.
        chunk: mentions that are stored, made searchable and marked together.

    Raises:
        BusyError: the service runs on the folder.
        UsageError: the settings name no Elasticsearch, or there is no old store.
        storage.errors.StoreError: a store did not answer; run the command again.
    """
    folder = source or settings.data_dir
    old = wiring.open_sqlite(folder)
    locks = RoleLocks(folder, ROLES)
    locks.take(wait_s=0)
    try:
        new = wiring.open_elastic(settings)
        try:
            moved = _move(old, new, _mark_path(folder), _target(settings), running_clock(folder).now(), chunk)
            say(f"moved {moved} mentions")
            return _compare(old, new, say, running_clock(folder).now())
        finally:
            new.close()
    finally:
        locks.release()
        old.close()


def _move(old: SqliteMentions, new: ElasticMentions, path: Path, target: str, now: datetime, chunk: int) -> int:
    row = _read_mark(path, target)
    total = old.count(MatchAll(), now=now)
    moved = 0
    with progress("mentions", total) as advance:
        advance(total - old.left(row))
        while part := old.walk(row, chunk):
            new.load(part, now=now)
            row = part[-1].row
            _write_mark(path, _Mark(target=target, row=row))
            moved += len(part)
            advance(len(part))
    return moved


def _compare(old: SqliteMentions, new: ElasticMentions, say: Say, now: datetime) -> int:
    """Compare numbers by platform and kind, and sampled documents with their counters; 0 = the same."""
    problems: list[str] = []
    for field in ("platform", "kind", "brand", "sentiment"):
        before, after = (
            Counter({each.term: each.mentions for each in store.terms(MatchAll(), now=now, field=field, limit=1_000)})
            for store in (old, new)
        )
        problems += [
            f"{field} {term}: {before[term]} here, {after[term]} there"
            for term in sorted(before | after)
            if before[term] != after[term]
        ]
    total = old.count(MatchAll(), now=now)
    if total != (there := new.count(MatchAll(), now=now)):
        problems.append(f"all: {total} here, {there} there")
    sampled = _sample(old)
    kept, found = old.get(sampled), new.get(sampled)
    for id in sampled:
        if kept[id] != found.get(id) or old.engagement_history(id) != new.engagement_history(id):
            problems.append(f"{id} differs")
    for problem in problems[:20]:
        say(problem)
    if problems:
        say(f"{len(problems)} differences: {new.indices.alias} held other mentions, or one of the stores was in use")
        return 1
    say(f"the same: {total} mentions by platform, kind, brand and sentiment, and {len(sampled)} sampled documents")
    return 0


def _sample(old: SqliteMentions) -> list[str]:
    dice = random.Random(7)
    last = old.last_row()
    rows = sorted({dice.randrange(max(1, last)) for _ in range(SAMPLE)})
    return list(dict.fromkeys(str(walked.plain["id"]) for row in rows for walked in old.walk(row, 1)))


def rebuild(settings: Settings, say: Say, *, everything: bool = False) -> int:
    """Bring indices to the present mapping while the service runs; returns 0.

    Raises:
        storage.errors.StoreError: an index could not be rebuilt; it is as it was.
    """
    store = wiring.open_elastic(settings)
    try:
        store.indices.setup()
        indices = store.indices.all(fresh=True) if everything else store.reindexer.stale()
        for index in indices:
            total = int(store.client.count(index=index.name)["count"])
            with progress(index.name, total) as advance:
                found = store.reindexer.reindex(index, advance)
            say(f"{index.name}: {found} mentions")
        if not indices:
            say("every index has the present mapping")
        return 0
    finally:
        store.close()


def _target(settings: Settings) -> str:
    return f"{settings.storage.elasticsearch_url}/{settings.storage.index_prefix}"


def _mark_path(folder: Path) -> Path:
    return folder / "migrate-elasticsearch.json"


def _read_mark(path: Path, target: str) -> int:
    """Return the row to go on after; 0 = from the start, also where the target is another one."""
    try:
        mark = _Mark(**json.loads(path.read_text()))
    except FileNotFoundError:
        return 0
    except (OSError, ValueError, TypeError) as err:
        raise ServiceError(f"{path} cannot be read; delete it to start over ({err})") from err
    return mark.row if mark.target == target else 0


def _write_mark(path: Path, mark: _Mark) -> None:
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(asdict(mark), file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
