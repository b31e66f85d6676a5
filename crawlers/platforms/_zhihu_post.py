"""One answer, article, question, idea, video or comment of Zhihu as JSON to a post."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from crawlers.cn_time import parse_cn_time
from crawlers.number import parse_number
from crawlers.shape import engagement, entries, number_id, obj, text_of
from crawlers.text import Rich, clean_line, hashtags, html_to_text
from domain.mention import Author, Kind, Post

__all__ = ["POST_KINDS", "pick", "post_url", "read_comment", "read_post"]

_BASE = "https://www.zhihu.com/"
_REGION = re.compile(r"^(?:IP ?属地[:：]? ?|发布于 ?)")
_CREATED = ("created_time", "created", "published_at", "created_at", "published")

POST_KINDS = {
    "answer": Kind.POST,
    "article": Kind.ARTICLE,
    "question": Kind.POST,
    "pin": Kind.POST,
    "zvideo": Kind.VIDEO,
}
"""The platform's word for a form, which also begins the id, to the kind of the post."""


def pick(thing: Mapping[str, Any], *names: str) -> Any:
    """Return the first value that is there, under a name as the API or as a page writes it."""
    for name in names:
        first, *more = name.split("_")
        for spelling in (name, first + "".join(part.capitalize() for part in more)):
            if thing.get(spelling) is not None:
                return thing[spelling]
    return None


def post_url(form: str, number: str, question: str = "") -> str:
    """Return the permanent link of a post."""
    if form == "article":
        return f"https://zhuanlan.zhihu.com/p/{number}"
    if form == "answer" and question:
        return f"{_BASE}question/{question}/answer/{number}"
    return f"{_BASE}{form}/{number}"


def read_post(
    form: str, thing: Mapping[str, Any], now: datetime, users: Mapping[str, Any] | None = None
) -> Post | None:
    """Read one post; None if it has no id.

    Args:
        form: One of `POST_KINDS`.
        thing: The object, with names as the API or as a page writes them.
        now: Moment of the answer.
        users: Users of the page by their token, where posts name them only.
    """
    number = number_id(pick(thing, "id", "zvideo_id"))
    if not number:
        return None
    question = obj(thing, "question")
    rich, cut = _text(form, thing)
    raw = pick(thing, *_CREATED)
    stamp = parse_cn_time(raw, now)
    return Post(
        platform="zhihu",
        native_id=f"{form}:{number}",
        kind=POST_KINDS[form],
        title=_title(form, thing, question),
        text=rich.text,
        url=post_url(form, number, number_id(question.get("id"))),
        author=_author(thing.get("author"), pick(thing, "ip_info"), users or {}),
        published_at=stamp.at if stamp else None,
        published_precision=stamp.precision if stamp else None,
        published_raw=clean_line(text_of(raw), 60),
        engagement=engagement(
            views=pick(thing, "visit_count", "play_count"),
            likes=pick(thing, "voteup_count", "like_count"),
            comments=pick(thing, "comment_count"),
            shares=pick(thing, "repost_count"),
            favourites=pick(thing, "favlists_count", "favorite_count"),
        ),
        extra_counters=_followed(thing) if form == "question" else (),
        tags=_tags(thing, rich.text),
        at_users=rich.at_users,
        links=rich.links,
        truncated=cut,
    )


def _title(form: str, thing: Mapping[str, Any], question: Mapping[str, Any]) -> str | None:
    if form == "pin":
        return None
    own = pick(thing, "title", "name")
    told = (pick(question, "name", "title") or own) if form == "answer" else own
    return clean_line(html_to_text(text_of(told)).text, 500)


def _text(form: str, thing: Mapping[str, Any]) -> tuple[Rich, bool]:
    """Read the text, and say whether it is only the beginning."""
    whole = pick(thing, "content_html") or _joined(pick(thing, "content", "detail", "description"))
    if isinstance(whole, str) and whole.strip():
        rich = html_to_text(whole, _BASE)
        return rich, rich.truncated or pick(thing, "content_need_truncated") is True
    rich = html_to_text(text_of(pick(thing, "excerpt")), _BASE)
    return rich, bool(rich.text)


