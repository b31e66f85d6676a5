"""The hostile cases by name, as texts that somebody publishes and as answers that a server gives."""

import gzip
import io
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache, partial
from typing import Any

__all__ = ["NOTE", "TEXTS", "Answer", "Case", "answers", "feed", "gdelt", "good", "page", "search"]


class Case(StrEnum):
    """What a hostile outside does; the ids of the tests."""

    ENTITY_BOMB = "entity-bomb"
    EXTERNAL_ENTITY = "external-entity"
    GZIP_BOMB = "gzip-bomb"
    ZIP_BOMB = "zip-bomb"
    HUGE = "20-mb"
    ENDLESS = "endless-body"
    DRIP = "slow-drip"
    REDIRECT_LOOP = "redirect-loop"
    REDIRECT_INSIDE = "redirect-inside"
    DNS_INSIDE = "dns-inside"
    FILE_URL = "file-url"
    BAD_UTF8 = "bad-utf8"
    BAD_GB18030 = "bad-gb18030"
    NUL = "nul"
    BIDI = "u202e"
    ONE_CHAR = "1-mb-of-one-char"
    TAGS = "100000-tags"
    DEEP_JSON = "json-10000-deep"
    CHANNEL_CALL = "slack-channel-call"
    WECOM_CALL = "wecom-userid"
    LINK_END = "link-end"
    FORMULA = "formula"
    SCRIPT = "script"
    TERMINAL = "terminal-escape"
    Y1970 = "date-1970"
    Y2099 = "date-2099"
    DUPLICATE_ID = "duplicate-id"
    COLLIDING_ID = "colliding-id"


CALLS = "<!channel> <!here> <@U012345> <#C01|general> @all @here"
TEXTS: dict[Case, str] = {
    Case.NUL: "云杉咖啡\0门店\0",
    Case.BIDI: "云杉咖啡\u202egnp.exe\u202c\u2066隔离\u2069",
    Case.ONE_CHAR: "云杉咖啡" + "哈" * 1_000_000,
    Case.TAGS: "云杉咖啡" + "<div>" * 100_000,
    Case.CHANNEL_CALL: f"云杉咖啡 {CALLS} <https://evil.example|银行>",
    Case.WECOM_CALL: '云杉咖啡 <@userid> <@all> <font color="info">已解除</font> **假**',
    Case.LINK_END: "云杉咖啡 ](https://evil.example) [点我](https://evil.example) > 引用 `代码`",
    Case.FORMULA: "=cmd|' /C calc'!A0 云杉咖啡",
    Case.SCRIPT: "云杉咖啡 <script>alert(1)</script><img src=x onerror=alert(1)> javascript:alert(1)",
    Case.TERMINAL: "云杉咖啡 \x1b]0;owned\x07\x1b[2J\x1b[31m红\x9b31m \x08\x7f\r\nFAKE LINE",
    Case.BAD_UTF8: "云杉咖啡 \ud83d half \udfff",
}
"""Texts that anybody can publish; all name the brand 云杉咖啡."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a server answers."""

    body: bytes
    """The body."""
    headers: tuple[tuple[str, str], ...] = ()
    """Headers, (name, value)."""


