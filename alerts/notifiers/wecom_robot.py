"""WeCom group robot: markdown, or plain text; the answer's errcode alone says what happened."""

import hashlib
import http.client
import logging
import urllib.error
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qs, quote, urlsplit

from alerts.message import Line, Message
from alerts.notifiers.base import Answer, Found, Limit, Notifier, mask
from alerts.notifiers.fit import fit_lines
from alerts.notifiers.road import Reply, Road, began, json_of
from alerts.text import clip_bytes
from config.marks import Url
from domain.errors import DomainError
from domain.incident import Delivery, DeliveryKind, Severity
from domain.outcome import DeliveryClass
from domain.secret import Secret
from domain.spec import Spec

__all__ = ["SPEC", "WecomRobotNotifier", "WecomRobotSettings", "escape", "markdown_of", "text_of"]

logger = logging.getLogger(__name__)

MARKDOWN_BYTES = 4_096
TEXT_BYTES = 2_048
_BASE_URL = "https://qyapi.weixin.qq.com"
_PATH = "/cgi-bin/webhook/send?key="
_COLOURS = {
    Severity.CRITICAL: "warning",
    Severity.HIGH: "warning",
    Severity.MEDIUM: "comment",
    Severity.INFO: "comment",
}
_CALLING = frozenset({DeliveryKind.FIRING, DeliveryKind.ESCALATED})
_HOSTILE = str.maketrans({"<": "＜", ">": "＞", "[": "［", "]": "］", "`": "ˋ", "*": "＊", "\n": " "})

# Channels contract, sections 3.1 and 8; codes of the app's API cannot come from a robot and count as its kin do.
# 45001 is about media: plain text keeps the words without them.
_VERDICTS = {
    **dict.fromkeys((40058, 45001, 45002), DeliveryClass.DEGRADE),
    **dict.fromkeys((93000, 93004, 93008, 48002, 301002, 60020), DeliveryClass.BROKEN),
    45009: DeliveryClass.HELD,
    **dict.fromkeys((-1, 45033), DeliveryClass.TRANSIENT),
}
_FREQUENCY_HOLD_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WecomRobotSettings:
    """A WeCom group robot."""

    key: Secret
    """The robot's key, or its whole webhook URL as WeCom shows it."""
    mention: tuple[str, ...] = ()
    """Who is called on a new or escalated incident: user ids, or `@all` (plain text messages only)."""
    base_url: Annotated[str, Url()] | None = None
    """Where WeCom is really reached; None = qyapi.weixin.qq.com."""

    def __post_init__(self) -> None:
        if not _key_of(self.key):
            raise DomainError("wecom_robot: `key` is neither a robot's key nor a webhook URL with ?key=…")

    @property
    def target(self) -> str:
        """The robot by the last four characters and a hash of its key."""
        key = _key_of(self.key)
        return f"robot …{key[-4:] if len(key) > 12 else ''}-{hashlib.sha256(key.encode()).hexdigest()[:6]}"

    @property
    def server(self) -> str:
        """Where WeCom is reached: scheme, host, port."""
        parts = urlsplit(self.base_url or _BASE_URL)
        return f"{parts.scheme}://{parts.netloc}"


def _key_of(secret: Secret) -> str:
    text = secret.reveal().strip()
    if "://" not in text and "?" not in text:
        return text
    return (parse_qs(urlsplit(text).query).get("key") or [""])[0]


