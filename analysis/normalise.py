"""Normal forms of a text: for the model, for matching, for telling reposts apart."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

__all__ = ["RepostParts", "fold_text", "join_title", "model_form", "simplify", "split_repost", "story_form"]

MAX_MODEL_CHARS: Final = 6_000
"""Longest text the model reads; of a longer one the first two thirds and the last third of it."""

_URL: Final = re.compile(r"(?:https?://|www\.)[\w./?=&%#:;~+\-!$,@]+", re.ASCII)
_AT_NAME: Final = re.compile(r"@[\w\-·]{1,30}")
_RUN: Final = re.compile(r"(.)\1{3,}", re.DOTALL)
_BLANKS: Final = re.compile(r"\s+")
_CHAIN: Final = re.compile(r"/{2}\s?@")
_REPOST_WORDS: Final = re.compile(r"^(?:转发微博|轉發微博|转发|轉發|repost|转|//)$")
_PUNCTUATION: Final = re.compile(r"[\W_]+")
_EMOTICON: Final = re.compile(r"\[[^\[\]\s]{1,8}\]")
_LONE_HALF: Final = re.compile("[\ud800-\udfff]")
_FIRST_CJK: Final = 0x4E00
_LAST_CJK: Final = 0x9FFF


class _Converter(Protocol):
    def convert(self, text: str) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RepostParts:
    """A repost chain, taken apart."""

    own: str
    """What the last author wrote, trimmed; empty for a pure repost."""
    quoted: str
    """The chain behind it, from the first `//@`; empty if the text is no chain."""


@lru_cache(maxsize=1)
def _converter() -> tuple[_Converter, frozenset[str]]:
    """Load OpenCC's character conversion and the characters that it changes (a few ms, once)."""
    import opencc

    converter: _Converter = opencc.OpenCC("t2s")
    every = [chr(code) for code in range(_FIRST_CJK, _LAST_CJK + 1)]
    plain = converter.convert("\n".join(every)).split("\n")
    return converter, frozenset(char for char, simple in zip(every, plain, strict=True) if char != simple)


def simplify(text: str) -> str:
    """Turn traditional characters into simplified ones, keeping the length.

    Only a text that holds a traditional character is converted; each run between
    blanks keeps its number of characters, else it is converted character by character.

    Returns:
        The simplified text, `len(result) == len(text)`.
    """
    converter, traditional = _converter()
    if traditional.isdisjoint(text):
        return text
    simple = converter.convert(_LONE_HALF.sub("\ufffd", text))
    if len(simple) == len(text):
        return simple
    return "".join(_one_char(char) if char in traditional else char for char in text)


def _one_char(char: str) -> str:
    simple = _converter()[0].convert(char)
    return simple if len(simple) == 1 else char


def fold_text(text: str) -> str:
    """Fold a text for word lookup: full width, case and script, keeping the length.

    Returns:
        Text whose every character stands where its original stood, so that positions in
        one are positions in the other.
    """
    if text.isascii():
        return text.lower()
    folded = simplify(_LONE_HALF.sub("\ufffd", text))
    if not unicodedata.is_normalized("NFKC", folded):
        folded = "".join(_fold_char(char) for char in folded)
    lower = folded.lower()
    return lower if len(lower) == len(text) else "".join(_lower_char(char) for char in folded)


def _fold_char(char: str) -> str:
    plain = unicodedata.normalize("NFKC", char)
    return plain if len(plain) == 1 else char


def _lower_char(char: str) -> str:
    lower = char.lower()
    return lower if len(lower) == 1 else char


def model_form(text: str) -> str:
    """Return the form of a text that the sentiment model reads.

    NFKC, lower case, links and @names out, runs of four or more of one character cut to
    three, traditional to simplified, blanks collapsed. Emoticon codes such as `[怒]` stay.

    Returns:
        At most `MAX_MODEL_CHARS` characters; empty for a text without content.
    """
    if len(text) > MAX_MODEL_CHARS:
        head = MAX_MODEL_CHARS * 2 // 3
        text = text[:head] + "\n" + text[head - MAX_MODEL_CHARS + 1 :]
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _LONE_HALF.sub("\ufffd", text))[: MAX_MODEL_CHARS * 2]
    text = text.lower()
    if "http" in text or "www." in text:
        text = _URL.sub(" ", text)
    if "@" in text:
        text = _AT_NAME.sub("", text)
    text = _RUN.sub(r"\1\1\1", text)
    return _BLANKS.sub(" ", simplify(text)).strip()[:MAX_MODEL_CHARS]


def join_title(title: str | None, text: str) -> str:
    """Put a title before its text unless the text begins with it."""
    if not title or text.startswith(title):
        return text
    return f"{title}。{text}" if text else title


def split_repost(text: str) -> RepostParts:
    """Split a repost chain `own words//@B:…//@C:…` at its first `//@`.

    Own words that only say "repost" count as none.
    """
    match = _CHAIN.search(text)
    if match is None:
        return RepostParts(own=text.strip(), quoted="")
    own = text[: match.start()].strip()
    if _REPOST_WORDS.match(own.lower()):
        own = ""
    return RepostParts(own=own, quoted=text[match.start() :])


def story_form(text: str) -> str:
    """Return what two copies of one text have in common: words only.

    Links, @names, emoticon codes, punctuation, blanks, case, width and script are gone.
    """
    folded = unicodedata.normalize("NFKC", _LONE_HALF.sub("", text)).lower()
    folded = _EMOTICON.sub("", _AT_NAME.sub("", _URL.sub("", folded)))
    return _PUNCTUATION.sub("", simplify(folded))
