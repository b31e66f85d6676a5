"""Weibo: hot list in the open, search and detail with the operator's cookie, official API with a token."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from config.settings import SourceSettings
from crawlers.base import Fetch, Parsed, Platform, Response
from crawlers.cn_time import parse_cn_time
from crawlers.decode import decode_body
from crawlers.errors import SourceError
from crawlers.number import parse_number
from crawlers.platforms._answer import with_query
from crawlers.platforms._weibo_id import permalink
from crawlers.platforms._weibo_page import next_page, read_cards
from crawlers.platforms._weibo_status import read_comment, statuses_with_originals
from crawlers.shape import entries, load_json, obj, text_of
from crawlers.text import clean, clean_line, html_to_text
from crawlers.tree import html_root
from crawlers.verdict import status_outcome, url_outcome
from domain.mention import Kind, Post, Trend
from domain.outcome import FetchOutcome
from domain.spec import Spec
from domain.weibo_id import bid_to_mid

__all__ = ["SPEC", "WeiboPage", "WeiboSettings"]

_EMPTY = re.compile(r"这里还没有内容|还没有人评论|没有更多|暂无数据|未找到")
_CLOSED = re.compile(r"(?:关闭|不能|无法|不允许).{0,6}评论|评论.{0,4}(?:关闭|权限)")
_MISSING = re.compile(r"不存在|已被(?:作者)?删除|已删除|暂无查看权限|没有(?:查看)?权限|不可见")
_MISSING_CODES = frozenset({20101, 20112, 20132, 20135})
_API_ERRORS = {
    **dict.fromkeys((10022, 10023, 10024), FetchOutcome.RATE_LIMITED),
    **dict.fromkeys((10006, 21301, 21325), FetchOutcome.AUTH_REQUIRED),
    **dict.fromkeys((10004, 10013, 10014), FetchOutcome.AUTH_FAILED),
    **dict.fromkeys(range(21314, 21320), FetchOutcome.AUTH_FAILED),
    **dict.fromkeys((21327, 21332, 21335), FetchOutcome.AUTH_FAILED),
    **dict.fromkeys((10008, 10016, 10017, 20012, 20013), FetchOutcome.BAD_QUERY),
}
_VISITOR_CALL = re.compile(r"\(\s*+(?=\{)")
_RENDER_DATA = re.compile(r"\$render_data\s*+=\s*+(?=\[)")
_RENDER_END = re.compile(r"\](?=\s*+\[0\])")
_VISITOR_OK = 20_000_000
_STATUS_ID = re.compile(r"[0-9A-Za-z]{8,20}")
_AJAX = (("X-Requested-With", "XMLHttpRequest"),)
_PAGES_OF_API = 50
_UID = re.compile(r"[0-9]{5,12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class WeiboSettings:
    """Settings that only Weibo knows."""

    via: Literal["m", "s"] = "m"
    """Search of transport `cookie`: `m` = m.weibo.cn, `s` = s.weibo.com, which transport `browser` always asks."""


class WeiboPage(Platform):
    """Addresses and parsers of Weibo."""

    name = "weibo"
    hosts = ("weibo.com", "www.weibo.com", "m.weibo.cn", "s.weibo.com", "c.api.weibo.com", "passport.weibo.com")
    prefixes = ("weibo",)
    token_header = ("Authorization", "OAuth2 {}")
    pace = timedelta(seconds=5)
    floor = timedelta(minutes=1)
    canary = "天气"

    def __init__(self, options: WeiboSettings | None = None) -> None:
        self._via = (options or WeiboSettings()).via

    def searches(self, source: SourceSettings) -> bool:
        """Say whether the source asks for words."""
        return source.transport != "open"

    def start(self, source: SourceSettings, now: datetime) -> tuple[Fetch, ...]:
        """Return the hot list for transport `open`, else one search for each word."""
        if source.transport == "open":
            return (Fetch(endpoint="weibo.hot", url="https://weibo.com/ajax/side/hotSearch", headers=_AJAX),)
        if source.transport in ("cookie", "browser") and not source.cookie:
            problem = f"transport `{source.transport}` needs `cookie`: log in at weibo.com and copy it"
            raise SourceError(source.name, problem)
        if source.transport == "official" and not source.token:
            raise SourceError(source.name, "transport `official` needs `token`: the access token of the commercial API")
        if source.transport not in ("cookie", "official", "browser"):
            roads = "open, cookie, official, browser"
            raise SourceError(source.name, f"weibo has no transport {source.transport[:20]!r}: {roads}")
        return tuple(self._search(source.transport, word) for word in source.query)

    def _search(self, transport: str, word: str) -> Fetch:
        if transport == "official":
            query = urlencode({"q": word, "sort": "time", "count": _PAGES_OF_API, "page": 1})
            return Fetch(endpoint="weibo.c_api", url=f"https://c.api.weibo.com/2/search/statuses/limited.json?{query}")
        if self._via == "s" or transport == "browser":
            return Fetch(endpoint="weibo.s_search", url=f"https://s.weibo.com/weibo?q={quote(word)}&typeall=1&suball=1")
        container = quote(f"100103type=61&q={word}&t=0", safe="")
        return Fetch(
            endpoint="weibo.m_search",
            url=f"https://m.weibo.cn/api/container/getIndex?containerid={container}&page_type=searchall&page=1",
            headers=(
                *_AJAX,
                ("MWeibo-Pwa", "1"),
                ("Referer", f"https://m.weibo.cn/p/searchall?containerid={container}"),
            ),
        )

    def following(self, fetch: Fetch, parsed: Parsed) -> Fetch | None:
        """Return the request for the next list page; None = there is none."""
        step = dict(parsed.next)
        if "url" in step:
            return replace(fetch, url=str(step["url"]), page=fetch.page + 1)
        if "max_id" in step:
            return replace(fetch, url=with_query(fetch.url, **step), page=fetch.page + 1)
        if "page" not in step:
            return None
        address, _, query = fetch.url.partition("?")
        kept = [pair for pair in query.split("&") if pair and not pair.startswith("page=")]
        query = "&".join((*kept, f"page={step['page']}"))
        return replace(fetch, url=f"{address}?{query}", page=fetch.page + 1)

    def detail(self, source: SourceSettings, post: Post) -> Fetch | None:
        """Return the request for the full text of a truncated post; None = it cannot be had."""
        if source.transport != "cookie" or not post.truncated or not post.url:
            return None
        bid = post.url.rstrip("/").rpartition("/")[2]
        url = f"https://weibo.com/ajax/statuses/longtext?id={bid}"
        return Fetch(endpoint="weibo.ajax_longtext", url=url, headers=_AJAX)

    def timeline(self, source: SourceSettings, platform: str, account: str) -> Fetch | None:
        """Return the request for the newest posts of an account, by its uid; it needs the operator's cookie."""
        if source.transport != "cookie" or platform != "weibo" or not _UID.fullmatch(account):
            return None
        query = f"uid={account}&page=1&hasori=1&hasret=1&hastext=1&haspic=1&hasvideo=1"
        url = f"https://weibo.com/ajax/statuses/searchProfile?{query}"
        return Fetch(endpoint="weibo.search_profile", url=url, headers=_AJAX)

    def comments(self, source: SourceSettings, post: Post) -> Fetch | None:
        """Return the request for the first comments under a post, on the site that the source searches."""
        mid = post.native_id if post.native_id.isdigit() else bid_to_mid(post.native_id)
        if source.transport != "cookie" or post.platform != "weibo" or post.kind is Kind.COMMENT or not mid:
            return None
        context = (("parent_id", mid), *((("parent_url", post.url),) if post.url else ()))
        if self._via == "m":
            url = f"https://m.weibo.cn/comments/hotflow?id={mid}&mid={mid}&max_id_type=0"
            headers = (*_AJAX, ("Referer", f"https://m.weibo.cn/detail/{mid}"))
            return Fetch(endpoint="weibo.hotflow", url=url, headers=headers, context=context)
        query = f"is_reload=1&id={mid}&is_show_bulletin=2&is_mix=0&count=20"
        url = f"https://weibo.com/ajax/statuses/buildComments?{query}"
        return Fetch(endpoint="weibo.build_comments", url=url, headers=_AJAX, context=context)

    def reread(self, source: SourceSettings, post: Post) -> Fetch | None:
        """Return the request for one status, which only the operator's cookie shows."""
        if source.transport != "cookie" or post.platform != "weibo" or post.kind is Kind.COMMENT:
            return None
        if not _STATUS_ID.fullmatch(post.native_id):
            return None
        url = f"https://weibo.com/ajax/statuses/show?id={post.native_id}&locale=zh-CN"
        return Fetch(endpoint="weibo.ajax_show", url=url, headers=_AJAX)

    def parse(self, endpoint: str, response: Response) -> Parsed:
        """Read one answer of any endpoint; unknown ones are an error."""
        sent = url_outcome(response.url) if endpoint != "weibo.visitor" else None
        if sent is not None:
            return Parsed(outcome=sent, detail="sent to a login or captcha page")
        text = decode_body(response.body, response.headers.get("content-type"))
        if "Sina Visitor System" in text[:4_000]:
            return Parsed(outcome=FetchOutcome.LOGIN_REQUIRED, detail="Sina Visitor System")
        read = _READERS.get(endpoint)
        if read is None:
            return Parsed(outcome=FetchOutcome.ERROR, detail=f"unknown endpoint {endpoint[:60]}")
        if endpoint == "weibo.s_search":
            return _read_search_page(text, response)
        if endpoint == "weibo.visitor":
            text = _argument(text)
        elif endpoint == "weibo.m_detail":
            text = _render_data(text)
        return _read_json(text, response, read)


