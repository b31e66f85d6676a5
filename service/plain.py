"""Text from outside on one line: no control characters, no direction tricks, no line breaks."""

__all__ = ["plain"]

_BREAKS = {0x0A: "\\n", 0x0D: "\\r", 0x09: " ", 0x0B: " ", 0x0C: " ", 0x85: "\\n", 0x2028: "\\n", 0x2029: "\\n"}
_DROPPED = (
    *range(0x20),
    *range(0x7F, 0xA0),
    0x061C,
    0x200B,
    0x200E,
    0x200F,
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2070),
    0xFEFF,
    *range(0xD800, 0xE000),
    *range(0xE0000, 0xE0080),
)
_TABLE: dict[int, str] = {**dict.fromkeys(_DROPPED, ""), **_BREAKS}


def plain(text: str) -> str:
    r"""Return `text` on one line: line breaks as `\n`, control, bidi and invisible characters dropped."""
    return text.translate(_TABLE)
