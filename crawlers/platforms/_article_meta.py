"""What a page says about itself: title, author, time, site."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from crawlers.cn_time import Stamp, parse_cn_time
from crawlers.shape import obj, text_of
from crawlers.text import clean_line, html_to_text
from crawlers.tree import Node
from domain.mention import Precision

__all__ = ["Facts", "Marks", "read_facts", "read_marks"]

_ARTICLE_TYPES = re.compile(r"Article|Posting|Report|WebPage", re.IGNORECASE)
_PRINTED = re.compile(
    r"(?<!\d)20\d{2}\s*[-/.年]\s*\d{1,2}\s*[-/.月]\s*\d{1,2}日?(?:[\sT]*\d{1,2}[:时]\d{2}(?::\d{2})?)?|"
    r"(?<!\d)\d{1,2}月\d{1,2}日\s*\d{1,2}:\d{2}|\d{1,2}\s*(?:分钟|小时|天)前|(?:今天|昨天|前天)\s*\d{1,2}:\d{2}|"
    r"\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}\.? \d{1,2}, 20\d{2}"
    r"(?:,? (?:at )?\d{1,2}:\d{2}(?: ?[AaPp][Mm]\b)?)?"
)
_SAYS_WHEN = re.compile(r"(?:发布|发表|发稿|刊发)(?:时间|日期|于)?\s*[:：]?\s*$")
_BYLINE = re.compile(
    r"(?:作者|(?<!\w)文|记者|撰文|来源)\s*[:：/丨|]\s*([^\s:：|丨/，。！？“”《》）)】\]]{2,20}+)(?![，。！？“”《》])"
)
_TITLE_TAIL = re.compile(r"\s*[-_|–—·]+\s*([^-_|–—·]{1,30})$")
_HAN = re.compile("[\u3400-\u9fff]")
_NO_NAME = re.compile(r"\S@\S|https?:|\A[\W\d]*\Z")
_ZONE = re.compile(r"(?:Z|[+-]\d{2}:?\d{2})\Z")
_TIME_META = (
    "article:published_time", "og:published_time", "publishdate", "pubdate", "publish_time", "publishtime",
    "weibo: article:create_at", "datepublished", "firstpublishedtime", "og:release_date", "apub:time", "dc.date",
)  # fmt: skip
_NEAR_TITLE = 1_500
_MAX_PLACES = 5
_MAX_TIMES = 50
_LIKE = 0.7
"""Names of a site that are so much alike are one."""
_MAX_LD = 500_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """The elements in which a page speaks about itself, in its order."""

    head: str | None
    """Title as a browser's tab shows it."""
    first: str | None
    """The first heading of the first level."""
    meta: Mapping[str, str]
    """Contents of `meta` by lower-case name; the first of each name."""
    linked: tuple[str, ...]
    """JSON-LD as written."""
    moment: str | None
    """The first time that a machine can read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a page says about itself."""

    title: str | None = None
    """Title without the site's name."""
    author: str | None = None
    """Author or byline."""
    site: str | None = None
    """Name of the medium, else the host."""
    stamp: Stamp | None = None
    """Time of publication."""
    printed: str | None = None
    """That time as printed."""
    date_source: str = ""
    """Where the time was found: meta, json-ld, time or text."""
    body: str = ""
    """Text of the article from JSON-LD; empty = none."""


def read_marks(tree: Node) -> Marks:
    """Return the marks of a page by one walk through it: an XPath for each walks as often as there are marks."""
    found: dict[str, list[Node]] = {name: [] for name in ("title", "h1", "meta", "script", "time")}
    for node in tree.iter(*found):
        found[node.tag].append(node)
    titles = (clean_line("".join(node.itertext()), 300) for node in found["title"][:5])
    scripts = (node for node in found["script"] if node.get("type") == "application/ld+json")
    return Marks(
        head=next(filter(None, titles), None),
        first=next((clean_line("".join(node.itertext()), 300) for node in found["h1"]), None),
        meta=_contents(found["meta"]),
        linked=tuple((node.text or "")[:_MAX_LD] for node in islice(scripts, 10)),
        moment=next((text for node in found["time"] if (text := node.get("datetime")) is not None), None),
    )


def read_facts(marks: Marks, visible: Callable[[], str], url: str, now: datetime) -> Facts:
    """Return what a page says about itself.

    Args:
        marks: Those of the page.
        visible: Gives its readable text, for dates and names that only people see; asked where nothing else tells.
        url: Its public address.
        now: Moment of the answer; later times are set to it.
    """
    meta = marks.meta
    linked = next(_json_ld(marks.linked), {})
    site = clean_line(meta.get("og:site_name") or text_of(obj(linked, "publisher").get("name")), 100)
    title = _title(marks, linked)
    printed, source = _printed_time(marks, linked, visible, title)
    stamp = parse_cn_time(printed, now) if printed else None
    if stamp is not None and stamp.at > now:
        stamp = Stamp(at=now, precision=stamp.precision) if stamp.precision is not Precision.DAY else None
    return Facts(
        title=title,
        author=_author(meta, linked, visible, title),
        site=site or urlsplit(url).hostname,
        stamp=stamp,
        printed=clean_line(printed, 60) if stamp else None,
        date_source=source if stamp else "",
        body=html_to_text(text_of(linked.get("articleBody"))).text,
    )


