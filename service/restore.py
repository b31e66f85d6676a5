"""`tingfeng restore`: puts a backup in place of what is there, never over it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from config.settings import Settings
from domain.query import MatchAll
from service import wiring
from service.backup import SETTINGS_COPY
from service.clock import running_clock
from service.errors import ServiceError, UsageError
from service.lock import RoleLocks
from service.progress import progress
from service.role import ROLES
from service.unfinished import UNFINISHED
from storage.backup.manifest import Manifest, read_manifest, sync
from storage.backup.put_back import build_mentions, build_state, fill_mentions, fill_state, refuse_newer
from storage.state.database import Database
from storage.state.dump import is_empty
from storage.state.engine import sqlite_path
from storage.state.revive import Revived, revive

__all__ = ["ASIDE", "put_back"]

ASIDE = "before-restore-"
"""Start of the name of the folder that keeps what was there."""
_BUILT = ".restore"
Say = Callable[[str], None]


@dataclass(slots=True)
class _Restore:
    """One restore on its way."""

    settings: Settings
    backup: Path
    manifest: Manifest
    now: datetime
    tell_within: timedelta
    built: dict[Path, Path] = field(default_factory=dict)
    """Where each file shall lie, by where it was made."""


def put_back(
    settings: Settings,
    backup: Path,
    say: Say,
    *,
    force: bool = False,
    tell_within: timedelta = timedelta(days=1),
    now: datetime | None = None,
) -> int:
    """Restore both stores from a backup; returns 0.

    Args:
        settings: where the stores shall be; their kinds may differ from the backup's.
        backup: folder that `tingfeng backup` wrote.
        say: prints a line for people.
        force: move what lies in the data folder aside first; nothing is deleted.
        tell_within: an unfinished message that was queued longer ago is not sent any more.
        now: the present moment, UTC; None = the clock's.

    Raises:
        BusyError: a service runs on the data folder.
        UsageError: the data folder, database or index is not empty.
        storage.errors.DamagedError: the backup is damaged; the message names the file.
        storage.errors.SchemaError: a newer program made the backup.
        ServiceError: the data folder cannot be written.
    """
    if settings.storage.mentions == "memory":
        raise UsageError("storage.mentions: memory keeps nothing; use sqlite or elasticsearch")
    manifest = read_manifest(backup)
    refuse_newer(manifest)
    wiring.prepare_data_dir(settings.data_dir)
    locks = RoleLocks(settings.data_dir, ROLES)
    locks.take(wait_s=0)
    try:
        moment = now or running_clock(settings.data_dir).now()
        work = _Restore(settings, backup, manifest, moment, tell_within)
        return _run(work, say, force=force)
    except OSError as err:
        raise ServiceError(f"{err.filename or settings.data_dir} cannot be written: {err.strerror}") from err
    finally:
        locks.release()


def _run(work: _Restore, say: Say, *, force: bool) -> int:
    there = sorted(path.name for path in _in_the_way(work.settings))
    if there and not force:
        raise UsageError(
            f"{work.settings.data_dir} is not empty ({', '.join(there[:5])}): "
            f"name an empty data_dir, or add --force, which moves all of it to {ASIDE}…, deleting nothing"
        )
    marker = work.settings.data_dir / UNFINISHED
    marker.write_text(f"{work.backup.absolute()}\n", encoding="utf-8")
    sync(work.settings.data_dir)
    revived = _restore_state(work)
    _restore_mentions(work)
    aside = _move_aside(work.settings, work.now)
    for built, final in work.built.items():
        built.replace(final)
        sync(final.parent)
    marker.unlink()
    sync(work.settings.data_dir)
    _say_done(work, revived, aside, say)
    return 0


def _restore_state(work: _Restore) -> Revived:
    final = sqlite_path(wiring.state_url(work.settings))
    if final is not None:
        built = _place(work, final)
        database = build_state(work.backup, work.manifest, built)
    else:
        database = Database(wiring.state_url(work.settings))
    try:
        if final is None:
            if not is_empty(database):
                raise UsageError("the state database is not empty: make an empty one and name it in storage.state")
            fill_state(work.backup, work.manifest, database)
        return revive(database, now=work.now, backup_at=work.manifest.made_at, tell_within=work.tell_within)
    finally:
        database.close()
        if final is not None:
            _fold_log(built)


def _restore_mentions(work: _Restore) -> None:
    total = work.manifest.mention_count
    with progress("mentions", total) as advance:
        if work.settings.storage.mentions == "sqlite":
            built = _place(work, work.settings.data_dir / "mentions.db")
            build_mentions(work.backup, work.manifest, built, advance)
            _fold_log(built)
            return
        store = wiring.open_elastic(work.settings)
        try:
            if store.count(MatchAll(), now=work.now):
                raise UsageError(
                    f"Elasticsearch holds mentions under {store.indices.alias} already: "
                    "delete those indices, or name another storage.index_prefix"
                )
            fill_mentions(work.backup, work.manifest, lambda part: store.load(part, now=work.now), advance)
            if (found := store.count(MatchAll(), now=work.now)) != total:
                raise ServiceError(
                    f"{found} mentions are in Elasticsearch, {total} in the backup: somebody writes there"
                )
        finally:
            store.close()


def _place(work: _Restore, final: Path) -> Path:
    """Return where to make a file, an earlier try removed."""
    built = final.with_name(final.name + _BUILT)
    for old in built.parent.glob(f"{built.name}*"):
        old.unlink()
    work.built[built] = final
    return built


def _fold_log(path: Path) -> None:
    """Leave one whole file, without a log beside it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for left in (f"{path}-wal", f"{path}-shm", f"{path}.lock"):
        Path(left).unlink(missing_ok=True)
    sync(path)


