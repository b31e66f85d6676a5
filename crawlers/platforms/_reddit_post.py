"""One entry of a Reddit feed, or one thing of a listing, to a post."""

import html
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from crawlers.cn_time import parse_cn_time
from crawlers.platforms._open_api import http_link
from crawlers.shape import engagement, obj, text_of
from crawlers.text import Rich, clean, clean_line, html_to_text
from domain.mention import Author, Kind, Post

__all__ = ["from_feed", "is_post", "is_removed", "is_removed_post", "read_thing"]

_BASE = "https://www.reddit.com"
_NAME = re.compile(r"t[13]_[a-z0-9]{1,16}")
_THREAD = re.compile(r"/comments/([a-z0-9]{1,16})(?:/[^/?#]{0,300}/([a-z0-9]{1,16}))?(?=[/?#]|$)", re.IGNORECASE)
_FORUM = re.compile(r"/(?:r|user)/([A-Za-z0-9_-]{2,32})/")
_HOST = re.compile(r"https?://(?:[a-z]{2,10}\.)?reddit\.com(?=/)", re.IGNORECASE)
_ON_POST = re.compile(r"/u/\S{1,40} on (?=\S)")
_REMOVED = re.compile(r"\[ ?(?:removed|deleted)(?: by [a-z' ]{2,30})? ?\]", re.IGNORECASE)
_TAIL_LENGTH = 300


def is_post(post: Post) -> bool:
    """Say whether a feed's entry is a post or a comment; a search also lists forums and people."""
    return bool(_NAME.fullmatch(post.native_id) or _THREAD.search(post.url or ""))


def is_removed_post(post: Post) -> bool:
    """Say whether what is shown only says that the text was removed."""
    return bool(_REMOVED.fullmatch(post.text) or (not post.text and _REMOVED.fullmatch(post.title or "")))


def from_feed(post: Post, parent: str | None) -> Post | None:
    """Return a feed's entry as a Reddit post; None if there is nothing to know it by.

    Args:
        post: The entry as an open-web page.
        parent: Id of the post or comment whose comments were asked for; None = not known.
    """
    name = _name(post)
    if not name or not post.url:
        return None
    match, comment = _THREAD.search(post.url), name.startswith("t1_")
    author = (post.author.name or "").removeprefix("/")
    author = author.removeprefix("u/") if author.startswith("u/") and not _REMOVED.search(author) else ""
    root = f"t3_{match[1]}" if match and comment else None
    forum = next((tag for tag in post.tags if tag.startswith(("r/", "u/"))), None) or _forum(post.url)
    return Post(
        platform="reddit",
        native_id=name,
        kind=Kind.COMMENT if comment else Kind.POST,
        title=clean_line(_ON_POST.sub("", post.title or "", count=1)) if comment else post.title,
        text=_own_text(post.text),
        url=_HOST.sub(_BASE, post.url, count=1),
        author=Author(name=author or None),
        published_at=post.published_at,
        published_precision=post.published_precision,
        published_raw=post.published_raw,
        parent_id=(parent or root) if comment else None,
        root_id=root,
        links=tuple(link for link in post.links if not _is_furniture(link, author, match)),
        extra=(("forum", forum),) if forum else (),
    )


def _name(post: Post) -> str:
    if _NAME.fullmatch(post.native_id):
        return post.native_id
    match = _THREAD.search(post.url or "")
    return "" if match is None else (f"t1_{match[2]}" if match[2] else f"t3_{match[1]}").lower()


def _forum(url: str) -> str | None:
    match = _FORUM.search(url)
    return None if match is None else f"{'u' if '/user/' in match[0] else 'r'}/{match[1]}"


def _own_text(text: str) -> str:
    """Return the text without the line that says who submitted it where."""
    own, mark, tail = text.rpartition("submitted by")
    tail = tail.strip()
    if not mark or len(tail) > _TAIL_LENGTH or not tail.startswith(("/u/", "[deleted]")):
        return text
    return own.strip() if tail.endswith(("[link]", "[comments]")) else text


def _is_furniture(link: str, author: str, match: re.Match[str] | None) -> bool:
    """Say whether a link is the feed's own: to the author or to the thread itself."""
    if _HOST.match(link) is None:
        return False
    path = _HOST.sub("", link, count=1)
    if author and path.rstrip("/").lower() == f"/user/{author.lower()}":
        return True
    found = _THREAD.search(path)
    if found is None:
        return path.startswith("/r/") and path.count("/") <= 3 and "?" not in path
    return match is not None and found[1].lower() == match[1].lower()


def is_removed(thing: Mapping[str, Any]) -> bool:
    """Say whether a thing of a listing was removed or deleted."""
    told = obj(thing.get("data")) or thing
    shown = text_of(told.get("selftext")) or text_of(told.get("body"))
    return bool(text_of(told.get("removed_by_category"))) or bool(_REMOVED.fullmatch(shown.strip()))


def read_thing(thing: Mapping[str, Any], now: datetime) -> Post | None:
    """Return a post or a comment of a listing; None if there is nothing to know it by."""
    told = obj(thing.get("data"))
    comment = text_of(thing.get("kind")) == "t1" or text_of(told.get("name")).startswith("t1_")
    name = text_of(told.get("name")) or f"{'t1' if comment else 't3'}_{text_of(told.get('id'))}"
    path = text_of(told.get("permalink"))
    if not _NAME.fullmatch(name) or not path.startswith("/"):
        return None
    rich, stamp = _rich(told, comment), parse_cn_time(told.get("created_utc"), now)
    forum = clean_line(text_of(told.get("subreddit_name_prefixed")), 40) or _forum(path)
    target = None if comment or told.get("is_self") is True else http_link(html.unescape(text_of(told.get("url"))))
    own = target is not None and path in target
    return Post(
        platform="reddit",
        native_id=name,
        kind=Kind.COMMENT if comment else Kind.POST,
        title=clean_line(html.unescape(text_of(told.get("link_title" if comment else "title")))),
        text=rich.text,
        url=_BASE + (clean_line(path, 1_000) or "/"),
        author=_author(told),
        published_at=stamp.at if stamp else None,
        published_precision=stamp.precision if stamp else None,
        published_raw=clean_line(text_of(told.get("created_utc")), 60),
        engagement=engagement(likes=told.get("score", told.get("ups")), comments=told.get("num_comments")),
        parent_id=_thing_name(told.get("parent_id")) if comment else None,
        root_id=_thing_name(told.get("link_id")) if comment else None,
        links=tuple(dict.fromkeys((*((target,) if target and not own else ()), *rich.links))),
        promoted=told.get("promoted") is True or told.get("is_created_from_ads_ui") is True,
        extra=(("forum", forum),) if forum else (),
    )


def _rich(told: Mapping[str, Any], comment: bool) -> Rich:
    markup = text_of(told.get("body_html" if comment else "selftext_html"))
    if markup.strip():
        return html_to_text(markup if "<" in markup else html.unescape(markup), f"{_BASE}/")
    return Rich(text=clean(html.unescape(text_of(told.get("body" if comment else "selftext")))))


def _author(told: Mapping[str, Any]) -> Author:
    name = clean_line(text_of(told.get("author")), 100)
    if not name or _REMOVED.fullmatch(name):
        return Author()
    return Author(name=name, id=clean_line(text_of(told.get("author_fullname")), 40))


def _thing_name(raw: object) -> str | None:
    name = text_of(raw)
    return name if _NAME.fullmatch(name) else None
