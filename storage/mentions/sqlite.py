"""A mention store in one SQLite file with full-text search; several processes may use it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from domain.codec import from_json
from domain.counting import CountBy, CountRow, HistogramBar, TermCount
from domain.mention import Engagement, Mention
from domain.moment import Window
from domain.ports import Page, PutResult
from domain.query import Node
from domain.tagging import Polarity
from storage.author import is_author
from storage.mentions.ask import bar_starts, count_window, matcher_of, require_keyword, sort_rows, terms_of, values_of
from storage.mentions.counting import brands_of, count_authors, count_rows
from storage.mentions.cursor import from_ms, place_of, read_cursor, write_cursor
from storage.mentions.fields import COLUMNS
from storage.mentions.merge import PutTally, last_of_each, merge
from storage.mentions.pool import Pool
from storage.mentions.rows import delete_rows, expired_rows, load_docs, load_walked, write_outcomes
from storage.mentions.select import Ask, bounds_of, slices
from storage.mentions.walk import Walked
from storage.room import breathe
from storage.text import encodable, json_forms

__all__ = ["SqliteMentions"]

_BATCH = 500


class SqliteMentions:
    """Implements `MentionWriter`, `MentionSearch` and `CountSource` on SQLite FTS5."""

    def __init__(self, path: Path) -> None:
        self._pool = Pool(path)

    def put(self, mentions: Sequence[Mention], *, now: datetime) -> PutResult:
        """Store tagged mentions in one transaction; they can be found when this returns."""
        distinct = last_of_each(mentions)
        if not distinct:
            return PutTally().result()
        done = PutTally()
        with self._pool.write() as connection:
            known = load_docs(connection, [encodable(mention.id) for mention in distinct])
            outcomes = []
            for mention in distinct:
                before = known.get(encodable(mention.id))
                outcome = merge(before.mention if before else None, mention, now=now)
                outcomes.append((before.row if before else None, before.mention if before else None, outcome))
                done.add(outcome)
            write_outcomes(connection, outcomes)
        return done.result()

    def delete_before(self, moment: datetime, *, candidates: bool) -> int:
        """Delete mentions (or candidates) first collected before `moment`; return how many.

        One transaction for each 500 and a pause after it, so that others may write in between.
        """
        deleted = 0
        while True:
            with self._pool.write() as connection:
                rows = expired_rows(connection, moment, candidates=candidates, limit=_BATCH)
                if rows:
                    delete_rows(connection, rows)
            deleted += len(rows)
            if len(rows) < _BATCH:
                break
            breathe()
        if deleted:
            self._pool.give_back()
        return deleted

    def erase_author(self, *, platform: str, author_id: str | None = None, name: str | None = None) -> int:
        """Delete all mentions of one author with their history; return how many.

        The words leave the full-text index and the log too.
        """
        sql = (
            "SELECT m.row, d.doc FROM mentions m JOIN docs d ON d.row = m.row WHERE m.platform = ? "
            "AND m.row IN (SELECT row FROM mentions WHERE author_id = ? "
            "UNION SELECT row FROM mentions WHERE author_name = ?)"
        )
        with self._pool.write() as connection:
            connection.execute("PRAGMA secure_delete=ON")
            rows = [
                row
                for row, doc in connection.execute(sql, (platform, author_id, name)).fetchall()
                if is_author(from_json(Mention, doc).post.author, author_id=author_id, name=name)
            ]
            for start in range(0, len(rows), _BATCH):
                delete_rows(connection, rows[start : start + _BATCH])
        if rows:
            self._pool.vacuum()
        return len(rows)

    def holding(self, platform: str, words: Sequence[str]) -> Iterator[Mention]:
        """Yield a platform's mentions that hold one of the words anywhere, in order of arrival; none for no words."""
        forms = [form for word in words for form in json_forms(encodable(word))]
        holds = " OR ".join("instr(d.doc, ?)" for _ in forms) or "0"
        sql = f"SELECT d.row, d.doc FROM docs d JOIN mentions m ON m.row = d.row WHERE m.platform = ? AND ({holds}) "
        sql += "AND d.row > ? ORDER BY d.row LIMIT ?"
        row = 0
        while True:
            with self._pool.read() as connection:
                found = connection.execute(sql, (platform, *forms, row, _BATCH)).fetchall()
            yield from (from_json(Mention, doc) for _, doc in found)
            if len(found) < _BATCH:
                return
            row = found[-1][0]

    def compact(self) -> None:
        """Rewrite the file, so that nothing deleted is left in it, in its index or in its log."""
        self._pool.compact()

    def get(self, ids: Sequence[str]) -> Mapping[str, Mention]:
        """Return the mentions that exist, by id; missing ids are absent."""
        wanted = [id for id in dict.fromkeys(ids) if id == encodable(id)]
        with self._pool.read() as connection:
            known = load_docs(connection, wanted)
        return {id: known[id].mention for id in wanted if id in known}

    def search(
        self, query: Node, *, now: datetime, window: Window | None = None, limit: int = 50, after: str | None = None
    ) -> Page:
        """Return mentions that match, newest event first; `window` bounds event_at."""
        matches, place = matcher_of(query, now), read_cursor(after) if after is not None else None
        found: list[Mention] = []
        with self._pool.read() as connection:
            for bounds in slices(connection, window, place):
                ask = Ask(connection, query, matches, now, bounds)
                found.extend(ask.newest(place, limit + 1 - len(found)))
                if len(found) > limit:
                    break
        more = len(found) > limit > 0
        page = tuple(found[:limit])
        return Page(mentions=page, next=write_cursor(place_of(page[-1])) if more else None)

    def count(self, query: Node, *, now: datetime, window: Window | None = None) -> int:
        """Return how many mentions match."""
        matches = matcher_of(query, now)
        with self._pool.read() as connection:
            ask = Ask(connection, query, matches, now, bounds_of(connection, window))
            if ask.exact:
                return int(ask.select("count(*)").fetchone()[0])
            return sum(1 for _ in ask.mentions())

    def histogram(self, query: Node, *, now: datetime, window: Window, interval: timedelta) -> Sequence[HistogramBar]:
        """Return bars over the window, oldest first, empty ones included."""
        starts, matches = bar_starts(window, interval), matcher_of(query, now)
        found: Counter[int] = Counter()
        with self._pool.read() as connection:
            ask = Ask(connection, query, matches, now, bounds_of(connection, window))
            if ask.exact:
                moments = ask.select("m.event_ms, count(*)", "GROUP BY m.event_ms")
                for event_ms, mentions in moments:
                    found[(from_ms(event_ms) - window.start) // interval] += mentions
            else:
                found.update((mention.event_at - window.start) // interval for mention in ask.mentions())
        return [HistogramBar(start=start, mentions=found[index]) for index, start in enumerate(starts)]

    def terms(
        self, query: Node, *, now: datetime, field: str, window: Window | None = None, limit: int = 20
    ) -> Sequence[TermCount]:
        """Return the commonest values of a public keyword field, most first, ties by value.

        Raises:
            QueryError: the field is no keyword field.
        """
        require_keyword(field)
        matches = matcher_of(query, now)
        found: Counter[str] = Counter()
        with self._pool.read() as connection:
            ask = Ask(connection, query, matches, now, bounds_of(connection, window))
            if ask.exact and field in COLUMNS:
                column = f"m.{COLUMNS[field].name}"
                found.update(
                    {term: count for term, count in ask.select(f"{column}, count(*)", f"GROUP BY {column}") if term}
                )
            else:
                for mention in ask.mentions():
                    found.update(values_of(mention, field))
        return terms_of(found, limit)

    def engagement_history(self, mention: str) -> Sequence[tuple[datetime, Engagement]]:
        """Return the readings of a mention's counters, oldest first; empty if unknown."""
        sql = "SELECT at_ms, doc FROM readings WHERE row = (SELECT row FROM mentions WHERE id = ?) ORDER BY at_ms"
        with self._pool.read() as connection:
            rows = connection.execute(sql, (encodable(mention),)).fetchall()
        return [(from_ms(at_ms), from_json(Engagement, doc)) for at_ms, doc in rows]

    def counts(self, window: Window, *, brand: str | None = None, by: CountBy | None = None) -> Sequence[CountRow]:
        """Return rows per 5-minute bucket of event time, oldest first; empty buckets absent."""
        whole = count_window(window)
        with self._pool.read() as connection:
            brands = [brand] if brand is not None else brands_of(connection)
            rows = [row for each in brands for row in count_rows(connection, each, whole, by)]
        return sort_rows(rows)

    def distinct_authors(
        self,
        window: Window,
        *,
        brand: str,
        polarity: Polarity | None = None,
        story: str | None = None,
        include_backfill: bool = False,
    ) -> int:
        """Return the exact number of distinct authors, see `storage.author.author_key`."""
        with self._pool.read() as connection:
            return count_authors(
                connection, window, brand=brand, polarity=polarity, story=story, include_backfill=include_backfill
            )

    def walk(self, after: int, limit: int) -> list[Walked]:
        """Return at most `limit` mentions that arrived after a row, in order, with all that belongs to them."""
        rows = "SELECT row, doc FROM docs WHERE row > ? ORDER BY row LIMIT ?"
        with self._pool.read() as connection:
            docs = connection.execute(rows, (after, limit)).fetchall()
            if not docs:
                return []
            span = (docs[0][0], docs[-1][0])
            readings: dict[int, list[tuple[int, str]]] = {}
            old_texts: dict[int, list[tuple[int, str]]] = {}
            for found, table, value in ((readings, "readings", "doc"), (old_texts, "old_texts", "text_hash")):
                sql = f"SELECT row, at_ms, {value} FROM {table} WHERE row BETWEEN ? AND ? ORDER BY row, at_ms"
                for row, at_ms, text in connection.execute(sql, span):
                    found.setdefault(row, []).append((at_ms, text))
        return [
            Walked(row=row, doc=doc, readings=tuple(readings.get(row, ())), old_texts=tuple(old_texts.get(row, ())))
            for row, doc in docs
        ]

    def load(self, mentions: Sequence[Walked]) -> int:
        """Store mentions of another store as they were there, in one transaction; return how many were not here."""
        with self._pool.write() as connection:
            return load_walked(connection, mentions)

    def left(self, after: int) -> int:
        """Return how many mentions arrived after a row."""
        with self._pool.read() as connection:
            return int(connection.execute("SELECT count(*) FROM docs WHERE row > ?", (after,)).fetchone()[0])

    def last_row(self) -> int:
        """Return the row of the mention that arrived last, 0 = there is none."""
        with self._pool.read() as connection:
            return int(connection.execute("SELECT coalesce(max(row), 0) FROM docs").fetchone()[0])

    def close(self) -> None:
        """Close the file."""
        self._pool.close()
