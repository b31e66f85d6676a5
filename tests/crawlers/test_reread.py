import json

import pytest

from config.settings import SourceSettings
from crawlers.base import Fetch
from crawlers.platforms import build_platform, platform_specs
from domain.mention import Kind, Post
from domain.outcome import FetchOutcome as F
from domain.secret import Secret
from tests.crawlers.pages import parse, source

COOKIE = {"transport": "cookie", "cookie": Secret("SUB=x")}
OFFICIAL = {"transport": "official", "token": Secret("t")}


def post(platform: str, native_id: str, kind: Kind = Kind.POST, **more: object) -> Post:
    return Post(platform=platform, native_id=native_id, kind=kind, text="文", **more)  # type: ignore[arg-type]


def asked(own: SourceSettings, again: Post) -> str:
    fetch = build_platform(own.platform, own.options).reread(own, again)
    return fetch.url if fetch is not None else ""


@pytest.mark.parametrize(
    ("own", "again", "url"),
    [
        (source(platform="weibo", **COOKIE), post("weibo", "5311901742083001"),
         "https://weibo.com/ajax/statuses/show?id=5311901742083001&locale=zh-CN"),
        (source(platform="bilibili"), post("bilibili", "BV1xx411c7mD", Kind.VIDEO),
         "https://api.bilibili.com/x/web-interface/view?bvid=BV1xx411c7mD"),
        (source(platform="bilibili"), post("bilibili", "av170001", Kind.VIDEO),
         "https://api.bilibili.com/x/web-interface/view?aid=170001"),
        (source(platform="v2ex"), post("v2ex", "1190001"),
         "https://www.v2ex.com/api/topics/show.json?id=1190001"),
        (source(platform="v2ex", **OFFICIAL), post("v2ex", "7"), "https://www.v2ex.com/api/v2/topics/7"),
        (source(platform="reddit", **OFFICIAL), post("reddit", "t3_1abc"),
         "https://oauth.reddit.com/api/info?id=t3_1abc&raw_json=1"),
        (source(platform="hackernews"), post("hackernews", "41"),
         "https://hn.algolia.com/api/v1/search_by_date?tags=story,story_41&hitsPerPage=1"),
        (source(platform="reddit"), post("reddit", "t3_1abc"), "https://www.reddit.com/comments/1abc/.rss"),
        (source(platform="mastodon", url="https://m.example/@a"), post("mastodon", "11/2", Kind.COMMENT),
         "https://m.example/api/v1/statuses/11%2F2"),
        (source(platform="wechat"), post("wechat", "MzA:1:1", Kind.ARTICLE, url="http://mp.weixin.qq.com/s?__biz=MzA&mid=1"),
         "https://mp.weixin.qq.com/s?__biz=MzA&mid=1"),
        (source(platform="xiaohongshu", **COOKIE),
         post("xiaohongshu", "6a3500000000000000000001",
              url="https://www.xiaohongshu.com/explore/6a3500000000000000000001?xsec_token=AB%3D&xsec_source=pc_search"),
         "https://www.xiaohongshu.com/explore/6a3500000000000000000001?xsec_token=AB%3D&xsec_source=pc_search"),
        *((source(platform=name, url="https://a.cn/x"), post("web", "g", Kind.ARTICLE, url="https://a.cn/1"), "https://a.cn/1")
          for name in ("feed", "sitemap", "rsshub", "gdelt")),
    ],
)  # fmt: skip
def test_a_lawful_road_shows_a_post_again(own: SourceSettings, again: Post, url: str) -> None:
    assert asked(own, again) == url


