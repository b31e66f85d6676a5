"""Result pages of Baidu Tieba, old and new layout, to posts."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urljoin, urlsplit

from lxml import html as lxml_html

from crawlers.cn_time import parse_cn_time
from crawlers.number import parse_number
from crawlers.platforms._tieba_post import BASE, bare_title, is_reply, post_link
from crawlers.shape import engagement, number_id
from crawlers.text import Rich, clean_line, hashtags, html_to_text
from domain.mention import Author, Kind, Post

__all__ = ["Node", "next_number", "no_result", "read_results"]

Node: TypeAlias = Any
_THREAD = re.compile(r"^/p/(\d{1,30})$")
_PUBLISHED = re.compile(r"^(?:发布于|发表于)")
_NOTHING = re.compile(r"(?:没有|未)(?:找到|搜索?到)")


def _has(name: str) -> str:
    return f"contains(concat(' ', normalize-space(@class), ' '), ' {name} ')"


_OLD = f"//div[{_has('s_post')}]"
_NEW = f"//div[{_has('threadcardclass')} or {_has('thread-content-box')}]"
_NEW_OUTER = f"{_NEW}[not(ancestor::div[{_has('threadcardclass')} or {_has('thread-content-box')}])]"


def read_results(tree: Node, now: datetime) -> Iterator[Post | None]:
    """Read the results of a page in order; None for one without an id."""
    for result in tree.xpath(_OLD):
        yield _old(result, now)
    for card in tree.xpath(_NEW_OUTER):
        yield _new(card, now)


def no_result(tree: Node) -> bool:
    """Say whether the page tells that nothing was found, and links to no thread where it does not mark this."""
    for node in tree.xpath("//*[contains(@class, 'no_result') or contains(@class, 'noresult') or "
                           "contains(@class, 'no-result') or contains(@class, 'empty')]"):  # fmt: skip
        if _NOTHING.search(str(node.text_content())[:2_000]):
            return True
    if any(_numbers(str(href))[0] for href in tree.xpath("//a/@href")):
        return False
    body = _first(tree, "//body")
    return body is not None and bool(_NOTHING.search(_rich(body).text[:4_000]))


def next_number(tree: Node) -> int | None:
    """Return the number of the next result page; None = this is the last."""
    for href in tree.xpath(f"//a[{_has('next')}]/@href"):
        return parse_number(_query(str(href)).get("pn")).value
    return None


def _query(href: str) -> dict[str, str]:
    try:
        return {name: values[-1] for name, values in parse_qs(urlsplit(href).query).items()}
    except ValueError:
        return {}


def _numbers(href: str) -> tuple[str, str]:
    """Return the numbers of thread and post in a link; empty where there is none."""
    try:
        match = _THREAD.match(urlsplit(urljoin(BASE, href)).path)
    except ValueError:
        return "", ""
    return (number_id(match[1]), number_id(_query(href).get("pid"))) if match else ("", "")


def _old(result: Node, now: datetime) -> Post | None:
    link = _first(result, f".//*[{_has('p_title')}]//a[@href]")
    thread, number = _numbers(str(link.get("href"))) if link is not None else ("", "")
    thread = thread or (number_id(link.get("data-tid")) if link is not None else "")
    writer = _first(result, ".//a[contains(@href, '/home/main')]")
    return _post(
        thread,
        number,
        title=_rich(link).text,
        rich=_rich(_first(result, f".//*[{_has('p_content')}]")),
        forum=_line(_first(result, f".//a[{_has('p_forum')}]")),
        author=_line(writer) or (clean_line(_query(str(writer.get("href"))).get("un")) if writer is not None else None),
        when=_line(_first(result, f".//*[{_has('p_date')}]")),
        comments=None,
        now=now,
    )


def _new(card: Node, now: datetime) -> Post | None:
    found = (_numbers(str(href)) for href in card.xpath(".//a/@href"))
    thread, number = next((pair for pair in found if pair[0]), ("", ""))
    top = f".//*[{_has('top-title')}]"
    printed = (_line(node) or "" for node in card.xpath(f"{top}//span"))
    forum = _line(_first(card, f".//*[{_has('forum-name-text')}]"))
    return _post(
        thread,
        number,
        title=_rich(_first(card, f".//*[{_has('title-wrap')}]")).text,
        rich=_rich(_first(card, f".//*[{_has('abstract-wrap')}]")),
        forum=forum.removesuffix("吧") or forum if forum else None,
        author=_line(_first(card, f"{top}//*[{_has('forum-attention')}]")),
        when=next((text for text in printed if _PUBLISHED.match(text)), None),
        comments=_line(_first(card, f".//*[{_has('comment-link-zone')}]//*[{_has('action-number')}]")),
        now=now,
    )


def _post(
    thread: str,
    number: str,
    *,
    title: str,
    rich: Rich,
    forum: str | None,
    author: str | None,
    when: str | None,
    comments: str | None,
    now: datetime,
) -> Post | None:
    if not thread:
        return None
    shown = bare_title(title, forum)
    stamp = parse_cn_time(when, now)
    reply = bool(number) and is_reply(shown)
    return Post(
        platform="tieba",
        native_id=f"{thread}:{number}" if number else thread,
        kind=Kind.COMMENT if reply else Kind.POST,
        title=shown,
        text=rich.text,
        url=post_link(thread, number),
        author=Author(name=clean_line(author, 100)),
        published_at=stamp.at if stamp else None,
        published_precision=stamp.precision if stamp else None,
        published_raw=clean_line(when, 60),
        engagement=engagement(comments=comments),
        parent_id=thread if reply else None,
        tags=hashtags(rich.text),
        at_users=rich.at_users,
        links=rich.links,
        truncated=True,
        extra=(("forum", forum),) if forum else (),
    )


def _first(scope: Node, path: str) -> Node | None:
    found = scope.xpath(path)
    return found[0] if found else None


def _rich(node: Node | None) -> Rich:
    if node is None:
        return Rich(text="")
    return html_to_text(str(lxml_html.tostring(node, encoding="unicode", with_tail=False)), BASE)


def _line(node: Node | None) -> str | None:
    return clean_line(str(node.text_content())[:1_000], 100) if node is not None else None