def _in_the_way(settings: Settings) -> Iterator[Path]:
    """Yield what lies where the restored files shall be."""
    for path in settings.data_dir.iterdir():
        ours = path.name == UNFINISHED or path.name.startswith(ASIDE) or path.name.endswith(".lock")
        if not ours and _BUILT not in path.name:
            yield path
    state = sqlite_path(wiring.state_url(settings))
    if state is not None and state.parent.absolute() != settings.data_dir.absolute():
        yield from (path for path in state.parent.glob(f"{state.name}*") if path.name in _names(state))


def _names(path: Path) -> tuple[str, ...]:
    return (path.name, f"{path.name}-wal", f"{path.name}-shm")


def _move_aside(settings: Settings, now: datetime) -> Path | None:
    old = list(_in_the_way(settings))
    if not old:
        return None
    aside = settings.data_dir / f"{ASIDE}{now:%Y%m%dT%H%M%SZ}"
    aside.mkdir(mode=0o700)
    for path in old:
        os.rename(path, aside / path.name)
    sync(aside)
    return aside


def _say_done(work: _Restore, revived: Revived, aside: Path | None, say: Say) -> None:
    manifest, rows = work.manifest, dict(work.manifest.rows)
    say(
        f"restored what was there at {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC: {manifest.mention_count} mentions, "
        f"{rows.get('incidents', 0)} incidents, {rows.get('deliveries', 0)} messages, "
        f"{rows.get('inbox', 0)} posts in the inbox"
    )
    if revived.uncertain:
        say(f"{revived.uncertain} messages may have gone out since: looked up, or sent once more with a mark")
    if revived.too_old:
        say(f"{revived.too_old} messages are older than the limit: not sent, listed as dropped")
    if aside is not None:
        say(f"what was there before is in {aside}; delete it when you are sure")
    if (work.backup / SETTINGS_COPY).exists():
        say(f"the settings of that time are in {work.backup / SETTINGS_COPY}; they were not put in place")
    say("next: tingfeng doctor, then tingfeng run; run the erasures again that were asked for since")
