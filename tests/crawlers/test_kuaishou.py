import json
from datetime import datetime
from typing import Any

import pytest

from crawlers.errors import SourceError
from crawlers.platforms import build_platform
from domain.mention import Precision
from domain.moment import SHANGHAI
from domain.outcome import Drop
from domain.outcome import FetchOutcome as F
from tests.crawlers.pages import NOW, parse, source

URL = "https://www.kuaishou.com/short-video/3xa1"


def feed(**more: Any) -> dict[str, Any]:
    return {"author": {"id": "3xu", "name": "甲"}, "photo": {"id": "3xa1", "caption": "文", **more}}


def rest(*feeds: Any, **more: Any) -> str:
    return json.dumps({"result": 1, "feeds": list(feeds), "pcursor": "no_more", **more})


def graphql(**page: Any) -> str:
    return json.dumps({"data": {"visionSearchPhoto": page}})


@pytest.mark.parametrize(
    ("endpoint", "body", "http", "outcome"),
    [
        ("kuaishou.rest_search", rest(), 200, F.EMPTY),
        ("kuaishou.rest_search", '{"result":1,"feeds":null,"pcursor":"no_more"}', 200, F.EMPTY),
        ("kuaishou.rest_search", '{"result":1}', 200, F.SCHEMA_ERROR),
        ("kuaishou.rest_search", rest({"photo": None}), 200, F.SCHEMA_ERROR),
        ("kuaishou.rest_search", rest(feed(id="../x")), 200, F.SCHEMA_ERROR),
        ("kuaishou.rest_search", '{"result":109,"error_msg":""}', 200, F.LOGIN_REQUIRED),
        ("kuaishou.rest_search", '{"result":"400002"}', 200, F.CAPTCHA),
        ("kuaishou.rest_search", '{"result":7,"error_msg":"请先登录"}', 200, F.LOGIN_REQUIRED),
        ("kuaishou.rest_search", '{"result":7,"error_msg":"?"}', 200, F.ERROR),
        ("kuaishou.rest_search", '{"captcha":{"url":"https://x"}}', 200, F.CAPTCHA),
        ("kuaishou.rest_search", "", 200, F.PARSE_ERROR),
        ("kuaishou.rest_search", "{}", 403, F.BLOCKED),
        ("kuaishou.rest_search", "<html>https://captcha.zt.kuaishou.com/iframe</html>", 200, F.CAPTCHA),
        ("kuaishou.graphql_search", graphql(result=2), 200, F.RATE_LIMITED),
        ("kuaishou.graphql_search", graphql(result=50), 200, F.SIGNATURE_REJECTED),
        ("kuaishou.graphql_search", graphql(result=109), 200, F.LOGIN_REQUIRED),
        ("kuaishou.graphql_search", graphql(result=1, feeds=[]), 200, F.EMPTY),
        ("kuaishou.graphql_search", '{"errors":[{"message":"Cannot query field"}],"data":null}', 200, F.SCHEMA_ERROR),
        ("kuaishou.detail", '{"data":{"visionVideoDetail":{"status":2,"photo":null}}}', 200, F.GONE),
        ("kuaishou.comments", '{"result":1,"rootCommentsV2":[],"pcursorV2":"no_more"}', 200, F.EMPTY),
        ("kuaishou.comments", '{"result":1,"rootCommentsV2":[{"comment_id":1,"content":"x"}]}', 200, F.SCHEMA_ERROR),
        ("kuaishou.comments", rest(feed()), 200, F.SCHEMA_ERROR),
        ("kuaishou.any", '{"result":1}', 200, F.SCHEMA_ERROR),
        ("kuaishou.other", "{}", 200, F.ERROR),
        ("kuaishou.hot", "", 200, F.PARSE_ERROR),
        ("kuaishou.hot", "<html>x</html>", 200, F.SCHEMA_ERROR),
        ("kuaishou.hot", "<html>x</html>", 403, F.BLOCKED),
        ("kuaishou.hot", "<html>https://captcha.zt.kuaishou.com/rest/zt/captcha/x</html>", 200, F.CAPTCHA),
        ("kuaishou.hot", '{"result":2001,"error_msg":"antispam need captcha"}', 200, F.CAPTCHA),
        ("kuaishou.hot", "<script>window.__APOLLO_STATE__={broken;(function(", 200, F.SCHEMA_ERROR),
    ],
)
def test_walls_errors_and_empty_answers_are_told_apart(endpoint: str, body: str, http: int, outcome: F) -> None:
    parsed = parse(endpoint, body, status=http, url="https://www.kuaishou.com/graphql")
    assert parsed.outcome is outcome
    assert parsed.posts == ()
    assert parsed.trends == ()


def test_exact_likes_go_before_printed_ones() -> None:
    (post,) = parse("kuaishou.rest_search", rest(feed(likeCount="3.1万", viewCount="100万+", commentCount="0"))).posts
    assert (post.engagement.likes, post.engagement.views, post.engagement.comments) == (31_000, 1_000_000, 0)
    assert post.engagement.approx == {"likes"}
    assert post.engagement.lower_bound == {"views"}
    (post,) = parse("kuaishou.rest_search", rest(feed(likeCount="3.1万", realLikeCount=31_022))).posts
    assert (post.engagement.likes, post.engagement.approx, post.engagement.views) == (31_022, frozenset(), None)


def test_marked_names_lose_their_ids() -> None:
    caption = "看 @Li Hua(O3xab_1) 和 @小王(O3xcd) #云杉咖啡 #避雷。@路人 a<b (O3x)"
    (post,) = parse("kuaishou.rest_search", rest(feed(caption=caption))).posts
    assert post.text == "看 @Li Hua 和 @小王 #云杉咖啡 #避雷。@路人 a<b (O3x)"
    assert post.at_users == ("Li Hua", "小王", "路人")
    assert post.tags == ("云杉咖啡", "避雷")


