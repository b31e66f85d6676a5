"""What a reader would see of mrkdwn and of WeCom markdown: tokens first, then escaped HTML."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

__all__ = ["Span", "html_of", "mrkdwn_lines", "plain_of", "wecom_lines"]

_SLACK_TAG = re.compile(r"<([^<>]+)>")
_SLACK_BOLD = re.compile(r"\*([^*\n]+)\*")
_WECOM = re.compile(
    r'<font color="(?P<colour>info|comment|warning)">(?P<font>.*?)</font>'
    r"|<@(?P<user>[^<>]+)>"
    r"|\*\*(?P<bold>.+?)\*\*"
    r"|\[(?P<label>[^\[\]]*)\]\((?P<url>[^()\s]+)\)"
    r"|`(?P<code>[^`]+)`"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of text of one look."""

    kind: str
    """text, link, mention or code."""
    text: str
    """What is read, unescaped."""
    url: str = ""
    """Where a link leads."""
    styles: frozenset[str] = frozenset()
    """bold, quote, heading, info, comment, warning."""


def mrkdwn_lines(text: str) -> list[list[Span]]:
    """Return what Slack shows of mrkdwn, line by line."""
    return [list(_slack_line(line)) for line in text.split("\n")]


def _slack_line(line: str) -> Iterator[Span]:
    styles: frozenset[str] = frozenset()
    for mark in ("> ", "&gt; ", ">", "&gt;"):
        if line.startswith(mark):
            line, styles = line.removeprefix(mark), frozenset({"quote"})
            break
    at = 0
    for tag in _SLACK_TAG.finditer(line):
        yield from _slack_words(line[at : tag.start()], styles)
        yield _slack_tag(tag.group(1), styles)
        at = tag.end()
    yield from _slack_words(line[at:], styles)


def _slack_tag(inside: str, styles: frozenset[str]) -> Span:
    address, _, label = inside.partition("|")
    if address[:1] in ("!", "@", "#"):
        return Span(kind="mention", text=_slack_plain(label or address), styles=styles)
    return Span(kind="link", text=_slack_plain(label or address), url=_slack_plain(address), styles=styles)


def _slack_words(text: str, styles: frozenset[str]) -> Iterator[Span]:
    at = 0
    for bold in _SLACK_BOLD.finditer(text):
        if bold.start() > at:
            yield Span(kind="text", text=_slack_plain(text[at : bold.start()]), styles=styles)
        yield Span(kind="text", text=_slack_plain(bold.group(1)), styles=styles | {"bold"})
        at = bold.end()
    if at < len(text):
        yield Span(kind="text", text=_slack_plain(text[at:]), styles=styles)


def _slack_plain(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def wecom_lines(text: str) -> list[list[Span]]:
    """Return what WeCom shows of robot markdown, line by line."""
    return [list(_wecom_line(line)) for line in text.split("\n")]


def _wecom_line(line: str) -> Iterator[Span]:
    styles: frozenset[str] = frozenset()
    if line.startswith(">"):
        line, styles = line[1:].lstrip(), frozenset({"quote"})
    elif heading := re.match(r"#{1,6} ", line):
        line, styles = line[heading.end() :], frozenset({"heading"})
    yield from _wecom_words(line, styles)


def _wecom_words(text: str, styles: frozenset[str]) -> Iterator[Span]:
    at = 0
    for found in _WECOM.finditer(text):
        if found.start() > at:
            yield Span(kind="text", text=text[at : found.start()], styles=styles)
        yield from _wecom_mark(found, styles)
        at = found.end()
    if at < len(text):
        yield Span(kind="text", text=text[at:], styles=styles)


def _wecom_mark(found: re.Match[str], styles: frozenset[str]) -> Iterator[Span]:
    part = found.groupdict()
    if part["colour"] is not None:
        yield from _wecom_words(part["font"], styles | {part["colour"]})
    elif part["user"] is not None:
        yield Span(kind="mention", text="@" + part["user"], styles=styles)
    elif part["bold"] is not None:
        yield from _wecom_words(part["bold"], styles | {"bold"})
    elif part["code"] is not None:
        yield Span(kind="code", text=part["code"], styles=styles)
    else:
        yield Span(kind="link", text=part["label"], url=part["url"], styles=styles)


def plain_of(lines: list[list[Span]]) -> str:
    """Return what is read, without any look."""
    return "\n".join("".join(span.text for span in line) for line in lines)


def html_of(lines: list[list[Span]]) -> str:
    """Return lines as HTML in which every word is escaped and only http(s) links lead anywhere."""
    return "".join(_line_html(line) for line in lines)


def _line_html(line: list[Span]) -> str:
    quoted = any("quote" in span.styles for span in line)
    look = "quote" if quoted else "line"
    return f'<div class="{look}">{"".join(map(_span_html, line)) or "&nbsp;"}</div>'


def _span_html(span: Span) -> str:
    words = html.escape(span.text)
    looks = " ".join(sorted(span.styles - {"quote"}))
    if span.kind == "link" and urlsplit(span.url).scheme in ("http", "https"):
        words = f'<a href="{html.escape(span.url)}" target="_blank" rel="noopener noreferrer">{words}</a>'
    elif span.kind in ("mention", "code"):
        looks = f"{looks} {span.kind}".strip()
    return f'<span class="{looks}">{words}</span>' if looks else words
