"""Mastodon: tag timelines and the public timeline of one instance."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import parse_qs, quote, urlsplit

from config.settings import SourceSettings
from crawlers.base import Fetch, Parsed, Platform, Response
from crawlers.errors import SourceError
from crawlers.platforms._answer import with_query
from crawlers.platforms._mastodon_status import is_hidden, read_statuses
from crawlers.platforms._open_api import asked, only_asked, read_answer, refusal, unexpected
from crawlers.shape import obj, text_of
from domain.mention import Post
from domain.outcome import FetchOutcome
from domain.spec import Spec

__all__ = ["SPEC", "MastodonPage", "MastodonSettings"]

_LISTS = frozenset({"tag", "public", "local", "remote", "link", "account", "statuses", "search", "context", "home"})
_SINGLE = frozenset({"status"})
_NO_TAG = re.compile(r"[^\w·]+")
_NEXT = re.compile(r"""\brel\s*+=\s*+["']?next\b""", re.IGNORECASE)
_LARGEST_PAGE = 40
_RULES = (
    (re.compile(r"token (?:was|has been|is) (?:revoked|expired)|token (?:revoked|expired)", re.IGNORECASE),
     FetchOutcome.AUTH_FAILED),
    (re.compile(r"access token|authenticated user|authorization", re.IGNORECASE), FetchOutcome.AUTH_REQUIRED),
    (re.compile(r"record not found", re.IGNORECASE), FetchOutcome.GONE),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class MastodonSettings:
    """Settings that only Mastodon knows."""

    timeline: Literal["tag", "public"] = "tag"
    """`tag` = one timeline for each word as a tag; `public` = everything public, words are looked for here."""
    local: bool = False
    """Only posts of the instance's own accounts."""


class MastodonPage(Platform):
    """Addresses and parsers of Mastodon; an instance is known by the source's `url`."""

    name = "mastodon"
    hosts: tuple[str, ...] = ()
    prefixes = ("mastodon",)
    pace = timedelta(seconds=1)
    canary = "news"

    def __init__(self, options: MastodonSettings | None = None) -> None:
        self._options = options or MastodonSettings()

    def searches(self, source: SourceSettings) -> bool:
        """Say whether the source asks for words."""
        return self._options.timeline == "tag"

    def start(self, source: SourceSettings, now: datetime) -> tuple[Fetch, ...]:
        """Return the timeline of each word as a tag; without words the public timeline."""
        if source.transport != "open":
            raise SourceError(source.name, "mastodon has only the transport `open`: public timelines need no token")
        if not source.url:
            raise SourceError(source.name, "platform `mastodon` needs `url`, the address of one instance")
        parts = urlsplit(source.url)
        base = f"{parts.scheme}://{parts.netloc}/api/v1/timelines/"
        query = f"?limit={min(source.limit, _LARGEST_PAGE)}" + ("&local=true" if self._options.local else "")
        tags = dict.fromkeys(tag for tag in (_NO_TAG.sub("", word) for word in source.query) if tag)
        if self._options.timeline == "public" or not source.query:
            return (Fetch(endpoint="mastodon.public", url=f"{base}public{query}", context=asked(source.query)),)
        if not tags:
            raise SourceError(source.name, "no word of `query` can be a tag; write letters or digits")
        return tuple(Fetch(endpoint="mastodon.tag", url=f"{base}tag/{quote(tag, safe='')}{query}") for tag in tags)

    def following(self, fetch: Fetch, parsed: Parsed) -> Fetch | None:
        """Return the request for the next list page; None = there is none."""
        step = dict(parsed.next)
        if "account" in step:
            base = fetch.url.partition("lookup?")[0]
            url = f"{base}{step['account']}/statuses?limit={_LARGEST_PAGE}"
            return Fetch(endpoint="mastodon.account", url=url, page=fetch.page + 1)
        last = step.get("max_id")
        return replace(fetch, url=with_query(fetch.url, max_id=last), page=fetch.page + 1) if last else None

    def timeline(self, source: SourceSettings, platform: str, account: str) -> Fetch | None:
        """Return the request that finds an account of the source's own instance; its posts are the page behind it."""
        if source.transport != "open" or platform != "mastodon" or not source.url:
            return None
        parts = urlsplit(source.url)
        name, _, host = account.removeprefix("@").partition("@")
        if not name or (host and host.lower() != parts.hostname):
            return None
        url = f"{parts.scheme}://{parts.netloc}/api/v1/accounts/lookup?acct={quote(name, safe='')}"
        return Fetch(endpoint="mastodon.lookup", url=url, page=0)

    def comments(self, source: SourceSettings, post: Post) -> Fetch | None:
        """Return the request for the answers to a post of the source's own instance, where its id is known."""
        if source.transport != "open" or post.platform != "mastodon" or not source.url or not post.url:
            return None
        parts = urlsplit(source.url)
        if _host(post.url) != parts.hostname:
            return None
        url = f"{parts.scheme}://{parts.netloc}/api/v1/statuses/{quote(post.native_id, safe='')}/context"
        return Fetch(endpoint="mastodon.context", url=url, context=(("parent_id", post.native_id),))

    def reread(self, source: SourceSettings, post: Post) -> Fetch | None:
        """Return the request for one status of the source's own instance, whose ids are only known there."""
        if source.transport != "open" or post.platform != "mastodon" or not source.url:
            return None
        parts = urlsplit(source.url)
        url = f"{parts.scheme}://{parts.netloc}/api/v1/statuses/{quote(post.native_id, safe='')}"
        return Fetch(endpoint="mastodon.status", url=url)

    def parse(self, endpoint: str, response: Response) -> Parsed:
        """Read a list of statuses or one status; an error comes as an object with `error`."""
        kind = endpoint.removeprefix("mastodon.")
        if kind not in _LISTS | _SINGLE | {"lookup"}:
            return Parsed(outcome=FetchOutcome.ERROR, detail=f"unknown endpoint {endpoint[:60]}")
        answer = read_answer(response)
        refused = refusal(answer, _RULES)
        if refused is not None:
            return refused
        if kind == "lookup":
            number = text_of(obj(answer.body).get("id"))
            if not (number.isascii() and number.isalnum() and len(number) <= 64):
                return unexpected(answer, "no account", _RULES)
            return Parsed(outcome=FetchOutcome.EMPTY, next=(("account", number),), detail="account found")
        listed = _statuses(answer.body)
        if listed is None:
            return unexpected(answer, "no list of statuses", _RULES)
        if kind in _SINGLE and all(isinstance(each, Mapping) and is_hidden(each) for each in listed):
            return Parsed(outcome=FetchOutcome.GONE, detail="no public status")
        parsed = read_statuses(listed, _host(response.url), response.now, _step(response.headers.get("link", "")))
        if parsed.outcome is FetchOutcome.EMPTY and kind in ("public", "local", "remote"):
            parsed = replace(parsed, detail="nothing public; the instance may have switched this timeline off")
        return only_asked(parsed, response.context)


def _statuses(body: object) -> list[Any] | None:
    """Return the statuses of a timeline, a search, a thread or a single one; None = there are none."""
    if isinstance(body, list):
        return body
    if not isinstance(body, Mapping):
        return None
    if isinstance(body.get("statuses"), list):
        return list(body["statuses"])
    thread = [body.get(name) for name in ("ancestors", "descendants")]
    if all(isinstance(part, list) for part in thread):
        return [status for part in thread for status in part or ()]
    return [body] if "content" in body and "account" in body else None


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _step(header: str) -> tuple[tuple[str, str], ...]:
    """Return the next page as the `Link` header names it."""
    for part in header[:8_192].split("<")[1:9]:
        url, _, params = part.partition(">")
        last = _max_id(url) if _NEXT.search(params) else ""
        if last.isascii() and last.isalnum() and len(last) <= 64:
            return (("max_id", last),)
    return ()


def _max_id(url: str) -> str:
    try:
        return parse_qs(urlsplit(url).query).get("max_id", [""])[0]
    except ValueError:
        return ""


SPEC = Spec(name="mastodon", settings=MastodonSettings, factory=MastodonPage, title="Mastodon")
