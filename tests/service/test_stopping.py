import os
import signal
import threading

from service.stopping import stop_on_signal


def test_a_signal_in_the_middle_of_a_wait_never_blocks() -> None:
    before = signal.getsignal(signal.SIGTERM)
    for _ in range(100):
        with stop_on_signal() as stop:
            killer = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGTERM))
            killer.start()
            while not stop.is_set():
                stop.wait(0.000_01)
            killer.join()
    assert signal.getsignal(signal.SIGTERM) is before
