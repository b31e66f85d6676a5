import threading

import pytest

from service.lookout import Lookout


class _Hanging:
    """Reads a number that grows; hangs or fails when told."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.go_on.set()
        self.fails = False
        self.reads = 0
        self.readers = 0

    def __call__(self) -> int:
        self.readers += 1
        self.go_on.wait(20)
        if self.fails:
            raise OSError("password=geheim gone")
        self.reads += 1
        return self.reads


def test_looks_close_together_share_one_reading() -> None:
    now, read = [0.0], _Hanging()
    lookout = Lookout(read, monotonic=lambda: now[0])
    assert lookout.look(5.0).value == 1
    assert lookout.look(5.0).value == 1
    now[0] = 0.6
    look = lookout.look(5.0)
    assert (look.value, look.stale_s, look.trouble) == (2, 0.0, "")


def test_a_store_that_hangs_holds_up_no_page_and_gets_one_reader() -> None:
    now, read = [0.0], _Hanging()
    lookout = Lookout(read, monotonic=lambda: now[0])
    lookout.look(5.0)
    read.go_on.clear()
    now[0] = 40.0
    looks = [lookout.look(0.01) for _ in range(5)]
    assert read.readers == 2
    assert {(look.value, look.stale_s, look.trouble) for look in looks} == {(1, 40.0, "no answer yet")}
    read.go_on.set()
    assert lookout.look(5.0).value == 2
    assert lookout.look(5.0).trouble == ""


def test_a_store_that_fails_is_told_once_and_shows_what_was_last_known(caplog: pytest.LogCaptureFixture) -> None:
    now, read = [0.0], _Hanging()
    lookout = Lookout(read, monotonic=lambda: now[0])
    read.fails = True
    first = lookout.look(5.0)
    assert first.value is None and first.trouble == "OSError: a store did not answer"
    now[0] = 9.0
    assert lookout.look(5.0).stale_s == 9.0
    assert len(caplog.records) == 1
    read.fails = False
    assert lookout.look(5.0).trouble == ""
