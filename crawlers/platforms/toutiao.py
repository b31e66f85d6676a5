"""Toutiao: the hot board in the open, the search page where the operator answers for it."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlencode

from config.settings import SourceSettings
from crawlers.base import Fetch, Parsed, Platform, Response
from crawlers.decode import decode_body
from crawlers.errors import SourceError
from crawlers.number import parse_number
from crawlers.platforms._answer import json_object, query_of, sent_away, visible_text, with_query
from crawlers.platforms._gather import MAX_ENTRIES, Drops, gather
from crawlers.platforms._toutiao_card import has_words, read_card
from crawlers.shape import entries, load_json, obj, text_of
from crawlers.text import clean_line, html_to_text
from crawlers.tree import Node, html_root
from crawlers.verdict import status_outcome
from domain.mention import Trend
from domain.outcome import Drop, FetchOutcome
from domain.spec import Spec

__all__ = ["SPEC", "ToutiaoPage", "ToutiaoSettings"]

_SEARCH_ID = re.compile(r"""["']search_?[iI]d["']\s{0,5}:\s{0,5}["']([\w-]{1,80})["']""")
# A search for these words has them in its title too, behind the word that was asked for.
_VERIFY = re.compile(
    r"<title[^<>]{0,200}>\s{0,20}(?:[^<>]{0,10}[-_|·]\s{0,3})?(?:请?完成)?(?:验证码|安全验证|人机验证)"
    r"(?!.{0,10}(?:头条|搜索))"
)
_CHALLENGE = re.compile(r"__ac_nonce|byted_acrawler")
_NOTHING = re.compile(r"没有找到|未找到|没有搜索到|未搜索到|无相关结果|暂无.{0,6}结果|没有相关")
_LABELS = {"hot": "热", "new": "新", "boom": "爆"}
_HEAD = 20_000
_CLOSED = (
    "toutiao's robots.txt closes its search: leave `query` out for the hot board, import what a web-search key finds "
    "on toutiao.com, or set `robots: override` on your own responsibility"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToutiaoSettings:
    """Settings that only Toutiao knows."""

    section: Literal["information", "synthesis"] = "information"
    """Search among news only, or in everything."""


class ToutiaoPage(Platform):
    """Addresses and parsers of Toutiao."""

    name = "toutiao"
    hosts = ("www.toutiao.com", "so.toutiao.com")
    prefixes = ("toutiao",)
    pace = timedelta(seconds=5)
    floor = timedelta(minutes=1)
    canary = "天气"

    def __init__(self, options: ToutiaoSettings | None = None) -> None:
        self._section = (options or ToutiaoSettings()).section

    def start(self, source: SourceSettings, now: datetime) -> tuple[Fetch, ...]:
        """Return the hot board where no words are asked, else one search for each word."""
        if source.transport != "open":
            raise SourceError(source.name, f"toutiao has no transport {source.transport[:20]!r}: open")
        if not source.query:
            url = "https://www.toutiao.com/hot-event/hot-board/?origin=toutiao_pc"
            return (Fetch(endpoint="toutiao.hot", url=url),)
        if source.robots != "override":
            raise SourceError(source.name, _CLOSED)
        return tuple(Fetch(endpoint="toutiao.search", url=self._search(word)) for word in source.query)

    def _search(self, word: str) -> str:
        query = {"keyword": word, "pd": self._section, "dvpf": "pc", "page_num": 0}
        return "https://so.toutiao.com/search?" + urlencode(query)

    def following(self, fetch: Fetch, parsed: Parsed) -> Fetch | None:
        """Return the request for the next page, or for the same page once more where only a shell came."""
        step = dict(parsed.next)
        if "page_num" not in step:
            return None
        again = parsed.outcome is FetchOutcome.RETRY_SHELL
        url = with_query(fetch.url, source="pagination", action_type="pagination", **step)
        return replace(fetch, url=url, page=fetch.page if again else fetch.page + 1)

    def parse(self, endpoint: str, response: Response) -> Parsed:
        """Read one answer of any endpoint; unknown ones are an error."""
        away = sent_away(response)
        if away is not None:
            return away
        text = decode_body(response.body, response.headers.get("content-type"))
        if _VERIFY.search(text[:_HEAD]):
            return Parsed(outcome=FetchOutcome.CAPTCHA, detail="a page that asks for a captcha")
        if endpoint == "toutiao.search":
            return _read_search(text, response)
        if endpoint == "toutiao.hot":
            return _read_hot(text, response)
        return Parsed(outcome=FetchOutcome.ERROR, detail=f"unknown endpoint {endpoint[:60]}")


def _read_search(text: str, response: Response) -> Parsed:
    by_status = status_outcome(response.status, response.headers)
    tree = html_root(text) if by_status is None and "<" in text else None
    if tree is None:
        outcome = by_status or FetchOutcome.PARSE_ERROR
        return Parsed(outcome=outcome, detail=f"HTTP {response.status}, no page")
    cards, unreadable = _cards(tree)
    posts, drops = gather(read_card(card, response.now) for card in cards if has_words(card))
    drops = _with_unreadable(drops, unreadable)
    if not posts:
        return _none(text, tree, response, broken=bool(unreadable or drops), drops=drops)
    step = _step(text, (parse_number(query_of(response.url).get("page_num", "0")).value or 0) + 1)
    return Parsed(outcome=FetchOutcome.OK, posts=posts, drops=drops, next=step)


def _cards(tree: Node) -> tuple[list[Mapping[str, Any]], int]:
    """Return the `data` of each card in order, and how many cards are broken."""
    cards, broken = [], 0
    for script in tree.xpath("//script[@data-druid-card-data-id]")[:MAX_ENTRIES]:
        try:
            body = load_json(script.text or "")
        except ValueError:
            broken += 1
            continue
        cards.append(obj(body, "data"))
    return cards, broken


def _with_unreadable(drops: Drops, number: int) -> Drops:
    counts = Counter(dict(drops))
    counts[Drop.UNREADABLE] += number
    return tuple(each for each in counts.items() if each[1])


def _step(text: str, page: int) -> tuple[tuple[str, str | int], ...]:
    told = _SEARCH_ID.search(text)
    return (("page_num", page), ("search_id", told[1])) if told else ()


def _none(text: str, tree: Node, response: Response, *, broken: bool, drops: Drops) -> Parsed:
    """Tell why a page holds no result: a shell is no answer unless it came in the form for further pages."""
    query = query_of(response.url)
    if broken:
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, drops=drops, detail="no card can be read")
    if _NOTHING.search(visible_text(tree)):
        return Parsed(outcome=FetchOutcome.EMPTY)
    shell = _SEARCH_ID.search(text) is not None or "undefined-default" in text
    if shell and query.get("action_type") == "pagination":
        return Parsed(outcome=FetchOutcome.EMPTY, detail="no more results")
    if shell:
        step = _step(text, parse_number(query.get("page_num", "0")).value or 0)
        return Parsed(outcome=FetchOutcome.RETRY_SHELL, next=step, detail="a page without its data")
    if _CHALLENGE.search(text):
        return Parsed(outcome=FetchOutcome.JS_CHALLENGE, detail="a script instead of the page")
    return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="no cards in the page")


