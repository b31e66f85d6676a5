import json
from datetime import UTC, datetime
from typing import Any

import pytest

from crawlers.errors import SourceError
from crawlers.platforms import build_platform
from crawlers.platforms.mastodon import MastodonPage, MastodonSettings
from domain.mention import Kind
from domain.outcome import Drop
from domain.outcome import FetchOutcome as F
from tests.crawlers.pages import NOW, parse, source

URL = "https://m.example/api/v1/timelines/tag/x?limit=40"


def status(**more: Any) -> dict[str, Any]:
    return {
        "id": "11",
        "created_at": "2025-12-31T16:30:00.000Z",
        "url": "https://m.example/@a/11",
        "visibility": "public",
        "content": "<p>文</p>",
        "account": {"acct": "a", "username": "a", "display_name": "", "followers_count": -1},
        **more,
    }


def timeline(*found: Any, **more: Any) -> Any:
    return parse("mastodon.tag", json.dumps(found), url=URL, **more)


@pytest.mark.parametrize(
    ("endpoint", "body", "http", "outcome"),
    [
        ("mastodon.tag", "[]", 200, F.EMPTY),
        ("mastodon.public", "[]", 200, F.EMPTY),
        ("mastodon.public", '{"error": "This method requires an authenticated user"}', 422, F.AUTH_REQUIRED),
        ("mastodon.tag", '{"error": "The access token was revoked"}', 401, F.AUTH_FAILED),
        ("mastodon.tag", '{"error": "Too many requests"}', 429, F.RATE_LIMITED),
        ("mastodon.status", '{"error": "Record not found"}', 404, F.GONE),
        ("mastodon.tag", '{"error": "Something"}', 200, F.ERROR),
        ("mastodon.tag", "{}", 200, F.SCHEMA_ERROR),
        ("mastodon.tag", '[{"content": "no id"}]', 200, F.SCHEMA_ERROR),
        ("mastodon.tag", "<html>Making sure you&#39;re not a bot!</html>", 200, F.JS_CHALLENGE),
        ("mastodon.tag", "<html>Mastodon</html>", 200, F.PARSE_ERROR),
        ("mastodon.tag", "<html>down</html>", 502, F.ERROR),
    ],
)
def test_refusals_are_told_from_empty_timelines(endpoint: str, body: str, http: int, outcome: F) -> None:
    assert parse(endpoint, body, status=http).outcome is outcome


def test_unknown_endpoints_are_named_and_silence_is_explained() -> None:
    assert parse("mastodon.wall", "[]").detail == "unknown endpoint mastodon.wall"
    assert "switched" in parse("mastodon.public", "[]").detail
    assert parse("mastodon.tag", "[]").detail == ""


def test_local_accounts_get_the_host_and_hidden_counts_stay_unknown() -> None:
    remote = status(id="12", account={"acct": "b@o.example", "display_name": "乙"})
    first, second = timeline(status(replies_count=0), remote).posts
    assert (first.author.name, first.author.id, first.author.followers) == ("a", "a@m.example", None)
    assert (first.engagement.comments, first.engagement.likes) == (0, None)
    assert (second.author.name, second.author.id) == ("乙", "b@o.example")
    assert first.published_at == datetime(2025, 12, 31, 16, 30, tzinfo=UTC)


def test_shortened_links_are_joined_and_names_are_listed() -> None:
    content = (
        '<p><span class="h-card"><a href="https://o.example/@b" class="u-url mention">@<span>b</span></a></span> 见 '
        '<a href="https://n.example/a/b"><span class="invisible">https://</span><span class="ellipsis">n.example/a'
        '</span><span class="invisible">/b</span></a> <a href="https://m.example/tags/x" rel="tag">#<span>X</span></a>'
        "</p>"
    )
    (post,) = timeline(status(content=content, language="zh-CN")).posts
    assert post.text == "@b 见 https://n.example/a/b #X"
    assert (post.at_users, post.links, post.tags, post.lang) == (("b",), ("https://n.example/a/b",), ("X",), "zh")


def test_reply_is_a_comment_and_a_warning_is_its_title() -> None:
    (post,) = timeline(status(in_reply_to_id="7", spoiler_text="剧透", language="yue")).posts
    assert (post.kind, post.parent_id, post.title, post.lang) == (Kind.COMMENT, "7", "剧透", None)


