"""What is looked at before a start after a crash: whole files, and whether the two stores still belong together."""

import logging
from collections.abc import Callable
from datetime import datetime

from config.settings import Settings
from domain.query import MatchAll
from service import wiring
from storage.backup.snapshot import check_file
from storage.lock import RESTORE
from storage.state.engine import sqlite_path

__all__ = ["check_files", "find_lost"]

logger = logging.getLogger(__name__)

_NEWEST = 500


def check_files(settings: Settings) -> None:
    """Read every page of the SQLite files that are there.

    Raises:
        storage.errors.DamagedError: one is damaged; the message says what was found and what to do.
    """
    state = sqlite_path(wiring.state_url(settings))
    mentions = settings.data_dir / "mentions.db" if settings.storage.mentions == "sqlite" else None
    for path in (state, mentions):
        if path is not None and path.is_file() and path.stat().st_size:
            check_file(path, deep=False)


def find_lost(stores: wiring.Stores, settings: Settings, *, now: datetime, say: Callable[[str], None]) -> int:
    """Compare the newest posts that the state has acknowledged with the mention store; return how many are missing.

    A state that knows none of the stored mentions counts as one.
    They are forgotten in the state, so that what the sources still show is collected again.
    """
    since = now - min(settings.retention.mentions, settings.retention.candidates)
    newest = stores.state.acknowledged(since=since, limit=_NEWEST)
    there = stores.mentions.get(newest)
    if not newest and _knows_nothing(stores, now):
        say(f"the state knows nothing of the mentions that are stored: it was lost or is another one; {RESTORE}")
        return 1
    lost = [id for id in newest if id not in there]
    if lost:
        stores.state.forget(lost)
        logger.error("stored mentions are missing count=%d of=%d newest=%s", len(lost), len(newest), lost[0])
        say(
            f"{len(lost)} of the last {len(newest)} stored posts are missing in the mention store, such as {lost[0]}: "
            "its log was lost, or an older copy was put there. Sources that still show them bring them back; "
            "for the rest restore the last backup"
        )
    return len(lost)


def _knows_nothing(stores: wiring.Stores, now: datetime) -> bool:
    stored = [mention.id for mention in stores.mentions.search(MatchAll(), now=now, limit=10).mentions]
    return bool(stored) and not stores.inbox.known(stored) and not stores.inbox.depth()
