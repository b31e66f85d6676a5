"""The way of a call to a channel: proxy or direct, no redirects, bounded answers."""

import base64
import email.message
import http.client
import json
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from config.trust import trusting

__all__ = ["Reply", "Road", "began", "json_of"]

_MAX_ANSWER_BYTES = 1_000_000


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Give a redirect back as the answer that it is."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer of any status."""

    status: int
    """HTTP status."""
    headers: Mapping[str, str]
    """Header fields, names in lower case."""
    body: str
    """Decoded body, at most a million bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """How the outside is reached."""

    proxy: str | None = None
    """Proxy URL; `env` = the environment's; None or `none` = direct, whatever the environment says."""
    no_proxy: tuple[str, ...] = ()
    """Hosts reached directly: exact names, or .suffix."""
    ca: Path | None = None
    """PEM file with authorities trusted besides the system's; None = none."""
    timeout_s: float = 10.0
    """Limit of each wait on the socket, real seconds."""

    def open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        """Send a request and return the open answer.

        Raises:
            urllib.error.HTTPError: any status but 2xx, redirects included.
            OSError: no answer; see `began`.
            http.client.HTTPException: the answer broke off.
        """
        tls = urllib.request.HTTPSHandler(context=trusting(self.ca))
        handlers: list[urllib.request.BaseHandler] = [_NoRedirect(), tls]
        if self.proxy != "env":
            handlers.append(urllib.request.ProxyHandler({}))
            self._through_proxy(request)
        response = urllib.request.build_opener(*handlers).open(request, timeout=self.timeout_s)
        assert isinstance(response, http.client.HTTPResponse)
        return response

    def post_json(self, url: str, body: object) -> Reply:
        """Post JSON and return the answer, whatever its status.

        Raises:
            OSError: no answer; see `began`.
            http.client.HTTPException: the answer broke off.
        """
        raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        request = urllib.request.Request(url, data=raw, headers={"Content-Type": "application/json; charset=utf-8"})
        try:
            with self.open(request) as response:
                return _reply(response.status, response.headers, self.read(response))
        except urllib.error.HTTPError as err:
            with err:
                return _reply(err.code, err.headers, self.read(err))

    def read(self, answer: IO[bytes] | http.client.HTTPResponse) -> bytes:
        """Return the first million bytes of a body, or what came of it in three times `timeout_s`."""
        parts: list[bytes] = []
        room, end = _MAX_ANSWER_BYTES, time.monotonic() + 3 * self.timeout_s
        read = getattr(answer, "read1", answer.read)
        while room > 0 and time.monotonic() < end and (part := read(min(room, 65_536))):
            parts.append(part)
            room -= len(part)
        return b"".join(parts)

    def _through_proxy(self, request: urllib.request.Request) -> None:
        if self.proxy in (None, "", "none") or self._direct(urlsplit(request.full_url).hostname or ""):
            return
        proxy = urlsplit(str(self.proxy) if "://" in str(self.proxy) else f"http://{self.proxy}")
        if proxy.username:
            login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
            request.add_header("Proxy-Authorization", "Basic " + base64.b64encode(login).decode("ascii"))
        request.set_proxy(proxy.netloc.rpartition("@")[2], "http" if request.type == "http" else request.type)

    def _direct(self, host: str) -> bool:
        host = host.lower()
        return any(host == rule.lower() or (rule[:1] == "." and host.endswith(rule.lower())) for rule in self.no_proxy)


def _reply(status: int, headers: email.message.Message, raw: bytes) -> Reply:
    named = {name.lower(): value for name, value in headers.items()}
    return Reply(status=status, headers=named, body=raw.decode("utf-8", "replace"))


def began(err: Exception) -> bool:
    """Say whether the request may have reached the other side when `err` came.

    False for a refused connection, a name that does not resolve, a failed TLS handshake, a
    proxy that says no and a timeout before the connection stood; True for all the rest.
    """
    reason = err.reason if isinstance(err, urllib.error.URLError) else None
    if isinstance(reason, ConnectionResetError | BrokenPipeError | http.client.HTTPException):
        return True
    if isinstance(reason, str):
        return False
    return not isinstance(reason, ConnectionRefusedError | socket.gaierror | ssl.SSLError | TimeoutError | OSError)


def json_of(body: str) -> Any:
    """Return the JSON value of an answer.

    Raises:
        ValueError: it is no JSON, or nested so deeply that it is no honest answer.
    """
    try:
        return json.loads(body)
    except RecursionError as err:
        raise ValueError("nested too deeply") from err
