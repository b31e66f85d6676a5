"""Find where the words of a query stand in a text, for highlighting and brand spans."""

from domain.query.ast import And, Near, Node, Not, Or, Pattern, Term, Wildcard
from domain.query.fields import matches_pattern
from domain.query.phrase import phrases_of, unit_patterns_of
from domain.query.place import Place, line_of, near_places, pattern_places, phrase_places
from domain.units import split_units_with_spans

__all__ = ["spans"]


def spans(node: Node, text: str, *, field: str = "text") -> list[tuple[int, int]]:
    """Return where the wanted phrases of a query stand in a text.

    Args:
        node: the tree; what stands under `not` is not looked for.
        text: the text, as the matcher sees it.
        field: which field the text is; bare values and values of this field count.

    Returns:
        (start, end) in characters, in order; overlapping ones are joined, neighbours are
        not. Of a NEAR only phrases that have the other one near. Empty if nothing is
        found; whether the whole query matches is the matcher's answer.
    """
    line = line_of(text)
    places: set[Place] = set()
    for leaf in _wanted(node):
        if _concerns(leaf, field):
            places.update(_places(leaf, line))
    if not places:
        return []
    units = split_units_with_spans(text)
    return _joined(sorted((units[first][1], units[after - 1][2]) for first, after in places))


def _wanted(node: Node) -> list[Term | Wildcard | Near]:
    """Return the leaves that a match wants to see, under an even number of `not`."""
    found: list[Term | Wildcard | Near] = []
    waiting: list[tuple[Node, bool]] = [(node, True)]
    while waiting:
        current, wanted = waiting.pop()
        if isinstance(current, And | Or):
            waiting.extend((child, wanted) for child in current.children)
        elif isinstance(current, Not):
            waiting.append((current.child, not wanted))
        elif wanted and isinstance(current, Term | Wildcard | Near):
            found.append(current)
    return found


def _concerns(leaf: Term | Wildcard | Near, field: str) -> bool:
    if isinstance(leaf.field, Pattern):
        return matches_pattern(leaf.field, field)
    return leaf.field is None or leaf.field == field


def _places(leaf: Term | Wildcard | Near, line: str) -> list[Place]:
    if isinstance(leaf, Term):
        return [place for phrase in phrases_of(leaf) for place in phrase_places(line, phrase)]
    if isinstance(leaf, Wildcard):
        return [
            place
            for word in unit_patterns_of(leaf.pattern)
            if not (len(word) == 1 and word[0].is_lonely)
            for place in pattern_places(line, word)
        ]
    lefts = [place for phrase in phrases_of(leaf.left) for place in phrase_places(line, phrase)]
    rights = [place for phrase in phrases_of(leaf.right) for place in phrase_places(line, phrase)]
    return near_places(lefts, rights, leaf.distance)


def _joined(found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in found:
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
