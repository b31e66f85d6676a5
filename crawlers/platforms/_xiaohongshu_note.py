"""Notes and comments of Xiaohongshu as JSON to posts; the page spells its keys in camel case, the API in snake case."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from crawlers.cn_time import Stamp, parse_cn_time
from crawlers.shape import engagement, entries, obj, text_of
from crawlers.text import at_names, clean_line, hashtags, html_to_text
from domain.mention import Author, Engagement, Kind, Post

__all__ = ["is_id", "note_link", "note_time", "read_comments", "read_note"]

_SITE = "https://www.xiaohongshu.com/explore/"
_ID = re.compile(r"[0-9A-Za-z]{8,40}")
_EPOCH_HEAD = re.compile(r"[0-9a-f]{24}")
_FIRST_NOTE = datetime.fromisoformat("2013-01-01T00:00:00+08:00")
_DEPTH = 3


def is_id(text: str) -> bool:
    """Say whether a text can be the id of a note or comment."""
    return _ID.fullmatch(text) is not None


def note_link(note_id: str, token: str = "") -> str:
    """Return the link of a note; only with its token does it open."""
    return _SITE + note_id + (f"?xsec_token={quote(token, safe='')}&xsec_source=pc_search" if token else "")


def note_time(note_id: str, now: datetime) -> Stamp | None:
    """Return the second that the id of a note begins with; None where it holds none before `now`."""
    if not _EPOCH_HEAD.fullmatch(note_id):
        return None
    stamp = parse_cn_time(int(note_id[:8], 16), now)
    return stamp if stamp is not None and _FIRST_NOTE <= stamp.at <= now else None


def read_note(note: Mapping[str, Any], *, note_id: str, token: str, now: datetime, listed: bool) -> Post | None:
    """Read one note; None if it has no id.

    Args:
        note: The note, or the card that stands for it in a list.
        note_id: Id as the place around it tells; the note's own comes first.
        token: Token that opens the note; empty = unknown.
        now: Moment of the answer.
        listed: It is a card: of the text it shows the title only.
    """
    native_id = _first(note, "note_id", "noteId", "id") or note_id
    if not is_id(native_id):
        return None
    title = clean_line(_plain(_first(note, "display_title", "displayTitle", "title")), 500)
    text = (title or "") if listed else _plain(text_of(note.get("desc")))
    printed, stamp = _when(note, native_id, now)
    return Post(
        platform="xiaohongshu",
        native_id=native_id,
        kind=Kind.VIDEO if text_of(note.get("type")) == "video" else Kind.POST,
        title=title,
        text=text,
        url=note_link(native_id, token),
        author=_author(obj(note, "user"), note),
        published_at=stamp.at if stamp else None,
        published_precision=stamp.precision if stamp else None,
        published_raw=printed,
        engagement=_counts(obj(note, "interact_info") or obj(note, "interactInfo")),
        tags=_tags(note, text),
        at_users=_names(note, text),
        truncated=listed,
        needs="explore" if listed else None,
        extra=(("url_canonical", note_link(native_id)),),
    )


def _first(value: Mapping[str, Any], *names: str) -> str:
    return next((text for text in (text_of(value.get(name)) for name in names) if text.strip()), "")


def _plain(raw: str) -> str:
    return html_to_text(raw.replace("[话题]#", "#").replace("<", "&lt;")).text


def _when(note: Mapping[str, Any], note_id: str, now: datetime) -> tuple[str | None, Stamp | None]:
    corner = note.get("corner_tag_info", note.get("cornerTagInfo"))
    tags = (tag.get("text") for tag in entries(corner) if text_of(tag.get("type")) == "publish_time")
    for raw in (note.get("time"), note.get("create_time"), *tags):
        stamp = parse_cn_time(raw, now)
        if stamp is not None:
            return clean_line(text_of(raw), 60), stamp
    return None, note_time(note_id, now)


def _author(user: Mapping[str, Any], placed: Mapping[str, Any]) -> Author:
    return Author(
        name=clean_line(_first(user, "nickname", "nick_name", "nickName"), 100),
        id=clean_line(_first(user, "user_id", "userId"), 64),
        region=clean_line(_first(placed, "ip_location", "ipLocation"), 40),
    )


def _counts(shown: Mapping[str, Any]) -> Engagement:
    def raw(*names: str) -> object:
        return next((shown[name] for name in names if shown.get(name) is not None), None)

    return engagement(
        likes=raw("liked_count", "likedCount"),
        favourites=raw("collected_count", "collectedCount"),
        comments=raw("comment_count", "commentCount"),
        shares=raw("shared_count", "share_count", "sharedCount", "shareCount"),
    )


def _tags(note: Mapping[str, Any], text: str) -> tuple[str, ...]:
    listed = entries(note.get("tag_list", note.get("tagList")))
    named = (clean_line(text_of(tag.get("name")), 64) for tag in listed if text_of(tag.get("type")) == "topic")
    return tuple(dict.fromkeys((*hashtags(text), *(name for name in named if name))))


def _names(note: Mapping[str, Any], text: str) -> tuple[str, ...]:
    listed = entries(note.get("at_user_list", note.get("atUserList", note.get("at_users"))))
    names = (clean_line(_first(user, "nickname", "nick_name", "nickName"), 100) for user in listed)
    return tuple(dict.fromkeys(name for name in names if name)) or at_names(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Above:
    """What a comment stands under."""

    note_id: str
    parent_id: str
    root_id: str | None
    now: datetime


def read_comments(
    found: list[Mapping[str, Any]], *, note_id: str, root_id: str, now: datetime
) -> Iterator[Post | None]:
    """Read comments, each followed by the answers it shows; None = one without an id.

    Args:
        found: The comments, or the answers to one of them.
        note_id: Id of the note, where they do not tell it themselves; empty = unknown.
        root_id: Id of the comment that they all answer; empty = they are no answers.
        now: Moment of the answer.
    """
    above = _Above(note_id=note_id, parent_id=root_id or note_id, root_id=root_id or None, now=now)
    for comment in found:
        yield from _thread(comment, above, _DEPTH)


def _thread(comment: Mapping[str, Any], above: _Above, depth: int) -> Iterator[Post | None]:
    post = _read_comment(comment, above)
    yield post
    if post is None or depth == 0:
        return
    root = above.root_id or post.native_id
    note_id = _first(comment, "note_id", "noteId") or above.note_id
    inner = _Above(note_id=note_id, parent_id=post.native_id, root_id=root, now=above.now)
    for answer in entries(comment.get("sub_comments", comment.get("subComments"))):
        yield from _thread(answer, inner, depth - 1)


def _read_comment(comment: Mapping[str, Any], above: _Above) -> Post | None:
    native_id, note_id = _first(comment, "id"), _first(comment, "note_id", "noteId") or above.note_id
    if not is_id(native_id) or not is_id(note_id):
        return None
    target = _first(obj(comment, "target_comment") or obj(comment, "targetComment"), "id")
    printed = comment.get("create_time", comment.get("createTime"))
    stamp = parse_cn_time(printed, above.now)
    text = _plain(text_of(comment.get("content")))
    return Post(
        platform="xiaohongshu",
        native_id=native_id,
        kind=Kind.COMMENT,
        text=text,
        url=note_link(note_id),
        author=_author(obj(comment, "user_info") or obj(comment, "userInfo"), comment),
        published_at=stamp.at if stamp else None,
        published_precision=stamp.precision if stamp else None,
        published_raw=clean_line(text_of(printed), 60),
        engagement=engagement(
            likes=comment.get("like_count", comment.get("likeCount")),
            comments=comment.get("sub_comment_count", comment.get("subCommentCount")),
        ),
        parent_id=target or above.parent_id or note_id,
        root_id=above.root_id,
        tags=hashtags(text),
        at_users=_names(comment, text),
    )
