"""Takes one author out of every table of the state."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Connection, RowMapping, Table, delete, or_, select, update

from domain.codec import from_json
from domain.errors import DomainError
from domain.mention import Mention
from domain.moment import to_rfc3339
from storage.author import is_author
from storage.scrub import Erased, scrub_mention, scrub_plain
from storage.state.accounts import forget_account
from storage.state.database import Database, chunked
from storage.state.inbox import ERASED_HASH
from storage.state.tables import (
    DEAD_LETTERS,
    DELIVERIES,
    EVALUATIONS,
    INBOX,
    INCIDENTS,
    SEEN,
    SILENCES,
    TREND_SPELLS,
    VISITS,
)
from storage.text import doc_of, encodable, json_forms

__all__ = ["Author", "erase", "find_queued"]

_PASSES = 5
_WORDS = 50
_RECORDS: Sequence[tuple[Table, str]] = (
    (VISITS, "doc"),
    (INCIDENTS, "doc"),
    (EVALUATIONS, "reason"),
    (DELIVERIES, "doc"),
    (SILENCES, "doc"),
    (TREND_SPELLS, "title"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Whose posts are meant."""

    platform: str
    """His platform."""
    author_id: str | None
    """Native id; None = not known."""
    name: str | None
    """Shown name; None = not known."""

    def wrote(self, mention: Mention) -> bool:
        """Say whether a mention is his."""
        post = mention.post
        return post.platform == self.platform and is_author(post.author, author_id=self.author_id, name=self.name)


def find_queued(database: Database, author: Author) -> list[Mention]:
    """Return what he wrote and waits in the inbox or is set aside there."""
    found: list[Mention] = []
    with database.read() as connection:
        for table in (INBOX, DEAD_LETTERS):
            his = table.c.mention.startswith(f"{author.platform}:", autoescape=True)
            for doc in connection.scalars(select(table.c.doc).where(his)):
                mention = _readable(doc)
                if mention is not None and author.wrote(mention):
                    found.append(mention)
    return found


def erase(database: Database, author: Author, who: Erased, *, now: datetime, preview: bool = False) -> dict[str, int]:
    """Delete his queued posts and take his name and words out of everything else.

    The ids of his posts stay known, so that a visit does not bring them back, also with other counters.
    What another process writes in the same moment is looked at again.

    Args:
        database: the state.
        author: whose queued posts are deleted.
        who: his names, ids and links, from everything that is stored of him.
        now: the present moment, UTC.
        preview: only count.

    Returns:
        Rows changed or deleted by table; tables without any are absent.
    """
    done: Counter[str] = Counter()
    for _ in range(1 if preview else _PASSES):
        with database.write() if not preview else database.read() as connection:
            step = Counter(
                {table.name: _queue(connection, table, author, who, preview) for table in (INBOX, DEAD_LETTERS)}
            )
            for table, column in _RECORDS:
                step[table.name] += _records(connection, table, table.c[column], who, preview)
            if author.author_id:
                step["account_readings"] += forget_account(
                    connection, author.platform, author.author_id, preview=preview
                )
            if not preview:
                _stay_known(database, connection, sorted(who.ids), to_rfc3339(now))
        done.update(step)
        if not sum(step.values()):
            break
    return {name: rows for name, rows in done.items() if rows}


def _stay_known(database: Database, connection: Connection, ids: Sequence[str], at: str) -> None:
    row = {
        "text_hash": ERASED_HASH,
        "engagement_hash": "",
        "first_collected_at": at,
        "month": at[:7],
        "last_seen_at": at,
    }
    for part in chunked(ids):
        rows = [{"id": encodable(id)} | row for id in part]
        database.put_rows(connection, SEEN, rows, key="id", change=("text_hash",))


def _queue(connection: Connection, table: Table, author: Author, who: Erased, preview: bool) -> int:
    changed = 0
    his = table.c.mention.startswith(f"{author.platform}:", autoescape=True)
    for row in connection.execute(select(table).where(his)).mappings().all():
        mention = _readable(row["doc"])
        gone = author.wrote(mention) if mention is not None else _names(row["doc"], who)
        after = {name: value for name, value in _scrubbed(row, mention, who).items() if value != row[name]}
        if not gone and not after:
            continue
        changed += 1
        if not preview:
            this = table.c.row == row["row"]
            connection.execute(delete(table).where(this) if gone else update(table).where(this).values(after))
    return changed


def _scrubbed(row: RowMapping, mention: Mention | None, who: Erased) -> dict[str, str]:
    after: dict[str, str] = {}
    if mention is not None and (scrubbed := scrub_mention(mention, who)) is not mention:
        after["doc"] = doc_of(scrubbed)
    if "reason" in row:
        after["reason"] = scrub_plain(row["reason"], who)
    return after


def _records(connection: Connection, table: Table, column: Column[str], who: Erased, preview: bool) -> int:
    (key,) = table.primary_key.columns
    quoted = sorted(who.urls | who.ids) if table is DELIVERIES or table is INCIDENTS else []
    changed = 0
    for some in chunked([form for word in (*who.words, *quoted) for form in json_forms(word)], _WORDS):
        holds = or_(*(column.contains(form, autoescape=True) for form in some))
        for id, text in connection.execute(select(key, column).where(holds)).all():
            after = encodable(scrub_plain(text, who))
            if after == text:
                continue
            changed += 1
            if not preview:
                put = update(table).where(key == id, column == text).values({column.name: after})
                if table is INCIDENTS:  # whoever read it before must read it again
                    put = put.values(version=INCIDENTS.c.version + 1)
                connection.execute(put)
    return changed


def _names(doc: str, who: Erased) -> bool:
    return any(form in doc for name in who.names for form in json_forms(name))


def _readable(doc: str) -> Mention | None:
    try:
        return from_json(Mention, doc)
    except DomainError:
        return None
