"""The pages of Baidu: news results to posts, the top board to trends."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from crawlers.cn_time import parse_cn_time
from crawlers.link import public_link
from crawlers.number import parse_number
from crawlers.platforms._answer import query_of
from crawlers.platforms._gather import MAX_ENTRIES
from crawlers.shape import entries, load_json, obj, text_of
from crawlers.text import clean_line, html_to_text
from crawlers.tree import Node
from domain.mention import Author, Kind, Post, Trend

__all__ = ["following_offset", "read_board", "read_results", "result_cards"]

_MARK = "s-data:"
_CARD = (
    "//div[@mu or contains(concat(' ', normalize-space(@class), ' '), ' result-op ')"
    " or contains(concat(' ', normalize-space(@class), ' '), ' result ')]"
)
_SOURCE = ("新闻来源：", "新闻来源:", "来源：")
_PUBLISHED = ("发布于：", "发布于:", "发布时间：")
_TITLE = ("标题：", "标题:")
_SUMMARY = ("摘要：", "摘要:", "摘要")
_ADVERT = ".//*[normalize-space(text())='广告' or contains(@class, 'tuiguang') or @data-tuiguang]"
# Cards without a page of their own, such as related searches, carry one of these as their address.
_NOWHERE = ("nourl.ubs.baidu.com", "recommend_list.baidu.com")
_MAX_MARKS = 50


def result_cards(tree: Node) -> list[Node]:
    """Return the outermost cards of a result page in order."""
    taken: dict[Node, None] = {}
    for card in tree.xpath(_CARD)[:MAX_ENTRIES]:
        if not any(above in taken for above in card.iterancestors()):
            taken[card] = None
    return list(taken)


def read_results(cards: list[Node], now: datetime) -> list[Post | None]:
    """Read the cards that hold a page's title; None = one without a link."""
    found: list[Post | None] = []
    for card in cards:
        if _host(str(card.get("mu") or "")).endswith(_NOWHERE):
            continue
        told = _told(card)
        title = html_to_text(text_of(told.get("title"))).text or _printed(card, ".//h3//a", _TITLE)
        if title:
            found.append(_post(card, told, title, now))
    return found


def _told(card: Node) -> Mapping[str, Any]:
    """Return what the card's embedded data says; empty if it has none that can be read."""
    for comment in card.xpath(".//comment()[starts-with(normalize-space(.), 's-data:')]")[:_MAX_MARKS]:
        body = _loaded((comment.text or "").strip().removeprefix(_MARK))
        if obj(body).get("title"):
            return obj(body)
    return {}


def _loaded(text: str) -> object:
    text = text.strip()
    if text.startswith("(") and text.endswith(")"):
        text = text[1:-1]
    try:
        return load_json(text)
    except ValueError:
        return None


def _post(card: Node, told: Mapping[str, Any], title: str, now: datetime) -> Post | None:
    url = _link(card, told)
    if url is None:
        return None
    summary = html_to_text(text_of(told.get("summary"))).text or _labelled(card, _SUMMARY)
    name = clean_line(text_of(told.get("sourceName")), 100) or clean_line(_labelled(card, _SOURCE), 100)
    printed = clean_line(text_of(told.get("dispTime")), 60) or _time(card)
    stamp = parse_cn_time(printed, now)
    return Post(
        platform="web",
        native_id=url,
        kind=Kind.ARTICLE,
        title=clean_line(title),
        text=summary,
        url=url,
        author=Author(name=name),
        outlet=name,
        published_at=stamp.at if stamp else None,
        published_precision=stamp.precision if stamp else None,
        published_raw=printed,
        truncated=True,
        promoted=bool(card.xpath(_ADVERT)),
    )


def _link(card: Node, told: Mapping[str, Any]) -> str | None:
    """Return the page's own link; one through Baidu's counter only where there is no other."""
    hrefs = card.xpath(".//h3//a/@href")
    links = (public_link(str(each)) for each in (card.get("mu"), text_of(told.get("titleUrl")), *hrefs[:5]) if each)
    known = [link for link in links if link and not _host(link).endswith(_NOWHERE)]
    direct = (link for link in known if not (_host(link) == "www.baidu.com" and urlsplit(link).path == "/link"))
    link = next(direct, known[0] if known else None)
    return _plain(link) if link else None


