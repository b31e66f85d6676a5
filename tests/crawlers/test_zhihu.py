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

COMMENTS = "https://www.zhihu.com/api/v4/comment_v5/answers/192/root_comment?order=score&offset=&limit=10"
CHILDREN = "https://www.zhihu.com/api/v4/comment_v5/comment/11/child_comment?limit=10"


def answer(**more: Any) -> dict[str, Any]:
    return {
        "type": "answer",
        "id": "192",
        "question": {"id": "62", "name": "云杉<em>咖啡</em>如何？"},
        "content": "<p>好</p>",
        "created_time": 1781924400,
        "voteup_count": 3,
        "comment_count": 0,
        "author": {"name": "甲", "url_token": "jia", "follower_count": 5},
        **more,
    }


def search(*things: dict[str, Any], outer: str = "search_result", **paging: Any) -> str:
    hits = [{"type": outer, "object": thing} for thing in things]
    return json.dumps({"data": hits, "paging": {"is_end": True, **paging}})


def comment(**more: Any) -> dict[str, Any]:
    return {
        "id": "11",
        "content": "<p>评</p>",
        "created_time": 1781926200,
        "is_delete": False,
        "reply_comment_id": "0",
        "reply_root_comment_id": "0",
        "like_count": 4,
        "child_comment_count": 1,
        "author": {"name": "乙", "url_token": "yi"},
        "comment_tag": [{"type": "ip_info", "text": "IP 属地上海"}],
        **more,
    }


def page(**entities: Any) -> str:
    state = json.dumps({"initialState": {"entities": entities}}, ensure_ascii=False)
    return f'<!doctype html><html><body><script id="js-initialData" type="text/json">{state}</script></body></html>'


def test_ids_carry_their_form_and_links_are_those_of_the_site() -> None:
    pin = {"type": "pin", "id": 7, "content": [{"type": "text", "content": "想<b>法</b>"}, {"type": "image"}],
           "created": 1781924400, "like_count": 2, "repost_count": 1}  # fmt: skip
    article = {"type": "article", "id": 7, "title": "文", "content": "x", "created": 1781746200}
    question = {"type": "question", "id": "7", "title": "问", "created": 1781746200, "answer_count": "1.2万"}
    posts = parse("zhihu.search", search(answer(), pin, article, question, answer(question=None, id="193"))).posts
    assert [(post.native_id, post.url) for post in posts] == [
        ("answer:192", "https://www.zhihu.com/question/62/answer/192"),
        ("pin:7", "https://www.zhihu.com/pin/7"),
        ("article:7", "https://zhuanlan.zhihu.com/p/7"),
        ("question:7", "https://www.zhihu.com/question/7"),
        ("answer:193", "https://www.zhihu.com/answer/193"),
    ]
    assert posts[0].title == "云杉咖啡如何？"
    assert (posts[1].title, posts[1].text, posts[1].engagement.shares) == (None, "想法", 1)
    assert dict(posts[3].extra_counters) == {"answers": 12_000, "followers": None}


def test_videos_are_videos() -> None:
    video = {"type": "zvideo", "id": "9", "title": "测<em>评</em>", "description": "说明", "published_at": 1781924400,
             "play_count": "3.1万", "voteup_count": 0}  # fmt: skip
    (post,) = parse("zhihu.search", search(video, outer="zvideo")).posts
    assert (post.kind, post.native_id, post.url) == (Kind.VIDEO, "zvideo:9", "https://www.zhihu.com/zvideo/9")
    assert (post.title, post.text) == ("测评", "说明")
    assert (post.engagement.views, post.engagement.likes, post.engagement.approx) == (31_000, 0, frozenset({"views"}))


def test_people_boxes_and_advertising_are_no_posts() -> None:
    other = [{"type": "people", "id": "1"}, {"type": "topic", "id": "2"}, {"type": "koc_box"}]
    assert parse("zhihu.search", search(*other)).outcome is F.EMPTY
    assert parse("zhihu.search", search(answer(), outer="knowledge_ad")).outcome is F.EMPTY


@pytest.mark.parametrize(
    ("author", "name", "number"),
    [
        (None, None, None),
        ({"id": "0", "url_token": "", "name": "匿名用户"}, "匿名用户", None),
        ({"id": "e94a", "name": "丙"}, "丙", "e94a"),
        ("x", None, None),
    ],
)
def test_nobody_stays_nobody(author: object, name: str | None, number: str | None) -> None:
    (post,) = parse("zhihu.search", search(answer(author=author))).posts
    assert (post.author.name, post.author.id) == (name, number)


def test_counters_tell_zero_from_unknown() -> None:
    shown = answer(voteup_count="1.2万", comment_count=None)
    (post,) = parse("zhihu.search", search(shown)).posts
    assert (post.engagement.likes, post.engagement.comments) == (12_000, None)
    (post,) = parse("zhihu.search", search(answer())).posts
    assert (post.engagement.likes, post.engagement.comments) == (3, 0)


def test_excerpt_stands_in_for_a_text_that_is_not_there() -> None:
    (post,) = parse("zhihu.search", search(answer(content="", excerpt="开头<em>云杉</em>…"))).posts
    assert (post.text, post.truncated) == ("开头云杉…", True)
    (whole,) = parse("zhihu.search", search(answer(excerpt="开头…"))).posts
    assert (whole.text, whole.truncated) == ("好", False)


@pytest.mark.parametrize(
    ("paging", "step"),
    [
        ({"is_end": False, "next": "https://api.zhihu.com/search_v3?offset=40&q=x"}, {"offset": 40}),
        ({"is_end": True, "next": "https://api.zhihu.com/search_v3?offset=40"}, {}),
        ({"is_end": False, "next": ""}, {}),
        ({"is_end": False, "next": "http://[x?offset=1"}, {}),
    ],
)
def test_next_page_is_the_offset_of_the_answer(paging: dict[str, Any], step: dict[str, int]) -> None:
    assert dict(parse("zhihu.search", search(answer(), **paging)).next) == step


def test_page_takes_names_from_its_users_and_leaves_out_what_is_only_named() -> None:
    body = page(
        users={"jia": {"urlToken": "jia", "name": "甲", "followerCount": 30}},
        questions={"62": {"id": 62, "title": "问", "created": 1781920800}, "63": {"id": "63", "title": "相关问题"}},
        answers={"192": {"id": "192", "author": "jia", "question": {"id": "62", "title": "问"}, "content": "答"},
                 "193": {"id": "193", "isDelete": True, "content": "删"}},
        articles={"7": {"id": "7", "title": "文", "content": "章", "created": 1781746200, "voteupCount": 2,
                        "topics": [{"name": "咖啡"}]}},
    )  # fmt: skip
    posts = parse("zhihu.article", body).posts
    assert [post.native_id for post in posts] == ["question:62", "answer:192", "article:7"]
    assert (posts[1].author.name, posts[1].author.id, posts[1].author.followers) == ("甲", "jia", 30)
    assert (posts[2].kind, posts[2].engagement.likes, posts[2].tags) == (Kind.ARTICLE, 2, ("咖啡",))


def test_single_object_is_read_as_one_post() -> None:
    (post,) = parse("zhihu.answer", json.dumps(answer())).posts
    assert post.native_id == "answer:192"
    assert parse("zhihu.any", json.dumps(answer())).posts[0].native_id == "answer:192"


def test_replies_know_what_they_answer() -> None:
    reply = comment(id="12", reply_comment_id="11", reply_root_comment_id="11", child_comments=[])
    deleted = comment(id="13", is_delete=True)
    body = json.dumps({"data": [comment(child_comments=[reply, deleted])], "paging": {"is_end": True}})
    first, second = parse("zhihu.comments", body, url=COMMENTS).posts
    assert (first.native_id, first.parent_id, first.root_id) == ("comment:11", "answer:192", None)
    assert (second.native_id, second.parent_id, second.root_id) == ("comment:12", "comment:11", "comment:11")
    assert (first.author.region, first.engagement.likes, first.kind) == ("上海", 4, Kind.COMMENT)
    assert first.url == second.url == "https://www.zhihu.com/answer/192"


def test_replies_of_a_deleted_comment_are_kept() -> None:
    reply = comment(id="12", reply_comment_id="0")
    body = json.dumps({"data": [comment(is_delete=True, child_comments=[reply])]})
    (post,) = parse("zhihu.comments", body, url=COMMENTS, context={"parent_url": "https://x.cn/a"}).posts
    assert (post.parent_id, post.root_id, post.url) == ("comment:11", "comment:11", "https://x.cn/a")