def test_time_around_new_year_is_that_of_the_video() -> None:
    made = datetime(2025, 12, 31, 23, 59, 58, tzinfo=SHANGHAI)
    body = rest(feed(timestamp=int(made.timestamp()) * 1000))
    (post,) = parse("kuaishou.rest_search", body, now=datetime(2026, 1, 1, 0, 1, tzinfo=SHANGHAI)).posts
    assert (post.published_at, post.published_precision) == (made, Precision.SECOND)
    assert parse("kuaishou.rest_search", rest(feed(timestamp="?"))).posts[0].published_at is None


def test_pages_go_on_until_no_more() -> None:
    page = rest(feed(), feed(), pcursor="2", searchSessionId="s")
    parsed = parse("kuaishou.rest_search", page)
    assert dict(parsed.next) == {"pcursor": "2", "searchSessionId": "s"}
    assert (len(parsed.posts), parsed.drops) == (1, ((Drop.DUPLICATE_IN_BATCH, 1),))
    assert parse("kuaishou.rest_search", rest(feed(), pcursor="")).next == ()


def test_any_answer_is_known_by_its_shape() -> None:
    assert parse("kuaishou.any", rest(feed())).posts[0].url == URL
    detail = {"data": {"visionVideoDetail": {"status": 1, **feed()}}}
    assert parse("kuaishou.any", json.dumps(detail)).posts[0].native_id == "3xa1"
    listed = {"result": 1, "rootCommentsV2": [{"comment_id": 5, "content": "x"}]}
    assert parse("kuaishou.any", json.dumps(listed), context={"parent_id": "3xa1"}).posts[0].url == URL


def test_replies_answer_their_comment_and_pictures_alone_are_none() -> None:
    top = {"comment_id": 5, "content": "@乙(O3xq1) 好", "subCommentsV2": [{"comment_id": 6, "content": "是"}]}
    listed = {"result": 1, "pcursorV2": "c2", "rootCommentsV2": [top, {"comment_id": 7, "content": ""}]}
    parsed = parse("kuaishou.comments", json.dumps(listed), context={"parent_id": "3xa1"})
    first, second = parsed.posts
    assert (first.text, first.at_users, first.parent_id, first.root_id) == ("@乙 好", ("乙",), "3xa1", None)
    assert (second.native_id, second.parent_id, second.root_id, second.url) == ("6", "5", "5", URL)
    assert dict(parsed.next) == {"pcursor": "c2"}
    assert parsed.drops == ((Drop.NO_TEXT, 1),)


def test_comments_of_the_older_interface_have_other_names() -> None:
    comment = {"commentId": "5", "authorName": "甲", "authorId": "3xu", "content": "x", "realLikedCount": 3,
               "likedCount": "3", "subCommentCount": 0}  # fmt: skip
    body = {"data": {"visionCommentList": {"rootComments": [comment], "pcursor": "no_more"}}}
    (post,) = parse("kuaishou.comments", json.dumps(body), context={"parent_id": "3xa1"}).posts
    assert (post.author.name, post.author.id, post.engagement.likes, post.engagement.comments) == ("甲", "3xu", 3, 0)


def home(*lines: dict[str, Any]) -> str:
    ids = [{"type": "id", "id": f"VisionHotRankItem:{number}"} for number in range(len(lines))]
    state = {
        'x"undefined"': "undefined 不变",
        '$ROOT_QUERY.visionHotRank({"page":"home"})': {"result": 1, "items": ids},
        **{each["id"]: line for each, line in zip(ids, lines, strict=True)},
    }
    script = json.dumps({"defaultClient": state, "i": None}, ensure_ascii=False).replace("null", "undefined")
    return f"<html><script>window.__APOLLO_STATE__={script};(function(){{}}());</script></html>"


def test_hot_rank_of_the_home_page_leaves_pinned_lines_out() -> None:
    page = home(
        {"name": "置顶词", "tagType": "置顶", "hotValue": None},
        {"name": "undefined 词", "hotValue": "1162.8万", "photoIds": {"json": ["3xa1"]}, "tagType": None},
        {"name": "乙 词", "hotValue": None, "photoIds": {"json": []}, "tagType": "热"},
    )
    trends = parse("kuaishou.hot", page).trends
    assert [(each.rank, each.title, each.hot, each.url, each.label) for each in trends] == [
        (1, "undefined 词", 11_628_000, URL, None),
        (2, "乙 词", None, "https://www.kuaishou.com/search/video?searchKey=%E4%B9%99%20%E8%AF%8D", "热"),
    ]
    assert parse("kuaishou.hot", home()).outcome is F.EMPTY


def test_only_the_hot_rank_is_asked_for() -> None:
    kuaishou = build_platform("kuaishou")
    (fetch,) = kuaishou.start(source(platform="kuaishou"), NOW)
    assert (fetch.endpoint, fetch.url) == ("kuaishou.hot", "https://www.kuaishou.com/?isHome=1")
    with pytest.raises(SourceError, match="leave `query` out"):
        kuaishou.start(source(platform="kuaishou", query=("云",)), NOW)
    with pytest.raises(SourceError, match="no transport 'cookie'"):
        kuaishou.start(source(platform="kuaishou", transport="cookie"), NOW)
    parsed = parse("kuaishou.rest_search", rest(feed(), pcursor="2"))
    assert kuaishou.following(fetch, parsed) is None
    assert kuaishou.detail(source(), parsed.posts[0]) is None
