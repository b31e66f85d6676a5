import re
import threading
import time

import pytest

from service.bounds import BatchSize, TooLongError, computing_limit


def test_a_batch_that_takes_too_long_is_followed_by_one_of_half_the_size() -> None:
    size = BatchSize(200, target_s=5.0)
    sizes = []
    for took_s in (1.0, 6.0, 6.0, 60.0, 60.0, 60.0, 60.0, 60.0):
        size.note(size.rows, took_s)
        sizes.append(size.rows)
    assert sizes == [200, 100, 50, 25, 12, 6, 5, 5]


def test_batches_grow_again_when_full_ones_are_quick() -> None:
    size = BatchSize(200, target_s=5.0)
    for _ in range(4):
        size.note(size.rows, 9.0)
    assert size.rows == 12
    size.note(3, 0.1)
    assert size.rows == 12, "a batch that was not full proves nothing"
    size.note(12, 4.0)
    assert size.rows == 12, "between half the target and the target it stays"
    for _ in range(20):
        size.note(size.rows, 0.5)
    assert size.rows == 200


def test_a_batch_of_few_is_never_enlarged_beyond_what_is_configured() -> None:
    size = BatchSize(2)
    size.note(2, 99.0)
    assert size.rows == 2


@pytest.mark.parametrize("work", ["loop", "pattern"])
def test_computing_that_does_not_end_is_broken_off(work: str) -> None:
    with pytest.raises(TooLongError, match=r"more than 0\.2 s"), computing_limit(0.2):
        if work == "pattern":
            re.match(r"(a+)+$", "a" * 60 + "b")
        while True:
            pass


def test_waiting_is_no_computing_and_quick_work_is_left_alone() -> None:
    with computing_limit(0.05):
        time.sleep(0.2)
    end_s = time.process_time() + 0.1
    while time.process_time() < end_s:
        pass


def test_outside_the_main_thread_work_goes_on_without_a_limit() -> None:
    done: list[bool] = []

    def work() -> None:
        with computing_limit(0.001):
            done.append(sum(range(100_000)) > 0)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