def test_boost_says_what_the_original_says() -> None:
    original = status(id="9", url="https://o.example/@b/9", content="<p>原文 #云杉</p>")
    boost = status(url=None, uri="https://m.example/users/a/statuses/11/activity", content="", reblog=original)
    again = status(id="13", content="", reblog=original)
    first, second, third = timeline(boost, again).posts
    assert (first.kind, first.text, first.own_text) == (Kind.REPOST, "原文 #云杉", "")
    assert first.url == "https://m.example/users/a/statuses/11/activity"
    assert first.repost_of is not None
    assert (first.repost_of.id, first.repost_of.url) == ("9", "https://o.example/@b/9")
    assert (second.native_id, third.native_id, third.kind) == ("13", "9", Kind.POST)
    assert third.tags == ("云杉",)


def test_posts_for_followers_only_are_passed_over() -> None:
    parsed = timeline(status(visibility="private"), status(id="12"))
    assert [post.native_id for post in parsed.posts] == ["12"]
    assert timeline(status(visibility="direct")).outcome is F.EMPTY
    assert parse("mastodon.status", json.dumps(status(visibility="private"))).outcome is F.GONE


def test_search_thread_and_single_status_are_read() -> None:
    for endpoint, body in (
        ("mastodon.search", {"accounts": [], "statuses": [status()]}),
        ("mastodon.context", {"ancestors": [], "descendants": [status()]}),
        ("mastodon.status", status()),
    ):
        assert [post.native_id for post in parse(endpoint, json.dumps(body)).posts] == ["11"]


@pytest.mark.parametrize(
    ("link", "step"),
    [
        ('<https://m.example/x?min_id=5>; rel="prev", <https://m.example/x?a=1&max_id=9>; rel="next"', {"max_id": "9"}),
        ("<https://m.example/x?max_id=9>; rel=next", {"max_id": "9"}),
        ('<https://m.example/x?min_id=5>; rel="prev"', {}),
        ('<https://m.example/x?max_id=9%26local>; rel="next"', {}),
        ('<https://[m>; rel="next"', {}),
        ("", {}),
    ],
)
def test_next_page_is_that_of_the_link_header(link: str, step: dict[str, str]) -> None:
    assert dict(timeline(status(), link=link).next) == step


def test_each_word_is_a_tag_of_the_instance() -> None:
    page = build_platform("mastodon")
    asked = source(platform="mastodon", url="https://m.example/about", query=("云杉咖啡", "Blue Cup!", "bluecup", "?"))
    urls = [fetch.url for fetch in page.start(asked, NOW)]
    tag = "https://m.example/api/v1/timelines/tag/"
    assert urls == [
        f"{tag}%E4%BA%91%E6%9D%89%E5%92%96%E5%95%A1?limit=40",
        f"{tag}BlueCup?limit=40",
        f"{tag}bluecup?limit=40",
    ]
    step = page.following(page.start(asked, NOW)[0], timeline(status(), link='<https://e.x/?max_id=9>; rel="next"'))
    assert step is not None
    assert (step.url, step.page) == (f"{tag}%E4%BA%91%E6%9D%89%E5%92%96%E5%95%A1?limit=40&max_id=9", 2)
    assert page.following(step, timeline(status())) is None
    assert page.detail(asked, timeline(status()).posts[0]) is None


def test_what_an_instance_cannot_be_asked_is_said() -> None:
    page = MastodonPage()
    for more, words in (
        ({}, "needs `url`"),
        ({"url": "https://m.example", "query": ("!?",)}, "can be a tag"),
        ({"url": "https://m.example", "transport": "cookie"}, "only the transport `open`"),
    ):
        with pytest.raises(SourceError, match=words):
            page.start(source(platform="mastodon", **more), NOW)


def test_words_are_looked_for_in_the_public_timeline() -> None:
    page = MastodonPage(MastodonSettings(timeline="public", local=True))
    (fetch,) = page.start(source(platform="mastodon", url="https://m.example", query=("云杉",)), NOW)
    assert fetch.url == "https://m.example/api/v1/timelines/public?limit=40&local=true"
    parsed = parse(
        "mastodon.public",
        json.dumps([status(), status(id="12", content="云杉")]),
        context=dict(fetch.context),
        link='<https://m.example/?max_id=11>; rel="next"',
    )
    assert [post.native_id for post in parsed.posts] == ["12"]
    assert dict(parsed.drops) == {Drop.NOT_QUERIED: 1}
    (plain,) = MastodonPage().start(source(platform="mastodon", url="https://m.example"), NOW)
    assert plain.context == ()
    nothing = parse("mastodon.public", json.dumps([status()]), context=dict(fetch.context),
                    link='<https://m.example/?max_id=11>; rel="next"')  # fmt: skip
    assert nothing.posts == ()
    assert dict(nothing.next) == {"max_id": "11"}
