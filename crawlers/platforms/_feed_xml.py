"""RSS 0.9x, 1.0, 2.0 and Atom to posts; tolerant of what real feeds get wrong."""

import html
import re
from datetime import datetime
from html.entities import html5
from itertools import islice

from lxml import etree

from crawlers.platforms._feed_entry import Entry, to_post
from crawlers.platforms._gather import MAX_ENTRIES, Drops, gather
from crawlers.text import clean_line, html_to_text
from domain.mention import Post

__all__ = ["read_xml_feed"]

_DECLARATION = re.compile(r"^\s*<\?xml[^>]{0,300}\?>")
_DOCTYPE = re.compile(r"<!DOCTYPE[^\[>]{0,2000}", re.IGNORECASE)
_SUBSET_END = re.compile(r"\]\s*+>")
# Each node's name holds its namespace: a giant one, times the nodes, is hours of work.
_GIANT_NAMESPACE = re.compile(r"""xmlns[^=<>"']{0,64}=\s{0,9}(?:"[^"]{1000}|'[^']{1000})""")
_ENTITY = re.compile(r"&(?:#(\d{1,7}|x[0-9a-fA-F]{1,6})|([A-Za-z][A-Za-z0-9]{1,31}));|&")
_XML_OWN = frozenset({"lt", "gt", "amp", "quot", "apos"})
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_FOREIGN = re.compile(r"^\{[^}]*(?:mrss|itunes|googleplay|podcast)[^}]*\}|^(?:media|itunes|googleplay|podcast):", re.I)
_OPENED, _CLOSED = re.compile(r"<(?:item|entry)[\s>/]"), re.compile(r"</(?:item|entry)\s*+>|<(?:item|entry)\s*+/>")
_ROOTS = frozenset({"rss", "rdf", "feed", "channel"})
_XML_BASE = "{http://www.w3.org/XML/1998/namespace}base"
_PROLOG = 64_000
_ENTRIES = frozenset({"item", "entry"})
# Where ends are missing, entries lie in each other; each would be read once more for every one around it.
_MAX_INSIDE = 3


def read_xml_feed(text: str, url: str, now: datetime) -> tuple[tuple[Post, ...], str, Drops] | None:
    """Return the posts of a feed in order, each id once, a remark, and what was let go; None if it is no feed.

    What a cut-off feed still holds in whole is read; its last, unfinished entry is left for
    the next visit.
    """
    parser = etree.XMLParser(
        recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, encoding="utf-8",
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    if _GIANT_NAMESPACE.search(text):
        return None
    try:
        root = etree.fromstring(_repaired(text).encode("utf-8"), parser)
    except (etree.LxmlError, ValueError):
        return None
    if root is None or _local(root) not in _ROOTS:
        return None
    channel = next((child for child in root if _local(child) == "channel"), root)
    opened, closed = len(_OPENED.findall(text)), len(_CLOSED.findall(text))
    found = list(islice((node for node in root.iter(etree.Element) if _local(node) in _ENTRIES), MAX_ENTRIES))
    found = [node for node in found if sum(_local(above) in _ENTRIES for above in node.iterancestors()) <= _MAX_INSIDE]
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


def _repaired(text: str) -> str:
    text = _without_doctype(_DECLARATION.sub("", text))
    return _ENTITY.sub(_entity, _FORBIDDEN.sub("", text)).strip()


def _without_doctype(text: str) -> str:
    """Drop the document type with the entities that it declares; linear, whatever is nested or left open."""
    opened = _DOCTYPE.search(text, 0, _PROLOG)
    if opened is None:
        return text
    end = opened.end()
    if text.startswith("[", end):
        closed = _SUBSET_END.search(text, end)
        return text[: opened.start()] + text[closed.end() :] if closed else text
    return text[: opened.start()] + text[end + 1 :] if text.startswith(">", end) else text


def _entity(match: re.Match[str]) -> str:
    number, name = match.groups()
    if name:
        if name in _XML_OWN:
            return match[0]
        char = html5.get(name + ";")
        return char if char is not None and char not in "<>&" else f"&amp;{name};"
    if number:
        char = html.unescape(match[0])
        return "" if _FORBIDDEN.search(char) else match[0]
    return "&amp;"


def _local(node: etree._Element) -> str:
    tag = node.tag
    return tag.rpartition("}")[2].rpartition(":")[2].lower() if isinstance(tag, str) else ""


def _is_foreign(node: etree._Element) -> bool:
    """Say whether an element speaks of media or a podcast, whose `title` and `content` are others."""
    tag = node.tag
    return isinstance(tag, str) and bool(_FOREIGN.search(tag))


def _child(node: etree._Element, *names: str) -> etree._Element | None:
    for name in names:
        for child in node:
            if _local(child) == name and (len(child) or (child.text or "").strip()) and not _is_foreign(child):
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
        guid_is_link=guid is not None and _local(guid) == "guid" and (guid.get("isPermaLink") or "true") != "false",
        link=_link(node),
        title=html_to_text(_text(_child(node, "title"))).text,
        markup=_text(_child(node, "encoded")) or _text(_child(node, "content", "description", "summary", "subtitle")),
        author=_author(node) or owner,
        published=_plain(_child(node, "pubdate", "published", "date", "issued", "created", "updated", "modified")),
        tags=tuple(_plain(each) or each.get("label") or each.get("term") or "" for each in _all(node, "category")),
        comments=_comments(node),
        language=_plain(_child(node, "language")) or language,
    )


def _all(node: etree._Element, name: str) -> list[etree._Element]:
    return [child for child in node if _local(child) == name]


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
