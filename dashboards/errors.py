"""Errors of the dashboards: links, Kibana objects, reports."""

from domain.errors import TingfengError

__all__ = ["DashboardError", "KibanaError"]


class DashboardError(TingfengError):
    """A view of the mentions could not be made."""


class KibanaError(DashboardError):
    """Kibana could not be reached, or refused what was asked.

    Attributes:
        status: HTTP status of the answer; None = no answer.
        retryable: the same call may succeed later.
    """

    def __init__(self, message: str, *, status: int | None = None, retryable: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.retryable = retryable
