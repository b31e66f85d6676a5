"""Ask the tables of the SQLite store what matches a query."""

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime

from domain.codec import from_json
from domain.document import public_fields
from domain.mention import Mention
from domain.moment import Window
from domain.query import Matcher, Node
from storage.mentions.cursor import Place, ceil_ms
from storage.mentions.schema import HOUR_MS
from storage.mentions.where import Bounds, compile_where
from storage.text import THESE, json_list

__all__ = ["Ask", "bounds_of", "slices"]

_FIRST_SLICE_MS = 24 * HOUR_MS
_GROWTH = 8
_CHUNK = 200


class Ask:
    """One query between two event times, inside one transaction."""

    def __init__(
        self, connection: sqlite3.Connection, query: Node, matches: Matcher, now: datetime, bounds: Bounds
    ) -> None:
        condition = compile_where(query, now=now, bounds=bounds)
        self.exact = condition.exact
        self._connection = connection
        self._matches = matches
        # `+` keeps SQLite from walking the index of event times where the query itself is narrow.
        self._event = "+m.event_ms" if condition.drives else "m.event_ms"
        self._where, self._values = condition.sql, condition.values
        for bound, sign in ((bounds.start_ms, ">="), (bounds.end_ms, "<")):
            if bound is not None:
                self._where += f" AND {self._event} {sign} ?"
                self._values = (*self._values, bound)

    def select(self, columns: str, tail: str = "") -> sqlite3.Cursor:
        """Run a SELECT over the rows that SQL finds; the whole answer only if `exact`."""
        return self._connection.execute(f"SELECT {columns} FROM mentions m WHERE {self._where} {tail}", self._values)

    def mentions(self) -> Iterator[Mention]:
        """Yield all that matches, in no order."""
        sql = f"SELECT d.doc FROM mentions m JOIN docs d ON d.row = m.row WHERE {self._where}"
        for (doc,) in self._connection.execute(sql, self._values):
            mention = from_json(Mention, doc)
            if self.exact or self._matches(public_fields(mention)):
                yield mention

    def newest(self, after: Place | None, limit: int) -> Iterator[Mention]:
        """Yield at most `limit` that match and come after a place, newest first."""
        where, values = self._where, self._values
        if after is not None:
            where += f" AND ({self._event}, m.id) < (?, ?)"
            values = (*values, *after)
        sql = f"SELECT m.row FROM mentions m WHERE {where} ORDER BY {self._event} DESC, m.id DESC"
        if self.exact:
            sql += " LIMIT ?"
            values = (*values, limit)
        rows = self._connection.execute(sql, values)
        found = 0
        while found < limit and (part := [row for (row,) in rows.fetchmany(_CHUNK)]):
            for mention in self._load(part):
                if found < limit and (self.exact or self._matches(public_fields(mention))):
                    found += 1
                    yield mention

    def _load(self, rows: Sequence[int]) -> Iterator[Mention]:
        docs = dict(self._connection.execute(f"SELECT row, doc FROM docs WHERE row IN {THESE}", (json_list(rows),)))
        return (from_json(Mention, docs[row]) for row in rows)


def bounds_of(connection: sqlite3.Connection, window: Window | None) -> Bounds:
    """Return what is known of every row inside a window."""
    if window is None:
        return Bounds()
    start_ms = ceil_ms(window.start)
    return Bounds(first_row=_first_row(connection, start_ms), start_ms=start_ms, end_ms=ceil_ms(window.end))


def slices(connection: sqlite3.Connection, window: Window | None, after: Place | None) -> Iterator[Bounds]:
    """Yield windows from the newest event back, each longer than the last.

    The newest results of a common word are found in the first slices; the rest of its
    hits is then never sorted.
    """
    whole = bounds_of(connection, window)
    end, low = whole.end_ms, whole.start_ms
    if after is not None:
        end = min(after[0] + 1, end) if end is not None else after[0] + 1
    if low is None:
        low = connection.execute("SELECT min(event_ms) FROM mentions").fetchone()[0]
    span = _FIRST_SLICE_MS
    while low is not None and (top := _newest(connection, end)) is not None and top >= low:
        start = max(low, top + 1 - span)
        yield Bounds(first_row=_first_row(connection, start), start_ms=start, end_ms=top + 1)
        end, span = start, span * _GROWTH


def _newest(connection: sqlite3.Connection, end_ms: int | None) -> int | None:
    if end_ms is None:
        found = connection.execute("SELECT max(event_ms) FROM mentions").fetchone()
    else:
        found = connection.execute("SELECT max(event_ms) FROM mentions WHERE event_ms < ?", (end_ms,)).fetchone()
    return None if found[0] is None else int(found[0])


def _first_row(connection: sqlite3.Connection, start_ms: int) -> int:
    """Return a row before which nothing has its event at or after a moment.

    Nothing happens after it was collected, so such a row was first collected then too.
    """
    sql = "SELECT min(first_row) FROM arrivals WHERE hour >= ?"
    found = connection.execute(sql, (start_ms // HOUR_MS,)).fetchone()
    return int(found[0]) if found[0] is not None else 0
