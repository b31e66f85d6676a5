"""The hot rank that the home page of Kuaishou keeps in its script."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from crawlers.number import parse_number
from crawlers.platforms._gather import MAX_ENTRIES
from crawlers.platforms._kuaishou_post import video_link
from crawlers.shape import entries, load_json, obj, text_of
from crawlers.text import clean_line
from domain.mention import Trend

__all__ = ["hot_rank", "page_state"]

_STATE = re.compile(r"window\.__APOLLO_STATE__\s*+=\s*+(?=\{)")
_UNDEFINED = re.compile(r'("(?:[^"\\]++|\\.?+)*+(?:"|\Z))|\bundefined\b', re.DOTALL)
_RANK = '$ROOT_QUERY.visionHotRank({"page":"home"})'
_RANK_HEAD = "$ROOT_QUERY.visionHotRank("
_PINNED = "置顶"


def page_state(page: str) -> Mapping[str, Any] | None:
    """Return the objects that a page's script keeps by key; None if it keeps none."""
    opened = _STATE.search(page)
    if opened is None:
        return None
    script = page[opened.end() :].partition("</script")[0]
    state = script.rpartition(";(function(")[0] or script.rstrip().removesuffix(";")
    try:
        kept = load_json(_UNDEFINED.sub(lambda match: match[1] or "null", state))
    except ValueError:
        return None
    client = obj(kept, "defaultClient")
    return client or None


def hot_rank(state: Mapping[str, Any]) -> tuple[Trend, ...] | None:
    """Return the lines of the hot rank without pinned ones; None if the page holds no rank."""
    key = _RANK if _RANK in state else next((name for name in state if name.startswith(_RANK_HEAD)), "")
    listed = obj(state, key).get("items")
    if not isinstance(listed, list):
        return None
    trends: list[Trend] = []
    for item in entries(listed)[:MAX_ENTRIES]:
        line = obj(state, text_of(item.get("id"))) or item
        name = clean_line(text_of(line.get("name")), 140)
        if not name or text_of(line.get("tagType")) == _PINNED:
            continue
        heat = parse_number(line.get("hotValue")).value
        tag = clean_line(text_of(line.get("tagType")), 10)
        trends.append(Trend(rank=len(trends) + 1, title=name, hot=heat, url=_link(line, name), label=tag))
    return tuple(trends)


def _link(line: Mapping[str, Any], name: str) -> str:
    videos = obj(line, "photoIds").get("json")
    first = text_of(videos[0]) if isinstance(videos, list) and videos else ""
    return video_link(first) or "https://www.kuaishou.com/search/video?searchKey=" + quote(name, safe="")
