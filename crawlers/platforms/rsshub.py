"""RSSHub: a bridge that the operator runs himself; its entries become posts of the platforms they come from."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import quote, urlsplit

from config.settings import SourceSettings
from crawlers.base import Fact, Fetch, Parsed, Platform, Response
from crawlers.decode import decode_body
from crawlers.errors import SourceError
from crawlers.platforms._gather import gather
from crawlers.platforms._page_again import page_again, read_page_again
from crawlers.platforms._rsshub_item import read_stats, to_native
from crawlers.platforms.feed import FeedPage
from crawlers.shape import load_json, obj, text_of
from crawlers.text import clean_line, html_to_text
from domain.mention import Post
from domain.outcome import Drop, FetchOutcome
from domain.spec import Spec

__all__ = ["SPEC", "RsshubPage", "RsshubSettings"]

_PAGE = "rsshub.page"
_EMPTY = "this route is empty"
_ERROR_PAGE = re.compile(r"looks like something went wrong|error message", re.IGNORECASE)
_MESSAGE = re.compile(r"Error Message:\s*(.{1,400})", re.DOTALL)
_REJECTED = re.compile(r"RejectError|access denied|authentication failed", re.IGNORECASE)
_UNSET = re.compile(r"ConfigNotFoundError|missing (?:the )?(?:environment variable|config)", re.IGNORECASE)
_SERVER_ERROR = 500
_HEAD = 20_000
_ACCOUNT_ROUTES = {
    "weibo": "/weibo/user/{account}",
    "douyin": "/douyin/user/{account}",
    "kuaishou": "/kuaishou/profile/{account}",
    "xiaohongshu": "/xiaohongshu/user/{account}/notes",
    "zhihu": "/zhihu/posts/{kind}/{account}",
    "bilibili": "/bilibili/user/video/{account}",
    "toutiao": "/toutiao/user/token/{account}",
    "wechat": "/wechat/sogou/{account}",
}
"""Routes that list the posts of one account, by platform."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RsshubSettings:
    """Settings that only RSSHub knows."""

    form: Literal["json", "rss"] = "json"
    """What is asked for where the address does not say: JSON Feed, or RSS, which has counters on a few routes."""
    text_css: str | None = None
    """CSS selector of the text on the pages that `follow` fetches; None = found by itself."""


class RsshubPage(Platform):
    """Address and parser of an RSSHub route."""

    name = "rsshub"
    hosts: tuple[str, ...] = ()
    prefixes = ("rsshub",)
    pace = timedelta(0)
    # It answers from a cache of five minutes.
    floor = timedelta(minutes=5)

    def __init__(self, options: RsshubSettings | None = None) -> None:
        self._options = options or RsshubSettings()
        self._feed = FeedPage()

    def start(self, source: SourceSettings, now: datetime) -> tuple[Fetch, ...]:
        """Return the request for the route."""
        if not source.url:
            raise SourceError(
                source.name,
                "platform `rsshub` needs `url`, a route on your own RSSHub such as "
                "http://127.0.0.1:1200/weibo/keyword/WORD",
            )
        url = source.url
        parts = urlsplit(url)
        if not any(pair.startswith("format=") for pair in parts.query.split("&")):
            query = f"{parts.query}&format={self._options.form}".lstrip("&")
            url = parts._replace(query=query, fragment="").geturl()
        return (Fetch(endpoint="rsshub.any", url=url),)

    def timeline(self, source: SourceSettings, platform: str, account: str) -> Fetch | None:
        """Return the request for the route that lists an account's posts, on the RSSHub that the source names."""
        route = _ACCOUNT_ROUTES.get(platform)
        if route is None or not source.url:
            return None
        word = quote(account.removeprefix("org/"), safe="")
        kind = "org" if account.startswith("org/") else "people"
        parts = urlsplit(source.url)
        keys = [pair for pair in parts.query.split("&") if pair.startswith("key=")]
        query = "&".join((*keys, f"format={self._options.form}"))
        url = parts._replace(path=route.format(account=word, kind=kind), query=query, fragment="").geturl()
        return Fetch(endpoint="rsshub.any", url=url, context=(("platform", platform), ("account", account)))

    def reread(self, source: SourceSettings, post: Post) -> Fetch | None:
        """Return the request for the page behind an entry; it tells whether the page still stands."""
        return page_again(source, post, _PAGE)

    def parse(self, endpoint: str, response: Response) -> Parsed:
        """Read a route of any name as RSS, Atom or JSON Feed.

        A route that is empty and one whose platform refused the bridge look the same: both are
        `empty_or_upstream_blocked`. A feed without entries is empty, for it was filtered.
        """
        if endpoint == _PAGE:
            return read_page_again(response)
        text = decode_body(response.body, response.headers.get("content-type")).lstrip()
        refused = _refusal(text, response.status)
        if refused is not None:
            return refused
        parsed = self._feed.parse("feed.any", response)
        if not parsed.posts:
            return parsed
        stats = read_stats(text) if text.startswith("<") else {}
        native = (to_native(post, stats) if post.url else None for post in parsed.posts)
        posts, drops = gather(_by_account(post, response.context) for post in native)
        counted: Counter[Drop] = Counter(dict(parsed.drops))
        counted.update(dict(drops))
        if not posts:
            return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, drops=tuple(counted.items()), detail="no entry has a link")
        return replace(parsed, posts=posts, drops=tuple(counted.items()), extras=_origin(posts))


