"""Bytes to text: declared encodings first, and what to do when they lie (contracts: crawling, section 5)."""

import re

from charset_normalizer import from_bytes
from w3lib.encoding import html_to_unicode

__all__ = ["decode_body"]

_XML_DECLARATION = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_SAMPLE = 200_000


def decode_body(body: bytes, content_type: str | None = None) -> str:
    """Return the text of a page or feed; characters that no encoding explains become U+FFFD.

    The HTTP header, a BOM, the XML declaration and `meta` are asked in this order; gb2312
    and gbk mean gb18030. Where the declared encoding leaves U+FFFD, strict UTF-8, strict
    GB18030 and finally statistics decide.
    """
    header = content_type if content_type and "charset" in content_type.lower() else _declared(body)
    try:
        _, text = html_to_unicode(header, body, default_encoding="utf-8", auto_detect_fun=_detect)
    except (LookupError, ValueError):  # a codec of Python's that is none of a page, such as `uu` or `idna`
        text = body.decode("utf-8", "replace")
    if "\ufffd" in text:
        better = _strict(body) or _statistics(body)
        if better is not None and better.count("\ufffd") < text.count("\ufffd"):
            text = better
    return text.removeprefix("\ufeff")


def _declared(body: bytes) -> str | None:
    match = _XML_DECLARATION.match(body[:400])
    return f"text/xml; charset={match[1].decode('ascii')}" if match else None


def _detect(body: bytes) -> str | None:
    for encoding in ("utf-8", "gb18030"):
        if _decodes(body, encoding) is not None:
            return encoding
    return None


def _strict(body: bytes) -> str | None:
    for encoding in ("utf-8", "gb18030"):
        text = _decodes(body, encoding)
        if text is not None:
            return text
    return None


def _decodes(body: bytes, encoding: str) -> str | None:
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as err:
        # A body cut at the size limit may end inside a character.
        if err.start >= len(body) - 4 and err.start > 0:
            return body[: err.start].decode(encoding)
        return None


def _statistics(body: bytes) -> str | None:
    best = from_bytes(body[:_SAMPLE]).best()
    return body.decode(best.encoding, "replace") if best is not None else None
