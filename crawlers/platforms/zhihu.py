"""Zhihu: hot list in the open; search, pages and comments as others hand them over."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from config.settings import SourceSettings
from crawlers.base import Fetch, Parsed, Platform, Response
from crawlers.decode import decode_body
from crawlers.errors import SourceError
from crawlers.number import parse_number
from crawlers.platforms._answer import json_object, query_of, sent_away
from crawlers.platforms._gather import MAX_ENTRIES, gather
from crawlers.platforms._wording import wording_outcome
from crawlers.platforms._zhihu_post import POST_KINDS, pick, post_url, read_comment, read_post
from crawlers.shape import entries, load_json, obj, text_of
from crawlers.text import clean_line, html_to_text
from crawlers.verdict import status_outcome
from domain.mention import Trend
from domain.outcome import FetchOutcome
from domain.spec import Spec

__all__ = ["SPEC", "ZhihuPage", "ZhihuSettings"]

_HOT = "https://www.zhihu.com/api/v3/feed/topstory/hot-list-web?limit=50&desktop=true"
_ERRORS = {
    40352: FetchOutcome.CAPTCHA,
    **dict.fromkeys((40362, 10001, 10002, 10003), FetchOutcome.SIGNATURE_REJECTED),
}
_MISSING = re.compile(r"不存在|已被?(?:作者)?删除|没有知识存在的荒原")
_CHALLENGE = re.compile(r"<meta\s[^<>]{0,200}zh-zse-ck|<script\s[^<>]{0,300}/zse-ck/")
_CAPTCHA_TITLE = re.compile(r"<title[^<>]{0,100}>\s{0,20}(?:安全验证|验证码|人机验证|百度安全验证)")
_DATA = re.compile(r"""<script\s[^<>]{0,200}\bid=["']?js-initialData\b[^<>]{0,200}>""")
_ENTITIES = {
    "questions": "question",
    "answers": "answer",
    "articles": "article",
    "pins": "pin",
    "zvideos": "zvideo",
}
_COMMENTED = re.compile(r"/comment_v5/(answer|article|zvideo|question|pin)s/(\d{1,30})/")
_THREAD = re.compile(r"/comment_v5/comment/(\d{1,30})/")
_QUESTION = re.compile(r"zhihu\.com/(?:api/v4/)?questions?/(\d{1,30})(?:[/?#]|$)")
_ADVERT = re.compile(r"(?:^|_)ad(?:s|vert\w{0,10})?(?:_|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ZhihuSettings:
    """Settings that only Zhihu knows: none."""


class ZhihuPage(Platform):
    """Addresses and parsers of Zhihu."""

    name = "zhihu"
    hosts = ("zhihu.com", "www.zhihu.com", "zhuanlan.zhihu.com", "api.zhihu.com")
    prefixes = ("zhihu",)
    pace = timedelta(seconds=5)
    floor = timedelta(minutes=1)
    canary = "生活"

    def __init__(self, options: ZhihuSettings | None = None) -> None:
        self._options = options or ZhihuSettings()

    def start(self, source: SourceSettings, now: datetime) -> tuple[Fetch, ...]:
        """Return the hot list, which is all that Zhihu shows without an account."""
        if source.query or source.transport != "open":
            raise SourceError(
                source.name,
                "zhihu cannot be searched without an account: leave `query` and `transport` out for the hot list, "
                "or search zhihu.com with a web-search key, or import",
            )
        return (Fetch(endpoint="zhihu.hot", url=_HOT),)

    def parse(self, endpoint: str, response: Response) -> Parsed:
        """Read one answer of any endpoint; unknown ones are an error."""
        read = _READERS.get(endpoint)
        if read is None:
            return Parsed(outcome=FetchOutcome.ERROR, detail=f"unknown endpoint {endpoint[:60]}")
        parsed = sent_away(response) or _read_answer(read, response)
        # Where nobody has commented, the list of comments is answered with 404.
        if parsed.outcome is FetchOutcome.GONE and response.status == 404 and read is _read_comments:
            return Parsed(outcome=FetchOutcome.EMPTY, detail=parsed.detail)
        return parsed


def _read_answer(read: Callable[[Mapping[str, Any], Response], Parsed], response: Response) -> Parsed:
    text = decode_body(response.body, response.headers.get("content-type")).strip()
    if text.startswith("<"):
        return _read_page(text, response)
    body = json_object(text, response)
    return body if isinstance(body, Parsed) else _refusal(body, response) or read(body, response)


def _refusal(body: Mapping[str, Any], response: Response) -> Parsed | None:
    """Return what `error` or the status refuses; None = the answer is an answer."""
    by_status = status_outcome(response.status, response.headers)
    error = obj(body, "error")
    if not error:
        return Parsed(outcome=by_status, detail=f"HTTP {response.status}") if by_status is not None else None
    code, words = parse_number(error.get("code")).value, clean_line(text_of(error.get("message")), 160) or ""
    return Parsed(outcome=_meaning(error, code, words) or by_status or FetchOutcome.ERROR, detail=f"{code} {words}")


def _meaning(error: Mapping[str, Any], code: int | None, words: str) -> FetchOutcome | None:
    if "/account/unhuman" in text_of(error.get("redirect")):
        return FetchOutcome.CAPTCHA
    if code in _ERRORS:
        return _ERRORS[code]
    if error.get("need_login") is True:
        return FetchOutcome.LOGIN_REQUIRED
    return wording_outcome(words)


def _offset(body: Mapping[str, Any]) -> tuple[tuple[str, str | int], ...]:
    """Return the offset of the next page; nothing at the end of the list."""
    paging = obj(body, "paging")
    offset = query_of(text_of(paging.get("next"))).get("offset", "")[:200]
    if paging.get("is_end") is True or not offset:
        return ()
    return (("offset", int(offset) if offset.isascii() and offset.isdigit() and len(offset) < 19 else offset),)


def _read_search(body: Mapping[str, Any], response: Response) -> Parsed:
    listed = body.get("data")
    if not isinstance(listed, list):
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="no list of results")
    found = [(form, thing) for form, thing in map(_hit, entries(listed)) if form]
    read = (read_post(form, thing, response.now) for form, thing in found[:MAX_ENTRIES])
    posts, drops = gather(read, unread=max(len(found) - MAX_ENTRIES, 0))
    if not posts:
        outcome = FetchOutcome.SCHEMA_ERROR if found or (listed and not entries(listed)) else FetchOutcome.EMPTY
        return Parsed(outcome=outcome, drops=drops)
    return Parsed(outcome=FetchOutcome.OK, posts=posts, drops=drops, next=_offset(body))