def _host(link: str) -> str:
    try:
        return (urlsplit(link).hostname or "").lower()
    except ValueError:
        return ""


def _plain(link: str) -> str:
    """Return the link without the marks that Baidu's own articles get in its results."""
    if _host(link) != "baijiahao.baidu.com":
        return link
    parts = urlsplit(link)
    pairs = [pair for pair in parts.query.split("&") if pair.partition("=")[0] not in ("wfr", "for")]
    return parts._replace(query="&".join(pairs)).geturl()


def _labelled(card: Node, labels: tuple[str, ...]) -> str:
    """Return the words of the first element whose aria-label begins with one of the labels."""
    for node in card.xpath(".//*[@aria-label]"):
        label = str(node.get("aria-label"))
        for begin in labels:
            if label.startswith(begin):
                return html_to_text(label[len(begin) :].replace("<", "&lt;")).text or _words(node)
    return ""


def _printed(card: Node, path: str, labels: tuple[str, ...]) -> str:
    for node in card.xpath(path):
        return _words(node) or _labelled(card, labels)
    return ""


def _time(card: Node) -> str | None:
    printed = clean_line(_labelled(card, _PUBLISHED), 60)
    if printed:
        return printed
    for node in card.xpath(".//span[contains(@class, 'c-color-gray2')]"):
        return clean_line(_words(node), 60)
    return None


def _words(node: Node) -> str:
    text = "".join(str(each) for each in node.xpath(".//text()"))
    return html_to_text(text.replace("&", "&amp;").replace("<", "&lt;")).text


def following_offset(tree: Node, url: str) -> int | None:
    """Return the offset of the next result page; None = this is the last."""
    here = parse_number(query_of(url).get("pn", "0")).value or 0
    for link in tree.xpath("//a[@href][contains(., '下一页')]"):
        offset = parse_number(query_of(str(link.get("href"))).get("pn")).value
        if offset is not None and offset > here:
            return offset
    return None


def read_board(page: str) -> tuple[Trend, ...] | None:
    """Return the lines of the top board without pinned ones; None = there is no board in the page."""
    for body in _bodies(page):
        cards = obj(body, "data").get("cards")
        if isinstance(cards, list):
            lists = [card["content"] for card in entries(cards) if isinstance(card.get("content"), list)]
            lines = next((each for each in map(_lines, lists) if each), [])
            trends = _trends(lines)
            return trends if trends or (lists and all(map(_is_pinned, lines))) else None
    return None


def _bodies(page: str) -> Iterator[object]:
    if page.lstrip().startswith("{"):
        yield _loaded(page)
    at = 0
    for _ in range(_MAX_MARKS):
        start = page.find("<!--" + _MARK, at)
        end = page.find("-->", start) if start >= 0 else -1
        if end < 0:
            return
        yield _loaded(page[start + 4 + len(_MARK) : end])
        at = end


def _lines(content: list[Any]) -> list[Mapping[str, Any]]:
    """Return the lines of a card, which a newer page keeps one level deeper."""
    lines: list[Mapping[str, Any]] = []
    for each in entries(content[:MAX_ENTRIES]):
        inner = each.get("content")
        lines += entries(inner[:MAX_ENTRIES]) if isinstance(inner, list) else [each]
    return lines


def _is_pinned(line: Mapping[str, Any]) -> bool:
    return line.get("isTop") is True or text_of(line.get("isTop")) in ("1", "true")


def _trends(lines: list[Mapping[str, Any]]) -> tuple[Trend, ...]:
    trends: list[Trend] = []
    for line in lines:
        word = _word(line, "word") or _word(line, "query")
        if not word or _is_pinned(line):
            continue
        own = (text_of(line.get(name)).strip() for name in ("rawUrl", "url"))
        found = next((each for each in own if each.startswith(("http://", "https://")) and len(each) <= 2_048), None)
        trends.append(
            Trend(
                rank=len(trends) + 1,
                title=word,
                hot=parse_number(line.get("hotScore")).value if line.get("hotScore") != "" else None,
                url=clean_line(found, 2_048) or f"https://www.baidu.com/s?wd={quote(_word(line, 'query') or word)}",
                desc=clean_line(html_to_text(text_of(line.get("desc"))).text, 500),
            )
        )
    return tuple(trends)


def _word(line: Mapping[str, Any], name: str) -> str | None:
    return clean_line(html_to_text(text_of(line.get(name))).text, 140)
