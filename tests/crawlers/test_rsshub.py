import json
from datetime import datetime
from typing import Any

import pytest

from crawlers.errors import SourceError
from crawlers.platforms import build_platform
from crawlers.platforms.rsshub import RsshubPage, RsshubSettings
from domain.mention import Kind, Precision
from domain.moment import SHANGHAI
from domain.outcome import Drop
from domain.outcome import FetchOutcome as F
from tests.crawlers.pages import NOW, parse, source

STATUS = "https://weibo.com/7900010001/R4ZCm8JSK"
AUTHOR = '<a href="https://weibo.com/7900010001" target="_blank">甲</a>:&ensp;'
ERROR_PAGE = "<!DOCTYPE html><html><head><title>Welcome to RSSHub!</title></head><body><h1>Looks like something went wrong</h1><p>Error Message:<br/><code>{}</code></p></body></html>"  # noqa: E501


def item(html: str = "文", url: str = STATUS, **more: Any) -> dict[str, Any]:
    return {"id": url, "url": url, "title": "题", "content_html": html, "authors": [{"name": "甲"}], **more}


def feed(*items: dict[str, Any], **more: Any) -> str:
    version = "https://jsonfeed.org/version/1.1"
    return json.dumps({"version": version, "title": "某路由", "items": list(items), **more})


def rss(*items: str) -> str:
    return f'<rss version="2.0"><channel><title>某路由</title>{"".join(items)}</channel></rss>'


def rss_item(html: str, more: str = "", url: str = STATUS) -> str:
    html = html.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return (
        f"<item><title>甲: 题</title><description>{html}</description><link>{url}</link>"
        f'<guid isPermaLink="false">{url}</guid><pubDate>Sat, 20 Jun 2026 07:12:08 GMT</pubDate>'
        f"<author>甲</author>{more}</item>"
    )


@pytest.mark.parametrize("body", [feed(item(AUTHOR + "早上<br>@乙 好")), rss(rss_item(AUTHOR + "早上<br>@乙 好"))])
def test_status_is_as_its_author_wrote_it(body: str) -> None:
    parsed = parse("rsshub.weibo_user", body)
    (post,) = parsed.posts
    assert (post.platform, post.native_id, dict(post.extra)["id_alt"]) == ("weibo", "R4ZCm8JSK", "5311901742082998")
    assert (post.text, post.title, post.at_users, post.links) == ("早上\n@乙 好", None, ("乙",), ())
    assert (post.author.name, post.author.id, post.outlet) == ("甲", "7900010001", None)
    assert dict(parsed.extras) == {"platform_of_origin": "weibo"}


def test_text_that_names_somebody_else_before_a_colon_stays() -> None:
    (post,) = parse("rsshub.any", feed(item("店员: 不退"))).posts
    assert post.text == "店员: 不退"


def test_author_is_taken_from_the_text_where_the_entry_has_none() -> None:
    (post,) = parse("rsshub.any", feed(item(AUTHOR + "文", authors=None))).posts
    assert (post.author.name, post.text) == ("甲", "文")


def test_mobile_link_and_number_are_the_same_status() -> None:
    links = ("https://m.weibo.cn/status/R4ZCm8JSK", "https://m.weibo.cn/detail/5311901742082998")
    parsed = parse("rsshub.any", feed(*(item(url=link) for link in links)))
    assert [post.native_id for post in parsed.posts] == ["R4ZCm8JSK"]
    assert dict(parsed.drops) == {Drop.DUPLICATE_IN_BATCH: 1}


def test_original_of_a_repost_is_apart() -> None:
    html = (
        f"{AUTHOR}同意//@丙:对 #甲题#<br><blockquote> - 转发 "
        '<a href="https://weibo.com/7900010003">@乙</a>:&ensp;原文 #乙题#</blockquote>'
    )
    (post,) = parse("rsshub.any", feed(item(html, tags=["甲题", "乙题"]))).posts
    assert (post.kind, post.text, post.own_text) == (Kind.REPOST, "同意//@丙:对 #甲题#", "同意")
    assert post.tags == ("甲题",)
    assert post.repost_of is not None
    assert (post.repost_of.author, post.repost_of.text, post.repost_of.available) == ("乙", "原文 #乙题#", True)


