"""One page of the open web: its text, however the site is built.

Order of contracts: crawling, section 4: the site's rule, then trafilatura for precision,
then readability where that found too little. Runs in a worker: it costs 30 to 100 ms.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import Any

from lxml import etree
from lxml import html as lxml_html

from config.settings import SourceSettings
from crawlers.base import Fetch, Parsed, Platform, Response
from crawlers.decode import decode_body
from crawlers.errors import SourceError
from crawlers.link import public_link
from crawlers.platforms._article_meta import read_facts, read_marks
from crawlers.text import MAX_TEXT, clean, clean_line, crowded, html_to_text
from crawlers.tree import Node
from crawlers.verdict import status_outcome, url_outcome
from domain.mention import Author, Kind, Post
from domain.outcome import FetchOutcome
from domain.spec import Spec

__all__ = ["SPEC", "ArticlePage", "ArticleSettings"]

_MAX_PAGE = 2_000_000
_MAX_DEPTH = 250  # libxml2 leaves out what lies deeper than 256
_MAX_OPEN = 400
_MAX_TAGS = 40_000
_SHORT = 120
_SHARE = 0.35
"""Less than this share of what resiliparse reads is too little."""
_MOST = 0.5
"""This share of all text outside of short links is enough, whatever resiliparse would read."""
_CAPTCHA_TITLE = re.compile(r"百度安全验证|环境异常|安全验证|人机验证|滑动验证|请完成验证|Just a moment", re.IGNORECASE)
_LOGIN_TITLE = re.compile(r"^(?:用户)?登录(?:\s*[-_|].*)?$|Sina Visitor System")
_OPEN_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,20})\b[^<>]{0,2000}?(/?)>")
_DEEP = etree.XPath("boolean(/" + "*/" * _MAX_DEPTH + "*)")
_WORDS = etree.XPath("//body//text()[not(parent::script or parent::style or ancestor::a[string-length() < 60])]")
_VOID = frozenset(
    "br img hr meta link input area base col embed source track wbr param p li td tr th dd dt option".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleSettings:
    """Settings that only pages know."""

    text_css: str | None = None
    """CSS selector of the text; None = found by itself."""


class ArticlePage(Platform):
    """Address and parser of a page."""

    name = "article"
    hosts: tuple[str, ...] = ()
    prefixes = ("article",)
    pace = timedelta(0)

    def __init__(self, options: ArticleSettings | None = None) -> None:
        self._options = options or ArticleSettings()

    def start(self, source: SourceSettings, now: datetime) -> tuple[Fetch, ...]:
        """Return the request for the page."""
        if not source.url:
            raise SourceError(source.name, "platform `article` needs `url`, the address of the page")
        return (Fetch(endpoint="article.page", url=source.url),)

    def parse(self, endpoint: str, response: Response) -> Parsed:
        """Read a page; without any text in it the outcome is parse_error."""
        refused = url_outcome(response.url) or status_outcome(response.status, response.headers)
        if refused is not None:
            return Parsed(outcome=refused, detail=f"HTTP {response.status}")
        kind = response.headers.get("content-type", "text/html").lower()
        told = any(mark in kind for mark in ("html", "xml", "text/plain")) or response.body.lstrip()[:1] == b"<"
        if not told or b"\0" in response.body[:1_000]:
            return Parsed(outcome=FetchOutcome.PARSE_ERROR, detail=f"no page: {clean_line(kind, 60)}")
        source = decode_body(response.body[:_MAX_PAGE], response.headers.get("content-type"))[:_MAX_PAGE]
        if crowded(source):
            return Parsed(outcome=FetchOutcome.PARSE_ERROR, detail="a tag with thousands of attributes")
        tree = _tree(source)
        if tree is None:
            return Parsed(outcome=FetchOutcome.PARSE_ERROR, detail="empty page")
        if _DEEP(tree):
            return Parsed(outcome=FetchOutcome.PARSE_ERROR, detail="tags nested too deeply")
        css = response.context.get("text_css") or self._options.text_css
        return _read(source, tree, response, css)


def _read(source: str, tree: Node, response: Response, css: str | None) -> Parsed:
    marks = read_marks(tree)
    head = marks.head or ""
    if _CAPTCHA_TITLE.search(head):
        return Parsed(outcome=FetchOutcome.CAPTCHA, detail=head[:200])
    if _LOGIN_TITLE.search(head):
        return Parsed(outcome=FetchOutcome.LOGIN_REQUIRED, detail=head[:200])
    facts = read_facts(marks, cache(lambda: html_to_text(source).text), response.url, response.now)
    text, how = _extract(source, tree, facts.body, css)
    if not text:
        return Parsed(outcome=FetchOutcome.PARSE_ERROR, detail="a page without readable text")
    url = public_link(response.url) or response.url
    post = Post(
        platform="web",
        native_id=url,
        kind=Kind.ARTICLE,
        title=facts.title,
        text=text,
        url=url,
        author=Author(name=facts.author or facts.site),
        outlet=facts.site,
        published_at=facts.stamp.at if facts.stamp else None,
        published_precision=facts.stamp.precision if facts.stamp else None,
        published_raw=facts.printed,
        extra=(("date_source", facts.date_source), ("extracted_by", how)),
    )
    return Parsed(outcome=FetchOutcome.OK, posts=(post,))


def _depth(source: str) -> int:
    """Return how deep tags nest at most, about; unclosed paragraphs and void tags do not count."""
    depth = deepest = 0
    for closing, name, alone in _OPEN_TAG.findall(source):
        if alone or name.lower() in _VOID:
            continue
        if closing:
            depth = depth - 1 if depth else 0
        else:
            depth += 1
            if depth > deepest:
                deepest = depth
    return deepest


def _tree(source: str) -> Node | None:
    if not source.strip():
        return None
    try:
        parser = lxml_html.HTMLParser(
            huge_tree=False, recover=True, encoding="utf-8", remove_comments=True, remove_pis=True, collect_ids=False
        )
        return lxml_html.document_fromstring(source.encode("utf-8", "replace"), parser=parser)
    except (ValueError, lxml_html.etree.LxmlError, AssertionError):
        return None


def _extract(source: str, tree: Node, linked: str, css: str | None) -> tuple[str, str]:
    """Return the text and the step that found it; empty if none did."""
    if css:
        text = _by_css(tree, css)
        if text:
            return text, "rule"
    if len(linked) >= _SHORT:
        return linked, "json-ld"
    if source.count("<") > _MAX_TAGS:
        return _by_resiliparse(source), "resiliparse"
    unlinked = sum(map(len, _WORDS(tree)))
    text = _by_trafilatura(tree)
    if len(text) >= max(_SHORT, _MOST * unlinked):
        return text, "trafilatura"
    whole = _by_resiliparse(source)
    if len(text) < _SHORT or len(text) < _SHARE * len(whole):
        other = _by_readability(source)
        if len(other) > len(text):
            return other, "readability"
    return (text, "trafilatura") if text else (whole, "resiliparse")


def _by_css(tree: Node, css: str) -> str:
    select = _selector(css)
    nodes = select(tree) if select is not None else []
    parts = (html_to_text(lxml_html.tostring(node, encoding="unicode", with_tail=False)).text for node in nodes[:50])
    return "\n".join(filter(None, parts))[:MAX_TEXT].rstrip()


@lru_cache(maxsize=256)
def _selector(css: str) -> Any:
    """Return what finds a rule's nodes; None for a rule that is none."""
    from lxml.cssselect import CSSSelector, SelectorError

    try:
        return CSSSelector(css)
    except SelectorError:
        return None


def _by_trafilatura(tree: Node) -> str:
    import trafilatura

    return clean(_guarded(lambda: trafilatura.extract(tree, options=_precise())) or "")


@cache
def _precise() -> Any:
    """Return trafilatura's options, made once: it looks all of them up again for each page otherwise."""
    from trafilatura.settings import Extractor

    return Extractor(precision=True, comments=False)


def _by_readability(source: str) -> str:
    from readability import Document

    return html_to_text(_guarded(lambda: Document(source).summary(html_partial=True)) or "").text


def _by_resiliparse(source: str) -> str:
    if _depth(source) > _MAX_OPEN:  # it compares each tag with all that are open
        return ""
    from resiliparse.extract.html2text import extract_plain_text

    return clean(_guarded(lambda: extract_plain_text(source, main_content=True, alt_texts=False, links=False)) or "")


def _guarded(extract: Any) -> str | None:
    """Return what a library extracts; None where the page makes it fail."""
    try:
        found = extract()
    except Exception:  # noqa: BLE001  # border of one page: three libraries with errors of their own
        return None
    return found if isinstance(found, str) else None


SPEC = Spec(name="article", settings=ArticleSettings, factory=ArticlePage, title="网页")
