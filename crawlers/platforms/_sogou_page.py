"""The result page of Sogou's WeChat search, and the page by which it sends a reader on."""

import re
from datetime import datetime
from urllib.parse import urljoin, urlsplit

from lxml import html as lxml_html

from crawlers.base import Parsed, Response
from crawlers.cn_time import parse_cn_time
from crawlers.number import parse_number
from crawlers.platforms._answer import query_of
from crawlers.platforms._gather import gather
from crawlers.platforms._native import native_of
from crawlers.platforms._wechat_id import hashed_id, is_temporary, other_id
from crawlers.text import clean_line, hashtags, html_to_text
from crawlers.tree import Node
from crawlers.verdict import status_outcome
from domain.mention import Author, Kind, Post
from domain.outcome import FetchOutcome

__all__ = ["read_jump", "read_results"]

_BASE = "https://weixin.sogou.com/weixin"
_CAPTCHA = re.compile(r"请输入验证码|存在异常访问请求|id=[\"']?seccode|antispider(?:\.min)?\.(?:js|css)|/antispider/")
_NOTHING = re.compile(r"暂无与|没有找到|未找到|找不到|没有搜索到|无相关结果|找到约\s*0\s*条")
_TOTAL = re.compile(r"resultbarnum:\s*([\d,]{1,20})|找到约\s*([\d,]{1,20})\s*条")
_EPOCH = re.compile(r"timeConvert\(\s*['\"]?(\d{9,13})")
_PIECE = re.compile(r"""url\s*+\+?=\s*+(?:"([^"\n]*+)"|'([^'\n]*+)')""")
_REPLACED = re.compile(r"""location\.(?:replace\(|href\s*+=|assign\()\s*+["'](https?://[^"'\s]{1,4000})["']""")
_ITEM = "//li[starts-with(@id, 'sogou_vr_11002601_box_')]"
_LAST_PAGE = 10
_MAX_PIECES = 200


def read_results(tree: Node | None, text: str, response: Response) -> Parsed:
    """Read a result page; a captcha is told from a page without results."""
    items = tree.xpath(_ITEM) if tree is not None else []
    by_status = status_outcome(response.status, response.headers)
    if by_status is None and items:
        posts, drops = gather(_result(item, response.now) for item in items)
        if not posts:
            return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, drops=drops, detail="no result can be read")
        total = _total(text)
        return Parsed(
            outcome=FetchOutcome.OK,
            posts=posts,
            drops=drops,
            next=_next(tree, response.url),
            extras=(("total", total),) if total is not None else (),
        )
    if _CAPTCHA.search(text):
        return Parsed(outcome=FetchOutcome.CAPTCHA, detail="Sogou asks for a captcha")
    if by_status is not None or tree is None:
        return Parsed(outcome=by_status or FetchOutcome.PARSE_ERROR, detail=f"HTTP {response.status}, no page")
    listed = tree.xpath("//ul[contains(concat(' ', @class, ' '), ' news-list ')]")
    total = _total(text)
    if total == 0 or _NOTHING.search(html_to_text(text).text) or (listed and not listed[0].xpath(".//li")):
        return Parsed(outcome=FetchOutcome.EMPTY, extras=(("total", 0),) if total == 0 else ())
    return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="neither results nor a note that there are none")


def _total(text: str) -> int | None:
    match = _TOTAL.search(text)
    return parse_number(match[1] or match[2]).value if match else None


def _next(tree: Node, address: str) -> tuple[tuple[str, str | int], ...]:
    found = tree.xpath("//a[@id='sogou_next']/@href")
    if not found:
        return ()
    page = parse_number(query_of(address).get("page", "1")).value or 1
    following = parse_number(query_of(urljoin(_BASE, str(found[0]))).get("page")).value or page + 1
    return (("page", following),) if page < following <= _LAST_PAGE else ()


