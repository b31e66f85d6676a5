"""Public address to the one that is really fetched: mirrors, test servers, own origins."""

from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from config.settings import NetworkSettings, SourceSettings
from crawlers.errors import SourceError
from crawlers.link import origin
from crawlers.permit import Permit

__all__ = ["Address", "address_of", "site_of", "site_of_source"]

_Origin = tuple[str, str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """How one source's addresses are fetched."""

    hosts: frozenset[str]
    """The source's canonical hosts: the only ones that get its cookie, lower case."""
    own: frozenset[_Origin]
    """Canonical origins; empty with a platform's own hosts, which are judged by host."""
    base_url: str | None
    """Where they are really fetched from; None = from themselves."""
    permit: Permit
    """What the visit may reach besides the internet."""

    def real(self, url: str) -> tuple[str, bool]:
        """Return the address to fetch and whether it was built from the source's own base.

        A canonical address goes through `base_url`, with its path and query behind the
        base's own path; any other address stays as it is.
        """
        if not self.is_canonical(url):
            return url, False
        if self.base_url is None:
            return url, True
        parts = urlsplit(url)
        query = f"?{parts.query}" if parts.query else ""
        return self.base_url.rstrip("/") + (parts.path or "/") + query, True

    def is_canonical(self, url: str) -> bool:
        """Say whether an address is on one of the source's own origins."""
        try:
            found = origin(url)
        except ValueError:
            return False
        return found in self.own or (not self.own and found[1] in self.hosts)

    def public(self, real_url: str, location: str, asked: str) -> str:
        """Return the public address that a redirect leads to.

        Args:
            real_url: Address that was really fetched.
            location: Value of the `Location` header.
            asked: Public address that was asked for.
        """
        if self.base_url is None or not self.is_canonical(asked):
            return _joined(real_url, location)
        try:
            relative = not urlsplit(location).netloc
        except ValueError:
            return location
        if relative:
            return _joined(asked, location)
        base = self.base_url.rstrip("/")
        if location == base or location.startswith((base + "/", base + "?")):
            return _joined(asked, location[len(base) :] or "/")
        return _joined(real_url, location)

    def may_have_cookie(self, url: str) -> bool:
        """Say whether the operator's cookie may go to a public address."""
        try:
            scheme, host, _ = origin(url)
        except ValueError:
            return False
        return host in self.hosts and (scheme == "https" or self.base_url is not None)


def _joined(base: str, location: str) -> str:
    try:
        return urljoin(base, location)
    except ValueError:
        return location


def address_of(source: SourceSettings, hosts: tuple[str, ...], network: NetworkSettings) -> Address:
    """Return how a source's addresses are fetched.

    Args:
        source: The source.
        hosts: The platform's own hosts; empty = that of the source's url.
        network: Settings of the network.

    Raises:
        SourceError: `url` or `base_url` is no http(s) address.
    """
    try:
        own = frozenset({origin(source.url)}) if source.url else frozenset[_Origin]()
        base = origin(source.base_url) if source.base_url else next(iter(own), None)
    except ValueError as err:
        raise SourceError(source.name, f"`url` and `base_url` must be http(s) addresses: {err}") from err
    allow = frozenset(pair.strip().lower() for pair in network.allow_internal)
    return Address(
        hosts=frozenset(hosts) | frozenset(host for _, host, _ in own),
        own=own,
        base_url=source.base_url,
        permit=Permit(base=base, allow_internal=allow),
    )


def site_of(url: str) -> str:
    """Return the site whose pace an address counts against, host:port; the address itself if it is none."""
    try:
        _, host, port = origin(url)
    except ValueError:
        return url[:200]
    return f"{host}:{port}"


def site_of_source(source: SourceSettings) -> str:
    """Return the site whose pace a source's visits count against; `platform/transport` if it names no address."""
    address = source.base_url or source.url
    return site_of(address) if address else f"{source.platform}/{source.transport}"
