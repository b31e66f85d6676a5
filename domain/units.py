"""Search text as units: the one splitter that index and query share.

A unit is one of:

1. one CJK character: a Han ideograph, kana, bopomofo letter or Hangul syllable;
2. one word: a run of letters of any other script, at most MAX_UNIT_CHARS long;
3. one number: a run of digits, at most MAX_UNIT_CHARS long;
4. one emoji or pictograph, written `u` and its code point in hexadecimal, such as
   `u1f600`, because tokenisers drop the sign itself. No word or number has that form.

Letters and digits part: `iPhone16` is `iphone`, `16`. Units are in Unicode's NFKC form,
case-folded, without the accents of Latin, Greek and Cyrillic (`Café` is `cafe`), so
full-width, circled and squared forms (`㎏`) meet their plain ones. Traditional characters stay: turning
them into simplified ones belongs to the analysis. Everything else only separates:
blanks, punctuation, symbols, skin tones, and the marks of scripts that need them. Invisible
characters inside a word (soft hyphen, zero-width blanks) are passed over. A code for an
emoticon such as `[怒]` gives the units of its name.

A unit is never empty and holds letters, digits or ideographs alone, so it is one token of
SQLite's `unicode61` (with `remove_diacritics 0`) and of Elasticsearch's `whitespace`.
"""

import re
import unicodedata
from collections.abc import Iterator

__all__ = ["MAX_UNIT_CHARS", "is_open_ended", "split_units", "split_units_with_spans"]

MAX_UNIT_CHARS = 64
"""Longest unit; a longer run is cut into pieces of this length."""

_CJK = (
    "\u2e9f\u2ef3\u2f00-\u2fd5\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c"
    "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufa6d\ufa70-\ufad9\U00020000-\U000323af"
)
_VOICED = "\u3099\u309a"
_ACCENT = "\u0300-\u036f"
_UNSEEN = "\u00ad\u200b-\u200d\u2060\ufeff"
# SQLite's unicode61 takes these letters for separators (3.40.1, all code points tried).
_NO_TOKEN = "\u19b0-\u19c9\u1cf2\u1cf3"
_SIGN = "\u231a\u231b\u23e9-\u23f3\u2600-\u27bf\u2b50\u2b55\U0001f000-\U0001f3fa\U0001f400-\U0001faff"

_UNIT = re.compile(
    # Plain ideographs are their own units; nothing about them needs a look.
    rf"(?P<han>[\u4e00-\u9fff]+(?![{_VOICED}]))"
    rf"|(?P<cjk>[{_CJK}][{_VOICED}]?)"
    rf"|(?P<number>\d[\d{_UNSEEN}]*)"
    rf"|(?P<word>[^\W\d_{_CJK}{_NO_TOKEN}](?:[^\W\d_{_CJK}{_NO_TOKEN}]++|[{_ACCENT}{_UNSEEN}])*+)"
    rf"|(?P<square>[\u3200-\u33ff])"
    rf"|(?P<sign>[{_SIGN}])"
)
_DROPPED = re.compile(rf"[{_ACCENT}{_UNSEEN}]")
_OPEN_ENDED = re.compile(rf"[^\W\d_{_CJK}]+|\d+")
_FOLD_CHARS = 1_024
"""Longest run folded at once: canonical ordering is quadratic in a run of marks."""


def split_units(text: str) -> list[str]:
    """Split text into units, in order.

    Args:
        text: any string, lone surrogates included.

    Returns:
        Units as the module describes them; empty for text without any.
    """
    units: list[str] = []
    for found in _UNIT.finditer(text):
        if found.lastgroup == "han":
            units += found.group()
        else:
            units += [unit for unit, _, _ in _units_of(found, text)]
    return units


def split_units_with_spans(text: str) -> list[tuple[str, int, int]]:
    """Split text into units with their places.

    Args:
        text: any string, lone surrogates included.

    Returns:
        (unit, start, end) in order: `text[start:end]` holds the unit, start < end <=
        len(text), starts never fall. Units that come from one character, such as a
        ligature of several words, share its span.
    """
    return [unit for found in _UNIT.finditer(text) for unit in _units_of(found, text)]


def is_open_ended(unit: str) -> bool:
    """Say whether a unit is a word or a number, which may go on, and no CJK character or emoji."""
    return _OPEN_ENDED.fullmatch(unit) is not None


def _units_of(found: re.Match[str], text: str) -> Iterator[tuple[str, int, int]]:
    """Yield the units of one match in a text."""
    start, end = found.span()
    raw, kind = found.group(), found.lastgroup
    if kind == "han":
        yield from zip(raw, range(start, end), range(start + 1, end + 1), strict=True)
    elif kind == "sign":
        yield f"u{ord(raw):x}", start, end
    elif kind == "cjk":
        # A mark that does not compose with its character is dropped.
        yield unicodedata.normalize("NFKC", raw)[0], start, end
    elif raw.isascii():
        yield from _cut(raw.lower(), start)
    else:
        for at in range(start, end, _FOLD_CHARS):
            yield from _fold(text[at : min(at + _FOLD_CHARS, end)], at)


def _fold(raw: str, start: int) -> Iterator[tuple[str, int, int]]:
    """Yield the units of a run of letters or digits that is not plain ASCII."""
    plain = _plain(raw)
    if len(plain) == len(raw):
        for unit, first, last in _parts(plain):
            yield unit, start + first, start + last
    else:
        yield from ((unit, start, start + len(raw)) for unit, _, _ in _parts(plain))


def _plain(raw: str) -> str:
    """Return compatibility forms replaced, accents and invisible characters removed, case folded."""
    bare = _DROPPED.sub("", unicodedata.normalize("NFKD", raw)).casefold()
    bare = _DROPPED.sub("", unicodedata.normalize("NFKD", bare)).casefold()
    return unicodedata.normalize("NFKC", bare)


def _parts(plain: str) -> Iterator[tuple[str, int, int]]:
    for found in _UNIT.finditer(plain):
        if found.lastgroup in ("sign", "square"):
            continue
        start = found.start()
        if found.lastgroup == "han":
            yield from ((unit, start + place, start + place + 1) for place, unit in enumerate(found.group()))
        elif found.lastgroup == "cjk":
            yield found.group()[0], start, found.end()
        else:
            yield from _cut(_DROPPED.sub("", found.group()), start)


def _cut(run: str, start: int) -> Iterator[tuple[str, int, int]]:
    for at in range(0, len(run), MAX_UNIT_CHARS):
        piece = run[at : at + MAX_UNIT_CHARS]
        yield piece, start + at, start + at + len(piece)
