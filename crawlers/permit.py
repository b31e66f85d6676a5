"""What one visit may reach besides the public internet; apart from the crawl, because others ask it too."""

from dataclasses import dataclass

from crawlers.link import origin

__all__ = ["Permit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """What one visit may reach besides the public internet."""

    base: tuple[str, str, int] | None = None
    """Origin (scheme, host, port) of the source's own base; None = it has none."""
    allow_internal: frozenset[str] = frozenset()
    """host:port pairs from `network.allow_internal`, lower case."""

    def covers(self, url: str, *, own: bool) -> bool:
        """Say whether an address may be internal: its own base, and allowed by the operator."""
        if not own or self.base is None:
            return False
        scheme, host, port = origin(url)
        return (scheme, host, port) == self.base and f"{host}:{port}" in self.allow_internal
