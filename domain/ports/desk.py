"""Incidents and what belongs to them, and the roles that one process holds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from domain.incident import Delivery, Evaluation, Incident, Silence

__all__ = [
    "Desk",
    "DeskChange",
    "Fence",
    "RoleLease",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """Proof that a process holds a role."""

    role: str
    """Name of the role."""
    owner: str
    """Who holds it."""
    token: int
    """Number of this tenure, from 1, higher than that of every earlier holder."""


class RoleLease(Protocol):
    """Roles of which one process at a time may do the work, over several machines."""

    def acquire(self, role: str, *, owner: str, lease: timedelta, now: datetime) -> Fence | None:
        """Take a role that nobody holds, with a new token; None = another holds it."""
        ...

    def renew(self, fence: Fence, *, lease: timedelta, now: datetime) -> bool:
        """Hold a role for `lease` from now on; False = another took it meanwhile."""
        ...

    def release(self, fence: Fence) -> None:
        """Give a role up, so that the next one need not wait; no-op when it is not held."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskChange:
    """What one step of `watch` writes, in one transaction."""

    evaluations: tuple[Evaluation, ...] = ()
    """Looks to keep."""
    incidents: tuple[Incident, ...] = ()
    """Incidents to write; each names the version it was read at (0 = new)."""
    deliveries: tuple[Delivery, ...] = ()
    """Messages to queue; an id already there is left as it is."""
    claimed: tuple[int, ...] = field(default=())
    """Changed rows that are done with."""


class Desk(Protocol):
    """Incidents, evaluations, deliveries and silences."""

    def commit(self, change: DeskChange, *, now: datetime) -> None:
        """Write everything or nothing; each stored incident's version goes up by one.

        Queuing a delivery drops pending or held ones of the same incident, receiver and
        channel with a lower seq (state dropped, answer `superseded by seq N`), except that
        a `firing` that nobody received is never replaced by a `resolved` alone: both are
        dropped then.

        Raises:
            storage.errors.ConflictError: an incident was changed by another since it was read.
        """
        ...

    def incidents(self, *, active_only: bool = False, brand: str | None = None, limit: int = 200) -> Sequence[Incident]:
        """Return incidents, newest first; `active_only` = pending, open, acked, cooling."""
        ...

    def active_brands(self) -> frozenset[str]:
        """Return the ids of the brands with an incident that is not resolved."""
        ...

    def incident(self, id: str) -> Incident | None:
        """Return one incident; None = unknown."""
        ...

    def evaluations(
        self, *, incident: str | None = None, rule: str | None = None, limit: int = 200
    ) -> Sequence[Evaluation]:
        """Return kept evaluations, newest first."""
        ...

    def deliveries(self, *, incident: str | None = None, limit: int = 500) -> Sequence[Delivery]:
        """Return deliveries by creation then seq, oldest first."""
        ...

    def claim_deliveries(self, *, owner: str, limit: int, lease: timedelta, now: datetime) -> Sequence[Delivery]:
        """Take due deliveries (pending, held, uncertain), highest priority first, then oldest.

        Per incident, receiver and channel only the lowest unfinished seq is given out. A
        delivery left `sending` by an owner whose lease ran out comes back as `uncertain`.
        """
        ...

    def save_delivery(self, delivery: Delivery, *, owner: str, now: datetime) -> None:
        """Write a claimed delivery's new state; a final or held state gives up the claim."""
        ...

    def save_deliveries(self, deliveries: Sequence[Delivery], *, owner: str, now: datetime) -> Sequence[Delivery]:
        """Write several claimed deliveries in one transaction; return those that `owner` still held."""
        ...

    def remote_ref(self, *, incident: str, receiver: str, channel: str) -> str:
        """Return the handle of the incident's first accepted message there; empty = none."""
        ...

    def silences(self, *, at: datetime | None = None) -> Sequence[Silence]:
        """Return silences, those in force at `at` if given, by end."""
        ...

    def add_silence(self, silence: Silence) -> None:
        """Write a silence."""
        ...

    def end_silence(self, id: str, *, at: datetime) -> bool:
        """End a silence early; False = unknown or over."""
        ...
