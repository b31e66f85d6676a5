"""How each platform of the farm shows what was published: newest first, with its own paging."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import partial
from typing import Any

from domain.moment import SHANGHAI
from tests.crawlers.visiting import article
from tests.farm.plan import Post
from tests.hostile.cases import NOTE, good

__all__ = ["PAGES", "Ask", "Page"]

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_BOARD = 50


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One request, as a page sees it."""

    path: str
    """Path."""
    query: Mapping[str, str]
    """Its query, first value each."""
    posts: Sequence[Post]
    """What is published and matches, newest first; empty = nothing."""
    now: datetime
    """When it is asked, UTC."""
    base: str
    """Scheme, host and port of the site."""
    whole: bool = True
    """False = a field has vanished from the layout."""

    def number(self, name: str, default: int) -> int:
        """Return a number of the query."""
        told = self.query.get(name, "")
        return int(told) if told.isdigit() else default


@dataclass(frozen=True, kw_only=True)
class Page:
    """What is answered."""

    body: str
    """The body."""
    headers: Mapping[str, str] | None = None
    """Headers, besides the date."""


def _text(post: Post) -> str:
    return f"云杉咖啡的门店在排队，记一笔 {post.token} 供参考"


def _dump(value: object) -> Page:
    return Page(body=json.dumps(value, ensure_ascii=False))


def _epoch(post: Post) -> int:
    return int(post.at.timestamp())


def _weibo(ask: Ask) -> Page:
    page = ask.number("page", 1)
    shown = ask.posts[10 * (page - 1) : 10 * page]
    if not shown:
        return _dump({"ok": 0, "msg": "这里还没有内容", "data": {"cards": []}})
    cards = [{"card_type": 9, "mblog": _mblog(post)} for post in shown]
    more = page + 1 if len(ask.posts) > 10 * page else None
    return _dump({"ok": 1, "data": {"cardlistInfo": {"page": more, "total": 1000}, "cards": cards}})


def _mblog(post: Post) -> dict[str, Any]:
    local = post.at.astimezone(SHANGHAI)
    mid = str(((_epoch(post) - 515_483_463) << 22) + post.number % 1000 + 1000 * post.line)
    return {
        "id": mid, "mid": mid, "text": _text(post), "isLongText": False, "reposts_count": 1, "comments_count": 0,
        "attitudes_count": 3, "user": {"id": 7_000 + post.number, "screen_name": f"路人{post.number}"},
        "created_at": f"{_DAYS[local.weekday()]} {_MONTHS[local.month - 1]} {local:%d %H:%M:%S} +0800 {local.year}",
    }  # fmt: skip


def _weibo_hot(ask: Ask) -> Page:
    lines = [{"word": _text(post), "num": 900 - n, "realpos": n + 1} for n, post in enumerate(ask.posts[:_BOARD])]
    return _dump({"ok": 1, "data": {"realtime": lines}})


def _board(platform: str, ask: Ask) -> Page:
    return Page(body=good(platform, *map(_text, ask.posts[:_BOARD])))


def _douyin_open(ask: Ask) -> Page:
    start = ask.number("cursor", 0)
    shown = ask.posts[start : start + 20]
    videos = [
        {"item_id": f"76{post.line:02}{post.number:012}", "title": _text(post), "create_time": _epoch(post),
         "nickname": "路人", "link": "", "statistics": {"digg_count": 3}}
        for post in shown
    ]  # fmt: skip
    more = len(ask.posts) > start + 20
    return _dump({"err_no": 0, "err_msg": "", "data": {"cursor": start + 20, "has_more": more, "video_list": videos}})


def _v2ex(ask: Ask) -> Page:
    return _dump([
        {"id": 1_200_000 + post.number, "title": _text(post), "content_rendered": f"<p>{_text(post)}</p>",
         "created": _epoch(post), "node": {"title": "分享"},
         **({"member": {"id": 7, "username": "w"}} if ask.whole else {})}
        for post in ask.posts[:40]
    ])  # fmt: skip


