import json
from datetime import datetime
from typing import Any

import pytest

from crawlers.base import Response
from crawlers.errors import SourceError
from crawlers.platforms import build_platform
from crawlers.platforms._native import native_of
from crawlers.platforms._websearch import read_qianfan
from crawlers.platforms.websearch import WebsearchSettings
from domain.mention import Kind, Precision
from domain.moment import SHANGHAI
from domain.outcome import Drop
from domain.outcome import FetchOutcome as F
from domain.secret import Secret
from tests.crawlers.pages import NOW, parse, source


def result(**more: Any) -> dict[str, Any]:
    return {"title": "题", "content": "文", "link": "https://n.cn/1", "media": "某报", "publish_date": "", **more}


def answer(*results: Any) -> str:
    return json.dumps({"id": "1", "search_result": list(results)})


def reference(**more: Any) -> dict[str, Any]:
    return {"id": 1, "title": "题", "content": "文", "url": "https://n.cn/1", "website": "某报", "type": "web", **more}


def references(*found: Any, **more: Any) -> str:
    return json.dumps({"request_id": "1", "references": list(found), **more})


def refusal(code: str, message: str) -> str:
    return json.dumps({"error": {"code": code, "message": message}}, ensure_ascii=False)


@pytest.mark.parametrize(
    ("link", "platform", "native_id", "kind", "url"),
    [
        ("https://weibo.com/7900010001/R4ZCm8JSK?refer_flag=1", "weibo", "5311901742082998", Kind.POST,
         "https://weibo.com/7900010001/R4ZCm8JSK"),
        ("https://m.weibo.cn/status/5311901742082998", "weibo", "5311901742082998", Kind.POST,
         "https://m.weibo.cn/status/R4ZCm8JSK"),
        ("https://m.weibo.cn/detail/R4ZCm8JSK", "weibo", "5311901742082998", Kind.POST,
         "https://m.weibo.cn/status/R4ZCm8JSK"),
        ("https://weibo.com/7900010001/profile", "weibo", None, Kind.POST, "https://weibo.com/7900010001/profile"),
        ("http://mp.weixin.qq.com/s?__biz=MzA%3D%3D&mid=22&idx=1&sn=ab&chksm=c&scene=27#rd", "wechat", "MzA==:22:1",
         Kind.ARTICLE, "https://mp.weixin.qq.com/s?__biz=MzA==&mid=22&idx=1&sn=ab"),
        ("https://mp.weixin.qq.com/s/abcdefghijklmnopqrstuv", "wechat", None, Kind.ARTICLE,
         "https://mp.weixin.qq.com/s/abcdefghijklmnopqrstuv"),
        ("https://www.zhihu.com/question/62/answer/19?utm_psn=1", "zhihu", "answer:19", Kind.POST,
         "https://www.zhihu.com/question/62/answer/19"),
        ("https://www.zhihu.com/question/62", "zhihu", "question:62", Kind.POST, "https://www.zhihu.com/question/62"),
        ("http://zhuanlan.zhihu.com/p/70", "zhihu", "article:70", Kind.ARTICLE, "https://zhuanlan.zhihu.com/p/70"),
        ("https://www.zhihu.com/tardis/zm/art/70", "zhihu", "article:70", Kind.ARTICLE,
         "https://zhuanlan.zhihu.com/p/70"),
        ("https://www.zhihu.com/topic/5", "zhihu", None, Kind.ARTICLE, "https://www.zhihu.com/topic/5"),
        ("https://m.bilibili.com/video/BV1sVbJ5i4Xy/?vd_source=1", "bilibili", "BV1sVbJ5i4Xy", Kind.VIDEO,
         "https://www.bilibili.com/video/BV1sVbJ5i4Xy"),
        ("https://www.bilibili.com/video/av170001", "bilibili", "av170001", Kind.VIDEO,
         "https://www.bilibili.com/video/av170001"),
        ("https://www.bilibili.com/read/cv123", "bilibili", "cv123", Kind.ARTICLE,
         "https://www.bilibili.com/read/cv123"),
        ("https://www.douyin.com/note/7653059635549394849", "douyin", "7653059635549394849", Kind.POST,
         "https://www.douyin.com/note/7653059635549394849"),
        ("https://www.iesdouyin.com/share/video/7653059635549394849/", "douyin", "7653059635549394849", Kind.VIDEO,
         "https://www.douyin.com/video/7653059635549394849"),
        ("https://www.kuaishou.com/short-video/3xabc123", "kuaishou", "3xabc123", Kind.VIDEO,
         "https://www.kuaishou.com/short-video/3xabc123"),
        ("https://www.xiaohongshu.com/discovery/item/6a3640102c5ae32695a5d5f9?xsec_token=A%3D&x=1", "xiaohongshu",
         "6a3640102c5ae32695a5d5f9", Kind.POST,
         "https://www.xiaohongshu.com/explore/6a3640102c5ae32695a5d5f9?xsec_token=A%3D"),
        ("https://tieba.baidu.com/p/10600000002?pid=153&cid=0#153", "tieba", "10600000002:153", Kind.POST,
         "https://tieba.baidu.com/p/10600000002?pid=153&cid=0#153"),
        ("https://tieba.baidu.com/p/10600000002", "tieba", "10600000002", Kind.POST,
         "https://tieba.baidu.com/p/10600000002"),
        ("https://m.toutiao.com/i7653332792814703085/", "toutiao", "7653332792814703085", Kind.ARTICLE,
         "https://www.toutiao.com/article/7653332792814703085/"),
        ("https://www.toutiao.com/w/7653332792814703085/", "toutiao", "7653332792814703085", Kind.POST,
         "https://www.toutiao.com/w/7653332792814703085/"),
        ("https://tousu.sina.com.cn/complaint/view/17389000001/", "heimao", "17389000001", Kind.POST,
         "https://tousu.sina.com.cn/complaint/view/17389000001/"),
        ("https://www.v2ex.com/t/1190001#reply3", "v2ex", "1190001", Kind.POST, "https://www.v2ex.com/t/1190001"),
        ("https://news.ycombinator.com/item?id=44", "hackernews", "44", Kind.POST,
         "https://news.ycombinator.com/item?id=44"),
        ("https://www.reddit.com/r/cars/comments/1fix001/x/", "reddit", "t3_1fix001", Kind.POST,
         "https://www.reddit.com/r/cars/comments/1fix001/x/"),
    ],
)  # fmt: skip
def test_link_tells_platform_and_native_id(
    link: str, platform: str, native_id: str | None, kind: Kind, url: str
) -> None:
    native = native_of(link)
    assert native is not None
    assert (native.platform, native.native_id, native.kind, native.url) == (platform, native_id, kind, url)


