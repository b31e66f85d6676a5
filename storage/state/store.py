"""Open the state database and hand out its parts."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, select, union
from sqlalchemy.engine import URL

from domain.mention import Mention
from domain.moment import to_rfc3339
from storage.scrub import Erased
from storage.state.accounts import SqlAccounts
from storage.state.backfills import SqlBackfills
from storage.state.credentials import SqlCredentials
from storage.state.database import Database, chunked
from storage.state.desk import SqlDesk
from storage.state.engine import parse_url
from storage.state.erase import Author, erase, find_queued
from storage.state.figures import SqlFigures
from storage.state.hours import SqlHours
from storage.state.inbox import ERASED_HASH, SqlInbox, same_as
from storage.state.leases import SqlLeases
from storage.state.marks import SqlMarks
from storage.state.nonces import SqlNonces
from storage.state.prune import drop_texts, prune_rows
from storage.state.refreshes import SqlRefreshes
from storage.state.sites import SqlSites
from storage.state.stories import SqlStories
from storage.state.tables import DEAD_LETTERS, INBOX, SEEN, STORY_MEMBERS
from storage.state.trends import SqlTrends
from storage.state.upgrade import upgrade
from storage.state.visits import SqlVisits

__all__ = ["SEEN_LIFE", "State", "open_state"]

logger = logging.getLogger(__name__)

SEEN_LIFE = timedelta(days=400)
"""An id that no source showed for so long is forgotten."""
SITE_LIFE = timedelta(days=1)
"""A site that was not asked for so long is forgotten; no pace is longer."""
HOUR_LIFE = timedelta(days=36)
"""What came in an hour is compared with four weeks before."""
BACKFILL_LIFE = timedelta(days=90)
"""How a backfill ended is shown for so long."""
ACCOUNT_LIFE = timedelta(days=1_100)
"""Figures of accounts are kept for three years: rows are few, one a day."""
CREDENTIAL_LIFE = timedelta(days=400)
"""What became of a cookie so long ago is forgotten."""


class State:
    """The state database; one object per process, safe to use from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.inbox = SqlInbox(database)
        self.visits = SqlVisits(database)
        self.stories = SqlStories(database)
        self.desk = SqlDesk(database)
        self.figures = SqlFigures(database)
        self.leases = SqlLeases(database)
        self.sites = SqlSites(database)
        self.credentials = SqlCredentials(database)
        self.marks = SqlMarks(database)
        self.refreshes = SqlRefreshes(database)
        self.trends = SqlTrends(database)
        self.hours = SqlHours(database)
        self.backfills = SqlBackfills(database)
        self.nonces = SqlNonces(database)
        self.accounts = SqlAccounts(database)

    @property
    def dialect(self) -> str:
        """Name of the SQL dialect: sqlite or postgresql."""
        return self._database.dialect

    @property
    def url(self) -> URL:
        """Address of the database; its text hides the password."""
        return self._database.url

    def prune(
        self,
        *,
        now: datetime,
        evaluations: timedelta,
        dead_letters: timedelta = timedelta(days=90),
        messages: timedelta = timedelta(days=90),
        trends: timedelta = timedelta(days=30),
    ) -> None:
        """Forget what is too old to matter, a few rows at a time, and give the room back.

        Args:
            now: the present moment, UTC.
            evaluations: how long evaluations are kept.
            dead_letters: how long posts that were set aside are kept.
            messages: how long the texts of finished messages are kept; their rows stay.
            trends: how long lines of hot lists are kept after they have left.
        """
        database = self._database
        looks = self.desk.prune(before=now - evaluations)
        bands = self.stories.prune(now=now)
        self.sites.prune(before=now - SITE_LIFE)
        self.accounts.prune(before=now - ACCOUNT_LIFE)
        self.hours.prune(before=now - HOUR_LIFE)
        self.backfills.prune(before=now - BACKFILL_LIFE)
        self.credentials.prune(before=now - CREDENTIAL_LIFE)
        seen = prune_rows(database, SEEN, SEEN.c.last_seen_at < to_rfc3339(now - SEEN_LIFE))
        dead = prune_rows(database, DEAD_LETTERS, DEAD_LETTERS.c.at < to_rfc3339(now - dead_letters))
        texts = drop_texts(database, before=now - messages)
        lines = self.trends.prune(before=now - trends)
        database.give_back()
        logger.info(
            "state pruned evaluations=%d bands=%d seen=%d dead_letters=%d texts=%d trends=%d",
            looks,
            bands,
            seen,
            dead,
            texts,
            lines,
        )

    def acknowledged(self, *, since: datetime, limit: int) -> list[str]:
        """Return the ids of posts that must be in the mention store, newest first: linked, and no longer queued."""
        queued = union(select(INBOX.c.mention), select(DEAD_LETTERS.c.mention))
        wanted = (
            select(STORY_MEMBERS.c.mention)
            .join(SEEN, SEEN.c.id == STORY_MEMBERS.c.mention)
            .where(STORY_MEMBERS.c.linked_at >= to_rfc3339(since), SEEN.c.text_hash != ERASED_HASH)
            .where(STORY_MEMBERS.c.mention.not_in(queued))
        )
        with self._database.read() as connection:
            return list(connection.scalars(wanted.order_by(STORY_MEMBERS.c.linked_at.desc()).limit(limit)))

    def forget(self, ids: Sequence[str]) -> None:
        """Let posts count as never seen: the next visit that shows them queues them again."""
        with self._database.write() as connection:
            for part in chunked(ids):
                named = [same_as(id) for id in part]
                connection.execute(delete(SEEN).where(SEEN.c.id.in_(part) | SEEN.c.text_hash.in_(named)))

    def find_queued(self, author: Author) -> list[Mention]:
        """Return what an author wrote and waits in the inbox or is set aside there."""
        return find_queued(self._database, author)

    def erase(self, author: Author, who: Erased, *, now: datetime, preview: bool = False) -> dict[str, int]:
        """Take an author out of every table; return rows by table, see `storage.state.erase`."""
        return erase(self._database, author, who, now=now, preview=preview)

    def compact(self) -> None:
        """Rewrite a SQLite file, so that nothing deleted is left in it and it is no larger than it must be.

        Raises:
            StoreError: others write too long; retryable.
        """
        self._database.compact()

    def close(self) -> None:
        """Close all connections; the object is of no use afterwards."""
        self._database.close()


def open_state(url: str | None, data_dir: Path) -> State:
    """Open the state database, creating or upgrading it first.

    Args:
        url: SQLAlchemy URL of a SQLite or PostgreSQL database; None = `state.db` in `data_dir`.
        data_dir: folder for files; made with mode 0700 if missing.

    Raises:
        SchemaError: a newer program wrote it.
        StoreError: it cannot be opened.
    """
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database(parse_url(url, data_dir))
    try:
        upgrade(database)
    except BaseException:
        database.close()
        raise
    return State(database)