def _xml(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def feed(*texts: str, head: str = "", date: str = "Sat, 20 Jun 2026 14:00:00 +0800", links: int = 0) -> str:
    """Return an RSS feed with one entry a text, titles and authors as hostile as the texts."""
    items = (
        f"<item><title>{_xml(text[:200])}</title><guid isPermaLink='false'>g{n}</guid><pubDate>{date}</pubDate>"
        f"<link>https://news.example.cn/{links + n}</link><author>{_xml(text[:80])}</author>"
        f"<description>{_xml(_xml(text))}</description></item>"
        for n, text in enumerate(texts)
    )
    return f'<?xml version="1.0"?>{head}<rss version="2.0"><channel><title>站</title>{"".join(items)}</channel></rss>'


def page(text: str, head: str = "") -> str:
    """Return a page with the text in its title, its author and its paragraphs."""
    words = _xml(text)
    meta = f'<meta name="author" content="{words[:80]}">'
    body = f"<article>{f'<p>{words}</p>' * (5 if len(words) < 10_000 else 1)}</article>"
    return f"{head}<html><head><title>{words[:200]}</title>{meta}</head><body>{body}</body></html>"


def gdelt(*texts: str) -> str:
    """Return an answer of GDELT with one article a text."""
    articles = [
        {"url": f"https://a.example.cn/{n}", "title": text, "seendate": "20260620T060000Z", "domain": text[:60]}
        for n, text in enumerate(texts)
    ]
    return json.dumps({"articles": articles})


def search(*texts: str) -> str:
    """Return an answer of Weibo's mobile search with one card a text."""
    cards = [
        {
            "card_type": 9,
            "mblog": {
                "id": str(5_311_901_742_082_000 + n), "mid": str(5_311_901_742_082_000 + n), "text": text,
                "created_at": "Sat Jun 20 14:00:00 +0800 2026",
                "user": {"id": 7, "screen_name": text[:80], "followers_count": "1.2万"},
            },
        }
        for n, text in enumerate(texts)
    ]  # fmt: skip
    return json.dumps({"ok": 1, "data": {"cards": cards}})


_MADE_AT = 1_781_935_200
"""2026-06-20 14:00 in Beijing."""
NOTE = "6a35d8c0000000001200abc0"
"""The note of Xiaohongshu whose page is asked for."""


def _json(value: Any) -> str:
    """Return JSON as the scripts of pages hold it: no tag can begin in it."""
    return json.dumps(value).replace("<", "\\u003c")


def _listed(texts: tuple[str, ...], entry: Callable[[int, str], dict[str, Any]]) -> list[dict[str, Any]]:
    return [entry(n, text) for n, text in enumerate(texts)]


def _hits(*texts: str) -> str:
    hits = _listed(texts, lambda n, text: {
        "objectID": str(48_000_000 + n), "_tags": ["story"], "title": text, "author": text[:80],
        "story_text": f"<p>{_xml(text)}</p>", "created_at_i": _MADE_AT, "points": 3,
    })  # fmt: skip
    return json.dumps({"hits": hits, "page": 0, "nbPages": 1})


def _topics(*texts: str) -> str:
    return json.dumps(_listed(texts, lambda n, text: {
        "id": 1_200_000 + n, "title": text, "content_rendered": f"<p>{_xml(text)}</p>", "created": _MADE_AT,
        "member": {"id": 7, "username": text[:80]}, "node": {"title": text[:80]},
    }))  # fmt: skip


def _statuses(*texts: str) -> str:
    return json.dumps(_listed(texts, lambda n, text: {
        "id": f"11600000{n}", "url": f"https://social.example.cn/@a/11600000{n}", "visibility": "public",
        "created_at": "2026-06-20T06:00:00.000Z", "content": f"<p>{_xml(text)}</p>", "spoiler_text": text[:80],
        "account": {"acct": "a", "display_name": text[:80]},
    }))  # fmt: skip


def _atom(*texts: str, head: str = "") -> str:
    entries = (
        f"<entry><id>t3_abc{n}</id><title>{_xml(text[:200])}</title><updated>2026-06-20T06:00:00+00:00</updated>"
        f'<link href="https://www.reddit.com/r/coffee/comments/abc{n}/x/"/><author><name>/u/{_xml(text[:30])}</name>'
        f'</author><content type="html">{_xml(_xml(text))}</content></entry>'
        for n, text in enumerate(texts)
    )
    return f'<?xml version="1.0"?>{head}<feed xmlns="http://www.w3.org/2005/Atom">{"".join(entries)}</feed>'


def _sitemap(*texts: str, head: str = "") -> str:
    names = (
        'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:n="http://www.google.com/schemas/sitemap-news/0.9"'
    )
    pages = (
        f"<url><loc>https://news.example.cn/{n}</loc><n:news><n:publication><n:name>{_xml(text[:80])}</n:name>"
        f"</n:publication><n:publication_date>2026-06-20T14:00:00+08:00</n:publication_date>"
        f"<n:title>{_xml(text)}</n:title><n:keywords>{_xml(text[:80])}</n:keywords></n:news></url>"
        for n, text in enumerate(texts)
    )
    return f'<?xml version="1.0"?>{head}<urlset {names}>{"".join(pages)}</urlset>'


def _route(*texts: str) -> str:
    items = _listed(texts, lambda n, text: {
        "id": f"https://weibo.com/7/Qy3kPz7R{n}", "url": f"https://weibo.com/7/Qy3kPz7R{n}", "title": text,
        "content_html": _xml(text), "date_published": "2026-06-20T06:00:00.000Z", "authors": [{"name": text[:80]}],
    })  # fmt: skip
    return json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "站", "items": items})


