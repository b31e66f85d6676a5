"""Videos and articles of Bilibili as JSON to posts."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from crawlers.cn_time import parse_cn_time
from crawlers.number import parse_number
from crawlers.shape import engagement, entries, obj, text_of
from crawlers.text import MAX_TEXT, at_names, clean_line, hashtags, html_to_text
from domain.mention import Author, Engagement, Kind, Post

__all__ = ["SITE", "author_of", "is_number", "listed_entries", "read_found", "read_video", "video_link"]

SITE = "https://www.bilibili.com"
_BVID = re.compile(r"BV[0-9A-Za-z]{4,24}")
_NUMBER = re.compile(r"[1-9][0-9]{0,19}")
_NO_DESCRIPTION = frozenset({"", "-"})


def is_number(text: str) -> bool:
    """Say whether a text is a native number, such as an aid or a rpid: digits, not 0."""
    return _NUMBER.fullmatch(text) is not None


def video_link(bvid: str, aid: str) -> tuple[str, str]:
    """Return id and permanent link of a video; empty ones where neither of its numbers is one."""
    native_id = bvid if _BVID.fullmatch(bvid) else f"av{aid}" if is_number(aid) else ""
    return native_id, f"{SITE}/video/{native_id}" if native_id else ""


def author_of(name: object, mid: object) -> Author:
    """Return the author; mid 0 is nobody's."""
    number = text_of(mid)
    return Author(
        name=clean_line(html_to_text(text_of(name)).text, 100),
        id=number if is_number(number) else None,
    )


def listed_entries(result: object, asked: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Return the entries of a search result with their type, in order; those in groups too.

    Args:
        result: `data.result`: a list of entries, or of groups with `result_type` and `data`.
        asked: Type that the search asked for; empty = unknown.
    """
    for entry in entries(result):
        if "result_type" not in entry:
            yield text_of(entry.get("type")) or asked, entry
            continue
        for inner in entries(entry.get("data")):
            yield text_of(inner.get("type")) or text_of(entry.get("result_type")), inner


def read_found(kind: str, entry: Mapping[str, Any], now: datetime) -> Post | None:
    """Read one entry of a search result; None if it has no id."""
    return _read_article(entry, now) if kind == "article" else _read_result(entry, now)


def read_video(video: Mapping[str, Any], now: datetime) -> Post | None:
    """Read one video with `owner` and `stat`, of its own page or of a list; None if it has no id."""
    stat = obj(video, "stat")
    owner = obj(video, "owner")
    counts = engagement(
        views=stat.get("view"),
        likes=stat.get("like"),
        comments=stat.get("reply"),
        shares=stat.get("share"),
        favourites=stat.get("favorite"),
    )
    return _video(
        video,
        now,
        title=_plain(video.get("title")),
        description=_plain(video.get("desc")),
        author=author_of(owner.get("name"), owner.get("mid")),
        counts=counts,
        more=_numbers(danmaku=stat.get("danmaku"), coins=stat.get("coin")),
    )


def _read_result(entry: Mapping[str, Any], now: datetime) -> Post | None:
    counts = engagement(
        views=entry.get("play"),
        likes=entry.get("like"),
        comments=entry.get("review"),
        favourites=entry.get("favorites"),
    )
    return _video(
        entry,
        now,
        title=text_of(entry.get("title")),
        description=text_of(entry.get("description")),
        author=author_of(entry.get("author"), entry.get("mid")),
        counts=counts,
        more=_numbers(danmaku=entry.get("video_review", entry.get("danmaku"))),
        tags=text_of(entry.get("tag")).split(","),
    )


def _video(
    video: Mapping[str, Any], now: datetime, *, title: str, description: str, author: Author, counts: Engagement,
    more: tuple[tuple[str, int | None], ...], tags: Iterable[str] = (),
) -> Post | None:  # fmt: skip
    aid = text_of(video.get("aid"))
    native_id, url = video_link(text_of(video.get("bvid")), aid)
    if not native_id:
        return None
    head, text = _texts(title, description)
    printed = video.get("pubdate")
    stamp = parse_cn_time(printed, now)
    named = (clean_line(html_to_text(tag).text, 64) for tag in tags)
    return Post(
        platform="bilibili",
        native_id=native_id,
        kind=Kind.VIDEO,
        title=head,
        text=text,
        url=url,
        author=author,
        published_at=stamp.at if stamp else None,
        published_precision=stamp.precision if stamp else None,
        published_raw=clean_line(text_of(printed), 60),
        engagement=counts,
        extra_counters=more,
        tags=tuple(dict.fromkeys((*(tag for tag in named if tag), *hashtags(text)))),
        at_users=at_names(text),
        extra=(("id_alt", f"av{aid}"),) if is_number(aid) and native_id != f"av{aid}" else (),
    )


def _read_article(entry: Mapping[str, Any], now: datetime) -> Post | None:
    number = text_of(entry.get("id"))
    if not is_number(number):
        return None
    head, text = _texts(text_of(entry.get("title")), text_of(entry.get("desc", entry.get("description"))))
    printed = entry.get("pub_time", entry.get("publish_time"))
    stamp = parse_cn_time(printed, now)
    return Post(
        platform="bilibili",
        native_id=f"cv{number}",
        kind=Kind.ARTICLE,
        title=head,
        text=text,
        url=f"{SITE}/read/cv{number}",
        author=author_of(entry.get("author"), entry.get("mid")),
        published_at=stamp.at if stamp else None,
        published_precision=stamp.precision if stamp else None,
        published_raw=clean_line(text_of(printed), 60),
        engagement=engagement(views=entry.get("view"), likes=entry.get("like"), comments=entry.get("reply")),
        tags=hashtags(text),
        at_users=at_names(text),
    )


def _plain(value: object) -> str:
    """Return plain text as markup, so that what stands in angle brackets is kept."""
    return text_of(value).replace("<", "&lt;")


def _texts(title: str, description: str) -> tuple[str | None, str]:
    head = clean_line(html_to_text(title).text, 500)
    body = html_to_text(description).text
    parts = (head or "", "" if body in _NO_DESCRIPTION else body)
    return head, "\n".join(part for part in parts if part)[:MAX_TEXT].rstrip()


def _numbers(**raw: object) -> tuple[tuple[str, int | None], ...]:
    return tuple((name, parse_number(value).value) for name, value in raw.items())
