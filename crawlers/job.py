"""One visit: what it is asked to do, and what it came to."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from config.settings import NetworkSettings, SourceSettings
from crawlers.address import Address
from crawlers.base import Fetch, Parsed, Platform, Response
from crawlers.completed import CompletedPosts
from crawlers.credentials import CredentialBook
from crawlers.evidence import EvidenceBox
from crawlers.extract import Extractor
from crawlers.pace import PaceBook
from crawlers.permit import Permit
from crawlers.robots import RobotsBook
from crawlers.skew import SkewBook
from domain.clock import Clock
from domain.mention import Post, Trend
from domain.outcome import Drop, FetchOutcome
from domain.secret import Secret

__all__ = ["Job", "Shared", "VisitResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What all visits share."""

    clock: Clock
    """Domain time."""
    network: NetworkSettings
    """How the outside is reached."""
    pace: PaceBook
    """Politeness per site."""
    robots: RobotsBook
    """Rules per site."""
    extractor: Extractor
    """Reads pages off the loop."""
    skew: SkewBook = field(default_factory=SkewBook)
    """How far our clock is from that of the servers."""
    evidence: EvidenceBox | None = None
    """Keeps what failing sources answered; None = nothing is kept."""
    credentials: CredentialBook | None = None
    """How cookies and keys stand; None = each visit knows only what it sees itself."""


@dataclass(slots=True, kw_only=True)
class VisitResult:
    """What a visit came to; filled while it runs, so that a deadline loses nothing."""

    outcome: FetchOutcome | None = None
    """Outcome of the list pages; None = none was read yet."""
    detail: str = ""
    """What was seen, for the operator; at most 300 characters, no secrets."""
    posts: list[Post] = field(default_factory=list)
    """Posts in the order of the pages, each id once."""
    trends: list[Trend] = field(default_factory=list)
    """Lines of hot lists; they are in `posts` as well."""
    pending: list[Post] = field(default_factory=list)
    """Posts whose own page is still to be fetched; they are in `posts` as well."""
    seen: int = 0
    """Posts that the list pages showed, known ones included."""
    drops: Counter[Drop] = field(default_factory=Counter)
    """Entries that the pages showed and that were let go, by reason."""
    followed: Counter[FetchOutcome] = field(default_factory=Counter)
    """Outcomes of the pages behind entries and of the full texts."""
    pages: int = 0
    """Pages read."""
    unreachable: bool = False
    """There was no connection at all: no answer, not a bad one."""
    resume: Fetch | None = None
    """The request with which the last list goes on beyond what was read; None = it was read to its end."""
    unread: bool = False
    """It broke off before it came to what was known: the next visit must not stop at what this one read."""
    cut: bool = False
    """A list went on beyond what one visit reads, and its last page held nothing known."""
    retry_after_s: float | None = None
    """Real seconds the server asked us to wait; None = it did not."""
    rest_until: datetime | None = None
    """When its cookie or key may be used again, UTC; None = it may, or not until someone has changed it."""
    etag: str | None = None
    """ETag of the good answer; None = none."""
    last_modified: str | None = None
    """Last-Modified of the good answer; None = none."""
    completed: dict[str, Post] = field(default_factory=dict)
    """Posts whose text was completed from their own page, by `crawlers.merge.post_key`."""


@dataclass(slots=True, kw_only=True)
class Job:
    """One visit to one source."""

    source: SourceSettings
    """The source."""
    platform: Platform
    """Its platform."""
    address: Address
    """How its addresses are fetched."""
    shared: Shared
    """What all visits share."""
    known: Callable[[Sequence[Post]], frozenset[str]]
    """Tells the native ids of those posts that were seen before; may block, so it is asked in a thread."""
    etag: str | None = None
    """ETag of the last good answer; None = none."""
    last_modified: str | None = None
    """Last-Modified of the last good answer; None = none."""
    completed: CompletedPosts = field(default_factory=CompletedPosts)
    """Posts that earlier visits completed, by `crawlers.merge.post_key`; a list must not shorten them again."""
    pending: Sequence[Post] = ()
    """Posts of earlier visits whose own page is still to be fetched."""
    fetches: tuple[Fetch, ...] = ()
    """What is asked first instead of the platform's own first requests; empty = those."""
    deep: bool = False
    """Read on past pages that are known: the visit before broke off."""
    recorder: Callable[[Fetch, Response, Parsed], None] = lambda fetch, response, parsed: None
    """Is shown every answer of the visit as it came, in order."""
    deadline_s: float = 120.0
    """Hard limit of the visit, real seconds."""
    result: VisitResult = field(default_factory=VisitResult)
    """What it came to so far."""

    @property
    def permit(self) -> Permit:
        """What the visit may reach besides the internet."""
        return self.address.permit

    @property
    def pace(self) -> timedelta:
        """Least time between two requests to one site; a mirror knows no pace of the platform's own."""
        if self.source.base_url is not None:
            return self.source.pace
        return max(self.source.pace, self.platform.pace)

    async def cookie(self) -> Secret | None:
        """Return the source's cookie as its file holds it now; None = it has none."""
        book, cookie = self.shared.credentials, self.source.cookie
        return await book.current(cookie) if book is not None and cookie is not None else cookie

    def now(self) -> datetime:
        """Return the present moment of the domain, UTC."""
        return self.shared.clock.now()
