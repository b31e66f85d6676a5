"""Reddit: search and forums through its open feeds, or with an application's id and secret through its API."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from config.settings import SourceSettings
from crawlers.base import Fetch, Parsed, Platform, Response, TokenGrant
from crawlers.errors import SourceError
from crawlers.grant import has_key
from crawlers.platforms._answer import with_query
from crawlers.platforms._feed_xml import read_xml_feed
from crawlers.platforms._gather import gather
from crawlers.platforms._open_api import (
    Answer,
    asked,
    collect,
    only_asked,
    read_answer,
    refusal,
    unexpected,
)
from crawlers.platforms._reddit_post import from_feed, is_post, is_removed, is_removed_post, read_thing
from crawlers.shape import obj, text_of
from domain.mention import Post
from domain.outcome import FetchOutcome
from domain.spec import Spec

__all__ = ["SPEC", "RedditPage", "RedditSettings"]

_FEEDS = frozenset({"rss", "search_rss", "comments_rss", "subreddit_rss", "new_rss"})
_LISTINGS = frozenset({"json", "oauth", "oauth_search", "search", "listing"})
_ACCEPT = (("Accept", "application/atom+xml, application/rss+xml;q=0.9, */*;q=0.5"),)
_ACCEPT_JSON = (("Accept", "application/json"),)
_API = "https://oauth.reddit.com"
_NEWEST = "limit=100&raw_json=1"
_THING = re.compile(r"t[1-6]_[a-z0-9]{1,16}")
_USER = re.compile(r"(?:/?u/)?([A-Za-z0-9_-]{2,24})/?")
_POST = re.compile(r"t3_([a-z0-9]{1,16})")
_FORUM = re.compile(r"(?:/?r/)?([A-Za-z0-9_]{2,24})/?")
_RULES = (
    (re.compile(r"invalid_token|invalid_grant"), FetchOutcome.AUTH_FAILED),
    (re.compile(r"^(?:reddit(?:\.com)?:? ?)?(?:log|sign) ?in\b", re.IGNORECASE), FetchOutcome.LOGIN_REQUIRED),
    (re.compile(r"blocked by network security|blocked due to a network policy", re.IGNORECASE), FetchOutcome.BLOCKED),
)

_NO_KEY = ("transport `official` needs `client_id` and `client_secret` of an application made at "
           "https://www.reddit.com/prefs/apps, or its `token`")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class RedditSettings:
    """Settings that only Reddit knows."""

    forums: tuple[str, ...] = ()
    """Forums to read, such as electricvehicles; words are then looked for in their newest posts only."""


class RedditPage(Platform):
    """Addresses and parsers of Reddit."""

    name = "reddit"
    hosts = ("www.reddit.com", "old.reddit.com", "oauth.reddit.com")
    prefixes = ("reddit",)
    pace = timedelta(seconds=6)
    floor = timedelta(minutes=1)
    canary = "news"
    grant = TokenGrant(url="https://www.reddit.com/api/v1/access_token", form="basic")

    def __init__(self, options: RedditSettings | None = None) -> None:
        self._options = options or RedditSettings()

    def searches(self, source: SourceSettings) -> bool:
        """Say whether the source asks for words."""
        return not self._options.forums

    def start(self, source: SourceSettings, now: datetime) -> tuple[Fetch, ...]:
        """Return the newest posts of each forum, else one search for each word.

        Raises:
            SourceError: a transport that Reddit has not, no key for its API, or a name that is no forum's.
        """
        if source.transport == "official":
            if not has_key(source):
                raise SourceError(source.name, _NO_KEY)
        elif source.transport != "open":
            raise SourceError(source.name, "reddit has the transports `open`, its feeds, and `official`, its API")
        official = source.transport == "official"
        if not self._options.forums:
            return tuple((_api_search if official else _feed_search)(_phrase(word)) for word in source.query)
        forums = [_FORUM.fullmatch(forum.strip()) for forum in self._options.forums]
        if not all(forums):
            raise SourceError(source.name, "`forums` are names of subreddits, such as electricvehicles")
        names = [forum[1] for forum in forums if forum]
        found = [_api(f"r/{name}/new?{_NEWEST}") if official else _feed(f"r/{name}/new/.rss") for name in names]
        return tuple(replace(fetch, context=asked(source.query)) for fetch in found)

    def following(self, fetch: Fetch, parsed: Parsed) -> Fetch | None:
        """Return the request for the next list page, which only listings of the API have."""
        after = dict(parsed.next).get("after")
        return replace(fetch, url=with_query(fetch.url, after=after), page=fetch.page + 1) if after else None

    def timeline(self, source: SourceSettings, platform: str, account: str) -> Fetch | None:
        """Return the request for the newest posts and comments of an account, its open feed."""
        name = _USER.fullmatch(account)
        if source.transport != "open" or platform != "reddit" or name is None:
            return None
        return _feed(f"user/{name[1]}/.rss")

    def comments(self, source: SourceSettings, post: Post) -> Fetch | None:
        """Return the request for the newest comments under a post, its open feed."""
        name = _POST.fullmatch(post.native_id)
        if source.transport != "open" or post.platform != "reddit" or name is None:
            return None
        return replace(_feed(f"comments/{name[1]}/.rss?sort=new"), context=(("parent_id", post.native_id),))

    def reread(self, source: SourceSettings, post: Post) -> Fetch | None:
        """Return the request for one post: of the API, or its feed, which has no counters."""
        name = _POST.fullmatch(post.native_id)
        if source.transport not in ("open", "official") or post.platform != "reddit" or name is None:
            return None
        own = _api(f"api/info?id={name[0]}&raw_json=1") if source.transport == "official" else None
        return replace(own or _feed(f"comments/{name[1]}/.rss"), context=(("asked", name[0]),))

    def parse(self, endpoint: str, response: Response) -> Parsed:
        """Read a feed or a listing; without login Reddit refuses every listing with 403."""
        kind = endpoint.removeprefix("reddit.")
        if kind not in _FEEDS | _LISTINGS:
            return Parsed(outcome=FetchOutcome.ERROR, detail=f"unknown endpoint {endpoint[:60]}")
        if _is_login(response.url):
            return Parsed(outcome=FetchOutcome.LOGIN_REQUIRED, detail="sent to the login page")
        answer = read_answer(response)
        if kind in _FEEDS:
            return only_asked(_read_feed(answer, response), response.context)
        if kind == "json" and response.status == 403:
            return Parsed(outcome=FetchOutcome.AUTH_REQUIRED, detail=answer.words or "no listing without login")
        if response.status == 401 and "invalid_token" in response.headers.get("www-authenticate", ""):
            return Parsed(outcome=FetchOutcome.AUTH_FAILED, detail="the token is not or no longer good")
        parsed = refusal(answer, _RULES) or _read_listing(answer, response)
        if parsed.outcome is FetchOutcome.EMPTY and "asked" in response.context:
            return Parsed(outcome=FetchOutcome.GONE, detail="the post is removed or deleted")
        return only_asked(parsed, response.context)


def _feed(path: str) -> Fetch:
    return Fetch(endpoint="reddit.rss", url=f"https://www.reddit.com/{path}", headers=_ACCEPT)


def _feed_search(phrase: str) -> Fetch:
    return _feed(f"search.rss?q={quote(phrase, safe='')}&sort=new")


def _api(path: str) -> Fetch:
    return Fetch(endpoint="reddit.oauth", url=f"{_API}/{path}", headers=_ACCEPT_JSON)


def _api_search(phrase: str) -> Fetch:
    return replace(_api(f"search?q={quote(phrase, safe='')}&sort=new&{_NEWEST}"), endpoint="reddit.oauth_search")


def _phrase(word: str) -> str:
    return f'"{word}"' if " " in word and not word.startswith('"') else word


def _is_login(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (parts.hostname or "").endswith("reddit.com") and parts.path.rstrip("/") in ("/login", "/account/login")
    except ValueError:
        return False


def _read_feed(answer: Answer, response: Response) -> Parsed:
    if answer.by_status is None and not answer.is_json:
        feed = read_xml_feed(answer.text, response.url, response.now)
        if feed is not None:
            return _of_feed(*feed, response.context)
    refused = refusal(answer, _RULES)
    return refused if refused is not None else unexpected(answer, "JSON instead of a feed", _RULES)


def _of_feed(
    found: tuple[Post, ...], remark: str, drops: tuple[tuple[Any, int], ...], context: Mapping[str, str]
) -> Parsed:
    if not found and remark:
        return Parsed(outcome=FetchOutcome.PARSE_ERROR, drops=drops, detail=f"feed {remark}")
    read = [from_feed(each, context.get("parent_id")) for each in found if is_post(each)]
    if any(post is not None and post.native_id == context.get("asked") and is_removed_post(post) for post in read):
        return Parsed(outcome=FetchOutcome.GONE, detail="the post is removed or deleted")
    posts, more = gather(post for post in read if post is None or not is_removed_post(post))
    outcome = FetchOutcome.OK if posts else FetchOutcome.EMPTY
    if read and not any(read):
        outcome = FetchOutcome.SCHEMA_ERROR
    return Parsed(outcome=outcome, posts=posts, drops=(*drops, *more), detail=remark)


def _read_listing(answer: Answer, response: Response) -> Parsed:
    listings = answer.body if isinstance(answer.body, list) else [answer.body]
    children: list[Any] = []
    for listing in listings:
        listed = obj(listing, "data").get("children")
        if not isinstance(listed, list):
            return unexpected(answer, "no listing", _RULES)
        children.extend(listed)
    things = [each for each in children if text_of(obj(each).get("kind")) in ("", "t1", "t3")]
    after = text_of(obj(listings[-1], "data").get("after")) if listings else ""
    step = (("after", after),) if _THING.fullmatch(after) else ()
    return collect(things, lambda each: read_thing(each, response.now), gone=is_removed, step=step)


SPEC = Spec(name="reddit", settings=RedditSettings, factory=RedditPage, title="Reddit")
