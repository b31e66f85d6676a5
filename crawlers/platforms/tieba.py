"""Baidu Tieba: hot topics in the open; searches and threads as others hand them over."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import unescape
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

from config.settings import SourceSettings
from crawlers.base import Fetch, Parsed, Platform, Response
from crawlers.cn_time import parse_cn_time
from crawlers.decode import decode_body
from crawlers.errors import SourceError
from crawlers.number import parse_number
from crawlers.platforms._answer import json_object, sent_away
from crawlers.platforms._gather import MAX_ENTRIES, gather
from crawlers.platforms._tieba_page import next_number, no_result, read_results
from crawlers.platforms._tieba_post import BASE, floors, read_app_post, read_card
from crawlers.platforms._wording import wording_outcome
from crawlers.shape import entries, number_id, obj, text_of
from crawlers.text import clean_line
from crawlers.tree import html_root
from crawlers.verdict import status_outcome
from domain.mention import Trend
from domain.outcome import FetchOutcome
from domain.spec import Spec

__all__ = ["SPEC", "TiebaPage", "TiebaSettings"]

_HOT = "https://tieba.baidu.com/hottopic/browse/topicList"
_GONE_CODE = 4
_SIGN = re.compile(r"签名|\bsign\b", re.IGNORECASE)
_VERIFY = re.compile(r"<title[^<>]{0,100}>\s{0,20}百度安全验证")
_VERIFY_LINK = re.compile(r"wappass\.baidu\.com/static/captcha")
_DELETED = re.compile(r"(?:贴|帖)子?已?被(?:删除|隐藏)|(?:贴|帖)子?不存在|(?:贴|帖)不可见")
_RETURN = re.compile(r"^https?://passport\.baidu\.com/")


@dataclass(frozen=True, slots=True, kw_only=True)
class TiebaSettings:
    """Settings that only Tieba knows: none."""


class TiebaPage(Platform):
    """Addresses and parsers of Baidu Tieba."""

    name = "tieba"
    hosts = ("tieba.baidu.com", "c.tieba.baidu.com")
    prefixes = ("tieba",)
    pace = timedelta(seconds=5)
    floor = timedelta(minutes=1)
    canary = "天气"

    def __init__(self, options: TiebaSettings | None = None) -> None:
        self._options = options or TiebaSettings()

    def start(self, source: SourceSettings, now: datetime) -> tuple[Fetch, ...]:
        """Return the hot topics, which is all that Tieba shows without an account."""
        if source.query or source.transport != "open":
            raise SourceError(
                source.name,
                "tieba cannot be searched without an account: leave `query` and `transport` out for the hot topics, "
                "or read `/baidu/tieba/search/WORD` of your own RSSHub as a feed, or import",
            )
        return (Fetch(endpoint="tieba.hot", url=_HOT),)

    def parse(self, endpoint: str, response: Response) -> Parsed:
        """Read one answer of any endpoint; unknown ones are an error."""
        if endpoint not in _READERS:
            return Parsed(outcome=FetchOutcome.ERROR, detail=f"unknown endpoint {endpoint[:60]}")
        sent = sent_away(response) or _sent_to_login(response)
        if sent is not None:
            return sent
        text = decode_body(response.body, response.headers.get("content-type")).strip()
        if text.startswith("<") or (endpoint in _PAGES and not text.startswith("{")):
            return _read_page(text, response)
        body = json_object(text, response)
        if isinstance(body, Parsed):
            return body
        return _refusal(body, response) or (_READERS[endpoint] or _read_any)(body, response)


def _sent_to_login(response: Response) -> Parsed | None:
    location = response.headers.get("location", "") if 300 <= response.status < 400 else ""
    if _RETURN.match(response.url) or _RETURN.match(location):
        return Parsed(outcome=FetchOutcome.LOGIN_REQUIRED, detail="sent to passport.baidu.com")
    return None


def _refusal(body: Mapping[str, Any], response: Response) -> Parsed | None:
    """Return what a code or the status refuses; None = the answer is an answer."""
    by_status = status_outcome(response.status, response.headers)
    told = next((body[name] for name in ("error_code", "no", "errno") if body.get(name) is not None), 0)
    code = text_of(told)
    if code == "0" and by_status is None:
        return None
    names = ("error_msg", "error", "errmsg", "msg")
    words = clean_line(next((text_of(body.get(name)) for name in names if text_of(body.get(name))), ""), 160) or ""
    meant = wording_outcome(words) or (FetchOutcome.SIGNATURE_REJECTED if _SIGN.search(words) else None)
    if code == "0":
        return Parsed(outcome=meant or by_status or FetchOutcome.ERROR, detail=f"HTTP {response.status} {words}")
    if parse_number(code or None).value == _GONE_CODE and "error_code" in body:
        meant = meant or FetchOutcome.GONE
    if "wappass.baidu.com" in text_of(body.get("url")) or "wappass.baidu.com" in text_of(obj(body, "data").get("url")):
        meant = FetchOutcome.CAPTCHA
    return Parsed(outcome=meant or by_status or FetchOutcome.ERROR, detail=f"error {code[:20]} {words}".strip())


def _read_page(page: str, response: Response) -> Parsed:
    """Read a page for people: results in the old or the new layout, or what stands in their place."""
    by_status = status_outcome(response.status, response.headers)
    if _VERIFY.search(page[:20_000]):
        return Parsed(outcome=FetchOutcome.CAPTCHA, detail="百度安全验证")
    tree = html_root(page) if page else None
    if tree is None:
        return Parsed(outcome=by_status or FetchOutcome.PARSE_ERROR, detail=f"HTTP {response.status}, no page")
    if by_status is None:
        posts, drops = gather(islice(read_results(tree, response.now), MAX_ENTRIES))
        if posts:
            number = next_number(tree)
            return Parsed(outcome=FetchOutcome.OK, posts=posts, drops=drops, next=(("pn", number),) if number else ())
        if drops:
            return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, drops=drops, detail="results without a thread")
    if any(_DELETED.search(str(node.text_content())[:300]) for node in tree.xpath("//h1 | //h2")):
        return Parsed(outcome=FetchOutcome.GONE, detail="the page says so")
    if _VERIFY_LINK.search(page[:20_000]):
        return Parsed(outcome=FetchOutcome.CAPTCHA, detail="link to a captcha")
    if by_status is not None:
        return Parsed(outcome=by_status, detail=f"HTTP {response.status}")
    if no_result(tree):
        return Parsed(outcome=FetchOutcome.EMPTY)
    return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="neither results nor a word that there are none")


def _page_number(response: Response) -> int:
    """Return the number of the page that was asked for, 1 if the address does not say."""
    try:
        query = urlsplit(response.url).query or response.url
        return parse_number(parse_qs(query).get("pn", ["1"])[-1]).value or 1
    except ValueError:
        return 1


def _read_multsearch(body: Mapping[str, Any], response: Response) -> Parsed:
    listed = obj(body, "data").get("card_list")
    if not isinstance(listed, list):
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="data.card_list is missing")
    cards = [obj(card, "data") for card in entries(listed) if _is_thread(card)]
    posts, drops = gather((read_card(card, response.now) for card in cards[:MAX_ENTRIES]),
                          unread=max(len(cards) - MAX_ENTRIES, 0))  # fmt: skip
    if not posts:
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR if cards else FetchOutcome.EMPTY, drops=drops)
    more = text_of(obj(body, "data").get("has_more")) == "1" or obj(body, "data").get("has_more") is True
    return Parsed(outcome=FetchOutcome.OK, posts=posts, drops=drops, next=_after(_page_number(response), more))


def _is_thread(card: Mapping[str, Any]) -> bool:
    form = text_of(card.get("cardInfo")) or text_of(card.get("cardStyle"))
    return form in ("thread", "post") or (not form and bool(number_id(obj(card, "data").get("tid"))))


def _after(page: int, more: bool) -> tuple[tuple[str, str | int], ...]:
    return (("pn", page + 1),) if more else ()


def _read_app_search(body: Mapping[str, Any], response: Response) -> Parsed:
    listed, page = body.get("post_list"), obj(body, "page")
    if not isinstance(listed, list) and page.get("total_count") is None:
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="no list of posts")
    found = entries(listed)
    posts, drops = gather((read_app_post(each, response.now) for each in found[:MAX_ENTRIES]),
                          unread=max(len(found) - MAX_ENTRIES, 0))  # fmt: skip
    if not posts:
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR if listed else FetchOutcome.EMPTY, drops=drops)
    here = parse_number(page.get("current_page")).value or _page_number(response)
    step = _after(here, text_of(page.get("has_more")) == "1")
    return Parsed(outcome=FetchOutcome.OK, posts=posts, drops=drops, next=step)


def _read_thread(body: Mapping[str, Any], response: Response) -> Parsed:
    if not obj(body, "thread"):
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="no thread in it")
    posts, drops = gather(islice(floors(body, response.now), MAX_ENTRIES))
    if not posts:
        listed = body.get("post_list")
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR if listed or drops else FetchOutcome.EMPTY, drops=drops)
    page = obj(body, "page")
    here = parse_number(page.get("current_page")).value or _page_number(response)
    last = parse_number(page.get("total_page")).value or 0
    return Parsed(outcome=FetchOutcome.OK, posts=posts, drops=drops, next=_after(here, here < last))


def _read_hot(body: Mapping[str, Any], response: Response) -> Parsed:
    listed = obj(body, "data", "bang_topic").get("topic_list")
    if not isinstance(listed, list):
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="data.bang_topic.topic_list is missing")
    trends: list[Trend] = []
    for topic in entries(listed)[:MAX_ENTRIES]:
        title = clean_line(text_of(topic.get("topic_name")), 200)
        if not title:
            continue
        stamp = parse_cn_time(topic.get("create_time"), response.now)
        trends.append(
            Trend(
                rank=len(trends) + 1,
                title=title,
                hot=parse_number(topic.get("discuss_num")).value,
                url=_topic_link(topic),
                at=stamp.at if stamp else None,
            )
        )
    if listed and not trends:
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="no topic can be read")
    return Parsed(outcome=FetchOutcome.OK if trends else FetchOutcome.EMPTY, trends=tuple(trends))


def _topic_link(topic: Mapping[str, Any]) -> str | None:
    told = clean_line(unescape(text_of(topic.get("topic_url"))), 2_048)
    try:
        link = urljoin(BASE, told) if told else ""
    except ValueError:
        return None
    return link if link.startswith(("http://", "https://")) else None


def _read_any(body: Mapping[str, Any], response: Response) -> Parsed:
    """Read an answer by what is in it."""
    if "thread" in body:
        return _read_thread(body, response)
    if "post_list" in body:
        return _read_app_search(body, response)
    return _read_hot(body, response) if "bang_topic" in obj(body, "data") else _read_multsearch(body, response)


_PAGES = frozenset({"tieba.search_html", "tieba.search_cards", "tieba.thread"})
_READERS: dict[str, Callable[[Mapping[str, Any], Response], Parsed] | None] = {
    **dict.fromkeys(("tieba.any", *_PAGES)),
    "tieba.multsearch": _read_multsearch,
    "tieba.page_pc": _read_thread,
    "tieba.app_searchpost": _read_app_search,
    "tieba.hot": _read_hot,
}

SPEC = Spec(name="tieba", settings=TiebaSettings, factory=TiebaPage, title="百度贴吧")
