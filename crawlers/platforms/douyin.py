"""Douyin: hot list in the open; parsers of its search, works, comments and of the open platform's search."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from config.settings import SourceSettings
from crawlers.base import Fetch, Parsed, Platform, Response, TokenGrant
from crawlers.cn_time import parse_cn_time
from crawlers.decode import decode_body
from crawlers.errors import SourceError
from crawlers.grant import has_key
from crawlers.number import parse_number
from crawlers.platforms._answer import json_object, query_of, sent_away, with_query
from crawlers.platforms._douyin_post import is_deleted, read_comment, read_found, read_work, thread
from crawlers.platforms._gather import MAX_ENTRIES, gather
from crawlers.platforms._wording import wording_outcome
from crawlers.shape import entries, obj, text_of
from crawlers.text import clean_line
from crawlers.verdict import status_outcome
from domain.mention import Trend
from domain.outcome import Drop, FetchOutcome
from domain.spec import Spec

__all__ = ["SPEC", "DouyinPage", "DouyinSettings"]

_HOT = ("https://www.douyin.com/aweme/v1/web/hot/search/list/"
        "?device_platform=webapp&aid=6383&channel=channel_pc_web&detail_list=1")  # fmt: skip
_OPEN = "https://open.douyin.com/dy_open_api/v2/search/video/"
_CHALLENGE = re.compile(r"__ac_nonce|__ac_signature|byted_acrawler")
_CAPTCHA_PAGE = re.compile(r"验证码中间页|secsdk-captcha|verify\.snssdk\.com|rmc\.bytedance\.com/verifycenter")
_HEAD = 20_000
_CODES = {"2483": FetchOutcome.LOGIN_REQUIRED, "8": FetchOutcome.LOGIN_REQUIRED}
_OPEN_CODES = {
    **dict.fromkeys(("28001003", "28001008", "2190002", "2190008"), FetchOutcome.AUTH_FAILED),
    **dict.fromkeys(("28001014", "28001018", "28001019", "2190003", "2190004"), FetchOutcome.AUTH_REQUIRED),
    **dict.fromkeys(("28003017", "2190001"), FetchOutcome.RATE_LIMITED),
    **dict.fromkeys(("28001007", "2100005"), FetchOutcome.BAD_QUERY),
    "2190016": FetchOutcome.ACCOUNT_RESTRICTED,
}
_TOKEN = re.compile(r"token", re.IGNORECASE)
_SCOPE = re.compile(r"权限|授权|scope|能力", re.IGNORECASE)
_INSTEAD = ("ask the open platform with `transport: official` and a token, leave `query` out for the hot list, read an "
            "account or hashtag of a self-hosted RSSHub with platform `rsshub`, or import an export")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class DouyinSettings:
    """Settings that only Douyin knows."""

    device_id: str = "0"
    """Device that the open platform's search asks to be named; any number of your own."""


