"""Strings that make a regular expression work hard, made from the expression itself."""

import re
from collections.abc import Iterator
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as sre_parser  # type: ignore[attr-defined]
from typing import Any

__all__ = ["attacks"]

_MANY = 8


def attacks(pattern: re.Pattern[Any], size: int) -> Iterator[str]:
    """Yield texts of about `size` characters: each repeat of the pattern pumped, the whole start pumped, no end."""
    tree = sre_parser.parse(
        pattern.pattern.decode("latin-1") if isinstance(pattern.pattern, bytes) else pattern.pattern
    )
    parts = list(tree)
    seen: set[str] = set()
    for pumped in _pumped(parts):
        for unit in pumped:
            if not unit or unit in seen:
                continue
            seen.add(unit)
            yield (unit * (size // len(unit) + 1))[:size]
    for prefix, pump in _repeats(parts):
        key = f"{prefix}\0{pump}"
        if not pump or key in seen:
            continue
        seen.add(key)
        yield prefix + (pump * (size // len(pump) + 1))[: size - len(prefix)]
        yield (prefix + pump * _MANY) * (size // (len(prefix) + len(pump) * _MANY) + 1)


def _pumped(parts: list[Any]) -> Iterator[tuple[str, ...]]:
    """Yield samples of each beginning of the pattern: many starts, none of which comes to an end."""
    text = ""
    for op, arg in parts:
        text += _sample(op, arg)
        yield (text, text + "\n")


def _repeats(parts: list[Any], before: str = "") -> Iterator[tuple[str, str]]:
    for op, arg in parts:
        if op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            inner = list(arg[2])
            yield before, "".join(_sample(*each) for each in inner)
            yield from _repeats(inner, before)
        elif op is sre.SUBPATTERN:
            yield from _repeats(list(arg[3]), before)
        elif op is sre.BRANCH:
            for branch in arg[1]:
                yield from _repeats(list(branch), before)
        before += _sample(op, arg)


def _sample(op: Any, arg: Any) -> str:
    """Return a short text that one node matches; empty where it takes none."""
    if op is sre.LITERAL:
        return chr(arg)
    if op is sre.NOT_LITERAL:
        return "a" if arg != ord("a") else "b"
    if op is sre.ANY:
        return "a"
    if op is sre.IN:
        return _member(arg)
    if op is sre.CATEGORY:
        return _category(arg)
    if op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        return "".join(_sample(*each) for each in arg[2]) * min(max(arg[0], 1), _MANY)
    if op is sre.SUBPATTERN:
        return "".join(_sample(*each) for each in arg[3])
    if op is sre.ATOMIC_GROUP:
        return "".join(_sample(*each) for each in arg)
    if op is sre.BRANCH:
        return "".join(_sample(*each) for each in arg[1][0])
    return ""


def _member(members: list[Any]) -> str:
    if members[0][0] is sre.NEGATE:
        taken = [each for each in "a1 <" if not _is_in(each, members[1:])]
        return taken[0] if taken else "\u4e91"
    op, arg = members[0]
    if op is sre.RANGE:
        return chr(arg[0])
    return _sample(op, arg)


def _is_in(char: str, members: list[Any]) -> bool:
    return any(
        (op is sre.LITERAL and arg == ord(char))
        or (op is sre.RANGE and arg[0] <= ord(char) <= arg[1])
        or (op is sre.CATEGORY and re.match(_CLASSES.get(arg, "(?!)"), char) is not None)
        for op, arg in members
    )


_CLASSES = {
    sre.CATEGORY_SPACE: r"\s", sre.CATEGORY_NOT_SPACE: r"\S", sre.CATEGORY_DIGIT: r"\d", sre.CATEGORY_NOT_DIGIT: r"\D",
    sre.CATEGORY_WORD: r"\w", sre.CATEGORY_NOT_WORD: r"\W",
}  # fmt: skip


def _category(name: Any) -> str:
    return {r"\s": " ", r"\S": "a", r"\d": "1", r"\D": "a", r"\w": "a", r"\W": " "}[_CLASSES[name]]
