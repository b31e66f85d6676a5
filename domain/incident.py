"""Incidents, evaluations, deliveries and silences as they are stored."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

__all__ = [
    "HELD_MARK",
    "Delivery",
    "DeliveryKind",
    "DeliveryState",
    "Evaluation",
    "Incident",
    "IncidentFlag",
    "IncidentNote",
    "IncidentState",
    "Severity",
    "Silence",
]


HELD_MARK = "held: "
"""Start of the stored answer of a delivery that its channel asked to wait; without it the wait is our own pace."""


class Severity(StrEnum):
    """Level of an incident, as a person sees it: 红 橙 黄 蓝."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    INFO = "info"

    @property
    def rank(self) -> int:
        """3 for critical down to 0 for info."""
        return {"critical": 3, "high": 2, "medium": 1, "info": 0}[self.value]


class IncidentState(StrEnum):
    """Where an incident stands (detection contract, section 1.1)."""

    PENDING = "pending"
    OPEN = "open"
    ACKED = "acked"
    COOLING = "cooling"
    RESOLVED = "resolved"


class IncidentFlag(StrEnum):
    """Facts that qualify an incident."""

    FLAPPING = "flapping"
    DATA_GAP = "data_gap"
    LATE = "late"
    SUSPECTED_FLOOD = "suspected_flood"
    FALSE_ALARM = "false_alarm"
    SILENCED = "silenced"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentNote:
    """One thing a person did or said, or the system recorded."""

    at: datetime
    """When, UTC."""
    by: str
    """Name of the person, or `tingfeng`."""
    action: str
    """ack, close, note, false_alarm, escalate, expire_ack …"""
    text: str = ""
    """What was said; empty = nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Alerts of one rule and group, followed until closed; the store is its only home."""

    id: str
    """Five-character number shown to people, unique."""
    fingerprint: str
    """Hash over the sorted labels (rule, brand, and what the rule groups by)."""
    rule: str
    """Name of the rule."""
    kind: str
    """Kind of the rule: match, threshold, burst, trend."""
    brand: str
    """Brand id."""
    labels: tuple[tuple[str, str], ...]
    """All labels, sorted by name; topic or risk or story or trend where the rule groups by one."""
    severity: Severity
    """Level now."""
    state: IncidentState
    """Where it stands."""
    flags: frozenset[IncidentFlag] = frozenset()
    """What qualifies it."""
    started_at: datetime
    """Event time at which it began, UTC (may lie before opened_at)."""
    pending_at: datetime
    """When the condition first held, UTC."""
    opened_at: datetime | None = None
    """When it opened, UTC; None = still pending."""
    acked_at: datetime | None = None
    """When a person took it, UTC; None = nobody has."""
    acked_by: str | None = None
    """Who took it; None = nobody."""
    ack_until: datetime | None = None
    """When the acknowledgement expires, UTC."""
    cooling_at: datetime | None = None
    """When the condition last turned false, UTC; None = it holds."""
    resolved_at: datetime | None = None
    """When it was resolved, UTC; None = it is not."""
    last_true_at: datetime
    """When the condition last held, UTC."""
    flaps: int = 0
    """How often it came back from cooling."""
    value: float
    """Measured value at the last evaluation, in the rule's unit (mostly mentions)."""
    expected: float | None = None
    """Expected value then; None = the rule has no expectation."""
    score: float
    """How far beyond the limit, in the rule's score; comparable within one incident."""
    peak_value: float
    """Highest value so far."""
    peak_at: datetime
    """When the peak was seen, UTC."""
    told_score: float = 0.0
    """Score when people were last told; 0 = not told yet."""
    told_severity: Severity | None = None
    """Severity when people were last told."""
    told_at: datetime | None = None
    """When people were last told, UTC."""
    seq: int = 0
    """Number of the last message; 0 = none yet."""
    step: int = 0
    """How many escalation steps of its route were taken."""
    next_step_at: datetime | None = None
    """When the next escalation step is due, UTC; None = none."""
    story_ids: tuple[str, ...] = ()
    """Stories in it, biggest first."""
    reason: str = ""
    """JSON of the evaluation that opened or last changed it: window, value, expected, z, gates."""
    notes: tuple[IncidentNote, ...] = ()
    """What people did, oldest first."""
    version: int = 0
    """Number of stored changes; a writer must name the version it read."""

    @property
    def active(self) -> bool:
        """Say whether it has opened and is not resolved."""
        return self.state in {IncidentState.OPEN, IncidentState.ACKED, IncidentState.COOLING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One look of a rule at one group, kept so that it can be explained."""

    at: datetime
    """Domain time of the look, UTC."""
    rule: str
    """Name of the rule."""
    brand: str
    """Brand id."""
    fingerprint: str
    """Group that was looked at."""
    firing: bool
    """Whether the condition held."""
    value: float
    """Measured value."""
    expected: float | None
    """Expected value; None = none."""
    score: float
    """Score in the rule's own scale."""
    reason: str
    """JSON: window, z, gates, versions of rule and brand definitions."""
    incident: str | None = None
    """Incident it belongs to; None = none."""


class DeliveryKind(StrEnum):
    """What a message tells."""

    FIRING = "firing"
    ESCALATED = "escalated"
    REMINDER = "reminder"
    ACKED = "acked"
    DATA_GAP = "data_gap"
    UNSTABLE = "unstable"
    RESOLVED = "resolved"
    NOTICE = "notice"
    TEST = "test"


class DeliveryState(StrEnum):
    """Where a delivery stands (channels contract, section 9)."""

    PENDING = "pending"
    SENDING = "sending"
    HELD = "held"
    UNCERTAIN = "uncertain"
    DELIVERED = "delivered"
    DEGRADED = "degraded"
    BROKEN = "broken"
    DROPPED = "dropped"

    @property
    def final(self) -> bool:
        """Say whether nothing more will happen to it by itself."""
        return self in {self.DELIVERED, self.DEGRADED, self.BROKEN, self.DROPPED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message of an incident to one channel of one receiver."""

    id: str
    """uuid5 of incident, seq, channel and target."""
    incident: str | None
    """Incident id; None = a notice or a test."""
    seq: int
    """Number of the message within its incident, from 1."""
    kind: DeliveryKind
    """What it tells."""
    receiver: str
    """Name of the receiver."""
    channel: str
    """Channel: slack, wecom_robot."""
    target: str
    """Channel's own address without secrets, such as a Slack channel id or a masked key."""
    payload: str
    """The report as JSON, the same for every channel; kept for an identical resend."""
    priority: int = 0
    """Higher goes first: the severity's rank."""
    state: DeliveryState = DeliveryState.PENDING
    """Where it stands."""
    attempts: int = 0
    """Calls begun so far."""
    not_before: datetime
    """Earliest moment of the next attempt, UTC; of a broken delivery: when it broke."""
    created_at: datetime
    """When it was queued, UTC."""
    sent_at: datetime | None = None
    """When the channel said ok, UTC; None = it has not."""
    answer: str = ""
    """What the channel last answered, masked, at most 300 characters."""
    remote_ref: str = ""
    """Handle of the message in the channel, such as channel and ts; empty = none."""
    degrade: int = 0
    """0 full, 1 lite, 2 text."""
    repeat: bool = False
    """This attempt may repeat a message of unknown outcome; it must be marked."""
    fallback_of: str | None = None
    """Delivery that this one stands in for; None = none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A person's dated mute."""

    id: str
    """Short id."""
    matcher: str
    """Query over the incident's labels, in the query language."""
    starts_at: datetime
    """First muted moment, UTC."""
    ends_at: datetime
    """First moment after, UTC."""
    by: str
    """Who muted."""
    comment: str
    """Why; never empty."""