@pytest.mark.parametrize(
    "link",
    [
        "",
        "ftp://weibo.com/1",
        "https://n.cn/1",
        "https://weibo.com.evil.cn/1/R4ZCm8JSK",
        "https://s.weibo.com/weibo?q=1",
        "https://news.ycombinator.com/",
        "http://[::1",
    ],
)
def test_other_links_are_open_web(link: str) -> None:
    assert native_of(link) is None


def test_result_of_the_open_web_is_known_by_its_link() -> None:
    (post,) = parse(
        "websearch.zhipu", answer(result(link="https://n.cn/1?utm_source=a#x", title="<em>云杉</em>咖啡"))
    ).posts
    assert (post.platform, post.native_id, post.url) == ("web", "https://n.cn/1", "https://n.cn/1")
    assert (post.title, post.outlet, post.author.name, post.extra) == ("云杉咖啡", "某报", "某报", ())
    assert post.raw_url == "https://n.cn/1?utm_source=a#x"


def test_snippet_that_ends_in_dots_is_truncated() -> None:
    first, second = parse("websearch.zhipu", answer(result(content="文…"), result(link="https://n.cn/2"))).posts
    assert (first.truncated, second.truncated) == (True, False)


def test_link_that_expires_is_known_by_account_and_title() -> None:
    link = "http://mp.weixin.qq.com/s?src=3&timestamp=1781940000&ver=1&signature=VqOGyFIXTURE*two-xyz="
    found = result(link=link, media="沪上商业笔记", title="咖啡赛道半年报,云杉咖啡掉队了?")
    (post,) = parse("websearch.zhipu", answer(found)).posts
    assert (post.platform, post.native_id) == ("wechat", "sogou:b9082e5f607fc5cb")


