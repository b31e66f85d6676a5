"""Baidu: the top board in the open, news search with the operator's cookie, answers of its web-search API."""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlencode

from config.settings import SourceSettings
from crawlers.base import Fetch, Parsed, Platform, Response
from crawlers.decode import decode_body
from crawlers.errors import SourceError
from crawlers.platforms._answer import sent_away, visible_text, with_query
from crawlers.platforms._baidu_page import following_offset, read_board, read_results, result_cards
from crawlers.platforms._gather import gather
from crawlers.platforms._websearch import read_qianfan
from crawlers.tree import html_root
from crawlers.verdict import status_outcome
from domain.outcome import FetchOutcome
from domain.spec import Spec

__all__ = ["SPEC", "BaiduPage", "BaiduSettings"]

_VERIFY = re.compile(r"<title[^<>]{0,200}>\s{0,20}百度安全验证")
_VERIFY_LINK = "wappass.baidu.com/static/captcha"
_NOTHING = re.compile(r"没有找到|未找到|没找到|暂无相关")
_HEAD = 20_000
_CLOSED = (
    "Baidu's news search soon asks for a captcha: leave `query` out for the top board, set transport `cookie` with "
    "your own `cookie`, read an RSSHub route with platform `rsshub`, or import what a web-search key finds"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BaiduSettings:
    """Settings that only Baidu knows."""

    board: str = "realtime"
    """Top board that is read where no words are asked, such as realtime or car."""
    by_time: bool = True
    """News results newest first; false = by focus."""


class BaiduPage(Platform):
    """Addresses and parsers of Baidu's news search and top board."""

    name = "baidu"
    hosts = ("www.baidu.com", "top.baidu.com")
    prefixes = ("baidu",)
    pace = timedelta(seconds=5)
    floor = timedelta(minutes=2)
    canary = "天气"

    def __init__(self, options: BaiduSettings | None = None) -> None:
        self._options = options or BaiduSettings()

    def searches(self, source: SourceSettings) -> bool:
        """Say whether the source asks for words."""
        return source.transport == "cookie" or (source.transport == "browser" and source.cookie is not None)

    def start(self, source: SourceSettings, now: datetime) -> tuple[Fetch, ...]:
        """Return the top board where no words are asked, else one news search for each word with a cookie."""
        anyone = source.transport == "open" or (source.transport == "browser" and not source.cookie)
        if anyone and not source.query:
            url = "https://top.baidu.com/board?" + urlencode({"tab": self._options.board})
            return (Fetch(endpoint="baidu.hot", url=url),)
        if anyone:
            raise SourceError(source.name, _CLOSED)
        if source.transport not in ("cookie", "browser"):
            raise SourceError(source.name, f"baidu has no transport {source.transport[:20]!r}: open, cookie, browser")
        if not source.cookie or not source.query:
            raise SourceError(
                source.name,
                f"transport `{source.transport}` needs `query` and `cookie`: open www.baidu.com and copy it",
            )
        return tuple(Fetch(endpoint="baidu.news", url=self._search(word)) for word in source.query)

    def _search(self, word: str) -> str:
        order = 4 if self._options.by_time else 1
        query = {"rtt": order, "bsst": 1, "cl": 2, "tn": "news", "ie": "utf-8", "word": word, "pn": 0}
        return "https://www.baidu.com/s?" + urlencode(query)

    def following(self, fetch: Fetch, parsed: Parsed) -> Fetch | None:
        """Return the request for the next ten results; None = there are none."""
        offset = dict(parsed.next).get("pn")
        if offset is None:
            return None
        return replace(fetch, url=with_query(fetch.url, pn=offset), page=fetch.page + 1)

    def parse(self, endpoint: str, response: Response) -> Parsed:
        """Read one answer of any endpoint; unknown ones are an error."""
        if endpoint == "baidu.qianfan":
            return read_qianfan(response)
        away = sent_away(response)
        if away is not None:
            return away
        text = decode_body(response.body, response.headers.get("content-type"))
        if _VERIFY.search(text[:_HEAD]):
            return Parsed(outcome=FetchOutcome.CAPTCHA, detail="百度安全验证")
        if endpoint == "baidu.news":
            return _read_news(text, response)
        if endpoint == "baidu.hot":
            return _read_hot(text, response)
        return Parsed(outcome=FetchOutcome.ERROR, detail=f"unknown endpoint {endpoint[:60]}")


def _read_news(text: str, response: Response) -> Parsed:
    by_status = status_outcome(response.status, response.headers)
    tree = html_root(text) if by_status is None and text.strip() else None
    if tree is None:
        outcome = by_status or FetchOutcome.PARSE_ERROR
        return Parsed(outcome=outcome, detail=f"HTTP {response.status}, no page")
    found = read_results(result_cards(tree), response.now)
    posts, drops = gather(found)
    if not posts:
        outcome, detail = _why_none(text, visible_text(tree), cards=bool(found))
        return Parsed(outcome=outcome, drops=drops, detail=detail)
    offset = following_offset(tree, response.url)
    step = (("pn", offset),) if offset is not None else ()
    return Parsed(outcome=FetchOutcome.OK, posts=posts, drops=drops, next=step)


def _why_none(page: str, words: str, *, cards: bool) -> tuple[FetchOutcome, str]:
    if cards:
        return FetchOutcome.SCHEMA_ERROR, "results without a link"
    if _VERIFY_LINK in page:
        return FetchOutcome.CAPTCHA, "a script that leads to the captcha"
    if _NOTHING.search(words):
        return FetchOutcome.EMPTY, ""
    return FetchOutcome.SCHEMA_ERROR, "neither results nor a line that there are none"


def _read_hot(text: str, response: Response) -> Parsed:
    by_status = status_outcome(response.status, response.headers)
    if by_status is not None or not text.strip():
        outcome = by_status or FetchOutcome.PARSE_ERROR
        return Parsed(outcome=outcome, detail=f"HTTP {response.status}, no board")
    trends = read_board(text)
    if trends is None:
        captcha = _VERIFY_LINK in text
        outcome = FetchOutcome.CAPTCHA if captcha else FetchOutcome.SCHEMA_ERROR
        return Parsed(
            outcome=outcome, detail="a script that leads to the captcha" if captcha else "no board in the page"
        )
    return Parsed(outcome=FetchOutcome.OK if trends else FetchOutcome.EMPTY, trends=trends)


SPEC = Spec(name="baidu", settings=BaiduSettings, factory=BaiduPage, title="百度")
