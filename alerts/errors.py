"""What can go wrong between an incident and the people who must hear of it."""

from domain.errors import TingfengError

__all__ = ["NotifyError", "RouteError"]


class NotifyError(TingfengError):
    """A message cannot be told at all, such as to a receiver that does not exist."""


class RouteError(NotifyError):
    """A route's match is no valid query; `route` is its place in the file, from 0."""

    def __init__(self, message: str, *, route: int) -> None:
        super().__init__(message)
        self.route = route
