"""Kuaishou: hot rank of the home page in the open; parsers of its search, videos and comments."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from config.settings import SourceSettings
from crawlers.base import Fetch, Parsed, Platform, Response
from crawlers.decode import decode_body
from crawlers.errors import SourceError
from crawlers.platforms._answer import json_object, query_of, sent_away
from crawlers.platforms._gather import MAX_ENTRIES, gather
from crawlers.platforms._kuaishou_hot import hot_rank, page_state
from crawlers.platforms._kuaishou_post import Video, read_thread, read_video, video_link
from crawlers.platforms._wording import wording_outcome
from crawlers.shape import entries, obj, text_of
from crawlers.text import clean_line
from crawlers.verdict import status_outcome
from domain.outcome import Drop, FetchOutcome
from domain.spec import Spec

__all__ = ["SPEC", "KuaishouPage", "KuaishouSettings"]

_ENDPOINTS = frozenset({"graphql_search", "rest_search", "detail", "comments", "any"})
_CODES = {
    "2": FetchOutcome.RATE_LIMITED,
    "50": FetchOutcome.SIGNATURE_REJECTED,
    "109": FetchOutcome.LOGIN_REQUIRED,
    "2001": FetchOutcome.CAPTCHA,
    "400002": FetchOutcome.CAPTCHA,
}
_CAPTCHA_PAGE = re.compile(r"captcha\.zt\.kuaishou\.com|/rest/zt/captcha/")
_HEAD = 20_000
_INSTEAD = ("leave `query` out for the hot rank, read an account of a self-hosted RSSHub with platform `rsshub`, "
            "or import what a partner or a web-search key finds")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class KuaishouSettings:
    """Settings that only Kuaishou knows: none."""


class KuaishouPage(Platform):
    """Addresses and parsers of Kuaishou."""

    name = "kuaishou"
    hosts = ("www.kuaishou.com",)
    prefixes = ("kuaishou",)
    pace = timedelta(seconds=3)
    floor = timedelta(minutes=2)

    def __init__(self, options: KuaishouSettings | None = None) -> None:
        self._options = options or KuaishouSettings()

    def start(self, source: SourceSettings, now: datetime) -> tuple[Fetch, ...]:
        """Return the page with the hot rank; words cannot be asked for."""
        if source.query:
            raise SourceError(source.name, f"kuaishou cannot be searched without a signature: {_INSTEAD}")
        if source.transport not in ("open", "browser"):
            raise SourceError(source.name, f"kuaishou has no transport {source.transport[:20]!r}: open, browser")
        return (Fetch(endpoint="kuaishou.hot", url="https://www.kuaishou.com/?isHome=1"),)

    def parse(self, endpoint: str, response: Response) -> Parsed:
        """Read one answer; `kuaishou.any` is told by its shape, unknown endpoints are an error."""
        away = sent_away(response)
        if away is not None:
            return away
        text = decode_body(response.body, response.headers.get("content-type")).strip()
        kind = endpoint.partition(".")[2]
        if kind == "hot":
            return _read_home(text, response)
        if kind not in _ENDPOINTS:
            return Parsed(outcome=FetchOutcome.ERROR, detail=f"unknown endpoint {endpoint[:60]}")
        if text.startswith("<") and _CAPTCHA_PAGE.search(text[:_HEAD]):
            return Parsed(outcome=FetchOutcome.CAPTCHA, detail="captcha page")
        body = json_object(text, response)
        if isinstance(body, Parsed):
            return body
        refused = _refusal(body, response)
        return refused if refused is not None else _read(kind, body, response)


def _levels(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the objects that may hold a result code: the answer, its data, and each operation in it."""
    data = obj(body, "data")
    return [body, data, *entries(data)[:20]]


def _refusal(body: Mapping[str, Any], response: Response) -> Parsed | None:
    """Return what a result code, a captcha or the HTTP status refuses; None = the answer is an answer."""
    levels = _levels(body)
    by_status = status_outcome(response.status, response.headers)
    words = next((told for each in levels if (told := clean_line(text_of(each.get("error_msg")), 120))), "")
    codes = (text_of(each.get("result")).strip()[:20] for each in levels)
    code = next((each for each in codes if each not in ("", "1")), "")
    captcha = any(each.get("captchaConfig") or obj(each, "captcha") for each in levels[:2])
    if code or captcha:
        outcome = _CODES.get(code) or (FetchOutcome.CAPTCHA if captcha else wording_outcome(words) or by_status)
        detail = f"result {code} {words}" if code else f"captcha {words}"
        return Parsed(outcome=outcome or FetchOutcome.ERROR, detail=detail.strip())
    if by_status is not None:
        return Parsed(outcome=by_status, detail=f"HTTP {response.status} {words}".strip())
    return None