def _by_account(post: Post | None, context: Mapping[str, str]) -> Post | None:
    """Return an entry of an account's own route with the account's id, where the entry itself names no author's."""
    account = context.get("account")
    if post is None or not account or post.author.id or post.platform != context.get("platform"):
        return post
    return replace(post, author=replace(post.author, id=account.removeprefix("org/")))


def _origin(posts: tuple[Post, ...]) -> tuple[tuple[str, Fact], ...]:
    """Return the platform that all posts come from; empty = several, or the open web."""
    found = {post.platform for post in posts}
    return (("platform_of_origin", found.pop()),) if len(found) == 1 and "web" not in found else ()


def _refusal(text: str, status: int) -> Parsed | None:
    """Return what an error page of RSSHub means; None if the answer is none."""
    message = _error_message(text, status)
    if message is None:
        return None
    detail = clean_line(message, 200) or f"HTTP {status}"
    if _EMPTY in message.lower():
        return Parsed(outcome=FetchOutcome.EMPTY_OR_UPSTREAM_BLOCKED, detail=detail)
    if _UNSET.search(message):
        return Parsed(outcome=FetchOutcome.AUTH_REQUIRED, detail=detail)
    if status in (401, 403) and _REJECTED.search(message):
        return Parsed(outcome=FetchOutcome.AUTH_FAILED, detail=detail)
    if status == 404:
        return Parsed(outcome=FetchOutcome.BAD_QUERY, detail=detail)
    if status >= _SERVER_ERROR or status == 200:
        return Parsed(outcome=FetchOutcome.EMPTY_OR_UPSTREAM_BLOCKED, detail=detail)
    return None


def _error_message(text: str, status: int) -> str | None:
    """Return the words of an error page, HTML or JSON; None if RSSHub did not write it."""
    if text.startswith("{") and '"error"' in text[:_HEAD]:
        try:
            body = load_json(text)
        except ValueError:
            return None
        if not isinstance(body, Mapping) or "items" in body:
            return None
        return text_of(obj(body, "error").get("message")) or text_of(body.get("error")) or None
    head = text[:_HEAD]
    if not head.lower().startswith(("<!doctype html", "<html")) and status == 200:
        return None
    if head.startswith("<") and "<rss" in head[:1_000]:
        return None
    words = html_to_text(head).text
    if _EMPTY in words.lower():
        return _told(words)
    return _told(words) if "rsshub" in head.lower() and _ERROR_PAGE.search(words) else None


def _told(words: str) -> str:
    match = _MESSAGE.search(words)
    return match[1] if match else words[:600]


SPEC = Spec(name="rsshub", settings=RsshubSettings, factory=RsshubPage, title="RSSHub")
