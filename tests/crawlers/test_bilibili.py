import json
from datetime import datetime
from typing import Any

import pytest

from crawlers.errors import SourceError
from crawlers.platforms import build_platform
from crawlers.platforms.bilibili import BilibiliPage, BilibiliSettings
from domain.mention import Kind, Precision
from domain.moment import SHANGHAI
from domain.outcome import Drop
from domain.outcome import FetchOutcome as F
from tests.crawlers.pages import NOW, parse, source

SEARCH = "https://api.bilibili.com/x/web-interface/wbi/search/type?search_type={}&keyword=x&page=1"


def video(**more: Any) -> dict[str, Any]:
    return {
        "type": "video", "aid": 12, "bvid": "BV1aa411c7mD", "author": "甲", "mid": 7, "title": "题", "description": "-",
        "play": "--", "video_review": 3, "review": "1.2万", "favorites": 0, "tag": "", "pubdate": 1798732799, **more,
    }  # fmt: skip


def article(**more: Any) -> dict[str, Any]:
    return {
        "type": "article", "id": 345, "mid": 7, "title": "<em class=\"keyword\">鹿鸣</em>茶饮", "desc": "文", "view": 9,
        "like": 2, "reply": 1, "pub_time": 1798732800, **more,
    }  # fmt: skip


def found(*result: Any, **more: Any) -> str:
    data = {"page": 1, "pagesize": 42, "numResults": 500, "numPages": 12, "result": list(result), **more}
    return json.dumps({"code": 0, "data": data})


def comment(rpid: int, **more: Any) -> dict[str, Any]:
    return {
        "rpid": rpid, "oid": 99, "type": 1, "root": 0, "parent": 0, "rcount": 2, "like": 5, "ctime": 1781915400,
        "member": {"mid": "7", "uname": "甲", "official_verify": {"type": -1}}, "content": {"message": "评"}, **more,
    }  # fmt: skip


def replies(*comments: Any, **more: Any) -> str:
    return json.dumps({"code": 0, "data": {"cursor": {"is_end": True, "next": 0}, "replies": list(comments), **more}})


