"""One result card of Toutiao's search as JSON to a post."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from crawlers.cn_time import Stamp, parse_cn_time
from crawlers.link import public_link
from crawlers.number import parse_number
from crawlers.platforms._answer import query_of
from crawlers.shape import engagement, obj, text_of
from crawlers.text import clean_line, html_to_text
from domain.mention import Author, Kind, Post, Precision

__all__ = ["has_words", "read_card"]

_OWN = ("toutiao.com", "toutiaocdn.com", "toutiaoapi.com", "snssdk.com", "ixigua.com")
_ID = re.compile(r"[1-9]\d{9,19}")
_PATH = re.compile(r"/(?:(?P<form>article|group|item|video|w|answer|question)/i?|[ai])(?P<id>[1-9]\d{9,19})(?=/|$)")
_BASE = "https://so.toutiao.com/"
_EARLIEST_YEAR = 2012
_GRACE = timedelta(days=1)


def has_words(card: Mapping[str, Any]) -> bool:
    """Say whether a card holds a result; furniture such as related searches holds none."""
    return bool(_title(card) or _text(card))


def read_card(card: Mapping[str, Any], now: datetime) -> Post | None:
    """Read the `data` of one card; None if there is nothing to know it by."""
    if not has_words(card):
        return None
    link = _link(card)
    form, path_id = _form(link)
    told = text_of(card.get("group_id")) or text_of(card.get("group_id_str"))
    own_id = told if _ID.fullmatch(told) else path_id
    return _own(card, own_id, form, now) if own_id else _foreign(card, link, now)


def _title(card: Mapping[str, Any]) -> str | None:
    own = clean_line(html_to_text(text_of(card.get("title"))).text)
    return own or clean_line(html_to_text(text_of(obj(card, "display", "title").get("text"))).text)


def _text(card: Mapping[str, Any]) -> str:
    own = html_to_text(text_of(card.get("abstract"))).text
    return own or html_to_text(text_of(obj(card, "display", "summary").get("text"))).text


def _link(card: Mapping[str, Any]) -> str | None:
    """Return the first link that there is, without the jump over Toutiao's counter."""
    info = obj(card, "display", "info")
    for raw in (card.get("article_url"), card.get("share_url"), info.get("url"), card.get("url")):
        link = public_link(text_of(raw), _BASE) if text_of(raw) else None
        if link and urlsplit(link).path.rstrip("/") == "/search/jump":
            link = public_link(query_of(link).get("url", ""))
        if link:
            return link
    return None


def _form(link: str | None) -> tuple[str, str]:
    """Return the form and id that a link to Toutiao itself tells; empty texts where it is none."""
    parts = urlsplit(link or "")
    host = (parts.hostname or "").lower()
    match = _PATH.search(parts.path) if any(host == own or host.endswith("." + own) for own in _OWN) else None
    return (match["form"] or "article", match["id"]) if match else ("", "")


def _own(card: Mapping[str, Any], group_id: str, form: str, now: datetime) -> Post:
    kind = (
        Kind.POST if form == "w" else Kind.VIDEO if form == "video" or card.get("has_video") is True else Kind.ARTICLE
    )
    name = clean_line(text_of(card.get("media_name")), 100) or clean_line(text_of(card.get("source")), 100)
    stamp = _when(card, now) or _made(group_id, now)
    likes = card.get("digg_count", card.get("like_count"))
    return Post(
        platform="toutiao",
        native_id=group_id,
        kind=kind,
        title=_title(card),
        text=_text(card),
        url=f"https://www.toutiao.com/{form if form in ('w', 'video') else 'article'}/{group_id}/",
        author=Author(name=name),
        published_at=stamp.at if stamp else None,
        published_precision=stamp.precision if stamp else None,
        published_raw=clean_line(text_of(card.get("datetime")) or text_of(card.get("publish_time")), 60),
        engagement=engagement(comments=card.get("comment_count"), likes=likes, views=_views(card)),
        truncated=True,
    )


def _views(card: Mapping[str, Any]) -> object:
    # A search prints 0 whatever the number is.
    return card.get("read_count") if parse_number(card.get("read_count")).value else None


def _when(card: Mapping[str, Any], now: datetime) -> Stamp | None:
    stamps = (parse_cn_time(card.get(name), now) for name in ("publish_time", "create_time", "datetime"))
    return next((stamp for stamp in stamps if stamp is not None), None)


def _made(group_id: str, now: datetime) -> Stamp | None:
    """Return the time that an id encodes (contracts: platforms, section 3.3), exact to some seconds."""
    stamp = parse_cn_time(int(group_id) >> 32, now)
    if stamp is None or stamp.at.year < _EARLIEST_YEAR or stamp.at > now + _GRACE:
        return None
    return Stamp(at=stamp.at, precision=Precision.MINUTE)


def _foreign(card: Mapping[str, Any], link: str | None, now: datetime) -> Post | None:
    if link is None:
        return None
    info = obj(card, "display", "info")
    names = (info.get("site_name"), card.get("media_name"), card.get("source"), info.get("domain"))
    name = next((each for each in (clean_line(text_of(raw), 100) for raw in names) if each), None)
    stamp = _when(card, now)
    return Post(
        platform="web",
        native_id=link,
        kind=Kind.ARTICLE,
        title=_title(card),
        text=_text(card),
        url=link,
        author=Author(name=name),
        outlet=name,
        published_at=stamp.at if stamp else None,
        published_precision=stamp.precision if stamp else None,
        published_raw=clean_line(text_of(card.get("datetime")), 60),
        truncated=True,
    )
