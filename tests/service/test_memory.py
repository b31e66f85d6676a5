import mmap
import os
import subprocess
import sys
import threading
from pathlib import Path

from service.beat import Beat
from service.memory import Growth, own_bytes


def test_the_weight_of_a_process_is_its_own_memory() -> None:
    assert 10_000_000 < own_bytes() < 4_000_000_000
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert own_bytes(gone.pid) == 0


def test_growth_is_told_with_its_limit() -> None:
    weight, now = [100_000_000], [0.0]
    growth = Growth(limit_bytes=200_000_000, age_s=3600, weigh=lambda: weight[0], monotonic=lambda: now[0])
    assert growth.look() == ""
    weight[0] = 200_000_001
    assert growth.look() == "200 MB of memory, limit 200 MB"
    weight[0], now[0] = 150_000_000, 3601.0
    assert growth.look() == "running for 1 h"
    assert growth.bytes == 150_000_000


def test_without_limits_nothing_is_too_large_or_too_old() -> None:
    assert Growth(limit_bytes=0, weigh=lambda: 10**12, monotonic=lambda: 1e9).look() == ""


def test_a_role_that_has_grown_stops_its_work_and_says_so() -> None:
    read_fd, write_fd = os.pipe()
    beat, stop = Beat(write_fd, "analyse", Growth(limit_bytes=1, weigh=lambda: 2)), threading.Event()
    beat.start(stop)
    assert stop.wait(5)
    assert beat.recycled
    os.close(write_fd)
    os.close(read_fd)


def test_a_crawler_that_has_grown_is_told_and_not_stopped() -> None:
    beat, stop = Beat(None, "crawl", Growth(limit_bytes=1, weigh=lambda: 2)), threading.Event()
    beat.start(stop)
    deadline = threading.Event()
    while not beat.recycled and not deadline.wait(0.01):
        pass
    assert not stop.is_set()
    stop.set()


def test_pages_of_a_mapped_file_weigh_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store"
    path.write_bytes(bytes(200_000_000))
    before = own_bytes()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert sum(mapped[n] for n in range(0, 200_000_000, 4096)) == 0
        assert not sys.platform.startswith("linux") or own_bytes() - before < 50_000_000