def _read(kind: str, body: Mapping[str, Any], response: Response) -> Parsed:
    levels = _levels(body)
    told = obj(body, "data", "visionVideoDetail")
    if kind in ("detail", "any") and "visionVideoDetail" in obj(body, "data"):
        return _read_detail(told, response)
    if kind in ("comments", "any"):
        page = next((each for each in levels if "rootCommentsV2" in each or "rootComments" in each), None)
        if page is not None:
            return _read_comments(page, response)
    if kind in ("graphql_search", "rest_search", "any"):
        page = next((each for each in levels if "feeds" in each), None)
        if page is not None:
            return _read_feeds(page, response)
    errors = entries(body.get("errors"))
    words = clean_line(text_of(errors[0].get("message")), 120) if errors else None
    return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail=words or "neither videos nor comments in it")


def _cursor(raw: object) -> str | None:
    """Return where the next page begins; None at the end."""
    cursor = clean_line(text_of(raw), 200)
    return cursor if cursor and cursor != "no_more" else None


def _read_feeds(page: Mapping[str, Any], response: Response) -> Parsed:
    listed, cursor = page.get("feeds"), _cursor(page.get("pcursor"))
    if listed is None and cursor is None:
        return Parsed(outcome=FetchOutcome.EMPTY)
    if not isinstance(listed, list):
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="no list of videos")
    videos = [feed for feed in entries(listed) if obj(feed, "photo")]
    posts, drops = gather(
        (read_video(feed, response.now) for feed in videos[:MAX_ENTRIES]), unread=max(len(videos) - MAX_ENTRIES, 0)
    )
    if listed and not posts:
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, drops=drops, detail="no video can be read")
    if not posts:
        return Parsed(outcome=FetchOutcome.EMPTY)
    session = clean_line(text_of(page.get("searchSessionId")), 200)
    step: tuple[tuple[str, str | int], ...] = ()
    if cursor:
        step = (("pcursor", cursor), ("searchSessionId", session)) if session else (("pcursor", cursor),)
    return Parsed(outcome=FetchOutcome.OK, posts=posts, drops=drops, next=step)


def _read_detail(video: Mapping[str, Any], response: Response) -> Parsed:
    if not obj(video, "photo"):
        return Parsed(outcome=FetchOutcome.GONE, detail="the video is deleted or hidden")
    post = read_video(video, response.now)
    if post is None:
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="a video without id")
    return Parsed(outcome=FetchOutcome.OK, posts=(post,))


def _video_of(page: Mapping[str, Any], response: Response) -> Video | None:
    """Return the video that a page of comments belongs to; None if nobody says which."""
    told = response.context.get("parent_id") or text_of(page.get("photoId")) or query_of(response.url).get("photoId")
    link = response.context.get("parent_url") or video_link(told or "")
    return Video(told, link) if told and link else None


def _read_comments(page: Mapping[str, Any], response: Response) -> Parsed:
    listed = page.get("rootCommentsV2", page.get("rootComments"))
    cursor = _cursor(page.get("pcursorV2", page.get("pcursor")))
    if listed is None and cursor is None:
        return Parsed(outcome=FetchOutcome.EMPTY)
    if not isinstance(listed, list):
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="no list of comments")
    video = _video_of(page, response)
    if listed and video is None:
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="comments of which nobody says the video")
    comments = entries(listed)[:MAX_ENTRIES] if video is not None else []
    found = [post for each in comments if video is not None for post in read_thread(each, video, response.now)]
    told = [post for post in found if post is None or post.text]
    posts, drops = gather(told)
    silent = len(found) - len(told)
    drops = (*drops, (Drop.NO_TEXT, silent)) if silent else drops
    step: tuple[tuple[str, str | int], ...] = (("pcursor", cursor),) if cursor else ()
    if posts:
        return Parsed(outcome=FetchOutcome.OK, posts=posts, drops=drops, next=step)
    if listed and not silent:
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, drops=drops, detail="no comment can be read")
    return Parsed(outcome=FetchOutcome.EMPTY, drops=drops, next=step)


def _read_home(text: str, response: Response) -> Parsed:
    by_status = status_outcome(response.status, response.headers)
    state = page_state(text) if by_status is None else None
    trends = hot_rank(state) if state is not None else None
    if trends is not None:
        return Parsed(outcome=FetchOutcome.OK if trends else FetchOutcome.EMPTY, trends=trends)
    if text.startswith("{"):
        body = json_object(text, response)
        refused = body if isinstance(body, Parsed) else _refusal(body, response)
        return refused or Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="JSON instead of the home page")
    if _CAPTCHA_PAGE.search(text[:_HEAD]):
        return Parsed(outcome=FetchOutcome.CAPTCHA, detail="captcha page")
    if by_status is not None or not text:
        return Parsed(outcome=by_status or FetchOutcome.PARSE_ERROR, detail=f"HTTP {response.status}, no page")
    return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="a page without hot rank")


SPEC = Spec(name="kuaishou", settings=KuaishouSettings, factory=KuaishouPage, title="快手")
