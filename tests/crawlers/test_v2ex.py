import json
from datetime import datetime
from typing import Any

import pytest

from crawlers.errors import SourceError
from crawlers.platforms import build_platform
from crawlers.platforms.v2ex import V2exPage, V2exSettings
from domain.mention import Kind
from domain.moment import SHANGHAI
from domain.outcome import Drop
from domain.outcome import FetchOutcome as F
from domain.secret import Secret
from tests.crawlers.pages import NOW, parse, source

MEMBER = {"id": 9, "username": "甲"}


def topic(**more: Any) -> dict[str, Any]:
    return {"id": 1190001, "title": "题", "content": "文", "created": 1781935200, "member": MEMBER, **more}


def topics(*found: Any, endpoint: str = "v2ex.latest", **more: Any) -> Any:
    return parse(endpoint, json.dumps(found), **more)


@pytest.mark.parametrize(
    ("body", "http", "left", "outcome"),
    [
        ("[]", 200, "7", F.EMPTY),
        ('{"status": "error", "message": "Rate Limit Exceeded"}', 403, "7", F.RATE_LIMITED),
        ("<html>Forbidden</html>", 403, "0", F.RATE_LIMITED),
        ("<html>Forbidden</html>", 403, "7", F.BLOCKED),
        ("<html><title>Just a moment...</title></html>", 403, "7", F.JS_CHALLENGE),
        ('{"status": "error", "message": "Object Not Found"}', 404, "7", F.GONE),
        ('{"success": false, "message": "Invalid token"}', 401, "7", F.AUTH_FAILED),
        ('{"success": false, "message": "Unauthorized"}', 401, "7", F.AUTH_REQUIRED),
        ('{"success": false, "message": "Something"}', 200, "7", F.ERROR),
        ("{}", 200, "7", F.SCHEMA_ERROR),
        ('[{"title": "no id"}, 3]', 200, "7", F.SCHEMA_ERROR),
        ("<html>你要查看的页面需要先登录</html>", 200, "7", F.LOGIN_REQUIRED),
        ("<html>ok</html>", 200, "7", F.PARSE_ERROR),
        ("", 502, "7", F.ERROR),
    ],
)
def test_refusals_are_told_from_empty_lists(body: str, http: int, left: str, outcome: F) -> None:
    assert parse("v2ex.latest", body, status=http, x_rate_limit_remaining=left).outcome is outcome


def test_missing_topic_is_gone_and_unknown_endpoints_are_named() -> None:
    url = "https://www.v2ex.com/api/topics/show.json?id=1"
    assert parse("v2ex.show", "[]", url=url).outcome is F.GONE
    assert parse("v2ex.show", "[]", url="https://www.v2ex.com/api/topics/show.json?node_name=car").outcome is F.EMPTY
    assert parse("v2ex.wall", "[]").detail == "unknown endpoint v2ex.wall"


def test_deleted_topics_are_passed_over() -> None:
    parsed = topics(topic(deleted=1), topic(id="1190002", deleted=0))
    assert [post.native_id for post in parsed.posts] == ["1190002"]
    assert topics(topic(deleted=True)).outcome is F.EMPTY


def test_rendered_text_gives_names_and_links() -> None:
    rendered = "<p>@<a href='/member/b'>b</a> 见 <a href='/t/7'>旧帖</a></p><img src='x'>"
    (post,) = topics(topic(content="![x](y)", content_rendered=rendered)).posts
    assert (post.text, post.at_users, post.links) == ("@b 见 旧帖", ("b",), ("https://www.v2ex.com/t/7",))


def test_replies_hang_on_their_topic() -> None:
    url = "https://www.v2ex.com/api/replies/show.json?topic_id=1190001"
    body = [{"id": 55, "content": "同感", "created": 1781935260, "member": MEMBER, "thanks": 2}, {"content": "no id"}]
    parsed = topics(*body, endpoint="v2ex.replies", url=url)
    (post,) = parsed.posts
    assert (post.kind, post.url) == (Kind.COMMENT, "https://www.v2ex.com/t/1190001#r_55")
    assert (post.parent_id, post.root_id, post.author.id) == ("1190001", "1190001", "9")
    assert post.extra_counters == (("thanks", 2),)
    assert dict(parsed.drops) == {Drop.NO_ID: 1}
    (known,) = topics(body[0], endpoint="v2ex.replies", url="https://x.cn/", context={"parent_id": "8"}).posts
    assert known.url == "https://www.v2ex.com/t/8#r_55"
    assert topics(body[0], endpoint="v2ex.replies", url="https://[x").outcome is F.SCHEMA_ERROR


