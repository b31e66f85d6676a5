"""The root of every error that Tingfeng raises on purpose."""

__all__ = ["DomainError", "TingfengError"]


class TingfengError(Exception):
    """Root of all our errors; the message says what, where and what to do."""


class DomainError(TingfengError):
    """A value that breaks a rule of the domain, such as a naive datetime."""
