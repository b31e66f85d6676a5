"""A strict imitation of the parts of Slack that a notifier meets (channels contract, sections 2.5 and 10)."""

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from service.demo.sink_ledger import Ledger

__all__ = ["SlackAnswer", "SlackFake"]

_TEXT_CHARS = 40_000
_BLOCKS_CHARS = 13_200
_LIMITS = {"header": 150, "section": 3_000, "field": 2_000, "context": 3_000, "button": 75}
_BURST = 3.0
_PER_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackAnswer:
    """An answer of the fake."""

    body: Mapping[str, Any] | str
    """JSON object, or plain text."""
    status: int = 200
    """HTTP status."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Extra headers."""


class SlackFake:
    """Knows tokens, channels, webhooks and the messages in them."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        tokens: tuple[str, ...],
        channels: tuple[str, ...],
        webhooks: tuple[str, ...],
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self.tokens = set(tokens)
        """Tokens that are valid."""
        self.members = set(channels)
        """Channels that exist and have the bot as a member."""
        self.strangers: set[str] = set()
        """Channels that exist without the bot."""
        self.archived: set[str] = set()
        """Channels that are archived."""
        self.webhooks = set(webhooks)
        """Paths of incoming webhooks, with the leading slash."""
        self.scopes = {"chat:write", "channels:history"}
        """Scopes of every token."""
        self._tick = tick
        self._messages: dict[str, list[dict[str, Any]]] = {}
        self._buckets: dict[str, tuple[float, float]] = {}
        self._ts = 1_700_000_000_000_000

    def call(self, method: str, token: str, given: Mapping[str, Any]) -> SlackAnswer:
        """Answer one Web API call.

        Args:
            method: Such as `chat.postMessage`.
            token: Bearer token, empty if none came.
            given: Body, or query, as read.
        """
        refused = self._token_error(token)
        if refused:
            return _no(refused)
        known: dict[str, Callable[[Mapping[str, Any]], SlackAnswer]] = {
            "auth.test": lambda _: _yes(user="tingfeng", team="演示", bot_id="B0DEMO"),
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
        }
        act = known.get(method)
        return act(given) if act else _no("unknown_method")

    def _token_error(self, token: str) -> str:
        if not token:
            return "not_authed"
        if token == "xoxb-revoked":
            return "token_revoked"
        return "" if token in self.tokens else "invalid_auth"

    def _channel_error(self, channel: object) -> str:
        if channel in self.archived:
            return "is_archived"
        if channel in self.strangers:
            return "not_in_channel"
        return "" if channel in self.members else "channel_not_found"

    def _post(self, given: Mapping[str, Any]) -> SlackAnswer:
        channel = given.get("channel")
        error = "" if "chat:write" in self.scopes else "missing_scope"
        error = error or self._channel_error(channel) or message_error(given)
        thread = given.get("thread_ts")
        if not error and thread and not self._find(str(channel), str(thread)):
            error = "thread_not_found"
        if error:
            return _no(error, needed="chat:write") if error == "missing_scope" else _no(error)
        wait_s = self._take(str(channel))
        if wait_s:
            return SlackAnswer(
                body={"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": str(wait_s)}
            )
        ts = self._next_ts()
        message = {
            key: given[key] for key in ("text", "blocks", "metadata", "thread_ts", "reply_broadcast") if key in given
        }
        message |= {"type": "message", "ts": ts, "bot_id": "B0DEMO"}
        self._messages.setdefault(str(channel), []).append(message)
        self._ledger.accept("slack", str(channel), dict(given), ts=ts)
        return _yes(channel=channel, ts=ts, message=message)

    def _update(self, given: Mapping[str, Any]) -> SlackAnswer:
        channel, ts = str(given.get("channel")), str(given.get("ts"))
        error = self._channel_error(channel) or message_error(given)
        if error:
            return _no(error)
        found = self._find(channel, ts)
        if found is None:
            return _no("message_not_found")
        if "bot_id" not in found:
            return _no("cant_update_message")
        new = {key: given[key] for key in ("text", "blocks", "metadata") if key in given}
        found.update(new)
        self._ledger.change(channel, ts, new)
        return _yes(channel=channel, ts=ts, text=found.get("text", ""))

    def _history(self, given: Mapping[str, Any]) -> SlackAnswer:
        error = self._reading_error(given)
        if error:
            return _no(error)
        rows = self._messages.get(str(given.get("channel")), [])
        top = [one for one in rows if not one.get("thread_ts") or one.get("reply_broadcast")]
        return _yes(messages=_shown(reversed(top), given), has_more=False)

    def _replies(self, given: Mapping[str, Any]) -> SlackAnswer:
        error = self._reading_error(given)
        channel, ts = str(given.get("channel")), str(given.get("ts"))
        if not error and not self._find(channel, ts):
            error = "thread_not_found"
        if error:
            return _no(error)
        thread = [one for one in self._messages[channel] if one["ts"] == ts or one.get("thread_ts") == ts]
        return _yes(messages=_shown(thread, given), has_more=False)

    def _reading_error(self, given: Mapping[str, Any]) -> str:
        if "channels:history" not in self.scopes:
            return "missing_scope"
        return self._channel_error(given.get("channel"))

    def webhook(self, path: str, given: Mapping[str, Any] | None) -> SlackAnswer:
        """Answer a post to an incoming webhook, in plain text."""
        if path not in self.webhooks:
            return SlackAnswer(body="no_service", status=404)
        if given is None or message_error(given):
            return SlackAnswer(body="invalid_payload", status=400)
        wait_s = self._take(path)
        if wait_s:
            return SlackAnswer(body="rate_limited", status=429, headers={"Retry-After": str(wait_s)})
        self._ledger.accept("slack_webhook", path, dict(given))
        return SlackAnswer(body="ok")

    def _find(self, channel: str, ts: str) -> dict[str, Any] | None:
        return next((one for one in self._messages.get(channel, []) if one["ts"] == ts), None)

    def say(self, channel: str, text: str) -> str:
        """Let a person write into a channel; return the message's handle."""
        ts = self._next_ts()
        self._messages.setdefault(channel, []).append({"type": "message", "ts": ts, "user": "U0PERSON", "text": text})
        return ts

    def forget(self, channel: str) -> None:
        """Delete all messages of a channel, as a person may."""
        self._messages.pop(channel, None)

    def _next_ts(self) -> str:
        self._ts += 1_000_001
        return f"{self._ts // 1_000_000}.{self._ts % 1_000_000:06d}"

    def _take(self, place: str) -> int:
        now = self._tick()
        tokens, at = self._buckets.get(place, (_BURST, now))
        tokens = min(_BURST, tokens + (now - at) * _PER_S)
        if tokens < 1.0:
            self._buckets[place] = (tokens, now)
            return max(1, math.ceil((1.0 - tokens) / _PER_S))
        self._buckets[place] = (tokens - 1.0, now)
        return 0


