"""One Weibo status or comment as JSON to a post."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from crawlers.cn_time import parse_cn_time
from crawlers.number import parse_number
from crawlers.platforms._gather import Drops
from crawlers.platforms._weibo_id import mid_time, permalink
from crawlers.shape import engagement, entries, obj, text_of
from crawlers.text import Rich, at_names, clean, clean_line, hashtags, html_to_text
from domain.mention import Author, Kind, Post, Precision, RepostOf
from domain.outcome import Drop
from domain.weibo_id import bid_to_mid, mid_to_bid

__all__ = ["author_of", "read_comment", "read_status", "statuses_with_originals", "when"]

_BASE = "https://weibo.com/"
_REPLY = re.compile(r"^回复@[^:：]{1,40}[:：]")
_GONE = re.compile(r"^(?:抱歉|该微博|此微博|该账号)")


def when(raw: object, mid: str, now: datetime) -> tuple[datetime | None, Precision | None]:
    """Return the time of a status as printed, else the second that its mid encodes."""
    stamp = parse_cn_time(raw, now)
    if stamp is not None:
        return stamp.at, stamp.precision
    made = mid_time(mid)
    return (made, Precision.SECOND) if made is not None and made <= now else (None, None)


def author_of(user: Mapping[str, Any], region: str | None) -> Author:
    """Return the author; the region is that of the post."""
    verified = user.get("verified")
    kind = user.get("verified_type")
    return Author(
        name=clean_line(text_of(user.get("screen_name")), 100),
        id=clean_line(text_of(user.get("idstr")) or text_of(user.get("id")), 64),
        followers=parse_number(user.get("followers_count", user.get("followers_count_str"))).value,
        verified=verified if isinstance(verified, bool) else None,
        verified_type=kind if isinstance(kind, int) and not isinstance(kind, bool) else None,
        region=region,
    )


def _mid(status: Mapping[str, Any]) -> str:
    for name in ("mid", "idstr", "id"):
        mid = text_of(status.get(name))
        if mid.isascii() and mid.isdigit():
            return mid
    return bid_to_mid(text_of(status.get("bid")) or text_of(status.get("mblogid")))


def _region(raw: object, *prefixes: str) -> str | None:
    text = clean_line(text_of(raw), 40)
    for prefix in prefixes:
        text = text.removeprefix(prefix).strip() if text else None
    return text or None


def _rich(status: Mapping[str, Any]) -> Rich:
    """Read the text: `text_raw` with its short links replaced, else the HTML in `text`."""
    raw = status.get("text_raw")
    whole = obj(status, "longText").get("longTextContent")
    if isinstance(whole, str) and whole:
        return html_to_text(whole if "</" in whole else whole.replace("<", "&lt;"), _BASE)
    if not isinstance(raw, str):
        return html_to_text(text_of(status.get("text")), _BASE)
    links: dict[str, None] = {}
    for link in entries(status.get("url_struct")):
        short, target = text_of(link.get("short_url")), text_of(link.get("long_url")) or text_of(link.get("ori_url"))
        if short and short in raw:
            raw = raw.replace(short, text_of(link.get("url_title")) or "网页链接")
            if target.startswith(("http://", "https://")):
                links[target[:2_048]] = None
    rich = html_to_text(raw.replace("<", "&lt;") if "</" not in raw else raw, _BASE)
    return replace(rich, links=tuple(dict.fromkeys((*links, *rich.links))))


def _tags(status: Mapping[str, Any], text: str) -> tuple[str, ...]:
    told = (clean_line(text_of(topic.get("topic_title")), 64) for topic in entries(status.get("topic_struct")))
    return tuple(dict.fromkeys((*hashtags(text), *(name for name in told if name))))


def _is_gone(status: Mapping[str, Any], text: str) -> bool:
    nobody = not obj(status.get("user"))
    return text_of(status.get("deleted")) == "1" or (nobody and (not text or bool(_GONE.match(text))))


def read_status(status: Mapping[str, Any], now: datetime) -> Post | None:
    """Read one status without its original; None if it is deleted or has no id that links to it."""
    mid, rich = _mid(status), _rich(status)
    if not mid or _is_gone(status, rich.text):
        return None
    user = obj(status.get("user"))
    author = author_of(user, _region(status.get("region_name"), "发布于"))
    original = obj(status.get("retweeted_status"))
    own = rich.text.split("//@", 1)[0].strip()
    at, precision = when(status.get("created_at"), mid, now)
    bid = text_of(status.get("bid")) or text_of(status.get("mblogid"))
    url = permalink(author.id or "", bid if bid_to_mid(bid) else mid_to_bid(mid), mid)
    if url is None:
        return None
    return Post(
        platform="weibo",
        native_id=mid,
        kind=Kind.REPOST if original else Kind.POST,
        text=rich.text,
        own_text=own if "//@" in rich.text else None,
        url=url,
        author=author,
        published_at=at,
        published_precision=precision,
        published_raw=clean_line(text_of(status.get("created_at")), 60),
        engagement=engagement(
            shares=status.get("reposts_count"),
            comments=status.get("comments_count"),
            likes=status.get("attitudes_count"),
            views=status.get("reads_count"),
        ),
        repost_of=_original(original, now) if original else None,
        tags=_tags(status, rich.text),
        at_users=_names(rich, own),
        links=rich.links,
        truncated=_is_cut(status, rich),
        needs="longtext" if status.get("continue_tag") and status.get("isLongText") is True else None,
        promoted=status.get("ad_marked") is True or bool(status.get("is_ad")),
    )


def _is_cut(status: Mapping[str, Any], rich: Rich) -> bool:
    if text_of(obj(status, "longText").get("longTextContent")):
        return False
    return status.get("isLongText") is True or status.get("truncated") is True or rich.truncated


def _names(rich: Rich, own: str) -> tuple[str, ...]:
    own = _REPLY.sub("", own)
    if rich.at_users:
        return tuple(name for name in rich.at_users if f"@{name}" in own)
    return at_names(own)


def _original(status: Mapping[str, Any], now: datetime) -> RepostOf:
    post = read_status(status, now)
    mid = _mid(status) or None
    if post is None or not obj(status.get("user")):
        return RepostOf(id=mid)
    return RepostOf(id=mid, url=post.url, author=post.author.name, text=post.text, available=True)


def statuses_with_originals(found: list[Mapping[str, Any]], now: datetime) -> tuple[tuple[Post, ...], Drops]:
    """Read statuses in order, then the originals they embed, each id once; and count what is let go."""
    drops: Counter[Drop] = Counter()
    posts: dict[str, Post] = {}
    embedded: dict[str, Post] = {}
    for status in found:
        post = read_status(status, now)
        if post is None:
            drops[Drop.NO_ID] += not _mid(status)
            continue
        drops[Drop.DUPLICATE_IN_BATCH] += post.native_id in posts
        posts.setdefault(post.native_id, post)
        embedded.pop(post.native_id, None)
        original = obj(status.get("retweeted_status"))
        inner = read_status(original, now) if obj(original.get("user")) else None
        if inner is not None and inner.native_id not in posts:
            embedded.setdefault(inner.native_id, inner)
    return (*posts.values(), *embedded.values()), tuple(each for each in drops.items() if each[1])


def read_comment(
    comment: Mapping[str, Any], *, parent: str, root: str | None, url: str | None, now: datetime
) -> Post | None:
    """Read one comment; None if it has no id.

    Args:
        comment: The comment object.
        parent: Id of the post for a top-level comment, of the answered comment for a reply.
        root: Id of the thread's first comment; None = the comment itself.
        url: Permanent link of the post.
        now: Moment of the answer.
    """
    mid = _mid(comment)
    if not mid:
        return None
    rich = html_to_text(text_of(comment.get("text")), _BASE) if "text" in comment else _rich(comment)
    at, precision = when(comment.get("created_at"), mid, now)
    return Post(
        platform="weibo",
        native_id=mid,
        kind=Kind.COMMENT,
        text=rich.text,
        url=url,
        author=author_of(obj(comment.get("user")), _region(comment.get("source"), "来自")),
        published_at=at,
        published_precision=precision,
        published_raw=clean_line(text_of(comment.get("created_at")), 60),
        engagement=engagement(
            likes=comment.get("like_count", comment.get("like_counts")), comments=comment.get("total_number")
        ),
        parent_id=parent,
        root_id=root or mid,
        tags=hashtags(rich.text),
        at_users=_names(rich, _REPLY.sub("", clean(rich.text))),
        links=rich.links,
    )