def test_readable_form_of_a_repost_has_the_link_of_its_original() -> None:
    html = (
        f'{AUTHOR}同意<br clear="both" /><div></div><blockquote><a href="https://weibo.com/7900010003">@乙</a>:&ensp;原文'
        '<br><small>原博：<a href="https://weibo.com/7900010003/R4STL09Dr">https://weibo.com/7900010003/R4STL09Dr</a>'
        "</small></blockquote>"
    )
    (post,) = parse("rsshub.any", feed(item(html))).posts
    assert (post.kind, post.text) == (Kind.REPOST, "同意")
    assert post.repost_of is not None
    assert (post.repost_of.id, post.repost_of.url) == ("R4STL09Dr", "https://weibo.com/7900010003/R4STL09Dr")
    assert (post.repost_of.author, post.repost_of.text) == ("乙", "原文")


def test_original_that_is_gone_is_not_available() -> None:
    gone = '<a href="x">@[原微博不可访问]</a>:&ensp;抱歉，此微博已被作者删除。'
    html = f"{AUTHOR}转发微博<br><blockquote> - 转发 {gone}</blockquote>"
    (post,) = parse("rsshub.any", feed(item(html))).posts
    assert post.repost_of is not None
    assert (post.repost_of.author, post.repost_of.available) == (None, False)


def test_counters_come_from_rss_where_the_route_prints_them() -> None:
    counted = "<stats><reposts_count>3</reposts_count><comments_count>1.2万</comments_count><attitudes_count>0</attitudes_count></stats>"  # noqa: E501
    first, second = parse(
        "rsshub.any", rss(rss_item("文", counted), rss_item("文", url="https://weibo.com/7900010003/R4STL09Dr"))
    ).posts
    assert (first.engagement.shares, first.engagement.comments, first.engagement.likes) == (3, 12_000, 0)
    assert (second.engagement.shares, second.engagement.likes) == (None, None)


@pytest.mark.parametrize(
    ("url", "platform", "native_id", "kind"),
    [
        ("https://www.bilibili.com/video/BV1sVbJ5i4Xy", "bilibili", "BV1sVbJ5i4Xy", Kind.VIDEO),
        ("https://www.bilibili.com/video/av170001", "bilibili", "av170001", Kind.VIDEO),
        ("https://www.zhihu.com/question/62/answer/19", "zhihu", "answer:19", Kind.POST),
        ("https://www.zhihu.com/question/62", "zhihu", "question:62", Kind.POST),
        ("https://zhuanlan.zhihu.com/p/70", "zhihu", "article:70", Kind.ARTICLE),
        ("https://mp.weixin.qq.com/s?__biz=MzA==&mid=22&idx=1&sn=ab", "wechat", "MzA==:22:1", Kind.ARTICLE),
        ("https://tieba.baidu.com/p/10600000002", "tieba", "10600000002", Kind.POST),
    ],
)
def test_entry_has_the_id_of_its_own_platform(url: str, platform: str, native_id: str, kind: Kind) -> None:
    (post,) = parse("rsshub.any", feed(item("文 #题#", url=url, tags=["类"]))).posts
    assert (post.platform, post.native_id, post.kind, post.url) == (platform, native_id, kind, url)
    assert (post.title, post.text, post.tags) == ("题", "文 #题#", ("题", "类"))


def test_open_web_stays_what_the_feed_says() -> None:
    parsed = parse("rsshub.any", feed(item(url="https://n.cn/1", id="g1"), item()))
    assert [(post.platform, post.native_id, post.outlet) for post in parsed.posts] == [
        ("web", "g1", "某路由"),
        ("weibo", "R4ZCm8JSK", None),
    ]
    assert parsed.extras == ()


def test_title_of_a_route_is_no_author_but_that_of_an_account_is() -> None:
    video = item(url="https://www.bilibili.com/video/BV1sVbJ5i4Xy", authors=None)
    article = item(url="https://mp.weixin.qq.com/s/abcdefghijklmnopqrstuv", authors=None)
    assert [post.author.name for post in parse("rsshub.any", feed(video, article)).posts] == [None, "某路由"]


