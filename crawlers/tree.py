"""Pages and feeds to trees, whatever they hold: no network, no entities, bounded work."""

import html
import re
from html.entities import html5
from typing import Any, TypeAlias

from lxml import etree
from lxml import html as lxml_html

from crawlers.text import crowded

__all__ = ["Node", "html_root", "local_name", "xml_root"]

Node: TypeAlias = Any
_DECLARATION = re.compile(r"^\s*<\?xml[^>]{0,300}\?>")
_DOCTYPE = re.compile(r"<!DOCTYPE[^\[>]{0,2000}", re.IGNORECASE)
_SUBSET_END = re.compile(r"\]\s*+>")
# Each node's name holds its namespace: a giant one, times the nodes, is hours of work.
_GIANT_NAMESPACE = re.compile(r"""xmlns[^=<>"']{0,64}=\s{0,9}(?:"[^"]{1000}|'[^']{1000})""")
_ENTITY = re.compile(r"&(?:#(\d{1,7}|x[0-9a-fA-F]{1,6})|([A-Za-z][A-Za-z0-9]{1,31}));|&")
_XML_OWN = frozenset({"lt", "gt", "amp", "quot", "apos"})
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_PROLOG = 64_000


def html_root(page: str) -> Node | None:
    """Return the tree of a page; None if there is none to be had."""
    if crowded(page):
        return None
    try:
        return lxml_html.document_fromstring(page, parser=lxml_html.HTMLParser(huge_tree=False, recover=True))
    except (ValueError, etree.LxmlError, AssertionError):
        return None


def xml_root(text: str) -> etree._Element | None:
    """Return the root of an XML text, mended where real files get it wrong; None if there is none to be had."""
    if _GIANT_NAMESPACE.search(text):
        return None
    parser = etree.XMLParser(
        recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, encoding="utf-8",
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        return etree.fromstring(_repaired(text).encode("utf-8"), parser)
    except (etree.LxmlError, ValueError):
        return None


def local_name(node: etree._Element) -> str:
    """Return the name of an element without its namespace, lower case; empty for what is no element."""
    tag = node.tag
    return tag.rpartition("}")[2].rpartition(":")[2].lower() if isinstance(tag, str) else ""


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
