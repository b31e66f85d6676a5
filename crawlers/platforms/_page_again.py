"""The page behind an open-web mention, read again: is it still there? Its text is not taken anew."""

import re

from config.settings import SourceSettings
from crawlers.base import Fetch, Parsed, Response
from crawlers.decode import decode_body
from crawlers.link import public_link
from crawlers.platforms._open_api import http_link
from crawlers.text import clean_line
from crawlers.tree import html_root
from crawlers.verdict import status_outcome, url_outcome
from domain.mention import Kind, Post
from domain.outcome import FetchOutcome

__all__ = ["page_again", "read_page_again"]

_HEAD = 200_000
_TAIL = r"(?:\s{0,5}[-_|–—·].{0,80})?"
_GONE = re.compile(
    r"(?:404(?:\s{0,5}(?:not found|页面))?|(?:page )?not found|"
    r"(?:(?:抱歉|对不起|很抱歉)[,，!！]?\s{0,3})?(?:您?(?:访问|查看|浏览)的)?(?:页面|网页|文章|内容|稿件|新闻|帖子)"
    r"(?:不存在|找不到|走丢了|(?:已经?)?(?:被)?(?:删除|下线|下架))(?:了|或已(?:被)?删除)?)[!！。]?" + _TAIL,
    re.IGNORECASE,
)
_CAPTCHA = re.compile(r"百度安全验证|环境异常|安全验证|人机验证|滑动验证|请完成验证|Just a moment", re.IGNORECASE)
_LOGIN = re.compile(r"(?:用户)?登录" + _TAIL)


def page_again(source: SourceSettings, post: Post, endpoint: str) -> Fetch | None:
    """Return the request for the page of an open-web post; None where the road reads no pages.

    Args:
        source: Over whose road it is asked.
        post: The post.
        endpoint: Endpoint of the platform that reads it with `read_page_again`.
    """
    link = http_link(post.raw_url or post.url)
    if source.transport != "open" or post.platform != "web" or link is None:
        return None
    return Fetch(endpoint=endpoint, url=link)


def read_page_again(response: Response) -> Parsed:
    """Return a bare post where the page stands; gone where the status or the page's title says so."""
    refused = url_outcome(response.url) or status_outcome(response.status, response.headers)
    if refused is not None:
        return Parsed(outcome=refused, detail=f"HTTP {response.status}")
    text = decode_body(response.body[:_HEAD], response.headers.get("content-type"))[:_HEAD]
    tree = html_root(text) if text.strip() else None
    if tree is None:
        return Parsed(outcome=FetchOutcome.PARSE_ERROR, detail="empty page")
    title = clean_line(str(tree.xpath("string(//title)")), 300) or ""
    for pattern, outcome in ((_CAPTCHA, FetchOutcome.CAPTCHA), (_LOGIN, FetchOutcome.LOGIN_REQUIRED),
                             (_GONE, FetchOutcome.GONE)):  # fmt: skip
        if pattern.search(title) if outcome is FetchOutcome.CAPTCHA else pattern.fullmatch(title):
            return Parsed(outcome=outcome, detail=title[:200])
    url = public_link(response.url) or response.url
    post = Post(platform="web", native_id=url, kind=Kind.ARTICLE, title=title or None, text="", url=url)
    return Parsed(outcome=FetchOutcome.OK, posts=(post,))
