"""One entry of any kind of feed to a post."""

import re
from dataclasses import dataclass
from datetime import datetime

from crawlers.cn_time import parse_cn_time
from crawlers.link import public_link
from crawlers.shape import engagement
from crawlers.text import MAX_TEXT, clean_line, html_to_text
from domain.ids import bounded_id
from domain.mention import Author, Kind, Post

__all__ = ["Entry", "to_post"]

_MAIL_AUTHOR = re.compile(r"\S+@\S+\s*\((.{1,100})\)")
_ESCAPED_TAG = re.compile(r"&lt;/?(?:p|br|div|a|span|img|b|strong|em|ul|li|h\d|blockquote)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a feed says of one entry, as written there."""

    guid: str = ""
    """Its id; empty = none."""
    guid_is_link: bool = False
    """The feed says that the id opens the page."""
    link: str = ""
    """Link as written; empty = none."""
    title: str = ""
    """Title as readable text."""
    markup: str = ""
    """Best text as HTML, after the decoding that the feed format asks for."""
    author: str = ""
    """Author of the entry or the feed; empty = none."""
    published: str = ""
    """Time as printed; empty = none."""
    tags: tuple[str, ...] = ()
    """Categories in order."""
    comments: object = None
    """Number of comments as printed; None = not shown."""
    language: str = ""
    """Language tag such as zh-CN; empty = none."""


def to_post(entry: Entry, *, site: str | None, base: str, now: datetime) -> Post | None:
    """Return the entry as a post; None if there is nothing to know it by.

    Args:
        entry: What the feed says.
        site: Title of the feed.
        base: Address against which relative links are read.
        now: Moment of the answer; later times of publication are set to it.
    """
    found = entry.link or (entry.guid if entry.guid_is_link or entry.guid[:4].lower() == "http" else "")
    url = public_link(found, base)
    title = clean_line(entry.title)
    markup = _unescaped(entry.markup)
    guid = bounded_id(clean_line(entry.guid, MAX_TEXT) or "")
    native_id = guid or url or (title and f"{title}|{entry.published[:60]}")
    if not native_id:
        return None
    rich = html_to_text(markup, url or base)
    stamp = parse_cn_time(entry.published, now)
    raw = clean_line(found, 2_048)
    return Post(
        platform="web",
        native_id=native_id,
        kind=Kind.ARTICLE,
        title=title,
        text=rich.text,
        url=url,
        raw_url=raw if raw and raw != url and raw.startswith("http") else None,
        author=Author(name=_author_name(entry.author) or site),
        outlet=site,
        published_at=min(stamp.at, now) if stamp else None,
        published_precision=stamp.precision if stamp else None,
        published_raw=clean_line(entry.published, 60),
        engagement=engagement(comments=entry.comments),
        tags=tuple(dict.fromkeys(tag for tag in (clean_line(each, 64) for each in entry.tags[:50]) if tag)),
        links=rich.links,
        lang=_language(entry.language),
    )


def _unescaped(markup: str) -> str:
    """Undo a second escaping, which some feeds apply to the whole description."""
    if "<" not in markup and _ESCAPED_TAG.search(markup):
        return html_unescape(markup)
    return markup


def html_unescape(markup: str) -> str:
    """Decode the entities of tags once; those of text stay for the reader of HTML."""
    return markup.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")


def _author_name(raw: str) -> str | None:
    name = clean_line(html_to_text(raw).text, 200)
    match = _MAIL_AUTHOR.fullmatch(name) if name else None
    return match[1] if match else name


def _language(tag: str) -> str | None:
    code = tag.strip().lower()[:2]
    return code if len(code) == 2 and code.isascii() and code.isalpha() else None
