"""Signatures that tell copies of one text apart from other texts.

MinHash (A. Broder, "On the resemblance and containment of documents", 1997) over
character 3-grams of the story form, with locality-sensitive bands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import numpy as np
import numpy.typing as npt

from analysis.normalise import split_repost, story_form
from domain.mention import Post

__all__ = ["MIN_STORY_CHARS", "N_PERMUTATIONS", "Signature", "sign", "story_key", "story_keys"]

N_PERMUTATIONS: Final = 64
BAND_ROWS: Final = 3
N_BANDS: Final = N_PERMUTATIONS // BAND_ROWS
"""21 bands of 3: two texts of Jaccard .6 share one with probability .99, of .3 with .44."""
MIN_STORY_CHARS: Final = 8
"""Shorter texts are compared as a whole, and a repost of this little by what it quotes."""
_MAX_CHARS: Final = 5_000
_BATCH_CELLS: Final = 400_000
_PRIME: Final = np.uint64((1 << 31) - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What identifies the story of a text."""

    values: tuple[int, ...] = ()
    """64 MinHash values, unsigned 32 bit; empty = compared by `bands` alone."""
    bands: tuple[str, ...] = ()
    """Keys of bands; of an exact key exactly one. Empty = nothing to compare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryKey:
    """What of a mention is compared with others."""

    form: str = ""
    """Story form of the text that carries the story; empty when `exact` speaks."""
    exact: str = ""
    """Key of a text that can only be compared as a whole; empty = use `form`."""


def story_key(post: Post) -> StoryKey:
    """Choose what of a post tells its story.

    A repost with words of its own is its own text without the chain. A pure repost is
    keyed on the quoted original, by its text if known, else by its id, and never on the
    empty rest, on which all pure reposts would collide.
    """
    own = post.own_text if post.own_text is not None else post.text
    parts = split_repost(own)
    form = story_form(parts.own)
    if len(form) >= MIN_STORY_CHARS:
        return StoryKey(form=form)
    quoted = (post.repost_of.text if post.repost_of else None) or _quoted_text(parts.quoted)
    quoted_form = story_form(quoted)
    if len(quoted_form) >= MIN_STORY_CHARS:
        return StoryKey(form=quoted_form)
    if post.repost_of is not None and post.repost_of.id:
        return StoryKey(exact=f"id:{post.platform}:{post.repost_of.id}")
    if post.title and len(story_form(post.title)) >= MIN_STORY_CHARS:
        return StoryKey(form=story_form(post.title))
    whole = form + quoted_form
    return StoryKey(exact=f"text:{whole}") if whole else StoryKey()


def _quoted_text(chain: str) -> str:
    """Return the last link of `//@B:…//@C:…`, the original as far as the chain shows it."""
    last = chain.rsplit("//@", 1)[-1]
    _, colon, text = last.partition(":" if ":" in last else "：")
    return text if colon else last


def story_keys(posts: Sequence[Post]) -> list[StoryKey]:
    """Choose what tells the story of each post, in order."""
    return [story_key(post) for post in posts]


def sign(keys: Sequence[StoryKey]) -> list[Signature]:
    """Compute signatures of a batch.

    Returns:
        One per key, in order: 64 values and 21 bands for a text; no value and one band for
        an exact key; nothing at all for an empty one.
    """
    signatures = [_exact(key) for key in keys]
    places = [number for number, key in enumerate(keys) if key.form]
    forms = [keys[number].form[:_MAX_CHARS] for number in places]
    for start, stop in _batches(forms):
        values = _minhash(forms[start:stop])
        bands = _band_keys(values)
        for place, row, names in zip(places[start:stop], values.tolist(), bands, strict=True):
            signatures[place] = Signature(values=tuple(row), bands=names)
    return signatures


def _exact(key: StoryKey) -> Signature:
    if not key.exact:
        return Signature()
    digest = blake2b(key.exact.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return Signature(bands=(f"x:{digest}",))


def _batches(forms: Sequence[str]) -> list[tuple[int, int]]:
    """Cut a list of texts so that no piece holds too many 3-grams at once."""
    cuts, size, start = [], 0, 0
    for number, form in enumerate(forms):
        if size + len(form) > _BATCH_CELLS // N_PERMUTATIONS and number > start:
            cuts.append((start, number))
            size, start = 0, number
        size += len(form)
    return [*cuts, (start, len(forms))] if forms else []


def _permutations() -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    random = np.random.default_rng(1)
    top = int(_PRIME)
    return (
        random.integers(1, top, size=N_PERMUTATIONS, dtype=np.uint64),
        random.integers(0, top, size=N_PERMUTATIONS, dtype=np.uint64),
    )


_FACTORS, _OFFSETS = _permutations()


def _minhash(forms: Sequence[str]) -> npt.NDArray[np.uint32]:
    """(n_forms, 64) MinHash values of texts of three characters or more."""
    lengths = np.fromiter((len(form) for form in forms), dtype=np.int64, count=len(forms))
    codes = np.frombuffer("".join(forms).encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    ends = np.cumsum(lengths)
    keep = np.ones(codes.size, dtype=bool)
    keep[ends - 1] = False
    keep[ends - 2] = False
    first = np.flatnonzero(keep)
    grams = (codes[first] * np.uint64(0x9E3779B1) + codes[first + 1]) * np.uint64(0x85EBCA77) + codes[first + 2]
    grams ^= grams >> np.uint64(29)
    grams = (grams * np.uint64(0xC2B2AE3D27D4EB4F)) >> np.uint64(33)
    hashed = (grams[None, :] * _FACTORS[:, None] + _OFFSETS[:, None]) % _PRIME
    starts = np.concatenate(([0], np.cumsum(lengths - 2)[:-1]))
    return np.minimum.reduceat(hashed, starts, axis=1).T.astype(np.uint32)


def _band_keys(values: npt.NDArray[np.uint32]) -> list[tuple[str, ...]]:
    """Name each band of each row: its number and a hash of its values."""
    used = values[:, : N_BANDS * BAND_ROWS].reshape(-1, N_BANDS, BAND_ROWS).astype(np.uint64)
    keys = (used[..., 0] * np.uint64(0x9E3779B97F4A7C15)) ^ (used[..., 1] * np.uint64(0xC2B2AE3D27D4EB4F))
    keys ^= used[..., 2] * np.uint64(0x165667B19E3779F9)
    keys ^= keys >> np.uint64(31)
    return [tuple(f"{band}:{key:x}" for band, key in enumerate(row)) for row in keys.tolist()]