@pytest.mark.parametrize(
    ("endpoint", "body", "http", "outcome"),
    [
        ("bilibili.search", '{"code":-352,"message":"风控校验失败"}', 200, F.CAPTCHA),
        ("bilibili.search", '{"code":"-352"}', 412, F.CAPTCHA),
        ("bilibili.reply", '{"code":0,"data":{"v_voucher":"v"}}', 200, F.CAPTCHA),
        ("bilibili.view", '{"code":0,"data":{"v_voucher":"v"}}', 200, F.CAPTCHA),
        ("bilibili.search", '{"code":-412,"message":"请求被拦截"}', 200, F.IP_BLOCKED),
        ("bilibili.search", "<html>", 412, F.IP_BLOCKED),
        ("bilibili.search", "<html>由于触发哔哩哔哩安全风控策略，该次访问请求被拒绝。</html>", 200, F.IP_BLOCKED),
        ("bilibili.search", "<html>请输入验证码</html>", 200, F.CAPTCHA),
        ("bilibili.search", '{"code":-101,"message":"账号未登录"}', 200, F.LOGIN_REQUIRED),
        ("bilibili.search", '{"code":-799,"message":"请求过于频繁，请稍后再试"}', 200, F.RATE_LIMITED),
        ("bilibili.search", '{"code":-400,"message":"请求错误"}', 200, F.BAD_QUERY),
        ("bilibili.search", '{"code":-403,"message":"访问权限不足"}', 200, F.BLOCKED),
        ("bilibili.search", '{"code":-500}', 200, F.ERROR),
        ("bilibili.search", '{"code":0}', 429, F.RATE_LIMITED),
        ("bilibili.search", '{"code":0,"data":{}}', 200, F.SCHEMA_ERROR),
        ("bilibili.search", '{"code":0,"data":{"page":1,"numResults":7}}', 200, F.SCHEMA_ERROR),
        ("bilibili.search", '{"code":0,"data":{"page":9,"numResults":7}}', 200, F.EMPTY),
        ("bilibili.search", found(), 200, F.EMPTY),
        ("bilibili.search", found({"type": "bili_user", "mid": 1}), 200, F.EMPTY),
        ("bilibili.search", found({"type": "video"}), 200, F.SCHEMA_ERROR),
        ("bilibili.search", "[]", 200, F.SCHEMA_ERROR),
        ("bilibili.search", "", 200, F.PARSE_ERROR),
        ("bilibili.view", '{"code":-404,"message":"啥都木有"}', 200, F.GONE),
        ("bilibili.view", '{"code":62004,"message":"稿件审核中"}', 200, F.GONE),
        ("bilibili.view", '{"code":0,"data":{"title":"题"}}', 200, F.SCHEMA_ERROR),
        ("bilibili.view", "", 404, F.GONE),
        ("bilibili.reply", '{"code":12061,"message":"UP主已关闭评论区"}', 200, F.COMMENTS_CLOSED),
        ("bilibili.reply", '{"code":0,"data":{"cursor":{"is_end":true},"replies":null}}', 200, F.EMPTY),
        ("bilibili.reply", replies(comment(1, invisible=True)), 200, F.EMPTY),
        ("bilibili.reply", replies({"like": 1}), 200, F.SCHEMA_ERROR),
        ("bilibili.reply", '{"code":0,"data":{"x":1}}', 200, F.SCHEMA_ERROR),
        ("bilibili.danmaku", '{"code":-352,"data":{"v_voucher":"v"}}', 200, F.CAPTCHA),
        ("bilibili.danmaku", '{"code":0}', 200, F.SCHEMA_ERROR),
        ("bilibili.danmaku", "<i><chatid>1</chatid></i>", 200, F.EMPTY),
        ("bilibili.danmaku", "<i><d p='1'>x</d></i>", 200, F.SCHEMA_ERROR),
        ("bilibili.danmaku", "\n\x0f\x08\x80", 200, F.PARSE_ERROR),
        ("bilibili.danmaku", "<i></i>", 403, F.BLOCKED),
        ("bilibili.nav", '{"code":-101,"data":{"isLogin":false}}', 200, F.LOGIN_REQUIRED),
        ("bilibili.nav", '{"code":-101,"data":{"wbi_img":{"img_url":"x"}}}', 200, F.SCHEMA_ERROR),
        ("bilibili.hot", '{"code":0,"list":[]}', 200, F.EMPTY),
        ("bilibili.hot", '{"code":0,"list":[{}]}', 200, F.SCHEMA_ERROR),
        ("bilibili.hot", '{"code":0}', 200, F.SCHEMA_ERROR),
        ("bilibili.popular", '{"code":0,"data":{"list":[]}}', 200, F.EMPTY),
        ("bilibili.popular", '{"code":0,"data":{}}', 200, F.SCHEMA_ERROR),
        ("bilibili.any", '{"code":0}', 200, F.SCHEMA_ERROR),
        ("bilibili.other", "{}", 200, F.ERROR),
        ("bilibili.search", "[" * 20_000, 200, F.PARSE_ERROR),
    ],
)
def test_walls_errors_and_empty_answers_are_told_apart(endpoint: str, body: str, http: int, outcome: F) -> None:
    parsed = parse(endpoint, body, status=http, url=SEARCH.format("video"))
    assert parsed.outcome is outcome
    assert not parsed.posts
    assert not parsed.trends


def test_groups_of_the_whole_search_give_videos_and_articles() -> None:
    groups = (
        {"result_type": "tips", "data": [{"x": 1}]},
        {"result_type": "bili_user", "data": [{"type": "bili_user", "mid": 1, "uname": "鹿鸣茶饮"}]},
        {"result_type": "video", "data": [video(), video(title="又"), {"type": "video"}]},
        {"result_type": "article", "data": [article(type=None)]},
        {"result_type": "video", "data": None},
    )
    parsed = parse("bilibili.search", found(*groups), url="https://api.bilibili.com/x/web-interface/wbi/search/all/v2")
    assert [(post.native_id, post.kind) for post in parsed.posts] == [
        ("BV1aa411c7mD", Kind.VIDEO),
        ("cv345", Kind.ARTICLE),
    ]
    assert dict(parsed.drops) == {Drop.DUPLICATE_IN_BATCH: 1, Drop.NO_ID: 1}
    assert dict(parsed.next) == {"page": 2}


def test_article_has_no_name_of_its_author() -> None:
    (post,) = parse("bilibili.search", found(article(type="")), url=SEARCH.format("article")).posts
    assert (post.title, post.text, post.url) == ("鹿鸣茶饮", "鹿鸣茶饮\n文", "https://www.bilibili.com/read/cv345")
    assert (post.author.name, post.author.id) == (None, "7")
    assert (post.engagement.views, post.engagement.likes, post.engagement.comments) == (9, 2, 1)
    assert post.published_at == datetime(2027, 1, 1, tzinfo=SHANGHAI)


def test_counters_tell_zero_from_unknown() -> None:
    (post,) = parse("bilibili.search", found(video())).posts
    assert (post.engagement.views, post.engagement.favourites, post.engagement.likes) == (None, 0, None)
    assert (post.engagement.comments, post.engagement.approx) == (12_000, frozenset({"comments"}))
    assert dict(post.extra_counters) == {"danmaku": 3}


