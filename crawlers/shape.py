"""Safe reading of JSON that nobody promised: every access may find something else."""

import json
import re
from collections.abc import Mapping
from typing import Any

from crawlers.number import Count, parse_number
from domain.mention import Engagement

__all__ = ["engagement", "entries", "load_json", "number_id", "obj", "text_of"]

_SURROGATE = re.compile("[\ud800-\udfff]")
_LARGEST = 10**40


def load_json(text: str) -> Any:
    """Return the JSON value of a text.

    Raises:
        ValueError: it is no JSON, or nested too deeply, or holds giant numbers.
    """
    try:
        return json.loads(text, strict=False)
    except RecursionError as err:
        raise ValueError("nested too deeply") from err


def obj(value: object, *path: str) -> Mapping[str, Any]:
    """Return the object at a path of keys; an empty one where there is none."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def entries(value: object) -> list[Mapping[str, Any]]:
    """Return the objects of a list, or of an object's values; empty where there is none."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [item for item in items if isinstance(item, dict)]


def text_of(value: object) -> str:
    """Return a string or number as text without lone surrogates; empty for anything else."""
    if isinstance(value, str):
        return value if value.isascii() else _SURROGATE.sub("", value)
    if isinstance(value, int) and not -_LARGEST < value < _LARGEST:
        return ""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def number_id(value: object) -> str:
    """Return an id that is a number, as text of at most 20 digits; empty for anything else and for zero."""
    text = text_of(value)
    return text if text.isascii() and text.isdigit() and len(text) <= 20 and text.strip("0") else ""


def engagement(**raw: object) -> Engagement:
    """Return counters from what a page prints, by field name; None = not shown."""
    counts: dict[str, Count] = {name: parse_number(value) for name, value in raw.items()}
    values: dict[str, Any] = {name: count.value for name, count in counts.items()}
    if not any(count.approx or count.lower_bound for count in counts.values()):
        return Engagement(**values)
    return Engagement(
        **values,
        approx=frozenset(name for name, count in counts.items() if count.approx),
        lower_bound=frozenset(name for name, count in counts.items() if count.lower_bound),
    )