def test_child_comments_belong_to_the_thread_of_their_address() -> None:
    body = json.dumps({"data": [comment(id="12")], "paging": {"is_end": True}})
    (post,) = parse("zhihu.child_comments", body, url=CHILDREN, context={"parent_id": "article:7"}).posts
    assert (post.parent_id, post.root_id, post.url) == ("comment:11", "comment:11", "https://zhuanlan.zhihu.com/p/7")


def error(code: int, message: str = "", **more: Any) -> str:
    return json.dumps({"error": {"code": code, "message": message, **more}})


UNHUMAN = "https://www.zhihu.com/account/unhuman?type=S6E3V1"
CHALLENGE = '<html><head><meta id="zh-zse-ck" content="004_x"></head><body></body></html>'


@pytest.mark.parametrize(
    ("endpoint", "body", "http", "outcome"),
    [
        ("zhihu.search", error(40352, need_login=True, redirect=UNHUMAN), 403, F.CAPTCHA),
        ("zhihu.search", error(40353, need_login=True, redirect=UNHUMAN), 403, F.CAPTCHA),
        ("zhihu.search", error(40362, "您当前请求存在异常"), 403, F.SIGNATURE_REJECTED),
        ("zhihu.search", error(10003, "请求参数异常，请升级客户端后重试。"), 403, F.SIGNATURE_REJECTED),
        ("zhihu.search", error(10001, "10001:请求参数异常，请升级客户端后重试"), 400, F.SIGNATURE_REJECTED),
        ("zhihu.search", error(40350, need_login=True), 403, F.LOGIN_REQUIRED),
        ("zhihu.search", error(100, "ERR_TICKET_NOT_EXIST"), 401, F.AUTH_REQUIRED),
        ("zhihu.search", error(1, "请求过于频繁"), 403, F.RATE_LIMITED),
        ("zhihu.search", error(404, "资源不存在"), 404, F.GONE),
        ("zhihu.search", error(1, "?"), 200, F.ERROR),
        ("zhihu.search", CHALLENGE, 200, F.JS_CHALLENGE),
        ("zhihu.hot", CHALLENGE, 403, F.JS_CHALLENGE),
        ("zhihu.question", "<html><title>安全验证 - 知乎</title></html>", 200, F.CAPTCHA),
        ("zhihu.question", "<html><body>你似乎来到了没有知识存在的荒原</body></html>", 200, F.GONE),
        ("zhihu.question", "<html></html>", 404, F.GONE),
        ("zhihu.question", "<html></html>", 403, F.BLOCKED),
        ("zhihu.question", "<html></html>", 429, F.RATE_LIMITED),
        ("zhihu.question", "<html>no posts</html>", 200, F.SCHEMA_ERROR),
        ("zhihu.question", '<script id="js-initialData">{"a":', 200, F.PARSE_ERROR),
        ("zhihu.question", page(), 200, F.SCHEMA_ERROR),
        ("zhihu.search", '{"data":[]}', 200, F.EMPTY),
        ("zhihu.search", '{"data":{}}', 200, F.SCHEMA_ERROR),
        ("zhihu.search", '{"data":[null]}', 200, F.SCHEMA_ERROR),
        ("zhihu.search", search({"type": "answer"}), 200, F.SCHEMA_ERROR),
        ("zhihu.search", "", 200, F.PARSE_ERROR),
        ("zhihu.search", "{}", 429, F.RATE_LIMITED),
        ("zhihu.search", "[]", 200, F.SCHEMA_ERROR),
        ("zhihu.comments", '{"data":[]}', 200, F.EMPTY),
        ("zhihu.comments", '{"data":[{"id":"1","is_delete":true}]}', 200, F.EMPTY),
        ("zhihu.comments", '{"data":[{}]}', 200, F.SCHEMA_ERROR),
        ("zhihu.comments", '{"data":null}', 200, F.SCHEMA_ERROR),
        ("zhihu.comments", error(404, "资源不存在"), 404, F.EMPTY),
        ("zhihu.comments", "", 404, F.EMPTY),
        ("zhihu.comments", error(1, "作者关闭了评论"), 403, F.COMMENTS_CLOSED),
        ("zhihu.comments", '{"data":[],"comment_status":{"text":"评论区已关闭"}}', 200, F.COMMENTS_CLOSED),
        ("zhihu.comments", error(40352, need_login=True), 404, F.CAPTCHA),
        ("zhihu.hot", '{"data":[]}', 200, F.EMPTY),
        ("zhihu.hot", '{"data":[{"type":"hot_list_feed"}]}', 200, F.SCHEMA_ERROR),
        ("zhihu.hot", '{"x":1}', 200, F.SCHEMA_ERROR),
        ("zhihu.other", "{}", 200, F.ERROR),
    ],
)
def test_wall_error_and_empty_are_never_confused(endpoint: str, body: str, http: int, outcome: F) -> None:
    parsed = parse(endpoint, body, status=http, url=COMMENTS)
    assert parsed.outcome is outcome
    assert parsed.posts == ()


def test_words_of_a_post_raise_no_wall() -> None:
    hostile = "<p>zh-zse-ck 安全验证 已被删除 &lt;meta id=&quot;zh-zse-ck&quot;&gt;</p>"
    assert parse("zhihu.search", search(answer(content=hostile))).outcome is F.OK
    held = page(answers={"192": {"id": "192", "content": hostile}}) + CHALLENGE
    assert parse("zhihu.question", held).outcome is F.OK


@pytest.mark.parametrize(
    ("target", "outcome"),
    [
        ("/signin?next=%2F", F.LOGIN_REQUIRED),
        ("https://www.zhihu.com/account/unhuman?type=x", F.CAPTCHA),
    ],
)
def test_being_sent_away_is_a_verdict(target: str, outcome: F) -> None:
    answered = parse("zhihu.search", "", status=302, url="https://www.zhihu.com/x", location=target)
    assert answered.outcome is outcome
    assert parse("zhihu.search", search(answer()), url="https://www.zhihu.com/account/unhuman").outcome is F.CAPTCHA


def test_times_are_exact_across_new_year() -> None:
    night = datetime(2027, 1, 1, 0, 5, tzinfo=SHANGHAI)
    (post,) = parse("zhihu.search", search(answer(created_time=1798732799)), now=night).posts
    assert post.published_at == datetime(2026, 12, 31, 23, 59, 59, tzinfo=SHANGHAI)
    assert post.published_precision is Precision.SECOND
    (post,) = parse("zhihu.search", search(answer(created_time=0)), now=night).posts
    assert (post.published_at, post.published_precision) == (None, None)


def test_hot_list_of_the_app_and_advertising_in_it() -> None:
    lines = [
        {"type": "feed_advert", "target": {"title": "广告"}},
        {"type": "hot_list_feed", "detail_text": "1.03 亿热度",
         "target": {"id": 62, "title": "问", "url": "https://api.zhihu.com/questions/62"}},
        {"type": "hot_list_feed", "target": {"title_area": {"text": "文"}, "link": {"url": "https://n.cn/1"}}},
    ]  # fmt: skip
    first, second = parse("zhihu.hot", json.dumps({"data": lines})).trends
    assert (first.rank, first.title, first.hot) == (1, "问", 103_000_000)
    assert first.url == "https://www.zhihu.com/question/62"
    assert (second.rank, second.hot, second.url) == (2, None, "https://n.cn/1")


def test_only_the_hot_list_is_asked_for() -> None:
    zhihu = build_platform("zhihu")
    (fetch,) = zhihu.start(source(platform="zhihu"), NOW)
    assert fetch.endpoint == "zhihu.hot"
    assert fetch.url.startswith("https://www.zhihu.com/api/v3/feed/topstory/hot-list-web?")
    for asked in ({"query": ("云杉咖啡",)}, {"transport": "cookie"}):
        with pytest.raises(SourceError, match="web-search key"):
            zhihu.start(source(platform="zhihu", **asked), NOW)
    parsed = parse("zhihu.search", search(answer(), is_end=False, next="https://x/?offset=20"))
    assert zhihu.following(fetch, parsed) is None
    assert zhihu.detail(source(platform="zhihu"), parsed.posts[0]) is None
