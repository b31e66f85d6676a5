"""A mention as a document of the index, and back."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.codec import from_plain
from domain.document import PublicValue, public_fields
from domain.ids import text_hash
from domain.mention import Engagement, Flag, Mention
from domain.moment import to_rfc3339
from domain.units import split_units
from storage.author import author_key
from storage.mentions.cursor import from_ms, to_ms
from storage.mentions.fields import MAX_INT
from storage.mentions.merge import Outcome, brand_tags, is_counted

__all__ = [
    "SOURCE",
    "Kept",
    "Reading",
    "Seat",
    "after_put",
    "author_of",
    "body_of",
    "doc_id",
    "kept_of",
    "mention_of",
    "readings_of",
    "seats_of",
]

SOURCE = ("title", "text", "inner.doc")
"""Parts of `_source` from which `mention_of` makes the mention."""
MAX_READINGS = 1_000
"""Most readings of counters kept; the first and the newest stay."""
_MAX_ID_BYTES = 512
_MAX_AUTHOR_CHARS = 512

Seat = tuple[str, str]
"""Brand and polarity for which a mention counts."""
Reading = tuple[int, Mapping[str, Any]]
"""Time in milliseconds since 1970 and counters as JSON-ready object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A stored mention with what belongs to it."""

    mention: Mention
    """The mention, as a store gives it back."""
    plain: Mapping[str, Any]
    """The same as JSON-ready object."""
    arrival: int
    """Order of arrival, larger = later."""
    readings: tuple[Reading, ...] = ()
    """Counters that were read, oldest first."""
    old_texts: tuple[tuple[int, str], ...] = ()
    """Last collection, ms since 1970, and hash of texts that were replaced, oldest first."""


def doc_id(mention_id: str) -> str:
    """Return the `_id` of a mention: its id, or a hash of one that is too long for Elasticsearch."""
    raw = mention_id.encode()
    return mention_id if len(raw) <= _MAX_ID_BYTES else f"#{hashlib.sha256(raw).hexdigest()}"


def author_of(mention: Mention) -> str:
    """Return the key of the author, short enough to be indexed."""
    key = author_key(mention)
    return key if len(key) <= _MAX_AUTHOR_CHARS else f"#{hashlib.sha256(key.encode()).hexdigest()}"


def seats_of(mention: Mention) -> dict[Seat, float]:
    """Return brand and polarity for which a mention counts, with the probability of negative."""
    if not is_counted(mention):
        return {}
    return {(tag.brand, tag.sentiment.polarity.value): tag.sentiment.p_negative + 0.0 for tag in brand_tags(mention)}


def after_put(old: Kept | None, outcome: Outcome, *, arrival: int) -> Kept:
    """Return what to keep after a put: the merged mention, its counters and its old texts."""
    mention = outcome.stored.mention
    plain = json.loads(outcome.stored.doc)
    readings = dict(old.readings) if old else {}
    old_texts = dict(old.old_texts) if old else {}
    if outcome.counted:
        readings[to_ms(mention.last_collected_at)] = plain.get("post", {}).get("engagement", {})
    if old and (old.mention.post.title, old.mention.post.text) != (mention.post.title, mention.post.text):
        before = old.mention
        old_texts[to_ms(before.last_collected_at)] = text_hash(before.post.title, before.post.text)
    ordered = sorted(readings.items(), key=lambda each: each[0])
    if len(ordered) > MAX_READINGS:
        ordered = [ordered[0], *ordered[-(MAX_READINGS - 1) :]]
    return Kept(
        mention=mention,
        plain=plain,
        arrival=old.arrival if old else arrival,
        readings=tuple(ordered),
        old_texts=tuple(sorted(old_texts.items())),
    )


def body_of(kept: Kept, new_for: Mapping[Seat, bool]) -> bytes:
    """Return the document as JSON.

    Args:
        kept: what to store.
        new_for: whether the author is new, for each seat of the mention.
    """
    mention = kept.mention
    document: dict[str, Any] = {}
    for name, value in public_fields(mention).items():
        if value is None or value == ():
            continue
        head, dot, tail = name.partition(".")
        if dot:
            document.setdefault(head, {})[tail] = _plain(value)
        else:
            document[head] = _plain(value)
    document["inner"] = _inner(kept, new_for)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _inner(kept: Kept, new_for: Mapping[Seat, bool]) -> dict[str, Any]:
    mention = kept.mention
    seats = seats_of(mention)
    post = {name: part for name, part in kept.plain["post"].items() if name not in ("title", "text")}
    filled = [name for name, value in (("title", mention.post.title), ("text", mention.post.text)) if value]
    inner: dict[str, Any] = {
        "arrival": kept.arrival,
        "author": author_of(mention),
        "backfill": Flag.BACKFILL in mention.flags,
        "candidate": not mention.brands,
        "filled": filled,
        "text": " ".join(split_units(mention.post.text)),
        "doc": {**kept.plain, "post": post},
    }
    if mention.post.title:
        inner["title"] = " ".join(split_units(mention.post.title))
    if seats:
        inner["seats"] = [f"{brand}|{polarity}|{new_for[brand, polarity]:d}" for brand, polarity in seats]
        inner["seat_p"] = list(seats.values())
        inner["seat_n"] = len(seats)
    if kept.readings:
        inner["readings"] = [{"at": at, "counters": counters} for at, counters in kept.readings]
    if kept.old_texts:
        inner["old_texts"] = [{"at": at, "hash": old} for at, old in kept.old_texts]
    return inner


def _plain(value: PublicValue) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return to_rfc3339(value)
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, float):
        return value + 0.0  # -0.0 would be less than 0.0
    if isinstance(value, int) and not isinstance(value, bool):
        return max(-MAX_INT, min(MAX_INT, value))
    return value


def mention_of(source: Mapping[str, Any]) -> Mention:
    """Return the mention of a `_source` that has at least `SOURCE`.

    Raises:
        DomainError: it was not written by this store.
    """
    return from_plain(Mention, _whole(source))


def _whole(source: Mapping[str, Any]) -> dict[str, Any]:
    doc = source["inner"]["doc"]
    post = {**doc["post"], "text": source.get("text", "")}
    if "title" in source:
        post["title"] = source["title"]
    return {**doc, "post": post}


def kept_of(source: Mapping[str, Any]) -> Kept:
    """Return a whole `_source` as what was kept.

    Raises:
        DomainError: it was not written by this store.
    """
    plain = _whole(source)
    inner = source["inner"]
    return Kept(
        mention=from_plain(Mention, plain),
        plain=plain,
        arrival=inner["arrival"],
        readings=tuple((each["at"], each["counters"]) for each in inner.get("readings", ())),
        old_texts=tuple((each["at"], each["hash"]) for each in inner.get("old_texts", ())),
    )


def readings_of(source: Mapping[str, Any]) -> Sequence[tuple[datetime, Engagement]]:
    """Return the counters that were read, oldest first."""
    found = source.get("inner", {}).get("readings", ())
    return [(from_ms(each["at"]), from_plain(Engagement, each["counters"])) for each in found]