def test_last_second_of_the_year_stays_in_it() -> None:
    (post,) = parse("bilibili.search", found(video()), now=datetime(2027, 1, 1, 0, 20, tzinfo=SHANGHAI)).posts
    assert post.published_at == datetime(2026, 12, 31, 23, 59, 59, tzinfo=SHANGHAI)
    assert post.published_precision is Precision.SECOND


@pytest.mark.parametrize(
    ("bvid", "aid", "native_id", "alternative"),
    [
        ("BV1aa411c7mD", 12, "BV1aa411c7mD", "av12"),
        ("", "12", "av12", None),
        ("../x", 12, "av12", None),
        ("BV1aa411c7mD", None, "BV1aa411c7mD", None),
    ],
)
def test_video_without_bvid_is_known_by_its_aid(bvid: str, aid: Any, native_id: str, alternative: str | None) -> None:
    (post,) = parse("bilibili.search", found(video(bvid=bvid, aid=aid))).posts
    assert (post.native_id, post.url) == (native_id, f"https://www.bilibili.com/video/{native_id}")
    assert dict(post.extra).get("id_alt") == alternative


def test_text_is_title_and_description() -> None:
    shown = video(
        title="A &amp; <em class='keyword'>B</em>", description="见 #新品# @鹿鸣官方 &lt;3", tag="茶, 茶,,测评"
    )
    (post,) = parse("bilibili.search", found(shown)).posts
    assert post.text == "A & B\n见 #新品# @鹿鸣官方 <3"
    assert (post.tags, post.at_users) == (("茶", "测评", "新品"), ("鹿鸣官方",))


def test_description_of_a_video_page_is_plain_text() -> None:
    body = {"code": 0, "data": {"bvid": "BV1aa411c7mD", "title": "<题>", "desc": "a<b>c", "stat": {"view": -1}}}
    (post,) = parse("bilibili.view", json.dumps(body)).posts
    assert (post.title, post.text) == ("<题>", "<题>\na<b>c")
    assert (post.engagement.views, post.author.id) == (None, None)


def test_pages_end_with_the_last_one_and_with_the_fiftieth() -> None:
    assert dict(parse("bilibili.search", found(video(), page=11)).next) == {"page": 12}
    assert parse("bilibili.search", found(video(), page=12)).next == ()
    assert parse("bilibili.search", found(video(), page=50, numPages=90)).next == ()
    assert parse("bilibili.search", found(video(), numPages=None)).next == ()


def test_answers_to_a_comment_know_their_thread() -> None:
    inner = comment(3, root=1, parent=2, content={"message": "回复 @乙 :见 @丙 [doge]"})
    body = replies(comment(1, replies=[comment(2, root=1, parent=1, invisible=True), inner]))
    first, second = parse("bilibili.reply", body, url="https://api.bilibili.com/x/v2/reply/wbi/main?oid=99").posts
    assert (first.parent_id, first.root_id, first.engagement.comments) == ("99", None, 2)
    assert (second.parent_id, second.root_id, second.at_users) == ("2", "1", ("丙",))
    assert second.text == "回复 @乙 :见 @丙 [doge]"
    assert first.url == "https://www.bilibili.com/video/av99#reply1"


def test_names_come_from_the_platform_where_it_lists_them() -> None:
    content = {"message": "@丙 丁 来看 a@b", "at_name_to_mid": {"丙 丁": 5, "戊": 6}}
    (post,) = parse("bilibili.reply", replies(comment(1, content=content))).posts
    assert post.at_users == ("丙 丁",)


@pytest.mark.parametrize(
    ("kind", "context", "url"),
    [
        (1, {"parent_bvid": "BV1aa411c7mD"}, "https://www.bilibili.com/video/BV1aa411c7mD#reply1"),
        (1, {"parent_url": "https://www.bilibili.com/video/BV2"}, "https://www.bilibili.com/video/BV2#reply1"),
        (12, {}, "https://www.bilibili.com/read/cv99#reply1"),
        (17, {}, "https://t.bilibili.com/99#reply1"),
    ],
)
def test_comment_links_to_what_it_stands_under(kind: int, context: dict[str, str], url: str) -> None:
    (post,) = parse("bilibili.reply", replies(comment(1, type=kind)), context=context).posts
    assert post.url == url


def test_pinned_comment_comes_once_and_first() -> None:
    pinned = comment(9)
    body = replies(comment(1), pinned, top={"upper": pinned, "admin": None}, top_replies=[pinned])
    parsed = parse("bilibili.reply", body)
    assert [post.native_id for post in parsed.posts] == ["9", "1"]
    assert dict(parsed.drops) == {Drop.DUPLICATE_IN_BATCH: 2}