def _bilibili(*texts: str) -> str:
    words = _listed(texts, lambda n, text: {"keyword": text, "show_name": text, "heat_score": 9 - n})
    return json.dumps({"code": 0, "list": words})


def _zhihu(*texts: str) -> str:
    lines = _listed(texts, lambda n, text: {
        "type": "hot_list_feed", "detail_text": "1 万热度",
        "target": {"title": text, "url": f"https://api.zhihu.com/questions/{n + 1}"},
    })  # fmt: skip
    return json.dumps({"data": lines})


def _tieba(*texts: str) -> str:
    topics = _listed(texts, lambda n, text: {
        "topic_name": text, "discuss_num": 9 - n, "create_time": _MADE_AT,
        "topic_url": f"https://tieba.baidu.com/hottopic/browse/hottopic?topic_id={n}",
    })  # fmt: skip
    return json.dumps({"errno": 0, "data": {"bang_topic": {"topic_list": topics}}})


def _baidu(*texts: str, head: str = "") -> str:
    lines = _listed(texts, lambda n, text: {"word": text, "query": text, "desc": text[:80], "hotScore": str(9 - n)})
    board = _json({"data": {"cards": [{"component": "hotList", "content": lines}]}})
    return f"{head}<html><body><!--s-data:{board}--></body></html>"


def _toutiao(*texts: str) -> str:
    lines = _listed(texts, lambda n, text: {"Title": text, "ClusterIdStr": f"76{n}", "HotValue": "9", "Label": "hot"})
    return json.dumps({"data": lines, "status": "success"})


def _douyin(*texts: str) -> str:
    words = _listed(texts, lambda n, text: {
        "word": text, "hot_value": 9 - n, "position": n + 1, "event_time": _MADE_AT, "sentence_id": f"24{n}",
    })  # fmt: skip
    return json.dumps({"status_code": 0, "data": {"word_list": words}})


def _kuaishou(*texts: str, head: str = "") -> str:
    items = _listed(texts, lambda n, text: {"name": text, "hotValue": "9.1万", "tagType": "热"})
    state = _json({"defaultClient": {'$ROOT_QUERY.visionHotRank({"page":"home"})': {"result": 1, "items": items}}})
    return f"{head}<html><body><script>window.__APOLLO_STATE__={state};(function(){{}}())</script></body></html>"


def _xiaohongshu(*texts: str, head: str = "") -> str:
    notes = {
        f"page{n}": {"note": {
            "noteId": f"{NOTE[:-1]}{n}", "title": text, "desc": text, "time": _MADE_AT * 1_000, "type": "normal",
            "user": {"userId": "7", "nickname": text[:80]}, "interactInfo": {"likedCount": "1.2万"},
        }}
        for n, text in enumerate(texts)
    }  # fmt: skip
    state = _json({"note": {"noteDetailMap": notes}})
    return f"{head}<html><body><script>window.__INITIAL_STATE__={state}</script></body></html>"


def _sogou(*texts: str, head: str = "") -> str:
    items = (
        f'<li id="sogou_vr_11002601_box_{n}"><h3><a href="/link?url=x{n}">{_xml(text[:200])}</a></h3>'
        f'<p class="txt-info">{_xml(text)}</p><div class="s-p"><span class="all-time-y2">{_xml(text[:80])}</span>'
        f"<span class=\"s2\"><script>document.write(timeConvert('{_MADE_AT}'))</script></span></div></li>"
        for n, text in enumerate(texts)
    )
    return f'{head}<html><body><ul class="news-list">{"".join(items)}</ul></body></html>'


def _results(*texts: str) -> str:
    results = _listed(texts, lambda n, text: {
        "link": f"https://a.example.cn/{n}", "title": text, "content": _xml(text), "media": text[:80],
        "publish_date": "2026-06-20",
    })  # fmt: skip
    return json.dumps({"search_result": results})


