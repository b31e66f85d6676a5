"""SIGTERM and SIGINT as an event that loops can wait for."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["stop_on_signal"]


@contextmanager
def stop_on_signal() -> Iterator[threading.Event]:
    """Give an event that SIGTERM or SIGINT sets; the handlers before are put back behind.

    The event is set from a thread of its own: a handler runs inside the main thread, which
    may just hold the event's lock in `wait`, and would wait for itself for ever.
    """
    stop = threading.Event()

    def on_signal(_number: int, _frame: object) -> None:
        threading.Thread(target=stop.set, daemon=True).start()

    previous = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