class DouyinPage(Platform):
    """Addresses and parsers of Douyin."""

    name = "douyin"
    hosts = ("www.douyin.com", "douyin.com", "open.douyin.com")
    token_header = ("access-token", "{}")
    grant = TokenGrant(
        url="https://open.douyin.com/oauth/client_token/",
        form="json",
        id_key="client_key",
        grant_type="client_credential",
        within="data",
        busy=frozenset({"2100004", "2190001", "28003017"}),
    )
    prefixes = ("douyin",)
    pace = timedelta(seconds=5)
    canary = "美食"

    def __init__(self, options: DouyinSettings | None = None) -> None:
        self._options = options or DouyinSettings()

    def start(self, source: SourceSettings, now: datetime) -> tuple[Fetch, ...]:
        """Return the hot list, or with transport `official` one search of the open platform for each word.

        Raises:
            SourceError: words without a key, or a transport without its credential.
        """
        if source.transport == "official":
            return self._official(source)
        if source.query:
            raise SourceError(source.name, f"douyin cannot be searched without a signed browser session: {_INSTEAD}")
        if source.transport not in ("open", "cookie"):
            raise SourceError(source.name, f"douyin has no transport {source.transport[:20]!r}: open, cookie, official")
        if source.transport == "cookie" and not source.cookie:
            raise SourceError(source.name, "transport `cookie` needs `cookie`: open www.douyin.com and copy it")
        return (Fetch(endpoint="douyin.hot", url=_HOT, headers=(("Referer", "https://www.douyin.com/"),)),)

    def searches(self, source: SourceSettings) -> bool:
        """Say whether the source asks for words."""
        return source.transport == "official"

    def _official(self, source: SourceSettings) -> tuple[Fetch, ...]:
        if not has_key(source):
            needed = "`token`, a client token of open.douyin.com, or your application's `client_id` and `client_secret`"
            raise SourceError(source.name, f"transport `official` needs {needed}")
        newest = {"count": 20, "cursor": 0, "sort_type": 2, "publish_time": 7, "device_id": self._options.device_id}
        return tuple(
            Fetch(
                endpoint="douyin.open_search",
                url=f"{_OPEN}?{urlencode({'keyword': word, **newest})}",
                headers=(("Content-Type", "application/json"),),
            )
            for word in source.query
        )

    def following(self, fetch: Fetch, parsed: Parsed) -> Fetch | None:
        """Return the request for the next list page; None = there is none."""
        if not parsed.next:
            return None
        return replace(fetch, url=with_query(fetch.url, **dict(parsed.next)), page=fetch.page + 1)

    def parse(self, endpoint: str, response: Response) -> Parsed:
        """Read one answer of any endpoint; unknown ones are an error."""
        away = sent_away(response)
        if away is not None:
            return away
        read = _READERS.get(endpoint)
        if read is None:
            return Parsed(outcome=FetchOutcome.ERROR, detail=f"unknown endpoint {endpoint[:60]}")
        text = decode_body(response.body, response.headers.get("content-type")).strip()
        wall = _wall(text, response)
        if wall is not None:
            return wall
        body = json_object(text, response)
        if isinstance(body, Parsed):
            return body
        refused = _open_refusal(body, response) if endpoint == "douyin.open_search" else _refusal(body, response)
        return refused if refused is not None else read(body, response)


def _wall(text: str, response: Response) -> Parsed | None:
    """Return what an answer without JSON says: Douyin refuses with an empty body, one word or a page."""
    by_status = status_outcome(response.status, response.headers)
    if not text:
        return Parsed(outcome=by_status or FetchOutcome.SIGNATURE_REJECTED, detail="empty body")
    if text[:20].strip("\"' \n").lower() == "blocked":
        # Other sites' blocks pass by themselves; this one stays until the session is another.
        return Parsed(outcome=FetchOutcome.BLOCKED, detail="body `blocked`", extras=(("retryable", False),))
    if not text.startswith("<"):
        return None
    if _CAPTCHA_PAGE.search(text[:_HEAD]):
        return Parsed(outcome=FetchOutcome.CAPTCHA, detail="captcha page")
    if _CHALLENGE.search(text[:_HEAD]):
        return Parsed(outcome=FetchOutcome.JS_CHALLENGE, detail="script challenge page")
    return Parsed(outcome=by_status or FetchOutcome.PARSE_ERROR, detail="a page instead of JSON")


def _refusal(body: Mapping[str, Any], response: Response) -> Parsed | None:
    """Return what `status_code` or the HTTP status refuses; None = the answer is an answer."""
    code = text_of(body.get("status_code")).strip()[:20]
    words = clean_line(text_of(body.get("status_msg")), 120) or ""
    by_status = status_outcome(response.status, response.headers)
    if code not in ("", "0"):
        outcome = _CODES.get(code) or wording_outcome(words) or by_status or FetchOutcome.ERROR
        return Parsed(outcome=outcome, detail=f"status_code {code} {words}".strip())
    if by_status is not None:
        return Parsed(outcome=wording_outcome(words) or by_status, detail=f"HTTP {response.status} {words}".strip())
    return None


