"""A throwaway PostgreSQL server on loopback for tests, or databases of one's own on `POSTGRES_URL`."""

from __future__ import annotations

import atexit
import functools
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import uuid
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url
from sqlalchemy.engine import URL

__all__ = ["PostgresNode", "postgres", "programs"]

START_S = 60
"""How long `pg_ctl` may take to start or stop a server, seconds."""


def programs() -> Path | None:
    """Return the folder of the newest PostgreSQL server, 13 or newer; None = there is none."""
    given = os.environ.get("POSTGRES_BIN")
    debian = sorted(
        (folder for folder in Path("/usr/lib/postgresql").glob("*/bin") if folder.parent.name.isdigit()),
        key=lambda folder: int(folder.parent.name),
    )
    found = shutil.which("initdb")
    for folder in filter(
        None, [Path(given) if given else None, *reversed(debian), Path(found).parent if found else None]
    ):
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    return None


class PostgresNode:
    """One server in a folder of its own; `stop` and `start` are for tests of what survives them.

    Args:
        settings: server settings, such as `fsync="off"`.
    """

    def __init__(self, **settings: str) -> None:
        found = programs()
        if found is None:
            raise FileNotFoundError("no PostgreSQL server programs; install the package `postgresql`")
        self._bin = found
        self.password = secrets.token_hex(8)
        self._root = Path(tempfile.mkdtemp(prefix="tingfeng-pg-"))
        self._data = self._root / "data"
        self._port = _free_port()
        self._options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        self._who = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
        if self._who:
            shutil.chown(self._root, "postgres", "postgres")
        self._make()
        self.start()

    def _make(self) -> None:
        secret = self._root / "password"
        secret.write_text(self.password, "ascii")
        secret.chmod(0o644)
        self._run(
            "initdb", "-D", str(self._data), "-U", "tingfeng", "-A", "scram-sha-256", "--pwfile", str(secret),
            "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions",
        )  # fmt: skip
        secret.unlink()

    def _run(self, program: str, *arguments: str) -> None:
        with (self._root / "out.log").open("ab") as log:
            subprocess.run(
                [str(self._bin / program), *arguments], check=True, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                cwd="/", timeout=START_S + 10, **self._who,  # type: ignore[call-overload]  # user and group are typed apart
            )  # fmt: skip

    def url(self, database: str = "postgres") -> str:
        """Return the address of a database, password included."""
        return f"postgresql://tingfeng:{self.password}@127.0.0.1:{self._port}/{database}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' {self._options}"
        log = str(self._root / "server.log")
        self._run("pg_ctl", "start", "-w", "-t", str(START_S), "-D", str(self._data), "-l", log, "-o", options)

    def stop(self, mode: str = "fast") -> None:
        """Stop the server; `immediate` leaves it no time to tidy up."""
        self._run("pg_ctl", "stop", "-w", "-t", str(START_S), "-m", mode, "-D", str(self._data))

    def cpu_s(self) -> float:
        """Return the processor time of connections that have ended, seconds."""
        pid = (self._data / "postmaster.pid").read_text("ascii").splitlines()[0]
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """Stop the server if it runs and remove its folder."""
        if (self._data / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self._root, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Databases:
    """Makes databases on one server, and drops them at the end."""

    def __init__(self, server: str) -> None:
        self._server = make_url(server).set(drivername="postgresql+psycopg")
        self._template: str | None = None
        self._made: list[str] = []

    def _execute(self, *statements: str) -> None:
        engine = create_engine(self._server, isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                for statement in statements:
                    connection.exec_driver_sql(statement)
        finally:
            engine.dispose()

    def _create(self, template: str = "template0") -> str:
        name = f"tingfeng_test_{uuid.uuid4().hex[:12]}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        self._made.append(name)
        return name

    def _address(self, name: str) -> str:
        url: URL = self._server.set(drivername="postgresql", database=name)
        return url.render_as_string(hide_password=False)

    def empty(self) -> str:
        """Return the address of a new database without tables."""
        return self._address(self._create())

    def ready(self) -> str:
        """Return the address of a new database with all tables and no rows; quicker than migrating each."""
        from storage import open_state

        if self._template is None:
            self._template = self._create()
            open_state(self._address(self._template), Path(tempfile.gettempdir())).close()
        return self._address(self._create(self._template))

    def copy(self, address: str) -> str:
        """Return the address of a new database that begins as a copy of one that nobody uses."""
        return self._address(self._create(str(make_url(address).database)))

    def drop(self) -> None:
        """Drop every database that was made here."""
        self._execute(*(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)" for name in self._made))
        self._made.clear()
        self._template = None


@functools.cache
def _shared() -> Databases:
    given = os.environ.get("POSTGRES_URL")
    if given:
        databases = Databases(given)
        atexit.register(databases.drop)
        return databases
    node = PostgresNode(fsync="off", max_connections="100")
    atexit.register(node.close)
    return Databases(node.url())


def postgres() -> Databases:
    """Return the databases of this test run; skips the test where no server can be had."""
    pytest.importorskip("psycopg", reason="PostgreSQL's driver is not installed (tingfeng[postgres])")
    if not os.environ.get("POSTGRES_URL") and programs() is None:
        pytest.skip("no PostgreSQL here: install the package `postgresql` or set POSTGRES_URL")
    return _shared()
