"""What a status or an address says by itself (contracts: platforms, sections 3.6 and 8)."""

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from domain.outcome import FetchOutcome

__all__ = ["retry_after_s", "status_outcome", "url_outcome"]

_BY_STATUS = {
    400: FetchOutcome.ERROR,
    401: FetchOutcome.AUTH_REQUIRED,
    403: FetchOutcome.BLOCKED,
    404: FetchOutcome.GONE,
    410: FetchOutcome.GONE,
    412: FetchOutcome.IP_BLOCKED,
    414: FetchOutcome.BLOCKED,
    418: FetchOutcome.BLOCKED,
    429: FetchOutcome.RATE_LIMITED,
    432: FetchOutcome.BLOCKED,
    461: FetchOutcome.CAPTCHA,
    471: FetchOutcome.CAPTCHA,
}
_LOGIN_HOSTS = frozenset({"passport.weibo.com", "passport.weibo.cn", "visitor.passport.weibo.cn", "login.sina.com.cn"})
_CAPTCHA_MARKS = ("/antispider/", "wappoc_appmsgcaptcha", "secitptpage", "/account/unhuman", "/captcha/")
_MAX_RETRY_AFTER_S = 86_400.0


def status_outcome(status: int, headers: Mapping[str, str]) -> FetchOutcome | None:
    """Return what a status means where the body says nothing better; None for 2xx and 304."""
    if 200 <= status < 300 or status == 304:
        return None
    if status == 503 and "retry-after" in headers:
        return FetchOutcome.RATE_LIMITED
    return _BY_STATUS.get(status, FetchOutcome.ERROR)


def url_outcome(url: str) -> FetchOutcome | None:
    """Return what an address that we were sent to means; None = nothing by itself."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return None
    if any(mark in parts.path for mark in _CAPTCHA_MARKS) or host == "wappass.baidu.com":
        return FetchOutcome.CAPTCHA
    if host in _LOGIN_HOSTS or (host.endswith("zhihu.com") and parts.path.startswith("/signin")):
        return FetchOutcome.LOGIN_REQUIRED
    return None


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return how many real seconds the server asked us to wait, 0 to 86,400; None = it did not.

    Reads `Retry-After` in seconds or as a date (compared with the server's own `Date` where
    it gives one), else `x-ratelimit-reset` in seconds.
    """
    raw = headers.get("retry-after", "").strip()
    if raw.isascii() and raw.isdigit():
        return min(float(raw[:9]), _MAX_RETRY_AFTER_S)
    if raw:
        try:
            until = parsedate_to_datetime(raw)
            told = headers.get("date")
            start = parsedate_to_datetime(told) if told else now
            return min(max((until - start).total_seconds(), 0.0), _MAX_RETRY_AFTER_S)
        except (TypeError, ValueError):
            return None
    reset = headers.get("x-ratelimit-reset", "").strip()
    if reset.isascii() and reset.isdigit() and len(reset) <= 6:
        return min(float(reset), _MAX_RETRY_AFTER_S)
    return None