def _open_refusal(body: Mapping[str, Any], response: Response) -> Parsed | None:
    """Return what the open platform refuses; None = the answer is an answer."""
    inner = obj(body, "data")
    codes = (text_of(each).strip() for each in (body.get("err_no"), inner.get("error_code")))
    code = next((each[:20] for each in codes if each not in ("", "0")), "")
    told = text_of(body.get("err_msg")) or text_of(inner.get("description"))
    words = clean_line(told, 120) or ""
    by_status = status_outcome(response.status, response.headers)
    if not code:
        return Parsed(outcome=by_status, detail=words or f"HTTP {response.status}") if by_status is not None else None
    outcome = _OPEN_CODES.get(code) or wording_outcome(words)
    if outcome is None and _TOKEN.search(words):
        outcome = FetchOutcome.AUTH_FAILED
    elif outcome is None and _SCOPE.search(words):
        outcome = FetchOutcome.AUTH_REQUIRED
    return Parsed(outcome=outcome or by_status or FetchOutcome.ERROR, detail=f"err_no {code} {words}".strip())


def _read_search(body: Mapping[str, Any], response: Response) -> Parsed:
    listed = body["data"] if isinstance(body.get("data"), list) else body.get("aweme_list")
    verify = _asks_to_verify(body)
    if not isinstance(listed, list):
        if verify or "search_nil_info" in body:
            return Parsed(outcome=FetchOutcome.CAPTCHA if verify else FetchOutcome.EMPTY, detail=verify)
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="no list of results")
    cards = entries(listed)[:MAX_ENTRIES]
    works = [work for card in cards if (work := _work(card)) and not is_deleted(work)]
    posts, drops = gather((read_work(work, response.now) for work in works), unread=max(len(listed) - MAX_ENTRIES, 0))
    step = _search_step(body)
    if posts:
        return Parsed(outcome=FetchOutcome.OK, posts=posts, drops=drops, next=step)
    if verify:
        return Parsed(outcome=FetchOutcome.CAPTCHA, detail=verify)
    if works or (listed and not cards) or any(text_of(card.get("type")) == "1" and not _work(card) for card in cards):
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, drops=drops, detail="no result can be read")
    return Parsed(outcome=FetchOutcome.EMPTY, next=step)


def _asks_to_verify(body: Mapping[str, Any]) -> str:
    """Return the words by which an answer without results asks for a captcha; empty if it does not."""
    nothing = obj(body, "search_nil_info")
    told = (text_of(nothing.get(name)) for name in ("search_nil_type", "search_nil_item"))
    return "search_nil_type verify_check" if "verify_check" in told else ""