@pytest.mark.parametrize(
    ("own", "again"),
    [
        (source(platform="weibo"), post("weibo", "5311901742083001")),
        (source(platform="weibo", **OFFICIAL), post("weibo", "5311901742083001")),
        (source(platform="weibo", **COOKIE), post("weibo", "hot:20260620:云杉咖啡")),
        (source(platform="weibo", **COOKIE), post("weibo", "5311901742083001", Kind.COMMENT)),
        (source(platform="bilibili"), post("bilibili", "cv1", Kind.ARTICLE)),
        (source(platform="v2ex"), post("v2ex", "1190001", Kind.COMMENT)),
        (source(platform="v2ex", **COOKIE), post("v2ex", "1190001")),
        (source(platform="hackernews"), post("hackernews", "41", Kind.COMMENT)),
        (source(platform="reddit"), post("reddit", "t1_1abc", Kind.COMMENT)),
        (source(platform="mastodon"), post("mastodon", "11")),
        (source(platform="wechat"), post("wechat", "sogou:1", Kind.ARTICLE, url="https://weixin.sogou.com/link?url=x")),
        (source(platform="wechat"), post("wechat", "x", url="https://mp.weixin.qq.com/s?timestamp=1&signature=a")),
        (source(platform="xiaohongshu", **COOKIE),
         post("xiaohongshu", "6a3500000000000000000001", url="https://www.xiaohongshu.com/explore/6a3500000000000000000001")),
        (source(platform="feed", url="https://a.cn/x", transport="official"), post("web", "g", url="https://a.cn/1")),
        (source(platform="feed", url="https://a.cn/x"), post("web", "guid-without-link")),
    ],
)  # fmt: skip
def test_a_road_that_cannot_show_single_posts_asks_nothing(own: SourceSettings, again: Post) -> None:
    assert asked(own, again) == ""


@pytest.mark.parametrize("name", sorted(platform_specs()))
def test_no_platform_asks_for_the_posts_of_another(name: str) -> None:
    platform = build_platform(name)
    stranger = post("elsewhere", "5311901742083001", url="https://elsewhere.example/1")
    for more in ({}, COOKIE, OFFICIAL):
        assert platform.reread(source(platform=name, url="https://a.cn/x", **more), stranger) is None


def read_again(own: SourceSettings, again: Post, body: object, status: int = 200) -> tuple[F, list[str]]:
    fetch = build_platform(own.platform, own.options).reread(own, again)
    assert isinstance(fetch, Fetch)
    text = body if isinstance(body, str) else json.dumps(body)
    parsed = parse(fetch.endpoint, text, url=fetch.url, status=status, context=dict(fetch.context))
    return parsed.outcome, [each.native_id for each in parsed.posts]


def topic(**more: object) -> dict[str, object]:
    return {"id": 7, "title": "题", "content": "云杉咖啡", "replies": 4, "created": 1781925630, **more}


@pytest.mark.parametrize(
    ("body", "status", "outcome"),
    [
        ([topic()], 200, F.OK),
        ([topic(deleted=1)], 200, F.GONE),
        ([], 200, F.GONE),
        ({"status": "error", "message": "Object Not Found"}, 404, F.GONE),
        ("<title>Just a moment...</title>", 403, F.JS_CHALLENGE),
    ],
)
def test_a_topic_of_v2ex_is_there_or_gone(body: object, status: int, outcome: F) -> None:
    found, posts = read_again(source(platform="v2ex"), post("v2ex", "7"), body, status)
    assert (found, posts) == (outcome, ["7"] if outcome is F.OK else [])


def test_a_story_that_the_index_has_no_more_is_gone_and_an_empty_search_is_not() -> None:
    own, story = source(platform="hackernews"), post("hackernews", "41")
    hit = {
        "objectID": "41",
        "title": "Spruce",
        "points": 9,
        "num_comments": 3,
        "_tags": ["story"],
        "created_at_i": 1781925630,
    }
    assert read_again(own, story, {"hits": [hit], "page": 0, "nbPages": 1}) == (F.OK, ["41"])
    assert read_again(own, story, {"hits": [], "page": 0, "nbPages": 0}) == (F.GONE, [])
    words = "https://hn.algolia.com/api/v1/search_by_date?query=x&tags=(story,comment)"
    assert parse("hn.search", json.dumps({"hits": [], "page": 0, "nbPages": 0}), url=words).outcome is F.EMPTY


def atom(text: str, name: str = "t3_1abc") -> str:
    return (
        '<feed xmlns="http://www.w3.org/2005/Atom"><title>r</title>'
        f"<entry><id>{name}</id><title>Spruce</title><link href='https://www.reddit.com/r/ev/comments/1abc/x/'/>"
        f"<content type='html'>{text}</content><updated>2026-06-20T07:00:00+00:00</updated></entry></feed>"
    )


@pytest.mark.parametrize(("text", "outcome"), [("spruce coffee", F.OK), ("[removed]", F.GONE), ("[deleted]", F.GONE)])
def test_a_post_of_reddit_is_there_or_removed(text: str, outcome: F) -> None:
    found, posts = read_again(source(platform="reddit"), post("reddit", "t3_1abc"), atom(text))
    assert (found, posts) == (outcome, ["t3_1abc"] if outcome is F.OK else [])


