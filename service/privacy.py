"""Keeps personal data small before anything is written."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from config.settings import PrivacySettings
from domain.mention import Author, Mention
from domain.ports import AppendResult, Change, Inbox, InboxRow

__all__ = ["MASK", "PrivateInbox", "keep_small", "pseudonym"]

_PSEUDONYM = re.compile(r"p:[0-9a-f]{16}")

_PLACE = re.compile(r"(?<=[\d前天日])\s+(?!星期|周[一二三四五六日]|[上下]午)[\u4e00-\u9fff]{2,12}$")
"""A place behind a printed time, as in `06-30 江苏`."""

MASK = "***"
"""What stands for the middle of a name that is not kept."""


def keep_small(mention: Mention, privacy: PrivacySettings) -> Mention:
    """Return the mention with as little of its author as the settings ask for.

    Without `author_region` the region is dropped, also where it is printed behind the time.
    With `pseudonymize_authors` the id becomes a hash and the name keeps its first and last
    character only; an author that is small already stays as he is, for a stored mention may
    come in again.
    """
    author = mention.post.author
    if not privacy.author_region and author.region is not None:
        author = replace(author, region=None)
    if privacy.pseudonymize_authors:
        author = _pseudonym(author, mention.post.platform)
    printed = mention.post.published_raw
    if not privacy.author_region and printed:
        printed = _PLACE.sub("", printed)
    if author is mention.post.author and printed == mention.post.published_raw:
        return mention
    return replace(mention, post=replace(mention.post, author=author, published_raw=printed))


def _pseudonym(author: Author, platform: str) -> Author:
    key = author.id or author.name
    name = author.name
    if key is None or (_PSEUDONYM.fullmatch(key) and (not name or MASK in name)):
        return author
    if name:
        name = name[0] + MASK + (name[-1] if len(name) > 1 else "")
    return replace(author, id=pseudonym(platform, key), name=name)


def pseudonym(platform: str, key: str) -> str:
    """Return what is stored for an author's native id, or for his name where none is shown."""
    return "p:" + hashlib.sha256(f"{platform}\n{key}".encode()).hexdigest()[:16]


class PrivateInbox:
    """An inbox that keeps author data small on the way in."""

    def __init__(self, inbox: Inbox, privacy: PrivacySettings) -> None:
        self._inbox = inbox
        self._privacy = privacy

    def append(self, mentions: Sequence[Mention], *, now: datetime) -> AppendResult:
        """Append, see `domain.ports.Inbox.append`."""
        return self._inbox.append([keep_small(mention, self._privacy) for mention in mentions], now=now)

    def known(self, ids: Sequence[str]) -> frozenset[str]:
        """Pass on, see `domain.ports.Inbox.known`."""
        return self._inbox.known(ids)

    def lease(self, *, owner: str, limit: int, lease: timedelta, now: datetime) -> Sequence[InboxRow]:
        """Pass on, see `domain.ports.Inbox.lease`."""
        return self._inbox.lease(owner=owner, limit=limit, lease=lease, now=now)

    def ack(self, rows: Sequence[int], changes: Sequence[Change], *, owner: str, now: datetime) -> None:
        """Pass on, see `domain.ports.Inbox.ack`."""
        self._inbox.ack(rows, changes, owner=owner, now=now)

    def release(self, rows: Sequence[int], *, owner: str, now: datetime, delay: timedelta, tried: bool) -> None:
        """Pass on, see `domain.ports.Inbox.release`."""
        self._inbox.release(rows, owner=owner, now=now, delay=delay, tried=tried)

    def dead_letter(self, row: int, *, reason: str, owner: str, now: datetime) -> None:
        """Pass on, see `domain.ports.Inbox.dead_letter`."""
        self._inbox.dead_letter(row, reason=reason, owner=owner, now=now)

    def depth(self) -> int:
        """Pass on, see `domain.ports.Inbox.depth`."""
        return self._inbox.depth()

    def dead_letters(self, limit: int = 100) -> Sequence[tuple[int, str, str]]:
        """Pass on, see `domain.ports.Inbox.dead_letters`."""
        return self._inbox.dead_letters(limit)

    def claim_changes(self, *, owner: str, limit: int, lease: timedelta, now: datetime) -> Sequence[Change]:
        """Pass on, see `domain.ports.Inbox.claim_changes`."""
        return self._inbox.claim_changes(owner=owner, limit=limit, lease=lease, now=now)

    def take_back(self, *, owner: str, now: datetime) -> int:
        """Pass on, see `domain.ports.Inbox.take_back`."""
        return self._inbox.take_back(owner=owner, now=now)
