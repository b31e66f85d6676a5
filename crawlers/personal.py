"""What in an answer belongs to persons or opens doors: names, ids, pictures, numbers, tokens.

Looked for in a copy without escapes, so that it does not matter how a page writes them.
"""

import html
import json
import re
from collections.abc import Iterator
from enum import Enum
from typing import Any, TypeAlias
from urllib.parse import unquote

from crawlers.base import Parsed
from crawlers.invent import mid_of_bid
from domain.mention import Post

__all__ = ["Found", "What", "cookie_values", "find_in_json", "find_in_posts", "find_in_text", "plain_copy"]


class What(Enum):
    """What a found value is, and so how it is replaced."""

    SECRET = "secret"
    NAME = "name"
    AUTHOR_ID = "author id"
    POST_ID = "post id"
    PICTURE = "picture"
    PHONE = "phone"
    IDENTITY = "identity"
    EMAIL = "email"
    ADDRESS = "address"


_PAIR = re.compile(
    r"""(?<![\w.-])([A-Za-z_][\w.-]{0,40}+)(["']?+\s{0,9}+[:=]\s{0,9}+)(?:"([^"\n]{1,2000}+)"|'([^'\n]{1,2000}+)'"""
    r"""|([^\s"'<>&;,{}\[\]()]{1,2000}+))"""
)
_ESCAPE = re.compile(r"\\{1,2}(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(/))")
_BLOB = re.compile(r"[=>(]\s{0,9}+(?=[{\[])")
_UNDEFINED = re.compile(r"(?<=[:,\[])\s*undefined(?=\s*[,}\]])")
_AT = re.compile("@([\\w\u3400-\u9fff·-]{2,30}+)")
_CHINESE = re.compile("[\u3400-\u9fff]")
_RUN = re.compile(r"[0-9A-Za-z]+")
_DANMAKU = re.compile(r"""\bp=["'](?:[^"',]{0,40},){6}([0-9a-fA-F]{4,16})""")
_WEIBO = re.compile(r"(?<![0-9A-Za-z])(?:\d{16}|[0-9A-Za-z]{9})(?![0-9A-Za-z])")
_PICTURE_HOST = r"(?:[\w-]{1,40}\.){0,4}(?:qlogo\.cn|sinaimg\.cn|tiebapic\.baidu\.com|himg\.bdimg\.com)"
_HEX4 = "[0-9a-fA-F]{1,4}"
_BORN = r"(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_PATTERNS = (
    (
        What.EMAIL,
        re.compile(r"(?<![\w.+-])[\w.+-]{1,64}+@[A-Za-z0-9-]{1,63}+(?:\.[A-Za-z0-9-]{1,63}+){1,4}+", re.ASCII),
    ),
    (What.IDENTITY, re.compile(rf"(?<![0-9A-Za-z])[1-9]\d{{5}}{_BORN}\d{{3}}[\dXx](?![0-9A-Za-z])")),
    (What.IDENTITY, re.compile(r"(?<![0-9A-Za-z])62\d{14,17}(?![0-9A-Za-z])")),
    (What.PHONE, re.compile(r"(?<![0-9A-Za-z.])1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?![0-9A-Za-z])")),
    (What.PHONE, re.compile(r"(?<![0-9A-Za-z.-])0\d{2,3}-\d{7,8}(?![0-9A-Za-z-])")),
    (What.ADDRESS, re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")),
    (What.ADDRESS, re.compile(rf"(?<![\w:.])(?:{_HEX4}:){{5,7}}{_HEX4}(?![\w:])")),
    (What.ADDRESS, re.compile(rf"(?<![\w:.]){_HEX4}(?::{_HEX4}){{1,5}}::(?:{_HEX4}(?::{_HEX4}){{0,5}})?(?![\w:])")),
    (What.SECRET, re.compile(r"(?<![\w-])eyJ[\w-]{8,2000}+\.[\w-]{8,4000}+\.[\w-]{8,1000}+")),
    (What.SECRET, re.compile(r"\b(?:[Bb]earer|[Bb]asic)\s{1,5}+([\w.~+/=-]{8,2000}+)")),
    (What.AUTHOR_ID, re.compile(r"(?:QQ|qq|微信号|微信|VX|vx|加V|[Ww]e[Cc]hat)[:：号 ]{0,3}([\w-]{5,20}+)", re.ASCII)),
    (What.PICTURE, re.compile(rf"https?://{_PICTURE_HOST}/[^\s\"'<>\\)]{{1,400}}+")),
)
_TOKEN_KEYS = re.compile(
    r"token|signature|^_?sign?$|bogus|^xs$|^xt$|ticket|sess|secret|cookie|passw|^pwd$|^auth|csrf|xsrf|apikey|accesskey"
    r"|secretkey|exportkey|voucher|nonce|buvid|deviceid|webid|uuid|logid|traceid|^uin$|fingerprint|chksm|pocid|^sid$"
    r"|^sub$|^subp$|^ttwid$|^snuid$|^suv$|clientip|requestid|searchid"
)
_NAME_KEYS = re.compile(
    r"^(?:screen|nick|show|display|user|author|real|contact|owner|reply|full|sender|poster|up)?name(?:show|raw)?$"
    r"|nickname|^nick$|^uname$|^acct$|^author$|^byline$|^creator$|^writer$|^poster$|^realname$|showname|usernick"
)
_PERSONS = re.compile(
    r"user|author|member|owner|account|creator|uploader|^upper$|poster|publisher|commenter|profile|^up$|mention"
)
_ID_KEYS = re.compile(r"ids?$|^idstr$|^bid$|^mblog|^rpid|^uri$|^urltoken$|^portrait$|^rootcomment$|^objectid$")
_AUTHOR_ID_KEYS = re.compile(
    r"^uid$|userid|useridstr|authorid|memberid|ownerid|accountid|^secuid$|^uniqueid$|^urltoken$|^portrait$|openid|unionid"
    r"|^midhash$|^userhash$|^usertoken$|^creatorid$|^couid$|^shortid$|^fromuid$|^touid$"
)
_PICTURE_KEYS = re.compile(
    r"avatar|profileimage|headurl|headimg|headpic|^face$|portraiturl|userpic|^headicon$|usericon"
)
_WORDS = frozenset(
    "question answer article zvideo video sogou comment comments sha256 status detail statuses https index forum "
    "thread topic reply replies weibo wechat bilibili douyin zhihu tieba kuaishou undefined function".split()
)
_MAX_BLOBS = 100
_MAX_NAME = 60
_LEAST_ID = 5
_LEAST_TOKEN = 8

