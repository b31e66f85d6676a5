import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from crawlers.errors import SourceError
from crawlers.platforms import build_platform
from domain.mention import Kind, Precision
from domain.moment import SHANGHAI
from domain.outcome import Drop
from domain.outcome import FetchOutcome as F
from domain.secret import Secret
from tests.crawlers.pages import NOW, parse, source

WORK = "7653341619396804676"
MADE = datetime(2026, 6, 20, 13, 14, 15, tzinfo=SHANGHAI)


def work(**more: Any) -> dict[str, Any]:
    return {"aweme_id": WORK, "desc": "文", "create_time": 1781932455, "aweme_type": 0, **more}


def search(*works: dict[str, Any], **more: Any) -> str:
    return json.dumps({"status_code": 0, "data": [{"type": 1, "aweme_info": each} for each in works], **more})


def comments(*listed: dict[str, Any], **more: Any) -> str:
    return json.dumps({"status_code": 0, "comments": list(listed), **more})


@pytest.mark.parametrize(
    ("endpoint", "body", "http", "outcome"),
    [
        ("douyin.web_search", "", 200, F.SIGNATURE_REJECTED),
        ("douyin.web_search", "  \n", 200, F.SIGNATURE_REJECTED),
        ("douyin.web_search", "", 403, F.BLOCKED),
        ("douyin.web_search", '"blocked"', 200, F.BLOCKED),
        ("douyin.web_search", "<html>down</html>", 200, F.PARSE_ERROR),
        ("douyin.web_search", "<html>down</html>", 502, F.ERROR),
        ("douyin.web_search", "<html><title>验证码中间页</title></html>", 200, F.CAPTCHA),
        ("douyin.web_search", "<html><script>byted_acrawler.init()</script></html>", 200, F.JS_CHALLENGE),
        ("douyin.web_search", "[]", 200, F.SCHEMA_ERROR),
        ("douyin.web_search", '{"status_code":0}', 200, F.SCHEMA_ERROR),
        ("douyin.web_search", search(), 200, F.EMPTY),
        ("douyin.web_search", search(search_nil_info={"search_nil_type": "no_result"}), 200, F.EMPTY),
        ("douyin.web_search", search(search_nil_info={"search_nil_item": "verify_check"}), 200, F.CAPTCHA),
        ("douyin.web_search", '{"data":null,"search_nil_info":{"search_nil_type":"verify_check"}}', 200, F.CAPTCHA),
        ("douyin.web_search", '{"data":null,"search_nil_info":{"search_nil_type":"x"}}', 200, F.EMPTY),
        ("douyin.web_search", '{"status_code":2483,"status_msg":""}', 200, F.LOGIN_REQUIRED),
        ("douyin.web_search", '{"status_code":"5","status_msg":"操作太频繁，请稍后再试"}', 200, F.RATE_LIMITED),
        ("douyin.web_search", '{"status_code":5,"status_msg":"?"}', 200, F.ERROR),
        ("douyin.web_search", "{}", 429, F.RATE_LIMITED),
        ("douyin.web_search", '{"data":[{"type":4,"user_list":[]}]}', 200, F.EMPTY),
        ("douyin.web_search", '{"data":[{"type":1,"work":{}}]}', 200, F.SCHEMA_ERROR),
        ("douyin.web_search", search(work(aweme_id="x")), 200, F.SCHEMA_ERROR),
        ("douyin.web_search", search(work(status={"is_delete": True})), 200, F.EMPTY),
        ("douyin.web_detail", '{"status_code":0,"aweme_detail":null,"filter_detail":{}}', 200, F.GONE),
        ("douyin.web_detail", json.dumps({"aweme_detail": work(status={"is_delete": True})}), 200, F.GONE),
        ("douyin.web_detail", '{"status_code":0}', 200, F.SCHEMA_ERROR),
        ("douyin.comments", '{"status_code":0,"comments":null,"total":0}', 200, F.EMPTY),
        ("douyin.comments", '{"status_code":0,"comments":null,"total":9}', 200, F.SCHEMA_ERROR),
        ("douyin.comments", '{"status_code":3,"status_msg":"作者已关闭评论，评论已关闭"}', 200, F.COMMENTS_CLOSED),
        ("douyin.comments", comments({"text": "x"}), 200, F.SCHEMA_ERROR),
        ("douyin.hot", '{"data":{"word_list":[]}}', 200, F.EMPTY),
        ("douyin.hot", '{"data":{"word_list":[{}]}}', 200, F.SCHEMA_ERROR),
        ("douyin.hot", '{"data":{}}', 200, F.SCHEMA_ERROR),
        ("douyin.open_search", '{"err_no":28001008,"err_msg":""}', 200, F.AUTH_FAILED),
        ("douyin.open_search", '{"err_no":28001019,"err_msg":""}', 200, F.AUTH_REQUIRED),
        ("douyin.open_search", '{"err_no":1,"err_msg":"应用未获得该能力"}', 200, F.AUTH_REQUIRED),
        ("douyin.open_search", '{"err_no":1,"err_msg":"quota已用完"}', 200, F.RATE_LIMITED),
        ("douyin.open_search", '{"data":{"error_code":2190008,"description":"过期"}}', 200, F.AUTH_FAILED),
        ("douyin.open_search", '{"err_no":7,"err_msg":"系统繁忙"}', 200, F.ERROR),
        ("douyin.open_search", '{"err_no":0,"data":{"video_list":[],"has_more":false}}', 200, F.EMPTY),
        ("douyin.open_search", '{"err_no":0,"data":{}}', 200, F.SCHEMA_ERROR),
        ("douyin.open_search", '{"err_no":0,"data":{"video_list":[{}]}}', 200, F.SCHEMA_ERROR),
        ("douyin.other", "{}", 200, F.ERROR),
    ],
)
def test_walls_errors_and_empty_answers_are_told_apart(endpoint: str, body: str, http: int, outcome: F) -> None:
    parsed = parse(endpoint, body, status=http, url="https://www.douyin.com/x")
    assert parsed.outcome is outcome
    assert parsed.posts == ()