def _contents(nodes: Sequence[Node]) -> dict[str, str]:
    found: dict[str, str] = {}
    for node in nodes[:300]:
        name = node.get("property") or node.get("name") or node.get("itemprop")
        content = (node.get("content") or "").strip()
        if name and content:
            found.setdefault(name.strip().lower(), content[:2_000])
    return found


def _json_ld(texts: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    for text in texts:
        try:
            data = json.loads(text, strict=False)
        except (ValueError, RecursionError):
            continue
        graph = data.get("@graph") if isinstance(data, Mapping) else None
        for each in graph if isinstance(graph, list) else data if isinstance(data, list) else [data]:
            if isinstance(each, Mapping) and _ARTICLE_TYPES.search(str(each.get("@type", ""))):
                yield each


def _title(marks: Marks, linked: Mapping[str, Any]) -> str | None:
    head, first = marks.head, marks.first
    told = marks.meta.get("og:title") or text_of(linked.get("headline")) or marks.meta.get("twitter:title")
    title = clean_line(html_to_text(told).text, 300) if told else None
    if title:
        return _without_site(head) if head and _broken_off(title, head) else title
    if first and (head is None or first in head or (len(first) >= 6 and not _names_site(first, head))):
        return first
    return _without_site(head) if head else first


def _broken_off(title: str, head: str) -> bool:
    """Say whether a title ends where it holds a quotation mark, which ended its attribute too."""
    return head.startswith(title) and head[len(title) : len(title) + 1] in ('"', "'")


def _without_site(head: str) -> str:
    """Return the title of a browser's tab without the site's name; a dash within the title itself is no end of it."""
    tail = _TITLE_TAIL.search(head)
    rest = head[: tail.start()] if tail else ""
    return rest if tail and (len(rest) >= 4 or (rest and " " in tail[0].rstrip())) else head


def _names_site(first: str, head: str) -> bool:
    """Say whether the first heading is the site's name, which stands at the end of the tab's title."""
    tail = _TITLE_TAIL.search(head)
    return tail is not None and SequenceMatcher(None, first[:60], tail[1], autojunk=False).ratio() >= _LIKE


def _author(
    meta: Mapping[str, str], linked: Mapping[str, Any], visible: Callable[[], str], title: str | None
) -> str | None:
    person = linked.get("author")
    person = person[0] if isinstance(person, list) and person else person
    for name in (text_of(person), text_of(obj(person).get("name")), meta.get("author"), meta.get("article:author")):
        if name and not _NO_NAME.search(name):
            return clean_line(name, 100)
    text = visible()
    match = next(filter(None, (_BYLINE.search(text, at, at + _NEAR_TITLE) for at in _places(text, title))), None)
    return clean_line(match[1], 100) if match else None


def _places(visible: str, title: str | None) -> list[int]:
    """Return where the title stands in the text, in order; the tab's, which is no part of the page, comes last."""
    found: list[int] = []
    at = visible.find(title) if title else -1
    while at >= 0 and len(found) < _MAX_PLACES:
        found.append(at)
        at = visible.find(title or "", at + 1)
    return [*found[1:], found[0]] if found else [0]


def _printed_time(
    marks: Marks, linked: Mapping[str, Any], visible: Callable[[], str], title: str | None
) -> tuple[str | None, str]:
    stated = next((marks.meta[name] for name in _TIME_META if name in marks.meta), None)
    told = text_of(linked.get("datePublished")) or text_of(linked.get("dateCreated"))
    if stated is not None and not (told and _adds_zone(told, stated, title)):
        return stated, "meta"
    if told:
        return told, "json-ld"
    if marks.moment is not None:
        return marks.moment, "time"
    printed = _time_in_text(visible(), title)
    if printed is None and (changed := marks.meta.get("dateupdate")):
        return changed, "meta"
    return printed, "text" if printed else ""


def _adds_zone(told: str, stated: str, title: str | None) -> bool:
    """Say whether a time is another with its zone; Chinese pages write Beijing time and add a wrong Z at times."""
    same = re.sub(r"\D", "", told)[:12] == re.sub(r"\D", "", stated)[:12]
    return same and bool(_ZONE.search(told)) and not _ZONE.search(stated) and not (title and _HAN.search(title))


def _time_in_text(visible: str, title: str | None) -> str | None:
    """Return the time that is said to be of publication, else the first one after the title, else the first one."""
    found = list(islice(_PRINTED.finditer(visible[:20_000]), _MAX_TIMES))
    for match in found:
        if _SAYS_WHEN.search(visible[max(match.start() - 12, 0) : match.start()]):
            return match[0]
    for at in _places(visible, title):
        near = _PRINTED.search(visible, at, at + _NEAR_TITLE)
        if near:
            return near[0]
    return found[0][0] if found else None