def _read_hot(text: str, response: Response) -> Parsed:
    if text.lstrip().startswith("<") and _CHALLENGE.search(text):
        return Parsed(outcome=FetchOutcome.JS_CHALLENGE, detail="a script instead of the board")
    body = json_object(text, response)
    if isinstance(body, Parsed):
        return body
    by_status = status_outcome(response.status, response.headers)
    listed = body.get("data")
    if by_status is not None or not isinstance(listed, list):
        outcome = by_status or FetchOutcome.SCHEMA_ERROR
        return Parsed(outcome=outcome, detail=clean_line(text_of(body.get("message")), 120) or "no list in it")
    trends: list[Trend] = []
    for line in entries(listed[:MAX_ENTRIES]):
        trend = _trend(line, len(trends) + 1)
        trends += [trend] if trend is not None else []
    if not trends and listed:
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="no line can be read")
    return Parsed(outcome=FetchOutcome.OK if trends else FetchOutcome.EMPTY, trends=tuple(trends))


def _trend(line: Mapping[str, Any], rank: int) -> Trend | None:
    title = clean_line(html_to_text(text_of(line.get("Title"))).text, 140)
    if not title:
        return None
    cluster = text_of(line.get("ClusterIdStr")) or text_of(line.get("ClusterId"))
    url = text_of(line.get("Url")).partition("?")[0].partition("#")[0].strip()
    if not url.startswith(("http://", "https://")) or len(url) > 2_048:
        url = f"https://www.toutiao.com/trending/{cluster}/" if cluster.isascii() and cluster.isdigit() else ""
    heat = line.get("HotValue")
    return Trend(
        rank=rank,
        title=title,
        hot=parse_number(heat).value if heat != "" else None,
        url=clean_line(url, 2_048),
        label=_LABELS.get(text_of(line.get("Label"))),
    )


SPEC = Spec(name="toutiao", settings=ToutiaoSettings, factory=ToutiaoPage, title="今日头条")
