"""Bring the state database to the form this program writes, before anything else.

Alembic is imported where there is something to migrate: each process of the service would pay 9 MB for it.
"""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine.url import URL

from storage.errors import SchemaError, StoreError
from storage.state.database import Database
from storage.state.engine import sqlite_path
from storage.state.tables import METADATA

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

__all__ = ["SCRIPTS", "is_known", "newest_revision", "revision_of", "upgrade"]

logger = logging.getLogger(__name__)

SCRIPTS = Path(__file__).resolve().parent / "migrations"
"""Folder of the migrations; the file of a revision is named `v<revision>_<words>.py`, and they count up."""


def newest_revision(scripts: Path = SCRIPTS) -> str:
    """Return the revision that the newest migration makes."""
    return max(path.stem[1:].partition("_")[0] for path in (scripts / "versions").glob("v*_*.py"))


def upgrade(database: Database, scripts: Path = SCRIPTS, *, to: str | None = None, keep_copy: bool = True) -> str:
    """Run the missing migrations in one transaction and return the revision reached.

    Of several processes that start together one migrates and the others wait. Before
    a SQLite file with content is changed, a copy is kept beside it, named
    `state.db.before-<revision>`.

    Args:
        database: the open database.
        scripts: folder of the migrations.
        to: revision to make an empty database of; None = the newest.
        keep_copy: keep the copy of a file; not needed where the file is a copy itself.

    Raises:
        SchemaError: a newer program wrote this database, or `to` is unknown.
        StoreError: the database cannot be opened or written.
    """
    head = to or newest_revision(scripts)
    with database.read() as connection:
        if _revision(connection) == head:
            return head
    script = _script(scripts)
    _refuse_newer(script, to, database.url)
    with database.write() as connection:
        database.lock(connection, "migrations")
        current = _revision(connection)
        if current == head:
            return head
        _refuse_newer(script, current, database.url)
        if current is not None and keep_copy:
            _keep_copy(database, head)
        _migrate(connection, script, head)
        logger.info("state database upgraded from=%s to=%s", current or "nothing", head)
    return head


def is_known(revision: str, scripts: Path = SCRIPTS) -> bool:
    """Say whether this program knows a revision."""
    try:
        return _script(scripts).get_revision(revision) is not None
    except Exception:  # noqa: BLE001 - the library has no one error for this
        return False


def revision_of(database: Database, scripts: Path = SCRIPTS) -> str:
    """Return the revision of a database as it is; nothing is changed.

    Raises:
        SchemaError: a newer program wrote it, or it has no tables of ours.
        StoreError: it cannot be read.
    """
    with database.read() as connection:
        current = _revision(connection)
    if current is None:
        raise SchemaError(f"state database {_where(database.url)} holds nothing of Tingfeng")
    _refuse_newer(_script(scripts), current, database.url)
    return current


def _script(scripts: Path) -> "ScriptDirectory":
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(scripts))


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _refuse_newer(script: "ScriptDirectory", current: str | None, url: URL) -> None:
    if current is None:
        return
    if not is_known(current, Path(script.dir)):
        raise _newer(current, url)


def _newer(current: str, url: URL) -> SchemaError:
    return SchemaError(
        f"state database {_where(url)} has form {current}, which this program does not know: "
        "a newer Tingfeng wrote it. Install that version again, or restore the copy kept before its upgrade."
    )


def _where(url: URL) -> object:
    return sqlite_path(url) or url.render_as_string(hide_password=True)


def _keep_copy(database: Database, head: str) -> None:
    path = sqlite_path(database.url)
    if path is None:
        return
    target = path.with_name(f"{path.name}.before-{head}")
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
    except sqlite3.Error as err:
        raise StoreError(f"no copy of {path} could be kept before its upgrade: {err}", retryable=True) from err
    target.chmod(0o600)
    logger.info("state database copied before upgrade path=%s", target)


def _migrate(connection: Connection, script: "ScriptDirectory", to: str) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext

    def steps(revision: Any, _context: Any) -> Any:
        return script._upgrade_revs(to, revision)

    with EnvironmentContext(Config(), script, fn=steps, destination_rev=to) as environment:
        environment.configure(
            connection=connection, target_metadata=METADATA, transactional_ddl=True, render_as_batch=True
        )
        environment.run_migrations()
