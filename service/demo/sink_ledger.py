"""What a person in the channel would have seen, and the faults that a test has scripted."""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

__all__ = ["Fault", "Ledger", "Posted", "Request"]

Action = Literal["reply", "html", "delay", "accept_then_hang", "accept_then_reset", "refuse"]
_MOST = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """One message that the server accepted."""

    number: int
    """Order of acceptance, from 1."""
    at: float
    """Wall time, seconds since 1970."""
    channel: str
    """slack, slack_webhook or wecom_robot."""
    target: str
    """Channel id, webhook path or robot key."""
    body: Mapping[str, Any]
    """The request's body as it came."""
    ts: str = ""
    """Slack's handle; empty for the others."""
    edits: int = 0
    """How often it was changed since; `body` is what stands there now."""

    def to_plain(self) -> dict[str, Any]:
        """Return it as JSON-ready values; `at_s` is Unix time."""
        return {
            "number": self.number,
            "at_s": self.at,
            "channel": self.channel,
            "target": self.target,
            "ts": self.ts,
            "thread_ts": str(self.body.get("thread_ts", "")),
            "edits": self.edits,
            "body": self.body,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request that reached the sink, accepted or not."""

    at: float
    """Wall time, seconds since 1970."""
    route: str
    """Route's name, such as slack.post."""
    body: Mapping[str, Any]
    """Body as read; empty if unreadable."""
    path: str = ""
    """Path and query, secrets masked."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Header fields, names in lower case, secrets masked."""
    raw: bytes = b""
    """Body as it came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to one request instead of the usual."""

    action: Action
    """reply: this answer; html: the page of a gateway or a captive network; delay: usual answer, later;
    accept_then_hang or accept_then_reset: the message is accepted but no answer comes; refuse: the
    connection is cut and nothing is accepted."""
    status: int = 200
    """HTTP status of `reply` and `html`."""
    body: str = ""
    """Body of `reply` and `html`."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of `reply`."""
    seconds: float = 30.0
    """Length of a delay or of hanging."""


class Ledger:
    """Messages, requests and faults of one sink."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self.posted: deque[Posted] = deque(maxlen=_MOST)
        """Accepted messages, oldest first."""
        self.requests: deque[Request] = deque(maxlen=_MOST)
        """All requests to the channels' routes, oldest first."""
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)
        self._number = self._changes = 0

    def script(self, route: str, *faults: Fault) -> None:
        """Let the next requests of a route meet these faults, in order."""
        self._faults[route].extend(faults)

    def next_fault(self, route: str) -> Fault | None:
        """Take the fault that the present request meets; None = the usual."""
        waiting = self._faults[route]
        return waiting.popleft() if waiting else None

    def note(
        self,
        route: str,
        body: Mapping[str, Any],
        *,
        path: str = "",
        headers: Mapping[str, str] | None = None,
        raw: bytes = b"",
    ) -> None:
        """Remember a request; its path and headers come without secrets."""
        self.requests.append(
            Request(at=self._wall(), route=route, body=body, path=path, headers=headers or {}, raw=raw)
        )

    def accept(self, channel: str, target: str, body: Mapping[str, Any], *, ts: str = "") -> None:
        """Remember a message that people now see."""
        self._number += 1
        self.posted.append(
            Posted(number=self._number, at=self._wall(), channel=channel, target=target, body=body, ts=ts)
        )

    def change(self, target: str, ts: str, body: Mapping[str, Any]) -> None:
        """Remember that the message `ts` reads differently now."""
        for place, one in enumerate(self.posted):
            if (one.target, one.ts) == (target, ts):
                self.posted[place] = replace(one, body={**one.body, **body}, edits=one.edits + 1)
                self._changes += 1

    @property
    def revision(self) -> int:
        """Number of accepted messages and changes ever."""
        return self._number + self._changes