def _argument(script: str) -> str:
    """Return the object that a script hands to its callback; empty if it calls none."""
    called = script.rstrip().removesuffix(";").rstrip()
    opened = _VISITOR_CALL.search(called)
    return called[opened.end() : -1].rstrip() if opened and called.endswith(")") else ""


def _render_data(page: str) -> str:
    """Return the list that a page's script keeps as `$render_data`; empty if there is none."""
    opened = _RENDER_DATA.search(page)
    closed = _RENDER_END.search(page, opened.end()) if opened else None
    return page[opened.end() : closed.end()] if opened and closed else ""


def _read_json(text: str, response: Response, read: Callable[[Any, Response], Parsed]) -> Parsed:
    by_status = status_outcome(response.status, response.headers)
    try:
        body = load_json(text)
    except ValueError:
        if by_status is not None:
            return Parsed(outcome=by_status, detail=f"HTTP {response.status}")
        return Parsed(outcome=FetchOutcome.PARSE_ERROR, detail="no JSON")
    body = body[0] if isinstance(body, list) and body else body
    if not isinstance(body, Mapping):
        return Parsed(outcome=by_status or FetchOutcome.SCHEMA_ERROR, detail="no JSON object")
    refused = _refusal(body, by_status)
    return refused if refused is not None else read(body, response)


