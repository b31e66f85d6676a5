"""What the imitated channels were told, read from their ledger."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from typing import Any

from service.demo.sink_ledger import Ledger

__all__ = ["Told", "first_line_of", "kind_of", "told"]

_TAG = re.compile(r"<[^<>]*>")
_HEAD = re.compile(r"^[#>*\s]+|[*\s]+$")
_LEVEL = re.compile(r"^【(红|橙|黄|蓝)】")
_STATES = {
    "升级": "escalated",
    "未认领": "reminder",
    "已认领": "acked",
    "数据缺口": "data_gap",
    "反复": "unstable",
    "已解除": "resolved",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One message that an imitated channel accepted."""

    channel: str
    """slack or wecom_robot."""
    kind: str
    """What its first line says it is: firing, resolved, escalated, …, or notice."""
    first_line: str
    """First line without marks."""
    text: str
    """Whole text as it was sent."""
    at_s: float
    """Unix time of the answer ok."""


def first_line_of(text: str) -> str:
    """Return the first line of a message without the marks of its channel."""
    return _HEAD.sub("", _TAG.sub("", text.strip().partition("\n")[0]))


def kind_of(first_line: str) -> str:
    """Return what a first line in Chinese tells; without a level it is a notice."""
    level = _LEVEL.match(first_line)
    if level is None:
        return "notice"
    rest = first_line[level.end() :].strip()
    return next((kind for word, kind in _STATES.items() if rest.startswith(word)), "firing")


def told(ledger: Ledger) -> list[Told]:
    """Return the messages that a sink accepted, oldest first."""
    found = []
    for posted in list(ledger.posted):
        text = _text_of(posted.body)
        line = first_line_of(text)
        found.append(Told(channel=posted.channel, kind=kind_of(line), first_line=line, text=text, at_s=posted.at))
    return found


def _text_of(body: Mapping[str, Any]) -> str:
    """Slack's fallback text, or the content of a robot's markdown or text."""
    if "msgtype" in body:
        return str(body.get(body["msgtype"], {}).get("content", ""))
    return unescape(str(body.get("text", "")))
