"""The report of an incident: everything a message may say, before any channel renders it."""

from dataclasses import dataclass, field
from datetime import datetime

from domain.incident import DeliveryKind, Severity
from domain.mention import Engagement

__all__ = ["AlertReport", "BlindSource", "ReportAuthor", "ReportStory", "notice"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportStory:
    """One story of an incident."""

    id: str
    """Story id."""
    quote: str
    """Original words of its first mention, at most 60 characters, untrusted text."""
    url: str | None
    """Link to the original; None = none is known."""
    mentions: int
    """Mentions of the story in the window."""
    platform: str
    """Platform of its first mention."""
    published_at: datetime | None = None
    """When it was first published, UTC; None = not shown."""
    outlet: str | None = None
    """Who published it first: outlet or author, untrusted text; None = not shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportAuthor:
    """The biggest author of an incident."""

    name: str
    """Shown name, untrusted text."""
    platform: str
    """Platform."""
    followers: int | None = None
    """Followers; None = not shown, and then not printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindSource:
    """A source that gives nothing now."""

    source: str
    """Name of the source."""
    since: datetime | None
    """Since when, UTC; None = unknown."""
    why: str
    """Why, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertReport:
    """What is told of one incident at one moment; every None is simply not printed."""

    kind: DeliveryKind
    """What the message tells."""
    incident: str
    """Five-character number of the incident; empty for a notice or test."""
    seq: int
    """Number of the message within the incident."""
    severity: Severity
    """Level."""
    brand: str
    """Name of the brand for people; empty for a notice about the system."""
    rule: str
    """Title of the rule."""
    subject: str = ""
    """Topic or risk in words, such as 食品安全; empty = none stands out."""
    value: float | None = None
    """Negative mentions in the window; None = not counted."""
    expected: float | None = None
    """Usual number in such a window; None = unknown."""
    window_s: int | None = None
    """Length of the window, seconds."""
    reason: str = ""
    """Why it fired, one plain sentence in the message's language."""
    started_at: datetime | None = None
    """When it began, UTC."""
    at: datetime | None = None
    """When this was told, UTC."""
    quote: str = ""
    """Words of the leading post, at most 60 characters, untrusted text."""
    quote_url: str | None = None
    """Link to that post."""
    engagement: Engagement = field(default_factory=Engagement)
    """转评赞 summed over the counted mentions; None fields are not shown anywhere."""
    author: ReportAuthor | None = None
    """Biggest author; None = none is known."""
    first_publisher: str | None = None
    """Who published it first, untrusted text; None = unknown."""
    first_published_at: datetime | None = None
    """When, UTC."""
    platforms: tuple[tuple[str, int], ...] = ()
    """(platform, negative mentions), most first."""
    authors: int | None = None
    """Distinct authors; None = not counted."""
    negative_share: float | None = None
    """Negative mentions among all of the brand in the window, [0, 1]; None = unknown."""
    usual_share: float | None = None
    """Usual share, [0, 1]; None = unknown."""
    stories: tuple[ReportStory, ...] = ()
    """Top stories, biggest first, at most three."""
    story_count: int | None = None
    """Number of stories in all; None = not counted."""
    blind: tuple[BlindSource, ...] = ()
    """Sources that give nothing now."""
    flags: tuple[str, ...] = ()
    """Flags of the incident."""
    console_url: str | None = None
    """Link to the incident on our own console; None = public_url is not set."""
    kibana_url: str | None = None
    """Link to the mentions behind it in Kibana, absolute times; None = kibana.url is not set."""
    peak_value: float | None = None
    """Highest value so far; for RESOLVED and ESCALATED."""
    peak_at: datetime | None = None
    """When, UTC."""
    resolved_at: datetime | None = None
    """When it was resolved, UTC."""
    total: int | None = None
    """Negative mentions over the whole incident; for RESOLVED."""
    acked_by: str | None = None
    """Who took it."""
    text: str = ""
    """Free words of a notice or test, trusted, one paragraph a line."""
    notes: tuple[str, ...] = field(default=())
    """What people noted, oldest first, untrusted text."""


def notice(
    rule: str,
    text: str,
    *,
    at: datetime,
    severity: Severity = Severity.INFO,
    blind: tuple[BlindSource, ...] = (),
    notes: tuple[str, ...] = (),
) -> AlertReport:
    """Return what the operator is told about the system itself, not about a brand.

    Args:
        rule: Name of the kind of notice.
        text: Its words, trusted, one paragraph a line.
        at: When it is told, UTC.
        severity: Level.
        blind: Sources that it is about.
        notes: Names that a later notice of this kind has to remember.
    """
    return AlertReport(
        kind=DeliveryKind.NOTICE,
        incident="",
        seq=1,
        severity=severity,
        brand="",
        rule=rule,
        at=at,
        text=text,
        blind=blind,
        notes=notes,
    )
