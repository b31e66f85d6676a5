"""Comments of Bilibili as JSON to posts."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from crawlers.base import Response
from crawlers.cn_time import parse_cn_time
from crawlers.platforms._bilibili_video import SITE, author_of, is_number, video_link
from crawlers.shape import engagement, entries, obj, text_of
from crawlers.text import at_names, clean_line, hashtags, html_to_text
from domain.mention import Author, Kind, Post

__all__ = ["Place", "place_of", "read_replies", "seen"]

_REPLY = re.compile(r"^回复 ?@[^:：]{1,40}[:：]")
_REGION = re.compile(r"^IP属地[:：]")
_OF_TYPE = {
    "1": f"{SITE}/video/av",
    "11": "https://h.bilibili.com/",
    "12": f"{SITE}/read/cv",
    "17": "https://t.bilibili.com/",
}
_DEPTH = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What the comments of one answer stand under."""

    parent_id: str
    """Id that the asker knows it by; empty = the number in the comments themselves."""
    url: str | None
    """Its permanent link; None = by the type and number of the comments."""
    now: datetime
    """Moment of the answer."""


def place_of(response: Response) -> Place:
    """Return what the comments stand under, from what the asker knew and from the address."""
    context = response.context
    try:
        asked = parse_qs(urlsplit(response.url).query).get("oid", [""])[0]
    except ValueError:
        asked = ""
    url = video_link(context.get("parent_bvid", ""), "")[1] or context.get("parent_url") or None
    parent = context.get("parent_id") or (asked if is_number(asked) else "")
    return Place(parent_id=parent, url=url, now=response.now)


def seen(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the top-level comments of an answer, pinned ones first; a pinned one comes again."""
    top = obj(data, "top")
    pinned = (obj(top, "upper"), obj(top, "admin"), obj(data, "upper", "top"))
    return [*(each for each in pinned if each), *entries(data.get("top_replies")), *entries(data.get("replies"))]


def read_replies(found: list[Mapping[str, Any]], place: Place) -> Iterator[Post | None]:
    """Read comments, each followed by the answers it shows; None = one without an id. Hidden ones are left out."""
    for comment in found:
        yield from _thread(comment, place, "", _DEPTH)


def _thread(comment: Mapping[str, Any], place: Place, above: str, depth: int) -> Iterator[Post | None]:
    if comment.get("invisible") is True:
        return
    post = _read(comment, place, above)
    yield post
    if post is None or depth == 0:
        return
    for answer in entries(comment.get("replies")):
        yield from _thread(answer, place, post.native_id, depth - 1)


def _number(comment: Mapping[str, Any], name: str) -> str:
    """Return a comment's number, as text or as number; empty for none and for 0."""
    for value in (text_of(comment.get(f"{name}_str")), text_of(comment.get(name))):
        if is_number(value):
            return value
    return ""


def _read(comment: Mapping[str, Any], place: Place, above: str) -> Post | None:
    rpid, oid = _number(comment, "rpid"), _number(comment, "oid")
    page = place.url or _page(text_of(comment.get("type")), oid or place.parent_id)
    if not rpid or not page:
        return None
    root = _number(comment, "root") or above
    parent = _number(comment, "parent") or root
    text = html_to_text(text_of(obj(comment, "content").get("message")).replace("<", "&lt;")).text
    stamp = parse_cn_time(comment.get("ctime"), place.now)
    return Post(
        platform="bilibili",
        native_id=rpid,
        kind=Kind.COMMENT,
        text=text,
        url=f"{page}#reply{rpid}",
        author=_author(comment),
        published_at=stamp.at if stamp else None,
        published_precision=stamp.precision if stamp else None,
        published_raw=clean_line(text_of(comment.get("ctime")), 60),
        engagement=engagement(likes=comment.get("like"), comments=comment.get("rcount", comment.get("count"))),
        parent_id=parent or place.parent_id or oid or None,
        root_id=root or None,
        tags=hashtags(text),
        at_users=_names(comment, _REPLY.sub("", text)),
    )


def _page(kind: str, oid: str) -> str:
    start = _OF_TYPE.get(kind or "1", "")
    return start + oid if start and is_number(oid) else ""


def _author(comment: Mapping[str, Any]) -> Author:
    member = obj(comment, "member")
    region = clean_line(text_of(obj(comment, "reply_control").get("location")), 40) or ""
    told = obj(member, "official_verify").get("type")
    kind = told if isinstance(told, int) and not isinstance(told, bool) else None
    return replace(
        author_of(member.get("uname"), member.get("mid") or comment.get("mid")),
        region=_REGION.sub("", region).strip() or None,
        verified=kind >= 0 if kind is not None else None,
        verified_type=kind,
    )


def _names(comment: Mapping[str, Any], own: str) -> tuple[str, ...]:
    """Return who is named: those whom the platform lists with a number, else as the text has it."""
    listed = obj(comment, "content", "at_name_to_mid")
    told = [name for name in (clean_line(text_of(name), 60) for name in listed) if name]
    return tuple(name for name in dict.fromkeys(told) if f"@{name}" in own) if told else at_names(own)
