"""Which part of a text speaks of which brand.

The rule and its figures: contract page on text analysis, section 7. A text that names one
brand and holds no contrast word is taken whole; otherwise the clauses that name the brand
speak, and the next clause if it names nobody else.
"""

import re
from collections.abc import Sequence
from typing import Final

__all__ = ["SENTENCE_ENDS", "Span", "clauses_naming", "has_contrast", "mask", "part_about", "split_clauses"]

Span = tuple[int, int]
"""(start, end) in characters, end exclusive."""

SENTENCE_ENDS: Final = frozenset("。！？!?\n；;")
MASK: Final = "这个"
"""Stands for every brand in a text that the model reads for one brand."""

_CONTRAST: Final = re.compile("但是|不过|可是|然而|只是|就是|反而|但|却")
_BREAK: Final = re.compile(
    "[。！？；，!?;,\n]+|(?=但是|不过|可是|然而|只是|就是|反而)|(?<!不)(?=但(?!是|愿|凡))|(?=却)"
)


def has_contrast(text: str) -> bool:
    """Say whether a text holds a word such as 但是, which turns its mood."""
    return _CONTRAST.search(text) is not None


def split_clauses(text: str) -> list[Span]:
    """Cut a text at punctuation and before contrast words.

    Returns:
        Spans of clauses in order, punctuation left out; together with it they cover the
        text. Empty for an empty text.
    """
    spans: list[Span] = []
    start = 0
    for found in _BREAK.finditer(text):
        if found.start() > start:
            spans.append((start, found.start()))
        start = max(start, found.end())
    if start < len(text):
        spans.append((start, len(text)))
    return spans


def part_about(text: str, own: Sequence[Span], others: Sequence[Span]) -> list[Span] | None:
    """Return the clauses that speak of a brand.

    Args:
        text: the text.
        own: where the brand stands in it.
        others: where other brands stand in it.

    Returns:
        Spans of clauses in order; None = take the whole text (one brand and no contrast
        word, or the brand stands nowhere).
    """
    if not own or (not others and not has_contrast(text)):
        return None
    clauses = split_clauses(text)
    chosen: list[Span] = []
    for number, clause in enumerate(clauses):
        names_it = _touches(clause, own)
        follows = number > 0 and _touches(clauses[number - 1], own) and not _touches(clause, others)
        if names_it or follows:
            chosen.append(clause)
    return chosen or None


def clauses_naming(text: str, own: Sequence[Span]) -> list[Span]:
    """Return the clauses that name something, in order; empty if it stands nowhere."""
    return [clause for clause in split_clauses(text) if _touches(clause, own)]


def _touches(clause: Span, spans: Sequence[Span]) -> bool:
    return any(start < clause[1] and end > clause[0] for start, end in spans)


def mask(text: str, parts: Sequence[Span], brands: Sequence[Span]) -> str:
    """Cut out parts of a text, joined by commas, with all brands masked alike.

    Args:
        text: the text.
        parts: spans to keep, in order.
        brands: where brands of any kind stand, in any order.
    """
    pieces: list[str] = []
    for first, last in parts:
        piece, at = [], first
        for start, end in sorted(brands):
            if start >= last or end <= first or start < at:
                continue
            piece += [text[at:start], MASK]
            at = end
        pieces.append("".join([*piece, text[at:last]]) if at < last else "".join(piece))
    return "，".join(pieces)