def _hit(result: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return form and object of a result; an empty form for boxes, people and advertising."""
    thing = obj(result, "object")
    outer = text_of(result.get("type"))
    form = text_of(thing.get("type")) or outer
    return (form, thing) if form in POST_KINDS and outer in ("search_result", form) else ("", {})


def _read_one(body: Mapping[str, Any], response: Response) -> Parsed:
    form = text_of(body.get("type"))
    post = read_post(form, body, response.now) if form in POST_KINDS else None
    if post is None:
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="no post in it")
    return Parsed(outcome=FetchOutcome.OK, posts=(post,))


def _read_page(page: str, response: Response) -> Parsed:
    """Read a page for people: its posts lie in it as JSON."""
    by_status = status_outcome(response.status, response.headers)
    opened = _DATA.search(page) if by_status is None else None
    if opened is None:
        return _wall(page, by_status, response)
    try:
        state = load_json(page[opened.end() : page.find("</script", opened.end())])
    except ValueError:
        return Parsed(outcome=FetchOutcome.PARSE_ERROR, detail="broken JSON in the page")
    held = obj(state, "initialState", "entities")
    users = obj(held, "users")
    things = [(form, thing) for name, form in _ENTITIES.items() for thing in entries(held.get(name))]
    things = [each for each in things if _is_shown(*each)]
    read = (read_post(form, thing, response.now, users) for form, thing in things[:MAX_ENTRIES])
    posts, drops = gather(read, unread=max(len(things) - MAX_ENTRIES, 0))
    if posts:
        return Parsed(outcome=FetchOutcome.OK, posts=posts, drops=drops)
    return _wall(page, None, response)


def _is_shown(form: str, thing: Mapping[str, Any]) -> bool:
    """Say whether a page shows a post: not a deleted one, nor a question that is only named."""
    if pick(thing, "is_delete", "is_deleted"):
        return False
    return form != "question" or pick(thing, "created", "detail", "answer_count") is not None


def _wall(page: str, by_status: FetchOutcome | None, response: Response) -> Parsed:
    head = page[:20_000]
    if _CHALLENGE.search(head):
        return Parsed(outcome=FetchOutcome.JS_CHALLENGE, detail="zse_ck challenge")
    if _CAPTCHA_TITLE.search(head):
        return Parsed(outcome=FetchOutcome.CAPTCHA, detail="page of a captcha")
    if by_status is not None:
        return Parsed(outcome=by_status, detail=f"HTTP {response.status}")
    if _MISSING.search(html_to_text(head).text[:2_000]):
        return Parsed(outcome=FetchOutcome.GONE, detail="the page says so")
    return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="no posts in the page")


def _read_comments(body: Mapping[str, Any], response: Response) -> Parsed:
    listed = body.get("data")
    if not isinstance(listed, list):
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="no list of comments")
    parent, root, url = _place(response)
    comments = entries(listed)[:MAX_ENTRIES]
    found = (post for each in comments for post in read_comment(each, parent=parent, root=root, url=url,
                                                                now=response.now))  # fmt: skip
    posts, drops = gather(found, unread=max(len(listed) - MAX_ENTRIES, 0))
    if posts:
        return Parsed(outcome=FetchOutcome.OK, posts=posts, drops=drops, next=_offset(body))
    if drops or (listed and not comments):
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, drops=drops)
    told = wording_outcome(text_of(obj(body, "comment_status").get("text")))
    return Parsed(outcome=told if told is FetchOutcome.COMMENTS_CLOSED else FetchOutcome.EMPTY)


def _place(response: Response) -> tuple[str, str, str | None]:
    """Return what a list of comments belongs to: id of the parent, of the thread (or empty), link of the post."""
    post, thread = _COMMENTED.search(response.url), _THREAD.search(response.url)
    above = f"{post[1]}:{post[2]}" if post else response.context.get("parent_id", "")
    root = f"comment:{thread[1]}" if thread else ""
    form, _, number = above.partition(":")
    own = post_url(form, number) if form in POST_KINDS and number.isdigit() else None
    return root or above, root, response.context.get("parent_url") or own


def _read_hot(body: Mapping[str, Any], response: Response) -> Parsed:
    listed = body.get("data")
    if not isinstance(listed, list):
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="no hot list")
    trends: list[Trend] = []
    for line in entries(listed)[:MAX_ENTRIES]:
        target = obj(line, "target")
        title = clean_line(text_of(obj(target, "title_area").get("text")) or text_of(target.get("title")), 200)
        if not title or _ADVERT.search(text_of(line.get("type"))) or target.get("is_ad") is True:
            continue
        heat = text_of(obj(target, "metrics_area").get("text")) or text_of(line.get("detail_text"))
        trends.append(
            Trend(
                rank=len(trends) + 1,
                title=title,
                hot=parse_number(heat or None).value,
                url=_topic(target),
                label=clean_line(text_of(obj(target, "label_area").get("text")), 10),
            )
        )
    if listed and not trends:
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="no line of the hot list can be read")
    return Parsed(outcome=FetchOutcome.OK if trends else FetchOutcome.EMPTY, trends=tuple(trends))


def _topic(target: Mapping[str, Any]) -> str | None:
    link = clean_line(text_of(obj(target, "link").get("url")) or text_of(target.get("url")), 2_048) or ""
    question = _QUESTION.search(link)
    if question:
        return post_url("question", question[1])
    return link if link.startswith(("http://", "https://")) else None


def _read_any(body: Mapping[str, Any], response: Response) -> Parsed:
    if "/comment_v5/" in response.url:
        return _read_comments(body, response)
    if "/hot-list" in response.url:
        return _read_hot(body, response)
    return _read_search(body, response) if "data" in body else _read_one(body, response)


_READERS: dict[str, Callable[[Mapping[str, Any], Response], Parsed]] = {
    "zhihu.any": _read_any,
    "zhihu.search": _read_search,
    "zhihu.question": _read_one,
    "zhihu.answer": _read_one,
    "zhihu.article": _read_one,
    "zhihu.pin": _read_one,
    "zhihu.zvideo": _read_one,
    "zhihu.comments": _read_comments,
    "zhihu.child_comments": _read_comments,
    "zhihu.hot": _read_hot,
}

SPEC = Spec(name="zhihu", settings=ZhihuSettings, factory=ZhihuPage, title="知乎")
