"""What the scripts of an article page of WeChat say: its numbers, names and links."""

import html
import re
from collections.abc import Iterable, Mapping

__all__ = ["script_values", "unescape"]

_NAMES = (
    "biz mid appmsgid idx itemidx sn ct ori_create_time createTime create_time publish_time user_name nickname "
    "nick_name msg_title msg_link msg_source_url item_show_type content_noencode"
).split()
# A quote that nothing closes ends with its line: what is read once is not read again.
_QUOTED = r""""(?:[^"\\\n]++|\\.?+)*+(?:"|$)|'(?:[^'\\\n]++|\\.?+)*+(?:'|$)"""
_TOLD = re.compile(
    rf"(?<![\w$'\".-])(?:(?:window|d)\.)?({'|'.join(_NAMES)})\s*+(=(?!=)|:)\s*+((?:{_QUOTED}|[^;,\n'\"}}])*+)",
    re.MULTILINE,
)
_VALUE = re.compile(_QUOTED, re.MULTILINE)
_NUMBER = re.compile(r"\d{1,20}(?![\w.])")
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|([\s\S]))")
_LETTERS = {"n": "\n", "r": "\n", "t": "\t", "b": "", "f": "", "v": "", "0": ""}


def unescape(text: str) -> str:
    r"""Return text as a script means it: `\x0a`, `\u4e00` and `\/` are characters."""
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    return chr(int(code, 16)) if code else _LETTERS.get(match[3], match[3])


def script_values(scripts: Iterable[str]) -> Mapping[str, str]:
    """Return what scripts say of the names that matter, the first value that is not empty.

    What a variable is set to goes before what stands in an object, which may be another article's.
    Read are `var biz = "" || "…"`, `nickname = htmlDecode("…")` and `biz: JsDecode('…')`;
    entities stay as they are.
    """
    assigned: dict[str, str] = {}
    entered: dict[str, str] = {}
    for script in scripts:
        for name, sign, expression in _TOLD.findall(script):
            found = assigned if sign == "=" else entered
            value = "" if name in found else _value(expression)
            if value:
                found[name] = value
    return entered | assigned


def _value(expression: str) -> str:
    quoted = _VALUE.findall(expression)
    if not quoted:
        number = _NUMBER.match(expression)
        return number[0] if number else ""
    for each in quoted:
        value = unescape(each[1:-1]).strip() if each[-1] == each[0] else ""
        if value and not value.endswith(".DATA"):
            return html.unescape(value) if "&amp;" in value else value
    return ""
