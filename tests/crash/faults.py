"""Makes a fault point of every write and every outgoing call of a process of the service.

Nothing in the product knows of it. What is wrapped is what the product's stores, transports
and notifiers all end in: transactions of `sqlite3`, requests of `http.client` and `aiohttp`,
and files opened or moved in the data folder. A point is named by what is done, by whom in the
product, and by the moment, before or after it; so a new write of the product is a new point
without a word here.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import io
import os
import re
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from tests.crash.control import Control

PRODUCT = ("domain", "config", "storage", "crawlers", "analysis", "alerts", "dashboards", "service")
# Everybody goes through these; who went is what tells points apart.
PLUMBING = ("storage.state.database", "storage.mentions.pool", "alerts.notifiers.road", "alerts.call", "crawlers.guard")
_WRITE = re.compile(
    r"\s*(?:INSERT|REPLACE|UPDATE|DELETE|WITH|CREATE|DROP|ALTER|VACUUM"
    r"|PRAGMA\s+(?:journal_mode\s*=|user_version\s*=|wal_checkpoint))\b",
    re.IGNORECASE,
)
_TABLE = re.compile(r"\b(?:INSERT\s+(?:OR\s+\w+\s+)?INTO|REPLACE\s+INTO|UPDATE|DELETE\s+FROM)\s+[\"`]?(\w+)", re.I)
_READ = re.compile(r"\s*WITH\b(?!.*\b(?:INSERT|UPDATE|DELETE)\b)", re.IGNORECASE | re.DOTALL)
_NUMBER = re.compile(r"\d+")

LEASE_S, CALL_LIMIT_S = 6.0, 3.0
"""What a dead process of the watch role held is free again after so many real seconds, instead of 60. The
clock of these tests runs fast and leases are real time: a minute would be an hour of the crisis."""

_control: Control | None = None


def install() -> None:
    """Set the fault points of this process, if it is a role of the service or its supervisor."""
    global _control
    role = role_of(sys.orig_argv)
    if role is None:
        return
    _control = Control(Path(os.environ["FAULT_CONTROL"]), Path(os.environ["FAULT_DATA"]).resolve(), role)
    sqlite3.connect = sqlite3.dbapi2.connect = _connect
    _wrap_files()
    sys.meta_path.insert(
        0,
        _Hook(
            {
                "http.client": _wrap_http_client,
                "aiohttp.client": _wrap_aiohttp,
                "alerts.outbox": _shorten_outbox,
                "alerts.watch": _shorten_watch,
            }
        ),
    )


def role_of(argv: Sequence[str]) -> str | None:
    """Return the role that a command line gives to its process; `service` = the supervisor, None = neither."""
    words = list(argv)
    if "service.role" in words:
        return words[words.index("service.role") + 1]
    return "service" if any("service.cli" in word for word in words) and "run" in words else None


def reach(point: str) -> None:
    """Come to a fault point."""
    if _control is not None:
        _control.reach(point)


def cause() -> str:
    """Name the nearest function of the product that leads here, and the nearest one of another package."""
    names: list[tuple[str, str]] = []
    for frame in _frames():
        module = str(frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] in PRODUCT and module not in PLUMBING:
            names.append((module.partition(".")[0], f"{module}.{frame.f_code.co_qualname.replace('.<locals>', '')}"))
    if not names:
        return "-"
    other = next((name for package, name in names if package != names[0][0]), None)
    return f"{other} > {names[0][1]}" if other else names[0][1]


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        yield frame
        frame = frame.f_back


# --- transactions --------------------------------------------------------------------------------------------


class _Cursor(sqlite3.Cursor):
    connection: Connection

    def execute(self, sql: str, *args: Any) -> _Cursor:
        return self.connection.run(sql, lambda: super(_Cursor, self).execute(sql, *args))

    def executemany(self, sql: str, *args: Any) -> _Cursor:
        return self.connection.run(sql, lambda: super(_Cursor, self).executemany(sql, *args))


class Connection(sqlite3.Connection):
    """A connection that comes to a fault point before and after every commit that changes something."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._tables: set[str] = set()
        self._changes = 0
        super().__init__(*args, **kwargs)

    def cursor(self, factory: type[sqlite3.Cursor] = _Cursor) -> Any:
        return super().cursor(factory)

    def execute(self, sql: str, *args: Any) -> Any:
        return self.cursor().execute(sql, *args)

    def executemany(self, sql: str, *args: Any) -> Any:
        return self.cursor().executemany(sql, *args)

    def commit(self) -> None:
        self._commit(super().commit)

    def run(self, sql: str, act: Callable[[], Any]) -> Any:
        """Execute a statement, noting what it writes; COMMIT and writes outside a transaction are points."""
        word = sql.lstrip()[:8].upper()
        if word.startswith(("COMMIT", "END")):
            return self._commit(act)
        if word.startswith("BEGIN"):
            self._tables, self._changes = set(), self.total_changes
            return act()
        if not _WRITE.match(sql) or _READ.match(sql):
            return act()
        if not self.in_transaction:
            return _around(f"write {_table(sql)}", act)
        changes, done = self.total_changes, act()
        # Rows that a statement gives back are counted when it ends, which is later.
        if self.total_changes > changes or "RETURNING" in sql or not _TABLE.search(sql):
            self._tables.add(_table(sql))
        return done

    def _commit(self, act: Callable[[], Any]) -> Any:
        if self.total_changes == self._changes and "schema" not in self._tables:
            return act()
        return _around(f"commit {','.join(sorted(self._tables))}", act)


