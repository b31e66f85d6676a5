"""An article page of mp.weixin.qq.com: the article, or the reason why there is none."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from lxml import html as lxml_html

from crawlers.base import Parsed, Response
from crawlers.cn_time import parse_cn_time
from crawlers.link import public_link
from crawlers.platforms._native import native_of
from crawlers.platforms._wechat_id import hashed_id, is_temporary, other_id
from crawlers.platforms._wechat_script import script_values, unescape
from crawlers.text import Rich, at_names, clean, clean_line, hashtags, html_to_text
from crawlers.tree import Node
from crawlers.verdict import status_outcome
from domain.mention import Author, Kind, Post
from domain.outcome import FetchOutcome

__all__ = ["read_article"]

_BASE = "https://mp.weixin.qq.com/"
_STATES = (
    (re.compile(r"环境异常|完成验证后"), FetchOutcome.CAPTCHA),
    (re.compile(r"访问过于频繁|操作频繁|操作过于频繁"), FetchOutcome.RATE_LIMITED),
    (re.compile(r"链接已(?:过期|失效)|已过期"), FetchOutcome.EXPIRED_LINK),
    (re.compile(r"已被.{0,12}删除|已删除|违规|侵权|投诉|涉嫌|屏蔽|封禁|注销|冻结|停止使用|已迁移|帐号迁移|账号迁移|"
                r"不存在|发送失败|无法查看"), FetchOutcome.GONE),
    (re.compile(r"请在微信客户端打开|请使用微信扫描|请先登录"), FetchOutcome.LOGIN_REQUIRED),
    (re.compile(r"参数错误"), FetchOutcome.BAD_QUERY),
)  # fmt: skip
_CAPTCHA_MARK = re.compile(r"secitptpage|wappoc_appmsgcaptcha")
_NOTICES = (
    "//*[contains(@class, 'weui-msg') or contains(@class, 'weui_msg') or contains(@class, 'page_msg') "
    "or contains(@class, 'global_error_msg') or contains(@class, 'mesg-block')]"
)
_WORDED = frozenset({"8", "10", "17"})
"""Kinds of message whose text is not in the page's body but in its description."""
_MAX_NOTICE = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """An article page before it is read."""

    tree: Node
    meta: Mapping[str, str]
    values: Mapping[str, str]
    content: Rich


def read_article(tree: Node | None, text: str, response: Response) -> Parsed:
    """Read an article page; each state of WeChat has an outcome of its own."""
    by_status = status_outcome(response.status, response.headers)
    if tree is None:
        empty = "empty page" if not text.strip() else "no page"
        return Parsed(outcome=by_status or FetchOutcome.PARSE_ERROR, detail=empty)
    page = _Page(
        tree=tree,
        meta=_meta(tree),
        values=script_values(str(script) for script in tree.xpath("//script/text()")),
        content=_content(tree),
    )
    if by_status is None:
        post = _article(page, response)
        if post is not None:
            told = (("long_text", post.text),) if post.text else ()
            return Parsed(outcome=FetchOutcome.OK, posts=(post,), extras=told)
    return _state(page, text, by_status)


def _state(page: _Page, text: str, by_status: FetchOutcome | None) -> Parsed:
    """Return why there is no article, from the notice or from all that the page shows."""
    notice = _words(page.tree.xpath(_NOTICES)[:5])
    words = notice or _words(page.tree.xpath("//body")[:1])
    line = clean_line(words, 200) or ""
    outcome = _meaning(words)
    if outcome is None and _CAPTCHA_MARK.search(text):
        outcome = FetchOutcome.CAPTCHA
    if outcome is None:
        outcome = by_status or (FetchOutcome.ERROR if notice else FetchOutcome.SCHEMA_ERROR)
    return Parsed(outcome=outcome, detail=line or "a page without article")


def _words(nodes: list[Node]) -> str:
    return clean(" ".join(html_to_text(_markup(node)).text for node in nodes))[:_MAX_NOTICE]


def _meaning(words: str) -> FetchOutcome | None:
    return next((outcome for pattern, outcome in _STATES if pattern.search(words)), None)


def _article(page: _Page, response: Response) -> Post | None:
    title = _title(page)
    text, links = _text(page)
    if not (title or text) or not _is_article(page, text):
        return None
    account = _account(page)
    native_id, url = _identity(page, account, title or text[:60], response.url)
    printed = _published(page, response.now)
    stamp = parse_cn_time(printed, response.now)
    return Post(
        platform="wechat",
        native_id=native_id,
        kind=Kind.ARTICLE,
        title=title,
        text=text,
        url=url,
        author=Author(name=account, id=clean_line(page.values.get("user_name"), 64)),
        outlet=account,
        published_at=stamp.at if stamp else None,
        published_precision=stamp.precision if stamp else None,
        published_raw=clean_line(printed, 60) if stamp else None,
        tags=hashtags(text),
        at_users=at_names(text),
        links=links,
        extra=_extra(page, url) + other_id(native_id, account, title),
    )


