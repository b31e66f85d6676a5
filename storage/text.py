"""Text that every database takes."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from domain.codec import to_json, to_plain

__all__ = ["THESE", "doc_of", "encodable", "holds", "json_forms", "json_list"]

THESE = "(SELECT value FROM json_each(?))"
"""In SQLite's SQL, the values of a `json_list`: a statement for any number of them is made, and kept, once."""


def doc_of(value: object) -> str:
    """Return a domain value as JSON text that every database takes; reads back as what `to_json` writes."""
    try:
        return orjson.dumps(to_plain(value)).decode()
    except TypeError:  # lone surrogates, numbers of more than 64 bits
        return encodable(to_json(value))


def json_list(values: Iterable[str | int]) -> str:
    """Return values as a JSON list, which is one parameter of a statement."""
    return json.dumps(list(values), ensure_ascii=False)


def encodable(text: str) -> str:
    """Return text without NUL and lone surrogates (they become U+FFFD), which not every database stores."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def holds(plain: Any, words: Sequence[str]) -> bool:
    """Say whether any text in a JSON-ready value holds one of the words."""
    if isinstance(plain, str):
        return any(word in plain for word in words)
    if isinstance(plain, dict):
        return any(holds(part, words) for part in plain.values())
    return isinstance(plain, list) and any(holds(part, words) for part in plain)


def json_forms(word: str) -> list[str]:
    """Return a word as it stands in text, in JSON, and in JSON within JSON."""
    once = json.dumps(word, ensure_ascii=False)[1:-1]
    return list(dict.fromkeys((word, once, json.dumps(once, ensure_ascii=False)[1:-1])))
