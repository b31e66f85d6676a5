"""Counters as Chinese sites print them (contracts: platforms, section 3.4)."""

import re
import unicodedata
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

__all__ = ["Count", "parse_number"]

_UNKNOWN = frozenset({"--", "-", "—", "——", "null", "none", "n/a"})
_LABEL = re.compile(
    r"转发|转评|评论|回复|点赞|赞|喜欢|收藏|分享|热度|阅读|播放|浏览|观看|弹幕|投币|回答|关注者|粉丝|次|人|条|个|:|："
)
_NUMBER = re.compile(r"(?:约|近|超过|超|逾)?(\d{1,20}(?:\.\d{1,8})?)(百|千|k)?(万|w|亿)?(多)?(\+)?", re.IGNORECASE)
_SMALL = {"百": 100, "千": 1_000, "k": 1_000}
_LARGE = {"万": 10_000, "w": 10_000, "亿": 100_000_000}
_MAX = 2**63 - 1
_MAX_LENGTH = 64


class Count(NamedTuple):
    """A counter as read."""

    value: int | None
    """The number, 0 or more; None = the page does not tell."""
    approx: bool = False
    """Printed rounded, such as 1.2万."""
    lower_bound: bool = False
    """Printed as a lower bound, such as 100万+."""


_NONE = Count(value=None)


def parse_number(raw: object) -> Count:
    """Read a counter from an int, a float or printed text.

    A label alone, or empty text where a site prints a label, is 0; `--`, None, negative
    numbers and text that holds no number are unknown.
    """
    if isinstance(raw, bool) or raw is None:
        return _NONE
    if isinstance(raw, int):
        return Count(value=raw) if 0 <= raw <= _MAX else _NONE
    if isinstance(raw, float):
        return Count(value=int(raw)) if 0 <= raw <= _MAX else _NONE
    if not isinstance(raw, str) or len(raw) > _MAX_LENGTH:
        return _NONE
    text = "".join(unicodedata.normalize("NFKC", raw).replace(",", "").split()).lower()
    if text in _UNKNOWN:
        return _NONE
    text = _LABEL.sub("", text)
    return _printed(text) if text else Count(value=0)


def _printed(text: str) -> Count:
    match = _NUMBER.fullmatch(text)
    if not match:
        return _NONE
    digits, small, large, more, plus = match.groups()
    try:
        number = Decimal(digits) * _SMALL.get(small, 1) * _LARGE.get(large, 1)
    except InvalidOperation:
        return _NONE
    if number > _MAX:
        return _NONE
    bound = bool(more or plus)
    return Count(value=int(number), approx=bool(small or large) and not bound, lower_bound=bound)
