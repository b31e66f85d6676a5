"""Links for people: absolute, without the parameters that only track."""

from functools import lru_cache
from urllib.parse import urljoin, urlsplit, urlunsplit

__all__ = ["origin", "public_link"]

# Shorter than the list of `domain.ids`: a link must still open, an id need not.
_TRACKING = frozenset(
    "spm spm_id_from vd_source from isappinstalled fbclid gclid wid log_from share_token share_from jumpfrom".split()
)
_MAX = 2_048
_DEFAULT_PORT = {"http": 80, "https": 443}


def public_link(link: str, base: str = "") -> str | None:
    """Return an absolute http(s) link without tracking parameters and fragment; None if it is none."""
    link = link.strip()
    if not link.isprintable():
        link = "".join(char for char in link if char.isprintable())
    link = link.replace(" ", "%20")
    try:
        parts = urlsplit(urljoin(base, link))
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return None
    if parts.scheme.lower() not in _DEFAULT_PORT or not host or not link or len(link) > _MAX:
        return None
    query = "&".join(pair for pair in parts.query.split("&") if pair and not _tracks(pair.partition("=")[0]))
    fragment = parts.fragment if parts.fragment.startswith(("/", "!")) else ""
    return urlunsplit((parts.scheme.lower(), parts.netloc, parts.path, query, fragment))


def _tracks(name: str) -> bool:
    lower = name.lower()
    return lower in _TRACKING or lower.startswith("utm_")


@lru_cache(maxsize=1_024)  # several guards ask for each request
def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of an http(s) address in lower case.

    Raises:
        ValueError: the address has no host, no such scheme or an impossible port.
    """
    parts = urlsplit(url)
    scheme, host = parts.scheme.lower(), (parts.hostname or "").rstrip(".").lower()
    if scheme not in _DEFAULT_PORT or not host:
        raise ValueError(f"no http(s) address: {url[:80]!r}")
    return scheme, host, parts.port or _DEFAULT_PORT[scheme]
