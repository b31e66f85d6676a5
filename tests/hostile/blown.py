"""Good answers of every endpoint, each part of them in turn far longer or deeper than any server would send."""

import json
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from crawlers.base import Response
from domain.moment import from_rfc3339
from tests.crawlers.pages import NOW
from tests.hostile.cases import good

__all__ = ["Seed", "blown", "seeds"]

FOLDER = Path(__file__).parent.parent / "fixtures" / "platforms"
PLACES = 12
"""Most tags and attributes of a page that are tried."""
UNITS = ("<", "<a \"'", "<b>a</b>", "&", "&amp;", "@a", "#a", "# ", " \t", "a \n", "//@a:", "{}[],", "https://a/ ", "9",
         "\\", "-->", "\ufeff", "展开c ", "回复", "\ud83d")  # fmt: skip
_VIDEO = {"bvid": "BV1xx4y1x7x1", "aid": 1, "title": "题", "desc": "文", "stat": {"view": 1}, "owner": {"name": "甲"}}
_THING = {
    "kind": "t3",
    "data": {"name": "t3_abc1", "permalink": "/r/a/comments/abc1/x/", "title": "T", "selftext": "x"},
}
_ANSWER = {"id": 7, "type": "answer", "content": "<p>文</p>", "question": {"id": 5, "title": "题"}}
_NOTE = {
    "note_id": "6a35d8c0000000001200abc0",
    "title": "题",
    "desc": "文",
    "tag_list": [{"type": "topic", "name": "a"}],
}
_TOPIC = {
    "id": "https://www.v2ex.com/t/1",
    "url": "https://www.v2ex.com/t/1",
    "title": "题",
    "content_html": "<p>文</p>",
}
_WORK = {"aweme_id": "7500000000000000001", "desc": "#文 @甲", "text_extra": [{"hashtag_name": "文"}]}
_PHOTO = {"photo": {"id": "3xa1", "caption": "#文 @甲(O3xyz)"}, "author": {"id": "3xu", "name": "甲"}}
MORE: dict[str, Any] = {
    "bilibili.popular": {"code": 0, "data": {"list": [_VIDEO], "no_more": False}},
    "douyin.replies": {"status_code": 0, "comments": [
        {"cid": "7500000000000000002", "aweme_id": "7500000000000000001", "text": "@甲 文", "reply_comment": [
            {"cid": "7500000000000000003", "aweme_id": "7500000000000000001", "text": "文"}]}]},
    "douyin.web_detail": {"status_code": 0, "aweme_detail": _WORK},
    "kuaishou.detail": {"data": {"visionVideoDetail": {**_PHOTO, "tags": [{"name": "文"}]}}},
    "mastodon.status": {"id": "1", "url": "https://a.cn/@a/1", "content": "<p>文</p>", "account": {"acct": "a"},
                        "reblog": {"id": "2", "url": "https://a.cn/@a/2", "content": "文", "tags": [{"name": "a"}]}},
    "reddit.oauth": [{"data": {"children": [_THING], "after": "t3_abc2"}}],
    "v2ex.feed": {"version": "https://jsonfeed.org/version/1.1", "title": "V2EX", "items": [_TOPIC]},
    "xhs.feed": {"success": True, "data": {"items": [
        {"model_type": "note", "id": "6a35d8c0000000001200abc0", "note_card": _NOTE}]}},
    "zhihu.answer": _ANSWER,
    "zhihu.pin": {"id": 7, "type": "pin", "content": [{"type": "text", "content": "文"}], "author": {"name": "甲"}},
}  # fmt: skip
"""Answers of endpoints that no saved answer is of."""
FIRST = {"kuaishou": "kuaishou.hot", "tieba": "tieba.hot"}
"""Endpoints whose good answer the cases have."""


class Seed(NamedTuple):
    """A good answer and how it was asked for."""

    url: str
    body: bytes
    headers: dict[str, str]
    now: datetime
    context: dict[str, str]

    def answer(self, body: bytes) -> Response:
        """Return an answer to the same request."""
        return Response(url=self.url, body=body, headers=self.headers, now=self.now, context=self.context)