def _around(what: str, act: Callable[[], Any]) -> Any:
    point = f"{what} | {cause()} | "
    reach(point + "before")
    done = act()
    reach(point + "after")
    return done


def _table(sql: str) -> str:
    found = _TABLE.search(sql)
    return found[1] if found else "schema"


_real_connect = sqlite3.connect


def _connect(*args: Any, **kwargs: Any) -> sqlite3.Connection:
    kwargs.setdefault("factory", Connection)
    return _real_connect(*args, **kwargs)


# --- outgoing calls ------------------------------------------------------------------------------------------


def _wrap_http_client(module: ModuleType) -> None:
    connection = module.HTTPConnection
    request, getresponse = connection.request, connection.getresponse

    def wrapped_request(self: Any, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        self.fault_point = f"call {method} {_path(url)} | {cause()} | "
        reach(self.fault_point + "before")
        request(self, method, url, *args, **kwargs)
        reach(self.fault_point + "sent")

    def wrapped_getresponse(self: Any) -> Any:
        answer = getresponse(self)
        reach(self.fault_point + "answered")
        return answer

    connection.request, connection.getresponse = wrapped_request, wrapped_getresponse


def _wrap_aiohttp(module: ModuleType) -> None:
    session = module.ClientSession
    request = session._request

    async def wrapped(self: Any, method: str, url: Any, **kwargs: Any) -> Any:
        point = f"call {method} {_path(str(url))} | "
        reach(point + "before")
        answer = await request(self, method, url, **kwargs)
        reach(point + "answered")
        return answer

    session._request = wrapped


def _path(url: str) -> str:
    """Return the path of an address without its query, numbers as #."""
    path = re.sub(r"^\w+://[^/]+", "", url).partition("?")[0]
    return _NUMBER.sub("#", path)


# --- files of the data folder --------------------------------------------------------------------------------


def _wrap_files() -> None:
    os_open, io_open = os.open, io.open

    def wrapped_os_open(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        writes = flags & (os.O_WRONLY | os.O_RDWR)
        return _file("open", path, lambda: os_open(path, flags, *args, **kwargs), writes=bool(writes))

    def wrapped_io_open(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        return _file(
            "open", file, lambda: io_open(file, mode, *args, **kwargs), writes=not set(mode).isdisjoint("wxa+")
        )

    os.open = wrapped_os_open
    io.open = wrapped_io_open
    sys.modules["builtins"].open = wrapped_io_open
    for name in ("rename", "replace", "link", "unlink", "remove"):
        setattr(os, name, _moving(name, getattr(os, name)))


def _moving(name: str, act: Callable[..., None]) -> Callable[..., None]:
    def wrapped(path: Any, *args: Any, **kwargs: Any) -> None:
        _file(name, path, lambda: act(path, *args, **kwargs), writes=True)

    return wrapped


def _file(what: str, path: Any, act: Callable[[], Any], *, writes: bool) -> Any:
    if not writes or _control is None or not isinstance(path, str | bytes | os.PathLike):
        return act()
    place = Path(os.fsdecode(path)).absolute()
    if not place.is_relative_to(_control.data_dir):
        return act()
    return _around(f"{what} {_NUMBER.sub('#', place.name)}", act)


# --- limits in real time -------------------------------------------------------------------------------------


def _shorten_outbox(module: ModuleType) -> None:
    defaults = module.OutboxSettings.__init__.__kwdefaults__
    assert defaults["lease_s"] > defaults["call_limit_s"]
    defaults.update(lease_s=LEASE_S, call_limit_s=CALL_LIMIT_S)


def _shorten_watch(module: ModuleType) -> None:
    assert module._LEASE_S
    module._LEASE_S = LEASE_S


class _Hook(importlib.abc.MetaPathFinder):
    """Changes modules once they are imported, so that a process imports no more than it would without."""

    def __init__(self, changes: dict[str, Callable[[ModuleType], None]]) -> None:
        self._changes = changes

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        change = self._changes.pop(fullname, None)
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target) if change else None
        if change is None or spec is None or spec.loader is None:
            return None
        run = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            run(module)
            change(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec
