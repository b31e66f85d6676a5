import json
from datetime import datetime
from typing import Any

import pytest

from crawlers.errors import SourceError
from crawlers.platforms import build_platform
from domain.mention import Kind, Precision
from domain.moment import SHANGHAI
from domain.outcome import FetchOutcome as F
from tests.crawlers.pages import NOW, parse, source


def result(title: str = "题", href: str = "/p/91?pid=15&cid=0#15", date: str = "2026-06-20 11:02") -> str:
    return (
        f"<div class='s_post'><span class='p_title'><a data-tid='91' href='{href}'>{title}</a></span>"
        "<div class='p_content'>文<em>字</em></div><a class='p_forum' href='/f?kw=x'>上海</a>"
        f"<a href='/home/main?un=%E7%94%B2&ie=utf-8'></a><font class='p_green p_date'>{date}</font></div>"
    )


def card(date: str = "发布于 06-18", href: str = "/p/106?fr=x") -> str:
    return (
        f"<div class='threadcardclass'><div class='thread-content-box'><a href='{href}'></a>"
        f"<span class='forum-name-text'>网吧吧</span><div class='top-title'><span class='forum-attention'>甲</span>"
        f"<span>{date}</span></div><div class='title-wrap'>题</div><div class='abstract-wrap'>6月1日开业</div>"
        "<a class='comment-link-zone'><span class='action-number'>1.2万</span></a></div></div>"
    )


def page(*parts: str, title: str = "贴吧搜索_云杉") -> str:
    return f"<!DOCTYPE html><html><head><title>{title}</title></head><body>{''.join(parts)}</body></html>"


def thread(*listed: dict[str, Any], **more: Any) -> str:
    body: dict[str, Any] = {
        "error_code": 0,
        "thread": {"id": 106, "title": "【杭州】题", "reply_num": "41", "create_time": 1781918100},
        "forum": {"name": "杭州"},
        "page": {"total_page": 1},
        "first_floor": {"id": 1, "author_id": 5, "content": [{"type": 0, "text": "文"}], "agree": {"agree_num": 6}},
        "post_list": list(listed),
        "user_list": [{"id": 5, "name_show": "甲", "ip_address": "浙江"}, {"name_show": "无号"}],
        **more,
    }
    return json.dumps(body)


def results(*data: dict[str, Any], **more: Any) -> str:
    cards = [{"cardInfo": "thread", "data": each} for each in data]
    return json.dumps({"no": 0, "error": "success", "data": {"card_list": cards, **more}})


def test_reply_is_a_comment_of_its_thread() -> None:
    post, reply = parse("tieba.search_html", page(result(), result("回复：题", "/p/91?pid=16&cid=0#16"))).posts
    assert (post.native_id, post.kind, post.parent_id) == ("91:15", Kind.POST, None)
    assert (reply.native_id, reply.kind, reply.parent_id) == ("91:16", Kind.COMMENT, "91")
    assert (post.text, post.author.name, dict(post.extra), post.truncated) == ("文字", "甲", {"forum": "上海"}, True)


def test_result_without_post_is_its_thread() -> None:
    (post,) = parse("tieba.search_html", page(result(href="/p/91"))).posts
    assert (post.native_id, post.url) == ("91", "https://tieba.baidu.com/p/91")
    (post,) = parse("tieba.search_html", page(result(href="javascript:x"))).posts
    assert post.native_id == "91"


@pytest.mark.parametrize(
    ("printed", "read"),
    [
        ("【上海】避雷", "避雷"),
        ("【上海吧】避雷", "避雷"),
        ("【求助】避雷", "【求助】避雷"),
        ("A &amp;amp; &lt;b&gt;", "A &amp; <b>"),
    ],
)
def test_title_goes_without_the_name_of_its_forum(printed: str, read: str) -> None:
    assert parse("tieba.search_html", page(result(printed))).posts[0].title == read


def test_page_in_gbk_is_read() -> None:
    body = page(result("云杉咖啡")).replace("<head>", "<head><meta charset='gbk'>").encode("gb18030")
    assert parse("tieba.search_html", body).posts[0].title == "云杉咖啡"


def test_new_layout_says_the_day_only() -> None:
    (post,) = parse("tieba.search_cards", page(card())).posts
    assert post.published_at == datetime(2026, 6, 18, tzinfo=SHANGHAI)
    assert post.published_precision is Precision.DAY
    assert (post.engagement.comments, post.engagement.approx) == (12_000, frozenset({"comments"}))
    assert (dict(post.extra), post.author.name) == ({"forum": "网吧"}, "甲")


def test_last_reply_is_no_time_of_publication() -> None:
    (post,) = parse("tieba.search_cards", page(card("回复于 2026-6-18"))).posts
    assert post.published_at is None


def test_day_without_year_lies_in_the_old_year_on_new_years_night() -> None:
    night = datetime(2027, 1, 1, 0, 5, tzinfo=SHANGHAI)
    (post,) = parse("tieba.search_cards", page(card("发布于 12-31")), now=night).posts
    assert post.published_at == datetime(2026, 12, 31, tzinfo=SHANGHAI)
    (post,) = parse("tieba.search_html", page(result(date="2026-12-31 23:59")), now=night).posts
    assert post.published_at == datetime(2026, 12, 31, 23, 59, tzinfo=SHANGHAI)


def test_both_layouts_are_read_under_either_name() -> None:
    for endpoint in ("tieba.search_html", "tieba.search_cards", "tieba.any"):
        posts = parse(endpoint, page(result(), card())).posts
        assert [post.native_id for post in posts] == ["91:15", "106"]


def test_thread_gives_its_first_floor_the_floors_and_what_is_said_below() -> None:
    below = {"sub_post_list": [{"id": 3, "author_id": 9, "time": 1781918500, "content": "楼中楼",
                                "author": {"name_show": "丙"}}]}  # fmt: skip
    floor = {"id": 2, "author_id": 5, "time": "1781918400", "sub_post_number": "1", "sub_post_list": below,
             "content": [{"type": "0", "text": "看 "}, {"type": 1, "text": "n.cn", "link": "https://n.cn/1"},
                         {"type": 2, "c": "滑稽"}, {"type": 3}, {"type": 5, "text": "视频"}]}  # fmt: skip
    first, second, third = parse("tieba.page_pc", thread(floor)).posts
    assert (first.native_id, first.title, first.text) == ("106", "题", "文")
    assert (first.engagement.comments, first.engagement.likes) == (41, 6)
    assert first.published_at == datetime.fromtimestamp(1781918100, SHANGHAI)
    assert (first.author.id, first.author.region) == ("5", "浙江")
    assert (second.text, second.links, second.parent_id) == ("看 n.cn[滑稽]", ("https://n.cn/1",), "106")
    assert (second.engagement.comments, second.engagement.likes) == (1, None)
    assert (third.native_id, third.parent_id, third.root_id) == ("106:3", "106:2", "106:2")
    assert (third.author.name, third.text) == ("丙", "楼中楼")


def test_first_floor_comes_once() -> None:
    inside = {"id": 1, "floor": 1, "author_id": 5, "content": [{"type": 0, "text": "文"}]}
    assert [post.native_id for post in parse("tieba.page_pc", thread(inside)).posts] == ["106"]
    assert [post.native_id for post in parse("tieba.page_pc", thread(inside, first_floor=None)).posts] == ["106"]


def test_floor_of_a_stranger_has_no_author() -> None:
    _, floor = parse("tieba.page_pc", thread({"id": 2, "content": []})).posts
    assert (floor.author.name, floor.author.id) == (None, None)


@pytest.mark.parametrize(
    ("endpoint", "url", "body", "step"),
    [
        ("tieba.page_pc", "kz=106&pn=2", thread(page={"total_page": 3}), {"pn": 3}),
        ("tieba.page_pc", "https://tieba.baidu.com/x?pn=3", thread(page={"total_page": 3}), {}),
        ("tieba.page_pc", "https://tieba.baidu.com/x", thread(page={"total_page": "3", "current_page": 1}), {"pn": 2}),
        ("tieba.multsearch", "https://tieba.baidu.com/x?pn=4", results({"tid": 1}, has_more=1), {"pn": 5}),
        ("tieba.multsearch", "https://tieba.baidu.com/x?pn=4", results({"tid": 1}, has_more=0), {}),
        ("tieba.multsearch", "http://[", results({"tid": 1}, has_more=1), {"pn": 2}),
        ("tieba.app_searchpost", "https://c.tieba.baidu.com/x",
         '{"error_code":"0","page":{"has_more":"1","current_page":"2"},"post_list":[{"tid":"1","pid":"2"}]}',
         {"pn": 3}),
        ("tieba.search_html", "https://tieba.baidu.com/x", page(result()), {}),
        ("tieba.search_html", "https://tieba.baidu.com/x",
         page(result(), "<a class='next' href='?qw=x&pn=3'>下一页</a>"), {"pn": 3}),
    ],
)  # fmt: skip
def test_next_page_follows_the_one_that_was_asked_for(endpoint: str, url: str, body: str, step: dict[str, int]) -> None:
    assert dict(parse(endpoint, body, url=url).next) == step


