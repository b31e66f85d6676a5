"""Store ids and canonical links: the one place where identity is made."""

import hashlib
import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from domain.errors import DomainError
from domain.mention import Kind, Post
from domain.weibo_id import bid_to_mid, mid_to_bid

__all__ = ["bounded_id", "canonical_url", "fingerprint", "mention_id", "other_ids", "short_number", "text_hash"]

_PLATFORM = re.compile(r"[a-z][a-z0-9_]{0,31}")
_DEFAULT_PORT = {"http": 80, "https": 443}
# Parameters that track or sign a visit and never choose the page (crawling.md, section 5).
_TRACKING = frozenset(
    "spm spm_id_from vd_source from isappinstalled scene chksm poc_token xsec_token xsec_source jumpfrom fbclid "
    "gclid wid log_from _t timestamp phpsessid jsessionid sid".split()
)
_TRACKING_PREFIX = ("utm_", "share_")
_MAX_URL = 8_192
# Elasticsearch takes ids of at most 512 bytes; the platform's name and `:c:` stand before ours.
_MAX_ID_BYTES = 440


def canonical_url(url: str) -> str:
    """Return the form of an http(s) link under which a page is known.

    Scheme and host in lower case, host in punycode, no default port, no fragment, query
    sorted, tracking parameters dropped, an empty path as `/`. Idempotent.

    Raises:
        DomainError: `url` is no absolute http(s) link or longer than 8,192 characters.
    """
    text = url.strip()
    if len(text) > _MAX_URL:
        raise DomainError(f"link longer than {_MAX_URL} characters: {text[:60]}…")
    try:
        parts = urlsplit(text)
        port = parts.port
        host = (parts.hostname or "").rstrip(".")
        host = host.encode("idna").decode("ascii") if not host.isascii() else host
    except (ValueError, UnicodeError) as err:
        raise DomainError(f"not a link: {text[:80]!r}") from err
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORT or not host:
        raise DomainError(f"not an absolute http(s) link: {text[:80]!r}")
    host = f"[{host}]" if ":" in host else host.lower()
    netloc = host if port in (None, _DEFAULT_PORT[scheme]) else f"{host}:{port}"
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~-._") or "/"
    pairs = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if not _tracks(k)]
    return urlunsplit((scheme, netloc, path, urlencode(sorted(pairs)), ""))


def _tracks(name: str) -> bool:
    lower = name.lower()
    return lower in _TRACKING or lower.startswith(_TRACKING_PREFIX)


def mention_id(
    *, platform: str, native_id: str, kind: Kind, url: str | None = None, feed_url: str | None = None
) -> str:
    """Return the store id of a mention; the same post always gives the same id.

    `<platform>:<native id>` for a platform with ids of its own, `<platform>:c:<id>` for
    its comments; `web:` + 32 hex digits for an open-web page, from its canonical link,
    or from the feed's link and the guid where the entry has no link.

    Raises:
        DomainError: the platform's name is malformed, the id is empty, or a web entry has
            neither link nor feed.
    """
    if not _PLATFORM.fullmatch(platform):
        raise DomainError(f"platform name {platform[:40]!r}: lower-case letters, digits and _ only")
    if platform == "web":
        return "web:" + _web_key(native_id, url, feed_url)
    if not native_id.strip():
        raise DomainError(f"a {platform} post without id cannot be stored")
    native_id = bounded_id(_one_spelling(platform, native_id))
    return f"{platform}:c:{native_id}" if kind is Kind.COMMENT else f"{platform}:{native_id}"


def _one_spelling(platform: str, native_id: str) -> str:
    """Return the id that every road to a post gives: bridges name a Weibo post by its bid, the site by its mid."""
    if platform != "weibo" or not 8 <= len(native_id) <= 10 or native_id.isdigit():
        return native_id
    mid = bid_to_mid(native_id)
    return mid if mid_to_bid(mid) == native_id else native_id


def other_ids(post: Post) -> tuple[str, ...]:
    """Return the store ids under which other roads bring the same post, in order; mostly none.

    They are made from each `id_alt` of its extra, such as the av number of a video that is known by its BV id.
    """
    told = [value for name, value in post.extra if name == "id_alt" and value.strip()]
    if not told or post.platform == "web":
        return ()
    own = mention_id(platform=post.platform, native_id=post.native_id or "-", kind=post.kind)
    made = (mention_id(platform=post.platform, native_id=value, kind=post.kind) for value in told)
    return tuple(dict.fromkeys(each for each in made if each != own))


def bounded_id(native_id: str) -> str:
    """Return a native id as it is, or a hash of the whole where it has more than 440 bytes; idempotent.

    Cutting it instead would make one post of two whose ids only begin alike.
    """
    raw = native_id.encode("utf-8", "surrogatepass")
    return native_id if len(raw) <= _MAX_ID_BYTES else "sha256-" + hashlib.sha256(raw).hexdigest()[:32]


def _web_key(native_id: str, url: str | None, feed_url: str | None) -> str:
    for candidate in (url, native_id):
        if candidate:
            try:
                return _hex32(canonical_url(candidate))
            except DomainError:
                continue
    if not feed_url or not native_id:
        raise DomainError("a web entry needs a link, or a guid together with its feed's link")
    return _hex32(f"{feed_url}\n{native_id}")


def _hex32(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def text_hash(title: str | None, text: str) -> str:
    """Return 16 hex digits that change when a mention's title or text changes."""
    return hashlib.sha256(f"{title or ''}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


def fingerprint(labels: Iterable[tuple[str, str]]) -> str:
    """Return 16 hex digits over the sorted labels of an alert; order does not matter."""
    joined = "\n".join(f"{name}={value}" for name, value in sorted(labels))
    return hashlib.sha256(joined.encode()).hexdigest()[:16]


def short_number(text: str) -> str:
    """Return five letters and digits, easy to read aloud, made from `text`."""
    alphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
    digest = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return "".join(alphabet[digest >> (5 * i) & 31] for i in range(5))
