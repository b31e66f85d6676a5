"""Bilibili: hot words and popular videos in the open; parsers of search, video, comments and danmaku."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import parse_qs, quote, urlsplit

from config.settings import SourceSettings
from crawlers.base import Fetch, Parsed, Platform, Response
from crawlers.decode import decode_body
from crawlers.errors import SourceError
from crawlers.number import parse_number
from crawlers.platforms._bilibili_danmaku import is_danmaku, read_danmaku
from crawlers.platforms._bilibili_reply import place_of, read_replies, seen
from crawlers.platforms._bilibili_video import listed_entries, read_found, read_video
from crawlers.platforms._gather import MAX_ENTRIES, gather
from crawlers.shape import entries, load_json, obj, text_of
from crawlers.text import clean_line
from crawlers.verdict import status_outcome, url_outcome
from domain.mention import Kind, Post, Trend
from domain.outcome import FetchOutcome
from domain.spec import Spec

__all__ = ["SPEC", "BilibiliPage", "BilibiliSettings"]

_BOARDS = {
    "hotword": ("bilibili.hot", "https://s.search.bilibili.com/main/hotword?limit=30"),
    "popular": ("bilibili.popular", "https://api.bilibili.com/x/web-interface/popular?pn=1&ps=20"),
    "ranking": ("bilibili.popular", "https://api.bilibili.com/x/web-interface/ranking/v2?rid=0&type=all"),
}
_CODES = {
    "-352": FetchOutcome.CAPTCHA,
    "-412": FetchOutcome.IP_BLOCKED,
    "-101": FetchOutcome.LOGIN_REQUIRED,
    **dict.fromkeys(("-404", "62002", "62004"), FetchOutcome.GONE),
    **dict.fromkeys(("12002", "12061"), FetchOutcome.COMMENTS_CLOSED),
    **dict.fromkeys(("-799", "-509"), FetchOutcome.RATE_LIMITED),
    "-400": FetchOutcome.BAD_QUERY,
    "-403": FetchOutcome.BLOCKED,
}
_READ_KINDS = frozenset({"video", "article"})
_ANSWERS = ("result", "replies", "cursor", "bvid", "aid", "list", "wbi_img")
_KEY = re.compile(r"/([0-9a-f]{32})\.[a-z]{3,4}$")
_LAST_PAGE = 50
_NUMBERED = re.compile(r"(av|cv)([1-9][0-9]{0,19})")
_VIDEO = re.compile(r"(BV[0-9A-Za-z]{4,24})|av([1-9][0-9]{0,19})")
_REPLY_TYPES = {"av": 1, "cv": 12}
_BANNED = re.compile("安全风控|request was banned")
_CHALLENGE = re.compile("geetest|验证码|v_voucher")


@dataclass(frozen=True, slots=True, kw_only=True)
class BilibiliSettings:
    """Settings that only Bilibili knows."""

    board: Literal["hotword", "popular", "ranking"] = "hotword"
    """Which open list is read: words that people search for, popular videos, or the ranking of videos."""


class BilibiliPage(Platform):
    """Addresses and parsers of Bilibili."""

    name = "bilibili"
    hosts = ("www.bilibili.com", "api.bilibili.com", "search.bilibili.com", "s.search.bilibili.com")
    prefixes = ("bilibili",)
    pace = timedelta(seconds=5)
    floor = timedelta(minutes=1)
    canary = "音乐"

    def __init__(self, options: BilibiliSettings | None = None) -> None:
        self._board = (options or BilibiliSettings()).board

    def start(self, source: SourceSettings, now: datetime) -> tuple[Fetch, ...]:
        """Return the request for the open list that the settings name; words cannot be searched for."""
        if source.transport != "open":
            raise SourceError(source.name, f"bilibili has no transport {source.transport[:20]!r}: open only")
        if source.query:
            raise SourceError(
                source.name,
                "bilibili searches only with a signature, which is not made here; without `query` it reads a hot list, "
                "and words are found by RSSHub's /bilibili/vsearch as a feed, a web-search key, or an import",
            )
        endpoint, url = _BOARDS[self._board]
        return (Fetch(endpoint=endpoint, url=url),)

    def following(self, fetch: Fetch, parsed: Parsed) -> Fetch | None:
        """Return the request for the next list page; None = there is none."""
        if not parsed.next:
            return None
        names = tuple(f"{name}=" for name, _ in parsed.next)
        address, _, query = fetch.url.partition("?")
        kept = [pair for pair in query.split("&") if pair and not pair.startswith(names)]
        steps = [f"{name}={quote(str(value), safe='')}" for name, value in parsed.next]
        return replace(fetch, url=f"{address}?{'&'.join((*kept, *steps))}", page=fetch.page + 1)

    def comments(self, source: SourceSettings, post: Post) -> Fetch | None:
        """Return the request for the newest comments under a video or an article, by its number.

        It is the address that asks for no signature; a post of which only the BV id is known has none.
        """
        if source.transport != "open" or post.platform != "bilibili" or post.kind is Kind.COMMENT:
            return None
        ids = (post.native_id, *(value for name, value in post.extra if name == "id_alt"))
        found = next((match for each in ids if (match := _NUMBERED.fullmatch(each))), None)
        if found is None:
            return None
        query = f"oid={found[2]}&type={_REPLY_TYPES[found[1]]}&mode=2&next=0&ps=20"
        context = (("parent_id", post.native_id), *((("parent_url", post.url),) if post.url else ()))
        return Fetch(
            endpoint="bilibili.reply", url=f"https://api.bilibili.com/x/v2/reply/main?{query}", context=context
        )

    def reread(self, source: SourceSettings, post: Post) -> Fetch | None:
        """Return the request for one video, by its BV id or its number."""
        found = _VIDEO.fullmatch(post.native_id)
        if source.transport != "open" or post.platform != "bilibili" or post.kind is not Kind.VIDEO or found is None:
            return None
        asked = f"bvid={found[1]}" if found[1] else f"aid={found[2]}"
        return Fetch(endpoint="bilibili.view", url=f"https://api.bilibili.com/x/web-interface/view?{asked}")

    def parse(self, endpoint: str, response: Response) -> Parsed:
        """Read one answer of any endpoint; unknown ones are an error."""
        read = _READERS.get(endpoint)
        if read is None:
            return Parsed(outcome=FetchOutcome.ERROR, detail=f"unknown endpoint {endpoint[:60]}")
        sent = url_outcome(response.url)
        if sent is not None:
            return Parsed(outcome=sent, detail="sent to a login or captcha page")
        text = decode_body(response.body, response.headers.get("content-type")).lstrip()
        # A refused list of danmaku comes as JSON.
        if endpoint == "bilibili.danmaku" and not text.startswith("{"):
            return _read_danmaku(text, response)
        return _read_json(text, response, endpoint)


def _read_danmaku(text: str, response: Response) -> Parsed:
    by_status = status_outcome(response.status, response.headers)
    if by_status is not None or not is_danmaku(text):
        return _no_json(text, by_status)
    lines = read_danmaku(text, response.now)
    if not lines:
        broken = "<d " in text
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR if broken else FetchOutcome.EMPTY)
    return Parsed(outcome=FetchOutcome.OK, extras=(("danmaku", lines),))


def _read_json(text: str, response: Response, endpoint: str) -> Parsed:
    by_status = status_outcome(response.status, response.headers)
    try:
        body = load_json(text)
    except ValueError:
        return _no_json(text, by_status)
    if not isinstance(body, Mapping):
        return Parsed(outcome=by_status or FetchOutcome.SCHEMA_ERROR, detail="no JSON object")
    guest = endpoint == "bilibili.nav" and bool(obj(body, "data", "wbi_img"))
    refused = _refusal(body, by_status, guest=guest)
    return refused if refused is not None else _READERS[endpoint](body, response)


def _no_json(text: str, by_status: FetchOutcome | None) -> Parsed:
    page = text[:20_000]
    if by_status is None and _BANNED.search(page):
        return Parsed(outcome=FetchOutcome.IP_BLOCKED, detail="a page of the risk control")
    if by_status is None and _CHALLENGE.search(page):
        return Parsed(outcome=FetchOutcome.CAPTCHA, detail="a page with a challenge")
    return Parsed(outcome=by_status or FetchOutcome.PARSE_ERROR, detail="not what the endpoint answers with")


def _refusal(body: Mapping[str, Any], by_status: FetchOutcome | None, *, guest: bool) -> Parsed | None:
    """Return what `code`, a lone `v_voucher` or the status refuse; None = the answer is an answer."""
    code, data = text_of(body.get("code")), obj(body, "data")
    detail = clean_line(f"code {code[:20]} {text_of(body.get('message'))}", 200) or ""
    told = None if guest and code == "-101" else _CODES.get(code)
    if told is not None:
        return Parsed(outcome=told, detail=detail)
    if text_of(data.get("v_voucher")) and not any(data.get(name) for name in _ANSWERS):
        return Parsed(outcome=FetchOutcome.CAPTCHA, detail="v_voucher instead of an answer")
    if by_status is not None:
        return Parsed(outcome=by_status, detail=detail)
    if code not in ("", "0") and not guest:
        return Parsed(outcome=FetchOutcome.ERROR, detail=detail)
    return None


def _query(response: Response, name: str) -> str:
    try:
        return parse_qs(urlsplit(response.url).query).get(name, [""])[0]
    except ValueError:
        return ""


def _posts(
    found: Iterable[Post | None], unread: int, next_page: tuple[tuple[str, str | int], ...], *, strange: bool
) -> Parsed:
    """Return an answer of posts; without any it is empty, or `strange` = it held what should be one."""
    posts, drops = gather(found, unread=max(unread, 0))
    if posts:
        return Parsed(outcome=FetchOutcome.OK, posts=posts, drops=drops, next=next_page)
    return Parsed(outcome=FetchOutcome.SCHEMA_ERROR if strange else FetchOutcome.EMPTY, drops=drops)


def _read_search(body: Mapping[str, Any], response: Response) -> Parsed:
    data = obj(body, "data")
    result = data.get("result")
    total, page = parse_number(data.get("numResults")).value, parse_number(data.get("page")).value or 1
    if result is not None and not isinstance(result, list | Mapping):
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="data.result is no list")
    if result is None and (not data.keys() & {"numResults", "numPages", "page", "seid"} or (total and page == 1)):
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="data.result is missing")
    asked = _query(response, "search_type") or "video"
    found = [each for each in listed_entries(result, asked) if each[0] in _READ_KINDS]
    last = min(parse_number(data.get("numPages")).value or 0, _LAST_PAGE)
    step: tuple[tuple[str, str | int], ...] = (("page", page + 1),) if page < last else ()
    read = (read_found(kind, entry, response.now) for kind, entry in found[:MAX_ENTRIES])
    return _posts(read, len(found) - MAX_ENTRIES, step, strange=bool(found))


def _read_view(body: Mapping[str, Any], response: Response) -> Parsed:
    data = obj(body, "data")
    post = read_video(obj(data, "View") or data, response.now)
    if post is None:
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="no video in it")
    return Parsed(outcome=FetchOutcome.OK, posts=(post,))


def _read_popular(body: Mapping[str, Any], response: Response) -> Parsed:
    data = obj(body, "data")
    if not isinstance(data.get("list"), list):
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="data.list is missing")
    found = entries(data["list"])
    page = parse_number(_query(response, "pn") or None).value
    more = page is not None and data.get("no_more") is False
    step: tuple[tuple[str, str | int], ...] = (("pn", page + 1),) if page is not None and more else ()
    read = (read_video(each, response.now) for each in found[:MAX_ENTRIES])
    return _posts(read, len(found) - MAX_ENTRIES, step, strange=bool(data["list"]))


def _read_reply(body: Mapping[str, Any], response: Response) -> Parsed:
    data = obj(body, "data")
    if not isinstance(data.get("replies"), list) and not data.keys() & {"replies", "cursor", "page"}:
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="no list of comments")
    found = seen(data)
    read = read_replies(found[:MAX_ENTRIES], place_of(response))
    visible = any(each.get("invisible") is not True for each in found)
    return _posts(read, len(found) - MAX_ENTRIES, _next_replies(data), strange=visible)


def _next_replies(data: Mapping[str, Any]) -> tuple[tuple[str, str | int], ...]:
    cursor, page = obj(data, "cursor"), obj(data, "page")
    number = parse_number(cursor.get("next")).value
    if number and not cursor.get("is_end"):
        return (("next", number),)
    num, size, count = (parse_number(page.get(name)).value or 0 for name in ("num", "size", "count"))
    return (("pn", num + 1),) if num and num * size < count else ()


def _read_nav(body: Mapping[str, Any], response: Response) -> Parsed:
    image = obj(body, "data", "wbi_img")
    found = [_KEY.search(text_of(image.get(name))[:500]) for name in ("img_url", "sub_url")]
    keys = {name: match[1] for name, match in zip(("img_key", "sub_key"), found, strict=True) if match}
    if len(keys) != 2:
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="no wbi_img in it")
    return Parsed(outcome=FetchOutcome.OK, extras=(("wbi", keys),))


def _read_hot(body: Mapping[str, Any], response: Response) -> Parsed:
    listed = body.get("list", obj(body, "data").get("list"))
    if not isinstance(listed, list):
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="no list of words")
    trends: list[Trend] = []
    for line in entries(listed)[:MAX_ENTRIES]:
        word = clean_line(text_of(line.get("keyword")) or text_of(line.get("show_name")), 140)
        if not word:
            continue
        trends.append(
            Trend(
                rank=len(trends) + 1,
                title=clean_line(text_of(line.get("show_name")), 140) or word,
                hot=parse_number(line.get("heat_score")).value,
                url="https://search.bilibili.com/all?keyword=" + quote(word, safe=""),
                is_ad=text_of(obj(line, "stat_datas").get("is_commercial")) == "1",
            )
        )
    outcome = FetchOutcome.OK if trends else FetchOutcome.SCHEMA_ERROR if listed else FetchOutcome.EMPTY
    return Parsed(outcome=outcome, trends=tuple(trends))


def _read_any(body: Mapping[str, Any], response: Response) -> Parsed:
    """Read an answer by what it holds."""
    data = obj(body, "data")
    for name, read in (("wbi_img", _read_nav), ("result", _read_search), ("cursor", _read_reply), ("stat", _read_view)):
        if name in data:
            return read(body, response)
    return _read_hot(body, response) if "list" in body else _read_popular(body, response)


_READERS: dict[str, Callable[[Mapping[str, Any], Response], Parsed]] = {
    "bilibili.search": _read_search,
    "bilibili.view": _read_view,
    "bilibili.reply": _read_reply,
    "bilibili.danmaku": lambda body, response: Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="no list of danmaku"),
    "bilibili.nav": _read_nav,
    "bilibili.hot": _read_hot,
    "bilibili.popular": _read_popular,
    "bilibili.any": _read_any,
}

SPEC = Spec(name="bilibili", settings=BilibiliSettings, factory=BilibiliPage, title="B站")
