"""The roads to an account's posts and to the comments under a post, and that their answers are read."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from config.settings import SourceSettings
from crawlers.base import Fetch
from crawlers.platforms import build_platform
from crawlers.platforms.rsshub import RsshubSettings
from crawlers.platforms.weibo import WeiboSettings
from domain.mention import Kind, Post
from domain.outcome import FetchOutcome as F
from domain.secret import Secret
from tests.crawlers.farm import farm
from tests.crawlers.pages import parse, source
from tests.crawlers.visiting import job, visit

MID = "5311901742082998"
PAYLOADS = Path(__file__).parent.parent / "fixtures" / "platforms"


def weibo(**more: Any) -> SourceSettings:
    return source(platform="weibo", transport="cookie", cookie=Secret("SUB=x"), **more)


def hub(url: str = "http://127.0.0.1:1200/weibo/keyword/x?key=k&limit=3", **more: Any) -> SourceSettings:
    return source(platform="rsshub", url=url, **more)


def timeline(own: SourceSettings, platform: str, account: str) -> Fetch | None:
    return build_platform(own.platform, own.options).timeline(own, platform, account)


def comments(own: SourceSettings, platform: str, native_id: str, **more: Any) -> Fetch | None:
    post = Post(**{"platform": platform, "native_id": native_id, "kind": Kind.POST, "text": "文", **more})
    return build_platform(own.platform, own.options).comments(own, post)


@pytest.mark.parametrize(
    ("own", "platform", "account", "url"),
    [
        (weibo(), "weibo", "7900010001", "https://weibo.com/ajax/statuses/searchProfile?uid=7900010001&page=1&"),
        (source(platform="reddit"), "reddit", "u/yunshan", "https://www.reddit.com/user/yunshan/.rss"),
        (source(platform="v2ex"), "v2ex", "云杉", "https://www.v2ex.com/api/topics/show.json?username=%E4%BA%91"),
        (
            source(platform="mastodon", url="https://a.social/x"),
            "mastodon",
            "@yunshan@A.social",
            "https://a.social/api/v1/accounts/lookup?acct=yunshan",
        ),
        (hub(), "weibo", "7900010001", "http://127.0.0.1:1200/weibo/user/7900010001?key=k&format=json"),
        (hub(), "xiaohongshu", "5f1", "http://127.0.0.1:1200/xiaohongshu/user/5f1/notes?key=k&format=json"),
        (hub("http://h/x"), "zhihu", "org/yun-shan", "http://h/zhihu/posts/org/yun-shan?format=json"),
        (hub("http://h/x"), "zhihu", "../x", "http://h/zhihu/posts/people/..%2Fx?format=json"),
        (
            hub("http://h/x", options=RsshubSettings(form="rss")),
            "kuaishou",
            "3x",
            "http://h/kuaishou/profile/3x?format=rss",
        ),
    ],
    ids=str,
)
def test_the_posts_of_an_account_are_asked_for(own: SourceSettings, platform: str, account: str, url: str) -> None:
    fetch = timeline(own, platform, account)
    assert fetch is not None
    assert fetch.url.startswith(url)


@pytest.mark.parametrize(
    ("own", "platform", "account"),
    [
        (source(platform="weibo"), "weibo", "7900010001"),
        (source(platform="weibo", transport="official", token=Secret("t")), "weibo", "7900010001"),
        (weibo(), "weibo", "云杉咖啡"),
        (weibo(), "douyin", "7900010001"),
        (source(platform="mastodon", url="https://a.social"), "mastodon", "yunshan@b.social"),
        (source(platform="bilibili"), "bilibili", "7"),
        (source(platform="reddit"), "reddit", "a/../b"),
        (hub(), "tieba", "7"),
        (source(platform="gdelt"), "weibo", "7900010001"),
    ],
    ids=str,
)
def test_a_road_that_does_not_show_accounts_says_so(own: SourceSettings, platform: str, account: str) -> None:
    assert timeline(own, platform, account) is None


@pytest.mark.parametrize(
    ("own", "platform", "native_id", "url", "parent"),
    [
        (weibo(), "weibo", MID, f"https://m.weibo.cn/comments/hotflow?id={MID}&mid={MID}&max_id_type=0", MID),
        (weibo(), "weibo", "R4ZCm8JSK", f"https://m.weibo.cn/comments/hotflow?id={MID}&mid={MID}&max_id_type=0", MID),
        (
            weibo(options=WeiboSettings(via="s")),
            "weibo",
            MID,
            f"https://weibo.com/ajax/statuses/buildComments?is_reload=1&id={MID}&",
            MID,
        ),
        (
            source(platform="bilibili"),
            "bilibili",
            "av12",
            "https://api.bilibili.com/x/v2/reply/main?oid=12&type=1&",
            "av12",
        ),
        (
            source(platform="bilibili"),
            "bilibili",
            "cv9",
            "https://api.bilibili.com/x/v2/reply/main?oid=9&type=12&",
            "cv9",
        ),
        (source(platform="v2ex"), "v2ex", "19", "https://www.v2ex.com/api/replies/show.json?topic_id=19", "19"),
        (source(platform="reddit"), "reddit", "t3_1a", "https://www.reddit.com/comments/1a/.rss?sort=new", "t3_1a"),
    ],
    ids=str,
)
def test_the_comments_under_a_post_are_asked_for(
    own: SourceSettings, platform: str, native_id: str, url: str, parent: str
) -> None:
    fetch = comments(own, platform, native_id)
    assert fetch is not None
    assert fetch.url.startswith(url)
    assert dict(fetch.context)["parent_id"] == parent


def test_some_comments_cannot_be_had() -> None:
    assert comments(source(platform="weibo"), "weibo", MID) is None
    assert comments(weibo(), "weibo", MID, kind=Kind.COMMENT) is None
    assert comments(weibo(), "weibo", "../x") is None
    assert comments(source(platform="bilibili"), "bilibili", "BV1aa411c7mD") is None
    known = comments(source(platform="bilibili"), "bilibili", "BV1aa411c7mD", extra=(("id_alt", "av12"),))
    assert known is not None
    assert "oid=12&" in known.url
    own = source(platform="mastodon", url="https://a.social")
    assert comments(own, "mastodon", "1", url="https://b.social/@x/1") is None
    assert comments(own, "mastodon", "1", url="https://a.social/@x/1") is not None
    assert comments(hub(), "weibo", MID) is None


def test_weibo_comments_go_on_where_the_last_page_ended() -> None:
    own = weibo()
    fetch = comments(own, "weibo", MID)
    assert fetch is not None
    body = (PAYLOADS / "weibo" / "m_comments_hotflow.json").read_text(encoding="utf-8")
    parsed = parse(fetch.endpoint, body, url=fetch.url, context=dict(fetch.context))
    assert parsed.outcome is F.OK
    assert {post.kind for post in parsed.posts} == {Kind.COMMENT}
    assert parsed.posts[0].parent_id == MID
    more = build_platform("weibo").following(
        fetch, parse(fetch.endpoint, '{"ok":1,"data":{"data":[{"id":"1","text":"x"}],"max_id":77,"max_id_type":1}}')
    )
    assert more is not None
    assert parse_qs(urlsplit(more.url).query) == {"id": [MID], "mid": [MID], "max_id": ["77"], "max_id_type": ["1"]}


def test_an_entry_of_an_accounts_route_has_the_accounts_id() -> None:
    link = "https://www.xiaohongshu.com/explore/6a35" + "0" * 20
    item = {"id": link, "url": link, "title": "题", "content_html": "文", "authors": [{"name": "云杉咖啡"}]}
    other = {**item, "id": "https://n.cn/1", "url": "https://n.cn/1"}
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "云杉咖啡", "items": [item, other]}
    own = timeline(hub(), "xiaohongshu", "5f1")
    assert own is not None
    parsed = parse("rsshub.any", json.dumps(feed), context=dict(own.context))
    assert [(post.platform, post.author.id) for post in parsed.posts] == [("xiaohongshu", "5f1"), ("web", None)]
    assert [post.author.id for post in parse("rsshub.any", json.dumps(feed)).posts] == [None, None]


def status(number: int, **more: Any) -> dict[str, Any]:
    account = {"id": "42", "acct": "yunshan", "display_name": "云杉", "followers_count": 77}
    url = f"https://a.social/@yunshan/{number}"
    return {"id": str(number), "url": url, "content": "<p>文</p>", "created_at": "2026-06-20T07:00:00Z",
            "account": account, "visibility": "public", **more}  # fmt: skip


async def test_a_mastodon_account_is_found_and_then_read() -> None:
    async with farm() as pages:
        pages.page(
            "/api/v1/accounts/lookup", json.dumps({"id": "42", "acct": "yunshan"}), Content_Type="application/json"
        )
        pages.page("/api/v1/accounts/42/statuses", json.dumps([status(1), status(2)]), Content_Type="application/json")
        own = source(platform="mastodon", url=pages.base)
        fetch = timeline(own, "mastodon", "yunshan")
        assert fetch is not None
        result = await visit(job(pages, own, fetches=(fetch,)))
        assert result.outcome is F.OK
        assert [post.native_id for post in result.posts] == ["1", "2"]
        assert result.posts[0].author.followers == 77
        assert pages.asked[-2:] == ["/api/v1/accounts/lookup", "/api/v1/accounts/42/statuses"]


async def test_an_account_that_is_not_there_is_gone() -> None:
    async with farm() as pages:
        missing = json.dumps({"error": "Record not found"})
        pages.page("/api/v1/accounts/lookup", missing, 404, Content_Type="application/json")
        own = source(platform="mastodon", url=pages.base)
        fetch = timeline(own, "mastodon", "nobody")
        assert fetch is not None
        assert (await visit(job(pages, own, fetches=(fetch,)))).outcome is F.GONE
    assert parse("mastodon.lookup", '{"id": "4/../2"}').outcome is F.SCHEMA_ERROR
