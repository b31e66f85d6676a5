"""Hacker News: stories and comments by word, from Algolia's open search."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from config.marks import Range
from config.settings import SourceSettings
from crawlers.base import Fetch, Parsed, Platform, Response
from crawlers.cn_time import parse_cn_time
from crawlers.errors import SourceError
from crawlers.number import parse_number
from crawlers.platforms._answer import query_of, with_query
from crawlers.platforms._open_api import collect, http_link, read_answer, refusal, unexpected
from crawlers.shape import engagement, number_id, obj, text_of
from crawlers.span import spans
from crawlers.text import clean_line, html_to_text
from domain.mention import Author, Kind, Post
from domain.outcome import FetchOutcome
from domain.spec import Spec

__all__ = ["SPEC", "HackerNewsPage", "HackerNewsSettings"]

_ENDPOINTS = frozenset({"hn.search", "hn.search_by_date", "hackernews.search", "hackernews.search_by_date"})
_SEARCH = "https://hn.algolia.com/api/v1/search_by_date?"
_ITEM = "https://news.ycombinator.com/item?id="
_PER_PAGE = 100
_ONE_STORY = re.compile(r"story,story_\d{1,20}")


@dataclass(frozen=True, slots=True, kw_only=True)
class HackerNewsSettings:
    """Settings that only Hacker News knows."""

    lookback: Annotated[timedelta, Range(timedelta(hours=1), timedelta(days=365))] = timedelta(days=7)
    """How far back a search looks, 1 hour to 365 days."""


class HackerNewsPage(Platform):
    """Addresses and parser of Hacker News."""

    name = "hackernews"
    hosts = ("hn.algolia.com",)
    prefixes = ("hn", "hackernews")
    pace = timedelta(seconds=1)
    canary = "google"

    def __init__(self, options: HackerNewsSettings | None = None) -> None:
        self._options = options or HackerNewsSettings()

    def searches(self, source: SourceSettings) -> bool:
        """Say whether the source asks for words."""
        return True

    def start(self, source: SourceSettings, now: datetime) -> tuple[Fetch, ...]:
        """Return one search for each word."""
        if source.transport != "open":
            raise SourceError(source.name, "hackernews has only the transport `open`: its search needs no key")
        since = int((now - self._options.lookback).timestamp())
        return tuple(Fetch(endpoint="hn.search", url=_address(word, since, source.limit)) for word in source.query)

    def history(self, source: SourceSettings, since: datetime, until: datetime) -> tuple[Fetch, ...]:
        """Return a search for each word and week: one search gives its newest thousand hits only."""
        return tuple(
            Fetch(endpoint="hn.search", url=_address(word, int(start.timestamp()), source.limit, int(end.timestamp())))
            for word in source.query
            for start, end in spans(since, until, timedelta(days=7))
        )

    def following(self, fetch: Fetch, parsed: Parsed) -> Fetch | None:
        """Return the request for the next list page; None = there is none."""
        page = dict(parsed.next).get("page")
        return replace(fetch, url=with_query(fetch.url, page=page), page=fetch.page + 1) if page else None

    def reread(self, source: SourceSettings, post: Post) -> Fetch | None:
        """Return the search that finds one story by its number."""
        number = number_id(post.native_id)
        if source.transport != "open" or post.platform != "hackernews" or post.kind is Kind.COMMENT or not number:
            return None
        query = urlencode({"tags": f"story,story_{number}", "hitsPerPage": 1}, safe="(),")
        return Fetch(endpoint="hn.search_by_date", url=_SEARCH + query)

    def parse(self, endpoint: str, response: Response) -> Parsed:
        """Read a page of hits; a refused search says so in `message`."""
        if endpoint not in _ENDPOINTS:
            return Parsed(outcome=FetchOutcome.ERROR, detail=f"unknown endpoint {endpoint[:60]}")
        answer = read_answer(response)
        if answer.is_json and 400 in (response.status, obj(answer.body).get("status")):
            return Parsed(outcome=FetchOutcome.BAD_QUERY, detail=answer.words)
        refused = refusal(answer)
        if refused is not None:
            return refused
        hits = obj(answer.body).get("hits")
        if not isinstance(hits, list):
            return unexpected(answer, "no list of hits")
        page, pages = (parse_number(answer.body.get(name)).value or 0 for name in ("page", "nbPages"))
        step = (("page", page + 1),) if page + 1 < pages else ()
        if not hits and _ONE_STORY.fullmatch(query_of(response.url).get("tags", "")):
            return Parsed(outcome=FetchOutcome.GONE, detail="the index has no such story any more")
        return collect(hits, lambda hit: _read(hit, response.now), gone=_is_gone, step=step)


def _address(word: str, since: int, limit: int, until: int | None = None) -> str:
    span = f"created_at_i>{since}" + (f",created_at_i<={until}" if until else "")
    query = {"query": word, "tags": "(story,comment)", "numericFilters": span,
             "hitsPerPage": min(limit, _PER_PAGE), "page": 0}  # fmt: skip
    return _SEARCH + urlencode(query, safe="(),")


def _is_comment(hit: Mapping[str, Any]) -> bool:
    tags = hit.get("_tags")
    if isinstance(tags, list) and ("comment" in tags or "story" in tags):
        return "comment" in tags
    return isinstance(hit.get("comment_text"), str)


def _is_gone(hit: Mapping[str, Any]) -> bool:
    """Say whether a comment is deleted: the index keeps its place without its text."""
    return _is_comment(hit) and not text_of(hit.get("comment_text")).strip() and bool(number_id(hit.get("objectID")))


def _read(hit: Mapping[str, Any], now: datetime) -> Post | None:
    number = number_id(hit.get("objectID"))
    if not number:
        return None
    comment = _is_comment(hit)
    rich = html_to_text(text_of(hit.get("comment_text" if comment else "story_text")), _ITEM + number)
    link = None if comment else http_link(hit.get("url"))
    told = next((name for name in ("created_at_i", "created_at") if parse_cn_time(hit.get(name), now)), "created_at")
    stamp = parse_cn_time(hit.get(told), now)
    story = number_id(hit.get("story_id"))
    return Post(
        platform="hackernews",
        native_id=number,
        kind=Kind.COMMENT if comment else Kind.POST,
        title=clean_line(html.unescape(text_of(hit.get("title")) or text_of(hit.get("story_title")))),
        text=rich.text,
        url=_ITEM + number,
        author=Author(name=clean_line(text_of(hit.get("author")), 100)),
        published_at=stamp.at if stamp else None,
        published_precision=stamp.precision if stamp else None,
        published_raw=clean_line(text_of(hit.get(told)), 60),
        engagement=engagement(likes=hit.get("points"), comments=hit.get("num_comments")),
        parent_id=(number_id(hit.get("parent_id")) or story or None) if comment else None,
        root_id=(story or None) if comment else None,
        links=tuple(dict.fromkeys((*((link,) if link else ()), *rich.links))),
    )


SPEC = Spec(name="hackernews", settings=HackerNewsSettings, factory=HackerNewsPage, title="Hacker News")
