from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings, SourceSettings
from crawlers.errors import SourceError
from crawlers.plan import expand_sources
from crawlers.platforms.imports import ImportSettings
from crawlers.platforms.mastodon import MastodonSettings
from crawlers.platforms.reddit import RedditSettings
from domain.secret import Secret
from domain.tagging import BrandDefinition
from tests.crawlers.pages import source

BRANDS = (
    BrandDefinition(id="yunshan", name="云杉咖啡", query="云杉咖啡"),
    BrandDefinition(id="xinglan", name="星澜汽车", query="星澜汽车"),
)


def settings(*sources: SourceSettings) -> Settings:
    return Settings(path=Path("x"), data_dir=Path("."), brands=BRANDS, sources=sources)


def test_search_without_words_is_made_once_per_brand() -> None:
    expanded = expand_sources(
        settings(
            source(name="news", platform="gdelt"),
            source(name="weibo-search", platform="weibo", transport="cookie", cookie=Secret("x"), brands=("xinglan",)),
            source(name="weibo-hot", platform="weibo"),
            source(name="words", platform="gdelt", query=("甲", "乙")),
            source(name="feed", url="https://a.cn/f"),
        )
    )
    assert [(each.name, each.query) for each in expanded] == [
        ("news:yunshan", ("云杉咖啡",)),
        ("news:xinglan", ("星澜汽车",)),
        ("weibo-search:xinglan", ("星澜汽车",)),
        ("weibo-hot", ()),
        ("words", ("甲", "乙")),
        ("feed", ()),
    ]


@pytest.mark.parametrize(
    ("given", "per_brand"),
    [
        ({"platform": "hackernews"}, True),
        ({"platform": "reddit"}, True),
        ({"platform": "reddit", "options": RedditSettings(forums=("coffee",))}, False),
        ({"platform": "mastodon", "url": "https://a.social"}, True),
        ({"platform": "mastodon", "url": "https://a.social", "options": MastodonSettings(timeline="public")}, False),
        ({"platform": "wechat"}, True),
        ({"platform": "websearch", "transport": "official", "token": Secret("k")}, True),
        ({"platform": "douyin", "transport": "official", "token": Secret("k")}, True),
        ({"platform": "douyin"}, False),
        ({"platform": "v2ex"}, False),
        ({"platform": "bilibili"}, False),
        ({"platform": "baidu"}, False),
    ],
    ids=str,
)
def test_only_what_asks_for_words_is_made_once_per_brand(given: dict[str, Any], per_brand: bool) -> None:
    expanded = expand_sources(settings(source(**given)))
    words = [each.query for each in expanded]
    assert words == ([("云杉咖啡",), ("星澜汽车",)] if per_brand else [()])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (source(), "needs `url`"),
        (source(platform="article"), "needs `url`"),
        (source(platform="import", options=ImportSettings()), "needs `path`"),
        (source(platform="weibo", transport="cookie", query=("甲",)), "needs `cookie`"),
        (source(url="nonsense"), "must be http"),
        (source(platform="websearch", query=("甲",)), "API key as `token`"),
        (source(platform="xiaohongshu"), "cookie"),
        (source(platform="heimao"), "import"),
    ],
)
def test_source_that_lacks_something_is_named_with_the_remedy(wrong: SourceSettings, words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        expand_sources(settings(wrong))
    assert caught.value.source == "s"


def test_import_with_a_path_is_a_source() -> None:
    assert len(expand_sources(settings(source(platform="import", options=ImportSettings(path="/x"))))) == 1
