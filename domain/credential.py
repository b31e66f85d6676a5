"""How a credential stands, known by a fingerprint that tells nothing of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.outcome import FetchOutcome

__all__ = ["CredentialCondition", "CredentialState"]


class CredentialCondition(StrEnum):
    """Whether a credential may be used."""

    OK = "ok"
    COOLING = "cooling"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialState:
    """What is known of one cookie; never the cookie."""

    name: str
    """`cookie:<host>:<salted fingerprint>`."""
    host: str
    """Host whose cookie it is, such as weibo.com."""
    condition: CredentialCondition = CredentialCondition.OK
    """ok, cooling or dead; dead is final: only another cookie helps."""
    since: datetime
    """Since when it is in that condition, UTC."""
    until: datetime | None = None
    """Until when it cools, UTC; None = it does not cool."""
    why: FetchOutcome | None = None
    """Outcome that made it so; None = it is ok."""
    fails: int = 0
    """Times in a row that it had to cool, 0 or more."""
    place: str = ""
    """Where it is configured, for the operator, such as `cookie` of source weibo-search; at most 300 characters."""

    def usable(self, now: datetime) -> bool:
        """Say whether a request may carry it at a moment."""
        if self.condition is CredentialCondition.COOLING:
            return self.until is None or now >= self.until
        return self.condition is CredentialCondition.OK
