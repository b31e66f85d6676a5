"""The machine and the program on it: Python, SQLite, packages, limits, clock."""

import importlib.metadata
import resource
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from config.settings import Settings
from crawlers.chromium import browser_lack, find_chromium, needs_browser
from domain.errors import TingfengError
from service.doctor.base import Finding, fail, fine, warn

__all__ = ["LOOKS", "browser", "clock", "files", "packages"]

PACKAGES = ("domain", "config", "storage", "crawlers", "analysis", "alerts", "dashboards", "service")
PYTHON = (3, 11)
SQLITE = (3, 35, 0)
"""The first with UPDATE … RETURNING."""
OPEN_FILES = 1_024
"""Connections, stores and pipes of a busy process stay below this number of open files."""


def python() -> Iterator[Finding]:
    """Look at the interpreter."""
    found = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] < PYTHON:
        yield fail("python", f"Python {found} is too old", "install Python 3.11 or newer, then: make clean setup")
    else:
        yield fine("python", f"Python {found}")


def packages() -> Iterator[Finding]:
    """Look whether our packages are ours: a stranger of the same name would be imported instead."""
    mapping = importlib.metadata.packages_distributions()
    foreign = sorted({f"{name} ({other})" for name in PACKAGES for other in set(mapping.get(name, ())) - {"tingfeng"}})
    if foreign:
        said = f"another distribution provides {', '.join(foreign)}"
        yield fail("packages", said, "install Tingfeng into a virtual environment of its own: make clean setup")
    else:
        yield fine("packages", "our packages are ours")


def sqlite() -> Iterator[Finding]:
    """Look at the SQLite that Python was built with."""
    with sqlite3.connect(":memory:") as connection:
        try:
            connection.execute("CREATE VIRTUAL TABLE t USING fts5(x)")
        except sqlite3.OperationalError:
            said = f"SQLite {sqlite3.sqlite_version} lacks FTS5"
            yield fail("sqlite", said, "use a Python built with SQLite FTS5, such as your system's or python.org's")
            return
    if sqlite3.sqlite_version_info < SQLITE:
        yield fail("sqlite", f"SQLite {sqlite3.sqlite_version} is too old", "use a Python with SQLite 3.35 or newer")
    else:
        yield fine("sqlite", f"SQLite {sqlite3.sqlite_version} with FTS5")


def model() -> Iterator[Finding]:
    """Look at the sentiment weights."""
    from analysis.weights import SHIPPED_MODEL, load_weights

    try:
        load_weights(SHIPPED_MODEL)
    except TingfengError as err:
        yield fail("model", f"sentiment weights: {err}", "reinstall: make clean setup")
    else:
        yield fine("model", "sentiment weights are whole")


def browser(settings: Settings) -> Iterator[Finding]:
    """Look for what the sources with transport `browser` need."""
    if not needs_browser(settings.sources):
        return
    if lack := browser_lack(settings):
        yield fail("browser", *lack)
    else:
        yield fine("browser", f"pages are rendered with {find_chromium(settings.crawl.browser)}")


def files() -> Iterator[Finding]:
    """Look how many files a process may open; macOS starts programs with 256."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < OPEN_FILES:
        said = f"a process may open {soft} files only"
        yield warn("files", said, "ulimit -n 4096 before the start; systemd: LimitNOFILE=, launchd: SoftResourceLimits")
    else:
        yield fine("files", f"a process may open {'any number of' if soft == resource.RLIM_INFINITY else soft} files")


def clock(now: datetime | None = None) -> Iterator[Finding]:
    """Look at the time zones and whether the clock can be right; `now` = the system's."""
    try:
        ZoneInfo("Asia/Shanghai")
    except (ZoneInfoNotFoundError, ValueError):
        yield fail("clock", "the time zone Asia/Shanghai is not known", "install tzdata: make clean setup")
    made = datetime.fromtimestamp(Path(__file__).stat().st_mtime, UTC)
    told = now or datetime.now(UTC)
    if told < made:
        said = f"the clock says {told:%Y-%m-%d %H:%M} UTC, but this program was installed on {made:%Y-%m-%d}"
        yield fail("clock", said, "set the clock: timedatectl set-ntp true; macOS: sudo sntp -sS time.apple.com")
    else:
        yield fine("clock", f"{told:%Y-%m-%d %H:%M} UTC, time zones are known")


LOOKS: tuple[tuple[str, Callable[[], Iterable[Finding]]], ...] = (
    ("python", python),
    ("packages", packages),
    ("sqlite", sqlite),
    ("model", model),
    ("files", files),
    ("clock", clock),
)
"""All looks at the machine, in the order of the report."""
