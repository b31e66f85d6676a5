"""Tells an outside watchdog that all is well, or what is not: it notices what we cannot, our own silence."""

import logging
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from urllib.parse import urlsplit, urlunsplit

from alerts.call import within
from alerts.notifiers.road import Road
from config.settings import HeartbeatSettings

__all__ = ["Heartbeat"]

logger = logging.getLogger(__name__)

GRACE_S = 180.0
"""So long after its start a service that has never been well says nothing yet, real seconds."""
_LINES = 20
_BODY_BYTES = 10_000
_CALL_S = 20.0

Health = Callable[[], Mapping[str, object]]


class Heartbeat:
    """Pings `url` in the manner of healthchecks.io: the address itself for well, `/fail` beneath it for not.

    Whatever the network does, nothing is raised and nothing else waits: it runs in a thread of its own.

    Args:
        settings: address and interval; without an address nothing is sent.
        health: view of `/healthz`.
        road: how the outside is reached; no redirect is followed.
        monotonic: real seconds.
    """

    def __init__(
        self,
        settings: HeartbeatSettings,
        health: Health,
        road: Road,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = settings.url.reveal() if settings.url else ""
        self._interval_s = settings.interval.total_seconds()
        self._health, self._road, self._monotonic = health, road, monotonic
        self._began_s = monotonic()
        self._was_well = False
        self._last_trouble = ""

    def start(self, stop: threading.Event) -> None:
        """Beat every interval until `stop` is set; no-op without an address."""
        if self._url:
            threading.Thread(target=self._run, args=(stop,), daemon=True, name="heartbeat").start()

    def _run(self, stop: threading.Event) -> None:
        wait_s = min(self._interval_s, 15.0)
        while not stop.wait(wait_s):
            told = self.beat()
            wait_s = self._interval_s if told is not None else min(self._interval_s, 15.0)

    def beat(self) -> bool | None:
        """Look and tell once.

        Returns:
            What was told: True = well, False = not well; None = nothing, the service still starts.
        """
        try:
            view = self._health()
        except Exception as err:  # noqa: BLE001 - border of one beat: a page that fails is not well
            view = {"ok": False, "problems": [{"code": "view", "what": type(err).__name__}]}
        well = bool(view.get("ok"))
        if not well and not self._was_well and self._monotonic() - self._began_s < GRACE_S:
            return None
        self._was_well |= well
        self._send(well, view.get("problems"))
        return well

    def _send(self, well: bool, problems: object) -> None:
        request = (
            urllib.request.Request(self._url)
            if well
            else urllib.request.Request(_beneath(self._url, "fail"), data=_body(problems), method="POST")
        )
        try:
            trouble = within(partial(_ask, self._road, request), limit_s=_CALL_S)
        except Exception as err:  # noqa: BLE001 - border of one beat: whatever the network does
            trouble = type(err).__name__
        trouble = f"no answer within {_CALL_S:.0f} s" if trouble is None else trouble
        if trouble != self._last_trouble:
            if trouble:
                logger.warning("the watchdog was not reached host=%s error=%s", urlsplit(self._url).hostname, trouble)
            else:
                logger.info("the watchdog is reached again host=%s", urlsplit(self._url).hostname)
        self._last_trouble = trouble


def _ask(road: Road, request: urllib.request.Request) -> str:
    """Return what was wrong with the answer; empty = nothing.

    Raises:
        OSError, http.client.HTTPException, ValueError: there was none.
    """
    try:
        with road.open(request) as answer:
            answer.read(_BODY_BYTES)
    except urllib.error.HTTPError as err:
        err.close()
        return f"HTTP {err.code}"
    return ""


def _beneath(url: str, name: str) -> str:
    """Return the address of a path beneath `url`, its query kept."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{name}"))


def _body(problems: object) -> bytes:
    found: Sequence[object] = problems if isinstance(problems, list) else ()
    lines = [f"{one.get('code')}: {one.get('what')}" for one in found[:_LINES] if isinstance(one, Mapping)]
    return "\n".join(lines).encode("utf-8", "replace")[:_BODY_BYTES]