def _joined(content: object) -> object:
    """Return the texts of an idea, which is a list of parts, as one; anything else as it is."""
    if not isinstance(content, list):
        return content
    parts = (text_of(part.get("content")) for part in entries(content) if text_of(part.get("type")) == "text")
    return "<br>".join(part for part in parts if part)


def _author(told: object, place: object, users: Mapping[str, Any]) -> Author:
    person = obj(users, told) if isinstance(told, str) else obj(told)
    token = text_of(pick(person, "url_token"))
    known = obj(users, token) if token else {}
    hashed = text_of(person.get("id"))
    followers = pick(person, "follower_count")
    return Author(
        name=clean_line(text_of(pick(person, "name")) or text_of(pick(known, "name")), 100),
        id=clean_line(token or (hashed if hashed.strip("0") else ""), 64),
        followers=parse_number(followers if followers is not None else pick(known, "follower_count")).value,
        region=_region(place),
    )


def _region(raw: object) -> str | None:
    told = clean_line(text_of(raw), 40)
    return _REGION.sub("", told) or None if told else None


def _followed(thing: Mapping[str, Any]) -> tuple[tuple[str, int | None], ...]:
    return tuple((name, parse_number(pick(thing, f"{name[:-1]}_count")).value) for name in ("answers", "followers"))


def _tags(thing: Mapping[str, Any], text: str) -> tuple[str, ...]:
    topics = (clean_line(text_of(topic.get("name")), 64) for topic in entries(thing.get("topics")))
    return tuple(dict.fromkeys((*hashtags(text), *(name for name in topics if name))))


def read_comment(
    comment: Mapping[str, Any], *, parent: str, root: str, url: str | None, now: datetime
) -> Iterator[Post | None]:
    """Read a comment and the replies it shows; None for one without an id, nothing for deleted ones.

    Args:
        comment: The comment object.
        parent: Id of the post, or of the comment it answers if it does not say.
        root: Id of the thread's first comment; empty = the comment is that.
        url: Permanent link of the post; None = unknown.
        now: Moment of the answer.
    """
    number = number_id(comment.get("id"))
    if not comment.get("is_delete"):
        yield _comment(comment, number, parent, root, url, now) if number else None
    thread = root or (f"comment:{number}" if number else "")
    for reply in entries(comment.get("child_comments")) if not root else ():
        yield from read_comment(reply, parent=thread or parent, root=thread or parent, url=url, now=now)


def _comment(comment: Mapping[str, Any], number: str, parent: str, root: str, url: str | None, now: datetime) -> Post:
    rich = html_to_text(text_of(comment.get("content")), _BASE)
    stamp = parse_cn_time(comment.get("created_time"), now)
    answered, first = number_id(comment.get("reply_comment_id")), number_id(comment.get("reply_root_comment_id"))
    places = (each.get("text") for each in entries(comment.get("comment_tag")) if each.get("type") == "ip_info")
    return Post(
        platform="zhihu",
        native_id=f"comment:{number}",
        kind=Kind.COMMENT,
        text=rich.text,
        url=url,
        author=_author(comment.get("author"), next(places, None), {}),
        published_at=stamp.at if stamp else None,
        published_precision=stamp.precision if stamp else None,
        published_raw=clean_line(text_of(comment.get("created_time")), 60),
        engagement=engagement(likes=comment.get("like_count"), comments=comment.get("child_comment_count")),
        parent_id=(f"comment:{answered}" if answered else parent) or None,
        root_id=(f"comment:{first}" if first else root) or None,
        tags=hashtags(rich.text),
        at_users=rich.at_users,
        links=rich.links,
    )