def listing(**more: object) -> dict[str, object]:
    thing = {"name": "t3_1abc", "title": "Spruce", "selftext": "spruce", "permalink": "/r/ev/comments/1abc/x/",
             "created_utc": 1781925630, "score": 9, "num_comments": 4, **more}  # fmt: skip
    return {"kind": "Listing", "data": {"children": [{"kind": "t3", "data": thing}], "after": None}}


def test_the_api_of_reddit_shows_a_post_or_that_it_is_removed() -> None:
    own, again = source(platform="reddit", **OFFICIAL), post("reddit", "t3_1abc")
    assert read_again(own, again, listing()) == (F.OK, ["t3_1abc"])
    assert read_again(own, again, listing(removed_by_category="moderator")) == (F.GONE, [])
    assert read_again(own, again, {"kind": "Listing", "data": {"children": []}}) == (F.GONE, [])
    nothing = json.dumps({"kind": "Listing", "data": {"children": []}})
    assert parse("reddit.oauth_search", nothing, url="https://oauth.reddit.com/search?q=x").outcome is F.EMPTY


def test_version_2_of_v2ex_shows_a_topic_or_that_it_is_gone() -> None:
    own, again = source(platform="v2ex", **OFFICIAL), post("v2ex", "7")
    assert read_again(own, again, {"success": True, "result": topic()}) == (F.OK, ["7"])
    assert read_again(own, again, {"success": False, "message": "Object Not Found"}, 404) == (F.GONE, [])
    assert read_again(own, again, {"success": False, "message": "Invalid token"}, 401)[0] is F.AUTH_FAILED


def test_a_removed_post_among_others_of_reddit_is_passed_over() -> None:
    assert parse("reddit.rss", atom("[removed]"), url="https://www.reddit.com/search.rss?q=x").outcome is F.EMPTY


@pytest.mark.parametrize(
    ("title", "status", "outcome"),
    [
        ("云杉咖啡门店停业 - 某报", 200, F.OK),
        ("页面不存在怎么办：一份指南", 200, F.OK),
        ("云杉咖啡：404 号门店", 200, F.OK),
        ("", 200, F.OK),
        ("404 Not Found", 200, F.GONE),
        ("抱歉，您访问的页面不存在 - 某报", 200, F.GONE),
        ("文章已删除", 200, F.GONE),
        ("百度安全验证", 200, F.CAPTCHA),
        ("用户登录 - 某报", 200, F.LOGIN_REQUIRED),
        ("云杉咖啡", 404, F.GONE),
        ("云杉咖啡", 410, F.GONE),
        ("云杉咖啡", 403, F.BLOCKED),
        ("云杉咖啡", 503, F.ERROR),
    ],
)
def test_the_page_behind_an_entry_stands_or_is_gone(title: str, status: int, outcome: F) -> None:
    own = source(platform="feed", url="https://a.cn/feed")
    again = post("web", "g", Kind.ARTICLE, url="https://a.cn/1")
    found, posts = read_again(own, again, f"<html><head><title>{title}</title></head><body>文</body></html>", status)
    assert (found, posts) == (outcome, ["https://a.cn/1"] if outcome is F.OK else [])


def test_an_empty_answer_says_nothing_of_a_page() -> None:
    own = source(platform="feed", url="https://a.cn/feed")
    assert read_again(own, post("web", "g", url="https://a.cn/1"), "")[0] is F.PARSE_ERROR


def test_a_deleted_video_and_status_are_gone() -> None:
    video = post("bilibili", "BV1xx411c7mD", Kind.VIDEO)
    assert read_again(source(platform="bilibili"), video, {"code": 62002, "message": "稿件不可见"}) == (F.GONE, [])
    status = post("weibo", "5311901742083001")
    gone = {"ok": 0, "message": "该微博不存在"}
    assert read_again(source(platform="weibo", **COOKIE), status, gone) == (F.GONE, [])
    wall = {"ok": -100, "url": "https://passport.weibo.com/sso/signin"}
    assert read_again(source(platform="weibo", **COOKIE), status, wall)[0] is F.LOGIN_REQUIRED
