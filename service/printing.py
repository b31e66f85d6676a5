"""What is printed: text that moves no cursor and turns no direction, NDJSON that every reader splits alike."""

import json
import re

__all__ = ["harmless", "json_line"]

# What moves a terminal's cursor, turns the direction of writing, is taken for a line's end by some reader, or is half
# a character.
_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def harmless(text: str) -> str:
    """Return text for a terminal: new lines and tabs stay, what commands a terminal goes."""
    return _COMMANDS.sub("", text)


def json_line(value: object) -> str:
    """Return a value as JSON on one line, Chinese as it is, commands escaped: the same value, harmless when shown.

    Raises:
        ValueError: a number in it is infinite or no number.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return _COMMANDS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