def test_found_works_are_no_captcha_whatever_else_is_told() -> None:
    parsed = parse("douyin.web_search", search(work(), search_nil_info={"search_nil_type": "verify_check"}))
    assert parsed.outcome is F.OK


@pytest.mark.parametrize(
    ("told", "kind", "path"),
    [
        ({"aweme_type": 4}, Kind.VIDEO, "video"),
        ({"aweme_type": 2}, Kind.POST, "note"),
        ({"aweme_type": "68"}, Kind.POST, "note"),
        ({"images": [{"uri": "x"}]}, Kind.POST, "note"),
        ({"images": []}, Kind.VIDEO, "video"),
    ],
)
def test_pictures_are_notes(told: dict[str, Any], kind: Kind, path: str) -> None:
    (post,) = parse("douyin.web_search", search(work(**told))).posts
    assert (post.kind, post.url) == (kind, f"https://www.douyin.com/{path}/{WORK}")


def test_counters_of_the_web_never_hold_plays() -> None:
    statistics = {"digg_count": "1.2万", "comment_count": 0, "share_count": None, "play_count": 0}
    (post,) = parse("douyin.web_search", search(work(statistics=statistics))).posts
    assert (post.engagement.likes, post.engagement.comments) == (12_000, 0)
    assert post.engagement.approx == {"likes"}
    assert post.engagement.shares is post.engagement.views is post.engagement.favourites is None


def test_verified_is_known_only_where_the_marks_are() -> None:
    authors = [{"nickname": "甲"}, {"custom_verify": "", "enterprise_verify_reason": "某公司"}, {"custom_verify": ""}]
    read = [parse("douyin.web_search", search(work(author=each))).posts[0].author.verified for each in authors]
    assert read == [None, True, False]


def test_work_without_time_takes_that_of_its_id() -> None:
    (post,) = parse("douyin.web_search", search(work(create_time=None))).posts
    assert post.published_at is not None
    assert abs(post.published_at - MADE) < timedelta(minutes=1)
    assert post.published_precision is Precision.MINUTE
    (early,) = parse("douyin.web_search", search(work(create_time=0)), now=MADE - timedelta(days=1)).posts
    assert early.published_at is None


def test_time_around_new_year_is_that_of_the_work() -> None:
    made = datetime(2025, 12, 31, 23, 59, 58, tzinfo=SHANGHAI)
    now = datetime(2026, 1, 1, 0, 1, tzinfo=SHANGHAI)
    (post,) = parse("douyin.web_search", search(work(create_time=int(made.timestamp()))), now=now).posts
    assert (post.published_at, post.published_precision) == (made, Precision.SECOND)


def test_hashtags_are_those_that_are_marked_else_those_in_the_text() -> None:
    text = "买了 #云杉咖啡。#避雷 @官方 a<b"
    marked = [{"type": 1, "hashtag_name": "云杉咖啡"}, {"type": 0, "user_id": "1"}, {"type": 1, "hashtag_name": None}]
    first = parse("douyin.web_search", search(work(desc=text, text_extra=marked))).posts[0]
    assert (first.text, first.tags, first.at_users) == (text, ("云杉咖啡",), ("官方",))
    assert parse("douyin.web_search", search(work(desc=text))).posts[0].tags == ("云杉咖啡", "避雷")
    assert parse("douyin.web_search", search(work(desc=text, text_extra=[]))).posts[0].tags == ()


def test_same_work_in_two_cards_comes_once_and_advertising_is_marked() -> None:
    mixed = {"type": 77, "aweme_mix_info": {"mix_items": [work(is_ads=True), work(aweme_id="7653341619396804677")]}}
    body = {"status_code": 0, "data": [mixed, {"type": 1, "aweme_info": work()}, {"type": 4}, "x"]}
    parsed = parse("douyin.web_search", json.dumps(body))
    assert [(post.native_id, post.promoted) for post in parsed.posts] == [(WORK, True)]
    assert parsed.drops == ((Drop.DUPLICATE_IN_BATCH, 1),)