def test_search_of_all_forums_reads_threads_and_replies() -> None:
    found = {"tid": 1, "title": "<em>云杉</em>", "content": "很好...", "time": 1781918100, "post_num": 0,
             "like_num": "3", "user": {"show_nickname": "", "user_name": "甲"}, "forum_name": "杭州"}  # fmt: skip
    body = results(found, {"tid": "2", "pid": "8", "title": "回复:云杉"})
    post, reply = parse("tieba.multsearch", body).posts
    assert (post.title, post.author.name, post.truncated) == ("云杉", "甲", True)
    assert (post.engagement.comments, post.engagement.likes, post.engagement.views) == (0, 3, None)
    assert (reply.native_id, reply.kind, reply.parent_id) == ("2:8", Kind.COMMENT, "2")


def test_reply_below_a_floor_is_a_comment() -> None:
    body = {"error_code": "0", "post_list": [{"tid": "1", "pid": "2", "is_floor": "1", "title": "题"}]}
    (post,) = parse("tieba.app_searchpost", json.dumps(body)).posts
    assert (post.kind, post.parent_id, post.url) == (Kind.COMMENT, "1", "https://tieba.baidu.com/p/1?pid=2&cid=0#2")


VERIFY = "<html><head><title>百度安全验证</title></head><body>网络不给力</body></html>"


@pytest.mark.parametrize(
    ("endpoint", "body", "http", "outcome"),
    [
        ("tieba.search_html", VERIFY, 200, F.CAPTCHA),
        ("tieba.multsearch", VERIFY, 200, F.CAPTCHA),
        ("tieba.search_html", page("<script src='https://wappass.baidu.com/static/captcha/x'></script>"), 200,
         F.CAPTCHA),
        ("tieba.search_html", "<html></html>", 403, F.BLOCKED),
        ("tieba.search_html", page("<div class='search_noresult'>抱歉，没有找到相关的结果</div>"), 200, F.EMPTY),
        ("tieba.search_html", page("抱歉，没有找到与“云杉”相关的结果"), 200, F.EMPTY),
        ("tieba.search_html", page("<div><a href='/p/5'>没有找到工作</a></div>"), 200, F.SCHEMA_ERROR),
        ("tieba.search_html", page("<div id='app'></div>"), 200, F.SCHEMA_ERROR),
        ("tieba.search_html", page("<div class='s_post'>x</div>"), 200, F.SCHEMA_ERROR),
        ("tieba.search_html", "", 200, F.PARSE_ERROR),
        ("tieba.thread", page("<h1>很抱歉，该贴已被删除。</h1>", title="贴吧404"), 200, F.GONE),
        ("tieba.thread", "", 404, F.GONE),
        ("tieba.multsearch", '{"no":0,"data":{"card_list":[]}}', 200, F.EMPTY),
        ("tieba.multsearch", '{"no":0,"data":{"card_list":[{"cardInfo":"related_user","data":{}}]}}', 200, F.EMPTY),
        ("tieba.multsearch", results({}), 200, F.SCHEMA_ERROR),
        ("tieba.multsearch", '{"no":0,"data":{}}', 200, F.SCHEMA_ERROR),
        ("tieba.multsearch", '{"no":1,"error":"用户未登录"}', 200, F.LOGIN_REQUIRED),
        ("tieba.multsearch", '{"no":110003,"error":"sign error"}', 200, F.SIGNATURE_REJECTED),
        ("tieba.multsearch", '{"no":9,"error":"请输入验证码"}', 200, F.CAPTCHA),
        ("tieba.multsearch", '{"no":9,"error":"操作太频繁"}', 200, F.RATE_LIMITED),
        ("tieba.multsearch", '{"no":9,"error":"?","data":{"url":"https://wappass.baidu.com/x"}}', 200, F.CAPTCHA),
        ("tieba.multsearch", '{"no":9,"error":"?"}', 200, F.ERROR),
        ("tieba.multsearch", '{"no":0}', 403, F.BLOCKED),
        ("tieba.page_pc", '{"error_code":4,"error_msg":"?"}', 200, F.GONE),
        ("tieba.page_pc", '{"error_code":0}', 200, F.SCHEMA_ERROR),
        ("tieba.page_pc", '{"error_code":0,"thread":{"id":1}}', 200, F.EMPTY),
        ("tieba.page_pc", '{"error_code":0,"thread":{"title":"x"},"post_list":[{"id":1}]}', 200, F.SCHEMA_ERROR),
        ("tieba.app_searchpost", '{"error_code":"0","page":{"total_count":"0"},"post_list":[]}', 200, F.EMPTY),
        ("tieba.app_searchpost", '{"error_code":"0","page":{"total_count":"0"},"post_list":""}', 200, F.EMPTY),
        ("tieba.app_searchpost", '{"error_code":"0","post_list":[{}]}', 200, F.SCHEMA_ERROR),
        ("tieba.app_searchpost", '{"error_code":"0"}', 200, F.SCHEMA_ERROR),
        ("tieba.app_searchpost", "no", 200, F.PARSE_ERROR),
        ("tieba.hot", '{"errno":0,"data":{"bang_topic":{"topic_list":[]}}}', 200, F.EMPTY),
        ("tieba.hot", '{"errno":0,"data":{"bang_topic":{"topic_list":[{}]}}}', 200, F.SCHEMA_ERROR),
        ("tieba.hot", '{"errno":0,"data":{}}', 200, F.SCHEMA_ERROR),
        ("tieba.other", "{}", 200, F.ERROR),
    ],
)  # fmt: skip
def test_wall_error_and_empty_are_never_confused(endpoint: str, body: str, http: int, outcome: F) -> None:
    parsed = parse(endpoint, body, status=http, url="https://tieba.baidu.com/x")
    assert parsed.outcome is outcome
    assert parsed.posts == ()


