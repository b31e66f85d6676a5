"""RSS 0.9x, 1.0, 2.0 and Atom to posts; tolerant of what real feeds get wrong."""

import html
import re
from datetime import datetime
from itertools import islice

from lxml import etree

from crawlers.platforms._feed_entry import Entry, to_post
from crawlers.platforms._gather import MAX_ENTRIES, Drops, gather
from crawlers.text import clean_line, html_to_text
from crawlers.tree import local_name, xml_root
from domain.mention import Post

__all__ = ["read_xml_feed"]

_FOREIGN = re.compile(r"^\{[^}]*(?:mrss|itunes|googleplay|podcast)[^}]*\}|^(?:media|itunes|googleplay|podcast):", re.I)
_OPENED, _CLOSED = re.compile(r"<(?:item|entry)[\s>/]"), re.compile(r"</(?:item|entry)\s*+>|<(?:item|entry)\s*+/>")
_ROOTS = frozenset({"rss", "rdf", "feed", "channel"})
_XML_BASE = "{http://www.w3.org/XML/1998/namespace}base"
_RDF_ABOUT = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about"
_ENTRIES = frozenset({"item", "entry"})
# Where ends are missing, entries lie in each other; each would be read once more for every one around it.
_MAX_INSIDE = 3


def read_xml_feed(text: str, url: str, now: datetime) -> tuple[tuple[Post, ...], str, Drops] | None:
    """Return the posts of a feed in order, each id once, a remark, and what was let go; None if it is no feed.

    What a cut-off feed still holds in whole is read; its last, unfinished entry is left for
    the next visit.
    """
    root = xml_root(text)
    if root is None or local_name(root) not in _ROOTS:
        return None
    channel = next((child for child in root if local_name(child) == "channel"), root)
    opened, closed = len(_OPENED.findall(text)), len(_CLOSED.findall(text))
    found = list(islice((node for node in root.iter(etree.Element) if local_name(node) in _ENTRIES), MAX_ENTRIES))
    found = [
        node for node in found if sum(local_name(above) in _ENTRIES for above in node.iterancestors()) <= _MAX_INSIDE
    ]
    unread = max(opened - MAX_ENTRIES, 0)
    cut = opened > closed
    if cut and not unread:
        found = found[:-1]
    site = clean_line(html_to_text(_text(_child(channel, "title"))).text, 200)
    owner = _author(channel)
    language = _plain(_child(channel, "language"))
    base = root.get(_XML_BASE) or url
    posts, drops = gather(
        (to_post(_entry(node, owner, language), site=site, base=base, now=now) for node in found),
        unread=unread,
        unfinished=cut,
    )
    return posts, "cut off in mid-entry" if cut else "", drops


def _is_foreign(node: etree._Element) -> bool:
    """Say whether an element speaks of media or a podcast, whose `title` and `content` are others."""
    tag = node.tag
    return isinstance(tag, str) and bool(_FOREIGN.search(tag))


def _child(node: etree._Element, *names: str) -> etree._Element | None:
    for name in names:
        for child in node:
            if local_name(child) == name and (len(child) or (child.text or "").strip()) and not _is_foreign(child):
                return child
    return None


def _plain(node: etree._Element | None) -> str:
    return "".join(str(part) for part in node.itertext()).strip() if node is not None else ""


def _text(node: etree._Element | None) -> str:
    """Return what a text construct holds as HTML."""
    if node is None:
        return ""
    kind = (node.get("type") or "").lower()
    if kind == "xhtml" or len(node):
        inner = "".join(etree.tostring(child, encoding="unicode", method="html") for child in node)
        return html.escape(node.text or "", quote=False) + inner
    plain = _plain(node)
    return html.escape(plain, quote=False) if kind in ("text", "text/plain") else plain


def _entry(node: etree._Element, owner: str, language: str) -> Entry:
    guid = _child(node, "guid", "id", "identifier")
    return Entry(
        guid=_plain(guid),
        guid_is_link=guid is not None and local_name(guid) == "guid" and (guid.get("isPermaLink") or "true") != "false",
        link=_link(node) or node.get(_RDF_ABOUT, ""),
        title=html_to_text(_text(_child(node, "title"))).text,
        markup=_text(_child(node, "encoded")) or _text(_child(node, "content", "description", "summary", "subtitle")),
        author=_author(node) or owner,
        published=_plain(_child(node, "pubdate", "published", "date", "issued", "created", "updated", "modified")),
        tags=tuple(_plain(each) or each.get("label") or each.get("term") or "" for each in _all(node, "category")),
        comments=_comments(node),
        language=_plain(_child(node, "language")) or language,
    )


def _all(node: etree._Element, name: str) -> list[etree._Element]:
    return [child for child in node if local_name(child) == name]


def _link(node: etree._Element) -> str:
    links = _all(node, "link")
    for link in links:
        if (link.text or "").strip():
            return (link.text or "").strip()
    hrefs = [(link.get("rel") or "alternate", link.get("href") or "") for link in links if link.get("href")]
    for rel, href in hrefs:
        if rel == "alternate":
            return href
    return next((href for rel, href in hrefs if rel not in ("self", "enclosure", "edit", "replies")), "")


def _author(node: etree._Element) -> str:
    person = _child(node, "author", "creator")
    if person is None:
        return _plain(_child(node, "managingeditor"))
    return _plain(_child(person, "name")) or _plain(person)


def _comments(node: etree._Element) -> str | None:
    for child in node:
        tag = child.tag if isinstance(child.tag, str) else ""
        if tag.endswith(("slash/}comments", "}total")) or (tag.endswith("comments") and _plain(child).isdigit()):
            return _plain(child)
    return None
