"""Which configured addresses lie outside this machine."""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from urllib.parse import urlsplit

from config.settings import Settings, SourceSettings

__all__ = ["is_loopback", "outside_addresses"]


def is_loopback(url: str) -> bool:
    """Say whether the host of a link is this machine: localhost, 127.0.0.0/8 or ::1."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def outside_addresses(settings: Settings, sources: Sequence[SourceSettings]) -> list[str]:
    """Name every source, receiver channel and watchdog that is not on loopback."""
    outside = [f"source {source.name}" for source in sources if not _source_inside(source)]
    if settings.heartbeat.url and not is_loopback(settings.heartbeat.url.reveal()):
        outside.append("heartbeat.url")
    for receiver in settings.receivers:
        for channel, options in receiver.channels:
            if not any(is_loopback(url) for url in _urls(options)):
                outside.append(f"receiver {receiver.name} ({channel})")
    return outside


def _source_inside(source: SourceSettings) -> bool:
    if source.platform == "import":
        return True
    address = source.base_url or source.url
    return address is not None and is_loopback(address)


def _urls(options: object) -> Iterable[str]:
    if not is_dataclass(options):
        return
    for each in fields(options):
        value = getattr(options, each.name)
        text = value.reveal() if hasattr(value, "reveal") else value
        if isinstance(text, str) and text.startswith(("http://", "https://")):
            yield text