def _is_article(page: _Page, text: str) -> bool:
    """Say whether a page with a title is an article: a notice has neither text of its own nor numbers."""
    if page.content.text or page.tree.xpath("//*[@id='js_content' or @id='activity-name']"):
        return True
    numbered = bool(page.values.get("biz")) and bool(page.values.get("mid") or page.values.get("appmsgid"))
    noticed = _meaning(_words(page.tree.xpath(_NOTICES)[:5]))
    return noticed is None and (numbered or bool(text and _account(page)))


def _markup(node: Node) -> str:
    return str(lxml_html.tostring(node, encoding="unicode", with_tail=False))


def _content(tree: Node) -> Rich:
    found = tree.xpath("//*[@id='js_content']")
    return html_to_text(_markup(found[0]), _BASE) if found else Rich(text="")


def _meta(tree: Node) -> dict[str, str]:
    found: dict[str, str] = {}
    for node in tree.xpath("//meta[@content]")[:100]:
        name = node.get("property") or node.get("name")
        if name and node.get("content").strip():
            found.setdefault(name.lower(), node.get("content"))
    return found


def _line(raw: str | None, limit: int) -> str | None:
    return clean_line(html_to_text(unescape(raw)).text, limit) if raw else None


def _by_id(tree: Node, name: str) -> str | None:
    found = tree.xpath("//*[@id=$name]", name=name)
    return clean_line(found[0].text_content(), 500) if found else None


def _title(page: _Page) -> str | None:
    told = (page.meta.get("og:title"), page.meta.get("twitter:title"), page.values.get("msg_title"))
    written = _by_id(page.tree, "activity-name")
    return written or next((line for raw in told if (line := _line(raw, 500))), None)


def _account(page: _Page) -> str | None:
    told = (page.values.get("nickname"), page.values.get("nick_name"))
    written = _by_id(page.tree, "js_name")
    return written[:100] if written else next((line for raw in told if (line := _line(raw, 100))), None)


def _text(page: _Page) -> tuple[str, tuple[str, ...]]:
    """Return the text with its links: of the body, or of the description where the kind has no body."""
    described = html_to_text(unescape(page.meta.get("description") or page.meta.get("og:description") or "")).text
    coded = html_to_text(page.values.get("content_noencode", ""), _BASE)
    if page.values.get("item_show_type") in _WORDED:
        text = described or coded.text or page.content.text
        return text, coded.links or page.content.links
    whole = page.content if page.content.text else coded
    return (whole.text, whole.links) if whole.text else (described, ())


def _published(page: _Page, now: datetime) -> str | None:
    told = (page.values.get(name) for name in ("ct", "ori_create_time", "createTime", "create_time", "publish_time"))
    return next((raw for raw in (*told, _by_id(page.tree, "publish_time")) if raw and parse_cn_time(raw, now)), None)


def _identity(page: _Page, account: str | None, title: str, address: str) -> tuple[str, str]:
    """Return id and permanent link: of the numbers in the page, else of any link to itself."""
    values = page.values
    place = values.get("idx") or values.get("itemidx") or "1"
    numbers = f"__biz={values.get('biz', '')}&mid={values.get('mid') or values.get('appmsgid', '')}&idx={place}"
    made = f"{_BASE}s?{numbers}&sn={values.get('sn', '')}"
    links = (made, values.get("msg_link", ""), page.meta.get("og:url", ""), address)
    found = [native for link in links if (native := native_of(link)) and native.native_id]
    short = _short_link(address) or _short_link(page.meta.get("og:url", ""))
    if not found:
        return hashed_id(account, title), short or public_link(address) or _BASE
    whole = next((native.url for native in found if "&sn=" in native.url), None)
    return found[0].native_id or "", whole or short or found[0].url


def _short_link(link: str) -> str | None:
    address = public_link(link)
    if address is None:
        return None
    parts = urlsplit(address)
    if parts.hostname != "mp.weixin.qq.com" or not re.fullmatch(r"/s/[0-9A-Za-z_-]{10,64}", parts.path):
        return None
    return f"https://mp.weixin.qq.com{parts.path}"


def _extra(page: _Page, url: str) -> tuple[tuple[str, str], ...]:
    source = public_link(page.values.get("msg_source_url", ""))
    told = (
        ("byline", _line(page.meta.get("author"), 100)),
        ("source_url", source),
        ("url_is_temporary", "true" if is_temporary(url) else None),
    )
    return tuple((name, value) for name, value in told if value)
