"""News sitemaps and sitemap indexes as XML to posts and addresses."""

import re
import zlib
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from urllib.parse import urljoin

from lxml import etree

from crawlers.base import Parsed
from crawlers.cn_time import Stamp, parse_cn_time
from crawlers.link import public_link
from crawlers.platforms._gather import MAX_ENTRIES, gather
from crawlers.text import clean_line, crowded, html_to_text
from crawlers.tree import local_name, xml_root
from domain.ids import bounded_id
from domain.mention import Author, Kind, Post, Precision
from domain.outcome import Drop, FetchOutcome

__all__ = ["inflated", "read_sitemap"]

_MAX_BYTES = 16_000_000
_GZIP = b"\x1f\x8b"
_MAX_CHILDREN = 20
_FRESH = timedelta(days=2)
_MAX_URL = 2_048
_MAX_TAGS = 50
_SEPARATOR = re.compile(r"[,，;；、]")
_END = re.compile(r"</(?:\w{1,20}:)?urlset\s*+>|<(?:\w{1,20}:)?urlset[^<>]{0,2000}/>")
_OPENED, _CLOSED = re.compile(r"<(?:\w{1,20}:)?url[\s>]"), re.compile(r"</(?:\w{1,20}:)?url\s*+>")


def inflated(body: bytes) -> bytes | None:
    """Return a body that may be gzip'd once or twice, at most 16 MB of it; None if it cannot be read.

    What a broken-off file still holds is given.
    """
    for _ in range(2):
        if not body.startswith(_GZIP):
            return body
        unpacked = _unpacked(body)
        if not unpacked:
            return None
        body = unpacked
    return body


def _unpacked(body: bytes) -> bytes:
    parts: list[bytes] = []
    room = _MAX_BYTES
    while body.startswith(_GZIP) and room > 0 and len(parts) < 1_000:
        unzip = zlib.decompressobj(wbits=31)
        try:
            part = unzip.decompress(body, room)
        except zlib.error:
            break
        parts.append(part)
        room -= len(part)
        body = unzip.unused_data if unzip.eof else b""
    return b"".join(parts)


def read_sitemap(text: str, url: str, now: datetime) -> Parsed | None:
    """Return what a sitemap or an index holds; None if the text is neither.

    Args:
        text: The decoded file.
        url: Its address, against which relative links are read.
        now: Moment of the answer.
    """
    root = None if crowded(text) else xml_root(text)
    if root is None:
        return None
    if local_name(root) == "sitemapindex":
        children = _fresh(root, url, now)
        outcome = FetchOutcome.OK if children else FetchOutcome.EMPTY
        return Parsed(outcome=outcome, extras=(("fresh_children", children),))
    return _pages(root, text, url, now) if local_name(root) == "urlset" else None


def _pages(root: etree._Element, text: str, url: str, now: datetime) -> Parsed:
    nodes = [node for node in root if local_name(node) == "url"]
    cut = len(_OPENED.findall(text)) > len(_CLOSED.findall(text))
    if cut and len(nodes) == len(_OPENED.findall(text)):
        nodes = nodes[:-1]
    news = [(node, part) for node in nodes if (part := _child(node, "news")) is not None]
    found = (_post(node, part, url, now) for node, part in news[:MAX_ENTRIES])
    posts, drops = gather(found, unread=max(len(news) - MAX_ENTRIES, 0), unfinished=cut)
    counted = Counter(dict(drops))
    counted[Drop.NO_TEXT] += len(nodes) - len(news)
    drops = tuple(each for each in counted.items() if each[1])
    cut = cut or _END.search(text) is None
    if cut and not posts:
        return Parsed(outcome=FetchOutcome.PARSE_ERROR, drops=drops, detail="cut off before its end")
    outcome = FetchOutcome.OK if posts else FetchOutcome.SCHEMA_ERROR if news else FetchOutcome.EMPTY
    return Parsed(outcome=outcome, posts=posts, drops=drops, detail="cut off before its end" if cut else "")


def _post(node: etree._Element, news: etree._Element, base: str, now: datetime) -> Post | None:
    found = _text(_child(node, "loc"))
    url = public_link(found, base)
    title = clean_line(html_to_text(_text(_child(news, "title"))).text)
    if url is None or not title:
        return None
    publication = _child(news, "publication")
    medium = clean_line(_text(_child(publication, "name")), 200)
    printed = _text(_child(news, "publication_date"))
    stamp = parse_cn_time(printed, now)
    raw = clean_line(found, _MAX_URL)
    return Post(
        platform="web",
        native_id=bounded_id(url),
        kind=Kind.ARTICLE,
        title=title,
        text="",
        url=url,
        raw_url=raw if raw != url and public_link(raw or "") == url else None,
        author=Author(name=medium),
        outlet=medium,
        published_at=stamp.at if stamp else None,
        published_precision=stamp.precision if stamp else None,
        published_raw=clean_line(printed, 60),
        tags=_keywords(_text(_child(news, "keywords"))),
        lang=clean_line(_text(_child(publication, "language")).lower(), 10),
    )


def _keywords(printed: str) -> tuple[str, ...]:
    words = (clean_line(html_to_text(word).text, 64) for word in _SEPARATOR.split(printed[:4_000]))
    return tuple(islice(dict.fromkeys(word for word in words if word), _MAX_TAGS))


def _fresh(root: etree._Element, base: str, now: datetime) -> list[str]:
    """Return the addresses of an index's fresh children, newest first, those without a time last."""
    dated: list[tuple[float, str]] = []
    for address, stamp in islice(_children(root, base, now), MAX_ENTRIES):
        if stamp is None:
            dated.append((0.0, address))
        elif _latest(stamp) >= now - _FRESH:
            dated.append((-stamp.at.timestamp(), address))
    dated.sort(key=lambda each: each[0])
    return list(dict.fromkeys(address for _, address in dated))[:_MAX_CHILDREN]


def _children(root: etree._Element, base: str, now: datetime) -> Iterator[tuple[str, Stamp | None]]:
    for node in root:
        address = _address(_text(_child(node, "loc")), base) if local_name(node) == "sitemap" else None
        if address is not None:
            yield address, parse_cn_time(_text(_child(node, "lastmod")), now)


def _latest(stamp: Stamp) -> datetime:
    """Return the last moment that a time can mean: a mere date is a whole day."""
    return stamp.at + (timedelta(days=1) if stamp.precision is Precision.DAY else timedelta(0))


def _address(found: str, base: str) -> str | None:
    """Return an absolute http(s) address with all its parameters: it is fetched, not shown."""
    if public_link(found, base) is None:
        return None
    address = "".join(char for char in urljoin(base, found.strip()) if char.isprintable()).replace(" ", "%20")
    return address.partition("#")[0]


def _child(node: etree._Element | None, name: str) -> etree._Element | None:
    return next((child for child in node if local_name(child) == name), None) if node is not None else None


def _text(node: etree._Element | None) -> str:
    return "".join(str(part) for part in node.itertext()).strip() if node is not None else ""
