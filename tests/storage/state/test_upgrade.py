import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from storage import open_state
from storage.errors import SchemaError, StoreError
from storage.state.database import Database
from storage.state.engine import parse_url
from storage.state.tables import METADATA
from storage.state.upgrade import newest_revision, upgrade
from tests.conftest import REPOSITORY
from tests.storage.sample import NOW, mention

SCRIPTS = REPOSITORY / "storage" / "state" / "migrations"
NEXT = '''"""Invented next step."""

from alembic import op

revision = "9999"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE TABLE later (x INTEGER)")
    op.execute("{second}")
'''


def next_scripts(tmp_path: Path, second: str = "INSERT INTO later VALUES (1)") -> Path:
    scripts = tmp_path / "migrations"
    shutil.copytree(SCRIPTS, scripts)
    (scripts / "versions" / "v9999_next.py").write_text(NEXT.format(second=second), "utf-8")
    return scripts


def test_the_migrations_make_the_tables_that_the_code_uses(tmp_path: Path) -> None:
    database = Database(parse_url(None, tmp_path))
    upgrade(database)
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    assert upgrade(database) == "0004"
    database.close()


def test_the_newest_revision_is_the_one_no_other_follows(tmp_path: Path) -> None:
    assert newest_revision() == ScriptDirectory(str(SCRIPTS)).get_current_head()
    assert newest_revision(next_scripts(tmp_path)) == "9999"


def test_a_database_that_is_up_to_date_is_opened_without_the_library_of_migrations(tmp_path: Path) -> None:
    open_state(None, tmp_path).close()
    code = (
        "import sys, pathlib; from storage import open_state; open_state(None, pathlib.Path(sys.argv[1])).close(); "
        "print('alembic' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    assert done.stdout == "False\n"


def test_a_copy_is_kept_before_content_is_changed(tmp_path: Path) -> None:
    state = open_state(None, tmp_path)
    state.inbox.append([mention("1")], now=NOW)
    state.close()
    database = Database(parse_url(None, tmp_path))
    assert upgrade(database, next_scripts(tmp_path)) == "9999"
    database.close()
    copy = tmp_path / "state.db.before-9999"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with closing(sqlite3.connect(copy)) as raw:
        assert raw.execute("SELECT count(*) FROM inbox").fetchone() == (1,)
        assert raw.execute("SELECT version_num FROM alembic_version").fetchone() == ("0004",)
    with closing(sqlite3.connect(tmp_path / "state.db")) as raw:
        assert raw.execute("SELECT x FROM later").fetchone() == (1,)


def test_a_failed_migration_changes_nothing(tmp_path: Path) -> None:
    open_state(None, tmp_path).close()
    database = Database(parse_url(None, tmp_path))
    with pytest.raises(StoreError):
        upgrade(database, next_scripts(tmp_path, second="INSERT INTO nowhere VALUES (1)"))
    database.close()
    with closing(sqlite3.connect(tmp_path / "state.db")) as raw:
        assert raw.execute("SELECT name FROM sqlite_master WHERE name = 'later'").fetchall() == []
    open_state(None, tmp_path).close()


def test_a_newer_database_is_refused_with_what_to_do(tmp_path: Path) -> None:
    open_state(None, tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "state.db")) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
        raw.commit()
    with pytest.raises(SchemaError, match="newer Tingfeng") as caught:
        open_state(None, tmp_path)
    assert str(tmp_path / "state.db") in str(caught.value)


def test_a_copy_that_cannot_be_written_stops_the_upgrade(tmp_path: Path) -> None:
    open_state(None, tmp_path).close()
    (tmp_path / "state.db.before-9999").mkdir()
    database = Database(parse_url(None, tmp_path))
    with pytest.raises(StoreError, match="no copy") as caught:
        upgrade(database, next_scripts(tmp_path))
    assert caught.value.retryable
    database.close()


def test_a_state_in_memory_is_made_too(tmp_path: Path) -> None:
    state = open_state("sqlite://", tmp_path)
    assert state.inbox.depth() == 0
    state.close()
