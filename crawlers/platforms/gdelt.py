"""GDELT DOC 2.0: links and titles of news pages that it saw in the last day."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from config.settings import SourceSettings
from crawlers.base import Fetch, Parsed, Platform, Response
from crawlers.cn_time import parse_cn_time
from crawlers.decode import decode_body
from crawlers.platforms._gather import MAX_ENTRIES, gather
from crawlers.platforms._page_again import page_again, read_page_again
from crawlers.shape import entries, load_json, text_of
from crawlers.span import spans
from crawlers.text import clean_line, html_to_text
from crawlers.verdict import status_outcome
from domain.mention import Author, Kind, Post
from domain.outcome import FetchOutcome
from domain.spec import Spec

__all__ = ["SPEC", "GdeltPage", "GdeltSettings"]

_PAGE = "gdelt.page"
_CJK = "\u2e80-\u303f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\u2014\u2018-\u201d\u2026\u00b7"
_INNER_BLANK = re.compile(f"(?<=[{_CJK}]) +(?=[{_CJK}])")
_LANGUAGES = {"chinese": "zh", "english": "en", "japanese": "ja", "korean": "ko", "french": "fr", "german": "de",
              "spanish": "es", "russian": "ru", "vietnamese": "vi", "thai": "th", "portuguese": "pt", "italian": "it",
              "arabic": "ar", "indonesian": "id", "malay": "ms"}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class GdeltSettings:
    """Settings that only GDELT knows."""

    language: str = "chinese"
    """Language of the pages, in GDELT's English name; empty = all."""
    timespan: str = "1d"
    """How far back it looks, such as 1d or 12h."""


class GdeltPage(Platform):
    """Addresses and parser of GDELT DOC 2.0."""

    name = "gdelt"
    hosts = ("api.gdeltproject.org",)
    prefixes = ("gdelt",)
    pace = timedelta(seconds=5)
    # It takes in what is new every fifteen minutes.
    floor = timedelta(minutes=15)

    def __init__(self, options: GdeltSettings | None = None) -> None:
        self._options = options or GdeltSettings()

    def searches(self, source: SourceSettings) -> bool:
        """Say whether the source asks for words."""
        return True

    def start(self, source: SourceSettings, now: datetime) -> tuple[Fetch, ...]:
        """Return one search for each word."""
        return tuple(Fetch(endpoint="gdelt.artlist", url=self._address(word, source.limit)) for word in source.query)

    def _address(self, word: str, limit: int, span: tuple[datetime, datetime] | None = None) -> str:
        phrase = f'"{word}"' if " " in word and not word.startswith('"') else word
        language = f" sourcelang:{self._options.language}" if self._options.language else ""
        query = {"query": phrase + language, "mode": "artlist", "format": "json", "maxrecords": min(limit, 250),
                 "sort": "datedesc"}  # fmt: skip
        if span is None:
            query["timespan"] = self._options.timespan
        else:
            start, end = (f"{moment.astimezone(UTC):%Y%m%d%H%M%S}" for moment in span)
            query |= {"startdatetime": start, "enddatetime": end}
        return "https://api.gdeltproject.org/api/v2/doc/doc?" + urlencode(query)

    def history(self, source: SourceSettings, since: datetime, until: datetime) -> tuple[Fetch, ...]:
        """Return a search for each word and day: one search gives 250 articles."""
        return tuple(
            Fetch(endpoint="gdelt.artlist", url=self._address(word, source.limit, (start, end)))
            for word in source.query
            for start, end in spans(since, until, timedelta(days=1))
        )

    def reread(self, source: SourceSettings, post: Post) -> Fetch | None:
        """Return the request for the page behind an entry; it tells whether the page still stands."""
        return page_again(source, post, _PAGE)

    def parse(self, endpoint: str, response: Response) -> Parsed:
        """Read a list of articles; errors come as plain text, often with status 200."""
        if endpoint == _PAGE:
            return read_page_again(response)
        text = decode_body(response.body, response.headers.get("content-type")).strip()
        by_status = status_outcome(response.status, response.headers)
        if not text.startswith(("{", "[")):
            return _refusal(text, by_status)
        if by_status is not None:
            return Parsed(outcome=by_status, detail=f"HTTP {response.status}")
        try:
            body = load_json(text)
        except ValueError:
            return Parsed(outcome=FetchOutcome.PARSE_ERROR, detail="broken JSON")
        if not isinstance(body, Mapping) or ("articles" in body and not isinstance(body["articles"], list)):
            return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="no list of articles")
        if body and "articles" not in body:
            return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="no articles in it")
        articles = entries(body.get("articles"))
        found = (_read(article, response.now) for article in articles[:MAX_ENTRIES])
        posts, drops = gather(found, unread=max(len(articles) - MAX_ENTRIES, 0))
        return Parsed(outcome=FetchOutcome.OK if posts else FetchOutcome.EMPTY, posts=posts, drops=drops)


def _refusal(text: str, by_status: FetchOutcome | None) -> Parsed:
    words, detail = text[:2_000].lower(), clean_line(html_to_text(text[:2_000]).text, 200) or ""
    if "limit requests" in words or "rate limit" in words or "too many requests" in words:
        return Parsed(outcome=FetchOutcome.RATE_LIMITED, detail=detail)
    if by_status is not None:
        return Parsed(outcome=by_status, detail=detail)
    binary = "\0" in words or "\ufffd" in words
    if not text or binary or words.startswith(("<!doctype", "<html", "<?xml")):
        return Parsed(outcome=FetchOutcome.PARSE_ERROR, detail="no text" if binary else detail or "empty answer")
    return Parsed(outcome=FetchOutcome.BAD_QUERY, detail=detail)


def _read(article: Mapping[str, Any], now: datetime) -> Post | None:
    url = clean_line(text_of(article.get("url")), 2_048)
    if not url or not url.lower().startswith(("http://", "https://")):
        return None
    stamp = parse_cn_time(article.get("seendate"), now)
    title = clean_line(html_to_text(text_of(article.get("title"))).text, 500)
    domain = clean_line(text_of(article.get("domain")), 200)
    return Post(
        platform="web",
        native_id=url,
        kind=Kind.ARTICLE,
        title=_INNER_BLANK.sub("", title) if title else None,
        text="",
        url=url,
        author=Author(name=domain),
        outlet=domain,
        published_at=stamp.at if stamp else None,
        published_precision=stamp.precision if stamp else None,
        published_raw=clean_line(text_of(article.get("seendate")), 60),
        lang=_LANGUAGES.get(text_of(article.get("language")).lower()),
    )


SPEC = Spec(name="gdelt", settings=GdeltSettings, factory=GdeltPage, title="GDELT 新闻")
