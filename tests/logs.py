"""Logging as it was: for tests of what sets it up."""

import contextlib
import logging
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def kept_logging() -> Iterator[None]:
    """Put handlers, level and the threads' hook back behind, and end the handlers that came meanwhile."""
    root, hook = logging.getLogger(), threading.excepthook
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        for each in root.handlers:
            if each not in handlers:
                each.close()
        root.handlers[:], threading.excepthook = handlers, hook
        root.setLevel(level)
