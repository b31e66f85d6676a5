"""What people forward in a chat: a link, or the words that an app copies with it. Pure."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from crawlers.link import public_link
from crawlers.platforms._native import Native, is_known_host, native_of, short_of
from crawlers.platforms._weibo_id import mid_time
from crawlers.text import at_names, clean, clean_line, hashtags, unwrap
from domain.errors import DomainError
from domain.ids import canonical_url
from domain.mention import Author, Kind, Post, Precision

__all__ = ["Shared", "find_link", "post_of", "read_shared"]

MAX_PASTE = 20_000
"""More of a pasted text is not read."""

# Nothing but ASCII belongs to a link in a chat: what stands behind it without a blank is mostly Chinese.
_CHAR = r"(?:(?![,;|]https?://)[0-9A-Za-z\-._~:/?#\[\]@!$&'()*+,;=%|])"
_LINK = re.compile(rf"https?://{_CHAR}+", re.IGNORECASE)
_BARE = re.compile(rf"(?<![0-9A-Za-z_.@/:%=-])((?:[a-z0-9-]{{1,40}}\.){{1,4}}[a-z]{{2,10}})/{_CHAR}+", re.IGNORECASE)
_WIDE = re.compile(r"(https?)\s?[:：]\s?[/／]{2}", re.IGNORECASE)
_TAIL = ".,;:!?'*_~|"
_PAIRS = {")": "(", "]": "["}

_TITLE = re.compile(r"【([^【】]{1,300})】")
_WORKS = re.compile(r"(.{1,40}?)的(?:图文|视频|直播)?作品")
_APPS = frozenset("抖音 抖音极速版 快手 快手极速版 小红书 微博 微博轻享版 知乎 哔哩哔哩 今日头条 百度贴吧 微信".split())
_SITE = r"(?:哔哩哔哩(?:_bilibili)?|bilibili|今日头条|知乎|微博|抖音|快手|百度贴吧|小红书(?: - 你的生活指南)?)"
_SITE_TAIL = re.compile(rf"\s{{0,5}}[-_|–—]\s{{0,5}}{_SITE}\s{{0,5}}$", re.IGNORECASE)
_BY = re.compile(r"\s-\s([^\s\-|]{1,30}?)(?:的(?:回答|文章|想法))?$")
_BOILERPLATE = re.compile(
    r"复制(?:本条信息|这条信息|此链接|链接|后)?[，,]?\s?打开(?:【[^】\n]{1,10}】|[^\s，,。！!]{2,8}?)(?:搜索|App)?[，,]?\s?"
    r"(?:直接)?(?:(?:查看|观看|看看)?(?:精彩内容|视频)|查看|观看|看看)?[！!。]?"
    r"|点击链接[，,]?\s?(?:直接打开|打开(?:【[^】\n]{1,10}】)?(?:直接观看)?)[！!。]?"
    r"|该作品在快手被播放过[^，,。！!\n]{0,20}次[，,。！!]?|#在抖音[，,]?记录美好生活#?",
    re.IGNORECASE,
)
_COUNT = re.compile(r"^\s?\d{1,2}(?:\.\d{1,2})?\s+(?=复制|【)")
_TOKEN = re.compile(r"(\S{1,2}) [0-9A-Za-z]{4,24} \1(?=\s|$)")
_HOLLOW = re.compile(r"[（(<\[]\s*[）)>\]]")
_WORD = re.compile(r"\w")
_CODES = re.compile(r"[\x21-\x7e ]{0,60}")
_EARLIEST = datetime(2009, 1, 1, tzinfo=UTC)
_XHS_ID = re.compile(r"[0-9a-f]{24}")
_CLOCKS = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What a pasted text says of the post behind its link."""

    text: str = ""
    """Its words without link and without what the app adds; empty = a bare link."""
    title: str | None = None
    """Title between 【 and 】; None = none."""
    author: str | None = None
    """Who is named as the author; None = nobody."""


def find_link(text: str) -> str | None:
    """Return the link in a pasted text, ready to be asked for; None = there is none.

    Of several the first that leads to a known platform, else the first. A link ends at the first
    character that is not ASCII; closing brackets and punctuation behind it do not belong to it. Links
    of platforms and short links are also found without their `https://`.
    """
    links = list(_links(_WIDE.sub(r"\1://", text[:MAX_PASTE])))
    known = (link for link in links if native_of(link) or short_of(link))
    return next(known, links[0] if links else None)