def _work(card: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the work of a card, which may be the first of a mix; empty for accounts and furniture."""
    work = obj(card, "aweme_info")
    if work:
        return work
    mixed = entries(obj(card, "aweme_mix_info").get("mix_items"))
    return mixed[0] if mixed else card if "aweme_id" in card else {}


def _goes_on(body: Mapping[str, Any]) -> bool:
    return body.get("has_more") in (1, True, "1")


def _search_step(body: Mapping[str, Any]) -> tuple[tuple[str, str | int], ...]:
    offset = parse_number(body.get("cursor")).value
    if not _goes_on(body) or offset is None:
        return ()
    told = text_of(obj(body, "extra").get("logid")) or text_of(obj(body, "log_pb").get("impr_id"))
    search = clean_line(told, 100)
    return (("offset", offset), ("search_id", search)) if search else (("offset", offset),)


def _read_detail(body: Mapping[str, Any], response: Response) -> Parsed:
    if "aweme_detail" not in body:
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="aweme_detail is missing")
    work = obj(body, "aweme_detail")
    if not work or is_deleted(work):
        words = clean_line(text_of(obj(body, "filter_detail").get("detail_msg")), 120)
        return Parsed(outcome=FetchOutcome.GONE, detail=words or "the work is deleted or hidden")
    post = read_work(work, response.now)
    if post is None:
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="a work without id")
    return Parsed(outcome=FetchOutcome.OK, posts=(post,))


def _read_comments(body: Mapping[str, Any], response: Response) -> Parsed:
    listed = body.get("comments")
    if listed is None and "comments" in body and not parse_number(body.get("total")).value:
        return Parsed(outcome=FetchOutcome.EMPTY)
    if not isinstance(listed, list):
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="no list of comments")
    query = query_of(response.url)
    work_id = response.context.get("parent_id") or query.get("aweme_id") or query.get("item_id") or ""
    url = response.context.get("parent_url")
    found = [
        read_comment(each, work_id, url, response.now)
        for comment in entries(listed)[:MAX_ENTRIES]
        for each in thread(comment)
    ]
    told = [post for post in found if post is None or post.text]
    posts, drops = gather(told)
    silent = len(found) - len(told)
    drops = (*drops, (Drop.NO_TEXT, silent)) if silent else drops
    cursor = parse_number(body.get("cursor")).value
    step: tuple[tuple[str, str | int], ...] = (("cursor", cursor),) if cursor is not None and _goes_on(body) else ()
    if posts:
        return Parsed(outcome=FetchOutcome.OK, posts=posts, drops=drops, next=step)
    if listed and not silent:
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, drops=drops, detail="no comment can be read")
    return Parsed(outcome=FetchOutcome.EMPTY, drops=drops, next=step)


def _read_open(body: Mapping[str, Any], response: Response) -> Parsed:
    page = obj(body, "data")
    listed = page.get("video_list")
    if not isinstance(listed, list):
        if "video_list" in page and not _goes_on(page):
            return Parsed(outcome=FetchOutcome.EMPTY)
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="data.video_list is missing")
    found = entries(listed)
    posts, drops = gather(
        (read_found(video, response.now) for video in found[:MAX_ENTRIES]), unread=max(len(found) - MAX_ENTRIES, 0)
    )
    if listed and not posts:
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, drops=drops, detail="no result can be read")
    cursor = parse_number(page.get("cursor")).value
    search = clean_line(text_of(page.get("search_id")) or query_of(response.url).get("search_id"), 100)
    step: tuple[tuple[str, str | int], ...] = ()
    if cursor is not None and _goes_on(page):
        step = (("cursor", cursor), ("search_id", search)) if search else (("cursor", cursor),)
    return Parsed(outcome=FetchOutcome.OK if posts else FetchOutcome.EMPTY, posts=posts, drops=drops, next=step)


def _read_hot(body: Mapping[str, Any], response: Response) -> Parsed:
    listed = obj(body, "data").get("word_list", body.get("word_list"))
    if not isinstance(listed, list):
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="data.word_list is missing")
    trends: list[Trend] = []
    for line in entries(listed)[:MAX_ENTRIES]:
        word, heat = clean_line(text_of(line.get("word")), 140), parse_number(line.get("hot_value")).value
        pinned = text_of(line.get("position")) == "0" and not heat
        if not word or pinned or any(line.get(name) in (True, 1, "1") for name in ("is_ad", "is_ads")):
            continue
        stamp = parse_cn_time(line.get("event_time"), response.now)
        sentence = clean_line(text_of(line.get("sentence_id")), 64)
        trends.append(
            Trend(
                rank=len(trends) + 1,
                title=word,
                hot=heat,
                url=f"https://www.douyin.com/hot/{quote(sentence, safe='')}" if sentence else None,
                at=stamp.at if stamp else None,
            )
        )
    if listed and not trends:
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="no line of the list can be read")
    return Parsed(outcome=FetchOutcome.OK if trends else FetchOutcome.EMPTY, trends=tuple(trends))


_READERS: dict[str, Callable[[Mapping[str, Any], Response], Parsed]] = {
    "douyin.web_search": _read_search,
    "douyin.web_search_item": _read_search,
    "douyin.web_detail": _read_detail,
    "douyin.comments": _read_comments,
    "douyin.replies": _read_comments,
    "douyin.hot": _read_hot,
    "douyin.open_search": _read_open,
}

SPEC = Spec(name="douyin", settings=DouyinSettings, factory=DouyinPage, title="抖音")
