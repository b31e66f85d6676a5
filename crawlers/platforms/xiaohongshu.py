"""Xiaohongshu: the page of a note with the operator's cookie; parsers of search, notes and comments for imports."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from config.settings import SourceSettings
from crawlers.base import Fetch, Parsed, Platform, Response
from crawlers.decode import decode_body
from crawlers.errors import SourceError
from crawlers.number import parse_number
from crawlers.platforms._gather import MAX_ENTRIES, gather
from crawlers.platforms._xiaohongshu_note import is_id, note_link, read_comments, read_note
from crawlers.shape import entries, load_json, obj, text_of
from crawlers.text import clean_line
from crawlers.verdict import status_outcome, url_outcome
from domain.mention import Kind, Post
from domain.outcome import FetchOutcome
from domain.spec import Spec

__all__ = ["SPEC", "XiaohongshuPage", "XiaohongshuSettings"]

_CODES = {
    "300011": FetchOutcome.ACCOUNT_RESTRICTED,
    "300012": FetchOutcome.IP_BLOCKED,
    "300013": FetchOutcome.RATE_LIMITED,
    "300015": FetchOutcome.SIGNATURE_REJECTED,
    "-100": FetchOutcome.LOGIN_REQUIRED,
    "-101": FetchOutcome.LOGIN_REQUIRED,
    "-104": FetchOutcome.ACCOUNT_RESTRICTED,
    "-510000": FetchOutcome.GONE,
    "-510001": FetchOutcome.GONE,
}
_STATE = re.compile(r"window\.__INITIAL_STATE__\s*+=\s*+(?=\{)")
# A string, which stays as it is, or the one word of the page's script that JSON does not know.
_STRING_OR_UNDEFINED = re.compile(r'"(?:[^"\\]++|\\.?)*+(?:"|\Z)|\bundefined\b', re.DOTALL)
_NOTE_PATH = re.compile(r"^/(?:explore|discovery/item)/([0-9A-Za-z]{8,40})/?$")
_CHALLENGE = re.compile("请完成验证|安全验证|滑块|website-login/captcha|verifyUuid")
_LOGIN = re.compile("login-container|登录后查看|扫码登录")
_MISSING = re.compile("不存在|已被?(?:作者)?删除|不见了")


@dataclass(frozen=True, slots=True, kw_only=True)
class XiaohongshuSettings:
    """Settings that only Xiaohongshu knows: none."""


class XiaohongshuPage(Platform):
    """Addresses and parsers of Xiaohongshu."""

    name = "xiaohongshu"
    hosts = ("www.xiaohongshu.com", "edith.xiaohongshu.com")
    prefixes = ("xhs",)
    pace = timedelta(seconds=10)
    floor = timedelta(minutes=2)
    canary = "穿搭"

    def __init__(self, options: XiaohongshuSettings | None = None) -> None:
        pass

    def start(self, source: SourceSettings, now: datetime) -> tuple[Fetch, ...]:
        """Return the request for the page of one note, with the operator's cookie; nothing else can be asked."""
        note_id, token = _note_of(source.url or "")
        if source.transport not in ("cookie", "browser") or source.query or not note_id:
            raise SourceError(
                source.name,
                "xiaohongshu searches only with a login and a signature, which is not made here; import an export, or "
                "read RSSHub's /xiaohongshu/user/:id/notes as a feed; transport `cookie` or `browser` reads one note, "
                "`url`",
            )
        if not source.cookie:
            problem = f"transport `{source.transport}` needs `cookie`: log in at xiaohongshu.com and copy it"
            raise SourceError(source.name, problem)
        if not token:
            raise SourceError(source.name, "`url` needs its xsec_token: copy the whole link of the note")
        return (Fetch(endpoint="xhs.explore", url=note_link(note_id, token)),)

    def reread(self, source: SourceSettings, post: Post) -> Fetch | None:
        """Return the request for the page of one note, which opens with a cookie and the token of its link."""
        if source.transport not in ("cookie", "browser") or post.platform != "xiaohongshu" or post.kind is Kind.COMMENT:
            return None
        links = (_note_of(link) for link in (post.url, post.raw_url) if link)
        note_id, token = next(((each, token) for each, token in links if each == post.native_id and token), ("", ""))
        return Fetch(endpoint="xhs.explore", url=note_link(note_id, token)) if note_id else None

    def parse(self, endpoint: str, response: Response) -> Parsed:
        """Read one answer of any endpoint; unknown ones are an error."""
        if endpoint != "xhs.explore" and endpoint not in _READERS:
            return Parsed(outcome=FetchOutcome.ERROR, detail=f"unknown endpoint {endpoint[:60]}")
        sent = _sent(response.url) or url_outcome(response.url)
        if sent is not None:
            return Parsed(outcome=sent, detail="sent to another page than was asked for")
        if response.status in (461, 471):  # the body may say success
            return Parsed(outcome=FetchOutcome.CAPTCHA, detail=f"HTTP {response.status}")
        text = decode_body(response.body, response.headers.get("content-type"))
        if endpoint == "xhs.explore":
            return _read_page(text, response)
        return _read_json(text, response, _READERS[endpoint])