def test_region_and_verification_of_a_commenter_are_read() -> None:
    shown = comment(1, member={"mid": "0", "uname": "甲", "official_verify": {"type": 1}},
                    mid=0, reply_control={"location": "IP属地：浙江"})  # fmt: skip
    (post,) = parse("bilibili.reply", replies(shown)).posts
    assert (post.author.region, post.author.verified, post.author.verified_type) == ("浙江", True, 1)
    assert post.author.id is None


def test_comments_go_on_until_the_end() -> None:
    assert dict(parse("bilibili.reply", replies(comment(1), cursor={"is_end": False, "next": 4})).next) == {"next": 4}
    assert parse("bilibili.reply", replies(comment(1), cursor={"is_end": True, "next": 4})).next == ()
    page = {"num": 2, "size": 20, "count": 41}
    assert dict(parse("bilibili.reply", replies(comment(1), cursor=None, page=page)).next) == {"pn": 3}


def test_danmaku_are_facts_beside_no_posts() -> None:
    page = (
        '<?xml version="1.0" encoding="UTF-8"?><i><d p="1.5,1,25,1,1798732800,0,ab,77,10">好&amp;坏\u200b</d>'
        '<d p="nan,1,25,1,?,0,cd,78,10">贵</d><d p="1,2">x</d><d p="1.5,1,25,1,1,0,ab,79,1"> </d></i>'
    )
    parsed = parse("bilibili.danmaku", page)
    assert parsed.posts == ()
    assert dict(parsed.extras)["danmaku"] == [
        {"id": "77", "offset_s": 1.5, "text": "好&坏", "at": "2027-01-01T00:00:00+08:00", "user_hash": "ab"},
        {"id": "78", "offset_s": None, "text": "贵", "at": None, "user_hash": "cd"},
    ]


def test_hot_words_are_numbered_and_paid_ones_are_marked() -> None:
    words = [
        {"keyword": "鹿鸣", "show_name": "鹿鸣 新品", "heat_score": "--", "pos": 4, "stat_datas": {"is_commercial": 1}},
        {"keyword": ""},
        {"keyword": "澜舟&汽车"},
    ]
    first, second = parse("bilibili.hot", json.dumps({"code": 0, "list": words})).trends
    assert (first.rank, first.title, first.hot, first.is_ad) == (1, "鹿鸣 新品", None, True)
    assert first.url == "https://search.bilibili.com/all?keyword=%E9%B9%BF%E9%B8%A3"
    assert (second.rank, second.title, second.is_ad) == (2, "澜舟&汽车", False)
    assert second.url == "https://search.bilibili.com/all?keyword=%E6%BE%9C%E8%88%9F%26%E6%B1%BD%E8%BD%A6"


def test_answer_of_unknown_kind_is_known_by_what_it_holds() -> None:
    assert parse("bilibili.any", found(video())).posts[0].kind is Kind.VIDEO
    assert parse("bilibili.any", replies(comment(1))).posts[0].kind is Kind.COMMENT
    assert parse("bilibili.any", json.dumps({"code": 0, "list": [{"keyword": "鹿鸣"}]})).trends[0].title == "鹿鸣"


def test_open_source_reads_the_list_that_the_settings_name() -> None:
    (hot,) = build_platform("bilibili").start(source(platform="bilibili"), NOW)
    assert (hot.endpoint, hot.url) == ("bilibili.hot", "https://s.search.bilibili.com/main/hotword?limit=30")
    bilibili = BilibiliPage(BilibiliSettings(board="popular"))
    (popular,) = bilibili.start(source(platform="bilibili"), NOW)
    shown = {"aid": 12, "bvid": "BV1aa411c7mD", "title": "题", "desc": "-", "stat": {"coin": 4, "share": 2}}
    body = json.dumps({"code": 0, "data": {"list": [shown], "no_more": False}})
    parsed = parse("bilibili.popular", body, url=popular.url)
    assert (parsed.posts[0].engagement.shares, dict(parsed.posts[0].extra_counters)["coins"]) == (2, 4)
    step = bilibili.following(popular, parsed)
    assert step is not None
    assert (step.url, step.page) == ("https://api.bilibili.com/x/web-interface/popular?ps=20&pn=2", 2)
    assert bilibili.following(hot, parse("bilibili.hot", '{"code":0,"list":[]}')) is None
    assert bilibili.detail(source(platform="bilibili"), parsed.posts[0]) is None


def test_words_and_other_transports_are_refused_with_what_works_instead() -> None:
    bilibili = build_platform("bilibili")
    with pytest.raises(SourceError, match="RSSHub's /bilibili/vsearch"):
        bilibili.start(source(platform="bilibili", query=("鹿鸣茶饮",)), NOW)
    with pytest.raises(SourceError, match="no transport 'cookie'"):
        bilibili.start(source(platform="bilibili", transport="cookie"), NOW)
