"""The caption of a short video: plain text with hashtags that only a blank ends."""

import re
from collections.abc import Mapping
from typing import Any

from crawlers.shape import entries, text_of
from crawlers.text import at_names, clean_line, html_to_text

__all__ = ["caption_names", "caption_tags", "caption_text", "named_tags"]

_OPEN_TAG = re.compile(r"(?<![/&])#([^\s#@,.!?;:，。！？；：、…]{1,64})")

_MAX_NAMES = 200


def caption_text(raw: object) -> str:
    """Return a caption in normal form; a `<` in it is a `<`, unless tags are closed in it."""
    text = text_of(raw)
    return html_to_text(text if "</" in text else text.replace("<", "&lt;")).text


def caption_names(text: str, known: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the names after @ in a caption in order of appearance, each once, at most 200.

    Args:
        text: The caption.
        known: Names that the platform marks; they may hold blanks.
    """
    known, rest = known[:_MAX_NAMES], text
    for name in known:
        rest = rest.replace(f"@{name}", " ")
    found = tuple(dict.fromkeys((*known, *at_names(rest))))[:_MAX_NAMES]
    return tuple(sorted(found, key=lambda name: text.find(f"@{name}")))


def caption_tags(text: str) -> tuple[str, ...]:
    """Return the hashtags of a caption without marks, in order, each once."""
    return tuple(dict.fromkeys(_OPEN_TAG.findall(text)))


def named_tags(listed: object, name: str) -> tuple[str, ...]:
    """Return what the objects of a list call their tag, in order, each once."""
    found = (_tag(each, name) for each in entries(listed))
    return tuple(dict.fromkeys(tag for tag in found if tag))


def _tag(each: Mapping[str, Any], name: str) -> str | None:
    tag = clean_line(text_of(each.get(name)), 64)
    return tag.strip("#").strip() or None if tag else None
