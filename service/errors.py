"""Errors of the service: what a start or a command ran into."""

from domain.errors import TingfengError

__all__ = ["BusyError", "ServiceError", "UsageError"]


class ServiceError(TingfengError):
    """A command could not do its work; exit code 1."""


class UsageError(ServiceError):
    """A command was called in a way that cannot work; exit code 2."""


class BusyError(ServiceError):
    """Another process holds what a start needs.

    Attributes:
        pid: process that holds it; None = unknown.
    """

    def __init__(self, message: str, *, pid: int | None) -> None:
        super().__init__(message)
        self.pid = pid
