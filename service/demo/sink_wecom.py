"""A strict imitation of the WeCom group robot (channels contract, sections 3 and 10)."""

import base64
import hashlib
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from service.demo.sink_ledger import Ledger

__all__ = ["WecomFake"]

_BYTES = {"markdown": 4_096, "markdown_v2": 4_096, "text": 2_048}
_IMAGE_BYTES = 2 * 1024 * 1024
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
_CALLS = 20
_WINDOW_S = 60.0


class WecomFake:
    """Knows robots by their keys and refuses what WeCom refuses, always with HTTP 200."""

    def __init__(self, ledger: Ledger, *, keys: tuple[str, ...], tick: Callable[[], float] = time.monotonic) -> None:
        self._ledger = ledger
        self.keys = set(keys)
        """Robots that are in a group."""
        self.disabled: set[str] = set()
        """Robots that are switched off."""
        self.strangers: set[str] = set()
        """Robots that are not in the group."""
        self._tick = tick
        self._calls: dict[str, deque[float]] = {}

    def send(self, key: str, given: Mapping[str, Any] | None) -> dict[str, Any]:
        """Answer one post of a robot."""
        if key not in self.keys:
            return _no(93000, "invalid webhook url")
        if key in self.disabled:
            return _no(93004, "robot disabled")
        if key in self.strangers:
            return _no(93008, "robot not in group")
        if not self._take(key):
            return _no(45009, "api freq out of limit")
        if given is None:
            return _no(40058, "invalid Request Parameter")
        code, words = _form_error(given)
        if code:
            return _no(code, words)
        self._ledger.accept("wecom_robot", key, dict(given))
        return {"errcode": 0, "errmsg": "ok"}

    def _take(self, key: str) -> bool:
        now, calls = self._tick(), self._calls.setdefault(key, deque())
        while calls and calls[0] <= now - _WINDOW_S:
            calls.popleft()
        if len(calls) >= _CALLS:
            return False
        calls.append(now)
        return True


def _form_error(given: Mapping[str, Any]) -> tuple[int, str]:
    """Return the code and words with which WeCom refuses a message; 0 = it takes it."""
    kind = given.get("msgtype")
    part = given.get(kind) if isinstance(kind, str) else None
    if kind == "image":
        return _image_error(part if isinstance(part, dict) else {})
    if not isinstance(kind, str) or kind not in _BYTES:
        return 40008, "invalid message type"
    content = part.get("content") if isinstance(part, dict) else None
    if not isinstance(content, str) or not content.strip():
        return 44004, "empty content"
    if len(content.encode("utf-8", "surrogatepass")) > _BYTES[kind]:
        return 40058, f"{kind}.content exceed max length {_BYTES[kind]}. invalid Request Parameter"
    if isinstance(part, dict) and not isinstance(part.get("mentioned_list", []), list):
        return 40058, "invalid Request Parameter"
    return 0, ""


def _image_error(image: Mapping[str, Any]) -> tuple[int, str]:
    try:
        raw = base64.b64decode(str(image.get("base64", "")), validate=True)
    except ValueError:
        return 40058, "image.base64 invalid Request Parameter"
    if not raw:
        return 44004, "empty content"
    if len(raw) > _IMAGE_BYTES:
        return 45001, "image size out of limit"
    if hashlib.md5(raw, usedforsecurity=False).hexdigest() != image.get("md5"):
        return 40058, "image.md5 invalid Request Parameter"
    return (0, "") if raw.startswith(_PICTURES) else (40058, "image is neither JPG nor PNG")


def _no(code: int, words: str) -> dict[str, Any]:
    tail = f"hint: [1700000000123], from ip: 127.0.0.1, more info at https://open.work.weixin.qq.com/devtool/query?e={code}"
    return {"errcode": code, "errmsg": f"{words}, {tail}"}
