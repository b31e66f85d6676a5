"""Open the state database and hand out its parts."""

import logging
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.engine import URL

from domain.codec import from_json
from domain.mention import Mention
from domain.moment import to_rfc3339
from storage.author import is_author
from storage.state.database import Database, chunked, parse_url
from storage.state.desk import SqlDesk
from storage.state.inbox import SqlInbox
from storage.state.leases import SqlLeases
from storage.state.marks import SqlMarks
from storage.state.sites import SqlSites
from storage.state.stories import SqlStories
from storage.state.tables import DEAD_LETTERS, INBOX, SEEN
from storage.state.upgrade import upgrade
from storage.state.visits import SqlVisits

__all__ = ["SEEN_LIFE", "State", "open_state"]

logger = logging.getLogger(__name__)

SEEN_LIFE = timedelta(days=400)
"""An id that no source showed for so long is forgotten."""
SITE_LIFE = timedelta(days=1)
"""A site that was not asked for so long is forgotten; no pace is longer."""


class State:
    """The state database; one object per process, safe to use from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.inbox = SqlInbox(database)
        self.visits = SqlVisits(database)
        self.stories = SqlStories(database)
        self.desk = SqlDesk(database)
        self.leases = SqlLeases(database)
        self.sites = SqlSites(database)
        self.marks = SqlMarks(database)

    @property
    def dialect(self) -> str:
        """Name of the SQL dialect: sqlite or postgresql."""
        return self._database.dialect

    @property
    def url(self) -> URL:
        """Address of the database; its text hides the password."""
        return self._database.url

    def prune(self, *, now: datetime, evaluations: timedelta) -> None:
        """Forget what is too old to matter: looks of rules, story bands, seen ids, turns at sites.

        Args:
            now: the present moment, UTC.
            evaluations: how long evaluations are kept.
        """
        looks = self.desk.prune(before=now - evaluations)
        bands = self.stories.prune(now=now)
        self.sites.prune(before=now - SITE_LIFE)
        with self._database.write() as connection:
            old = SEEN.c.last_seen_at < to_rfc3339(now - SEEN_LIFE)
            seen = connection.execute(delete(SEEN).where(old)).rowcount
        logger.info("state pruned evaluations=%d bands=%d seen=%d", looks, bands, seen)

    def erase_author(self, *, platform: str, author_id: str | None = None, name: str | None = None) -> int:
        """Delete queued mentions and dead letters of one author; return how many.

        The ids stay known, so that the next visit does not bring the posts back.
        """
        erased = 0
        with self._database.write() as connection:
            for table in (INBOX, DEAD_LETTERS):
                rows = select(table.c.row, table.c.doc).where(
                    table.c.mention.startswith(f"{platform}:", autoescape=True)
                )
                wanted = [row for row, doc in connection.execute(rows) if _wrote(doc, author_id=author_id, name=name)]
                for part in chunked(wanted):
                    erased += connection.execute(delete(table).where(table.c.row.in_(part))).rowcount
        return erased

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


def _wrote(doc: str, *, author_id: str | None, name: str | None) -> bool:
    return is_author(from_json(Mention, doc).post.author, author_id=author_id, name=name)
