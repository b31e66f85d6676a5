"""JSON Feed 1.0 and 1.1 to posts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from crawlers.link import public_link
from crawlers.platforms._feed_entry import Entry, to_post
from crawlers.platforms._gather import MAX_ENTRIES, Drops, gather
from crawlers.shape import entries, obj, text_of
from crawlers.text import clean_line, html_to_text
from domain.mention import Post

__all__ = ["is_json_feed", "read_json_feed"]


def is_json_feed(body: Mapping[str, Any]) -> bool:
    """Say whether a JSON object is a JSON Feed."""
    return isinstance(body.get("items"), list) and ("jsonfeed.org" in text_of(body.get("version")) or "title" in body)


def read_json_feed(body: Mapping[str, Any], url: str, now: datetime) -> tuple[tuple[Post, ...], Drops]:
    """Return the posts of a JSON Feed in order, each id once, and what was let go."""
    site = clean_line(text_of(body.get("title")), 200)
    home = public_link(text_of(body.get("home_page_url")), url) or url
    items = entries(body.get("items"))
    found = (to_post(_entry(item, body), site=site, base=home, now=now) for item in items[:MAX_ENTRIES])
    return gather(found, unread=max(len(items) - MAX_ENTRIES, 0))


def _entry(item: Mapping[str, Any], body: Mapping[str, Any]) -> Entry:
    markup, plain = text_of(item.get("content_html")), text_of(item.get("content_text"))
    tags = item.get("tags")
    language = text_of(item.get("language")) or text_of(body.get("language"))
    return Entry(
        guid=text_of(item.get("id")),
        link=text_of(item.get("url")) or text_of(item.get("external_url")),
        title=html_to_text(text_of(item.get("title"))).text,
        markup=markup or plain.replace("&", "&amp;").replace("<", "&lt;") or text_of(item.get("summary")),
        author=_author(item) or _author(body),
        published=text_of(item.get("date_published")) or text_of(item.get("date_modified")),
        tags=tuple(text_of(tag) for tag in tags) if isinstance(tags, list) else (),
        comments=obj(item, "_extra").get("comments"),
        language=language,
    )


def _author(owner: Mapping[str, Any]) -> str:
    for author in (*entries(owner.get("authors")), obj(owner, "author")):
        name = text_of(author.get("name"))
        if name:
            return name
    return ""
