"""One page of the open web: its text, however the site is built.

Order of contracts: crawling, section 4: the site's rule, then trafilatura for precision,
then readability where that found too little. Runs in a worker: it costs 30 to 100 ms.
"""

import re
from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache
from itertools import islice
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
_FAR = 0.1
"""Less than this share of what resiliparse reads is not the text."""
_LISTED = 0.5
"""A text of which so much are links to other pages is a list beside the article."""
_BLOCK_LINE = 30
"""Lines after an article's end are shorter than this on average, in characters."""
_BLOCK = frozenset(
    "热门推荐 相关推荐 精彩推荐 推荐阅读 相关阅读 延伸阅读 相关新闻 相关文章 热点新闻 热门新闻 更多新闻 更多精彩 "
    "为您推荐 为你推荐 给您推荐 给你推荐 猜您喜欢 猜你喜欢 大家都在看 关注我们".split()
)
_BLOCK_MARKS = "-—·【】[]:： "
_RANK = re.compile(r"\A[-\s\d.、]+")
_CAPTCHA_TITLE = re.compile(r"百度安全验证|环境异常|安全验证|人机验证|滑动验证|请完成验证|Just a moment", re.IGNORECASE)
_CAPTCHA_ONLY = re.compile(
    r"(?:百度|网站|系统)?(?:环境异常|安全验证|人机验证|滑动验证|请完成验证)|Just a moment\W*", re.IGNORECASE
)
_TITLE_MARK = re.compile("[-_|–—·]")
_WALL_TEXT = 400
"""A page that only asks whether it is a person who reads has less text than this, in characters."""
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
    floor = timedelta(minutes=2)

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
    if _is_captcha(head, source):
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


def _is_captcha(head: str, source: str) -> bool:
    """Say whether a page asks for a captcha; an article may speak of one in its title too."""
    if not _CAPTCHA_TITLE.search(head):
        return False
    only = any(_CAPTCHA_ONLY.fullmatch(part.strip()) for part in _TITLE_MARK.split(head))
    return only or len(html_to_text(source).text) < _WALL_TEXT


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
    titles = _link_titles(tree)
    text, how = _by_trafilatura(tree), "trafilatura"
    if len(text) < max(_SHORT, _MOST * unlinked):
        whole = _by_resiliparse(source)
        listed = _is_list(text, titles)
        if listed or len(text) < _SHORT or len(text) < _SHARE * len(whole):
            other = _by_readability(source)
            if len(other) > len(text) or (listed and other and not _is_list(other, titles)):
                text, how = other, "readability"
        if len(text) < _FAR * len(whole) or not text:
            text, how = whole, "resiliparse"
    return _without_block(text), how


def _link_titles(tree: Node) -> frozenset[str]:
    """Return the texts of links that are as long as a headline, without rank and marks before them."""
    texts = (_RANK.sub("", clean("".join(islice(node.itertext(), 20))[:200])) for node in tree.iter("a"))
    return frozenset(text for text in texts if 4 <= len(text) <= 60)


def _is_list(text: str, titles: Set[str]) -> bool:
    """Say whether a text consists of links to other pages, such as the news of the day beside an article."""
    linked = sum(len(line) for line in text.split("\n") if _RANK.sub("", line) in titles)
    return linked >= _LISTED * max(len(text), 1)


def _without_block(text: str) -> str:
    """Return the text without the lines that recommend other pages after its end."""
    at = 0
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if at >= _SHORT and line.strip(_BLOCK_MARKS) in _BLOCK:
            after, n_after = len(text) - at - len(line) - 1, len(lines) - number
            if after <= _BLOCK_LINE * n_after or not n_after:
                return text[:at].rstrip()
        at += len(line) + 1
    return text


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

    found = clean(_guarded(lambda: trafilatura.extract(tree, options=_precise())) or "")
    return clean("\n".join(line.strip("| ") for line in found.split("\n"))) if "|" in found else found


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
