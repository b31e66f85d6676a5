"""What the imitated sources show: weibo's search answer, feeds, article pages."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from html import escape
from urllib.parse import quote

from domain.moment import SHANGHAI, to_rfc3339
from service.demo.post import FarmPost, bid_of

__all__ = [
    "SITES",
    "WEIBO_STATUS",
    "Site",
    "article_page",
    "atom_feed",
    "post_url",
    "rss_feed",
    "weibo_empty",
    "weibo_search",
    "weibo_status",
]

WEIBO_STATUS = "/ajax/statuses/show"
"""Path of one post on weibo."""
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HASHTAG = re.compile(r"#[^#\s]{1,40}#")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_SUMMARY_CHARS = 60
_Json = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One imitated site."""

    name: str
    """Name, as in `FarmPost.site`."""
    title: str
    """Name of the outlet for people."""
    path: str
    """Path of its feed or search."""
    post_path: str
    """Path of a post's page; `{id}` stands for its id."""
    encoding: str = "utf-8"
    """Encoding of the bytes really sent."""
    said_by_http: str = "utf-8"
    """Encoding that the Content-Type header claims."""
    said_by_prolog: str = "utf-8"
    """Encoding that the XML prolog claims."""
    articles: bool = False
    """The feed shows a summary, the page behind the link the whole text."""


SITES: Mapping[str, Site] = {
    site.name: site
    for site in (
        Site(name="weibo", title="微博", path="/api/container/getIndex", post_path="/status/{id}"),
        Site(name="news", title="南洲晚报网", path="/rss/latest.xml", post_path="/a/{id}.html", articles=True),
        Site(
            name="forum",
            title="南洲本地论坛",
            path="/forum.php?mod=rss",
            post_path="/thread-{id}-1-1.html",
            encoding="gb18030",
            said_by_prolog="gb2312",
        ),
        Site(name="blog", title="街角试吃笔记", path="/atom.xml", post_path="/p/{id}"),
    )
}
"""Every site the farm can imitate, by name."""


def post_url(post: FarmPost, bases: Mapping[str, str]) -> str:
    """Return the permanent link of a post.

    Args:
        post: The post.
        bases: Scheme and host of each site, no slash at the end; weibo needs none.
    """
    if post.site == "weibo":
        return f"https://weibo.com/{post.author_id}/{bid_of(post.id)}"
    return bases[post.site] + SITES[post.site].post_path.format(id=post.id)


# --- weibo ---------------------------------------------------------------------------------------------------


def weibo_search(
    posts: Sequence[FarmPost],
    *,
    query: str,
    page: int,
    more: bool,
    original: Callable[[str], FarmPost | None],
    extra_likes: int = 0,
) -> bytes:
    """Return the JSON of one page of m.weibo.cn's search.

    Args:
        posts: Posts of this page, newest first.
        query: Words searched for.
        page: Number of this page, from 1.
        more: Whether another page follows.
        original: Finds the original of a repost by its id; None = it was deleted.
        extra_likes: Likes that every post gained since it was written.
    """
    cards: list[_Json] = [{"card_type": 42, "desc": "实时", "show_type": 0}]
    for post in posts:
        blog = _with_original(post, original, extra_likes)
        cards.append({"card_type": 9, "card_type_name": "微博", "mblog": blog, "show_type": 0})
    info = {
        "containerid": f"100103type=61&q={query}&t=0",
        "total": 1000,
        "page": page + 1 if more else None,
    }
    return _dump({"ok": 1, "data": {"cardlistInfo": info, "cards": cards}})


def weibo_status(post: FarmPost | None, *, original: Callable[[str], FarmPost | None], extra_likes: int = 0) -> bytes:
    """Return the JSON of one post as weibo.com shows it.

    Args:
        post: The post; None = it was deleted, or never was.
        original: Finds the original of a repost by its id; None = it was deleted.
        extra_likes: Likes that the post gained since it was written.
    """
    if post is None:
        return _dump({"ok": 0, "error_code": 20101, "message": "该微博不存在", "url": ""})
    blog = _with_original(post, original, extra_likes)
    return _dump({**blog, "mblogid": blog["bid"], "text_raw": post.text, "ok": 1})


def weibo_empty() -> bytes:
    """Return the JSON that says that nothing was found."""
    return _dump({"ok": 0, "msg": "这里还没有内容", "data": {"cards": []}})