def _refusal(body: Mapping[str, Any], by_status: FetchOutcome | None) -> Parsed | None:
    """Return what `ok`, `error_code` or the status refuse; None = the answer is an answer."""
    ok, words = body.get("ok"), clean_line(text_of(body.get("msg")) or text_of(body.get("message")), 120) or ""
    if text_of(ok) == "-100" or text_of(body.get("errno")) == "-100":
        captcha = "captcha" in text_of(body.get("url")).lower()
        return Parsed(outcome=FetchOutcome.CAPTCHA if captcha else FetchOutcome.LOGIN_REQUIRED, detail="ok:-100")
    code = parse_number(body.get("error_code")).value
    if code in _MISSING_CODES or (text_of(ok) == "0" and _MISSING.search(words)):
        return Parsed(outcome=FetchOutcome.GONE, detail=words or f"error {code}")
    if code:
        outcome = _API_ERRORS.get(code, by_status or FetchOutcome.ERROR)
        return Parsed(
            outcome=outcome, detail=clean_line(f"error {code} {text_of(body.get('error'))} {words}", 200) or ""
        )
    if by_status is not None:
        return Parsed(outcome=by_status, detail=words)
    if text_of(ok) == "0":
        closed, empty = _CLOSED.search(words), _EMPTY.search(words)
        outcome = FetchOutcome.COMMENTS_CLOSED if closed else FetchOutcome.EMPTY if empty else FetchOutcome.ERROR
        return Parsed(outcome=outcome, detail=words)
    return None


