"""`tingfeng backup`: both stores in one folder, while the service runs."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from config.settings import Settings
from service import wiring
from service.clock import running_clock
from service.errors import ServiceError, UsageError
from service.progress import copying
from storage.backup.manifest import Manifest, sync
from storage.backup.take import Parts, take

__all__ = ["SETTINGS_COPY", "back_up"]

SETTINGS_COPY = "tingfeng.yaml"
Say = Callable[[str], None]


def back_up(
    settings: Settings, target: Path, say: Say, *, with_config: bool = False, now: datetime | None = None
) -> int:
    """Write a backup of both stores; returns 0. The folder appears whole or not at all.

    Args:
        settings: where the stores are.
        target: folder to be made, outside of the data folder.
        say: prints a line for people.
        with_config: copy the settings file too; files with secrets that it names are never copied.
        now: the present moment, UTC; None = the clock's.

    Raises:
        UsageError: the target is there already, or lies in the data folder.
        storage.errors.DamagedError: a store is damaged; there is no backup of it.
        storage.errors.StoreError: a store cannot be read now.
        ServiceError: the target cannot be written.
    """
    target = target.absolute()
    _refuse_target(target, settings)
    try:
        moment = now or running_clock(settings.data_dir).now()
        manifest = _take(settings, target, moment, with_config=with_config)
    except OSError as err:
        raise ServiceError(f"backup {target} cannot be written: {err.strerror or err}") from err
    rows = dict(manifest.rows)
    size = sum(note.size_bytes for note in manifest.files)
    say(
        f"backup {target}: {manifest.mention_count} mentions, {rows.get('incidents', 0)} incidents, "
        f"{rows.get('deliveries', 0)} messages, {rows.get('inbox', 0)} posts in the inbox, {size / 1e6:.1f} MB, checked"
    )
    return 0


def _take(settings: Settings, target: Path, now: datetime, *, with_config: bool) -> Manifest:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))  # mode 0700
    try:
        if with_config:
            shutil.copyfile(settings.path, part / SETTINGS_COPY)
        with ExitStack() as stack:
            tell = stack.enter_context(copying())
            parts = _parts(settings, stack)
            manifest = take(parts, part, now=now, version=importlib.metadata.version("tingfeng"), advance=tell)
        if target.exists():
            target.rmdir()  # an empty folder, else this fails
        part.rename(target)
        sync(target.parent)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return manifest


def _parts(settings: Settings, stack: ExitStack) -> Parts:
    url = wiring.state_url(settings)
    if settings.storage.mentions == "elasticsearch":
        store = wiring.open_elastic(settings)
        stack.callback(store.close)
        return Parts(state=url, mentions=store.walk)
    return Parts(state=url, mentions=settings.data_dir / "mentions.db")


def _refuse_target(target: Path, settings: Settings) -> None:
    if settings.storage.mentions == "memory":
        raise UsageError("storage.mentions: memory keeps nothing that could be copied; use sqlite or elasticsearch")
    if target.is_relative_to(settings.data_dir.absolute()):
        raise UsageError(f"{target} lies in data_dir: a backup belongs on another disk, at least in another folder")
    if target.exists() and (not target.is_dir() or any(os.scandir(target))):
        raise UsageError(f"{target} is already here: name a new folder for each backup")
