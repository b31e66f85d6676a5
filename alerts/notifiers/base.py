"""What a channel is asked and how it answers (channels contract, section 8)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from alerts.message import Message
from alerts.notifiers.road import Road
from domain.incident import Delivery
from domain.outcome import DeliveryClass

__all__ = ["Answer", "ChannelSettings", "Found", "Limit", "Notifier", "NotifierFactory", "mask"]

_ANSWER_CHARS = 300
_SECRETS = (
    (re.compile(r"(?i)\b(key|token|secret|access_token)=[^&\s\"']+"), r"\1=***"),
    (re.compile(r"\bxox[a-z]-[\w-]+"), "xox***"),
    (re.compile(r"(/services/)[\w/-]+"), r"\1***"),
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "***"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a channel answered one call."""

    verdict: DeliveryClass
    """What it means."""
    code: str = ""
    """The vendor's own code, such as `45009` or `invalid_auth`; empty = none came."""
    text: str = ""
    """What it said, secrets masked, at most 300 characters."""
    retry_after_s: float | None = None
    """Real seconds to wait, as the channel or its contract says; None = not said."""
    remote_ref: str = ""
    """Handle of the accepted message; empty = the channel gives none."""
    quick: bool = False
    """A transient that allows three quick tries before the back-off."""
    to_text: bool = False
    """A degradation straight to plain text: our own form was refused."""
    forget_thread: bool = False
    """The thread is gone: post a new root message at once."""
    failed: bool = False
    """An unknown outcome of which the channel itself says that it failed; most likely nothing was posted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search for a delivery of unknown outcome gave."""

    known: bool
    """Whether the channel could be asked at all; False = still unknown."""
    remote_ref: str = ""
    """Handle of the message; empty = it is not there (if known)."""
    again_s: float | None = None
    """It cannot be asked now: real seconds until it may be asked again; None = it never can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The rate that we allow ourselves towards one target, in real time."""

    calls: int
    """Most calls in a window, at least 1."""
    window_s: float
    """Length of the window, seconds."""


class ChannelSettings(Protocol):
    """What the settings of every channel offer."""

    @property
    def target(self) -> str:
        """The channel's own address without secrets; the same settings give the same text."""
        ...

    @property
    def server(self) -> str:
        """Where its server is reached, such as `https://slack.com`; no path, no secrets."""
        ...


class Notifier(Protocol):
    """Sends to one target; keeps no state that must survive."""

    @property
    def limit(self) -> Limit:
        """The rate that this target bears."""
        ...

    def send(self, delivery: Delivery, message: Message, *, thread_ref: str) -> Answer:
        """Make one call and say what it means; never raises for what the network or vendor did.

        Args:
            delivery: Names its id, degradation and kind.
            message: What to show.
            thread_ref: Handle of the incident's first message here; empty = none.
        """
        ...

    def find(self, delivery: Delivery, *, thread_ref: str) -> Found:
        """Look whether a delivery of unknown outcome arrived; never raises as `send`."""
        ...


class NotifierFactory(Protocol):
    """Builds a notifier from its channel's settings."""

    def __call__(self, settings: object, *, road: Road) -> Notifier:
        """Return a notifier that calls through `road`."""
        ...


def mask(text: str, secrets: Iterable[str] = ()) -> str:
    """Return text on one line, at most 300 characters, without anything like a credential."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return " ".join(text.split())[:_ANSWER_CHARS]
