"""Strict readers of what channels show: what in a message would call people, lead away or command a client."""

import re
from dataclasses import dataclass, field

__all__ = ["Shown", "read_mrkdwn", "read_wecom"]


@dataclass(kw_only=True)
class Shown:
    """What a client would make of a message."""

    links: list[str] = field(default_factory=list)
    """Targets of links, in order."""
    calls: list[str] = field(default_factory=list)
    """People and channels that are called, as written."""
    colours: list[str] = field(default_factory=list)
    """Colours of text."""
    text: str = ""
    """What is read, without marks."""


_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">"}


def read_mrkdwn(text: str) -> Shown:
    """Read Slack's mrkdwn (docs.slack.dev, "Formatting message text").

    Raises:
        AssertionError: a bare `&`, `<` or `>` where the format has none.
    """
    shown, at, parts = Shown(), 0, []
    while at < len(text):
        char = text[at]
        if char == "&":
            entity = next((each for each in _ENTITIES if text.startswith(each, at)), None)
            assert entity, f"a bare & at {text[at : at + 20]!r}"
            parts.append(_ENTITIES[entity])
            at += len(entity)
        elif char == "<":
            end = text.find(">", at)
            assert end > 0, f"an open < at {text[at : at + 20]!r}"
            inner = text[at + 1 : end]
            assert "<" not in inner
            if inner[:1] in "!@#":
                shown.calls.append(inner)
            else:
                target, _, label = inner.partition("|")
                assert "|" not in label
                shown.links.append(target.replace("&amp;", "&"))
                parts.append(label)
            at = end + 1
        else:
            is_quote = char == ">" and (at == 0 or text[at - 1] == "\n")
            assert char != ">" or is_quote, f"a bare > at {text[max(at - 20, 0) : at + 1]!r}"
            assert char != "`", "a code mark"
            parts.append(char)
            at += 1
    shown.text = "".join(parts)
    return shown


_FONT = re.compile(r'<font color="(info|comment|warning)">')
_CALL = re.compile(r"<@([^<>]{1,64})>")


def read_wecom(text: str) -> Shown:
    """Read WeCom's markdown (developer.work.weixin.qq.com, group robot, type markdown).

    Raises:
        AssertionError: a tag, a bracket or a code mark that is none of the format's own.
    """
    shown, at, parts, fonts = Shown(), 0, [], 0
    while at < len(text):
        char = text[at]
        if char == "<":
            font, call = _FONT.match(text, at), _CALL.match(text, at)
            if font:
                shown.colours.append(font[1])
                fonts += 1
                at = font.end()
            elif text.startswith("</font>", at):
                fonts -= 1
                at += 7
            else:
                assert call, f"a tag at {text[at : at + 30]!r}"
                shown.calls.append(call[1])
                at = call.end()
            assert fonts in (0, 1)
        elif char == "[":
            label, _, rest = text[at + 1 :].partition("](")
            target, end, _ = rest.partition(")")
            assert end and not set(label) & set("[]<>\n"), f"a bracket at {text[at : at + 30]!r}"
            assert not set(target) & set(" ()<>[]\n"), target
            shown.links.append(target)
            parts.append(label)
            at += len(label) + len(target) + 4
        else:
            assert char not in "]`", f"a mark at {text[max(at - 20, 0) : at + 1]!r}"
            assert char != ">" or at == 0 or text[at - 1] == "\n", f"a quote at {text[at : at + 20]!r}"
            parts.append(char)
            at += 1
    assert fonts == 0, "a font that is never closed"
    shown.text = "".join(parts)
    return shown
