"""The analyse step: lease, tag, link, put, acknowledge. Every step may be repeated."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.clock import Clock
from domain.errors import TingfengError
from domain.mention import Mention
from domain.moment import bucket_of
from domain.ports import Change, Inbox, InboxRow, MentionWriter, PutResult, StoryIndex, StoryItem, VisitStore
from service.bounds import BatchSize, computing_limit
from storage.errors import RejectedError

__all__ = ["BatchResult", "Pipeline", "story_item"]

logger = logging.getLogger(__name__)

Tag = Callable[[Sequence[Mention]], list[Mention]]

_ALONE = 3
"""From this attempt on, or from the last allowed one, a mention is worked on alone: it takes no other down with it."""
_TAG_LIMIT_S = 60.0
_TAG_ONE_LIMIT_S = 10.0
"""Computing time for a batch and for one mention alone; 200 take less than a second."""
_LEASE_OF_BATCHES = 4.0
"""A lease lasts so many times as long as the last batch took, and never less than configured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """What became of one batch."""

    leased: int = 0
    """Rows taken from the inbox; 0 = it was empty."""
    stored: int = 0
    """Mentions stored for the first time."""
    matched: int = 0
    """Of those, mentions that name a brand."""
    dead: int = 0
    """Rows set aside for good."""
    returned: int = 0
    """Rows given back after an error, to be tried again."""

    def __add__(self, other: "BatchResult") -> "BatchResult":
        return BatchResult(
            leased=self.leased + other.leased,
            stored=self.stored + other.stored,
            matched=self.matched + other.matched,
            dead=self.dead + other.dead,
            returned=self.returned + other.returned,
        )