def test_date_is_read_as_rfc_1123_inside_json() -> None:
    night = datetime(2027, 1, 1, 0, 20, tzinfo=SHANGHAI)
    (post,) = parse("rsshub.any", feed(item(date_published="Thu, 31 Dec 2026 15:59:59 GMT")), now=night).posts
    assert post.published_at == datetime(2026, 12, 31, 23, 59, 59, tzinfo=SHANGHAI)
    assert post.published_precision is Precision.SECOND


@pytest.mark.parametrize(
    ("body", "http", "outcome"),
    [
        (ERROR_PAGE.format("Error: this route is empty, please check the original site"), 503,
         F.EMPTY_OR_UPSTREAM_BLOCKED),
        ('{"error":{"message":"this route is empty, please check"}}', 503, F.EMPTY_OR_UPSTREAM_BLOCKED),
        ('{"error":{"message":"this route is empty, please check"}}', 200, F.EMPTY_OR_UPSTREAM_BLOCKED),
        (ERROR_PAGE.format('FetchError: [GET] "https://m.weibo.cn/api": 432'), 503, F.EMPTY_OR_UPSTREAM_BLOCKED),
        (ERROR_PAGE.format("ConfigNotFoundError: ZHIHU_COOKIES is not configured"), 503, F.AUTH_REQUIRED),
        (ERROR_PAGE.format("RejectError: Authentication failed. Access denied."), 403, F.AUTH_FAILED),
        (ERROR_PAGE.format("NotFoundError: The route does not exist"), 404, F.BAD_QUERY),
        (ERROR_PAGE.format("Error: slow down"), 429, F.RATE_LIMITED),
        ("<html><h1>503 Service Unavailable</h1></html>", 503, F.ERROR),
        ("<html><h1>403 Forbidden</h1></html>", 403, F.BLOCKED),
        ("", 503, F.ERROR),
        (feed(), 200, F.EMPTY),
        (rss(), 200, F.EMPTY),
        ("<!DOCTYPE html><html><title>Welcome to RSSHub!</title><body>The world of feeds</body></html>", 200,
         F.PARSE_ERROR),
        ("{", 200, F.PARSE_ERROR),
        ("", 200, F.PARSE_ERROR),
    ],
)  # fmt: skip
def test_error_pages_are_neither_empty_nor_read(body: str, http: int, outcome: F) -> None:
    parsed = parse("rsshub.any", body, status=http)
    assert parsed.outcome is outcome
    assert parsed.posts == ()


def test_entries_without_a_link_are_let_go() -> None:
    parsed = parse("rsshub.any", feed(item(url=""), item()))
    assert [post.native_id for post in parsed.posts] == ["R4ZCm8JSK"]
    assert dict(parsed.drops) == {Drop.NO_ID: 1}
    assert parse("rsshub.any", feed(item(url=""))).outcome is F.SCHEMA_ERROR


def test_entry_that_speaks_of_an_error_is_still_an_entry() -> None:
    said = "RSSHub: Error Message: this route is empty"
    for body in (feed(item(said)), rss(rss_item(said))):
        assert parse("rsshub.any", body).outcome is F.OK


def test_route_is_asked_for_in_one_form() -> None:
    rsshub = build_platform("rsshub")
    (plain,) = rsshub.start(source(platform="rsshub", url="http://127.0.0.1:1200/weibo/keyword/x"), NOW)
    assert (plain.endpoint, plain.url) == ("rsshub.any", "http://127.0.0.1:1200/weibo/keyword/x?format=json")
    (kept,) = rsshub.start(source(platform="rsshub", url="http://127.0.0.1:1200/a?limit=5&format=atom"), NOW)
    assert kept.url == "http://127.0.0.1:1200/a?limit=5&format=atom"
    page = RsshubPage(RsshubSettings(form="rss"))
    (counted,) = page.start(source(platform="rsshub", url="http://127.0.0.1:1200/a?limit=5"), NOW)
    assert counted.url == "http://127.0.0.1:1200/a?limit=5&format=rss"
    with pytest.raises(SourceError, match="needs `url`"):
        rsshub.start(source(platform="rsshub"), NOW)
    parsed = parse("rsshub.any", feed(item()))
    assert rsshub.following(plain, parsed) is None
    assert rsshub.detail(source(), parsed.posts[0]) is None
