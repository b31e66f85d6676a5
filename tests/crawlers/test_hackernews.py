import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from crawlers.errors import SourceError
from crawlers.platforms import build_platform
from crawlers.platforms.hackernews import HackerNewsPage, HackerNewsSettings
from domain.mention import Kind, Precision
from domain.outcome import Drop
from domain.outcome import FetchOutcome as F
from tests.crawlers.pages import NOW, parse, source


def story(**more: Any) -> dict[str, Any]:
    return {"objectID": "41", "_tags": ["story"], "author": "a", "title": "T", "created_at_i": 1781931662, **more}


def comment(**more: Any) -> dict[str, Any]:
    return {
        "objectID": "42",
        "_tags": ["comment"],
        "comment_text": "Hi",
        "parent_id": 40,
        "story_id": 39,
        "story_title": "S",
        **more,
    }


def answer(*hits: Any, page: int = 0, pages: int = 1) -> str:
    return json.dumps({"hits": hits, "page": page, "nbPages": pages})


@pytest.mark.parametrize(
    ("body", "http", "outcome"),
    [
        (answer(), 200, F.EMPTY),
        ('{"message": "invalid numericFilters", "status": 400}', 400, F.BAD_QUERY),
        ('{"message": "invalid numericFilters", "status": 400}', 200, F.BAD_QUERY),
        ('{"message": "Too many requests"}', 429, F.RATE_LIMITED),
        ('{"message": "Rate limit reached"}', 200, F.RATE_LIMITED),
        ("<html>down</html>", 503, F.ERROR),
        ("<html>ok</html>", 200, F.PARSE_ERROR),
        ("", 200, F.PARSE_ERROR),
        ("<html><title>Just a moment...</title></html>", 403, F.JS_CHALLENGE),
        ("[]", 200, F.SCHEMA_ERROR),
        ('{"hits": {}}', 200, F.SCHEMA_ERROR),
        (answer({"title": "no id"}), 200, F.SCHEMA_ERROR),
        (answer("no object"), 200, F.SCHEMA_ERROR),
    ],
)
def test_refusals_are_told_from_empty_searches(body: str, http: int, outcome: F) -> None:
    assert parse("hackernews.search", body, status=http).outcome is outcome


def test_unknown_endpoints_are_named() -> None:
    assert parse("hackernews.top", answer()).detail == "unknown endpoint hackernews.top"


def test_question_has_its_own_text_and_its_links() -> None:
    asks = story(
        title="Ask HN: A &amp; B?",
        url=None,
        story_text="One<p>Two &lt;3 <a href='https:&#x2F;&#x2F;a.example&#x2F;x'>https:&#x2F;&#x2F;a.exam…</a>",
    )
    (post,) = parse("hackernews.search", answer(asks)).posts
    assert (post.title, post.text) == ("Ask HN: A & B?", "One\nTwo <3 https://a.exam…")
    assert post.links == ("https://a.example/x",)
    assert (post.engagement.likes, post.engagement.comments) == (None, None)


def test_zero_is_shown_and_null_is_not() -> None:
    (post,) = parse("hackernews.search", answer(story(points=0, num_comments=None))).posts
    assert (post.engagement.likes, post.engagement.comments) == (0, None)


def test_comment_knows_its_parent_and_its_story() -> None:
    (post,) = parse("hackernews.search", answer(comment())).posts
    assert (post.kind, post.title, post.parent_id, post.root_id) == (Kind.COMMENT, "S", "40", "39")
    (lone,) = parse("hackernews.search", answer(comment(parent_id=None, _tags=None))).posts
    assert (lone.kind, lone.parent_id) == (Kind.COMMENT, "39")


def test_deleted_comments_are_passed_over() -> None:
    gone = comment(objectID="43", comment_text=None)
    assert [post.native_id for post in parse("hackernews.search", answer(gone, comment())).posts] == ["42"]
    assert parse("hackernews.search", answer(gone)).outcome is F.EMPTY


def test_time_falls_back_to_the_printed_one_across_new_year() -> None:
    hit = story(created_at_i=None, created_at="2025-12-31T16:30:00.000Z")
    now = datetime(2025, 12, 31, 17, 0, tzinfo=UTC)
    (post,) = parse("hackernews.search", answer(hit), now=now).posts
    assert post.published_at == datetime(2025, 12, 31, 16, 30, tzinfo=UTC)
    assert post.published_precision is Precision.SECOND


def test_entries_without_number_are_counted() -> None:
    parsed = parse("hackernews.search", answer(story(), story(), story(objectID="4x")))
    assert [post.native_id for post in parsed.posts] == ["41"]
    assert dict(parsed.drops) == {Drop.DUPLICATE_IN_BATCH: 1, Drop.NO_ID: 1}


def test_search_asks_for_each_word_since_a_moment() -> None:
    page = HackerNewsPage(HackerNewsSettings(lookback=timedelta(days=1)))
    first, second = page.start(source(platform="hackernews", query=("云杉", "Blue Cup"), limit=20), NOW)
    query = parse_qs(urlsplit(second.url).query)
    assert query["query"] == ["Blue Cup"]
    assert query["numericFilters"] == [f"created_at_i>{int(NOW.timestamp()) - 86_400}"]
    assert (query["tags"], query["hitsPerPage"]) == (["(story,comment)"], ["20"])
    assert first.url.startswith("https://hn.algolia.com/api/v1/search_by_date?query=%E4%BA%91%E6%9D%89&")
    with pytest.raises(SourceError, match="only the transport `open`"):
        page.start(source(platform="hackernews", transport="cookie"), NOW)


def test_pages_go_on_until_the_last() -> None:
    page = build_platform("hackernews")
    (fetch,) = page.start(source(platform="hackernews", query=("a",)), NOW)
    parsed = parse("hackernews.search", answer(story(), page=0, pages=2))
    step = page.following(fetch, parsed)
    assert step is not None
    assert (parse_qs(urlsplit(step.url).query)["page"], step.page) == (["1"], 2)
    assert page.following(step, parse("hackernews.search", answer(story(), page=1, pages=2))) is None
    assert page.detail(source(), parsed.posts[0]) is None