def _links(text: str) -> Iterator[str]:
    found = [(match.start(), match[0]) for match in _LINK.finditer(text)]
    ends = [(start, start + len(link)) for start, link in found]
    for match in _BARE.finditer(text):
        inside = any(start <= match.start() < end for start, end in ends)
        if not inside and is_known_host(match[1].lower()):
            found.append((match.start(), f"https://{match[0]}"))
    for _, link in sorted(found):
        if url := public_link(unwrap(html.unescape(_trimmed(link)))):
            yield url


def _trimmed(link: str) -> str:
    while link:
        last = link[-1]
        opened = _PAIRS.get(last)
        if last not in _TAIL and (opened is None or link.count(opened) >= link.count(last)):
            return link
        link = link[:-1]
    return link


def read_shared(text: str) -> Shared:
    """Return what a pasted text says; links, and the words that apps add to them, are left out."""
    text = _WIDE.sub(r"\1://", text[:MAX_PASTE])
    opened = _BOILERPLATE.search(text)
    words = _without_links(text, cut_codes=opened is not None)
    words = clean(_BOILERPLATE.sub(" ", _COUNT.sub("", words)))
    told = [(each, _plain_title(each)) for each in _TITLE.findall(words)]
    works = [match for _, plain in told if (match := _WORKS.fullmatch(plain))]
    titles = [plain for _, plain in told if plain and not _WORKS.fullmatch(plain)]
    title = titles[0] if titles else None
    author = works[0][1].strip() if works else None
    for each, plain in told:
        if plain not in titles[1:]:
            words = words.replace(f"【{each}】", " ", 1)
    words = clean(_HOLLOW.sub("", _TOKEN.sub(" ", words))).strip(' "“”,，')
    words = words if _WORD.search(words) else ""
    if title is None and "\n" not in words and _SITE_TAIL.search(words):
        title, words = _SITE_TAIL.sub("", words), ""
    if title is not None and (by := _BY.search(title)):
        author, title = author or by[1], title[: by.start()]
    author = author or next(iter(at_names(words)), None)
    return Shared(text=words, title=clean_line(title, 300), author=clean_line(author, 100))


def _plain_title(title: str) -> str:
    """Return a title without the name of its site; empty for the name of an app alone."""
    plain = _SITE_TAIL.sub("", title).strip()
    return "" if plain in _APPS else plain


def _without_links(text: str, *, cut_codes: bool) -> str:
    """Return text without its links, and without the codes behind them by which an app finds the post."""
    parts: list[str] = []
    at = 0
    for match in sorted([*_LINK.finditer(text), *_BARE.finditer(text)], key=lambda each: each.start()):
        if match.start() < at or (match.re is _BARE and not is_known_host(match[1].lower())):
            continue
        end = match.start() + len(_trimmed(match[0]))
        parts.append(text[at : match.start()])
        codes = _CODES.match(text, end)
        at = codes.end() if cut_codes and codes and codes.end() == len(text.rstrip()) else end
    return " ".join([*parts, text[at:]])


def post_of(link: str, shared: Shared, now: datetime) -> Post:
    """Return the post behind a lasting link as far as link and pasted text tell it.

    Args:
        link: Absolute link; of a short link whose target is unknown, that link itself.
        shared: What the pasted text says.
        now: Present moment, aware.
    """
    native = native_of(link)
    short = short_of(link)
    platform = native.platform if native else (short.platform if short and short.platform else "web")
    known = native is not None and native.native_id is not None
    at, precision = _made_at(native, now) if native else (None, None)
    return Post(
        platform=platform,
        native_id=(native.native_id if native else None) or _by_link(link),
        kind=native.kind if native and not short else Kind.ARTICLE if platform == "web" else Kind.POST,
        text=shared.text,
        title=shared.title,
        url=native.url if native and known else link,
        author=Author(name=shared.author, id=native.author_id if native else None),
        published_at=at,
        published_precision=precision,
        tags=hashtags(shared.text),
        at_users=at_names(shared.text),
        truncated=True,
    )


def _by_link(link: str) -> str:
    try:
        return canonical_url(link)
    except DomainError:
        return link


def _made_at(native: Native, now: datetime) -> tuple[datetime | None, Precision | None]:
    """Return when a post was made, as its id tells it (contracts: platforms, section 3.3)."""
    name, at = native.native_id or "", None
    if native.platform == "weibo":
        at = mid_time(name)
    elif native.platform == "xiaohongshu" and _XHS_ID.fullmatch(name):
        at = datetime.fromtimestamp(int(name[:8], 16), UTC)
    elif native.platform in ("douyin", "toutiao") and name.isdigit() and len(name) == 19:
        at = datetime.fromtimestamp(int(name) >> 32, UTC)
    if at is None or not _EARLIEST < at < now + _CLOCKS:
        return None, None
    return at, Precision.MINUTE
