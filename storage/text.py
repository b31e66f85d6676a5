"""Text that every database takes."""

__all__ = ["encodable"]


def encodable(text: str) -> str:
    """Return text without lone surrogates (they become U+FFFD), which no database stores."""
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
