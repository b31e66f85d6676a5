"""An entry of an RSSHub route to the post that the platform's own collection would give."""

import re
from collections.abc import Mapping
from dataclasses import replace
from html import unescape

from crawlers.link import public_link
from crawlers.platforms._native import Native, native_of
from crawlers.shape import engagement
from crawlers.text import at_names, clean_line, hashtags
from domain.mention import Author, Engagement, Kind, Post, RepostOf
from domain.weibo_id import mid_to_bid

__all__ = ["read_stats", "to_native"]

_ORIGINAL = re.compile(r"^- 转发(?: |$)", re.MULTILINE)
_NAMED_LINE = re.compile(r"^@[^:：\n]{1,40}[:：]", re.MULTILINE)
_NAMED = re.compile(r"@([^:：\n]{1,40})[:：]\s*")
_SOURCE_LINK = re.compile(r"^原博：(\S{1,300})$", re.MULTILINE)
_PREFIX = re.compile(r"@?([^:：\n]{1,40})[:：](?:\s|$)")
_GONE = re.compile(r"^(?:抱歉|该微博|此微博|该账号)")
_UNAVAILABLE = "[原微博不可访问]"
_PROFILE = re.compile(r"https?://(?:www\.)?weibo\.com/(?:u/)?\d{5,12}/?")
_STATS = {"reposts_count": "shares", "comments_count": "comments", "attitudes_count": "likes"}
_COUNT = re.compile(r"<(reposts_count|comments_count|attitudes_count)>\s*([^<]{0,20})<")
_LINK = re.compile(r"<link>\s*(?:<!\[CDATA\[)?\s*([^<\]]{1,2048})")
_MAX_ITEMS = 10_000
_ACCOUNT_FEEDS = frozenset({"wechat"})
"""Platforms whose routes are one account each, which the feed's title names."""


def read_stats(text: str) -> dict[str, Engagement]:
    """Return the counters that an RSS answer prints in `<stats>`, by public link; empty where it prints none."""
    if "<stats>" not in text:
        return {}
    stats: dict[str, Engagement] = {}
    for item in text.split("<item>")[1 : _MAX_ITEMS + 1]:
        _, opened, printed = item.partition("<stats>")
        link = _LINK.search(item) if opened else None
        url = public_link(unescape(link[1])) if link else None
        if url:
            counts = {_STATS[name]: count.strip() for name, count in _COUNT.findall(printed[:1_000])}
            stats[url] = engagement(**counts)
    return stats


def to_native(post: Post, stats: Mapping[str, Engagement]) -> Post:
    """Return an entry with platform, id, kind and link of the post behind it; one of the open web stays as it is.

    Args:
        post: The entry as the feed reader gave it.
        stats: Counters by public link, of `read_stats`.
    """
    native = native_of(post.url or "")
    if native is None:
        return post
    author = post.author if post.author.name != post.outlet or native.platform in _ACCOUNT_FEEDS else Author()
    post = replace(
        post,
        platform=native.platform,
        native_id=native.native_id or post.url or post.native_id,
        kind=native.kind,
        url=native.url,
        raw_url=post.raw_url if post.raw_url != native.url else None,
        author=replace(author, id=native.author_id),
        outlet=None,
        engagement=stats.get(post.url or "", post.engagement),
        tags=tuple(dict.fromkeys((*hashtags(post.text), *post.tags))),
        at_users=at_names(post.text),
        extra=(("platform_of_origin", native.platform),),
    )
    return _status(post, native) if native.platform == "weibo" and native.native_id else post


def _status(post: Post, native: Native) -> Post:
    """Return a Weibo status as its author wrote it: without his name before and the original behind."""
    name, text = _without_author(post)
    chain, original = _split(text)
    if not chain and not original:
        _, chain = _without_author(replace(post, text=post.title or ""))
    own = chain.split("//@", 1)[0].strip()
    mid = native.native_id or ""
    return replace(
        post,
        native_id=mid_to_bid(mid) or mid,
        kind=Kind.REPOST if original is not None else Kind.POST,
        title=None,
        text=chain,
        own_text=own if "//@" in chain else None,
        author=replace(post.author, name=name),
        repost_of=_original(original) if original is not None else None,
        tags=tuple(dict.fromkeys((*hashtags(chain), *_own_tags(post, original)))),
        at_users=at_names(own),
        links=tuple(link for link in post.links if not _PROFILE.fullmatch(link) and link not in (original or "")),
        extra=(*post.extra, ("id_alt", mid)),
    )


def _own_tags(post: Post, original: str | None) -> tuple[str, ...]:
    foreign = hashtags(original or "")
    return tuple(tag for tag in post.tags if tag not in foreign)


def _without_author(post: Post) -> tuple[str | None, str]:
    """Return the author's name, and the text without the name before it."""
    match = _PREFIX.match(post.text)
    name = post.author.name
    if match is None:
        return name, post.text
    told = match[1].strip()
    by_link = bool(post.links) and _PROFILE.fullmatch(post.links[0]) is not None
    if told == name or (name is None and by_link):
        return clean_line(told, 100), post.text[match.end() :].strip()
    return name, post.text


def _split(text: str) -> tuple[str, str | None]:
    """Return what the author wrote and what he passed on; None = it is no repost."""
    match = _ORIGINAL.search(text)
    if match is not None:
        return text[: match.start()].strip(), text[match.end() :].strip()
    named = _NAMED_LINE.search(text) if _SOURCE_LINK.search(text) else None
    return (text[: named.start()].strip(), text[named.start() :]) if named else (text, None)


def _original(text: str) -> RepostOf:
    source = _SOURCE_LINK.search(text)
    native = native_of(source[1]) if source else None
    text = _SOURCE_LINK.sub("", text).strip()
    match = _NAMED.match(text)
    author, body = (clean_line(match[1], 100), text[match.end() :].strip()) if match else (None, text)
    if author == _UNAVAILABLE or not author or _GONE.match(body):
        return RepostOf()
    mid = native.native_id if native else None
    return RepostOf(
        id=mid_to_bid(mid) or mid if mid else None,
        url=native.url if native else None,
        author=author,
        text=body,
        available=True,
    )
