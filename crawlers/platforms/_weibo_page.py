"""The result page of s.weibo.com to posts."""

import re
from datetime import datetime
from urllib.parse import urljoin

from lxml import html as lxml_html

from crawlers.cn_time import parse_cn_time
from crawlers.number import parse_number
from crawlers.platforms._weibo_id import mid_time, permalink
from crawlers.shape import engagement
from crawlers.text import Rich, at_names, clean, clean_line, hashtags, html_to_text
from crawlers.tree import Node
from domain.mention import Author, Engagement, Kind, Post, Precision, RepostOf
from domain.weibo_id import bid_to_mid

__all__ = ["next_page", "read_cards"]

_BASE = "https://s.weibo.com/"
_POST_LINK = re.compile(r"weibo\.com/(\d{1,20})/([0-9A-Za-z]{5,20})(?:[?#]|$)")
_USER_LINK = re.compile(r"weibo\.com/(?:u/)?(\d{1,20})(?:[?#]|$)")
_LABEL = re.compile(r"转发|评论|赞")


def next_page(tree: Node) -> str | None:
    """Return the absolute address of the next result page; None = this is the last."""
    for href in tree.xpath("//a[contains(concat(' ', @class, ' '), ' next ')]/@href"):
        return urljoin(_BASE, str(href))
    return None


def read_cards(tree: Node, now: datetime) -> tuple[Post, ...]:
    """Read the cards of a result page in order, each followed by the original it embeds."""
    posts: dict[str, Post] = {}
    embedded: dict[str, Post] = {}
    for card in tree.xpath("//div[contains(concat(' ', @class, ' '), ' card-wrap ')][@mid]"):
        post, original = _card(card, now)
        if post is not None:
            posts.setdefault(post.native_id, post)
        if original is not None:
            embedded.setdefault(original.native_id, original)
    return tuple(posts.values()) + tuple(post for mid, post in embedded.items() if mid not in posts)


def _card(card: Node, now: datetime) -> tuple[Post | None, Post | None]:
    mid = str(card.get("mid") or "")
    content = _first(card, ".//div[contains(concat(' ', @class, ' '), ' content ')]")
    scope = content if content is not None else card
    rich, truncated = _text(scope, "not(ancestor::div[contains(@class, 'card-comment')])")
    uid, bid, printed = _permalink(scope, "./div[@class='from']//a | .//div[@class='from'][1]//a")
    mid = mid if mid.isascii() and mid.isdigit() else bid_to_mid(bid)
    if not mid or rich is None:
        return None, None
    box = _first(card, ".//div[contains(@class, 'card-comment')]")
    original = _original(box, now) if box is not None else None
    at, precision = _when(printed, mid, now)
    own = rich.text.split("//@", 1)[0].strip()
    post = Post(
        platform="weibo",
        native_id=mid,
        kind=Kind.POST if box is None else Kind.REPOST,
        text=rich.text,
        own_text=own if "//@" in rich.text else None,
        url=permalink(uid, bid, mid),
        author=_author(scope, card, uid),
        published_at=at,
        published_precision=precision,
        published_raw=printed or None,
        engagement=_counters(card),
        repost_of=_repost_of(original, box) if box is not None else None,
        tags=hashtags(rich.text),
        at_users=tuple(n for n in rich.at_users if f"@{n}" in own) or (() if rich.at_users else at_names(own)),
        links=rich.links,
        truncated=truncated,
        promoted=bool(card.xpath(".//*[contains(@class, 'icon-ad') or text()='广告']")),
    )
    return post, original