def _read_search(body: Mapping[str, Any], response: Response) -> Parsed:
    cards = obj(body, "data").get("cards")
    if not isinstance(cards, list | Mapping):
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="data.cards is missing")
    found: list[Mapping[str, Any]] = []
    for card in entries(cards):
        for each in (card, *entries(card.get("card_group"))):
            if text_of(each.get("card_type")) == "9":
                found.append(obj(each, "mblog"))
    if found and not any(found):
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="cards of type 9 without mblog")
    posts, drops = statuses_with_originals([status for status in found if status], response.now)
    if not posts:
        return Parsed(outcome=FetchOutcome.EMPTY, drops=drops)
    page = parse_number(obj(body, "data", "cardlistInfo").get("page")).value
    return Parsed(outcome=FetchOutcome.OK, posts=posts, drops=drops, next=(("page", page),) if page else ())


def _read_search_page(text: str, response: Response) -> Parsed:
    by_status = status_outcome(response.status, response.headers)
    tree = html_root(text) if by_status is None and text.strip() else None
    if tree is None:
        return Parsed(outcome=by_status or FetchOutcome.PARSE_ERROR, detail=f"HTTP {response.status}, no page")
    if tree.xpath("//div[contains(@class, 'card-no-result')]"):
        return Parsed(outcome=FetchOutcome.EMPTY)
    posts = read_cards(tree, response.now)
    if not posts:
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="neither cards nor a no-result card")
    following = next_page(tree)
    return Parsed(outcome=FetchOutcome.OK, posts=posts, next=(("url", following),) if following else ())


def _read_status(body: Mapping[str, Any], response: Response) -> Parsed:
    status = obj(body, "data") or obj(body, "status") or body
    if not ("text" in status or "text_raw" in status):
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="no status in it")
    posts, _ = statuses_with_originals([status], response.now)
    return Parsed(outcome=FetchOutcome.OK if posts else FetchOutcome.GONE, posts=posts)


def _read_statuses(body: Mapping[str, Any], response: Response) -> Parsed:
    listed = body.get("statuses", obj(body, "data").get("list", obj(body, "data").get("statuses", body.get("data"))))
    if not isinstance(listed, list):
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="no list of statuses")
    posts, drops = statuses_with_originals(entries(listed), response.now)
    if not posts:
        return Parsed(outcome=FetchOutcome.EMPTY if not listed else FetchOutcome.SCHEMA_ERROR, drops=drops)
    query = parse_qs(urlsplit(response.url).query)
    page, count = (parse_number(query.get(name, ["1"])[0]).value or 1 for name in ("page", "count"))
    total = parse_number(body.get("total_number")).value or 0
    more = "statuses" in body and "count" in query and total > page * count
    return Parsed(outcome=FetchOutcome.OK, posts=posts, drops=drops, next=(("page", page + 1),) if more else ())


def _read_longtext(body: Mapping[str, Any], response: Response) -> Parsed:
    content = obj(body, "data").get("longTextContent", body.get("longTextContent"))
    if not isinstance(content, str) or not content:
        return Parsed(outcome=FetchOutcome.EMPTY, detail="no long text")
    for link in entries(obj(body, "data").get("url_struct")):
        short = text_of(link.get("short_url"))
        content = content.replace(short, text_of(link.get("url_title")) or "网页链接") if short else content
    text = html_to_text(content).text if "</" in content or "<br" in content else clean(content)
    return Parsed(outcome=FetchOutcome.OK, extras=(("long_text", text),))


