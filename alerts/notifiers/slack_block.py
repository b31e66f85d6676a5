"""A message as Slack blocks, mrkdwn and plain text, inside Slack's limits (channels contract, sections 2.5, 2.6)."""

from collections.abc import Iterable
from typing import Any

from alerts.message import Line, Message
from alerts.notifiers.fit import fit_lines
from alerts.text import clip

__all__ = ["BLOCKS_CHARS", "blocks_of", "escape", "fallback_text", "plain_text"]

BLOCKS_CHARS = 10_000
_SECTION_CHARS = 2_900
_TEXT_CHARS = 3_800
_FOOT = frozenset({"number", "console", "key"})


def escape(text: str) -> str:
    """Return text that mrkdwn shows as it is: no mention, no link, no command, no code block."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("`", "ˋ")


def blocks_of(message: Message, degrade: int) -> list[dict[str, Any]]:
    """Return the blocks of a full (0) or lite (1) message, at most 10,000 characters together."""
    shown = message.shown(degrade)
    foot = [_mrkdwn_line(line, message.colon) for line in shown if line.name in _FOOT]
    facts = fit_lines(
        [line for line in shown if line.name not in _FOOT],
        lambda line: _mrkdwn_line(line, message.colon),
        room=BLOCKS_CHARS - 1_000 - sum(map(len, foot)),
        size=len,
    )
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": clip(message.first_line, 150), "emoji": False}}
    ]
    blocks += [{"type": "section", "text": _mrkdwn(section)} for section in _sections(facts)]
    if foot:
        blocks.append({"type": "context", "elements": [_mrkdwn(" · ".join(foot))]})
    return blocks


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _sections(lines: Iterable[str]) -> Iterable[str]:
    held: list[str] = []
    size = 0
    for line in lines:
        if held and size + len(line) + 1 > _SECTION_CHARS:
            yield "\n".join(held)
            held, size = [], 0
        held.append(line)
        size += len(line) + 1
    if held:
        yield "\n".join(held)


def _mrkdwn_line(line: Line, colon: str) -> str:
    text = escape(line.text)
    if line.url:
        text = f"<{_link(line.url)}|{text.replace('|', '｜')}>"
    label = f"*{escape(line.label)}*{colon}" if line.label else ""
    return f"{label}\n> {text}" if line.quoted else label + text


def _link(url: str) -> str:
    return url.replace("&", "&amp;").replace("|", "%7C").replace("<", "%3C").replace(">", "%3E")


def fallback_text(message: Message) -> str:
    """Return the notification's text beside blocks: the first line alone."""
    return escape(message.first_line)


def plain_text(message: Message) -> str:
    """Return the message as plain text of at most 3,800 characters, links written out."""
    head = escape(message.first_line)
    lines = fit_lines(
        message.shown(2), lambda line: _plain_line(line, message.colon), room=_TEXT_CHARS - len(head), size=len
    )
    return "\n".join([head, *lines])


def _plain_line(line: Line, colon: str) -> str:
    told = f"{line.label}{colon}{line.text}" if line.label else line.text
    return escape(f"{told}\n{line.url}" if line.url else told)
