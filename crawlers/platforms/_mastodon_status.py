"""Mastodon statuses to posts."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from crawlers.base import Parsed
from crawlers.cn_time import parse_cn_time
from crawlers.number import parse_number
from crawlers.platforms._open_api import collect, http_link
from crawlers.shape import engagement, entries, obj, text_of
from crawlers.text import at_names, clean_line, html_to_text
from domain.mention import Author, Kind, Post, RepostOf

__all__ = ["is_hidden", "read_statuses"]

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TAG = re.compile(r"(?<!\w)#(\w{1,64})")
_OPEN = frozenset({"", "public", "unlisted"})


def is_hidden(status: Mapping[str, Any]) -> bool:
    """Say whether a status is not meant for everybody."""
    return text_of(status.get("visibility")) not in _OPEN


def read_statuses(listed: list[Any], host: str, now: datetime, step: tuple[tuple[str, str], ...]) -> Parsed:
    """Return the statuses in order, then the originals that boosts embed, each id once.

    Args:
        listed: Statuses as found.
        host: Host of the instance, which local accounts belong to.
        now: Moment of the answer.
        step: How to ask for the next page.
    """
    inner = [obj(each, "reblog") for each in listed]
    own = {text_of(obj(each).get("id")) for each in listed}
    originals = [each for each in inner if _id(each) and _id(each) not in own]
    seen: dict[str, Mapping[str, Any]] = {}
    for each in originals:
        seen.setdefault(_id(each), each)
    return collect([*listed, *seen.values()], lambda each: _read(each, host, now), gone=is_hidden, step=step)


def _id(status: Mapping[str, Any]) -> str:
    number = text_of(status.get("id"))
    return number if _ID.fullmatch(number) else ""


def _link(status: Mapping[str, Any]) -> str | None:
    return http_link(status.get("url")) or http_link(status.get("uri"))


def _author(account: Mapping[str, Any], host: str) -> Author:
    name = clean_line(text_of(account.get("acct")) or text_of(account.get("username")), 200)
    return Author(
        name=clean_line(text_of(account.get("display_name")), 100) or clean_line(text_of(account.get("username")), 100),
        id=f"{name}@{host}" if name and host and "@" not in name else name,
        followers=parse_number(account.get("followers_count")).value,
    )


def _language(raw: object) -> str | None:
    code = text_of(raw).replace("_", "-").partition("-")[0].lower()
    return code if len(code) == 2 and code.isascii() and code.isalpha() else None


def _tags(status: Mapping[str, Any], text: str) -> tuple[str, ...]:
    told = (clean_line(text_of(tag.get("name")), 64) for tag in entries(status.get("tags")))
    return tuple(dict.fromkeys(name for name in told if name)) or tuple(dict.fromkeys(_TAG.findall(text)))


def _original(status: Mapping[str, Any], host: str) -> RepostOf:
    rich = html_to_text(text_of(status.get("content")), _link(status) or "")
    author = _author(obj(status.get("account")), host)
    return RepostOf(id=_id(status) or None, url=_link(status), author=author.name, text=rich.text, available=True)


def _read(status: Mapping[str, Any], host: str, now: datetime) -> Post | None:
    number, url = _id(status), _link(status)
    if not number or not url:
        return None
    boosted = obj(status.get("reblog"))
    # A boost has no words of its own: it says what the original says.
    shown = boosted or status
    rich = html_to_text(text_of(shown.get("content")), url)
    stamp = parse_cn_time(status.get("created_at"), now)
    parent = clean_line(text_of(status.get("in_reply_to_id")), 64)
    return Post(
        platform="mastodon",
        native_id=number,
        kind=Kind.REPOST if boosted else Kind.COMMENT if parent else Kind.POST,
        title=clean_line(text_of(shown.get("spoiler_text"))),
        text=rich.text,
        own_text="" if boosted else None,
        url=url,
        author=_author(obj(status.get("account")), host),
        published_at=stamp.at if stamp else None,
        published_precision=stamp.precision if stamp else None,
        published_raw=clean_line(text_of(status.get("created_at")), 60),
        engagement=engagement(
            comments=status.get("replies_count"),
            shares=status.get("reblogs_count"),
            likes=status.get("favourites_count"),
        ),
        repost_of=_original(boosted, host) if boosted else None,
        parent_id=parent,
        tags=_tags(shown, rich.text),
        at_users=rich.at_users or at_names(rich.text),
        links=rich.links,
        lang=_language(shown.get("language")),
    )
