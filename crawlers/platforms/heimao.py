"""Heimao: complaints of consumers about companies, from answers of its search."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from config.settings import SourceSettings
from crawlers.base import Fetch, Parsed, Platform, Response
from crawlers.cn_time import parse_cn_time
from crawlers.decode import decode_body
from crawlers.errors import SourceError
from crawlers.link import public_link
from crawlers.number import parse_number
from crawlers.platforms._answer import json_object, sent_away
from crawlers.platforms._gather import MAX_ENTRIES, gather
from crawlers.platforms._wording import wording_outcome
from crawlers.shape import engagement, entries, obj, text_of
from crawlers.text import clean_line, html_to_text
from crawlers.verdict import status_outcome
from domain.mention import Author, Kind, Post
from domain.outcome import FetchOutcome
from domain.spec import Spec

__all__ = ["SPEC", "HeimaoPage", "HeimaoSettings"]

_BASE = "https://tousu.sina.com.cn/"
_LOGIN_PAGE = re.compile(
    r"<title[^<>]{0,200}>[^<>]{0,40}登录|Sina Visitor System"
    r"|(?:location|refresh)[^<>]{0,200}(?:passport\.weibo\.c|login\.sina\.com\.cn)"
)
_LOGIN_LINK = re.compile(r"passport\.weibo\.c|login\.sina\.com\.cn")
_COMPLAINT = re.compile(r"/complaint/view/(\d{5,20})(?:/|$)")
_SEPARATOR = re.compile(r"[,，、;；|]")
_ANONYMOUS = "匿名"
_STATUS = {"4": "处理中", "6": "已回复", "7": "已完成"}
_CUT = ("...", "…")
_CLOSED = (
    "the search of heimao wants a signature and a Weibo login: import an export of complaints with platform `import`, "
    "or read a partner's feed with platform `feed`"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeimaoSettings:
    """Settings that only Heimao knows: none."""


class HeimaoPage(Platform):
    """Parser of Heimao's complaints; its search cannot be asked by a program."""

    name = "heimao"
    hosts = ("tousu.sina.com.cn",)
    prefixes = ("heimao",)
    pace = timedelta(seconds=5)
    floor = timedelta(minutes=1)
    canary = "退款"

    def __init__(self, options: HeimaoSettings | None = None) -> None:
        self._options = options or HeimaoSettings()

    def start(self, source: SourceSettings, now: datetime) -> tuple[Fetch, ...]:
        """Refuse: the search wants a signature and a login."""
        raise SourceError(source.name, _CLOSED)

    def parse(self, endpoint: str, response: Response) -> Parsed:
        """Read one answer of the search; unknown endpoints are an error."""
        away = sent_away(response)
        if away is not None:
            return away
        if endpoint != "heimao.search":
            return Parsed(outcome=FetchOutcome.ERROR, detail=f"unknown endpoint {endpoint[:60]}")
        text = decode_body(response.body, response.headers.get("content-type"))
        if text.lstrip().startswith("<"):
            return _page(text, response)
        body = json_object(text, response)
        if isinstance(body, Parsed):
            return body
        if "result" not in body and _LOGIN_LINK.search(text[:20_000]):
            return Parsed(outcome=FetchOutcome.LOGIN_REQUIRED, detail="sent to a login page")
        return _read_search(body, response)


def _page(text: str, response: Response) -> Parsed:
    if _LOGIN_PAGE.search(text[:20_000]):
        return Parsed(outcome=FetchOutcome.LOGIN_REQUIRED, detail="a login page")
    outcome = status_outcome(response.status, response.headers) or FetchOutcome.PARSE_ERROR
    return Parsed(outcome=outcome, detail=f"HTTP {response.status}, a page instead of JSON")