def test_second_version_of_the_api_has_pages() -> None:
    body = {"success": True, "result": [topic(replies=3)], "pagination": {"per_page": 20, "total": 30, "pages": 2}}
    url = "https://www.v2ex.com/api/v2/nodes/car/topics?p=1"
    parsed = parse("v2ex.node_topics", json.dumps(body), url=url)
    assert (dict(parsed.next), parsed.posts[0].engagement.comments) == ({"p": 2}, 3)
    assert parse("v2ex.node_topics", json.dumps(body), url=url.replace("p=1", "p=2")).next == ()
    v2ex = build_platform("v2ex")
    (fetch,) = v2ex.start(source(platform="v2ex"), NOW)
    step = v2ex.following(fetch, parsed)
    assert step is not None
    assert step.url.endswith("?p=2")
    single = json.dumps({"success": True, "result": topic()})
    assert parse("v2ex.topic", single).posts[0].native_id == "1190001"
    replies = parse("v2ex.v2_replies", json.dumps({"success": True, "result": [{"id": 5, "content": "a"}]}),
                    url="https://www.v2ex.com/api/v2/topics/77/replies?p=1")  # fmt: skip
    assert replies.posts[0].parent_id == "77"


def test_feed_gives_the_ids_of_the_api() -> None:
    item = {
        "id": "https://www.v2ex.com/t/7#reply3", "url": "https://www.v2ex.com/t/7#reply3", "title": "题",
        "content_html": "<p>文</p>", "date_published": "2025-12-31T16:30:00+00:00", "author": {"name": "甲"},
    }  # fmt: skip
    feed = {"version": "https://jsonfeed.org/version/1", "title": "V2EX", "items": [item, {"id": "x", "title": "y"}]}
    parsed = parse("v2ex.feed", json.dumps(feed), url="https://www.v2ex.com/feed/tech.json")
    (post,) = parsed.posts
    assert (post.platform, post.native_id, post.url) == ("v2ex", "7", "https://www.v2ex.com/t/7")
    assert (post.author.name, post.outlet, post.kind) == ("甲", None, Kind.POST)
    assert post.published_at == datetime(2026, 1, 1, 0, 30, tzinfo=SHANGHAI)
    assert parse("v2ex.feed", json.dumps({**feed, "items": []})).outcome is F.EMPTY
    assert parse("v2ex.feed", json.dumps({**feed, "items": [{"id": "x"}]})).outcome is F.SCHEMA_ERROR
    assert parse("v2ex.feed", "[]").outcome is F.SCHEMA_ERROR


def test_words_are_looked_for_here() -> None:
    v2ex = build_platform("v2ex")
    (fetch,) = v2ex.start(source(platform="v2ex", query=("Star 汽车", "云杉")), NOW)
    assert fetch.url == "https://www.v2ex.com/api/topics/latest.json"
    found = [topic(id=1, title="汽车 STAR"), topic(id=2, title="汽车"), topic(id=3, content="云杉咖啡")]
    parsed = topics(*found, context=dict(fetch.context))
    assert [post.native_id for post in parsed.posts] == ["1", "3"]
    assert dict(parsed.drops) == {Drop.NOT_QUERIED: 1}
    assert topics(topic(), context=dict(fetch.context)).posts == ()


def test_nodes_and_hot_topics_are_asked_for() -> None:
    page = V2exPage(V2exSettings(nodes=("car", "a/b"), hot=True))
    urls = [fetch.url.removeprefix("https://www.v2ex.com/api/topics/") for fetch in page.start(source(), NOW)]
    assert urls == ["show.json?node_name=car", "show.json?node_name=a%2Fb", "hot.json"]
    with pytest.raises(SourceError, match="the transports `open` and `official`"):
        page.start(source(transport="cookie"), NOW)
    parsed = topics(topic())
    assert page.following(page.start(source(), NOW)[0], parsed) is None
    assert page.detail(source(), parsed.posts[0]) is None


def test_with_a_token_the_topics_of_nodes_are_read_page_by_page() -> None:
    page = V2exPage(V2exSettings(nodes=("car", "a/b")))
    first, second = page.start(source(transport="official", token=Secret("t"), query=("星澜",)), NOW)
    assert first.url == "https://www.v2ex.com/api/v2/nodes/car/topics?p=1"
    assert second.url == "https://www.v2ex.com/api/v2/nodes/a%2Fb/topics?p=1"
    found = {
        "success": True,
        "result": [topic(id=1, title="星澜汽车"), topic(id=2, title="别的")],
        "pagination": {"pages": 3},
    }
    parsed = parse(first.endpoint, json.dumps(found), url=first.url, context=dict(first.context))
    assert [post.native_id for post in parsed.posts] == ["1"]
    step = page.following(first, parsed)
    assert step is not None and step.url == "https://www.v2ex.com/api/v2/nodes/car/topics?p=2"
    ended = parse(first.endpoint, '{"success": false, "message": "Invalid token"}', status=401)
    assert ended.outcome is F.AUTH_FAILED
    for lacking, problem in ((V2exSettings(nodes=("car",)), "needs `token`"), (V2exSettings(), "needs `token`")):
        with pytest.raises(SourceError, match=problem):
            V2exPage(lacking).start(source(transport="official"), NOW)
    with pytest.raises(SourceError, match="needs `nodes`"):
        V2exPage().start(source(transport="official", token=Secret("t")), NOW)