def test_words_of_a_post_raise_no_wall() -> None:
    for words in ("很抱歉，该贴已被删除", "百度安全验证", "没有找到", "wappass.baidu.com/static/captcha"):
        body = page(result(words), title=f"贴吧搜索_{words}")
        assert parse("tieba.search_html", body).outcome is F.OK


@pytest.mark.parametrize(
    ("target", "outcome"),
    [
        ("https://wappass.baidu.com/static/captcha/tuxing.html?ak=x", F.CAPTCHA),
        ("https://passport.baidu.com/v2/?login", F.LOGIN_REQUIRED),
    ],
)
def test_being_sent_away_is_a_verdict(target: str, outcome: F) -> None:
    assert parse("tieba.search_html", page(result()), url=target).outcome is outcome
    sent = parse("tieba.search_html", "", status=302, url="https://tieba.baidu.com/f/search/res", location=target)
    assert sent.outcome is outcome


def test_hot_topics_are_ranked_with_their_links() -> None:
    topics = [
        {"topic_id": 1, "topic_name": "云杉咖啡", "discuss_num": 12345, "create_time": 1781926200,
         "topic_url": "https://tieba.baidu.com/hottopic/browse/hottopic?topic_id=1&amp;topic_name=%E4%BA%91"},
        {"topic_name": ""},
        {"topic_name": "二", "topic_url": "javascript:x"},
    ]  # fmt: skip
    first, second = parse("tieba.hot", json.dumps({"data": {"bang_topic": {"topic_list": topics}}})).trends
    assert (first.rank, first.title, first.hot) == (1, "云杉咖啡", 12_345)
    assert first.url == "https://tieba.baidu.com/hottopic/browse/hottopic?topic_id=1&topic_name=%E4%BA%91"
    assert first.at == datetime(2026, 6, 20, 11, 30, tzinfo=SHANGHAI)
    assert (second.rank, second.hot, second.url, second.at) == (2, None, None, None)


def test_answer_without_a_name_is_read_by_what_is_in_it() -> None:
    assert parse("tieba.any", thread()).posts[0].native_id == "106"
    assert parse("tieba.any", results({"tid": 1})).posts[0].native_id == "1"
    assert parse("tieba.any", '{"post_list":[{"tid":"1","pid":"2"}]}').posts[0].native_id == "1:2"


def test_only_the_hot_topics_are_asked_for() -> None:
    tieba = build_platform("tieba")
    (fetch,) = tieba.start(source(platform="tieba"), NOW)
    assert (fetch.endpoint, fetch.url) == ("tieba.hot", "https://tieba.baidu.com/hottopic/browse/topicList")
    for asked in ({"query": ("云杉咖啡",)}, {"transport": "cookie"}):
        with pytest.raises(SourceError, match="/baidu/tieba/search/WORD"):
            tieba.start(source(platform="tieba", **asked), NOW)
    parsed = parse("tieba.multsearch", results({"tid": 1}, has_more=1))
    assert tieba.following(fetch, parsed) is None
    assert tieba.detail(source(platform="tieba"), parsed.posts[0]) is None