def _original(box: Node, now: datetime) -> Post | None:
    rich, truncated = _text(box, "true()")
    uid, bid, printed = _permalink(box, ".//p[@class='from']//a")
    mid = _original_mid(box, bid)
    if not mid or not uid or rich is None or not rich.text:
        return None
    name = _first(box, ".//a[@nick-name]")
    at, precision = _when(printed, mid, now)
    shares = _first(box, ".//li/a[contains(@href, 'type=repost')]")
    comments = _first(box, ".//li/a[contains(@href, 'type=comment')]")
    likes = _first(box, ".//span[contains(@class, 'woo-like-count')]")
    return Post(
        platform="weibo",
        native_id=mid,
        kind=Kind.POST,
        text=rich.text,
        url=permalink(uid, bid, mid),
        author=Author(name=clean_line(name.get("nick-name"), 100) if name is not None else None, id=uid or None),
        published_at=at,
        published_precision=precision,
        published_raw=printed or None,
        engagement=engagement(shares=_printed(shares), comments=_printed(comments), likes=_printed(likes)),
        tags=hashtags(rich.text),
        at_users=rich.at_users,
        links=rich.links,
        truncated=truncated,
    )


def _original_mid(box: Node, bid: str) -> str:
    told = re.search(r"mid=(\d{10,20})", " ".join(str(each) for each in box.xpath(".//@action-data")))
    return bid_to_mid(bid) or (told[1] if told else "")


def _repost_of(original: Post | None, box: Node) -> RepostOf:
    if original is None:
        return RepostOf(id=_original_mid(box, "") or None)
    return RepostOf(
        id=original.native_id, url=original.url, author=original.author.name, text=original.text, available=True
    )


def _text(scope: Node, where: str) -> tuple[Rich | None, bool]:
    short = _first(scope, f".//p[@node-type='feed_list_content'][{where}]")
    full = _first(scope, f".//p[@node-type='feed_list_content_full'][{where}]")
    chosen = full if full is not None else short
    if chosen is None:
        return None, False
    rich = html_to_text(lxml_html.tostring(chosen, encoding="unicode", with_tail=False), _BASE)
    return rich, full is None and rich.truncated


def _permalink(scope: Node, path: str) -> tuple[str, str, str]:
    for link in scope.xpath(path):
        match = _POST_LINK.search(str(link.get("href") or ""))
        if match:
            return match[1], match[2], clean(link.text_content()).replace("\n", " ")
    return "", "", ""


def _when(printed: str, mid: str, now: datetime) -> tuple[datetime | None, Precision | None]:
    stamp = parse_cn_time(printed, now)
    if stamp is not None:
        return stamp.at, stamp.precision
    made = mid_time(mid)
    return (made, Precision.SECOND) if made is not None and made <= now else (None, None)


def _author(scope: Node, card: Node, uid: str) -> Author:
    link = _first(scope, ".//div[contains(@class, 'info')]//a[@nick-name]")
    href = _USER_LINK.search(str(link.get("href") or "")) if link is not None else None
    badge = card.xpath(".//div[contains(@class, 'avator')]//*[starts-with(@id, 'woo_svg_v')]")
    badge = badge or card.xpath(".//div[contains(@class, 'info')]//*[starts-with(@id, 'woo_svg_v')]")
    name = link.get("nick-name") or link.text_content() if link is not None else None
    return Author(name=clean_line(name, 100), id=uid or (href[1] if href else None), verified=bool(badge))


def _counters(card: Node) -> Engagement:
    act = _first(card, ".//div[contains(concat(' ', @class, ' '), ' card-act ')]")
    if act is None:
        return Engagement()
    like = _first(act, ".//a[@action-type='feed_list_like']//span[contains(@class, 'woo-like-count')]")
    return engagement(
        shares=_printed(_first(act, ".//a[@action-type='feed_list_forward']")),
        comments=_printed(_first(act, ".//a[@action-type='feed_list_comment']")),
        likes=_printed(like if like is not None else _first(act, ".//a[@action-type='feed_list_like']")),
    )


def _printed(node: Node | None) -> str | None:
    if node is None:
        return None
    text = _LABEL.sub("", node.text_content()).strip()
    return text if parse_number(text).value is not None else None


def _first(scope: Node, path: str) -> Node | None:
    found = scope.xpath(path)
    return found[0] if found else None
