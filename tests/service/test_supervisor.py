import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from service.errors import BusyError
from service.lock import RoleLocks
from service.supervisor import Supervisor, role_argv

BEATS = """
import json, os, sys, threading
fd = int(sys.argv[sys.argv.index('--heartbeat-fd') + 1])
os.write(fd, (json.dumps({'role': 'x', 'stored': 3}) + '\\n' + 'rubbish\\n').encode())
while os.read(0, 100): pass
"""
DIES = "import sys; sys.exit(7)"
HANGS = "import time, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: time.sleep(1)"


def python(code: str) -> Sequence[str]:
    return [sys.executable, "-c", code]


def wait_until(condition, *, limit_s: float = 10.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def test_a_role_beats_and_stops_when_its_input_closes() -> None:
    supervisor = Supervisor(["crawl"], lambda role: python(BEATS))
    supervisor.step()
    wait_until(lambda: supervisor.status()[0]["ok"])
    assert supervisor.status()[0]["detail"] == {"role": "x", "stored": 3}
    started = time.monotonic()
    supervisor.stop(limit_s=5)
    assert time.monotonic() - started < 5
    assert supervisor.status()[0]["pid"] is None


def test_a_role_that_waits_for_a_store_is_not_ok() -> None:
    waits = BEATS.replace("'stored': 3", "'waits': {'analyse': 'elasticsearch: not reachable'}")
    supervisor = Supervisor(["analyse"], lambda role: python(waits))
    supervisor.step()
    wait_until(lambda: supervisor.status()[0]["detail"])
    assert supervisor.status()[0]["ok"] is False
    supervisor.stop(limit_s=5)


def test_a_role_that_dies_is_restarted_later_and_later() -> None:
    now = [0.0]
    supervisor = Supervisor(["crawl"], lambda role: python(DIES), monotonic=lambda: now[0], backoff_s=(1.0, 2.0))

    def ended() -> bool:
        supervisor.step()
        return supervisor.status()[0]["pid"] is None

    wait_until(ended)
    first = supervisor.status()[0]
    assert (first["last_exit"], first["restarts"], first["ok"]) == (7, 1, False)
    now[0] = 0.9
    supervisor.step()
    assert supervisor.status()[0]["pid"] is None
    now[0] = 1.1
    supervisor.step()
    assert supervisor.status()[0]["pid"] is not None
    wait_until(ended)
    now[0] = 2.9
    supervisor.step()
    assert supervisor.status()[0]["pid"] is None
    supervisor.stop()


def test_a_role_without_heartbeat_is_killed() -> None:
    now = [0.0]
    supervisor = Supervisor(
        ["watch"], lambda role: python(HANGS), monotonic=lambda: now[0], heartbeat_limit_s=5.0, backoff_s=(9.0,)
    )
    supervisor.step()
    now[0] = 6.0

    def killed() -> bool:
        supervisor.step()
        return supervisor.status()[0]["last_exit"] == -signal.SIGKILL

    wait_until(killed)
    supervisor.stop()


def test_a_role_that_ignores_the_stop_is_killed_after_the_limit() -> None:
    supervisor = Supervisor(["watch"], lambda role: python(HANGS))
    supervisor.step()
    time.sleep(0.3)
    pid = supervisor.status()[0]["pid"]
    assert isinstance(pid, int)
    supervisor.stop(limit_s=0.3)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_role_runs_in_this_interpreter_and_knows_its_name() -> None:
    command = role_argv("analyse-2", ["--config", "x"])
    assert command == [sys.executable, "-m", "service.role", "analyse", "--config", "x", "--name", "analyse-2"]


def test_a_second_start_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    first = RoleLocks(tmp_path, ["crawl", "watch"])
    first.take()
    with pytest.raises(BusyError, match=str(os.getpid())) as caught:
        RoleLocks(tmp_path, ["watch"]).take(wait_s=5)
    assert caught.value.pid == os.getpid()
    other = RoleLocks(tmp_path, ["analyse"])
    other.take(wait_s=0.1)
    other.release()
    first.release()
    again = RoleLocks(tmp_path, ["crawl", "watch"])
    again.take(wait_s=0.1)
    assert len(again.fds) == 2
    again.release()


def test_a_lock_left_by_a_dead_service_is_waited_for(tmp_path: Path) -> None:
    import fcntl

    path = tmp_path / "run-crawl.lock"
    holder = os.open(path, os.O_RDWR | os.O_CREAT)
    os.write(holder, b"999999999\n")
    fcntl.flock(holder, fcntl.LOCK_EX)
    with pytest.raises(BusyError):
        RoleLocks(tmp_path, ["crawl"]).take(wait_s=0.2)
    os.close(holder)
    locks = RoleLocks(tmp_path, ["crawl"])
    locks.take(wait_s=1)
    locks.release()


RECYCLES = "import sys; sys.exit(75)"


@pytest.mark.parametrize(("after_s", "restarts", "recycled"), [(301.0, 0, 1), (20.0, 1, 0)])
def test_a_role_that_asks_for_it_is_started_afresh_at_once_unless_it_asks_too_soon(
    after_s: float, restarts: int, recycled: int
) -> None:
    now = [0.0]
    supervisor = Supervisor(
        ["crawl"],
        lambda role: python(RECYCLES),
        monotonic=lambda: now[0],
        backoff_s=(9.0,),
        heartbeat_limit_s=1e6,
    )
    supervisor.step()
    first = supervisor.status()[0]["pid"]
    now[0] = after_s

    def ended() -> bool:
        supervisor.step()
        return supervisor.status()[0]["last_exit"] == 75

    wait_until(ended)
    status = supervisor.status()[0]
    assert (status["restarts"], status["recycled"]) == (restarts, recycled)
    supervisor.step()
    again = supervisor.status()[0]["pid"]
    assert (again is not None and again != first) is (recycled == 1)
    supervisor.stop()


def test_a_role_out_of_bounds_is_killed() -> None:
    now, weight = [0.0], [149]
    supervisor = Supervisor(
        ["crawl"],
        lambda role: python(BEATS),
        monotonic=lambda: now[0],
        memory_bytes=lambda role: 100,
        weigh=lambda pid: weight[0],
    )
    supervisor.step()
    wait_until(lambda: supervisor.status()[0]["ok"])
    now[0] = 6.0
    supervisor.step()
    assert supervisor.status()[0]["pid"] is not None
    weight[0], now[0] = 151, 12.0

    def killed() -> bool:
        supervisor.step()
        return supervisor.status()[0]["last_exit"] == -signal.SIGKILL

    wait_until(killed)
    supervisor.stop()
