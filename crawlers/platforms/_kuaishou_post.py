"""One Kuaishou video or comment as JSON to a post."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from crawlers.cn_time import Stamp, parse_cn_time
from crawlers.number import parse_number
from crawlers.platforms._caption import caption_names, caption_tags, caption_text, named_tags
from crawlers.shape import engagement, entries, obj, text_of
from crawlers.text import clean_line
from domain.mention import Author, Kind, Post

__all__ = ["Video", "read_thread", "read_video", "video_link"]

_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_MENTION = re.compile(r"@([^@#\n()]{1,40})\(O[0-9A-Za-z_-]{3,64}\)")


class Video(NamedTuple):
    """The video that comments belong to."""

    id: str
    """Its id."""
    url: str
    """Its permanent link."""


class _Caption(NamedTuple):
    text: str
    at_users: tuple[str, ...]


def _word(raw: object) -> str:
    text = text_of(raw)
    return text if _ID.fullmatch(text) else ""


def video_link(video_id: str) -> str:
    """Return the permanent link of a video; empty for what is no id."""
    return f"https://www.kuaishou.com/short-video/{video_id}" if _ID.fullmatch(video_id) else ""


def read_video(feed: Mapping[str, Any], now: datetime) -> Post | None:
    """Read one entry of a search or one video with its author; None if it has no id."""
    photo, author = obj(feed, "photo"), obj(feed, "author")
    video_id = _word(photo.get("id"))
    if not video_id:
        return None
    caption = _caption(photo.get("caption") or photo.get("originCaption"))
    listed = feed.get("tags")
    stamp = parse_cn_time(photo.get("timestamp"), now)
    return Post(
        platform="kuaishou",
        native_id=video_id,
        kind=Kind.VIDEO,
        text=caption.text,
        url=video_link(video_id),
        author=Author(name=clean_line(text_of(author.get("name")), 100), id=clean_line(text_of(author.get("id")), 64)),
        published_at=stamp.at if stamp else None,
        published_precision=stamp.precision if stamp else None,
        published_raw=_printed(photo.get("timestamp"), stamp),
        engagement=engagement(
            likes=_exact(photo, "realLikeCount", "likeCount"),
            views=photo.get("viewCount"),
            comments=photo.get("commentCount"),
        ),
        tags=named_tags(listed, "name") if isinstance(listed, list) else caption_tags(caption.text),
        at_users=caption.at_users,
    )


def read_thread(comment: Mapping[str, Any], video: Video, now: datetime) -> list[Post | None]:
    """Read a comment and the replies that come with it, in order; None for what has no id."""
    top = _comment(comment, video, None, now)
    root = top.native_id if top is not None else None
    replies = comment.get("subCommentsV2") or comment.get("subComments")
    return [top, *(_comment(reply, video, root, now) for reply in entries(replies))]


def _comment(comment: Mapping[str, Any], video: Video, root: str | None, now: datetime) -> Post | None:
    comment_id = _word(_either(comment, "comment_id", "commentId"))
    if not comment_id:
        return None
    caption = _caption(comment.get("content"))
    stamp = parse_cn_time(comment.get("timestamp"), now)
    return Post(
        platform="kuaishou",
        native_id=comment_id,
        kind=Kind.COMMENT,
        text=caption.text,
        url=video.url,
        author=Author(
            name=clean_line(text_of(_either(comment, "author_name", "authorName")), 100),
            id=clean_line(text_of(_either(comment, "author_id", "authorId")), 64),
        ),
        published_at=stamp.at if stamp else None,
        published_precision=stamp.precision if stamp else None,
        published_raw=_printed(comment.get("timestamp"), stamp),
        engagement=engagement(
            likes=_exact(comment, "realLikeCount", "realLikedCount", "likeCount", "likedCount"),
            comments=_either(comment, "commentCount", "subCommentCount"),
        ),
        parent_id=root or video.id,
        root_id=root,
        at_users=caption.at_users,
    )


def _caption(raw: object) -> _Caption:
    """Return a caption whose marked names lost their ids: `@名字(O3x…)` is `@名字`."""
    source = text_of(raw)
    marked = tuple(dict.fromkeys(name.strip() for name in _MENTION.findall(source) if name.strip()))
    text = caption_text(_MENTION.sub(lambda match: f"@{match[1].strip()}", source))
    return _Caption(text, caption_names(text, marked))


def _either(source: Mapping[str, Any], *names: str) -> object:
    return next((source[name] for name in names if source.get(name) is not None), None)


def _exact(source: Mapping[str, Any], *names: str) -> object:
    """Return the first of these counters that holds a number: the exact one stands before the printed one."""
    return next((source[name] for name in names if parse_number(source.get(name)).value is not None), None)


def _printed(raw: object, stamp: Stamp | None) -> str | None:
    return clean_line(text_of(raw), 60) if stamp else None
