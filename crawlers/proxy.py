"""Which proxy a request goes through."""

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from config.settings import NetworkSettings, SourceSettings

__all__ = ["proxy_for"]


def proxy_for(url: str, source: SourceSettings, network: NetworkSettings) -> str | None:
    """Return the proxy for an address; None = direct.

    The source's own setting goes before the global one. The environment's proxies count
    only where one of them says `env`. Hosts of `no_proxy` are always reached directly.
    """
    chosen = source.proxy if source.proxy is not None else network.proxy
    if chosen is None or chosen == "none":
        return None
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if _is_exempt(host, network.no_proxy):
        return None
    if chosen == "env":
        return None if proxy_bypass(host) else getproxies().get(parts.scheme)
    return chosen if "://" in chosen else f"http://{chosen}"


def _is_exempt(host: str, names: tuple[str, ...]) -> bool:
    for name in names:
        name = name.strip().lower()
        if host == name or (name.startswith(".") and (host.endswith(name) or host == name[1:])):
            return True
    return False
