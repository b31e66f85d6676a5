"""RSS, Atom and JSON Feed: the default road to news, forums and blogs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from config.settings import SourceSettings
from crawlers.base import Fetch, Parsed, Platform, Response
from crawlers.decode import decode_body
from crawlers.errors import SourceError
from crawlers.platforms._feed_json import is_json_feed, read_json_feed
from crawlers.platforms._feed_xml import read_xml_feed
from crawlers.platforms._page_again import page_again, read_page_again
from crawlers.shape import load_json
from crawlers.text import clean_line, html_to_text
from crawlers.verdict import status_outcome
from domain.mention import Post
from domain.outcome import FetchOutcome
from domain.spec import Spec

__all__ = ["SPEC", "FeedPage", "FeedSettings"]

_PAGE = "feed.page"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSettings:
    """Settings that only feeds know."""

    text_css: str | None = None
    """CSS selector of the text on the pages that `follow` fetches; None = found by itself."""


class FeedPage(Platform):
    """Address and parser of a feed."""

    name = "feed"
    hosts: tuple[str, ...] = ()
    prefixes = ("feed", "rss")
    pace = timedelta(0)
    floor = timedelta(minutes=2)

    def __init__(self, options: FeedSettings | None = None) -> None:
        self._options = options or FeedSettings()

    def start(self, source: SourceSettings, now: datetime) -> tuple[Fetch, ...]:
        """Return the request for the feed."""
        if not source.url:
            raise SourceError(source.name, "platform `feed` needs `url`, the address of the feed")
        accept = "application/rss+xml, application/atom+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5"
        return (Fetch(endpoint="feed.any", url=source.url, headers=(("Accept", accept),)),)

    def reread(self, source: SourceSettings, post: Post) -> Fetch | None:
        """Return the request for the page behind an entry; it tells whether the page still stands."""
        return page_again(source, post, _PAGE)

    def parse(self, endpoint: str, response: Response) -> Parsed:
        """Read a feed of any form; HTML, an empty body and anything else is a parse error."""
        if endpoint == _PAGE:
            return read_page_again(response)
        by_status = status_outcome(response.status, response.headers)
        if by_status is not None:
            return Parsed(outcome=by_status, detail=f"HTTP {response.status}")
        text = decode_body(response.body, response.headers.get("content-type")).lstrip()
        if not text:
            return Parsed(outcome=FetchOutcome.PARSE_ERROR, detail="empty answer")
        if text.startswith(("{", "[")):
            return _read_json(text, response)
        found = read_xml_feed(text, response.url, response.now)
        if found is None:
            return Parsed(outcome=FetchOutcome.PARSE_ERROR, detail=_what_instead(text))
        posts, remark, drops = found
        if not posts and remark:
            return Parsed(outcome=FetchOutcome.PARSE_ERROR, drops=drops, detail=f"feed {remark}")
        return Parsed(outcome=FetchOutcome.OK if posts else FetchOutcome.EMPTY, posts=posts, drops=drops, detail=remark)


def _read_json(text: str, response: Response) -> Parsed:
    try:
        body = load_json(text)
    except ValueError:
        return Parsed(outcome=FetchOutcome.PARSE_ERROR, detail="broken JSON")
    if not isinstance(body, Mapping) or not is_json_feed(body):
        return Parsed(outcome=FetchOutcome.PARSE_ERROR, detail="JSON, but no JSON Feed")
    posts, drops = read_json_feed(body, response.url, response.now)
    return Parsed(outcome=FetchOutcome.OK if posts else FetchOutcome.EMPTY, posts=posts, drops=drops)


def _what_instead(text: str) -> str:
    head = text[:4_000]
    if "<html" in head.lower() or "<!doctype html" in head.lower():
        return "an HTML page instead of a feed: " + (clean_line(html_to_text(head).text, 80) or "without text")
    return "no feed"


SPEC = Spec(name="feed", settings=FeedSettings, factory=FeedPage, title="RSS / Atom / JSON Feed")