class Pipeline:
    """Moves mentions from the inbox to the mention store."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        visits: VisitStore,
        stories: StoryIndex,
        mentions: MentionWriter,
        tag: Tag,
        clock: Clock,
        owner: str,
        batch: int = 200,
        lease_s: float = 300.0,
        attempts: int = 5,
        tag_limits_s: tuple[float, float] = (_TAG_LIMIT_S, _TAG_ONE_LIMIT_S),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inbox = inbox
        self._visits = visits
        self._stories = stories
        self._mentions = mentions
        self._tag = tag
        self._clock = clock
        self._owner = owner
        self._begun = False
        self._size = BatchSize(batch)
        self._lease_s = lease_s
        self._took_s = 0.0
        self._tag_limits_s = tag_limits_s
        self._monotonic = monotonic
        self._attempts = attempts
        self._alone = min(_ALONE, max(attempts, 2))

    def step(self) -> BatchResult:
        """Work one batch off; an error of a store gives the batch back, as if never tried, and is raised.

        A mention that cannot be tagged, or not in time, or that the store refuses is tried again
        alone, and after `attempts` leases set aside with the reason; the rest of its batch goes on.
        A slow store gets smaller batches, under longer leases.

        Raises:
            TingfengError: a store did not answer; nothing is lost.
        """
        begun_s = self._monotonic()
        result = BatchResult()
        try:
            result = self._step()
            return result
        finally:
            self._took_s = self._monotonic() - begun_s
            self._size.note(result.leased, self._took_s)

    def _step(self) -> BatchResult:
        now = self._clock.now()
        if not self._begun:
            back = self._inbox.take_back(owner=self._owner, now=now)
            self._begun = True
            if back:
                logger.info("rows of a process that ended before us taken back rows=%d", back)
        lease = self._clock.span(max(self._lease_s, _LEASE_OF_BATCHES * self._took_s))
        rows = self._inbox.lease(owner=self._owner, limit=self._size.rows, lease=lease, now=now)
        if not rows:
            return BatchResult()
        rows, lost = self._without_lost(rows, now)
        suspect = next((row for row in rows if row.attempts >= self._alone), None)
        if suspect is not None and len(rows) > 1:
            self._give_back([row for row in rows if row is not suspect], now, delay_s=0.0)
            rows = [suspect]
        return BatchResult(leased=lost, dead=lost) + self._work(rows, now)

    def _work(self, rows: Sequence[InboxRow], now: datetime) -> BatchResult:
        """Tag, link, put and acknowledge rows that we hold."""
        try:
            good, tagged, bad = self._tag_rows(rows)
            put = self._store(tagged, now)
            fresh = [mention for mention in tagged if mention.id in put.created]
            # Also what is stored unchanged: a step that broke off before this line put it there, and nobody was told.
            news = _changes(tagged, self._clock.now())
            self._inbox.ack([row.row for row in good], news, owner=self._owner, now=self._clock.now())
        except RejectedError as err:
            if len(rows) > 1:
                return self._one_by_one(rows, now)
            logger.warning("mention refused by the store mention=%s error=%s", rows[0].mention.id, err)
            dead = self._set_aside([(rows[0], str(err)[:300])], now)
            return BatchResult(leased=1, dead=dead, returned=1 - dead)
        except TingfengError:
            self._give_back(rows, now)
            raise
        matched = [mention for mention in fresh if mention.brands]
        if matched:
            self._visits.add_matched(Counter(mention.source for mention in matched))
        dead = self._set_aside(bad, now)
        return BatchResult(
            leased=len(rows), stored=len(fresh), matched=len(matched), dead=dead, returned=len(bad) - dead
        )

    def _one_by_one(self, rows: Sequence[InboxRow], now: datetime) -> BatchResult:
        done = BatchResult()
        for place, row in enumerate(rows):
            try:
                done += self._work([row], now)
            except TingfengError:
                self._give_back(rows[place + 1 :], now)
                raise
        return done

    def _without_lost(self, rows: Sequence[InboxRow], now: datetime) -> tuple[Sequence[InboxRow], int]:
        """Set aside rows whose worker died or hung with them too often: they would take down the next one."""
        lost = [row for row in rows if row.attempts > self._attempts]
        for row in lost:
            reason = f"not finished in {self._attempts} tries: the process died or hung with it"
            logger.error("mention set aside mention=%s reason=%s", row.mention.id, reason)
            self._inbox.dead_letter(row.row, reason=reason, owner=self._owner, now=now)
        return [row for row in rows if row.attempts <= self._attempts], len(lost)

    def _tag_rows(self, rows: Sequence[InboxRow]) -> tuple[list[InboxRow], list[Mention], list[tuple[InboxRow, str]]]:
        limit_s, one_limit_s = self._tag_limits_s
        try:
            with computing_limit(limit_s if len(rows) > 1 else one_limit_s):
                return list(rows), self._tag([row.mention for row in rows]), []
        except Exception:
            logger.exception("batch could not be tagged, trying one by one rows=%d", len(rows))
        good: list[InboxRow] = []
        tagged: list[Mention] = []
        bad: list[tuple[InboxRow, str]] = []
        for row in rows:
            try:
                with computing_limit(one_limit_s):
                    found = self._tag([row.mention])
                tagged.extend(found)
                good.append(row)
            except Exception as err:  # noqa: BLE001 - border of one mention
                logger.warning("mention could not be tagged mention=%s error=%r", row.mention.id, err)
                bad.append((row, f"{type(err).__name__}: {err}"[:300]))
        return good, tagged, bad

    def _store(self, tagged: Sequence[Mention], now: datetime) -> PutResult:
        links = self._stories.link([story_item(mention) for mention in tagged], now=now)
        linked = [
            replace(mention, story_id=link.story_id, is_duplicate=link.is_duplicate)
            for mention, link in zip(tagged, links, strict=True)
        ]
        return self._mentions.put(linked, now=self._clock.now())

    def _give_back(self, rows: Sequence[InboxRow], now: datetime, *, delay_s: float = 2.0) -> None:
        """Return rows that are not to blame."""
        try:
            numbers = [row.row for row in rows]
            self._inbox.release(numbers, owner=self._owner, now=now, delay=self._clock.span(delay_s), tried=False)
        except TingfengError:
            logger.warning("batch could not be given back, its lease will run out rows=%d", len(rows))

    def _set_aside(self, bad: Sequence[tuple[InboxRow, str]], now: datetime) -> int:
        dead = 0
        for row, reason in bad:
            if row.attempts >= self._attempts:
                self._inbox.dead_letter(row.row, reason=reason, owner=self._owner, now=now)
                dead += 1
            else:
                delay = self._clock.span(5.0)
                self._inbox.release([row.row], owner=self._owner, now=now, delay=delay, tried=True)
        return dead


def story_item(mention: Mention) -> StoryItem:
    """Return what the link step knows of a tagged mention."""
    tags = mention.tags
    return StoryItem(
        id=mention.id,
        bands=tags.bands if tags else (),
        signature=tags.signature if tags else (),
        event_at=mention.event_at,
    )


def _changes(mentions: Sequence[Mention], at: datetime) -> list[Change]:
    return [
        Change(mention=mention.id, brand=brand, bucket=bucket_of(mention.event_at), at=at)
        for mention in mentions
        for brand in mention.brands
    ]