Found: TypeAlias = tuple[What, str]
"""What a value is, and the value."""


def plain_copy(text: str) -> str:
    """Return the text with the escapes of JSON, HTML and addresses undone, twice; for looking only."""
    for _ in range(2):
        text = unquote(html.unescape(_ESCAPE.sub(_unescaped, text)), errors="replace")
    return text


def _unescaped(match: re.Match[str]) -> str:
    number = match[1] or match[2]
    return chr(int(number, 16)) if number else "/"


def find_in_posts(parsed: Parsed) -> Iterator[Found]:
    """Give the names and ids that a parser read."""
    for post in parsed.posts:
        yield from _of_post(post)


def _of_post(post: Post) -> Iterator[Found]:
    for name in (post.author.name, dict(post.extra).get("byline"), *post.at_users):
        yield from _named(name)
    if post.repost_of is not None:
        yield from _named(post.repost_of.author)
        yield from _runs(post.repost_of.id, What.POST_ID)
    yield from _runs(post.author.id, What.AUTHOR_ID)
    if post.platform == "web":
        for link in (post.native_id, post.url, post.raw_url):
            yield from ((What.POST_ID, run) for run in re.findall(r"(?<!\d)\d{9,20}(?!\d)", link or ""))
        return
    others = (value for name, value in post.extra if name == "id_alt")
    for native_id in (post.native_id, post.parent_id, post.root_id, *others):
        if native_id and not native_id.startswith(("hot:", "sogou:")):
            yield from _runs(native_id, What.POST_ID)


def _named(name: str | None) -> Iterator[Found]:
    if name and name.strip() and len(name) <= _MAX_NAME:
        yield What.NAME, name.strip()


def _runs(value: str | None, what: What) -> Iterator[Found]:
    """Give the parts of an id that are ids themselves: runs of letters and digits, long enough to tell somebody."""
    for run in _RUN.findall(value or "")[:20]:
        if len(run) >= _LEAST_ID and run.lower() not in _WORDS:
            yield what, run