def _split(url: str) -> tuple[str, dict[str, list[str]]]:
    try:
        parts = urlsplit(url)
        return parts.path, parse_qs(parts.query)
    except ValueError:
        return "", {}


def _note_of(url: str) -> tuple[str, str]:
    """Return id and token that the link of a note holds; empty where it has none."""
    path, query = _split(url)
    match = _NOTE_PATH.match(path)
    return match[1] if match else "", query.get("xsec_token", [""])[0]


def _sent(url: str) -> FetchOutcome | None:
    """Return what an address that we were sent to means; None = nothing by itself."""
    path, query = _split(url)
    told = _CODES.get(query.get("error_code", [""])[0])
    if told is not None:
        return told
    if path.startswith("/website-login"):
        return FetchOutcome.CAPTCHA if "captcha" in path else FetchOutcome.BLOCKED
    if path.rstrip("/") == "/login":
        return FetchOutcome.LOGIN_REQUIRED
    return FetchOutcome.BLOCKED if path.startswith("/404/sec_") else None


def _by_status(response: Response) -> FetchOutcome | None:
    if response.status == 406:
        return FetchOutcome.SIGNATURE_REJECTED
    return status_outcome(response.status, response.headers)


def _read_json(text: str, response: Response, read: Callable[[Mapping[str, Any], Response], Parsed]) -> Parsed:
    by_status = _by_status(response)
    try:
        body = load_json(text)
    except ValueError:
        wall = by_status or (FetchOutcome.CAPTCHA if _CHALLENGE.search(text[:20_000]) else FetchOutcome.PARSE_ERROR)
        return Parsed(outcome=wall, detail=f"HTTP {response.status}, no JSON")
    if not isinstance(body, Mapping):
        return Parsed(outcome=by_status or FetchOutcome.SCHEMA_ERROR, detail="no JSON object")
    code = text_of(body.get("code"))
    detail = clean_line(f"code {code[:20]} {text_of(body.get('msg'))}", 200) or ""
    refused = _CODES.get(code) or by_status
    if refused is not None:
        return Parsed(outcome=refused, detail=detail)
    if body.get("success") is False or code not in ("", "0"):
        return Parsed(outcome=FetchOutcome.ERROR, detail=detail)
    return read(body, response)


def _posts(
    found: Iterable[Post | None], unread: int, step: tuple[tuple[str, str | int], ...], *, strange: bool
) -> Parsed:
    """Return an answer of posts; without any it is empty, or `strange` = it held what should be one."""
    posts, drops = gather(found, unread=max(unread, 0))
    if posts:
        return Parsed(outcome=FetchOutcome.OK, posts=posts, drops=drops, next=step)
    return Parsed(outcome=FetchOutcome.SCHEMA_ERROR if strange else FetchOutcome.EMPTY, drops=drops)


def _notes(body: Mapping[str, Any], response: Response, *, listed: bool) -> Parsed:
    data = obj(body, "data")
    items = data.get("items")
    if not isinstance(items, list) and not (items is None and data.get("has_more") is False):
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="data.items is missing")
    found = [item for item in entries(items) if text_of(item.get("model_type")) == "note"]
    page = parse_number(response.context.get("page")).value or _asked_page(response.url)
    step: tuple[tuple[str, str | int], ...] = (("page", page + 1),) if listed and data.get("has_more") is True else ()
    read = (
        read_note(
            obj(item, "note_card"),
            note_id=text_of(item.get("id")),
            token=text_of(item.get("xsec_token")) or text_of(obj(item, "note_card").get("xsec_token")),
            now=response.now,
            listed=listed,
        )
        for item in found[:MAX_ENTRIES]
        if obj(item, "note_card")
    )
    return _posts(read, len(found) - MAX_ENTRIES, step, strange=bool(found))


def _asked_page(url: str) -> int:
    return parse_number(_split(url)[1].get("page", ["1"])[0]).value or 1