def _dump(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _deleted(id: str) -> _Json:
    return {"id": id, "mid": id, "user": None, "text": "抱歉，此微博已被作者删除。", "created_at": None}


def _with_original(post: FarmPost, original: Callable[[str], FarmPost | None], extra_likes: int) -> _Json:
    blog = _mblog(post, extra_likes)
    if post.repost_of is not None:
        source = original(post.repost_of)
        blog["raw_text"] = post.text
        blog["retweeted_status"] = _mblog(source, extra_likes) if source else _deleted(post.repost_of)
    return blog


def _mblog(post: FarmPost, extra_likes: int) -> _Json:
    verified = post.verified_type >= 0
    user: _Json = {
        "id": int(post.author_id),
        "screen_name": post.author,
        "verified": verified,
        "verified_type": post.verified_type,
        "verified_reason": post.author if verified else "",
        "followers_count": _shown(post.followers or 0),
    }
    return {
        "created_at": _weibo_time(post.published_at),
        "id": post.id,
        "mid": post.id,
        "bid": bid_of(post.id),
        "text": _weibo_html(post.text),
        "source": "iPhone客户端",
        "user": user,
        "reposts_count": post.shares,
        "comments_count": post.comments,
        "attitudes_count": post.likes + extra_likes,
        "isLongText": False,
        "ad_marked": False,
        "pic_num": 0,
    }


def _shown(followers: int) -> str | int:
    """Followers as weibo prints them: rounded to 0.1万 from ten thousand on."""
    return followers if followers < 10_000 else f"{followers / 10_000:.1f}万"


def _weibo_time(moment: datetime) -> str:
    local = moment.astimezone(SHANGHAI)
    return f"{_DAYS[local.weekday()]} {_MONTHS[local.month - 1]} {local:%d %H:%M:%S} +0800 {local.year}"


def _weibo_html(text: str) -> str:
    def link(match: re.Match[str]) -> str:
        target = "https://m.weibo.cn/search?containerid=231522type%3D1%26q%3D" + quote(match[0])
        return f'<a  href="{target}" data-hide=""><span class="surl-text">{match[0]}</span></a>'

    return _HASHTAG.sub(link, escape(text, quote=False)).replace("\n", "<br />")


# --- feeds ---------------------------------------------------------------------------------------------------


def rss_feed(site: Site, posts: Sequence[FarmPost], *, base: str, bases: Mapping[str, str]) -> bytes:
    """Return an RSS 2.0 feed in the site's real encoding, whatever it claims.

    Args:
        site: The site.
        posts: Entries, newest first.
        base: Scheme and host of the site.
        bases: Those of all sites, for the links of entries.
    """
    head = (
        f'<?xml version="1.0" encoding="{site.said_by_prolog}"?>\n'
        '<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>'
        f"<title>{_xml(site.title)}</title><link>{_xml(base)}/</link><language>zh-cn</language>"
    )
    body = "".join(_rss_item(site, post, post_url(post, bases)) for post in posts)
    return (head + body + "</channel></rss>").encode(site.encoding)


def _rss_item(site: Site, post: FarmPost, url: str) -> str:
    text = post.text[:_SUMMARY_CHARS] + "……" if site.articles and len(post.text) > _SUMMARY_CHARS else post.text
    title = f"<title>{_xml(post.title)}</title>" if post.title else ""
    moment = format_datetime(post.published_at.astimezone(SHANGHAI))
    return (
        f'<item>{title}<link>{_xml(url)}</link><guid isPermaLink="true">{_xml(url)}</guid>'
        f"<dc:creator>{_xml(post.author)}</dc:creator><pubDate>{moment}</pubDate>"
        f"<description>{_xml(_paragraphs(text))}</description></item>"
    )


def atom_feed(site: Site, posts: Sequence[FarmPost], *, base: str, bases: Mapping[str, str]) -> bytes:
    """Return an Atom feed; arguments as of `rss_feed`."""
    head = (
        f'<?xml version="1.0" encoding="{site.said_by_prolog}"?>\n<feed xmlns="http://www.w3.org/2005/Atom" '
        f'xml:lang="zh-CN"><title>{_xml(site.title)}</title><id>{_xml(base)}/</id>'
    )
    body = "".join(_atom_entry(post, post_url(post, bases)) for post in posts)
    return (head + body + "</feed>").encode(site.encoding)


def _atom_entry(post: FarmPost, url: str) -> str:
    moment = to_rfc3339(post.published_at)
    return (
        f'<entry><title>{_xml(post.title or "")}</title><link rel="alternate" href="{_xml(url)}"/><id>{_xml(url)}</id>'
        f"<author><name>{_xml(post.author)}</name></author><published>{moment}</published><updated>{moment}</updated>"
        f'<content type="html">{_xml(_paragraphs(post.text))}</content></entry>'
    )


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(line, quote=False)}</p>" for line in text.split("\n") if line.strip())


def _xml(text: str) -> str:
    return escape(_CONTROL.sub("", text))


# --- pages ---------------------------------------------------------------------------------------------------


def article_page(site: Site, post: FarmPost, *, url: str) -> bytes:
    """Return the page behind a link, with the furniture that such pages carry."""
    local = post.published_at.astimezone(SHANGHAI)
    title = _xml(post.title or post.text[:20])
    page = f"""<!DOCTYPE html>
<html lang="zh-CN"><head><meta charset="{site.encoding}"><title>{title}_{_xml(site.title)}</title>
<meta property="og:title" content="{title}"><meta property="og:url" content="{_xml(url)}">
<meta property="article:published_time" content="{local.isoformat(timespec="seconds")}">
<meta name="author" content="{_xml(post.author)}"></head>
<body><header><a href="/">{_xml(site.title)}</a><nav><ul><li><a href="/">首页</a></li><li><a href="/city">本地</a></li>
<li><a href="/money">财经</a></li><li><a href="/life">生活</a></li></ul></nav></header>
<main><article><h1>{title}</h1>
<p class="meta"><span class="time">{local:%Y-%m-%d %H:%M:%S}</span> <span class="author">{_xml(post.author)}</span></p>
<div class="content article-content">{_paragraphs(_CONTROL.sub("", post.text))}</div></article></main>
<aside><h3>热门推荐</h3><ul><li><a href="/a/hot-1.html">周末去哪儿</a></li>
<li><a href="/a/hot-2.html">天气早知道</a></li></ul></aside>
<footer><p>版权所有 {_xml(site.title)}</p><p>联系我们 投稿邮箱</p></footer></body></html>
"""
    return page.encode(site.encoding, "replace")
