"""Text that every database takes."""

from domain.codec import to_json

__all__ = ["doc_of", "encodable"]


def doc_of(value: object) -> str:
    """Return a domain value as JSON text that every database takes."""
    return encodable(to_json(value))


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