@cache
def seeds() -> dict[str, list[Seed]]:
    """Return good answers by endpoint: all that are saved, and one of each other endpoint."""
    found: dict[str, list[Seed]] = {}
    for manifest in sorted(FOLDER.glob("*/expected.json")):
        for entry in json.loads(manifest.read_text("utf-8"))["files"]:
            if entry["outcome"] != "ok":
                continue
            seed = Seed(
                url=entry["request_url"].rpartition(" ")[2],
                body=(manifest.parent / entry["file"]).read_bytes(),
                headers={name.lower(): value for name, value in entry["response_headers"].items()},
                now=from_rfc3339(entry["now"]),
                context={"parent_id": entry["parent_id"]} if entry.get("parent_id") else {},
            )
            found.setdefault(entry["endpoint"], []).append(seed)
    made = {endpoint: json.dumps(body) for endpoint, body in MORE.items()}
    made |= {endpoint: good(platform, "云杉咖啡") for platform, endpoint in FIRST.items()}
    for endpoint, body in made.items():
        found.setdefault(endpoint, []).append(Seed("https://x.example.cn/a?id=1", body.encode(), {}, NOW, {}))
    return found


def blown(body: bytes, size: int) -> Iterator[tuple[str, bytes]]:
    """Yield (what is wrong, body) of about `size` bytes each."""
    text = body.decode("utf-8", "surrogateescape")
    try:
        value = json.loads(text)
    except ValueError:
        yield from _page(text, size)
        return
    for place, bad in _values(value, size):
        yield place, json.dumps(bad).encode()


def _long(size: int) -> str:
    """Return a text with a stretch of each unit that costs a scan time."""
    part = size // len(UNITS)
    return "".join(unit * (part // len(unit)) for unit in UNITS)


def _deep(levels: int) -> Any:
    value: Any = "文"
    for level in range(levels):
        value = [value] if level % 2 else {"content": value}
    return value


def _values(value: Any, size: int) -> Iterator[tuple[str, Any]]:
    """Yield the value with each list long, and what stands under each key giant, deep and crowded."""
    tried: set[str] = set()
    for path, inner in list(_paths(value)):
        name = "/".join("0" if isinstance(step, int) else step for step in path)
        if name in tried:
            continue
        tried.add(name)
        if isinstance(inner, list) and inner:
            number = size // max(len(json.dumps(inner)), 1) + 1
            yield f"{name} long", _replaced(value, path, inner * number)
        if not path:
            continue
        if isinstance(inner, str):
            yield f"{name} giant", _replaced(value, path, inner + _long(size))
        yield f"{name} deep", _replaced(value, path, _deep(400))
        yield f"{name} crowded", _replaced(value, path, {f"k{n}": inner for n in range(2_000)})


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    yield path, value
    inner: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, each in inner:
        yield from _paths(each, (*path, step))


def _replaced(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    if not path:
        return new
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _replaced(value[path[0]], path[1:], new)
    return copy


def _page(page: str, size: int) -> Iterator[tuple[str, bytes]]:
    """Yield the page many times over, and with a giant text or value at places all over it."""
    yield "long", (page * (size // len(page) + 1)).encode("utf-8", "surrogateescape")
    giant = _long(size).replace("\ud83d", "")
    for sign in (">", '="', '":"', '": "', "='"):
        places = [at + len(sign) for at in range(len(page)) if page.startswith(sign, at)]
        for at in places[:: max(len(places) // PLACES, 1)]:
            yield f"{sign} giant at {at}", (page[:at] + giant + page[at:]).encode("utf-8", "surrogateescape")
    body = page.find("<body")
    start = body if body >= 0 else 0
    middle, end = page.find(">", start) + 1, max(page.rfind("</"), start)
    repeated = page[middle:end] * (size // max(end - middle, 1) + 1)
    yield "long inside", (page[:middle] + repeated + page[end:]).encode("utf-8", "surrogateescape")
    yield "nested inside", (page[:middle] + "<div>" * (size // 5) + page[middle:]).encode("utf-8", "surrogateescape")
