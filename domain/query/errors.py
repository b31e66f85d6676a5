"""Errors of the query language: what is wrong, where, and how to write it."""

import unicodedata
from enum import StrEnum

from domain.errors import TingfengError

__all__ = ["Problem", "QueryError", "QuerySyntaxError"]


class QueryError(TingfengError):
    """A query that cannot be read or cannot be evaluated."""


class Problem(StrEnum):
    """Why a query cannot be read; stable, so that a screen can translate it."""

    UNCLOSED_QUOTE = "unclosed_quote"
    UNCLOSED_PAREN = "unclosed_paren"
    UNCLOSED_BRACE = "unclosed_brace"
    UNEXPECTED_CLOSE = "unexpected_close"
    UNEXPECTED_TEXT = "unexpected_text"
    MISSING_VALUE = "missing_value"
    MISSING_CLAUSE = "missing_clause"
    BAD_NEAR = "bad_near"
    TOO_DEEP = "too_deep"
    TOO_LONG = "too_long"


class QuerySyntaxError(QueryError):
    """A query that breaks the grammar; its text shows the place with a caret.

    Attributes:
        problem: what is wrong.
        message: one sentence without the place.
        query: the whole query as given.
        position: 0-based index into `query` of the first character that does not fit;
            `len(query)` when something is missing at the end.
        hint: how to write it; empty when there is nothing to add.
    """

    def __init__(self, problem: Problem, message: str, *, query: str, position: int, hint: str = "") -> None:
        self.problem = problem
        self.message = message
        self.query = query
        self.position = position
        self.hint = hint
        super().__init__(self._render())

    @property
    def line(self) -> int:
        """Line of the position, 1-based."""
        return self.query.count("\n", 0, self.position) + 1

    @property
    def column(self) -> int:
        """Column of the position in its line, 0-based, in characters."""
        return self.position - (self.query.rfind("\n", 0, self.position) + 1)

    def excerpt(self, width: int = 72) -> str:
        """Return the line at fault and below it a caret, aligned for a fixed-width screen.

        Args:
            width: at most this many characters of the line are shown, around the place.
        """
        start = self.position - self.column
        line = self.query[start:].split("\n", 1)[0].replace("\t", " ").replace("\r", " ")
        first = max(0, self.column - width // 2)
        shown = line[first : first + width]
        lead = "…" if first else ""
        return f"{lead}{shown}\n{' ' * len(lead)}{_blank(line[first : self.column])}^"

    def _render(self) -> str:
        place = f"line {self.line}, column {self.column + 1}" if "\n" in self.query else f"column {self.column + 1}"
        hint = f"\n{self.hint}" if self.hint else ""
        return f"query syntax: {self.message} at {place}\n{self.excerpt()}{hint}"


def _blank(text: str) -> str:
    """Return blanks as wide on screen as `text`: two columns for a wide character."""
    return "".join("\u3000" if unicodedata.east_asian_width(char) in "WF" else " " for char in text)