class WecomRobotNotifier:
    """Posts to a group; a robot gives no handle, so follow-ups are new messages."""

    limit = Limit(calls=18, window_s=60.0)

    def __init__(self, settings: WecomRobotSettings, *, road: Road) -> None:
        self._key = _key_of(settings.key)
        self._mention = settings.mention
        self._url = (settings.base_url or _BASE_URL).rstrip("/") + _PATH + quote(self._key, safe="")
        self._road = road

    def send(self, delivery: Delivery, message: Message, *, thread_ref: str) -> Answer:
        """Post once and say what the errcode means."""
        try:
            reply = self._road.post_json(self._url, self._body(message, delivery.degrade))
        except (OSError, http.client.HTTPException) as err:
            return self._lost(err)
        return self._read(reply)

    def find(self, delivery: Delivery, *, thread_ref: str) -> Found:
        """Say that a robot cannot be asked."""
        return Found(known=False)

    def _body(self, message: Message, degrade: int) -> dict[str, Any]:
        called = self._mention if message.kind in _CALLING else ()
        if degrade < 2:
            content = markdown_of(message, degrade, [user for user in called if user != "@all"])
            return {"msgtype": "markdown", "markdown": {"content": content}}
        text: dict[str, Any] = {"content": text_of(message)}
        if called:
            text["mentioned_list"] = list(called)
        return {"msgtype": "text", "text": text}

    def _read(self, reply: Reply) -> Answer:
        code = _errcode(reply)
        if code is None:
            text = mask(f"HTTP {reply.status} without errcode: {reply.body[:80]}", [self._key])
            return Answer(verdict=DeliveryClass.TRANSIENT, code=str(reply.status), text=text)
        if code == 0:
            return Answer(verdict=DeliveryClass.OK, code="0", text="ok")
        verdict = _VERDICTS.get(code, DeliveryClass.DEGRADE)
        if verdict is DeliveryClass.DEGRADE and code not in _VERDICTS:
            logger.error("message refused for its form channel=wecom_robot errcode=%s", code)
        return Answer(
            verdict=verdict,
            code=str(code),
            text=mask(f"errcode {code}: {_errmsg(reply)}", [self._key]),
            retry_after_s=_FREQUENCY_HOLD_S if verdict is DeliveryClass.HELD else None,
            quick=code == -1,
            to_text=code == 45001 or code not in _VERDICTS,
        )

    def _lost(self, err: Exception) -> Answer:
        reason = err.reason if isinstance(err, urllib.error.URLError) else err
        text = mask(f"{type(reason).__name__}: {reason}", [self._key])
        if began(err):
            return Answer(verdict=DeliveryClass.UNCERTAIN, code="no_answer", text=text)
        return Answer(verdict=DeliveryClass.TRANSIENT, code="unreachable", text=text)


def _errcode(reply: Reply) -> int | None:
    try:
        code = json_of(reply.body)["errcode"]
    except (ValueError, TypeError, KeyError):
        return None
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def _errmsg(reply: Reply) -> str:
    return str(json_of(reply.body).get("errmsg", "")).partition(", hint:")[0]


def escape(text: str) -> str:
    """Return text that WeCom markdown shows as it is: no mention, colour, link or emphasis."""
    return text.translate(_HOSTILE)


def markdown_of(message: Message, degrade: int, mention: list[str]) -> str:
    """Return a full (0) or lite (1) message as markdown of at most 4,096 bytes of UTF-8."""
    colour = "info" if message.kind is DeliveryKind.RESOLVED else _COLOURS[message.severity]
    head = f'**<font color="{colour}">{escape(message.first_line)}</font>**'
    tail = [" ".join(f"<@{escape(user)}>" for user in mention[:20])] if mention else []
    room = MARKDOWN_BYTES - _size(head) - sum(_size(line) + 1 for line in tail)
    lines = fit_lines(message.shown(degrade), lambda line: _line(line, message.colon), room=room, size=_size)
    return "\n".join([head, *lines, *tail])


def _line(line: Line, colon: str) -> str:
    text = escape(line.text)
    if line.url:
        text = f"[{text}]({line.url.replace('(', '%28').replace(')', '%29')})"
    elif line.quoted:
        text = f'<font color="comment">{text}</font>'
    return f"> {escape(line.label)}{colon}{text}" if line.label else f"> {text}"


def text_of(message: Message) -> str:
    """Return a message as plain text of at most 2,048 bytes of UTF-8, links written out."""
    head = clip_bytes(message.first_line, 200)
    lines = fit_lines(
        message.shown(2), lambda line: _plain(line, message.colon), room=TEXT_BYTES - _size(head), size=_size
    )
    return "\n".join([head, *lines])


def _plain(line: Line, colon: str) -> str:
    told = f"{line.label}{colon}{line.text}" if line.label else line.text
    return f"{told}\n{line.url}" if line.url else told


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _build(settings: object, *, road: Road) -> Notifier:
    if not isinstance(settings, WecomRobotSettings):
        raise DomainError(f"wecom_robot: settings are {type(settings).__name__}, not WecomRobotSettings")
    return WecomRobotNotifier(settings, road=road)


SPEC = Spec(name="wecom_robot", settings=WecomRobotSettings, factory=_build, title="企业微信群机器人")
