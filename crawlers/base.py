"""What a platform module is: addresses to fetch and pure parsers of what comes back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol, TypeAlias

from config.settings import SourceSettings
from domain.mention import Post, Trend
from domain.outcome import Drop, FetchOutcome

__all__ = ["Fact", "Fetch", "Parsed", "Platform", "Response", "TokenGrant", "retryable"]

Fact: TypeAlias = "str | int | float | Sequence[Fact] | Mapping[str, Fact] | None"
"""What JSON can say."""

_RETRYABLE = frozenset(
    {
        FetchOutcome.RATE_LIMITED,
        FetchOutcome.BLOCKED,
        FetchOutcome.IP_BLOCKED,
        FetchOutcome.RETRY_SHELL,
        FetchOutcome.PARSE_ERROR,
        FetchOutcome.ERROR,
        FetchOutcome.EMPTY_OR_UPSTREAM_BLOCKED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One answer, as a parser sees it."""

    url: str
    """Public address that answered, after redirects; never that of a mirror."""
    status: int = 200
    """HTTP status, 100 to 599."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers by lower-case name, first value each."""
    body: bytes = b""
    """Body after content decoding, at most the visit's size limit."""
    now: datetime
    """When it was received, aware; relative times on the page count from here."""
    context: Mapping[str, str] = field(default_factory=dict)
    """What the asker knew, such as parent_id of a comment page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What one answer came to."""

    outcome: FetchOutcome
    """Outcome from the one list; ok only if something was read."""
    posts: tuple[Post, ...] = ()
    """Posts in the order of the page, each id once."""
    trends: tuple[Trend, ...] = ()
    """Lines of a hot list, by rank."""
    drops: tuple[tuple[Drop, int], ...] = ()
    """(reason, number) of entries that were seen and let go."""
    next: tuple[tuple[str, str | int], ...] = ()
    """How to ask for the next page, (name, value); empty = this was the last."""
    detail: str = ""
    """What was seen, for the operator; at most 300 characters, no secrets."""
    extras: tuple[tuple[str, Fact], ...] = ()
    """Further facts, (name, JSON-ready value), such as long_text or danmaku."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """One request of a visit."""

    endpoint: str
    """Endpoint whose parser reads the answer, such as weibo.m_search."""
    url: str
    """Public address; where it is really fetched from is the visit's matter."""
    headers: tuple[tuple[str, str], ...] = ()
    """Additional headers, (name, value); no credentials."""
    context: tuple[tuple[str, str], ...] = ()
    """What the parser needs to know, (name, value)."""
    page: int = 1
    """Number of the list page, from 1."""
    body: str = ""
    """JSON to send, with which the request is a POST; redirects of one are not followed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenGrant:
    """How a platform gives an access token for the id and secret of an application."""

    url: str
    """Public address that the token is asked of by POST, on one of the platform's own hosts."""
    form: Literal["basic", "json"]
    """basic = id and secret in the Authorization header, the rest as a form; json = all as a JSON body."""
    id_key: str = "client_id"
    """Name of the id in a JSON body."""
    grant_type: str = "client_credentials"
    """What is asked for."""
    within: str = ""
    """Key of the object that holds the token; empty = the answer itself."""
    busy: frozenset[str] = frozenset()
    """Values of `error_code` that say nothing about id and secret and pass by themselves."""


class Platform(Protocol):
    """One platform: its addresses and its parsers. What a platform does not say is as most have it."""

    name: str
    """Lower-case name used in the settings file."""
    hosts: tuple[str, ...]
    """The platform's own hosts, the only ones that get its cookie; empty = that of the source's url."""
    prefixes: tuple[str, ...]
    """First words of its endpoints, such as weibo."""

    pace: timedelta
    """Least time between two requests that the platform itself asks for."""
    token_header: tuple[str, str] = ("Authorization", "Bearer {}")
    """Header that carries the token of transport `official`, and its form."""
    grant: TokenGrant | None = None
    """How it gives that token for id and secret; None = it gives none, the token itself is configured."""
    quota: int | None = None
    """Requests a day that a key of transport `official` may make; None = the platform names no such limit."""
    floor: timedelta = timedelta(seconds=30)
    """Least time between two visits to one source, however much is new there."""
    canary: str = ""
    """Word that a search on the platform always finds; empty = it has no search, or none is known."""

    def start(self, source: SourceSettings, now: datetime) -> tuple[Fetch, ...]:
        """Return the first requests of a visit.

        Raises:
            SourceError: the source lacks what the platform needs.
        """
        ...

    def parse(self, endpoint: str, response: Response) -> Parsed:
        """Read one answer; pure, never raises on hostile content."""
        ...

    def searches(self, source: SourceSettings) -> bool:
        """Say whether the source asks for words, so that without any it is made once per brand."""
        return False

    def following(self, fetch: Fetch, parsed: Parsed) -> Fetch | None:
        """Return the request for the next list page; None = there is none."""
        return None

    def detail(self, source: SourceSettings, post: Post) -> Fetch | None:
        """Return the request whose `long_text` completes a truncated post; None = there is none."""
        return None

    def history(self, source: SourceSettings, since: datetime, until: datetime) -> tuple[Fetch, ...]:
        """Return the first requests that read a source back, newest first; without ways of its own, those of a visit.

        Args:
            source: The source.
            since: How far back, UTC.
            until: From when back, UTC.

        Raises:
            SourceError: the source lacks what the platform needs.
        """
        return self.start(source, until)

    def reread(self, source: SourceSettings, post: Post) -> Fetch | None:
        """Return the request whose answer shows a post again, with its counters, or says that it is gone.

        Args:
            source: Over whose road it is asked; a road that cannot show single posts gives None.
            post: The post; its platform, native id, kind and links are enough.
        """
        return None

    def comments(self, source: SourceSettings, post: Post) -> Fetch | None:
        """Return the request for the first page of comments under a post; None = the road does not show them."""
        return None

    def timeline(self, source: SourceSettings, platform: str, account: str) -> Fetch | None:
        """Return the request for the newest posts of an account; None = the road shows none.

        Args:
            source: Over whose road it is asked.
            platform: Platform of the account: a bridge shows accounts of several.
            account: Its native id there, as the settings have it.
        """
        return None


def retryable(outcome: FetchOutcome) -> bool:
    """Say whether the same request may succeed later without anyone's doing."""
    return outcome in _RETRYABLE