def find_in_text(text: str, *, weibo: bool = False) -> Iterator[Found]:
    """Give what a text shows by its form or by the name before it.

    Args:
        text: An answer without escapes, see `plain_copy`.
        weibo: Look for Weibo's ids too, in both spellings.
    """
    for what, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            value = match[1] if pattern.groups else match[0]
            if what is not What.ADDRESS or _is_address(value):
                yield what, value
    for match in _AT.finditer(text):
        if _CHINESE.search(match[1]):
            yield What.NAME, match[1]
    for match in _DANMAKU.finditer(text):
        yield What.AUTHOR_ID, match[1]
    for match in _PAIR.finditer(text):
        quoted = match[3] or match[4]
        yield from _of_pair(match[1], quoted or match[5], quoted=bool(quoted), assigned="=" in match[2])
        for inner in _PAIR.finditer(quoted or "") if quoted and "=" in quoted else ():
            yield from _of_pair(inner[1], inner[3] or inner[4] or inner[5], quoted=False, assigned=True)
    if weibo:
        for match in _WEIBO.finditer(text):
            if len(match[0]) == 16 or mid_of_bid(match[0]):
                yield What.POST_ID, match[0]


def _is_address(value: str) -> bool:
    return ":" in value or all(int(part) <= 255 for part in value.split("."))


def _of_pair(key: str, value: str, *, quoted: bool, assigned: bool) -> Iterator[Found]:
    key = _plain_key(key)
    if _TOKEN_KEYS.search(key):
        opaque = any(char.isdigit() for char in value) or len(value) >= 20 or (quoted and len(value) >= 12)
        if len(value) >= _LEAST_TOKEN and opaque and "://" not in value and " " not in value.strip():
            yield What.SECRET, value
        elif quoted and ";" in value and "=" in value:  # a cookie written by a script
            yield from ((What.SECRET, part) for part in cookie_values(value))
    elif quoted and _PICTURE_KEYS.search(key) and value.startswith(("http", "//")):
        yield What.PICTURE, value
    elif _AUTHOR_ID_KEYS.search(key):
        yield from _runs(value, What.AUTHOR_ID)
    elif quoted and not assigned and _NAME_KEYS.search(key) and "<" not in value and "://" not in value:
        yield from _named(value)


def cookie_values(cookie: str) -> list[str]:
    """Return the values of a cookie header that are long enough to be worth anything."""
    values = (part.partition("=")[2].strip().strip('"') for part in cookie.split(";"))
    return [value for value in values if len(value) >= 6]


def _plain_key(key: str) -> str:
    return re.sub(r"[^0-9a-z]", "", key.lower())


def find_in_json(text: str) -> Iterator[Found]:
    """Give the names, ids and pictures of the JSON that a text is or holds; what is no JSON gives nothing."""
    whole = text.strip()
    if whole[:1] in ("{", "["):
        try:
            yield from _walk(json.loads(whole, strict=False), "", 0)
            return
        except (ValueError, RecursionError):
            pass
    text = _UNDEFINED.sub("null", text)
    decoder = json.JSONDecoder(strict=False)
    at = 0
    for _ in range(_MAX_BLOBS):
        match = _BLOB.search(text, at)
        if match is None:
            return
        try:
            value, at = decoder.raw_decode(text, match.end())
        except (ValueError, RecursionError):
            at = match.end() + 1
            continue
        yield from _walk(value, "", 0)


def _walk(value: Any, parent: str, depth: int) -> Iterator[Found]:
    if depth > 40:
        return
    if isinstance(value, list):
        for each in value:
            yield from _walk(each, parent, depth + 1)
    elif isinstance(value, dict):
        for key, each in value.items():
            name = _plain_key(key)
            if isinstance(each, dict | list):
                yield from _walk(each, name, depth + 1)
            else:
                yield from _of_field(name, each, bool(_PERSONS.search(parent)))
    elif isinstance(value, str) and parent in ("author", "authors", "mentions"):
        yield from _named(value)


def _of_field(key: str, value: Any, of_person: bool) -> Iterator[Found]:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return
    said = str(value)
    if isinstance(value, str) and said[:1] in ("{", "["):
        yield from find_in_json(said)
    elif of_person and key == "name" and isinstance(value, str):
        yield from _named(said)
    elif (of_person and key in ("id", "idstr", "mid", "pk", "key", "username")) or _AUTHOR_ID_KEYS.search(key):
        yield from _runs(said, What.AUTHOR_ID)
    elif isinstance(value, str) and _NAME_KEYS.search(key) and "<" not in said and "://" not in said:
        yield from _named(said)
    elif _ID_KEYS.search(key) and re.fullmatch(r"[0-9A-Za-z_:-]{6,64}", said) and any(map(str.isdigit, said)):
        yield from _runs(said, What.POST_ID)
