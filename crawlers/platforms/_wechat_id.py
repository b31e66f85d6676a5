"""Ids and links of WeChat articles whose numbers are not known yet."""

import hashlib
from urllib.parse import urlsplit

__all__ = ["hashed_id", "is_temporary"]


def hashed_id(account: str | None, title: str) -> str:
    """Return the id of an article that is known by its account and title only."""
    told = f"{account or ''}|{title}".encode("utf-8", "replace")
    return "sogou:" + hashlib.sha1(told, usedforsecurity=False).hexdigest()[:16]


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
