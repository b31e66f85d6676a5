"""The list of comments that run over a Bilibili video, as facts beside its posts."""

import html
import math
import re
from datetime import datetime

from crawlers.base import Fact
from crawlers.cn_time import parse_cn_time
from crawlers.platforms._gather import MAX_ENTRIES
from crawlers.text import clean
from domain.moment import SHANGHAI

__all__ = ["is_danmaku", "read_danmaku"]

_ROOT = re.compile(r"\A\s*+(?:<\?xml[^>]{0,200}\?>)?+\s*+<i\s{0,9}/?>")
_LINE = re.compile(r'<d\s[^<>]{0,40}?\bp="([^"<>]{0,200})"[^<>]{0,200}>([^<]{0,2000}+)</d>')
_FIELDS = 8


def is_danmaku(text: str) -> bool:
    """Say whether a text is such a list, be it empty."""
    return _ROOT.match(text) is not None


def read_danmaku(text: str, now: datetime) -> list[dict[str, Fact]]:
    """Return the lines in the order of the list, at most 10,000.

    Each has id, offset_s (seconds from the beginning of the video), text, at (time of writing
    in Beijing, None = not shown) and user_hash (the platform's own short hash of the writer).
    Lines without text or without an id are left out.
    """
    lines: list[dict[str, Fact]] = []
    for match in _LINE.finditer(text):
        line = _line(match[1].split(","), clean(html.unescape(match[2])), now)
        if line is not None:
            lines.append(line)
        if len(lines) == MAX_ENTRIES:
            break
    return lines


def _line(marks: list[str], text: str, now: datetime) -> dict[str, Fact] | None:
    if len(marks) < _FIELDS or not text or not marks[7].strip():
        return None
    stamp = parse_cn_time(marks[4], now)
    return {
        "id": marks[7].strip(),
        "offset_s": _seconds(marks[0]),
        "text": text,
        "at": stamp.at.astimezone(SHANGHAI).isoformat(timespec="seconds") if stamp else None,
        "user_hash": marks[6].strip(),
    }


def _seconds(printed: str) -> float | None:
    try:
        offset = float(printed)
    except ValueError:
        return None
    return offset if math.isfinite(offset) and offset >= 0 else None
