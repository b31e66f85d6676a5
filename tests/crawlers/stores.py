"""The stores that the crawler writes to, in memory."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from domain.ids import text_hash
from domain.mention import Mention
from domain.ports import AppendResult
from domain.source import VisitState


class MemoryInbox:
    """Remembers what was appended; only the methods that crawling calls."""

    def __init__(self) -> None:
        self.mentions: dict[str, Mention] = {}
        self.appended: list[Mention] = []
        self.full_by = 0
        self.broken = False

    def append(self, mentions: Sequence[Mention], *, now: datetime) -> AppendResult:
        if self.broken:
            raise OSError("disk gone")
        new, changed, known = set(), set(), 0
        for mention in mentions:
            before = self.mentions.get(mention.id)
            if before is None:
                new.add(mention.id)
            elif text_hash(before.post.title, before.post.text) != text_hash(mention.post.title, mention.post.text):
                changed.add(mention.id)
            else:
                known += 1
            self.mentions[mention.id] = mention
            self.appended.append(mention)
        return AppendResult(new=frozenset(new), changed=frozenset(changed), known=known)

    def known(self, ids: Sequence[str]) -> frozenset[str]:
        return frozenset(each for each in ids if each in self.mentions)

    def depth(self) -> int:
        return self.full_by

    def __getattr__(self, name: str) -> Any:
        raise NotImplementedError(name)


class MemoryVisits:
    """Keeps states; can be told to fail."""

    def __init__(self) -> None:
        self.states: dict[str, VisitState] = {}
        self.broken = False

    def load(self) -> Mapping[str, VisitState]:
        return dict(self.states)

    def save(self, state: VisitState) -> None:
        if self.broken:
            raise OSError("disk gone")
        self.states[state.source] = state

    def add_matched(self, matched: Mapping[str, int]) -> None:
        raise NotImplementedError