@pytest.mark.parametrize(
    ("printed", "local", "precision"),
    [
        ("2026-12-31", "2026-12-31 00:00", Precision.DAY),
        ("2026-12-31 23:05:00", "2026-12-31 23:05", Precision.SECOND),
        ("12月31日", "2026-12-31 00:00", Precision.DAY),
        ("昨天", "2026-12-31 00:00", Precision.DAY),
        ("3小时前", "2026-12-31 21:20", Precision.HOUR),
        ("", None, None),
        (None, None, None),
    ],
)
def test_dates_on_new_years_night_are_of_the_old_year(
    printed: str | None, local: str | None, precision: Precision | None
) -> None:
    night = datetime(2027, 1, 1, 0, 20, tzinfo=SHANGHAI)
    for endpoint, body in (
        ("websearch.zhipu", answer(result(publish_date=printed))),
        ("websearch.qianfan", references(reference(date=printed))),
    ):
        (post,) = parse(endpoint, body, now=night).posts
        at = post.published_at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M") if post.published_at else None
        assert (at, post.published_precision) == (local, precision)


def test_same_post_under_two_links_comes_once() -> None:
    links = (
        "https://www.bilibili.com/video/BV1sVbJ5i4Xy",
        "https://m.bilibili.com/video/BV1sVbJ5i4Xy?p=1",
        "javascript:x",
    )
    parsed = parse("websearch.zhipu", answer(*(result(link=link) for link in links), "no object"))
    assert [post.native_id for post in parsed.posts] == ["BV1sVbJ5i4Xy"]
    assert dict(parsed.drops) == {Drop.DUPLICATE_IN_BATCH: 1, Drop.NO_ID: 1, Drop.UNREADABLE: 1}


def test_video_and_picture_results_of_qianfan() -> None:
    body = references(reference(type="video"), reference(type="image", url="https://n.cn/2.jpg"))
    parsed = parse("websearch.qianfan", body)
    assert [(post.kind, post.outlet) for post in parsed.posts] == [(Kind.VIDEO, "某报")]
    assert dict(parsed.drops) == {Drop.NO_TEXT: 1}


