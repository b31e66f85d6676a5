"""A link to the platform that it leads to, and to the id that a post has there."""

import re
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from crawlers.link import public_link
from crawlers.platforms._weibo_id import mid_time, permalink
from domain.mention import Kind
from domain.weibo_id import bid_to_mid, mid_to_bid

__all__ = ["Native", "Short", "is_known_host", "native_of", "short_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Native:
    """What a link says of the post behind it."""

    platform: str
    """Platform of origin, such as weibo; never web."""
    native_id: str | None
    """Id that the platform's own collection gives the post; None = not in the link."""
    kind: Kind
    """What form it has."""
    url: str
    """Permanent link without parameters that only track or sign a visit."""
    author_id: str | None = None
    """Id of the author; None = not in the link."""


class _Rule(NamedTuple):
    """Paths of one platform that hold an id."""

    platform: str
    hosts: frozenset[str]
    path: re.Pattern[str]
    native_id: str
    kind: Kind
    url: str


def _rule(platform: str, hosts: str, path: str, native_id: str, kind: Kind, url: str) -> _Rule:
    return _Rule(platform, frozenset(hosts.split()), re.compile(path), native_id, kind, url)


_END = r"(?![0-9A-Za-z_-])"
_ZHIHU = "zhihu.com www.zhihu.com m.zhihu.com oia.zhihu.com"
_BILI = "bilibili.com www.bilibili.com m.bilibili.com"
_DOUYIN = "douyin.com www.douyin.com m.douyin.com iesdouyin.com www.iesdouyin.com"
_KUAISHOU = (
    "kuaishou.com www.kuaishou.com m.kuaishou.com c.kuaishou.com live.kuaishou.com v.m.chenzhongtech.com "
    "m.gifshow.com www.gifshow.com"
)
_XHS = "xiaohongshu.com www.xiaohongshu.com rednote.com www.rednote.com"
_TOUTIAO = "toutiao.com www.toutiao.com m.toutiao.com m.toutiaocdn.com m.toutiaocdn.cn m.toutiaoimg.com m.toutiaoimg.cn"
_V2EX = "v2ex.com www.v2ex.com cn.v2ex.com hk.v2ex.com global.v2ex.com"
_REDDIT = "reddit.com www.reddit.com old.reddit.com new.reddit.com m.reddit.com i.reddit.com"
_WEIBO = "weibo.com www.weibo.com m.weibo.cn weibo.cn www.weibo.cn m.weibo.com share.api.weibo.cn"
_TIEBA = "tieba.baidu.com c.tieba.baidu.com wapp.baidu.com jump2.bdimg.com"

_RULES = (
    _rule("zhihu", _ZHIHU, rf"/question/(\d{{1,20}})/answers?/(\d{{1,20}}){_END}", "answer:{1}", Kind.POST,
          "https://www.zhihu.com/question/{0}/answer/{1}"),
    _rule("zhihu", _ZHIHU, rf"/(?:question|questions)/(\d{{1,20}}){_END}", "question:{0}", Kind.POST,
          "https://www.zhihu.com/question/{0}"),
    _rule("zhihu", _ZHIHU, rf"(?:/tardis/\w{{1,9}}|/appview(?:/v2)?)?/ans(?:wers?)?/(\d{{1,20}}){_END}",
          "answer:{0}", Kind.POST, "https://www.zhihu.com/answer/{0}"),
    _rule("zhihu", f"{_ZHIHU} zhuanlan.zhihu.com",
          rf"(?:/tardis/\w{{1,9}}/art|(?:/appview)?/p|/articles)/(\d{{1,20}}){_END}",
          "article:{0}", Kind.ARTICLE, "https://zhuanlan.zhihu.com/p/{0}"),
    _rule("zhihu", _ZHIHU, rf"/zvideo/(\d{{1,20}}){_END}", "zvideo:{0}", Kind.VIDEO,
          "https://www.zhihu.com/zvideo/{0}"),
    _rule("zhihu", _ZHIHU, rf"/pin/(\d{{1,20}}){_END}", "pin:{0}", Kind.POST, "https://www.zhihu.com/pin/{0}"),
    _rule("bilibili", _BILI, rf"(?:/s)?/video/(BV[0-9A-Za-z]{{8,12}}){_END}", "{0}", Kind.VIDEO,
          "https://www.bilibili.com/video/{0}"),
    _rule("bilibili", f"{_BILI} b23.tv", rf"/(BV[0-9A-Za-z]{{8,12}}){_END}", "{0}", Kind.VIDEO,
          "https://www.bilibili.com/video/{0}"),
    _rule("bilibili", _BILI, rf"(?:/s)?/video/(av\d{{1,16}}){_END}", "{0}", Kind.VIDEO,
          "https://www.bilibili.com/video/{0}"),
    _rule("bilibili", _BILI, rf"/read/(?:cv|mobile/)(\d{{1,16}}){_END}", "cv{0}", Kind.ARTICLE,
          "https://www.bilibili.com/read/cv{0}"),
    _rule("bilibili", f"{_BILI} t.bilibili.com", rf"(?:/opus|/dynamic)?/(\d{{12,20}}){_END}", "{0}", Kind.POST,
          "https://www.bilibili.com/opus/{0}"),
    _rule("douyin", _DOUYIN, rf"(?:/share)?/video/(\d{{10,20}}){_END}", "{0}", Kind.VIDEO,
          "https://www.douyin.com/video/{0}"),
    _rule("douyin", _DOUYIN, rf"(?:/share)?/(?:note|slides)/(\d{{10,20}}){_END}", "{0}", Kind.POST,
          "https://www.douyin.com/note/{0}"),
    _rule("kuaishou", _KUAISHOU,
          rf"(?:/short-video|/(?:fw|app)/(?:photo|long-video)|/photo|/u/\w{{1,40}})/(\w{{5,30}}){_END}",
          "{0}", Kind.VIDEO, "https://www.kuaishou.com/short-video/{0}"),
    _rule("xiaohongshu", _XHS,
          rf"(?:/explore|/discovery/item|/search_result|/user/profile/[0-9a-f]{{24}})/([0-9a-f]{{24}}){_END}",
          "{0}", Kind.POST, "https://www.xiaohongshu.com/explore/{0}"),
    _rule("toutiao", _TOUTIAO, rf"/(?:article/|group/|item/|[aig])(\d{{10,20}}){_END}", "{0}", Kind.ARTICLE,
          "https://www.toutiao.com/article/{0}/"),
    _rule("toutiao", _TOUTIAO, rf"/w/[ai]?(\d{{10,20}}){_END}", "{0}", Kind.POST, "https://www.toutiao.com/w/{0}/"),
    _rule("toutiao", _TOUTIAO, rf"/video/(\d{{10,20}}){_END}", "{0}", Kind.VIDEO, "https://www.toutiao.com/video/{0}/"),
    _rule("heimao", "tousu.sina.com.cn tousu.sina.cn", rf"/complaint/view/(\d{{5,20}}){_END}", "{0}", Kind.POST,
          "https://tousu.sina.com.cn/complaint/view/{0}/"),
    _rule("v2ex", _V2EX, rf"/t/(\d{{1,12}}){_END}", "{0}", Kind.POST, "https://www.v2ex.com/t/{0}"),
    _rule("reddit", _REDDIT, rf"/r/(\w{{1,30}})/comments/(\w{{3,12}}){_END}", "t3_{1}", Kind.POST, ""),
    _rule("reddit", _REDDIT, rf"/comments/(\w{{3,12}}){_END}", "t3_{0}", Kind.POST,
          "https://www.reddit.com/comments/{0}/"),
    _rule("reddit", "redd.it www.redd.it", r"/(\w{3,12})/?$", "t3_{0}", Kind.POST,
          "https://www.reddit.com/comments/{0}/"),
)  # fmt: skip
_KNOWN_HOSTS = {
    **{host: rule.platform for rule in _RULES for host in rule.hosts},
    **dict.fromkeys(_WEIBO.split(), "weibo"),
    **dict.fromkeys(_TIEBA.split(), "tieba"),
    "mp.weixin.qq.com": "wechat",
}
_SHORT = {
    "t.cn": None, "url.cn": None, "w.url.cn": None, "dwz.cn": None, "suo.im": None, "bit.ly": None, "t.co": None,
    "b23.tv": "bilibili", "bili2233.cn": "bilibili", "v.douyin.com": "douyin", "xhslink.com": "xiaohongshu",
    "v.kuaishou.com": "kuaishou", "s.kuaishou.com": "kuaishou", "m.toutiao.com": "toutiao", "www.reddit.com": "reddit",
    "www.kuaishou.com": "kuaishou", "v.kuaishouapp.com": "kuaishou", "www.xiaohongshu.com": "xiaohongshu",
    "www.toutiao.com": "toutiao", "reddit.com": "reddit",
}  # fmt: skip
"""Hosts of short links, and the platform that they lead to; None = to any."""
_SHORT_PATH = {
    "m.toutiao.com": re.compile(r"/is/\w"), "www.toutiao.com": re.compile(r"/is/\w"),
    "www.kuaishou.com": re.compile(r"/f/[\w-]"), "www.xiaohongshu.com": re.compile(r"/(?:a|m|o)/\w"),
    "www.reddit.com": re.compile(r"/r/\w+/s/\w"), "reddit.com": re.compile(r"/r/\w+/s/\w"),
}  # fmt: skip
"""Of hosts that have other pages too, how the path of a short link begins."""
_DOUYIN_ID = re.compile(r"\d{10,20}")
_KUAISHOU_ID = re.compile(r"[0-9a-z]{5,30}")
_BVID = re.compile(r"BV[0-9A-Za-z]{8,12}")
_WEIBO_POST = re.compile(
    rf"/(?:(?:status|detail|statuses)/([0-9A-Za-z]{{5,20}})|(\d{{5,12}})/([0-9A-Za-z]{{5,20}})){_END}"
)
_WEIBO_WORD = re.compile(r"[0-9A-Za-z]{5,20}")
_THREAD = re.compile(rf"/p/(\d{{5,20}}){_END}")
_DIGITS = re.compile(r"\d{1,20}")
_BIZ = re.compile(r"[0-9A-Za-z+/=_-]{1,64}")
_OLDEST_MID = 15
_BID = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Short:
    """A link that only leads to another."""

    platform: str | None
    """Platform that it leads to; None = anywhere."""


def short_of(link: str) -> Short | None:
    """Return what is known of a short link; None if it is none. One whose id it tells itself is none."""
    url = public_link(link)
    if url is None:
        return None
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    begins = _SHORT_PATH.get(host)
    if host not in _SHORT or len(parts.path) < 2 or (begins and not begins.match(parts.path)):
        return None
    native = native_of(link)
    return None if native is not None and native.native_id else Short(platform=_SHORT[host])


def is_known_host(host: str) -> bool:
    """Say whether a host in lower case is that of a platform or of short links."""
    return host in _KNOWN_HOSTS or host in _SHORT or host == "news.ycombinator.com"


def native_of(link: str) -> Native | None:
    """Return the platform and id that an absolute link names; None for the open web and for no link.

    A link to a known platform whose path holds no id has only the platform and the link.
    """
    url = public_link(link)
    if url is None:
        return None
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if host == "news.ycombinator.com":
        return _hacker_news(parts)
    platform = _KNOWN_HOSTS.get(host)
    if platform is None:
        return None
    found = _READERS[platform](parts) if platform in _READERS else _ruled(host, parts, url)
    if found is None and platform in _BY_QUERY:
        found = _BY_QUERY[platform](parts)
    return found or Native(platform=platform, native_id=None, kind=_plain_kind(platform), url=url)


def _plain_kind(platform: str) -> Kind:
    return Kind.ARTICLE if platform in ("wechat", "toutiao", "zhihu", "bilibili") else Kind.POST


def _ruled(host: str, parts: SplitResult, url: str) -> Native | None:
    for rule in _RULES:
        match = rule.path.match(parts.path) if host in rule.hosts else None
        if match is None:
            continue
        address = rule.url.format(*match.groups()) or url
        if rule.platform == "xiaohongshu":
            address = _with_token(address, parts)
        native_id = rule.native_id.format(*match.groups())
        return Native(platform=rule.platform, native_id=native_id, kind=rule.kind, url=address)
    return None


def _douyin(parts: SplitResult) -> Native | None:
    """Read a video that is shown over a page of another kind."""
    number = _query(parts).get("modal_id", "")
    if not _DOUYIN_ID.fullmatch(number):
        return None
    return Native(platform="douyin", native_id=number, kind=Kind.VIDEO, url=f"https://www.douyin.com/video/{number}")


def _kuaishou(parts: SplitResult) -> Native | None:
    query = _query(parts)
    name = query.get("photoId", query.get("shareObjectId", ""))
    if not _KUAISHOU_ID.fullmatch(name):
        return None
    return Native(
        platform="kuaishou", native_id=name, kind=Kind.VIDEO, url=f"https://www.kuaishou.com/short-video/{name}"
    )


def _bilibili(parts: SplitResult) -> Native | None:
    name = _query(parts).get("bvid", "")
    if not _BVID.fullmatch(name):
        return None
    return Native(platform="bilibili", native_id=name, kind=Kind.VIDEO, url=f"https://www.bilibili.com/video/{name}")


def _heimao(parts: SplitResult) -> Native | None:
    number = _query(parts).get("sn", "")
    if not parts.path.startswith("/complaint/view") or not _DIGITS.fullmatch(number):
        return None
    url = f"https://tousu.sina.com.cn/complaint/view/{number}/"
    return Native(platform="heimao", native_id=number, kind=Kind.POST, url=url)


def _query(parts: SplitResult) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in parts.query.split("&")[:50])
    return {name: value for name, _, value in reversed(list(pairs)) if value}


