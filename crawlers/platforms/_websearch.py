"""Answers of the web-search APIs of Zhipu and Baidu Qianfan to posts."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from crawlers.base import Parsed, Response
from crawlers.cn_time import parse_cn_time
from crawlers.decode import decode_body
from crawlers.link import public_link
from crawlers.platforms._answer import json_object
from crawlers.platforms._gather import MAX_ENTRIES, gather
from crawlers.platforms._native import Native, native_of
from crawlers.platforms._wechat_id import hashed_id, is_temporary, other_id
from crawlers.shape import entries, obj, text_of
from crawlers.text import clean_line, hashtags, html_to_text
from crawlers.verdict import status_outcome
from domain.ids import bounded_id
from domain.mention import Author, Kind, Post
from domain.outcome import Drop, FetchOutcome

__all__ = ["read_qianfan", "read_zhipu"]

_ZHIPU_ERRORS = {
    **dict.fromkeys(("1000", "1002", "1003", "1004"), FetchOutcome.AUTH_FAILED),
    "1001": FetchOutcome.AUTH_REQUIRED,
    **dict.fromkeys(("1110", "1111", "1112", "1113", "1121", "1220"), FetchOutcome.ACCOUNT_RESTRICTED),
    **dict.fromkeys(("1210", "1211", "1212", "1213", "1214", "1215", "1261", "1301"), FetchOutcome.BAD_QUERY),
    **dict.fromkeys(("1302", "1303", "1304", "1305", "1308", "1701"), FetchOutcome.RATE_LIMITED),
}
_OUTCOME_OF_WORDS = (
    (re.compile(r"rate.?limit|too many requests|qps|quota|limit (?:reached|exceeded)|limit_exceeded|频率|频繁|并发|"
                r"超过.{0,10}(?:限制|上限)|超限|达到?.{0,6}上限|限流"), FetchOutcome.RATE_LIMITED),
    (re.compile(r"欠费|余额|arrears|balance|overdue|locked|冻结|未开通|not opened"), FetchOutcome.ACCOUNT_RESTRICTED),
    (re.compile(r"authorization (?:header )?(?:is )?(?:required|missing|empty)|"
                r"未收到.{0,20}(?:认证|鉴权|auth)"), FetchOutcome.AUTH_REQUIRED),
    (re.compile(r"authenti|authori[sz]|unauthor|api.?key|access.?denied|invalid_(?:appid|iam)|身份验证|鉴权|密钥|"
                r"(?:invalid|expired|access|illegal).{0,20}token\b|token\b.{0,20}(?:invalid|expired|非法|过期|无效)"),
     FetchOutcome.AUTH_FAILED),
    (re.compile(r"invalid|param|argument|参数|敏感|sensitive|unsafe|too long|过长"), FetchOutcome.BAD_QUERY),
)  # fmt: skip
_NO_ERROR = frozenset({"", "0", "200", "success", "ok"})
_CUT = ("…", "...")


@dataclass(frozen=True, slots=True)
class _Form:
    """How one API names what it answers."""

    listed: str
    """Key of the list of results."""
    link: str
    media: str
    date: str


_ZHIPU = _Form("search_result", "link", "media", "publish_date")
_QIANFAN = _Form("references", "url", "website", "date")


def read_zhipu(response: Response) -> Parsed:
    """Read an answer of Zhipu's web search: links, titles and snippets; platforms are known by the link."""
    return _read(response, _ZHIPU)


def read_qianfan(response: Response) -> Parsed:
    """Read an answer of Baidu Qianfan's web search: links, titles and snippets; platforms are known by the link."""
    return _read(response, _QIANFAN)


def _read(response: Response, form: _Form) -> Parsed:
    by_status = status_outcome(response.status, response.headers)
    body = json_object(decode_body(response.body, response.headers.get("content-type")).strip(), response)
    if isinstance(body, Parsed):
        return body
    refused = _refusal(body, by_status, bool(entries(body.get(form.listed))))
    if refused is not None:
        return refused
    listed = body.get(form.listed)
    if listed is None and form.listed in body:
        listed = []
    if not isinstance(listed, list):
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail=f"no list {form.listed}")
    return _results(listed, form, response)