@pytest.mark.parametrize(
    ("endpoint", "body", "http", "outcome"),
    [
        ("zhipu", answer(), 200, F.EMPTY),
        ("zhipu", '{"search_result": null}', 200, F.EMPTY),
        ("zhipu", '{"search_result": 3}', 200, F.SCHEMA_ERROR),
        ("zhipu", "{}", 200, F.SCHEMA_ERROR),
        ("zhipu", answer({"title": "x"}, 3), 200, F.SCHEMA_ERROR),
        ("zhipu", "[]", 200, F.SCHEMA_ERROR),
        ("zhipu", "<html>", 200, F.PARSE_ERROR),
        ("zhipu", "", 200, F.PARSE_ERROR),
        ("zhipu", "<html>", 502, F.ERROR),
        ("zhipu", answer(result()), 500, F.ERROR),
        ("zhipu", refusal("1001", "Header中未收到Authentication参数，无法进行身份验证"), 401, F.AUTH_REQUIRED),
        ("zhipu", refusal("1002", "Authentication Token非法"), 401, F.AUTH_FAILED),
        ("zhipu", refusal("1113", "您的账户已欠费，请充值后重试"), 400, F.ACCOUNT_RESTRICTED),
        ("zhipu", refusal("1210", "API 调用参数有误"), 400, F.BAD_QUERY),
        ("zhipu", refusal("1302", "并发过高"), 429, F.RATE_LIMITED),
        ("zhipu", refusal("1701", "网络搜索并发已达上限"), 200, F.RATE_LIMITED),
        ("zhipu", refusal("9999", "?"), 200, F.ERROR),
        ("qianfan", references(), 200, F.EMPTY),
        ("qianfan", references(reference(type="image")), 200, F.EMPTY),
        ("qianfan", '{"request_id":"1"}', 200, F.SCHEMA_ERROR),
        ("qianfan", references(code="216003", message="Authentication error, please check your apikey"), 200,
         F.AUTH_FAILED),
        ("qianfan", '{"code":"invalid_argument","message":"search_filter is wrong"}', 400, F.BAD_QUERY),
        ("qianfan", refusal("rpm_rate_limit_exceeded", "Rate limit reached for RPM"), 403, F.RATE_LIMITED),
        ("qianfan", '{"error_code":18,"error_msg":"Open api qps request limit reached"}', 200, F.RATE_LIMITED),
        ("qianfan", refusal("invalid_iam_token", "IAM authentication failed"), 401, F.AUTH_FAILED),
        ("qianfan", '{"code":"x"}', 403, F.BLOCKED),
        ("other", "{}", 200, F.ERROR),
    ],
)  # fmt: skip
def test_refused_empty_and_strange_answers_are_told_apart(endpoint: str, body: str, http: int, outcome: F) -> None:
    parsed = parse(f"websearch.{endpoint}", body, status=http)
    assert parsed.outcome is outcome
    assert parsed.posts == ()


def test_results_beside_a_code_are_still_results() -> None:
    body = references(reference(), code="0", message="")
    answered = Response(url="https://qianfan.baidubce.com/v2/ai_search/web_search", body=body.encode(), now=NOW)
    assert read_qianfan(answered).outcome is F.OK


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        (WebsearchSettings(), {"search_engine": "search_std", "search_recency_filter": "oneWeek", "count": 50}),
        (WebsearchSettings(engine="zhipu_sogou", sites=("mp.weixin.qq.com",), within="day"),
         {"search_engine": "search_pro_sogou", "search_recency_filter": "oneDay",
          "search_domain_filter": "mp.weixin.qq.com"}),
        (WebsearchSettings(engine="qianfan", sites=("zhihu.com",), within="day"),
         {"search_recency_filter": "week", "search_filter": {"match": {"site": ["zhihu.com"]}}}),
    ],
)  # fmt: skip
def test_a_search_with_a_key_names_words_site_and_time(options: WebsearchSettings, asked: dict[str, Any]) -> None:
    own = source(platform="websearch", transport="official", token=Secret("k"), query=("云杉咖啡",))
    (fetch,) = build_platform("websearch", options).start(own, NOW)
    body = json.loads(fetch.body)
    assert {name: body[name] for name in asked} == asked
    assert "云杉咖啡" in fetch.body and "k" not in fetch.url
    assert fetch.endpoint == ("websearch.qianfan" if options.engine == "qianfan" else "websearch.zhipu")


@pytest.mark.parametrize(
    ("more", "why"),
    [({}, "needs `transport: official`"), ({"transport": "official"}, "API key"),
     ({"transport": "official", "token": Secret("k"), "query": ("云" * 71,)}, "at most 70 characters")],
)  # fmt: skip
def test_a_search_without_a_key_or_with_too_many_words_is_refused(more: dict[str, Any], why: str) -> None:
    with pytest.raises(SourceError, match=why):
        build_platform("websearch").start(source(platform="websearch", **{"query": ("云杉",), **more}), NOW)
