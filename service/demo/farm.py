"""A process that imitates public sources on this machine, driven by the service's own clock.

It shows a post only once it is published, remembers when each was first shown, and can be
told to go dark. The demo feeds it an invented world, the end-to-end tests a file of posts.
"""

import bisect
import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.moment import require_utc
from service.clock import ClockOrder, DrivenClock
from service.demo.pages import (
    SITES,
    WEIBO_STATUS,
    Site,
    article_page,
    atom_feed,
    rss_feed,
    weibo_empty,
    weibo_search,
    weibo_status,
)
from service.demo.post import FarmPost, weibo_mid

__all__ = ["DARK_MODES", "Farm", "Page", "Seen"]

DARK_MODES = ("", "503", "drop", "html", "empty", "truncated", "hang", "loop")
"""What a site can be told to answer instead of its pages; empty = its pages."""
_PER_PAGE = 10
_SMALL_TALK = "天气"
"""What the crawler's canary searches for."""
_LOGIN = '{"ok":-100,"url":"https://passport.weibo.com/sso/signin?entry=wapsso"}'
_MAINTENANCE = (
    "<!DOCTYPE html><html><head><title>维护中</title></head><body><p>网站维护中，请稍后再来。</p></body></html>"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One answer of an imitated site."""

    status: int = 200
    """HTTP status; 0 = drop the connection without an answer."""
    body: bytes = b""
    """Bytes of the body."""
    content_type: str = "text/html; charset=utf-8"
    """Content-Type header."""
    etag: str = ""
    """ETag header; empty = none."""
    location: str = ""
    """Location header; empty = none."""
    hang_s: float = 0.0
    """How long nothing comes before the connection is dropped, real seconds."""


@dataclass(slots=True)
class Seen:
    """When a post was shown."""

    first_s: float
    """Unix time of its first showing."""
    times: int
    """How often it was shown."""


class Farm:
    """The state of all imitated sites.

    Args:
        start: Domain time at which the clock stands until `run` is called.
        scale: Domain seconds for one real second, 1 to 10,000.
        cookie: What weibo wants to see in the Cookie header; empty = anybody may search.
        feed_size: Most entries of a feed.
        wall_s: Unix time, for the ledger.
    """

    def __init__(
        self,
        *,
        start: datetime,
        scale: float,
        cookie: str = "",
        feed_size: int = 200,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self._start, self._scale = require_utc(start), scale
        self._clock: DrivenClock | None = None
        self._cookie, self._feed_size, self._wall_s = cookie, feed_size, wall_s
        self._posts: dict[str, list[FarmPost]] = {name: [] for name in SITES}
        self._by_id: dict[str, FarmPost] = {}
        self._dark: dict[str, str] = dict.fromkeys(SITES, "")
        self._retouched = 0
        self.ledger: dict[str, Seen] = {}
        """Showings by post id."""
        self.hits: dict[str, int] = dict.fromkeys(SITES, 0)
        """Pages asked of each site, robots.txt not counted."""
        self.bases: dict[str, str] = {}
        """Scheme and host of each site, filled once its port is known."""

    def run(self, epoch_s: float) -> None:
        """Let the clock go: the domain stood at `start` at Unix time `epoch_s`."""
        self._clock = DrivenClock(ClockOrder(start=self._start, scale=self._scale, epoch_s=epoch_s))

    def now(self) -> datetime:
        """Return the present domain moment, UTC."""
        return self._clock.now() if self._clock else self._start

    def add(self, posts: Iterable[FarmPost]) -> int:
        """Add posts, past or future; an id that is known is replaced. Returns how many.

        Raises:
            KeyError: a post names no site of this farm.
        """
        touched: set[str] = set()
        added = 0
        for post in posts:
            if post.id in self._by_id:
                self._posts[post.site] = [one for one in self._posts[post.site] if one.id != post.id]
            self._posts[post.site].append(post)
            self._by_id[post.id] = post
            touched.add(post.site)
            added += 1
        for name in touched:
            self._posts[name].sort(key=lambda post: post.published_at)
        return added

    def go_dark(self, mode: str, sites: Sequence[str] = ()) -> None:
        """Let sites (none named = all) answer as `mode` says; empty ends it.

        Raises:
            ValueError: an unknown mode.
        """
        if mode not in DARK_MODES:
            raise ValueError(f"unknown mode {mode!r}: one of {DARK_MODES}")
        for name in sites or tuple(SITES):
            self._dark[name] = mode

    def retouch(self) -> None:
        """Change every answer a little: new ETags, more likes; nothing new is published."""
        self._retouched += 1

    def posts(self, *, mark: str | None = None) -> list[FarmPost]:
        """Return all posts, published or not, those of one mark if given."""
        return [post for post in self._by_id.values() if mark is None or post.mark == mark]

    def published(self, site: str, limit: int, *, holds: str = "", skip: int = 0) -> list[FarmPost]:
        """Return posts published by now, newest first.

        Args:
            site: Name of the site.
            limit: Most posts.
            holds: Words that the text must contain; empty = any.
            skip: Matching posts to leave out first.
        """
        posts = self._posts[site]
        end = bisect.bisect_right(posts, self.now(), key=lambda post: post.published_at)
        found: list[FarmPost] = []
        for index in range(end - 1, -1, -1):
            if not holds or holds in posts[index].text:
                if skip:
                    skip -= 1
                    continue
                found.append(posts[index])
                if len(found) == limit:
                    break
        return found

    # --- answers ---------------------------------------------------------------------------------------------

    def answer(self, site: Site, path: str, query: Mapping[str, str], cookie: str) -> Page:
        """Answer one request to a site.

        Args:
            site: The site.
            path: Path with query as asked for, such as `/rss/latest.xml`.
            query: Decoded query parameters.
            cookie: Cookie header; empty = none.
        """
        bare = path.partition("?")[0]
        if bare == "/robots.txt":
            return Page(body=b"User-agent: *\nDisallow: /admin/\n", content_type="text/plain")
        self.hits[site.name] += 1
        mode = self._dark[site.name]
        if mode == "loop":
            return Page(status=302, location=path)
        if mode not in ("", "truncated"):
            return _dark_page(mode)
        if bare == site.path.partition("?")[0]:
            page = self._search(query, cookie) if site.name == "weibo" else self._feed(site)
            return replace(page, body=page.body[: len(page.body) // 2], etag="") if mode == "truncated" else page
        if site.name == "weibo" and bare == WEIBO_STATUS:
            return self._status(query, cookie)
        return self._article(site, bare)

    def _show(self, posts: Iterable[FarmPost]) -> None:
        at_s = self._wall_s()
        for post in posts:
            seen = self.ledger.setdefault(post.id, Seen(at_s, 0))
            seen.times += 1

    def _stranger(self, cookie: str) -> Page | None:
        """Return what weibo says to somebody without the right cookie."""
        if not cookie:
            return Page(status=432, content_type="text/html")
        if self._cookie not in cookie:
            return Page(body=_LOGIN.encode(), content_type="application/json; charset=utf-8")
        return None

    def _status(self, query: Mapping[str, str], cookie: str) -> Page:
        post = self._by_id.get(query.get("id", ""))
        known = post is not None and post.site == "weibo" and post.published_at <= self.now()
        body = weibo_status(post if known else None, original=self._by_id.get, extra_likes=self._retouched)
        return self._stranger(cookie) or Page(body=body, content_type="application/json; charset=utf-8")

    def _search(self, query: Mapping[str, str], cookie: str) -> Page:
        stranger = self._stranger(cookie)
        if stranger is not None:
            return stranger
        words = _words_of(query.get("containerid", ""))
        if words == _SMALL_TALK:
            body = weibo_search(
                [_weather(self.now())], query=words, page=1, more=False, original=self._by_id.get, extra_likes=0
            )
            return Page(body=body, content_type="application/json; charset=utf-8")
        number = int(query.get("page", "1")) if query.get("page", "1").isdigit() else 1
        found = self.published("weibo", _PER_PAGE + 1, holds=words, skip=(number - 1) * _PER_PAGE) if words else []
        posts, more = found[:_PER_PAGE], len(found) > _PER_PAGE
        self._show(posts)
        body = (
            weibo_search(
                posts,
                query=words,
                page=number,
                more=more,
                original=self._by_id.get,
                extra_likes=self._retouched,
            )
            if posts
            else weibo_empty()
        )
        return Page(body=body, content_type="application/json; charset=utf-8")

    def _feed(self, site: Site) -> Page:
        posts = self.published(site.name, self._feed_size)
        self._show(posts)
        render = atom_feed if site.name == "blog" else rss_feed
        body = render(site, posts, base=self.bases[site.name], bases=self.bases)
        digest = hashlib.sha256(body + str(self._retouched).encode()).hexdigest()[:20]
        kind = "application/atom+xml" if site.name == "blog" else "text/xml"
        return Page(body=body, content_type=f"{kind}; charset={site.said_by_http}", etag=f'"{digest}"')

    def _article(self, site: Site, path: str) -> Page:
        head, tail = site.post_path.split("{id}")
        post = self._by_id.get(path.removeprefix(head).removesuffix(tail))
        if post is None or post.site != site.name or post.published_at > self.now():
            return Page(status=404, body="<h1>页面不存在</h1>".encode())
        self._show([post])
        return Page(body=article_page(site, post, url=self.bases[site.name] + path))


def _weather(now: datetime) -> FarmPost:
    """Return a post of the last hour about the weather: of that somebody always speaks."""
    at = now.replace(minute=0, second=0, microsecond=0)
    text = "今天天气不错，出门走走"
    return FarmPost(
        id=weibo_mid(at, 1), site="weibo", published_at=at, text=text, author="散步的人", author_id="7200000001"
    )


def _dark_page(mode: str) -> Page:
    if mode in ("drop", "hang"):
        return Page(status=0, hang_s=60.0 if mode == "hang" else 0.0)
    if mode == "empty":
        return Page()
    return Page(status=503 if mode == "503" else 200, body=_MAINTENANCE.encode())


def _words_of(container: str) -> str:
    """Return the words searched for out of `100103type=61&q=WORDS&t=0`."""
    for part in container.split("&"):
        if part.startswith("q="):
            return part[2:]
    return ""
