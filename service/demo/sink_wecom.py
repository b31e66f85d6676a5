"""A strict imitation of the WeCom group robot (channels contract, sections 3 and 10)."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from service.demo.sink_ledger import Ledger

__all__ = ["WecomFake"]

_BYTES = {"markdown": 4_096, "markdown_v2": 4_096, "text": 2_048}
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
        self._tick = tick
        self._calls: dict[str, deque[float]] = {}

    def send(self, key: str, given: Mapping[str, Any] | None) -> dict[str, Any]:
        """Answer one post of a robot."""
        if key not in self.keys:
            return _no(93000, "invalid webhook url")
        if key in self.disabled:
            return _no(93004, "robot disabled")
        if not self._take(key):
            return _no(45009, "api freq out of limit")
        if given is None:
            return _no(40058, "invalid Request Parameter")
        kind = given.get("msgtype")
        if kind not in _BYTES:
            return _no(40008, "invalid message type")
        part = given.get(kind)
        content = part.get("content") if isinstance(part, dict) else None
        if not isinstance(content, str) or not content.strip():
            return _no(44004, "empty content")
        if len(content.encode("utf-8", "surrogatepass")) > _BYTES[kind]:
            return _no(40058, f"{kind}.content exceed max length {_BYTES[kind]}. invalid Request Parameter")
        if isinstance(part, dict) and not isinstance(part.get("mentioned_list", []), list):
            return _no(40058, "invalid Request Parameter")
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


def _no(code: int, words: str) -> dict[str, Any]:
    tail = f"hint: [1700000000123], from ip: 127.0.0.1, more info at https://open.work.weixin.qq.com/devtool/query?e={code}"
    return {"errcode": code, "errmsg": f"{words}, {tail}"}