@dataclass(frozen=True, kw_only=True)
class _Form:
    """The payload of one platform."""

    make: Callable[..., str]
    """Makes an answer with one entry a text."""
    date: tuple[str, str] | None = None
    """How the maker prints its date, and how that of another year; `{y}` a year, `{s}` an epoch. None = no date."""
    twin: tuple[str, str] | None = None
    """What to put in which place, so that the second entry has the id of the first. None = words are the id."""
    end: str = ""
    """The tag with which markup ends; empty = JSON."""


_FORMS = {
    "feed": _Form(make=feed, date=("Sat, 20 Jun 2026 14:00:00 +0800", "{y}-01-01T00:00:00Z"), end="</channel>"),
    "article": _Form(make=page, end="</body>"),
    "gdelt": _Form(make=gdelt, date=("20260620T060000Z", "{y}0101T000000Z"), twin=("example.cn/1", "example.cn/0")),
    "weibo": _Form(
        make=search, date=("Sat Jun 20 14:00:00 +0800 2026", "{y}-01-01 08:00:00"), twin=("082001", "082000")
    ),
    "hackernews": _Form(make=_hits, date=(str(_MADE_AT), "{s}"), twin=("48000001", "48000000")),
    "v2ex": _Form(make=_topics, date=(str(_MADE_AT), "{s}"), twin=("1200001", "1200000")),
    "mastodon": _Form(make=_statuses, date=("2026-06-20T06", "{y}-01-01T00"), twin=("116000001", "116000000")),
    "reddit": _Form(make=_atom, date=("2026-06-20T06", "{y}-01-01T00"), twin=("abc1", "abc0"), end="</feed>"),
    "sitemap": _Form(
        make=_sitemap, date=("2026-06-20T14", "{y}-01-01T08"), twin=("example.cn/1", "example.cn/0"), end="</urlset>"
    ),
    "rsshub": _Form(make=_route, date=("2026-06-20T06", "{y}-01-01T00"), twin=("Qy3kPz7R1", "Qy3kPz7R0")),
    "websearch": _Form(make=_results, date=("2026-06-20", "{y}-01-01"), twin=("example.cn/1", "example.cn/0")),
    "bilibili": _Form(make=_bilibili),
    "zhihu": _Form(make=_zhihu),
    "tieba": _Form(make=_tieba, date=(str(_MADE_AT), "{s}")),
    "baidu": _Form(make=_baidu, end="</body>"),
    "toutiao": _Form(make=_toutiao),
    "douyin": _Form(make=_douyin, date=(str(_MADE_AT), "{s}")),
    "kuaishou": _Form(make=_kuaishou, end="</body>"),
    "xiaohongshu": _Form(
        make=_xiaohongshu, date=(f"{_MADE_AT}000", "{s}000"), twin=(f"{NOTE[:-1]}1", NOTE), end="</body>"
    ),
    "wechat": _Form(make=_sogou, date=(str(_MADE_AT), "{s}"), end="</body>"),
}


def good(platform: str, *texts: str) -> str:
    """Return what a server of a platform answers that means no harm."""
    return _FORMS[platform].make(*texts)


def _bomb(kind: str) -> str:
    lines = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    return f'<!DOCTYPE {kind} [<!ENTITY e0 "哈哈哈哈">{lines}]>'


@lru_cache
def _gzip_bomb() -> bytes:
    return gzip.compress(b"\0" * 60_000_000)


@lru_cache
def _zip_bomb() -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("posts.csv", b"\0" * 20_000_000)
    return raw.getvalue()


_EXTERNAL = '<!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/passwd"><!ENTITY % d SYSTEM "http://127.0.0.1/x">%d;]>'
_INVALID = b"\xff\xfe\xfa\x80\x81\xc0\xaf"


