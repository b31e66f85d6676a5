"""The way to the outside: authorities, proxies, channels. Connections are opened and closed, nothing is sent."""

import http.client
import os
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

from alerts.roster import road_of
from config.settings import Settings
from service.doctor.base import Finding, fail, fine, warn

__all__ = ["certificates", "channels", "proxies"]

WAIT_S = 5.0
"""Longest wait for one connection, real seconds."""
_SOON_S = 14 * 86_400.0


def certificates(settings: Settings) -> Iterator[Finding]:
    """Look whether there are authorities to trust, and whether ours have expired."""
    yield from _system()
    ca = settings.network.ca
    if ca is None:
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=str(ca))
    ends = [ssl.cert_time_to_seconds(str(each["notAfter"])) for each in context.get_ca_certs()]
    fix = "ask for the present file and put it in its place, then restart the service"
    left_s = max(ends, default=0.0) - time.time()
    if not ends:
        yield fail("certificates", f"network.ca {ca} holds no authority, only other certificates", fix)
    elif left_s < 0:
        yield fail("certificates", f"every authority in network.ca {ca} has expired", fix)
    elif left_s < _SOON_S:
        yield warn("certificates", f"network.ca {ca} expires in {left_s / 86_400:.0f} days", fix)
    else:
        yield fine("certificates", f"network.ca {ca}: {len(ends)} authorities, good for {left_s / 86_400:.0f} days")


def _system() -> Iterator[Finding]:
    named = [(name, Path(os.environ[name])) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)]
    for name, path in named:
        if not path.exists():
            yield fail("certificates", f"{name} names {path}, which is not there", f"unset {name}, or correct it")
    paths = ssl.get_default_verify_paths()
    roots = (paths.cafile and Path(paths.cafile).exists()) or (paths.capath and any(Path(paths.capath).iterdir()))
    if not named and not roots:
        fix = "install the package ca-certificates; python.org's Python on macOS: run Install Certificates.command"
        yield fail("certificates", "this machine trusts no certificate authority", fix)


def proxies(settings: Settings) -> Iterator[Finding]:
    """Look whether every proxy that the settings use lets us connect."""
    given = {settings.network.proxy} | {one.proxy for one in settings.sources}
    given |= {one.proxy for one in settings.receivers}
    found = {proxy for proxy in given - {None, "", "none", "env"} if proxy}
    if "env" in given:
        found |= {proxy for scheme, proxy in getproxies().items() if scheme in ("http", "https", "all")}
    for host, port in sorted({_place(proxy) for proxy in found}):
        try:
            socket.create_connection((host, port), timeout=WAIT_S).close()
        except OSError as err:
            fix = "start it, or correct proxy in the settings (env = the one of HTTPS_PROXY, none = direct)"
            yield fail("proxy", f"proxy {host}:{port}: {_reason(err)}", fix)
        else:
            yield fine("proxy", f"proxy {host}:{port} answers")


def _place(proxy: str) -> tuple[str, int]:
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    usual = {"https": 443, "socks5": 1080, "socks5h": 1080}.get(parts.scheme, 80)
    return parts.hostname or "", parts.port or usual


def channels(settings: Settings) -> Iterator[Finding]:
    """Look whether the server of every channel can be reached and shows a certificate that we trust."""
    wanted: dict[str, tuple[str, str | None]] = {}
    for receiver in settings.receivers:
        proxy = road_of(receiver, settings.network, limit_s=WAIT_S).proxy
        for channel, options in receiver.channels:
            wanted.setdefault(options.server, (f"{channel} of {receiver.name}", proxy))
    if not wanted:
        return
    with ThreadPoolExecutor(max_workers=8) as pool:
        yield from pool.map(lambda server: _reach(settings, server, *wanted[server]), wanted)


def _reach(settings: Settings, server: str, who: str, proxy: str | None) -> Finding:
    host = urlsplit(server).hostname or ""
    try:
        _connect(settings, server, proxy)
    except ssl.SSLError as err:
        said = f"{host} ({who}): its certificate is not trusted: {getattr(err, 'verify_message', '') or err.reason}"
        return fail("reach", said, "where a company proxy opens TLS, name its CA file in network.ca")
    except socket.gaierror:
        return fail("reach", f"{host} ({who}): the name is not found", _NO_NAME)
    except (OSError, http.client.HTTPException) as err:
        return fail("reach", f"{host} ({who}): {_reason(err)}", _NO_WAY)
    return fine("reach", f"{host} ({who}) can be reached" + (" through the proxy" if proxy else ""))


_NO_NAME = "check DNS (getent hosts NAME); behind a proxy set proxy: in the settings"
_NO_WAY = "check the firewall; behind a proxy set proxy: in the settings (env = the one of HTTPS_PROXY)"


def _connect(settings: Settings, server: str, proxy: str | None) -> None:
    from config.trust import trusting

    parts = urlsplit(server)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    chosen = getproxies().get(parts.scheme) if proxy == "env" else proxy
    exempt = any(host == each or (each[:1] == "." and host.endswith(each)) for each in settings.network.no_proxy)
    place = (host, port) if chosen in (None, "", "none") or exempt else _place(str(chosen))
    if secure:
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            *place, timeout=WAIT_S, context=trusting(settings.network.ca)
        )
    else:
        connection = http.client.HTTPConnection(*place, timeout=WAIT_S)
    if place != (host, port) and secure:
        connection.set_tunnel(host, port)
    try:
        connection.connect()
    finally:
        connection.close()


def _reason(err: Exception) -> str:
    if isinstance(err, TimeoutError):
        return f"no answer within {WAIT_S:.0f} s"
    if isinstance(err, ConnectionRefusedError):
        return "refuses the connection"
    return str(getattr(err, "strerror", None) or err)
