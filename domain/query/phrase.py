"""What a value looks for in a text field, as units: the meaning that all engines share.

- A quoted value is one phrase: its units, in order, side by side.
- An unquoted value is any of its words, split at blanks; each word is a phrase of its
  units. This is the one named divergence from Kibana: there, `手机发热` unquoted finds texts
  with any of its characters or bigrams; here it finds the four characters side by side.
- `*` stands for the rest of a word or number (`iph*`); beside a CJK character, where words
  have no end, it adds nothing: `手机*` is the phrase `手机`. A word of stars alone stands for
  any text that has a unit.
- Units are counted without punctuation, so a phrase may cross a comma.
"""

from domain.query.ast import Pattern, Term
from domain.units import is_open_ended, split_units

__all__ = ["Phrase", "phrases_of", "unit_patterns_of"]

Phrase = tuple[str, ...]
"""Units side by side, one or more."""


def phrases_of(term: Term) -> tuple[Phrase, ...]:
    """Return the phrases of which a text must hold at least one.

    Returns:
        Distinct phrases in the order written; empty for a value without units, which
        matches nothing.
    """
    words = [term.value] if term.quoted else term.value.split()
    return tuple(dict.fromkeys(phrase for word in words if (phrase := tuple(split_units(word)))))


def unit_patterns_of(pattern: Pattern) -> tuple[tuple[Pattern, ...], ...]:
    """Return the phrases of unit patterns of which a text must hold at least one.

    Returns:
        Distinct phrases in the order written; each pattern is for one unit, one part =
        exactly this unit. A word of stars alone is one lonely pattern, any unit; words with
        neither star nor unit are left out.
    """
    found: dict[tuple[Pattern, ...], None] = {}
    for word in _words(pattern):
        phrase = _word_patterns(word)
        if phrase:
            found[phrase] = None
    return tuple(found)


def _words(pattern: Pattern) -> list[tuple[str, ...]]:
    """Split a pattern at blanks into words, each its pieces between stars."""
    words: list[list[str]] = [[""]]
    for index, part in enumerate(pattern.parts):
        if index:
            words[-1].append("")
        pieces = part.split()
        if not pieces:
            if part:
                words.append([""])
            continue
        if part[0].isspace():
            words.append([""])
        words[-1][-1] = pieces[0]
        words.extend([piece] for piece in pieces[1:])
        if part[-1].isspace():
            words.append([""])
    return [tuple(word) for word in words if word != [""]]


def _word_patterns(word: tuple[str, ...]) -> tuple[Pattern, ...]:
    """Return the unit patterns of a word given as its pieces between stars."""
    found: list[list[str]] = []
    for index, piece in enumerate(word):
        if index and found and len(found[-1][-1]) and is_open_ended(found[-1][-1]):
            found[-1].append("")
        for place, unit in enumerate(split_units(piece)):
            if index == 0 or place or not is_open_ended(unit):
                found.append([unit])
            elif found and found[-1][-1] == "" and found[-1][-2].isdigit() == unit.isdigit():
                found[-1][-1] = unit
            else:
                found.append(["", unit])
    if not found and len(word) > 1:
        found.append(["", ""])
    return tuple(Pattern(parts=tuple(parts)) for parts in found)
