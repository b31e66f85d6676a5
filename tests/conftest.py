"""Rules of every test: no network but loopback, named skips, one place to find the shared data."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.measure import Measurements

REPOSITORY = Path(__file__).resolve().parent.parent
REQUIRE_ALL = os.environ.get("TINGFENG_REQUIRE_ALL") == "1"

settings.register_profile("dev", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("dev"), max_examples=100, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


# --- network -------------------------------------------------------------------------------------------------

_LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0", "::ffff:127.")
_guard = {"on": True}


class NetworkForbiddenError(RuntimeError):
    """A test tried to reach something that is not this machine."""


def _is_local(address: object) -> bool:
    if not isinstance(address, tuple):  # a path: a UNIX socket
        return True
    host = address[0]
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    return host in ("", None) or str(host).startswith(_LOOPBACK)


def _watch_sockets(event: str, args: tuple[Any, ...]) -> None:
    if not event.startswith("socket.") or not _guard["on"]:
        return
    if event in ("socket.connect", "socket.sendto"):
        if not _is_local(args[1]):
            raise NetworkForbiddenError(f"tests reach loopback only, not {args[1]!r}; a test of a real site is `live`")
    elif event == "socket.getaddrinfo":
        host = args[0]
        if host is not None and not _is_local((host,)) and not _is_address(host):
            raise NetworkForbiddenError(f"tests resolve no names, not {host!r}; pass a resolver or use 127.0.0.1")


def _is_address(host: object) -> bool:
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    return ":" in text or text.replace(".", "").isdigit()


sys.addaudithook(_watch_sockets)


@pytest.fixture(autouse=True)
def _network_guard(request: pytest.FixtureRequest) -> Generator[None, None, None]:
    """Open the network for tests marked `live`, and for nothing else."""
    _guard["on"] = request.node.get_closest_marker("live") is None
    yield
    _guard["on"] = True


# --- skips ---------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Count a skip as a failure where everything a test could miss is said to be there."""
    report = yield
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped although TINGFENG_REQUIRE_ALL=1: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Count a module that skips itself as a failure too."""
    report = yield
    if REQUIRE_ALL and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped although TINGFENG_REQUIRE_ALL=1: {report.longrepr}"  # type: ignore[assignment]
    return report


def _shared() -> Path | None:
    folder = Path(os.environ.get("TINGFENG_SHARED") or REPOSITORY.parent / "shared")
    return folder.resolve() if folder.is_dir() else None


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder with labelled corpora and tools beside the repository (or TINGFENG_SHARED); skips without it."""
    folder = _shared()
    if folder is None:
        pytest.skip("the shared data folder is not here (set TINGFENG_SHARED to it)")
    return folder


# --- figures -------------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--measured DIR`: write every recorded figure there as JSON."""
    parser.addoption("--measured", metavar="DIR", default=None, help="write recorded figures as JSON into DIR")


@pytest.fixture
def measurements(request: pytest.FixtureRequest) -> Measurements:
    """Where a test records its figures: `measurements.record("docs_per_s", 1200, unit="1/s", floor=1000)`."""
    book: Measurements = request.config.stash.setdefault(_BOOK, Measurements())
    return book.of(Path(str(request.node.path)).stem.removeprefix("test_"), request.node.name)


_BOOK: pytest.StashKey[Measurements] = pytest.StashKey()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print every recorded figure; write them when `--measured` names a folder."""
    book = config.stash.get(_BOOK, None)
    if book is None or not book.figures:
        return
    terminalreporter.section("measured")
    for line in book.lines():
        terminalreporter.write_line(line)
    folder = config.getoption("--measured")
    if folder:
        for path in book.write(REPOSITORY / folder, REPOSITORY):
            terminalreporter.write_line(f"written: {path}")
