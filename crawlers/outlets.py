"""The tier of a medium, by the host of a page or by the medium's printed name."""

import unicodedata
from collections.abc import Iterable
from urllib.parse import urlsplit

from config.settings import OutletSettings

__all__ = ["OutletTiers"]

_HOST_CHARS = 253


class OutletTiers:
    """Looks up tiers; built once from the settings, safe in several threads.

    A host counts with every host below it, the longest one that is listed wins: a medium on a sub-domain of another
    can have a tier of its own. Names count where they are the same but for width, case and blanks. Of two entries with
    one host or name the later has it, so that the operator's own wins over a packaged one.
    """

    def __init__(self, outlets: Iterable[OutletSettings]) -> None:
        self._hosts: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._aliases: dict[str, str] = {}
        for outlet in outlets:
            self._hosts.update((host, outlet.tier) for each in outlet.hosts if (host := _plain_host(each)))
            self._names[_plain_name(outlet.name)] = outlet.tier
            self._aliases.update((_plain_name(alias), outlet.tier) for alias in outlet.aliases)

    def tier(self, *, url: str | None, outlet: str | None) -> str | None:
        """Return the tier by the host of a link, else by a name, else by another name; None = unknown.

        The host comes first because nobody can print another's. A link that is none is passed over.
        """
        found = self._by_host(_host_of(url)) if url else None
        if found is None and outlet:
            name = _plain_name(outlet)
            found = self._names.get(name) or self._aliases.get(name)
        return found

    def _by_host(self, host: str) -> str | None:
        labels = host.split(".")
        for start in range(len(labels)):
            found = self._hosts.get(".".join(labels[start:]))
            if found is not None:
                return found
        return None


def _host_of(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname or ""
    except ValueError:
        return ""
    return _plain_host(host) if parts.scheme.lower() in ("http", "https") else ""


def _plain_host(host: str) -> str:
    """Return a host in lower case and punycode, without `www.` and final dots; empty = it is none."""
    host = host.strip().rstrip(".").lower()
    if len(host) > _HOST_CHARS:
        return ""
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    return host.removeprefix("www.")


def _plain_name(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())
