"""What a service manager is told, over a real datagram socket and by the real service process."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.notify import Manager
from service.supervisor import Supervisor


class _Ears:
    """The manager's end of the socket."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self.address = address

    def heard(self, *, wait_s: float = 0.0) -> list[str]:
        """Return the lines of the datagrams that are there, or of the next within `wait_s`."""
        lines: list[str] = []
        self._socket.settimeout(wait_s or 0.001)
        while True:
            try:
                lines += self._socket.recv(4096).decode().splitlines()
            except TimeoutError:
                return lines
            self._socket.settimeout(0.001)

    def close(self) -> None:
        self._socket.close()


KINDS = ["path", "abstract"] if sys.platform == "linux" else ["path"]


@pytest.fixture(params=KINDS)
def ears(request: pytest.FixtureRequest) -> Iterator[_Ears]:
    with tempfile.TemporaryDirectory() as folder:  # a short path: a socket's may have 104 bytes
        one = _Ears(f"{folder}/s" if request.param == "path" else f"@tingfeng-{os.getpid()}")
        yield one
        one.close()


def test_the_manager_hears_what_changes_and_a_sign_of_life_in_time(ears: _Ears) -> None:
    now = [100.0]
    manager = Manager({"NOTIFY_SOCKET": ears.address, "WATCHDOG_USEC": "30000000"}, monotonic=lambda: now[0])
    manager.step(ready=False, alive=True, status="starting")
    assert ears.heard() == ["STATUS=starting", "WATCHDOG=1"]
    manager.step(ready=True, alive=True, status="starting")
    assert ears.heard() == ["READY=1"]
    now[0] += 9.9
    manager.step(ready=True, alive=True, status="starting")
    assert ears.heard() == []
    now[0] += 0.2
    manager.step(ready=True, alive=True, status="not\nwell")
    assert ears.heard() == ["STATUS=not well", "WATCHDOG=1"]
    now[0] += 60
    manager.step(ready=True, alive=False, status="not\nwell")
    assert ears.heard() == []
    manager.stopping()
    assert ears.heard() == ["STOPPING=1"]


def test_a_watchdog_for_another_process_or_none_is_not_fed(ears: _Ears) -> None:
    for more in ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}, {}):
        Manager({"NOTIFY_SOCKET": ears.address, **more}).step(ready=True, alive=True, status="x")
        assert ears.heard() == ["READY=1", "STATUS=x"]


def test_nobody_listens_and_nothing_breaks(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Manager({}).step(ready=True, alive=True, status="x")
    assert not caplog.records
    Manager({"NOTIFY_SOCKET": str(tmp_path / "gone")}).stopping()
    assert "could not be told" in caplog.text


def test_the_quietest_role_counts() -> None:
    now = [10.0]
    supervisor = Supervisor(["crawl", "watch"], lambda role: ["none"], monotonic=lambda: now[0])
    assert supervisor.silence_s() == float("inf")
    supervisor._status["crawl"].beat_at_s = 9.0
    assert supervisor.silence_s() == float("inf")
    supervisor._status["watch"].beat_at_s = 4.0
    assert supervisor.silence_s() == 6.0


def open_paths(data_dir: Path) -> list[str]:
    """Name what others than its owner may touch, with its mode; there must be files at all."""
    found = [data_dir, *data_dir.rglob("*")]
    assert {"state.db", "mentions.db", "machine"} <= {path.name for path in found}
    return [f"{path.name} {path.stat().st_mode:o}" for path in found if path.stat().st_mode & 0o077]


@pytest.mark.slow
def test_the_real_service_says_ready_lives_stops_and_keeps_its_data_to_itself(tmp_path: Path) -> None:
    path = tmp_path / "tingfeng.yaml"
    path.write_text("brands: [{id: a, name: 云杉咖啡}]\nhealthz: {port: 0}\n", encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        ears = _Ears(f"{folder}/s")
        service = subprocess.Popen(
            [sys.executable, "-c", "from service.cli import main; main()", "run", "--config", str(path)],
            preexec_fn=lambda: os.umask(0),
            env={**os.environ, "NOTIFY_SOCKET": ears.address, "WATCHDOG_USEC": "3000000"},
            stdout=subprocess.DEVNULL,
        )
        try:
            lines: list[str] = []
            deadline = time.monotonic() + 60
            while not {"READY=1", "STATUS=listening", "WATCHDOG=1"} <= set(lines):
                assert time.monotonic() < deadline, lines
                lines += ears.heard(wait_s=1)
            assert open_paths(tmp_path / "tingfeng-data") == []
            assert lines.index("READY=1") > 0, "ready before anything was started"
            assert "WATCHDOG=1" in ears.heard(wait_s=5)
            service.send_signal(signal.SIGTERM)
            assert service.wait(timeout=20) == 0
            assert ears.heard(wait_s=1)[-1] == "STOPPING=1"
            assert open_paths(tmp_path / "tingfeng-data") == []
        finally:
            service.kill()
            ears.close()