def _read_search(body: Mapping[str, Any], response: Response) -> Parsed:
    return _notes(body, response, listed=True)


def _read_feed(body: Mapping[str, Any], response: Response) -> Parsed:
    return _notes(body, response, listed=False)


def _read_comments(body: Mapping[str, Any], response: Response) -> Parsed:
    data = obj(body, "data")
    listed = data.get("comments")
    if not isinstance(listed, list):
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="data.comments is missing")
    query = _split(response.url)[1]
    asked, root = (query.get(name, [""])[0] for name in ("note_id", "root_comment_id"))
    found = entries(listed)
    read = read_comments(
        found[:MAX_ENTRIES],
        note_id=response.context.get("parent_id") or (asked if is_id(asked) else ""),
        root_id=root if is_id(root) else "",
        now=response.now,
    )
    cursor = text_of(data.get("cursor"))[:500]
    step: tuple[tuple[str, str | int], ...] = (("cursor", cursor),) if cursor and data.get("has_more") is True else ()
    return _posts(read, len(found) - MAX_ENTRIES, step, strange=bool(listed))


def _read_page(text: str, response: Response) -> Parsed:
    by_status = _by_status(response)
    if by_status is not None:
        return Parsed(outcome=by_status, detail=f"HTTP {response.status}")
    state = _state(text)
    if state is None:
        return _wall(text)
    notes = _notes_of(state, *_note_of(response.url))
    read = (
        read_note(note, note_id=note_id, token=token, now=response.now, listed=False) for note_id, token, note in notes
    )
    posts, drops = gather(read)
    if posts:
        return Parsed(outcome=FetchOutcome.OK, posts=posts, drops=drops)
    if notes:
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="a note without an id", drops=drops)
    return _no_note(state, text)


def _state(text: str) -> Mapping[str, Any] | None:
    """Return the state that a page's script begins with; None if there is none to be read."""
    opened = _STATE.search(text)
    if opened is None:
        return None
    end = text.find("</script", opened.end())
    script = text[opened.end() : end if end >= 0 else len(text)]
    source = _STRING_OR_UNDEFINED.sub(lambda match: "null" if match[0] == "undefined" else match[0], script)
    try:
        try:
            state = load_json(source)
        except json.JSONDecodeError as err:  # further script behind the state
            state = load_json(source[: err.pos])
    except ValueError:
        return None
    return state if isinstance(state, Mapping) else None


def _notes_of(state: Mapping[str, Any], note_id: str, token: str) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Return (id, token, note) of the note that was asked for, in either layout; else of all that are there."""
    pages = obj(state, "note", "noteDetailMap")
    found = [(key, obj(page, "note")) for key, page in pages.items()]
    found += [(note_id, obj(state, "noteData", "data", "noteData"))]
    notes = [(text_of(note.get("noteId")) or key, note) for key, note in found if note]
    chosen = [each for each in notes if each[0] == note_id] or notes
    return [(key, text_of(note.get("xsecToken")) or (token if key == note_id else ""), note) for key, note in chosen]


def _no_note(state: Mapping[str, Any], text: str) -> Parsed:
    """Return why a page with a state has no note: it tells a code, or wants a login."""
    asked = obj(state, "note", "serverRequestInfo")
    code, words = text_of(asked.get("errorCode")), clean_line(text_of(asked.get("errMsg")), 200) or ""
    if code in _CODES:
        return Parsed(outcome=_CODES[code], detail=clean_line(f"code {code} {words}", 200) or "")
    if _MISSING.search(words):
        return Parsed(outcome=FetchOutcome.GONE, detail=words)
    if "noteDetailMap" in obj(state, "note") or "noteData" in state or _LOGIN.search(text):
        return Parsed(outcome=FetchOutcome.LOGIN_REQUIRED, detail="a page without its note")
    return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="no place for a note in it")


def _wall(text: str) -> Parsed:
    if _CHALLENGE.search(text):
        return Parsed(outcome=FetchOutcome.CAPTCHA, detail="a page with a challenge")
    if _LOGIN.search(text):
        return Parsed(outcome=FetchOutcome.LOGIN_REQUIRED, detail="a page that wants a login")
    return Parsed(outcome=FetchOutcome.PARSE_ERROR, detail="no state of the page in it")


_READERS: dict[str, Callable[[Mapping[str, Any], Response], Parsed]] = {
    "xhs.search": _read_search,
    "xhs.feed": _read_feed,
    "xhs.comments": _read_comments,
}

SPEC = Spec(name="xiaohongshu", settings=XiaohongshuSettings, factory=XiaohongshuPage, title="小红书")
