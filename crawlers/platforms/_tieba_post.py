"""Threads, floors and results of Baidu Tieba as JSON to posts."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from html import unescape
from typing import Any

from crawlers.cn_time import parse_cn_time
from crawlers.shape import engagement, entries, number_id, obj, text_of
from crawlers.text import clean, clean_line, hashtags, html_to_text
from domain.mention import Author, Kind, Post

__all__ = ["BASE", "bare_title", "floors", "is_reply", "post_link", "read_app_post", "read_card"]

BASE = "https://tieba.baidu.com/"
_FORUM_MARK = re.compile(r"^【([^【】]{1,40})】\s?")
_REPLY = re.compile(r"^回复\s?[:：]")
_CUT = re.compile(r"(?:\.{3}|…)$")
_TEXT, _LINK, _EMOJI, _NAME = "0", "1", "2", "4"
_WORDS = frozenset({_TEXT, _LINK, _NAME, "9", "18", "27", "40"})


def post_link(thread: str, number: str = "") -> str:
    """Return the permanent link of a thread, or of a post in it."""
    return f"{BASE}p/{thread}?pid={number}&cid=0#{number}" if number else f"{BASE}p/{thread}"


def bare_title(text: str, forum: str | None) -> str | None:
    """Return a plain title on one line, without the name of the forum in front of it."""
    title = clean_line(text, 300)
    mark = _FORUM_MARK.match(title) if title else None
    if title and mark and (mark[1] == forum or mark[1].endswith("吧")):
        return title[mark.end() :] or None
    return title


def is_reply(title: str | None) -> bool:
    """Say whether a title is that of a reply."""
    return bool(title and _REPLY.match(title))


def _facts(forum: str | None) -> tuple[tuple[str, str], ...]:
    return (("forum", forum),) if forum else ()


def _person(user: Mapping[str, Any], told: object = None) -> Author:
    names = (text_of(user.get(key)) for key in ("name_show", "show_nickname", "user_nickname", "name", "user_name"))
    number = number_id(told) or number_id(user.get("id")) or number_id(user.get("user_id"))
    return Author(
        name=clean_line(next((name for name in names if name.strip()), None), 100),
        id=number or None,
        region=clean_line(text_of(user.get("ip_address")), 40),
    )


def _found(found: Mapping[str, Any], thread: str, number: str, forum: str | None, now: datetime) -> Post:
    """Return a search result; a number makes it a post of the thread, none the thread itself."""
    title = bare_title(html_to_text(text_of(found.get("title"))).text, forum)
    rich = html_to_text(text_of(found.get("content")), BASE)
    stamp = parse_cn_time(found.get("time"), now)
    reply = bool(number) and (is_reply(title) or text_of(found.get("is_floor")) == "1")
    return Post(
        platform="tieba",
        native_id=f"{thread}:{number}" if number else thread,
        kind=Kind.COMMENT if reply else Kind.POST,
        title=title,
        text=rich.text,
        url=post_link(thread, number),
        author=_person(obj(found, "user") or obj(found, "author")),
        published_at=stamp.at if stamp else None,
        published_precision=stamp.precision if stamp else None,
        published_raw=clean_line(text_of(found.get("time")), 60),
        engagement=engagement(
            likes=found.get("like_num"), comments=found.get("post_num"), shares=found.get("share_num")
        ),
        parent_id=thread if reply else None,
        tags=hashtags(rich.text),
        at_users=rich.at_users,
        links=rich.links,
        truncated=rich.truncated or bool(_CUT.search(rich.text)),
        extra=_facts(forum),
    )


def read_card(card: Mapping[str, Any], now: datetime) -> Post | None:
    """Read a result of the search of all forums; None if it has no id."""
    thread = number_id(card.get("tid"))
    if not thread:
        return None
    forum = text_of(card.get("forum_name")) or text_of(obj(card, "forum_info").get("forum_name"))
    number = number_id(card.get("pid")) if is_reply(text_of(card.get("title"))) else ""
    return _found(card, thread, number, clean_line(forum, 60), now)


def read_app_post(found: Mapping[str, Any], now: datetime) -> Post | None:
    """Read a result of the search in one forum; None if it has no id."""
    thread = number_id(found.get("tid"))
    if not thread:
        return None
    return _found(found, thread, number_id(found.get("pid")), clean_line(text_of(found.get("fname")), 60), now)


def floors(body: Mapping[str, Any], now: datetime) -> Iterator[Post | None]:
    """Read the thread, then its floors with the replies below each; None for what has no id."""
    thread, first = obj(body, "thread"), obj(body, "first_floor")
    number = number_id(thread.get("id")) or number_id(thread.get("tid"))
    people = {number_id(user.get("id")): user for user in entries(body.get("user_list"))}
    people.pop("", None)
    listed = entries(body.get("post_list"))
    opening = number_id(first.get("id"))
    if not number:
        yield from (None for _ in listed)
        return
    if not first and listed and text_of(listed[0].get("floor")) == "1":
        first, listed = listed[0], listed[1:]
    if first:
        yield _opening(thread, number, first, clean_line(text_of(obj(body, "forum").get("name")), 60), people, now)
    for floor in listed:
        if opening and number_id(floor.get("id")) == opening:
            continue
        yield from _floor(floor, number, people, now)


def _opening(
    thread: Mapping[str, Any],
    number: str,
    first: Mapping[str, Any],
    forum: str | None,
    people: Mapping[str, Mapping[str, Any]],
    now: datetime,
) -> Post:
    raw = first.get("time") or thread.get("create_time")
    return _spoken(
        first,
        people,
        now,
        native_id=number,
        kind=Kind.POST,
        url=post_link(number),
        title=bare_title(text_of(thread.get("title")), forum),
        raw=raw,
        comments=thread.get("reply_num"),
        likes=thread.get("agree_num"),
        extra=_facts(forum),
    )


def _floor(
    floor: Mapping[str, Any], thread: str, people: Mapping[str, Mapping[str, Any]], now: datetime
) -> Iterator[Post | None]:
    number = number_id(floor.get("id"))
    if not number:
        yield None
        return
    name = f"{thread}:{number}"
    shared: dict[str, Any] = {"kind": Kind.COMMENT, "title": None}
    yield _spoken(floor, people, now, native_id=name, url=post_link(thread, number), raw=floor.get("time"),
                  comments=floor.get("sub_post_number"), parent_id=thread, **shared)  # fmt: skip
    below = floor.get("sub_post_list")
    for reply in entries(below.get("sub_post_list") if isinstance(below, Mapping) else below):
        inner = number_id(reply.get("id"))
        if not inner:
            yield None
            continue
        yield _spoken(reply, people, now, native_id=f"{thread}:{inner}", url=post_link(thread, inner),
                      raw=reply.get("time"), comments=None, parent_id=name, root_id=name, **shared)  # fmt: skip


def _spoken(
    said: Mapping[str, Any],
    people: Mapping[str, Mapping[str, Any]],
    now: datetime,
    *,
    raw: object,
    comments: object,
    likes: object = None,
    **facts: Any,
) -> Post:
    """Return what one floor says, with the facts of its place."""
    text, names, links = _content(said.get("content"))
    stamp = parse_cn_time(raw, now)
    writer = number_id(said.get("author_id"))
    agreed = obj(said, "agree").get("agree_num")
    return Post(
        platform="tieba",
        text=text,
        author=_person(people.get(writer) or obj(said, "author"), writer),
        published_at=stamp.at if stamp else None,
        published_precision=stamp.precision if stamp else None,
        published_raw=clean_line(text_of(raw), 60),
        engagement=engagement(comments=comments, likes=agreed if agreed is not None else likes),
        tags=hashtags(text),
        at_users=names,
        links=links,
        **facts,
    )


def _content(parts: object) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Read the parts of a floor: its text, the names after @, and the targets of links."""
    if isinstance(parts, str):
        rich = html_to_text(parts, BASE)
        return rich.text, rich.at_users, rich.links
    texts: list[str] = []
    names: dict[str, None] = {}
    links: dict[str, None] = {}
    for part in entries(parts):
        form, words = text_of(part.get("type")) or _TEXT, text_of(part.get("text"))
        if form == _EMOJI:
            sign = clean_line(text_of(part.get("c")), 20)
            texts.append(f"[{sign}]" if sign else "")
        elif form in _WORDS:
            texts.append(unescape(words))
        name, target = clean_line(words.strip().removeprefix("@"), 60), clean_line(text_of(part.get("link")), 2_048)
        if form == _NAME and name:
            names[name] = None
        if form == _LINK and target and target.startswith(("http://", "https://")):
            links[target] = None
    return clean("".join(texts)), tuple(names), tuple(links)[:200]