def _read_visitor(body: Mapping[str, Any], response: Response) -> Parsed:
    sub, subp = text_of(obj(body, "data").get("sub")), text_of(obj(body, "data").get("subp"))
    if parse_number(body.get("retcode")).value != _VISITOR_OK:
        return Parsed(outcome=FetchOutcome.ERROR, detail=f"retcode {text_of(body.get('retcode'))[:20]}")
    if not sub:
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="no visitor in it")
    return Parsed(outcome=FetchOutcome.OK, extras=(("visitor", {"SUB": sub, "SUBP": subp}),))


def _read_comments(body: Mapping[str, Any], response: Response) -> Parsed:
    page = obj(body, "data") or body
    listed = page.get("data")
    if not isinstance(listed, list):
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="no list of comments")
    query = parse_qs(urlsplit(response.url).query)
    post_id = response.context.get("parent_id") or query.get("mid", query.get("id", [""]))[0]
    owner = text_of(obj(page, "status", "user").get("id")) or query.get("uid", [""])[0]
    url = response.context.get("parent_url") or permalink(owner, "", post_id)
    posts: dict[str, Post] = {}
    for comment in entries(listed):
        for post in _thread(comment, post_id, url, response.now):
            posts.setdefault(post.native_id, post)
    if not posts:
        return Parsed(outcome=FetchOutcome.EMPTY if not listed else FetchOutcome.SCHEMA_ERROR)
    last = parse_number(page.get("max_id")).value
    kind = parse_number(page.get("max_id_type")).value or 0
    step = (("max_id", last), ("max_id_type", kind)) if last else ()
    return Parsed(outcome=FetchOutcome.OK, posts=tuple(posts.values()), next=step)


def _thread(comment: Mapping[str, Any], post_id: str, url: str | None, now: datetime) -> list[Post]:
    top = read_comment(comment, parent=post_id, root=None, url=url, now=now)
    if top is None:
        return []
    posts = [top]
    for reply in entries(comment.get("comments")):
        parent = text_of(reply.get("reply_id")) or text_of(obj(reply, "reply_comment").get("id")) or top.native_id
        post = read_comment(reply, parent=parent, root=top.native_id, url=url, now=now)
        if post is not None:
            posts.append(post)
    return posts


def _read_hot(body: Mapping[str, Any], response: Response) -> Parsed:
    listed = obj(body, "data").get("realtime")
    if not isinstance(listed, list):
        return Parsed(outcome=FetchOutcome.SCHEMA_ERROR, detail="data.realtime is missing")
    trends: list[Trend] = []
    for line in entries(listed):
        word = clean_line(text_of(line.get("word")) or text_of(line.get("note")), 140)
        if not word or text_of(line.get("is_ad")) == "1" or line.get("is_ad") is True or line.get("topic_ad"):
            continue
        heat = parse_number(line.get("num")).value
        stamp = parse_cn_time(line.get("onboard_time"), response.now)
        words = clean_line(text_of(line.get("word_scheme")), 140) or word
        trends.append(
            Trend(
                rank=len(trends) + 1,
                title=word,
                hot=heat if heat is not None else parse_number(line.get("raw_hot")).value,
                url="https://s.weibo.com/weibo?q=" + quote(words, safe=""),
                at=stamp.at if stamp else None,
                label=clean_line(text_of(line.get("label_name")), 10),
            )
        )
    return Parsed(outcome=FetchOutcome.OK if trends else FetchOutcome.EMPTY, trends=tuple(trends))


def _unused(body: Mapping[str, Any], response: Response) -> Parsed:
    raise NotImplementedError


_READERS: dict[str, Callable[[Any, Response], Parsed]] = {
    "weibo.m_search": _read_search,
    "weibo.s_search": _unused,
    "weibo.visitor": _read_visitor,
    "weibo.ajax_show": _read_status,
    "weibo.m_show": _read_status,
    "weibo.m_detail": _read_status,
    "weibo.ajax_longtext": _read_longtext,
    "weibo.search_profile": _read_statuses,
    "weibo.c_api": _read_statuses,
    "weibo.hotflow": _read_comments,
    "weibo.build_comments": _read_comments,
    "weibo.hot": _read_hot,
}

SPEC = Spec(name="weibo", settings=WeiboSettings, factory=WeiboPage, title="微博")
