"""Web-search APIs: public pages of WeChat, Zhihu, Toutiao and the open web, found by an API with a key.

Requests as in the contract (platforms, section 4.9); neither was ever tried live.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from config.settings import SourceSettings
from crawlers.base import Fetch, Parsed, Platform, Response
from crawlers.errors import SourceError
from crawlers.platforms._websearch import read_qianfan, read_zhipu
from domain.outcome import FetchOutcome
from domain.spec import Spec

__all__ = ["SPEC", "WebsearchPage", "WebsearchSettings"]

_ZHIPU_URL = "https://open.bigmodel.cn/api/paas/v4/web_search"
_QIANFAN_URL = "https://qianfan.baidubce.com/v2/ai_search/web_search"
_ZHIPU_WORDS, _ZHIPU_MOST, _QIANFAN_WORDS, _QIANFAN_MOST = 70, 50, 72, 50
_QIANFAN_QUOTA = 100
"""Free calls a day of one key; a source with a paid one sets its own `quota`."""
_ZHIPU_ENGINES = {"zhipu": "search_std", "zhipu_pro": "search_pro", "zhipu_sogou": "search_pro_sogou",
                  "zhipu_quark": "search_pro_quark"}  # fmt: skip
_ZHIPU_WITHIN = {"day": "oneDay", "week": "oneWeek", "month": "oneMonth", "year": "oneYear"}
_READERS = {"websearch.zhipu": read_zhipu, "websearch.qianfan": read_qianfan}


@dataclass(frozen=True, slots=True, kw_only=True)
class WebsearchSettings:
    """Settings that only web search knows."""

    engine: Literal["zhipu", "zhipu_pro", "zhipu_sogou", "zhipu_quark", "qianfan"] = "zhipu"
    """Whose search is asked; `token` is its API key."""
    sites: tuple[str, ...] = ()
    """Hosts to search on, such as mp.weixin.qq.com, one request each; empty = the whole web."""
    within: Literal["day", "week", "month", "year"] = "week"
    """How far back it looks; Qianfan knows no day and looks a week back then."""


class WebsearchPage(Platform):
    """Requests and parsers of the web-search APIs."""

    name = "websearch"
    hosts = ("open.bigmodel.cn", "qianfan.baidubce.com")
    prefixes = ("websearch",)
    pace = timedelta(seconds=1)
    # Every search costs: never more often than the interval says.
    floor = timedelta(days=1)

    def __init__(self, options: WebsearchSettings | None = None) -> None:
        self._options = options or WebsearchSettings()
        self.quota = _QIANFAN_QUOTA if self._options.engine == "qianfan" else None

    def searches(self, source: SourceSettings) -> bool:
        """Say whether the source asks for words."""
        return True

    def start(self, source: SourceSettings, now: datetime) -> tuple[Fetch, ...]:
        """Return one search for each word on each site.

        Raises:
            SourceError: the source has no key, or a word is too long.
        """
        if source.transport != "official" or not source.token:
            raise SourceError(source.name, "web search needs `transport: official` and your API key as `token`")
        engine = self._options.engine
        make, most = (_qianfan, _QIANFAN_WORDS) if engine == "qianfan" else (_zhipu, _ZHIPU_WORDS)
        for word in source.query:
            if len(word) > most:
                raise SourceError(source.name, f"{engine} takes at most {most} characters of words: {word[:20]}…")
        sites = self._options.sites or ("",)
        return tuple(make(self._options, word, site, source.limit) for word in source.query for site in sites)

    def parse(self, endpoint: str, response: Response) -> Parsed:
        """Read one answer of an API; unknown endpoints are an error."""
        read = _READERS.get(endpoint)
        if read is None:
            return Parsed(outcome=FetchOutcome.ERROR, detail=f"unknown endpoint {endpoint[:60]}")
        return read(response)


def _zhipu(options: WebsearchSettings, word: str, site: str, limit: int) -> Fetch:
    asked: dict[str, object] = {
        "search_engine": _ZHIPU_ENGINES[options.engine],
        "search_query": word,
        "count": min(limit, _ZHIPU_MOST),
        "search_recency_filter": _ZHIPU_WITHIN[options.within],
    }
    asked |= {"search_domain_filter": site} if site else {}
    return Fetch(endpoint="websearch.zhipu", url=_ZHIPU_URL, body=_json(asked))


def _qianfan(options: WebsearchSettings, word: str, site: str, limit: int) -> Fetch:
    asked: dict[str, object] = {
        "messages": [{"role": "user", "content": word}],
        "search_source": "baidu_search_v2",
        "resource_type_filter": [{"type": "web", "top_k": min(limit, _QIANFAN_MOST)}],
        "search_recency_filter": "week" if options.within == "day" else options.within,
    }
    asked |= {"search_filter": {"match": {"site": [site]}}} if site else {}
    return Fetch(endpoint="websearch.qianfan", url=_QIANFAN_URL, body=_json(asked))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


SPEC = Spec(name="websearch", settings=WebsearchSettings, factory=WebsearchPage, title="联网搜索")
