import json
from typing import Any

import pytest

from crawlers.platforms import build_platform
from crawlers.platforms.gdelt import GdeltPage, GdeltSettings
from domain.outcome import FetchOutcome as F
from tests.crawlers.pages import NOW, parse, source


def answer(*articles: Any) -> str:
    return json.dumps({"articles": list(articles)})


def article(**more: Any) -> dict[str, Any]:
    return {
        "url": "https://n.cn/1",
        "title": "题",
        "seendate": "20260620T061500Z",
        "domain": "n.cn",
        "language": "Chinese",
        **more,
    }


@pytest.mark.parametrize(
    ("title", "read"),
    [
        ("云杉咖啡 ： 涉事 门店 停业", "云杉咖啡：涉事门店停业"),
        ("星澜汽车 召回 1 . 2 万辆 S7", "星澜汽车召回 1 . 2 万辆 S7"),
        ("Apple recalls 10 cars", "Apple recalls 10 cars"),
        ("“ 云杉 ” 回应 ： 属实 ？", "“云杉”回应：属实？"),
        ("A &amp; B", "A & B"),
    ],
)
def test_blanks_between_chinese_words_go(title: str, read: str) -> None:
    assert parse("gdelt.artlist", answer(article(title=title))).posts[0].title == read


@pytest.mark.parametrize(
    ("body", "http", "outcome"),
    [
        ("{}", 200, F.EMPTY),
        ('{"articles": []}', 200, F.EMPTY),
        (answer({"url": "javascript:x"}, "no object", {}), 200, F.EMPTY),
        ('{"articles": 3}', 200, F.SCHEMA_ERROR),
        ('{"other": 3}', 200, F.SCHEMA_ERROR),
        ("[]", 200, F.SCHEMA_ERROR),
        ('{"articles": [', 200, F.PARSE_ERROR),
        ("{}", 500, F.ERROR),
        ("Please limit requests to one every 5 seconds", 200, F.RATE_LIMITED),
        ("Please limit requests to one every 5 seconds", 429, F.RATE_LIMITED),
        ("<html>Too Many</html>", 429, F.RATE_LIMITED),
        ("Your search contained a keyword that was too short.", 200, F.BAD_QUERY),
        ("<!DOCTYPE html><html>down</html>", 200, F.PARSE_ERROR),
        ("", 200, F.PARSE_ERROR),
        ("down", 503, F.ERROR),
    ],
)
def test_errors_come_as_plain_text_and_are_told_apart(body: str, http: int, outcome: F) -> None:
    assert parse("gdelt.artlist", body, status=http).outcome is outcome


def test_same_page_comes_once_and_strange_languages_are_unknown() -> None:
    posts = parse(
        "gdelt.artlist", answer(article(), article(), article(url="https://n.cn/2", language="Klingon"))
    ).posts
    assert [(post.native_id, post.lang) for post in posts] == [("https://n.cn/1", "zh"), ("https://n.cn/2", None)]


def test_search_asks_for_each_word() -> None:
    gdelt = build_platform("gdelt")
    first, second = gdelt.start(source(platform="gdelt", query=("云杉咖啡", "Blue Cup"), limit=900), NOW)
    assert "sourcelang%3Achinese" in first.url
    assert "maxrecords=250" in first.url
    assert "%22Blue+Cup%22" in second.url
    (plain,) = GdeltPage(GdeltSettings(language="")).start(source(platform="gdelt", query=("云",)), NOW)
    assert "sourcelang" not in plain.url
    parsed = parse("gdelt.artlist", answer(article()))
    assert gdelt.following(first, parsed) is None
    assert gdelt.detail(source(), parsed.posts[0]) is None
