"""Words from outside made harmless and short, numbers and moments as people read them."""

import ipaddress
import re
import unicodedata
from urllib.parse import quote, urlsplit, urlunsplit

__all__ = ["clean", "clip", "clip_bytes", "is_loopback", "number_text", "safe_url", "span_text"]

_ZWJ = "\u200d"
_MAX_MARKS = 2
_MAX_URL = 2_000
_URL_SAFE = "/:?#@!$&'+,;=%~-._*"


def clean(text: str) -> str:
    """Return text from outside as one line without anything invisible.

    Controls, direction overrides, zero-width and private characters go (a joiner between
    emoji stays), more than two combining marks in a row go, white space becomes one space.
    """
    kept: list[str] = []
    marks = 0
    for char in text:
        category = unicodedata.category(char)
        if category in ("Cc", "Zl", "Zp", "Zs"):
            char = " "
        elif category[0] == "C" and not (char == _ZWJ and kept and _is_symbol(kept[-1])):
            continue
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks <= _MAX_MARKS:
            kept.append(char)
    return " ".join("".join(kept).split())


def _is_symbol(char: str) -> bool:
    return unicodedata.category(char) in ("So", "Sk", "Mn")


def clip(text: str, limit: int) -> str:
    """Return at most `limit` characters, the last one `…` where something was cut."""
    if len(text) <= limit:
        return text
    if limit <= 0:
        return ""
    return _whole(text[: limit - 1], text[limit - 1]) + "…"


def _whole(head: str, following: str) -> str:
    """Drop what would be half a sign: a dangling joiner, or a base whose mark was cut off."""
    if head and (unicodedata.combining(following) or following in (_ZWJ, "\ufe0f")):
        head = head[:-1]
    return head.rstrip(_ZWJ + " ")


def clip_bytes(text: str, limit: int) -> str:
    """Return text of at most `limit` bytes in UTF-8, never half a character, `…` at a cut."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= limit:
        return raw.decode("utf-8")
    if limit < 3:
        return ""
    return raw[: limit - 3].decode("utf-8", "ignore").rstrip(_ZWJ + " ") + "…"


def safe_url(url: str | None) -> str | None:
    """Return an http(s) link with every character that could end a link encoded, else None.

    A user name in front of the host is dropped, since it can only mislead. None also for
    more than 2,000 characters.
    """
    if not url:
        return None
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
        if parts.scheme.lower() not in ("http", "https") or not host:
            return None
        name = f"[{host}]" if ":" in host else host.encode("idna").decode("ascii")
    except (ValueError, UnicodeError):
        return None
    if not re.fullmatch(r"[0-9a-z.\-_:\[\]]+", name):
        return None
    netloc = name if port is None else f"{name}:{port}"
    path, query, fragment = (quote(clean(part), safe=_URL_SAFE) for part in (parts.path, parts.query, parts.fragment))
    whole = urlunsplit((parts.scheme.lower(), netloc, path, query, fragment))
    return whole if len(whole) <= _MAX_URL else None


def is_loopback(url: str) -> bool:
    """Say whether a link leads back to the reader's own machine, or nowhere."""
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    if not host or host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def number_text(value: float, locale: str) -> str:
    """Write a count short: 3, 2.4, 12.6万 or 126k; one decimal below ten where it says something."""
    sign, value = ("-", -value) if value < 0 else ("", value)
    for unit, name in ((1e8, "亿"), (1e4, "万")) if locale == "zh" else ((1e6, "M"), (1e4, "k")):
        if value >= unit:
            size = value / (1_000 if name == "k" else unit)
            return f"{sign}{_short(size)}{name}"
    return sign + _short(value)


def _short(value: float) -> str:
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}".removesuffix(".0")


def span_text(seconds: float, locale: str) -> str:
    """Write a span in its two largest units of days, hours and minutes; at least one minute."""
    minutes = max(1, round(seconds / 60))
    days, rest = divmod(minutes, 1440)
    hours, minutes = divmod(rest, 60)
    names = ("天", "小时", "分钟") if locale == "zh" else ("d", "h", "min")
    parts = [f"{n} {name}" for n, name in zip((days, hours, minutes), names, strict=True) if n]
    return " ".join(parts[:2])
