"""One Douyin work or comment as JSON to a post."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from crawlers.cn_time import parse_cn_time
from crawlers.number import parse_number
from crawlers.platforms._caption import caption_names, caption_tags, caption_text, named_tags
from crawlers.shape import engagement, obj, text_of
from crawlers.text import clean_line
from domain.mention import Author, Engagement, Kind, Post, Precision

__all__ = ["is_deleted", "read_comment", "read_found", "read_work", "thread", "work_link"]

_ID = re.compile(r"[0-9]{5,20}")
_LINKED = re.compile(r"/(video|note)/([0-9]{5,20})(?![0-9])")
_PICTURES = frozenset({"2", "68"})
_BEGAN = datetime(2016, 9, 1, tzinfo=UTC)


class _When(NamedTuple):
    at: datetime | None
    precision: Precision | None
    raw: str | None


def _digits(raw: object) -> str:
    text = text_of(raw)
    return text if _ID.fullmatch(text) else ""


def work_link(work_id: str, *, pictures: bool = False) -> str:
    """Return the permanent link of a work."""
    return f"https://www.douyin.com/{'note' if pictures else 'video'}/{work_id}"


def is_deleted(work: Mapping[str, Any]) -> bool:
    """Say whether a work is deleted."""
    return obj(work, "status").get("is_delete") in (True, 1, "1")


def read_work(work: Mapping[str, Any], now: datetime) -> Post | None:
    """Read one work of the web interface; None if it has no id."""
    work_id = _digits(work.get("aweme_id"))
    if not work_id:
        return None
    pictures = text_of(work.get("aweme_type")) in _PICTURES or bool(work.get("images"))
    text, when = caption_text(work.get("desc")), _when(work.get("create_time"), work_id, now)
    return Post(
        platform="douyin",
        native_id=work_id,
        kind=Kind.POST if pictures else Kind.VIDEO,
        text=text,
        url=work_link(work_id, pictures=pictures),
        author=_author(obj(work, "author")),
        published_at=when.at,
        published_precision=when.precision,
        published_raw=when.raw,
        engagement=_counters(obj(work, "statistics")),
        tags=_tags(work, text),
        at_users=caption_names(text),
        promoted=work.get("is_ads") in (True, 1, "1"),
    )


def read_found(video: Mapping[str, Any], now: datetime) -> Post | None:
    """Read one result of the open platform; None if it has no id.

    The number in the link is the id that the web interface knows; item_id may be an encrypted one.
    """
    link = clean_line(text_of(video.get("link")), 2_048) or ""
    linked = _LINKED.search(link)
    number = _digits(video.get("item_id")) or (linked[2] if linked else "")
    work_id = number or clean_line(text_of(video.get("item_id")), 200)
    pictures = linked is not None and linked[1] == "note"
    url = work_link(number, pictures=pictures) if number else link
    if not work_id or not url.startswith(("http://", "https://")):
        return None
    text, when = caption_text(video.get("title")), _when(video.get("create_time"), number, now)
    return Post(
        platform="douyin",
        native_id=work_id,
        kind=Kind.POST if pictures else Kind.VIDEO,
        text=text,
        url=url,
        author=Author(name=clean_line(text_of(video.get("nickname")), 100)),
        published_at=when.at,
        published_precision=when.precision,
        published_raw=when.raw,
        engagement=_counters(obj(video, "statistics")),
        tags=caption_tags(text),
        at_users=caption_names(text),
    )


def thread(comment: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield a comment, then the replies that come with it."""
    yield comment
    replies = comment.get("reply_comment")
    if isinstance(replies, list):
        yield from (reply for reply in replies if isinstance(reply, dict))


def read_comment(comment: Mapping[str, Any], work_id: str, url: str | None, now: datetime) -> Post | None:
    """Read one comment or reply; None if it has no id or nobody knows its work.

    Args:
        comment: The comment object.
        work_id: Id of the work where the comment does not name it; empty = unknown.
        url: Permanent link of the work; None = made from its id.
        now: Moment of the answer.
    """
    comment_id = _digits(comment.get("cid"))
    work_id = _digits(comment.get("aweme_id")) or _digits(work_id)
    if not comment_id or not work_id:
        return None
    root = _digits(comment.get("reply_id"))
    text, when = caption_text(comment.get("text")), _when(comment.get("create_time"), comment_id, now)
    return Post(
        platform="douyin",
        native_id=comment_id,
        kind=Kind.COMMENT,
        text=text,
        url=url or work_link(work_id),
        author=_author(obj(comment, "user"), clean_line(text_of(comment.get("ip_label")), 40)),
        published_at=when.at,
        published_precision=when.precision,
        published_raw=when.raw,
        engagement=engagement(likes=comment.get("digg_count"), comments=comment.get("reply_comment_total")),
        parent_id=_digits(comment.get("reply_to_reply_id")) or root or work_id,
        root_id=root or None,
        tags=_tags(comment, text),
        at_users=caption_names(text),
    )


def _when(raw: object, made_id: str, now: datetime) -> _When:
    """Return the time as told, else the one that the id holds: exact but for some seconds."""
    stamp = parse_cn_time(raw, now)
    if stamp is not None:
        return _When(stamp.at, stamp.precision, clean_line(text_of(raw), 60))
    seconds = int(made_id) >> 32 if made_id else 0
    made = datetime.fromtimestamp(seconds, UTC) if seconds else None
    if made is None or not _BEGAN <= made <= now:
        return _When(None, None, None)
    return _When(made, Precision.MINUTE, None)


def _author(user: Mapping[str, Any], region: str | None = None) -> Author:
    marks = [user[name] for name in ("custom_verify", "enterprise_verify_reason") if name in user]
    return Author(
        name=clean_line(text_of(user.get("nickname")), 100),
        id=clean_line(text_of(user.get("uid")) or text_of(user.get("sec_uid")), 128),
        followers=parse_number(user.get("follower_count")).value,
        verified=any(text_of(mark).strip() for mark in marks) if marks else None,
        region=region,
    )


def _counters(statistics: Mapping[str, Any]) -> Engagement:
    # The web interface prints 0 plays for every work: that is no count.
    return engagement(
        likes=statistics.get("digg_count"),
        comments=statistics.get("comment_count"),
        shares=statistics.get("share_count"),
        favourites=statistics.get("collect_count"),
        views=statistics.get("play_count") or None,
    )


def _tags(work: Mapping[str, Any], text: str) -> tuple[str, ...]:
    marked = work.get("text_extra")
    return named_tags(marked, "hashtag_name") if isinstance(marked, list) else caption_tags(text)
