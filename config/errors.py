"""What is wrong with a settings file, all of it at once, each with its place and its remedy."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from domain.errors import TingfengError

__all__ = ["ConfigError", "Problem", "quote", "redact"]

_CREDENTIALS = (
    (re.compile(r"(?i)\b(key|token|secret|password|passwd|pwd|sign|access_token)=[^&\s#]+"), r"\1=***"),
    (re.compile(r"://[^/@\s]+@"), "://***@"),
    (re.compile(r"\bxox[a-z]-[\w-]+"), "xox…***"),
    (re.compile(r"(hooks\.slack\.com/services/)\S+"), r"\1***"),
    (re.compile(r"\b[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "***"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake in a settings file."""

    file: str
    """File it is in, as given by the caller."""
    line: int
    """Line, from 1; 0 = the file as a whole."""
    column: int
    """Column in characters, from 1; 0 = the line as a whole."""
    key_path: str
    """Where in the tree, such as `sources[2].interval`; empty = the top."""
    problem: str
    """What is wrong; holds no secret."""
    fix: str = ""
    """What to write instead; empty = the problem says it."""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        path = f"{self.key_path}: " if self.key_path else ""
        fix = f"\n    → {self.fix}" if self.fix else ""
        return f"{place}: {path}{self.problem}{fix}"


class ConfigError(TingfengError):
    """The settings cannot be used; `problems` holds every mistake in order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda one: (one.file, one.line, one.column)))
        """All mistakes, by file, line and column; never empty."""
        count = len(self.problems)
        head = f"{count} problems in the settings:\n" if count > 1 else ""
        super().__init__(head + "\n".join(str(problem) for problem in self.problems))


def redact(text: str) -> str:
    """Mask what looks like a credential: keys in addresses, user info, Slack tokens and hooks, UUIDs."""
    for pattern, mask in _CREDENTIALS:
        text = pattern.sub(mask, text)
    return text


def quote(text: str) -> str:
    """Quote a value for a message: on one line, at most 60 characters, what looks like a credential masked."""
    text = " ".join(redact(text).split())
    return f"`{text if len(text) <= 60 else text[:59] + '…'}`"
