"""Errors of collection."""

from domain.errors import TingfengError

__all__ = ["CrawlError", "GuardError", "ManifestError", "SourceError"]


class CrawlError(TingfengError):
    """Root of the errors of collection."""


class SourceError(CrawlError):
    """A source cannot be visited as it is configured; the message says what to write."""

    def __init__(self, source: str, problem: str) -> None:
        super().__init__(f"source {source!r}: {problem}")
        self.source = source
        """Name of the source."""
        self.problem = problem
        """What is wrong and what to write instead."""


class ManifestError(CrawlError):
    """A manifest of saved payloads cannot be read."""


class GuardError(CrawlError, OSError):
    """A request was refused because it would reach an internal address or leave HTTP."""

    def __init__(self, target: str, reason: str) -> None:
        super().__init__(f"refused {target}: {reason}")
        self.target = target
        """Host, address or link that was refused, at most 200 characters."""
        self.reason = reason
        """Why, in words."""
