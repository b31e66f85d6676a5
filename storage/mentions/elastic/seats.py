"""Whether an author is new: the first of 24 hours for one brand and polarity.

An author is new with a mention unless he has another one of that brand and polarity, in
order of event and arrival, less than 24 hours before. So a mention concerns only those of
its author in the next 24 hours. The answer is kept with the mention, so that counts add up.
Several writers may work at once: each looks again after its own mentions can be found, and
writes only over the state that it saw, so the last look sets everything right.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from elasticsearch import Elasticsearch

from storage.errors import ConflictError
from storage.mentions.cursor import to_ms
from storage.mentions.dsl import Dsl
from storage.mentions.elastic.bulk import Bulk, Refresh, Write
from storage.mentions.elastic.document import Kept, Seat, author_of, body_of, kept_of, seats_of
from storage.mentions.elastic.errors import answered
from storage.mentions.elastic.read import Hit, Reader, both
from storage.mentions.schema import HOUR_MS

__all__ = ["Seats", "Span", "span_of"]

logger = logging.getLogger(__name__)

NEW_AUTHOR_MS = 24 * HOUR_MS
_ROUNDS = 8
_WAIT_S = 0.25
_AUTHORS = 5_000
_FIELDS = ["inner.author", "inner.seats", "inner.arrival"]
_ORDER: Sequence[Dsl] = (
    {"event_at": {"order": "asc", "format": "epoch_millis"}},
    {"inner.arrival": {"order": "asc"}},
    {"id": {"order": "asc"}},
)

_Place = tuple[int, int]
"""Event time in ms and arrival."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Authors and the event times between which one of their mentions came, moved or went."""

    authors: frozenset[str]
    """Author keys."""
    first_ms: int
    """Earliest such event, ms since 1970."""
    last_ms: int
    """Latest such event, ms since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seated:
    """A stored mention that counts."""

    id: str
    index: str
    author: str
    place: _Place
    new_for: Mapping[Seat, bool]


def span_of(mentions: Iterable[Kept]) -> Span | None:
    """Return what the coming or going of mentions concerns; None = nothing that counts."""
    authors: set[str] = set()
    events: list[int] = []
    for kept in mentions:
        if seats_of(kept.mention):
            authors.add(author_of(kept.mention))
            events.append(to_ms(kept.mention.event_at))
    if not events:
        return None
    return Span(authors=frozenset(authors), first_ms=min(events), last_ms=max(events))


class Seats:
    """Decides and corrects who is new."""

    def __init__(
        self, client: Elasticsearch, reader: Reader, bulk: Bulk, wait: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = client
        self._reader = reader
        self._bulk = bulk
        self._wait = wait

    def plan(
        self, coming: Sequence[Kept], *, leaving: Collection[str] = (), before: int | None = None
    ) -> tuple[list[dict[Seat, bool]], bool]:
        """Say for mentions that will be stored whether their author is new, per seat.

        Args:
            coming: mentions to be stored.
            leaving: `_id`s of stored mentions that they replace.
            before: look only at what arrived before this number; None = at all.

        Returns:
            The answers in order, and whether any stored mention becomes wrong by them.
        """
        span = span_of(coming)
        near = [each for each in self._near(span, before) if each.id not in leaving] if span else []
        places: dict[tuple[str, Seat], list[_Place]] = {}
        for seated in near:
            for seat in seated.new_for:
                places.setdefault((seated.author, seat), []).append(seated.place)
        for kept in coming:
            for seat in seats_of(kept.mention):
                places.setdefault((author_of(kept.mention), seat), []).append(_place(kept))
        new = {key: _new_places(found) for key, found in places.items()}
        answers = [
            {seat: _place(kept) in new[author_of(kept.mention), seat] for seat in seats_of(kept.mention)}
            for kept in coming
        ]
        return answers, span is not None and bool(_wrong_of(near, new, span))

    def settle(self, span: Span | None, *, refresh: Refresh = "wait_for") -> int:
        """Correct what is stored; return how many mentions were written.

        Raises:
            ConflictError: other writers kept changing the same mentions.
        """
        written = 0
        for attempt in range(1, _ROUNDS + 1):
            wrong = self._wrong(span) if span else {}
            if not wrong:
                return written
            corrected = self._correct(wrong, refresh)
            written += corrected
            if corrected < len(wrong):
                self._wait(_WAIT_S * attempt)  # others were quicker, and what they wrote cannot be found yet
        raise ConflictError("elasticsearch: the same authors are being written by others; try again", retryable=True)

    def _near(self, span: Span, before: int | None = None) -> Iterator[_Seated]:
        """Yield the stored mentions of the span's authors that it may concern, or that decide on it."""
        authors = sorted(span.authors)
        earlier: list[Dsl] = [] if before is None else [{"range": {"inner.arrival": {"lt": before}}}]
        for start in range(0, len(authors), _AUTHORS):
            times = {"gt": span.first_ms - NEW_AUTHOR_MS, "lt": span.last_ms + NEW_AUTHOR_MS, "format": "epoch_millis"}
            query = both(
                {"terms": {"inner.author": authors[start : start + _AUTHORS]}},
                {"range": {"event_at": times}},
                {"exists": {"field": "inner.seats"}},
                *earlier,
            )
            hits = self._reader.scan(query, source=False, sort=_ORDER, page=5_000, docvalue_fields=_FIELDS)
            yield from (_seated(hit) for hit in hits)

    def _wrong(self, span: Span) -> dict[tuple[str, str], dict[Seat, bool]]:
        """Return what each wrong mention, by index and `_id`, should say."""
        found = list(self._near(span))
        places: dict[tuple[str, Seat], list[_Place]] = {}
        for seated in found:
            for seat in seated.new_for:
                places.setdefault((seated.author, seat), []).append(seated.place)
        new = {key: _new_places(each) for key, each in places.items()}
        return _wrong_of(found, new, span)

    def _correct(self, wrong: Mapping[tuple[str, str], Mapping[Seat, bool]], refresh: Refresh) -> int:
        keys = list(wrong)
        writes: list[Write] = []
        for start in range(0, len(keys), 500):
            asked = [{"_index": index, "_id": id} for index, id in keys[start : start + 500]]
            with answered("read"):
                docs = self._client.mget(docs=asked)["docs"]
            for doc in docs:
                if not doc.get("found"):
                    continue
                kept, right = kept_of(doc["_source"]), wrong[doc["_index"], doc["_id"]]
                if seats_of(kept.mention).keys() != right.keys():
                    continue  # changed since it was looked at
                seen = (doc["_seq_no"], doc["_primary_term"])
                writes.append(
                    Write(action="index", index=doc["_index"], id=doc["_id"], body=body_of(kept, right), seen=seen)
                )
        answers = self._bulk.send(writes, refresh=refresh)
        return sum(not answer.conflict for answer in answers)