def _with_token(address: str, parts: SplitResult) -> str:
    """Keep the token without which the page does not open."""
    query = _query(parts)
    kept = [f"{name}={query[name]}" for name in ("xsec_token", "xsec_source") if name in query]
    return f"{address}?{'&'.join(kept)}" if kept else address


def _weibo(parts: SplitResult) -> Native | None:
    match = _WEIBO_POST.match(parts.path)
    query = _query(parts)
    asked = query.get("weibo_id", query.get("id", "") if parts.path.endswith("/statuses/show") else "")
    if match is None and not _WEIBO_WORD.fullmatch(asked):
        return None
    word, uid = (match[1] or match[3], match[2] or "") if match else (asked, "")
    if word.isdigit() and len(word) >= _OLDEST_MID:
        mid, bid = word, mid_to_bid(word)
    else:
        mid, bid = bid_to_mid(word), word
    url = permalink(uid, bid, mid)
    if url is None or not (len(bid) == _BID or mid_time(mid)):
        return None
    return Native(platform="weibo", native_id=mid, kind=Kind.POST, url=url, author_id=uid or None)


def _wechat(parts: SplitResult) -> Native | None:
    query = {name: unquote(value) for name, value in _query(parts).items()}
    biz, mid = query.get("__biz", ""), query.get("mid", query.get("appmsgid", ""))
    place = query.get("idx", query.get("itemidx", ""))
    if not (_BIZ.fullmatch(biz) and _DIGITS.fullmatch(mid) and _DIGITS.fullmatch(place)):
        return None
    sign = query.get("sn", query.get("sign", ""))
    signed = f"&sn={sign}" if sign and sign.isascii() and sign.isalnum() else ""
    url = f"https://mp.weixin.qq.com/s?__biz={biz}&mid={mid}&idx={place}{signed}"
    return Native(platform="wechat", native_id=f"{biz}:{mid}:{place}", kind=Kind.ARTICLE, url=url)


def _tieba(parts: SplitResult) -> Native | None:
    match = _THREAD.match(parts.path)
    thread, post = match[1] if match else _query(parts).get("kz", ""), _query(parts).get("pid", "")
    if not _DIGITS.fullmatch(thread):
        return None
    url = f"https://tieba.baidu.com/p/{thread}"
    if not _DIGITS.fullmatch(post):
        return Native(platform="tieba", native_id=thread, kind=Kind.POST, url=url)
    return Native(platform="tieba", native_id=f"{thread}:{post}", kind=Kind.POST, url=f"{url}?pid={post}&cid=0#{post}")


def _hacker_news(parts: SplitResult) -> Native | None:
    number = _query(parts).get("id", "")
    if parts.path != "/item" or not _DIGITS.fullmatch(number):
        return None
    url = f"https://news.ycombinator.com/item?id={number}"
    return Native(platform="hackernews", native_id=number, kind=Kind.POST, url=url)


_READERS = {"weibo": _weibo, "wechat": _wechat, "tieba": _tieba}
_BY_QUERY = {"douyin": _douyin, "kuaishou": _kuaishou, "bilibili": _bilibili, "heimao": _heimao}