def _text(item: Node, path: str) -> str | None:
    for node in item.xpath(path)[:3]:
        read = html_to_text(str(lxml_html.tostring(node, encoding="unicode", with_tail=False))).text
        if read:
            return read
    return None


def _result(item: Node, now: datetime) -> Post | None:
    title = clean_line(_text(item, ".//h3//a | .//h3"), 500)
    url = _link(item)
    if not title or url is None:
        return None
    account = clean_line(
        _text(item, ".//*[contains(@class, 'all-time-y2')] | .//a[contains(@class, 'account')]")
        or _text(item, ".//*[contains(concat(' ', @class, ' '), ' s-p ')]/*[self::a or self::span][1]"),
        100,
    )
    native = native_of(url)
    raw = _time(item)
    stamp = parse_cn_time(raw, now)
    text = _text(item, ".//p[contains(@class, 'txt-info')] | .//*[contains(@id, '_summary_')]") or ""
    return Post(
        platform="wechat",
        native_id=(native.native_id if native else None) or hashed_id(account, title),
        kind=Kind.ARTICLE,
        title=title,
        text=text,
        url=native.url if native and native.native_id else url,
        author=Author(name=account),
        outlet=account,
        published_at=stamp.at if stamp else None,
        published_precision=stamp.precision if stamp else None,
        published_raw=clean_line(raw, 60) if stamp else None,
        tags=hashtags(text),
        truncated=True,
        extra=_extra(native.native_id if native else None, url, account, title),
    )


def _extra(native_id: str | None, url: str, account: str | None, title: str) -> tuple[tuple[str, str], ...]:
    if native_id:
        return other_id(native_id, account, title)
    return (("url_is_temporary", "true"),) if is_temporary(url) else ()


def _link(item: Node) -> str | None:
    for href in item.xpath(".//h3//a/@href | .//a[contains(@id, '_img_')]/@href")[:3]:
        try:
            link = urljoin(_BASE, str(href).strip().replace(" ", "%20"))
            host = urlsplit(link).hostname
        except ValueError:
            continue
        if host and link.startswith(("http://", "https://")) and len(link) <= 4_096 and link.isprintable():
            return link
    return None


def _time(item: Node) -> str | None:
    """Return the time as told: the number in a script or an attribute, else what is printed."""
    box = item.xpath(".//*[contains(concat(' ', @class, ' '), ' s-p ')]")
    if not box:
        return None
    scripted = _EPOCH.search(" ".join(str(script) for script in box[0].xpath(".//script/text()")))
    told = scripted[1] if scripted else str(box[0].get("t") or "")
    return told or _text(box[0], ".//*[contains(concat(' ', @class, ' '), ' s2 ')]")


def read_jump(text: str, response: Response) -> Parsed:
    """Read the page behind a result's link: `resolved_url` is the article's address, which expires."""
    location = response.headers.get("location", "")
    pieces = "".join(double or single for double, single in _PIECE.findall(text)[:_MAX_PIECES])
    replaced = _REPLACED.search(text)
    for found in (location, pieces, replaced[1] if replaced else ""):
        target = clean_line(found.replace("@", ""), 4_096)
        if target and _leads_to_article(target):
            return Parsed(outcome=FetchOutcome.OK, extras=(("resolved_url", target),))
    if _CAPTCHA.search(text):
        return Parsed(outcome=FetchOutcome.CAPTCHA, detail="Sogou asks for a captcha")
    by_status = status_outcome(response.status, response.headers)
    if by_status is not None or not text.strip():
        return Parsed(outcome=by_status or FetchOutcome.PARSE_ERROR, detail=f"HTTP {response.status}, no address")
    if "已过期" in text or "已失效" in text:
        return Parsed(outcome=FetchOutcome.EXPIRED_LINK, detail="the link of the result has expired")
    return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="no address of an article in it")


def _leads_to_article(target: str) -> bool:
    try:
        parts = urlsplit(target)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.hostname == "mp.weixin.qq.com"
