"""Find phrases in a text that is split into units.

A *line* is the units of a text, each between blanks: ` 云 杉 咖 啡 `. No unit holds a blank,
so a phrase is found by plain substring search, at the speed of C.
"""

from bisect import bisect_left
from functools import lru_cache

from domain.query.ast import Pattern
from domain.query.fields import matches_pattern
from domain.query.phrase import Phrase
from domain.units import split_units

__all__ = ["Place", "line_of", "near_places", "needle_of", "pattern_places", "phrase_places"]

Place = tuple[int, int]
"""First unit and unit after the last, counted from 0."""


@lru_cache(maxsize=32)
def line_of(text: str) -> str:
    """Return the line of a text; many queries on one text split it once."""
    return f" {' '.join(split_units(text))} "


def needle_of(phrase: Phrase) -> str:
    """Return the phrase as it stands in a line."""
    return f" {' '.join(phrase)} "


def phrase_places(line: str, phrase: Phrase) -> list[Place]:
    """Return where a phrase of one or more units stands, in order; overlaps included."""
    needle, size = needle_of(phrase), len(phrase)
    places: list[Place] = []
    index = last = 0
    found = line.find(needle)
    while found >= 0:
        index += line.count(" ", last, found)
        places.append((index, index + size))
        last = found
        found = line.find(needle, found + 1)
    return places


def pattern_places(line: str, patterns: tuple[Pattern, ...]) -> list[Place]:
    """Return where units side by side fit the patterns, in order."""
    if any(part not in line for pattern in patterns for part in pattern.parts):
        return []
    units, size = line.split(), len(patterns)
    return [
        (start, start + size)
        for start in range(len(units) - size + 1)
        if all(matches_pattern(pattern, units[start + step]) for step, pattern in enumerate(patterns))
    ]


def near_places(lefts: list[Place], rights: list[Place], distance: int) -> list[Place]:
    """Return the places of either phrase that have one of the other near.

    Args:
        lefts: places of one phrase, in order, all of one size.
        rights: places of the other phrase, in order, all of one size.
        distance: most units between the two; overlapping ones have none between.

    Returns:
        Places of both that take part, in order, without repeats; empty = never near.
    """
    found = {place for place in lefts if _has_near(place, rights, distance)}
    found.update(place for place in rights if _has_near(place, lefts, distance))
    return sorted(found)


def _has_near(place: Place, others: list[Place], distance: int) -> bool:
    """Say whether the next other place after, or the last before, is near."""
    start, end = place
    at = bisect_left(others, place)
    if at < len(others) and others[at][0] - end <= distance:
        return True
    return at > 0 and start - others[at - 1][1] <= distance
