"""The durable queue between crawling and tagging, and the changed rows behind it."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from domain.codec import from_json
from domain.errors import DomainError
from domain.ids import other_ids, text_hash
from domain.mention import Flag, Mention
from domain.moment import from_rfc3339, to_rfc3339
from domain.ports import AppendResult, Change, InboxKind, InboxRow
from storage.state.claim import CLAIM_CHANGES, LEASE_ROWS, parameters
from storage.state.database import AMONG, Database, chunked
from storage.state.tables import CHANGED, DEAD_LETTERS, INBOX, SEEN
from storage.text import doc_of, encodable

__all__ = ["ERASED_HASH", "GONE_MARK", "MAX_REASON", "SqlInbox", "same_as"]

logger = logging.getLogger(__name__)

MAX_REASON = 300
"""Longest reason of a dead letter, characters."""
ERASED_HASH = "erased"
"""Text hash of a post that was erased: it stays known and is never queued again."""
GONE_MARK = ":gone"
"""Ends the engagement hash of a deleted post: a list that still shows it as it was does not bring it back."""
_SAME_AS = "="
"""Begins the text hash of an id that another road gives to a post; the id that the post has here follows."""
_TOUCH = timedelta(days=1)


def same_as(id: str) -> str:
    """Return the text hash of the other ids of a post that is known by `id`."""
    return _SAME_AS + id


class SqlInbox:
    """Implements `domain.ports.Inbox`; safe over several processes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        among = database.among(SEEN.c.id)
        columns = (SEEN.c.id, SEEN.c.text_hash, SEEN.c.engagement_hash, SEEN.c.first_collected_at, SEEN.c.last_seen_at)
        self._known = select(SEEN.c.id).where(among)
        self._seen_rows = select(*columns).where(among, SEEN.c.text_hash != "")
        self._locked = self._known.order_by(SEEN.c.id).with_for_update()

    def append(self, mentions: Sequence[Mention], *, now: datetime) -> AppendResult:
        """Remember ids as seen and queue what is new or changed, in one transaction.

        Of two mentions with one id in a batch the second counts against the first. A row
        for a changed mention carries the first_collected_at of its first sight. A post that
        is known here by one of its other ids (`domain.ids.other_ids`) is known, and stays as
        it is under the id of its first sight.
        """
        if not mentions:
            return AppendResult(new=frozenset(), changed=frozenset(), known=0)
        with self._database.write() as connection:
            others = {mention.id: tuple(map(encodable, other_ids(mention.post))) for mention in mentions}
            ids = sorted({encodable(mention.id) for mention in mentions}.union(*others.values()))
            if self._database.dialect == "postgresql":
                self._reserve(connection, ids, now)
            batch = _Batch(self._seen(connection, ids), now)
            for mention in mentions:
                batch.add(mention, encodable(mention.id), others[mention.id])
            self._write(connection, batch)
        logger.debug("inbox append new=%d changed=%d known=%d", len(batch.new), len(batch.changed), batch.known)
        return AppendResult(new=frozenset(batch.new), changed=frozenset(batch.changed), known=batch.known)

    def _reserve(self, connection: Connection, ids: Sequence[str], now: datetime) -> None:
        """Lock the seen rows of `ids`, in order; unknown ones are made and hold no text hash yet.

        Of two processes that bring the same new id together the second waits here and then
        finds it known.
        """
        at = to_rfc3339(now)
        empty = {"text_hash": "", "engagement_hash": "", "first_collected_at": at, "month": at[:7], "last_seen_at": at}
        self._database.put_rows(connection, SEEN, [{"id": id} | empty for id in ids], key="id")
        for part in chunked(ids, AMONG):
            connection.execute(self._locked, self._database.these(part)).all()

    def _seen(self, connection: Connection, ids: Sequence[str]) -> dict[str, tuple[str, str, str, str]]:
        found: dict[str, tuple[str, str, str, str]] = {}
        for part in chunked(ids, AMONG):
            for row in connection.execute(self._seen_rows, self._database.these(part)):
                found[row[0]] = (row[1], row[2], row[3], row[4])
        return found

    def _write(self, connection: Connection, batch: "_Batch") -> None:
        put = self._database.put_rows
        # In one order in every process, so that none waits for another in a circle.
        seen = [batch.seen_rows[id] for id in sorted(batch.seen_rows)]
        put(connection, SEEN, seen, key="id", change=[column.name for column in SEEN.c if column.name != "id"])
        put(connection, INBOX, batch.inbox_rows)

    def known(self, ids: Sequence[str]) -> frozenset[str]:
        """Return those of `ids` that were seen before."""
        found: set[str] = set()
        for part in chunked(map(encodable, ids), AMONG):
            found.update(self._database.find(self._known, part))
        return frozenset(id for id in ids if encodable(id) in found) if found else frozenset()

    def lease(self, *, owner: str, limit: int, lease: timedelta, now: datetime) -> Sequence[InboxRow]:
        """Take up to `limit` rows, oldest first, for `lease`; expired leases are taken again.

        A row waits while an earlier row of the same mention is leased or delayed, so that
        two workers never store an older text over a newer one. A row that cannot be read
        becomes a dead letter.
        """
        claim = parameters(owner=owner, limit=limit, lease=lease, now=now)
        rows: list[InboxRow] = []
        with self._database.write() as connection:
            for number, kind, doc, attempts in sorted(connection.execute(LEASE_ROWS, claim)):
                try:
                    mention = from_json(Mention, doc)
                except DomainError as err:
                    logger.warning("inbox row unreadable row=%d cause=%s", number, err)
                    _bury(connection, INBOX.c.row == number, reason=f"unreadable: {err}", now=now)
                    continue
                rows.append(InboxRow(row=number, kind=InboxKind(kind), mention=mention, attempts=attempts))
        return rows

    def ack(self, rows: Sequence[int], changes: Sequence[Change], *, owner: str, now: datetime) -> None:
        """Remove rows that `owner` holds and write their changes, in one transaction.

        Changes are written even for rows that another owner has taken meanwhile: they
        only ask for another look.
        """
        values = [
            {
                "mention": change.mention,
                "brand": change.brand,
                "bucket": to_rfc3339(change.bucket),
                "at": to_rfc3339(change.at),
                "free_at": to_rfc3339(now),
            }
            for change in changes
        ]
        with self._database.write() as connection:
            for part in chunked(rows):
                done = delete(INBOX).where(self._database.among(INBOX.c.row), INBOX.c.owner == owner)
                connection.execute(done, self._database.these(part))
            self._database.put_rows(connection, CHANGED, values)

    def release(self, rows: Sequence[int], *, owner: str, now: datetime, delay: timedelta, tried: bool) -> None:
        """Give rows back; they may be leased again after `delay`. `tried` = this lease stays an attempt."""
        with self._database.write() as connection:
            for part in chunked(rows):
                given = update(INBOX).where(self._database.among(INBOX.c.row), INBOX.c.owner == owner)
                given = given.values(
                    owner=None, free_at=to_rfc3339(now + delay), attempts=INBOX.c.attempts - int(not tried)
                )
                connection.execute(given, self._database.these(part))

    def dead_letter(self, row: int, *, reason: str, owner: str, now: datetime) -> None:
        """Set a row aside with the reason, cut to 300 characters; no-op unless `owner` holds it."""
        with self._database.write() as connection:
            _bury(connection, (INBOX.c.row == row) & (INBOX.c.owner == owner), reason=reason, now=now)

    def depth(self) -> int:
        """Return the number of rows that wait or are leased; dead letters not counted."""
        with self._database.read() as connection:
            return connection.scalar(select(func.count()).select_from(INBOX)) or 0

    def dead_letters(self, limit: int = 100) -> Sequence[tuple[int, str, str]]:
        """Return (row, mention id, reason), newest first."""
        columns = (DEAD_LETTERS.c.row, DEAD_LETTERS.c.mention, DEAD_LETTERS.c.reason)
        newest = select(*columns).order_by(DEAD_LETTERS.c.at.desc(), DEAD_LETTERS.c.row.desc()).limit(limit)
        with self._database.read() as connection:
            return [(row, mention, reason) for row, mention, reason in connection.execute(newest)]

    def requeue(self, rows: Sequence[int] | None, *, now: datetime) -> int:
        """Put dead letters back into the queue as if never tried, all of them for None; return how many."""
        columns = (DEAD_LETTERS.c.row, DEAD_LETTERS.c.mention, DEAD_LETTERS.c.kind, DEAD_LETTERS.c.doc)
        with self._database.write() as connection:
            if rows is None:
                rows = connection.scalars(select(DEAD_LETTERS.c.row)).all()
            at, moved = to_rfc3339(now), 0
            for part in chunked(sorted(rows)):
                taken = delete(DEAD_LETTERS).where(self._database.among(DEAD_LETTERS.c.row)).returning(*columns)
                letters = connection.execute(taken, self._database.these(part)).all()
                letters = sorted(letters)
                values = [
                    {"mention": mention, "kind": kind, "doc": doc, "free_at": at, "added_at": at}
                    for _, mention, kind, doc in letters
                ]
                self._database.put_rows(connection, INBOX, values)
                moved += len(values)
        return moved

    def claim_changes(self, *, owner: str, limit: int, lease: timedelta, now: datetime) -> Sequence[Change]:
        """Take up to `limit` changed rows, oldest first; `Desk.commit` deletes them."""
        claim = parameters(owner=owner, limit=limit, lease=lease, now=now)
        with self._database.write() as connection:
            taken = sorted(connection.execute(CLAIM_CHANGES, claim))
        return [
            Change(mention=mention, brand=brand, bucket=from_rfc3339(bucket), at=from_rfc3339(at), row=row)
            for row, mention, brand, bucket, at in taken
        ]

    def take_back(self, *, owner: str, now: datetime) -> int:
        """Free what an `owner` of the same name, dead by now, had taken; its attempts count."""
        free = {"owner": None, "free_at": to_rfc3339(now)}
        with self._database.write() as connection:
            taken = [connection.execute(update(of).where(of.c.owner == owner).values(free)) for of in (INBOX, CHANGED)]
            return sum(each.rowcount for each in taken)