def test_next_page_of_a_search_names_the_search() -> None:
    told = search(work(), has_more=True, cursor=30, log_pb={"impr_id": "abc"})
    assert dict(parse("douyin.web_search", told).next) == {"offset": 30, "search_id": "abc"}
    assert parse("douyin.web_search", search(work(), has_more=0, cursor=30)).next == ()
    assert dict(parse("douyin.web_search", search(work(), has_more=1, cursor=3)).next) == {"offset": 3}


def test_replies_answer_a_comment_and_know_their_thread() -> None:
    reply = {"cid": "7653353409809561939", "reply_id": "7653353409809561937", "text": "是的",
             "reply_to_reply_id": "7653353409809561938"}  # fmt: skip
    top = {"cid": "7653353409809561937", "reply_id": "0", "text": "", "image_list": [{}], "reply_comment": [reply]}
    url = f"https://www.douyin.com/aweme/v1/web/comment/list/?aweme_id={WORK}&cursor=0"
    parsed = parse("douyin.comments", comments(top, has_more=1, cursor=20), url=url)
    (post,) = parsed.posts
    assert (post.parent_id, post.root_id) == ("7653353409809561938", "7653353409809561937")
    assert post.url == f"https://www.douyin.com/video/{WORK}"
    assert (parsed.drops, dict(parsed.next)) == (((Drop.NO_TEXT, 1),), {"cursor": 20})


def test_comments_of_pictures_link_to_the_note() -> None:
    context = {"parent_id": WORK, "parent_url": f"https://www.douyin.com/note/{WORK}"}
    top = {"cid": "7653353409809561937", "text": "好", "user": {"uid": 5, "nickname": "甲"}, "digg_count": 0}
    (post,) = parse("douyin.comments", comments(top), context=context).posts
    assert (post.url, post.parent_id, post.root_id) == (context["parent_url"], WORK, None)
    assert (post.author.id, post.engagement.likes, post.engagement.comments) == ("5", 0, None)


def test_hot_list_is_ranked_without_advertising_and_pinned_lines() -> None:
    lines = [
        {"word": "置顶", "position": 0, "hot_value": None},
        {"word": "广告", "is_ads": True, "hot_value": 9},
        {"word": "甲", "hot_value": "10234567", "sentence_id": "23/1", "event_time": 1781917200},
        {"word": "乙", "hot_value": None, "position": 2},
    ]
    trends = parse("douyin.hot", json.dumps({"status_code": 0, "data": {"word_list": lines}})).trends
    assert [(each.rank, each.title, each.hot, each.url) for each in trends] == [
        (1, "甲", 10_234_567, "https://www.douyin.com/hot/23%2F1"),
        (2, "乙", None, None),
    ]
    assert trends[0].at == datetime(2026, 6, 20, 9, tzinfo=SHANGHAI)


def test_encrypted_id_of_the_open_platform_gives_way_to_that_in_the_link() -> None:
    videos = [
        {"item_id": "@8hx+/==", "title": "甲", "link": f"https://www.iesdouyin.com/share/note/{WORK}/?x=1"},
        {"item_id": "@9hx+/==", "title": "乙", "link": "https://v.douyin.com/abc/"},
        {"item_id": "@7hx+/==", "title": "丙", "link": "javascript:x"},
    ]
    body = {"err_no": 0, "data": {"has_more": True, "cursor": 10, "video_list": videos}}
    url = "https://open.douyin.com/dy_open_api/v2/search/video/?keyword=x&search_id=s1"
    parsed = parse("douyin.open_search", json.dumps(body), url=url)
    assert [(post.native_id, post.kind, post.url) for post in parsed.posts] == [
        (WORK, Kind.POST, f"https://www.douyin.com/note/{WORK}"),
        ("@9hx+/==", Kind.VIDEO, "https://v.douyin.com/abc/"),
    ]
    assert parsed.drops == ((Drop.NO_ID, 1),)
    assert dict(parsed.next) == {"cursor": 10, "search_id": "s1"}


def test_only_the_hot_list_is_asked_for() -> None:
    douyin = build_platform("douyin")
    (fetch,) = douyin.start(source(platform="douyin"), NOW)
    assert (fetch.endpoint, fetch.url.partition("?")[0]) == (
        "douyin.hot",
        "https://www.douyin.com/aweme/v1/web/hot/search/list/",
    )
    assert len(douyin.start(source(platform="douyin", transport="cookie", cookie=Secret("a=1")), NOW)) == 1
    for more, problem in (
        ({"query": ("云",)}, "leave `query` out"),
        ({"transport": "browser"}, "no transport 'browser'"),
        ({"transport": "official", "query": ("云",)}, "needs `token`"),
        ({"transport": "cookie"}, "needs `cookie`"),
    ):
        with pytest.raises(SourceError, match=problem):
            douyin.start(source(platform="douyin", **more), NOW)
    parsed = parse("douyin.web_search", search(work(), has_more=1, cursor=15))
    step = douyin.following(fetch, parsed)
    assert step is not None
    assert (step.page, step.url.endswith("&offset=15")) == (2, True)
    assert douyin.following(fetch, parse("douyin.web_search", search(work()))) is None
    assert douyin.detail(source(), parsed.posts[0]) is None