def _read_search(body: Mapping[str, Any], response: Response) -> Parsed:
    refused = _refusal(obj(body, "result", "status"), response)
    if refused is not None:
        return refused
    answer = obj(body, "result", "data")
    listed, pager = answer.get("lists"), obj(answer, "pager")
    total = parse_number(pager.get("item_count")).value
    if not isinstance(listed, list):
        nothing = "lists" in answer and listed is None and total == 0
        return Parsed(outcome=FetchOutcome.EMPTY if nothing else FetchOutcome.SCHEMA_ERROR, detail="no list in it")
    found = (_post(each, response.now) for each in entries(listed[:MAX_ENTRIES]))
    posts, drops = gather(found, unread=max(len(listed) - MAX_ENTRIES, 0))
    extras = (("total", total),) if total is not None else ()
    if not posts:
        outcome = FetchOutcome.SCHEMA_ERROR if listed else FetchOutcome.EMPTY
        return Parsed(outcome=outcome, drops=drops, extras=extras)
    return Parsed(outcome=FetchOutcome.OK, posts=posts, drops=drops, next=_step(pager), extras=extras)


def _refusal(status: Mapping[str, Any], response: Response) -> Parsed | None:
    """Return what the code or the HTTP status refuses; None = the answer is an answer."""
    by_status = status_outcome(response.status, response.headers)
    code, words = parse_number(status.get("code")), clean_line(text_of(status.get("msg")), 120) or ""
    if by_status is None and (code.value == 0 or "code" not in status):
        return None
    outcome = wording_outcome(words) or by_status or FetchOutcome.ERROR
    return Parsed(outcome=outcome, detail=clean_line(f"code {text_of(status.get('code'))[:20]} {words}", 200) or "")


def _step(pager: Mapping[str, Any]) -> tuple[tuple[str, str | int], ...]:
    here, last = (parse_number(pager.get(name)).value for name in ("current", "page_amount"))
    step = parse_number(pager["next"]).value if "next" in pager else (here or 0) + 1 if here and last else None
    if not step or step <= (here or 0) or (last is not None and step > last):
        return ()
    return (("page", step),)


def _post(entry: Mapping[str, Any], now: datetime) -> Post | None:
    main = obj(entry, "main")
    url = public_link(text_of(main.get("url")), _BASE) if text_of(main.get("url")) else None
    told = _COMPLAINT.search(url or "")
    number = text_of(main.get("sn")) or (told[1] if told else "") or text_of(main.get("id"))
    if not (number.isascii() and number.isdigit()) or len(number) > 20:
        return None
    stamp = parse_cn_time(main.get("timestamp"), now)
    text = html_to_text(text_of(main.get("summary"))).text
    return Post(
        platform="heimao",
        native_id=number,
        kind=Kind.POST,
        title=clean_line(html_to_text(text_of(main.get("title"))).text),
        text=text,
        url=url if told else f"{_BASE}complaint/view/{number}/",
        author=_author(obj(entry, "author")),
        published_at=stamp.at if stamp else None,
        published_precision=stamp.precision if stamp else None,
        published_raw=clean_line(text_of(main.get("timestamp")), 60),
        engagement=engagement(likes=main.get("upvote_amount")),
        tags=_tags(main),
        truncated=text.endswith(_CUT),
        extra=_extra(main),
    )


def _author(author: Mapping[str, Any]) -> Author:
    name = clean_line(html_to_text(text_of(author.get("title"))).text, 100)
    if not name or name.startswith(_ANONYMOUS):
        return Author(name=name)
    return Author(name=name, id=clean_line(text_of(author.get("uid")) or text_of(author.get("id")), 64))


def _tags(main: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what is complained about and what is asked for, in this order, each once."""
    raw = (html_to_text(text_of(main.get(name))).text for name in ("issue", "appeal"))
    parts = (clean_line(part, 64) for text in raw for part in _SEPARATOR.split(text)[:50])
    return tuple(dict.fromkeys(part for part in parts if part))


def _extra(main: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    company = clean_line(html_to_text(text_of(main.get("cotitle"))).text, 200)
    status = _STATUS.get(text_of(main.get("status")))
    return tuple((name, value) for name, value in (("company", company), ("status", status)) if value)


SPEC = Spec(name="heimao", settings=HeimaoSettings, factory=HeimaoPage, title="黑猫投诉")