class _Batch:
    """What one append will write."""

    def __init__(self, seen: dict[str, tuple[str, str, str, str]], now: datetime) -> None:
        self.new: set[str] = set()
        self.changed: set[str] = set()
        self.known = 0
        self.seen_rows: dict[str, dict[str, str]] = {}
        self.inbox_rows: list[dict[str, str]] = []
        self._seen = seen
        self._now = to_rfc3339(now)
        self._stale = to_rfc3339(now - _TOUCH)

    def add(self, mention: Mention, id: str, others: Sequence[str]) -> None:
        own = self._own(id, others)
        if own == id:
            self._add(mention, id)
        else:
            self.known += 1
        for other in (id, *others):
            if other not in self._seen:
                self._remember(other, same_as(own), "", self._now)

    def _own(self, id: str, others: Sequence[str]) -> str:
        """Return the id under which a post is known here, its own if under none."""
        before = self._seen.get(id)
        if before is not None:
            return before[0].removeprefix(_SAME_AS) if before[0].startswith(_SAME_AS) else id
        return next((each for each in others if not self._seen.get(each, (_SAME_AS,))[0].startswith(_SAME_AS)), id)

    def _add(self, mention: Mention, id: str) -> None:
        text, engagement = text_hash(mention.post.title, mention.post.text), _engagement_hash(mention)
        before = self._seen.get(id)
        first = before[2] if before else to_rfc3339(mention.first_collected_at)
        if before is not None and before[0] == ERASED_HASH:
            text, engagement = before[:2]
        if before is not None and Flag.DELETED not in mention.flags and before[:2] == (text, engagement + GONE_MARK):
            engagement = before[1]
        same = before is not None and before[:2] == (text, engagement)
        if not same or (before is not None and before[3] < self._stale):
            self._remember(id, text, engagement, first)
        if same:
            self.known += 1
            return
        kind = InboxKind.NEW if before is None else InboxKind.CHANGED
        if before is None:
            self.new.add(id)
        elif id not in self.new:
            self.changed.add(id)
        doc = _with_first(mention, first)
        self.inbox_rows.append(
            {"mention": id, "kind": kind.value, "doc": doc, "free_at": self._now, "added_at": self._now}
        )

    def _remember(self, mention_id: str, text: str, engagement: str, first: str) -> None:
        self._seen[mention_id] = (text, engagement, first, self._now)
        self.seen_rows[mention_id] = {
            "id": mention_id,
            "text_hash": text,
            "engagement_hash": engagement,
            "first_collected_at": first,
            "month": first[:7],
            "last_seen_at": self._now,
        }


def _with_first(mention: Mention, first: str) -> str:
    if to_rfc3339(mention.first_collected_at) == first:
        return doc_of(mention)
    return doc_of(replace(mention, first_collected_at=from_rfc3339(first)))


def _engagement_hash(mention: Mention) -> str:
    extra = mention.post.extra_counters
    counters = doc_of(mention.post.engagement) + (doc_of(extra) if extra else "[]")
    mark = GONE_MARK if Flag.DELETED in mention.flags else ""
    return hashlib.sha256(counters.encode()).hexdigest()[:16] + mark


def _bury(connection: Connection, which: ColumnElement[bool], *, reason: str, now: datetime) -> None:
    columns = (INBOX.c.row, INBOX.c.mention, INBOX.c.kind, INBOX.c.doc, INBOX.c.attempts)
    rows = connection.execute(delete(INBOX).where(which).returning(*columns)).mappings().all()
    if rows:
        connection.execute(
            insert(DEAD_LETTERS),
            [{**row, "reason": encodable(reason[:MAX_REASON]), "at": to_rfc3339(now)} for row in rows],
        )
