"""News sitemaps: titles and links of a medium's newest articles, and the index that lists such files."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from config.settings import SourceSettings
from crawlers.base import Fetch, Parsed, Platform, Response
from crawlers.decode import decode_body
from crawlers.errors import SourceError
from crawlers.platforms._page_again import page_again, read_page_again
from crawlers.platforms._sitemap_xml import inflated, read_sitemap
from crawlers.text import clean_line, html_to_text
from crawlers.verdict import status_outcome
from domain.mention import Post
from domain.outcome import FetchOutcome
from domain.spec import Spec

__all__ = ["SPEC", "SitemapPage", "SitemapSettings"]

_CHILDREN = "children"
_PAGE = "sitemap.page"
_ENDPOINTS = frozenset({"sitemap.news", "sitemap.index"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SitemapSettings:
    """Settings that only sitemaps know."""

    text_css: str | None = None
    """CSS selector of the text on the pages that `follow` fetches; None = found by itself."""


class SitemapPage(Platform):
    """Address and parser of a sitemap."""

    name = "sitemap"
    hosts: tuple[str, ...] = ()
    prefixes = ("sitemap",)
    pace = timedelta(0)
    floor = timedelta(minutes=2)

    def __init__(self, options: SitemapSettings | None = None) -> None:
        self._options = options or SitemapSettings()

    def start(self, source: SourceSettings, now: datetime) -> tuple[Fetch, ...]:
        """Return the request for the sitemap, or for the index of several."""
        if not source.url:
            raise SourceError(source.name, "platform `sitemap` needs `url`, the address of the sitemap or its index")
        accept = "application/xml, text/xml;q=0.9, application/gzip;q=0.8, */*;q=0.5"
        return (Fetch(endpoint="sitemap.news", url=source.url, headers=(("Accept", accept),)),)

    def following(self, fetch: Fetch, parsed: Parsed) -> Fetch | None:
        """Return the request for the next child of an index, newest first; None = none is left."""
        listed = dict(parsed.extras).get("fresh_children")
        found = [str(each) for each in listed] if isinstance(listed, (list, tuple)) else []
        waiting = dict(fetch.context).get(_CHILDREN, "").split()
        left = [url for url in dict.fromkeys((*found, *waiting)) if url != fetch.url]
        if not left:
            return None
        context = ((_CHILDREN, " ".join(left[1:])),) if left[1:] else ()
        return replace(fetch, url=left[0], context=context, page=fetch.page + 1)

    def reread(self, source: SourceSettings, post: Post) -> Fetch | None:
        """Return the request for the page behind an entry; it tells whether the page still stands."""
        return page_again(source, post, _PAGE)

    def parse(self, endpoint: str, response: Response) -> Parsed:
        """Read a sitemap, plain or gzip'd.

        A list of pages gives a post for each entry with a news part, whose only words are its title. An index
        gives no posts but `fresh_children` in the extras: addresses of at most 20 files that changed
        within two days or do not say when, newest first.
        """
        if endpoint == _PAGE:
            return read_page_again(response)
        if endpoint not in _ENDPOINTS:
            return Parsed(outcome=FetchOutcome.ERROR, detail=f"unknown endpoint {endpoint[:60]}")
        by_status = status_outcome(response.status, response.headers)
        if by_status is not None:
            return Parsed(outcome=by_status, detail=f"HTTP {response.status}")
        body = inflated(response.body)
        if body is None:
            return Parsed(outcome=FetchOutcome.PARSE_ERROR, detail="broken gzip")
        text = decode_body(body, response.headers.get("content-type")).lstrip()
        if not text:
            return Parsed(outcome=FetchOutcome.PARSE_ERROR, detail="empty answer")
        found = read_sitemap(text, response.url, response.now)
        if found is None:
            return Parsed(outcome=FetchOutcome.PARSE_ERROR, detail=_what_instead(text))
        return found


def _what_instead(text: str) -> str:
    head = text[:4_000]
    if "<html" in head.lower() or "<!doctype html" in head.lower():
        return "an HTML page instead of a sitemap: " + (clean_line(html_to_text(head).text, 80) or "without text")
    return "no sitemap"


SPEC = Spec(name="sitemap", settings=SitemapSettings, factory=SitemapPage, title="新闻站点地图")
