"""Between crawling and detection: the inbox, the changed rows behind it, and the stories."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from domain.mention import Mention

__all__ = [
    "AppendResult",
    "Change",
    "Inbox",
    "InboxKind",
    "InboxRow",
    "StoryIndex",
    "StoryItem",
    "StoryLink",
]


class InboxKind(StrEnum):
    """Why a row lies in the inbox."""

    NEW = "new"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxRow:
    """A leased row of the inbox."""

    row: int
    """Row number; order of arrival."""
    kind: InboxKind
    """New, or seen before with other text or counters."""
    mention: Mention
    """The untagged mention; first_collected_at is that of the first sight."""
    attempts: int
    """Leases taken so far, this one included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendResult:
    """What an append did."""

    new: frozenset[str]
    """Ids seen for the first time."""
    changed: frozenset[str]
    """Ids seen before whose text or counters changed."""
    known: int
    """Mentions that were known and the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """News for detection: a mention of a brand in a bucket was stored or changed."""

    mention: str
    """Mention id."""
    brand: str
    """Brand id."""
    bucket: datetime
    """5-minute bucket of its event time, UTC."""
    at: datetime
    """When it was written, UTC."""
    row: int = 0
    """Row number once stored."""


class Inbox(Protocol):
    """The durable queue between crawling and tagging, and the changed rows behind it."""

    def append(self, mentions: Sequence[Mention], *, now: datetime) -> AppendResult:
        """Remember ids as seen and queue what is new or changed, in one transaction."""
        ...

    def known(self, ids: Sequence[str]) -> frozenset[str]:
        """Return those of `ids` that were seen before."""
        ...

    def lease(self, *, owner: str, limit: int, lease: timedelta, now: datetime) -> Sequence[InboxRow]:
        """Take up to `limit` rows, oldest first, for `lease`; expired leases are taken again."""
        ...

    def ack(self, rows: Sequence[int], changes: Sequence[Change], *, owner: str, now: datetime) -> None:
        """Remove rows that `owner` holds and write their changes, in one transaction."""
        ...

    def release(self, rows: Sequence[int], *, owner: str, now: datetime, delay: timedelta, tried: bool) -> None:
        """Give rows back; they may be leased again after `delay`.

        `tried` says whether the mentions themselves failed; if something else did, such as a store
        that is away, this lease is no attempt.
        """
        ...

    def dead_letter(self, row: int, *, reason: str, owner: str, now: datetime) -> None:
        """Set a row aside with the reason, at most 300 characters."""
        ...

    def depth(self) -> int:
        """Return the number of rows that wait or are leased; dead letters not counted."""
        ...

    def dead_letters(self, limit: int = 100) -> Sequence[tuple[int, str, str]]:
        """Return (row, mention id, reason), newest first."""
        ...

    def claim_changes(self, *, owner: str, limit: int, lease: timedelta, now: datetime) -> Sequence[Change]:
        """Take up to `limit` changed rows; `Desk.commit` deletes them."""
        ...

    def take_back(self, *, owner: str, now: datetime) -> int:
        """Free the rows and changes that an `owner` of the same name, dead by now, had taken; return how many."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryItem:
    """What the link step knows of a mention."""

    id: str
    """Mention id."""
    bands: tuple[str, ...]
    """LSH band keys."""
    signature: tuple[int, ...]
    """MinHash values; empty = it can only be its own story, or share an exact band."""
    event_at: datetime
    """Event time, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryLink:
    """The story of a mention."""

    id: str
    """Mention id."""
    story_id: str
    """Id of the story's first mention, aliases resolved."""
    is_duplicate: bool
    """True unless it is the first of its story."""


class StoryIndex(Protocol):
    """The shared index of stories."""

    def link(self, items: Sequence[StoryItem], *, now: datetime) -> Sequence[StoryLink]:
        """Find or found each item's story, in order, in one transaction; idempotent by id."""
        ...

    def resolve(self, story_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the present id for each story id, following merges; unknown ids map to themselves."""
        ...