def _wrong_of(
    stored: Sequence[_Seated], new: Mapping[tuple[str, Seat], set[_Place]], span: Span
) -> dict[tuple[str, str], dict[Seat, bool]]:
    """Return what each wrong mention, by index and `_id`, should say."""
    wrong: dict[tuple[str, str], dict[Seat, bool]] = {}
    for seated in stored:
        if seated.place[0] < span.first_ms:
            continue  # what decides on it lies outside
        right = {seat: seated.place in new[seated.author, seat] for seat in seated.new_for}
        if right != seated.new_for:
            wrong[seated.index, seated.id] = right
    return wrong


def _place(kept: Kept) -> _Place:
    return to_ms(kept.mention.event_at), kept.arrival


def _new_places(places: list[_Place]) -> set[_Place]:
    """Return those of one author, brand and polarity with which he is new."""
    new: set[_Place] = set()
    before: int | None = None
    for place in sorted(places):
        if before is None or place[0] - before >= NEW_AUTHOR_MS:
            new.add(place)
        before = place[0]
    return new


def _seated(hit: Hit) -> _Seated:
    fields = hit["fields"]
    new_for: dict[Seat, bool] = {}
    for text in fields["inner.seats"]:
        brand, polarity, new = text.rsplit("|", 2)
        new_for[brand, polarity] = new == "1"
    return _Seated(
        id=hit["_id"],
        index=hit["_index"],
        author=fields["inner.author"][0],
        place=(int(hit["sort"][0]), int(fields["inner.arrival"][0])),
        new_for=new_for,
    )