def _hackernews(ask: Ask) -> Page:
    page, size = ask.number("page", 0), ask.number("hitsPerPage", 100)
    since = int((re.findall(r"created_at_i>(\d+)", ask.query.get("numericFilters", "")) or ["0"])[0])
    found = [post for post in ask.posts if _epoch(post) > since]
    hits = [
        {"objectID": str(48_000_000 + post.number), "_tags": ["story"], "title": _text(post),
         "created_at_i": _epoch(post), "story_text": f"<p>{_text(post)}</p>", "points": 3,
         **({"author": "w"} if ask.whole else {"by": "w"})}
        for post in found[page * size : (page + 1) * size]
    ]  # fmt: skip
    return _dump({"hits": hits, "page": page, "nbPages": -(-len(found) // size)})


def _mastodon(ask: Ask) -> Page:
    last, size = ask.number("max_id", 10**18), ask.number("limit", 40)
    found = [post for post in ask.posts if 116_000_000 + post.number < last]
    told = "created_at" if ask.whole else "created"
    statuses = [
        {"id": str(116_000_000 + post.number), "url": f"https://social.example.cn/@a/{116_000_000 + post.number}",
         "visibility": "public", told: f"{post.at:%Y-%m-%dT%H:%M:%S}.000Z", "content": f"<p>{_text(post)}</p>",
         "account": {"acct": "a", "display_name": "路人"}}
        for post in found[:size]
    ]  # fmt: skip
    if len(found) <= size:
        return _dump(statuses)
    following = f'<{ask.base}{ask.path}?limit={size}&max_id={statuses[-1]["id"]}>; rel="next"'
    return Page(body=json.dumps(statuses), headers={"Link": following})


def _reddit(ask: Ask) -> Page:
    entries = "".join(
        f"<entry><id>t3_ab{post.number}</id><title>{_text(post)}</title><updated>{post.at:%Y-%m-%dT%H:%M:%S}+00:00"
        f'</updated><link href="https://www.reddit.com/r/coffee/comments/ab{post.number}/x/"/><author><name>/u/w</name>'
        f'</author><content type="html">{_text(post)}</content></entry>'
        for post in ask.posts[:25]
    )
    return Page(body=f'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>r</title>{entries}</feed>')


def _gdelt(ask: Ask) -> Page:
    return _dump({"articles": [
        {"url": f"https://a.example.cn/{post.number}", "title": _text(post), "domain": "a.example.cn",
         "seendate": f"{post.at:%Y%m%dT%H%M%SZ}", "language": "Chinese"}
        for post in ask.posts[: ask.number("maxrecords", 75)]
    ]})  # fmt: skip


def _sitemap(ask: Ask) -> Page:
    spaces = (
        'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:n="http://www.google.com/schemas/sitemap-news/0.9"'
    )
    urls = "".join(
        f"<url><loc>https://s.example.cn/{post.number}</loc><n:news><n:publication><n:name>南洲晚报</n:name>"
        f"</n:publication><n:publication_date>{post.at.astimezone(SHANGHAI).isoformat()}</n:publication_date>"
        f"<n:title>{_text(post)}</n:title></n:news></url>"
        for post in ask.posts[:200]
    )
    return Page(body=f'<?xml version="1.0"?><urlset {spaces}>{urls}</urlset>')


def _feed(ask: Ask) -> Page:
    number = re.fullmatch(r"/a/(\d+)\.html", ask.path)
    if number:
        post = next(each for each in ask.posts if each.number == int(number[1]))
        return Page(body=article(_text(post)), headers={"Content-Type": "text/html; charset=utf-8"})
    author = "<dc:creator>本报记者</dc:creator>" if ask.whole else ""
    items = "".join(
        f"<item><title>{_text(post)}</title><link>{ask.base}/a/{post.number}.html</link>{author}"
        f"<pubDate>{format_datetime(post.at)}</pubDate><description>短 {post.token}</description></item>"
        for post in ask.posts[:50]
    )
    head = '<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>'
    return Page(body=f"{head}<title></title>{items}</channel></rss>")


def _article(ask: Ask) -> Page:
    return Page(body=article(_text(ask.posts[0])), headers={"Content-Type": "text/html; charset=utf-8"})


def _rsshub(ask: Ask) -> Page:
    items = [
        {"id": f"https://weibo.com/7/Qy{post.number:07}", "url": f"https://weibo.com/7/Qy{post.number:07}",
         "title": _text(post), "content_html": _text(post), "date_published": format_datetime(post.at, usegmt=True),
         "authors": [{"name": "路人"}]}
        for post in ask.posts[:60]
    ]  # fmt: skip
    return _dump({"version": "https://jsonfeed.org/version/1.1", "title": "站", "items": items})


def _wechat(ask: Ask) -> Page:
    if ask.path == "/link":
        target = f"https://mp.weixin.qq.com/s?src=11&timestamp=1&signature=x{ask.query['url']}"
        pieces = "".join(f"url += '{part}';" for part in re.findall(".{1,30}", target))
        return Page(body=f"<script>var url = '';{pieces}url.replace('@', '');window.location.replace(url)</script>")
    if ask.path == "/s":
        mid = int(ask.query.get("mid", 0)) - 2_650_000_000  # the permanent link, read again later
        number = int(ask.query["signature"][1:]) if "signature" in ask.query else mid
        return Page(body=_wechat_article(next(post for post in ask.posts if post.number == number)))
    page = ask.number("page", 1)
    shown = ask.posts[10 * (page - 1) : 10 * page]
    if not shown:
        return Page(
            body='<html><body><div id="noresult_part1">暂无与“云杉咖啡”相关的官方认证文章。</div></body></html>'
        )
    items = "".join(
        f'<li id="sogou_vr_11002601_box_{n}"><h3><a href="/link?url={post.number}&amp;type=2">{_text(post)}</a></h3>'
        f'<p class="txt-info">摘要 {post.token}</p><div class="s-p"><span class="all-time-y2">南洲吃喝</span>'
        f"<span class='s2'><script>document.write(timeConvert('{_epoch(post)}'))</script></span></div></li>"
        for n, post in enumerate(shown)
    )
    more = f'<a id="sogou_next" href="?page={page + 1}">下一页</a>' if len(ask.posts) > 10 * page else ""
    return Page(body=f'<html><body><ul class="news-list">{items}</ul>{more}</body></html>')


def _wechat_article(post: Post) -> str:
    link = f"http://mp.weixin.qq.com/s?__biz=MzA&amp;mid={2_650_000_000 + post.number}&amp;idx=1&amp;sn=ab{post.number}"
    return (
        f'<html><head><meta property="og:title" content="{_text(post)}"></head><body>'
        f'<h1 id="activity-name">{_text(post)}</h1><a id="js_name">南洲吃喝</a>'
        f'<div id="js_content"><p>{_text(post)}，全文在此。</p></div><script>var biz = "MzA";'
        f'var mid = "{2_650_000_000 + post.number}";var idx = "1";var sn = "ab{post.number}";var ct = "{_epoch(post)}";'
        f'var nickname = "南洲吃喝";var msg_link = "{link}";</script></body></html>'
    )


def _websearch(ask: Ask) -> Page:
    return _dump({"search_result": [
        {"link": f"https://w.example.cn/{post.number}", "title": _text(post), "content": _text(post), "media": "南洲网",
         "publish_date": f"{post.at.astimezone(SHANGHAI):%Y-%m-%d}"}
        for post in ask.posts[:50]
    ]})  # fmt: skip


def _xiaohongshu(ask: Ask) -> Page:
    post = ask.posts[0]
    note = {
        "noteId": NOTE, "title": _text(post), "desc": _text(post), "time": _epoch(post) * 1_000, "type": "normal",
        "user": {"userId": "7", "nickname": "路人"}, "interactInfo": {"likedCount": "12"},
    }  # fmt: skip
    state = json.dumps({"note": {"noteDetailMap": {NOTE: {"note": note}}}})
    return Page(body=f"<html><body><script>window.__INITIAL_STATE__={state}</script></body></html>")


PAGES: Mapping[str, Callable[[Ask], Page]] = {
    "weibo": _weibo,
    "weibo_hot": _weibo_hot,
    "douyin_open": _douyin_open,
    "v2ex": _v2ex,
    "hackernews": _hackernews,
    "mastodon": _mastodon,
    "reddit": _reddit,
    "gdelt": _gdelt,
    "sitemap": _sitemap,
    "feed": _feed,
    "article": _article,
    "rsshub": _rsshub,
    "wechat": _wechat,
    "websearch": _websearch,
    "xiaohongshu": _xiaohongshu,
    **{
        name: partial(_board, name) for name in ("douyin", "kuaishou", "bilibili", "zhihu", "tieba", "baidu", "toutiao")
    },
}
"""What answers each kind of page."""
