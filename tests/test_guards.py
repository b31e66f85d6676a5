"""The rules of the suite itself: no network, no silent skip, figures written down."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.measure import Measurements

REPOSITORY = Path(__file__).resolve().parent.parent


def test_outside_is_out_of_reach() -> None:
    with socket.socket() as outside, pytest.raises(RuntimeError, match="loopback only"):
        outside.connect(("192.0.2.1", 80))
    with socket.socket() as outside, pytest.raises(RuntimeError, match="loopback only"):
        outside.connect_ex(("192.0.2.1", 80))
    with socket.socket(type=socket.SOCK_DGRAM) as outside, pytest.raises(RuntimeError, match="loopback only"):
        outside.sendto(b"x", ("192.0.2.1", 53))


def test_names_are_not_resolved() -> None:
    with pytest.raises(RuntimeError, match="resolve no names"):
        socket.getaddrinfo("example.com", 80)
    assert socket.getaddrinfo("127.0.0.1", 80)


def test_loopback_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()


@pytest.mark.slow
@pytest.mark.parametrize(("required", "verdict"), [("0", "1 passed, 2 skipped"), ("1", "1 passed, 2 errors")])
def test_skip_is_a_failure_where_everything_is_required(tmp_path: Path, required: str, verdict: str) -> None:
    (tmp_path / "test_module.py").write_text("import pytest\npytest.skip('no engine', allow_module_level=True)\n")
    (tmp_path / "test_single.py").write_text(
        "import pytest\n\ndef test_a(): pass\n\n@pytest.mark.skipif(True, reason='no data')\ndef test_b(): pass\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "--no-cov", "-p", "tests.conftest", "--rootdir", str(tmp_path)]
    run = subprocess.run(
        [*command, "-c", os.devnull, "--continue-on-collection-errors", str(tmp_path)],
        cwd=REPOSITORY,
        env={**os.environ, "TINGFENG_REQUIRE_ALL": required, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert verdict in run.stdout.replace("1 failed, 1 passed, 1 error", "1 passed, 2 errors")
    assert (run.returncode == 0) is (required == "0")


def test_figure_under_its_floor_is_kept_and_fails(tmp_path: Path) -> None:
    book = Measurements()
    one = book.of("speed", "test_x")
    assert one.record("docs_per_s", 1200, unit="1/s", floor=1000, note="200 texts") == 1200
    with pytest.raises(AssertionError, match="under the floor"):
        one.record("docs_per_s", 900, unit="1/s", floor=1000)
    with pytest.raises(AssertionError, match="over the ceiling"):
        one.record("start_s", 5, unit="s", ceiling=3)
    assert book.lines()[0] == "speed: docs_per_s = 1200 1/s (≥ 1000)  200 texts"
    (path,) = book.write(tmp_path / "measured", REPOSITORY)
    written = json.loads(path.read_text(encoding="utf-8"))
    assert written["area"] == "speed"
    assert [figure["value"] for figure in written["figures"]] == [1200, 900, 5]
    assert written["machine"]["cores"] >= 1


def test_figures_can_be_written_outside_a_clone(tmp_path: Path) -> None:
    book = Measurements()
    book.of("a", "t").record("x", 1)
    (path,) = book.write(tmp_path / "m", tmp_path)
    assert json.loads(path.read_text(encoding="utf-8"))["commit"] is None
