"""Reads Rison back, written from its grammar and apart from the writer."""

from __future__ import annotations

from typing import Any

_END = " '!:(),*@$"


def read(text: str) -> Any:
    value, rest = _value(text)
    assert rest == "", f"left over: {rest}"
    return value


def _value(text: str) -> tuple[Any, str]:
    if text[:2] in ("!t", "!f", "!n"):
        return {"t": True, "f": False, "n": None}[text[1]], text[2:]
    if text.startswith("!("):
        return _list(text[2:])
    if text.startswith("("):
        return _mapping(text[1:])
    if text.startswith("'"):
        return _quoted(text[1:])
    word, rest = _word(text)
    assert word, f"nothing to read in {text!r}"
    if word[0] in "-0123456789":
        return (float(word) if set(word) & set(".e") else int(word)), rest
    return word, rest


def _list(text: str) -> tuple[list[Any], str]:
    found: list[Any] = []
    while not text.startswith(")"):
        value, text = _value(text.removeprefix(",") if found else text)
        found.append(value)
    return found, text[1:]


def _mapping(text: str) -> tuple[dict[str, Any], str]:
    found: dict[str, Any] = {}
    while not text.startswith(")"):
        key, text = _value(text.removeprefix(",") if found else text)
        assert text.startswith(":")
        found[key], text = _value(text[1:])
    return found, text[1:]


def _quoted(text: str) -> tuple[str, str]:
    found = ""
    while not text.startswith("'"):
        if text.startswith("!"):
            text = text[1:]
            assert text[0] in "!'"
        found, text = found + text[0], text[1:]
    return found, text[1:]


def _word(text: str) -> tuple[str, str]:
    end = next((place for place, char in enumerate(text) if char in _END), len(text))
    return text[:end], text[end:]
