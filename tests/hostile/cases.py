"""The hostile cases by name, as texts that somebody publishes and as answers that a server gives."""

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

__all__ = ["TEXTS", "Answer", "Case", "answers", "feed", "gdelt", "page", "search"]


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


def answers(platform: str) -> dict[Case, Answer]:
    """Return what a hostile server of a platform answers, by case."""
    make: Callable[..., str] = {"feed": feed, "article": page, "gdelt": gdelt, "weibo": search}[platform]
    is_json = platform in ("gdelt", "weibo")
    good = make("云杉咖啡好喝，门店也干净，会再来的。" * 4)
    bombed = make("云杉咖啡 &e11;") if is_json else make("云杉咖啡 &e11;", head=_bomb("x"))
    external = make("云杉咖啡 &secret;") if is_json else make("云杉咖啡 &secret;", head=_EXTERNAL)
    made = {case: Answer(body=make(text).encode("utf-8", "surrogatepass")) for case, text in TEXTS.items()}
    return made | {
        Case.ENTITY_BOMB: Answer(body=bombed.replace("&amp;", "&").encode()),
        Case.EXTERNAL_ENTITY: Answer(body=external.replace("&amp;", "&").encode()),
        Case.GZIP_BOMB: Answer(body=_gzip_bomb(), headers=(("Content-Encoding", "gzip"),)),
        Case.ZIP_BOMB: Answer(body=_zip_bomb(), headers=(("Content-Type", "application/zip"),)),
        Case.HUGE: Answer(body=make("云杉咖啡" + "哈" * 6_700_000).encode()),
        Case.BAD_UTF8: Answer(body=good.encode().replace("门店".encode(), _INVALID)),
        Case.BAD_GB18030: Answer(
            body=_raw(good).encode("gb18030").replace("门店".encode("gb18030"), b"\xff\xff\x81"),
            headers=(("Content-Type", "text/html; charset=gb18030"),),
        ),
        Case.TAGS: Answer(body=_nested(platform)),
        Case.DEEP_JSON: Answer(body=b'{"articles":' + b"[" * 10_000 + b"]" * 10_000 + b"}"),
        Case.Y1970: Answer(body=_dated(platform, 1970)),
        Case.Y2099: Answer(body=_dated(platform, 2099)),
        Case.DUPLICATE_ID: Answer(body=_twins(platform, "同一条", "同一条")),
        Case.COLLIDING_ID: Answer(body=_twins(platform, "一条", "另一条")),
    }


def _raw(text: str) -> str:
    """Return JSON with its Chinese written out; anything else as it is."""
    return json.dumps(json.loads(text), ensure_ascii=False) if text.startswith("{") else text


def _dated(platform: str, year: int) -> bytes:
    if platform == "feed":
        return feed("云杉咖啡好喝", date=f"{year}-01-01T00:00:00Z").encode()
    if platform == "gdelt":
        return gdelt("云杉咖啡好喝").replace("20260620T060000Z", f"{year}0101T000000Z").encode()
    if platform == "weibo":
        return search("云杉咖啡好喝").replace("Sat Jun 20 14:00:00 +0800 2026", f"{year}-01-01 08:00:00").encode()
    told = f'<meta property="article:published_time" content="{year}-01-01T00:00:00Z"></head>'
    return page("云杉咖啡好喝，门店也干净。" * 4).replace("</head>", told).encode()


def _twins(platform: str, first: str, second: str) -> bytes:
    """Return an answer whose two entries have one id, with the same or with other words and links."""
    if platform == "feed":
        links = 0 if first == second else 1
        both = feed(f"云杉咖啡{first}", f"云杉咖啡{second}").replace("g1<", "g0<")
        return (both if links else both.replace("example.cn/1<", "example.cn/0<")).encode()
    if platform == "gdelt":
        return gdelt(f"云杉咖啡{first}", f"云杉咖啡{second}").replace("example.cn/1", "example.cn/0").encode()
    if platform == "weibo":
        return search(f"云杉咖啡{first}", f"云杉咖啡{second}").replace("082001", "082000").encode()
    return page(f"云杉咖啡{first}，门店也干净。" * 4).replace("<article>", "<article id=a><p id=a>", 1).encode()


def _nested(platform: str) -> bytes:
    tags = "<div>" * 100_000
    if platform in ("gdelt", "weibo"):
        return {"gdelt": gdelt, "weibo": search}[platform]("云杉咖啡" + tags).encode()
    if platform == "article":
        return f"<html><body>{tags}云杉咖啡".encode()
    return f"<rss><channel><item><title>云杉咖啡</title><link>https://a.cn/1</link></item>{tags}".encode()
