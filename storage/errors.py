"""Errors of the stores; whether the same call may succeed later is part of each."""

from pathlib import Path

from domain.errors import TingfengError

__all__ = ["ConflictError", "DamagedError", "FencedError", "RejectedError", "SchemaError", "StoreError"]


class StoreError(TingfengError):
    """A store could not do what was asked.

    Attributes:
        retryable: whether the same call may succeed later without anyone's help.
    """

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class ConflictError(StoreError):
    """Another process changed or took the same row first; read it again before the next try."""


class SchemaError(StoreError):
    """A database was written by a newer program, or by another program altogether."""


class DamagedError(StoreError):
    """A file of a store is broken or gone; the message names it and what brings it back.

    Attributes:
        path: the file.
    """

    def __init__(self, message: str, *, path: Path) -> None:
        super().__init__(message)
        self.path = path


class FencedError(StoreError):
    """A process writes for a role that another process has taken over; it must stop doing its work."""


class RejectedError(StoreError):
    """A store refuses what one of the mentions holds: waiting does not help, and the others are not concerned."""
