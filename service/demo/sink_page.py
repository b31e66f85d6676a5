"""The page that shows each message as Slack and WeCom would."""

import html
from datetime import UTC, datetime
from importlib.resources import files

from domain.moment import SHANGHAI
from service.demo.sink_ledger import Ledger, Posted
from service.demo.sink_render import Span, html_of, mrkdwn_lines, plain_of, wecom_lines

__all__ = ["feed_html", "page_html", "readable", "static_text"]

_SHOWN = 60
_PAGE = """<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>听风 · 消息预览</title>
<link rel="stylesheet" href="/sink.css">
<script src="/sink.js" defer></script>
</head>
<body>
<header class="top">
<h1>听风<small>消息预览</small></h1>
<p>本机模拟的 Slack 与企业微信：左为 Slack 频道，右为企业微信群。每条消息上方是手机锁屏上看到的样子。</p>
</header>
{feed}
</body>
</html>
"""


def static_text(name: str) -> str:
    """Return a stylesheet or script of the page."""
    return files("service.demo").joinpath(name).read_text("utf-8")


def page_html(ledger: Ledger) -> str:
    """Return the whole page."""
    return _PAGE.replace("{feed}", feed_html(ledger))


def feed_html(ledger: Ledger) -> str:
    """Return both channels with their messages, newest first, everything escaped."""
    posted = list(ledger.posted)
    slack = [one for one in posted if one.channel != "wecom_robot"]
    wecom = [one for one in posted if one.channel == "wecom_robot"]
    columns = _column("slack", "Slack", slack) + _column("wecom", "企业微信", wecom)
    return f'<main id="feed" data-revision="{ledger.revision}">{columns}</main>'


def readable(posted: Posted) -> str:
    """Return the words that a reader sees, the lock screen's line first, without marks or links."""
    if posted.channel == "wecom_robot":
        kind = str(posted.body.get("msgtype"))
        content = str(posted.body.get(kind, {}).get("content", ""))
        return content if kind == "text" else plain_of(wecom_lines(content))
    blocks = posted.body.get("blocks")
    lines = [plain_of(mrkdwn_lines(str(posted.body.get("text", ""))))]
    for block in blocks if isinstance(blocks, list) else []:
        if block.get("type") == "section":
            lines.append(plain_of(mrkdwn_lines(_words(block.get("text")))))
        lines += [plain_of(mrkdwn_lines(_words(one))) for one in block.get("elements", [])]
    return "\n".join(lines)


def _column(look: str, title: str, posted: list[Posted]) -> str:
    cards = "".join(_card(look, one) for one in reversed(posted[-_SHOWN:]))
    empty = '<p class="empty">还没有消息。有负面升温时，这里会出现第一条。</p>'
    return (
        f'<section class="column {look}"><h2>{title}<span class="count">{len(posted)} 条</span></h2>'
        f"{cards or empty}</section>"
    )


def _card(look: str, posted: Posted) -> str:
    when = datetime.fromtimestamp(posted.at, UTC).astimezone(SHANGHAI)
    lock, bubble = _wecom(posted) if look == "wecom" else _slack(posted)
    app = "企业微信" if look == "wecom" else "Slack"
    place = "听风 机器人" if look == "wecom" else "#舆情值班"
    thread = '<p class="thread">↳ 在同一条消息的讨论串里</p>' if posted.body.get("thread_ts") else ""
    return (
        f'<article class="card">'
        f'<div class="lock"><span class="icon">{app[0]}</span><div><p class="app">{app}<time>{when:%H:%M:%S}</time></p>'
        f'<p class="first"><b>{place}</b> {html.escape(lock)}</p></div></div>'
        f'<div class="bubble"><div class="face">听</div><div class="said">'
        f'<p class="who">听风<time>{when:%m-%d %H:%M:%S}</time></p>{thread}{bubble}</div></div></article>'
    )


def _wecom(posted: Posted) -> tuple[str, str]:
    kind = str(posted.body.get("msgtype"))
    content = str(posted.body.get(kind, {}).get("content", ""))
    lines = wecom_lines(content) if kind != "text" else _as_is(content)
    return plain_of(lines[:1]), html_of(lines)


def _slack(posted: Posted) -> tuple[str, str]:
    text, blocks = str(posted.body.get("text", "")), posted.body.get("blocks")
    lock = plain_of(mrkdwn_lines(text)[:1])
    if not isinstance(blocks, list) or not blocks:
        return lock, html_of(mrkdwn_lines(text))
    return lock, "".join(_block(block) for block in blocks if isinstance(block, dict))


def _block(block: dict[str, object]) -> str:
    match block.get("type"):
        case "header":
            return f'<p class="head">{html.escape(_words(block.get("text")))}</p>'
        case "section":
            return html_of(mrkdwn_lines(_words(block.get("text"))))
        case "context":
            elements = block.get("elements")
            parts = elements if isinstance(elements, list) else []
            return '<div class="foot">' + "".join(html_of(mrkdwn_lines(_words(one))) for one in parts) + "</div>"
        case _:
            return "<hr>"


def _words(text: object) -> str:
    return str(text.get("text", "")) if isinstance(text, dict) else ""


def _as_is(text: str) -> list[list[Span]]:
    return [[Span(kind="text", text=line)] for line in text.split("\n")]