def _results(listed: list[Any], form: _Form, response: Response) -> Parsed:
    results = entries(listed)
    found = (_post(result, form, response) for result in results[:MAX_ENTRIES] if not _is_picture(result))
    posts, drops = gather(found, unread=max(len(results) - MAX_ENTRIES, 0))
    counted = Counter(dict(drops))
    counted[Drop.UNREADABLE] += len(listed) - len(results)
    counted[Drop.NO_TEXT] += sum(1 for result in results[:MAX_ENTRIES] if _is_picture(result))
    outcome = FetchOutcome.OK if posts else FetchOutcome.SCHEMA_ERROR if listed else FetchOutcome.EMPTY
    if not posts and results and all(_is_picture(result) for result in results):
        outcome = FetchOutcome.EMPTY
    return Parsed(outcome=outcome, posts=posts, drops=tuple(each for each in counted.items() if each[1]))


def _is_picture(result: Mapping[str, Any]) -> bool:
    return text_of(result.get("type")) == "image"


def _refusal(body: Mapping[str, Any], by_status: FetchOutcome | None, has_results: bool) -> Parsed | None:
    """Return what an error body means; None if it is none."""
    error = obj(body.get("error")) or body
    code = text_of(error.get("code")) or text_of(body.get("error_code"))
    words = text_of(error.get("message")) or text_of(body.get("error_msg")) or text_of(body.get("error"))
    is_error = bool(body.get("error")) or code.lower() not in _NO_ERROR
    if by_status is None and (has_results or not is_error):
        return None
    told = f"{code} {text_of(error.get('type'))} {words}"[:2_000].lower()
    outcome: FetchOutcome | None = None
    if by_status in (FetchOutcome.RATE_LIMITED, FetchOutcome.IP_BLOCKED):
        outcome = by_status
    elif "error" in body:
        outcome = _ZHIPU_ERRORS.get(code)
    outcome = outcome or next((meant for marks, meant in _OUTCOME_OF_WORDS if marks.search(told)), by_status)
    return Parsed(outcome=outcome or FetchOutcome.ERROR, detail=clean_line(f"{code} {words}", 200) or "refused")


def _post(result: Mapping[str, Any], form: _Form, response: Response) -> Post | None:
    found = text_of(result.get(form.link))
    url = public_link(found)
    if url is None:
        return None
    native = native_of(url)
    title = clean_line(html_to_text(text_of(result.get("title"))).text)
    media = clean_line(html_to_text(text_of(result.get(form.media))).text, 100)
    rich = html_to_text(text_of(result.get("content")), url)
    if not title and not rich.text:
        return None
    printed = text_of(result.get(form.date))
    stamp = parse_cn_time(printed, response.now)
    link = native.url if native else url
    raw = clean_line(found, 2_048)
    return Post(
        platform=native.platform if native else "web",
        native_id=_id(native, url, media, title),
        kind=_kind(native, result),
        title=title,
        text=rich.text,
        url=link,
        raw_url=raw if raw != link else None,
        author=Author(name=media, id=native.author_id if native else None),
        outlet=None if native else media or urlsplit(url).hostname,
        published_at=stamp.at if stamp else None,
        published_precision=stamp.precision if stamp else None,
        published_raw=clean_line(printed, 60),
        tags=hashtags(rich.text),
        links=rich.links,
        truncated=rich.truncated or rich.text.endswith(_CUT),
        extra=_extra(native, media, title),
    )


def _extra(native: Native | None, media: str | None, title: str | None) -> tuple[tuple[str, str], ...]:
    if native is None:
        return ()
    other = other_id(native.native_id, media, title) if native.platform == "wechat" else ()
    return (("platform_of_origin", native.platform), *other)


def _kind(native: Native | None, result: Mapping[str, Any]) -> Kind:
    if native is not None and native.native_id:
        return native.kind
    return Kind.VIDEO if text_of(result.get("type")) == "video" else Kind.ARTICLE


def _id(native: Native | None, url: str, media: str | None, title: str | None) -> str:
    """Return the native id, else the link; a link of WeChat that expires is known by account and title."""
    if native is None or native.native_id:
        return bounded_id(native.native_id if native and native.native_id else url)
    if is_temporary(url) and title:
        return hashed_id(media, title)
    return bounded_id(url)