def answers(platform: str) -> dict[Case, Callable[[], Answer]]:
    """Return what makes the answers of a hostile server of a platform, by case; some have tens of megabytes."""
    form = _FORMS[platform]
    make = form.make

    def plain() -> str:
        return _raw(make("云杉咖啡好喝，门店也干净，会再来的。" * 4))

    def text(of: str) -> Answer:
        return Answer(body=_raw(make(of)).encode("utf-8", "surrogatepass"))

    def declared(entity: str, head: str) -> Answer:
        said = f"云杉咖啡 &{entity};"
        return Answer(body=(make(said, head=head) if form.end else make(said)).replace("&amp;", "&").encode())

    made = {case: partial(text, of) for case, of in TEXTS.items()}
    return made | {
        Case.ENTITY_BOMB: lambda: declared("e11", _bomb("x")),
        Case.EXTERNAL_ENTITY: lambda: declared("secret", _EXTERNAL),
        Case.GZIP_BOMB: lambda: Answer(body=_gzip_bomb(), headers=(("Content-Encoding", "gzip"),)),
        Case.ZIP_BOMB: lambda: Answer(body=_zip_bomb(), headers=(("Content-Type", "application/zip"),)),
        Case.HUGE: lambda: Answer(body=_huge(platform)),
        Case.BAD_UTF8: lambda: Answer(body=_with(plain().encode(), "门店".encode(), _INVALID)),
        Case.BAD_GB18030: lambda: Answer(
            body=_with(plain().encode("gb18030"), "门店".encode("gb18030"), b"\xff\xff\x81"),
            headers=(("Content-Type", "text/html; charset=gb18030"),),
        ),
        Case.TAGS: lambda: Answer(body=_nested(platform)),
        Case.DEEP_JSON: lambda: Answer(body=b'{"articles":' + b"[" * 10_000 + b"]" * 10_000 + b"}"),
        Case.Y1970: lambda: Answer(body=_dated(platform, 1970)),
        Case.Y2099: lambda: Answer(body=_dated(platform, 2099)),
        Case.DUPLICATE_ID: lambda: Answer(body=_twins(platform, "同一条", "同一条")),
        Case.COLLIDING_ID: lambda: Answer(body=_twins(platform, "一条", "另一条")),
    }


def _raw(text: str) -> str:
    """Return an answer with the Chinese of its JSON written out."""
    return re.sub(r"\\u([4-9][0-9a-f]{3})", lambda match: chr(int(match[1], 16)), text)


def _with(body: bytes, old: bytes, new: bytes) -> bytes:
    """Put something in the place of something that is there.

    Raises:
        AssertionError: it is not there.
    """
    assert old in body, old
    return body.replace(old, new)


@lru_cache
def _huge(platform: str) -> bytes:
    text = "云杉咖啡" + "哈" * 6_700_000
    return _FORMS[platform].make(text).encode()


def _dated(platform: str, year: int) -> bytes:
    form = _FORMS[platform]
    if platform == "article":
        told = f'<meta property="article:published_time" content="{year}-01-01T00:00:00Z"></head>'
        return page("云杉咖啡好喝，门店也干净。" * 4).replace("</head>", told).encode()
    if form.date is None:
        return form.make("云杉咖啡好喝").encode()
    moment = int(datetime(year, 1, 2, tzinfo=UTC).timestamp())
    return _with(
        form.make("云杉咖啡好喝").encode(), form.date[0].encode(), form.date[1].format(y=year, s=moment).encode()
    )


def _twins(platform: str, first: str, second: str) -> bytes:
    """Return an answer whose two entries have one id, with the same or with other words and links."""
    form = _FORMS[platform]
    if platform == "feed":
        links = 0 if first == second else 1
        both = feed(f"云杉咖啡{first}", f"云杉咖啡{second}").replace("g1<", "g0<")
        return (both if links else both.replace("example.cn/1<", "example.cn/0<")).encode()
    if platform == "article":
        return page(f"云杉咖啡{first}，门店也干净。" * 4).replace("<article>", "<article id=a><p id=a>", 1).encode()
    both = form.make(f"云杉咖啡{first}", f"云杉咖啡{second}")
    return _with(both.encode(), form.twin[0].encode(), form.twin[1].encode()) if form.twin else both.encode()


def _nested(platform: str) -> bytes:
    tags, form = "<div>" * 100_000, _FORMS[platform]
    if platform == "article":
        return f"<html><body>{tags}云杉咖啡".encode()
    if not form.end:
        return form.make("云杉咖啡" + tags).encode()
    return form.make("云杉咖啡").partition(form.end)[0].encode() + tags.encode()
