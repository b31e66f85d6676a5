"""A call with a hard end."""

import threading
from collections.abc import Callable
from typing import TypeVar

__all__ = ["within"]

_T = TypeVar("_T")


def within(act: Callable[[], _T], *, limit_s: float) -> _T | None:
    """Return what `act` gives; None = it had not ended after `limit_s` real seconds.

    It then goes on in a daemon thread of its own and its result is thrown away. What it
    raises in time is raised here.
    """
    results: list[_T] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            results.append(act())
        except Exception as err:  # noqa: BLE001  raised again in the caller's thread
            errors.append(err)

    thread = threading.Thread(target=run, daemon=True, name="call")
    thread.start()
    thread.join(limit_s)
    if errors:
        raise errors[0]
    return results[0] if results else None
