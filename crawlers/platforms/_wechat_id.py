"""Ids and links of WeChat articles whose numbers are not known yet."""

import hashlib
from urllib.parse import urlsplit

__all__ = ["hashed_id", "is_temporary", "other_id"]

_HASHED = "sogou:"


def hashed_id(account: str | None, title: str) -> str:
    """Return the id of an article that is known by its account and title only."""
    told = f"{account or ''}|{title}".encode("utf-8", "replace")
    return _HASHED + hashlib.sha1(told, usedforsecurity=False).hexdigest()[:16]


def other_id(native_id: str | None, account: str | None, title: str | None) -> tuple[tuple[str, str], ...]:
    """Return as `id_alt` the id under which searches show an article, if its own is known and so are both names."""
    if not (native_id and account and title) or native_id.startswith(_HASHED):
        return ()
    return (("id_alt", hashed_id(account, title)),)


def is_temporary(url: str) -> bool:
    """Say whether a link expires within hours: a jump of Sogou, or an article with signature and timestamp."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    host = (parts.hostname or "").lower()
    if host == "weixin.sogou.com":
        return True
    return host == "mp.weixin.qq.com" and "signature=" in parts.query
