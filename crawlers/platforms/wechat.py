"""WeChat accounts: search at Sogou until it asks for a captcha, and article pages."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import quote, urlsplit

from config.settings import SourceSettings
from crawlers.base import Fetch, Parsed, Platform, Response
from crawlers.decode import decode_body
from crawlers.errors import SourceError
from crawlers.platforms._answer import sent_away, with_query
from crawlers.platforms._sogou_page import read_jump, read_results
from crawlers.platforms._wechat_article import read_article
from crawlers.platforms._wechat_id import is_temporary
from crawlers.tree import html_root
from domain.mention import Post
from domain.outcome import FetchOutcome
from domain.spec import Spec

__all__ = ["SPEC", "WechatPage", "WechatSettings"]

_ARTICLES = "mp.weixin.qq.com"
_SOGOU = "weixin.sogou.com"
_WITHIN = {"any": "", "day": "1", "week": "2", "month": "3", "year": "4"}
_INSTEAD = ("read your own account feed (wechat2rss, WeRSS or a self-hosted RSSHub) with platform `feed`, "
            "or import what a web-search key finds on mp.weixin.qq.com")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class WechatSettings:
    """Settings that only WeChat knows."""

    within: Literal["any", "day", "week", "month", "year"] = "week"
    """How old an article may be that the search gives."""


class WechatPage(Platform):
    """Addresses and parsers of WeChat articles and of Sogou's search for them."""

    name = "wechat"
    hosts = (_SOGOU, _ARTICLES)
    prefixes = ("wechat",)
    pace = timedelta(seconds=10)
    floor = timedelta(minutes=5)
    canary = "天气"

    def __init__(self, options: WechatSettings | None = None) -> None:
        self._within = (options or WechatSettings()).within

    def start(self, source: SourceSettings, now: datetime) -> tuple[Fetch, ...]:
        """Return the article at the source's url, else one search at Sogou for each word."""
        if source.transport not in ("open", "browser"):
            raise SourceError(
                source.name, f"wechat has no transport {source.transport[:20]!r}: open, browser, or {_INSTEAD}"
            )
        if source.url:
            if _host(source.url) != _ARTICLES:
                raise SourceError(source.name, f"`url` of wechat is an article of {_ARTICLES}; {_INSTEAD}")
            return (Fetch(endpoint="wechat.mp_article", url=source.url),)
        if not source.query:
            raise SourceError(source.name, f"wechat needs `query`, words to search at Sogou; or {_INSTEAD}")
        return tuple(Fetch(endpoint="wechat.sogou_search", url=self._search(word)) for word in source.query)

    def _search(self, word: str) -> str:
        within = f"&tsn={_WITHIN[self._within]}" if _WITHIN[self._within] else ""
        return f"https://weixin.sogou.com/weixin?type=2&query={quote(word, safe='')}&ie=utf8{within}&page=1"

    def searches(self, source: SourceSettings) -> bool:
        """Say whether the source asks for words."""
        return not source.url

    def following(self, fetch: Fetch, parsed: Parsed) -> Fetch | None:
        """Return the request for the next result page, or for the article that a jump leads to; None = none."""
        target = dict(parsed.extras).get("resolved_url")
        if fetch.endpoint == "wechat.sogou_link":
            return _article(target) if isinstance(target, str) else None
        step = dict(parsed.next)
        if "page" not in step:
            return None
        return replace(fetch, url=with_query(fetch.url, page=step["page"]), page=fetch.page + 1)

    def detail(self, source: SourceSettings, post: Post) -> Fetch | None:
        """Return the request for the article of a result, or for the jump page of Sogou that leads to it."""
        if not post.truncated or not post.url:
            return None
        if _host(post.url) == _SOGOU:
            return Fetch(endpoint="wechat.sogou_link", url=post.url)
        return _article(post.url) if _host(post.url) == _ARTICLES else None

    def reread(self, source: SourceSettings, post: Post) -> Fetch | None:
        """Return the request for an article by its lasting link."""
        if source.transport != "open" or post.platform != "wechat" or not post.url or is_temporary(post.url):
            return None
        return _article(post.url) if _host(post.url) == _ARTICLES else None

    def parse(self, endpoint: str, response: Response) -> Parsed:
        """Read one answer of any endpoint; unknown ones are an error."""
        away = sent_away(response)
        if away is not None:
            return away
        text = decode_body(response.body, response.headers.get("content-type"))
        if endpoint == "wechat.sogou_link" and _host(response.url) != _ARTICLES:
            return read_jump(text, response)
        tree = html_root(text) if text.strip() else None
        if endpoint == "wechat.sogou_search":
            return read_results(tree, text, response)
        if endpoint in ("wechat.mp_article", "wechat.sogou_link"):  # a jump may have led on by itself
            return read_article(tree, text, response)
        return Parsed(outcome=FetchOutcome.ERROR, detail=f"unknown endpoint {endpoint[:60]}")


def _article(url: str) -> Fetch:
    return Fetch(endpoint="wechat.mp_article", url=url.replace("http://", "https://", 1))


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


SPEC = Spec(name="wechat", settings=WechatSettings, factory=WechatPage, title="微信公众号")