def _yes(**more: Any) -> SlackAnswer:
    return SlackAnswer(body={"ok": True, **more})


def _no(error: str, **more: Any) -> SlackAnswer:
    return SlackAnswer(body={"ok": False, "error": error, **more})


def _shown(messages: Any, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    full = str(given.get("include_all_metadata", "")).lower() in ("1", "true")
    limit = int(given.get("limit", 100))
    shown = [one if full else {key: value for key, value in one.items() if key != "metadata"} for one in messages]
    return shown[:limit]


def message_error(given: Mapping[str, Any]) -> str:
    """Return the code with which Slack refuses a message; empty = it takes it."""
    text, blocks = given.get("text"), given.get("blocks")
    if isinstance(blocks, str):
        try:
            blocks = json.loads(blocks)
        except ValueError:
            return "invalid_blocks_format"
    if not text and not blocks:
        return "no_text"
    if isinstance(text, str) and len(text) > _TEXT_CHARS:
        return "msg_too_long"
    metadata = given.get("metadata")
    if metadata is not None and not _is_metadata(metadata):
        return "invalid_metadata_format"
    return _blocks_error(blocks) if blocks is not None else ""


def _is_metadata(metadata: object) -> bool:
    return (
        isinstance(metadata, dict)
        and isinstance(metadata.get("event_type"), str)
        and isinstance(metadata.get("event_payload"), dict)
    )


def _blocks_error(blocks: object) -> str:
    if not isinstance(blocks, list):
        return "invalid_blocks_format"
    if len(blocks) > 50 or not all(isinstance(block, dict) and _block_fits(block) for block in blocks):
        return "invalid_blocks"
    size = len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":")))
    return "msg_blocks_too_long" if size > _BLOCKS_CHARS else ""


def _block_fits(block: Mapping[str, Any]) -> bool:
    if len(str(block.get("block_id", ""))) > 255:
        return False
    match block.get("type"):
        case "divider":
            return True
        case "header":
            return _text_fits(block.get("text"), "header", ("plain_text",))
        case "section":
            fields = block.get("fields", [])
            whole = "text" not in block or _text_fits(block["text"], "section", ("plain_text", "mrkdwn"))
            parts = len(fields) <= 10 and all(_text_fits(one, "field", ("plain_text", "mrkdwn")) for one in fields)
            return whole and parts and ("text" in block or bool(fields))
        case "context":
            elements = block.get("elements", [])
            fits = all(_text_fits(one, "context", ("plain_text", "mrkdwn")) for one in elements)
            return 1 <= len(elements) <= 10 and fits
        case "actions":
            elements = block.get("elements", [])
            return 1 <= len(elements) <= 25 and all(_button_fits(one) for one in elements)
        case _:
            return False


def _button_fits(button: object) -> bool:
    return (
        isinstance(button, dict)
        and button.get("type") == "button"
        and _text_fits(button.get("text"), "button", ("plain_text",))
        and len(str(button.get("url", ""))) <= 3_000
        and len(str(button.get("value", ""))) <= 2_000
        and len(str(button.get("action_id", ""))) <= 255
    )


def _text_fits(text: object, place: str, kinds: tuple[str, ...]) -> bool:
    if not isinstance(text, dict) or text.get("type") not in kinds:
        return False
    allowed = {"type", "text", "emoji"} if text["type"] == "plain_text" else {"type", "text", "verbatim"}
    words = text.get("text")
    return set(text) <= allowed and isinstance(words, str) and 1 <= len(words) <= _LIMITS[place]
