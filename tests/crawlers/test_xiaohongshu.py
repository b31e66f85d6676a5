import json
from datetime import datetime
from typing import Any

import pytest

from crawlers.base import Parsed, Response
from crawlers.errors import SourceError
from crawlers.platforms import build_platform
from domain.mention import Kind, Precision
from domain.moment import SHANGHAI
from domain.outcome import Drop
from domain.outcome import FetchOutcome as F
from domain.secret import Secret
from tests.crawlers.pages import NOW, source

NOTE = "6a3531d44da803f3b74759f3"
API = "https://edith.xiaohongshu.com/api/sns/web/v1/x"
PAGE = f"https://www.xiaohongshu.com/explore/{NOTE}?xsec_token=AB1%3D&xsec_source=pc_search"
NEW_YEAR = datetime(2027, 1, 1, 0, 20, tzinfo=SHANGHAI)


def parse(endpoint: str, body: Any, *, url: str = API, status: int = 200, now: datetime = NOW) -> Parsed:
    text = body if isinstance(body, str) else json.dumps(body)
    answer = Response(url=url, status=status, body=text.encode("utf-8", "surrogatepass"), now=now)
    return build_platform("xiaohongshu").parse(endpoint, answer)


def card(time: str | None = "昨天 20:11", **more: Any) -> dict[str, Any]:
    corner = [{"type": "publish_time", "text": time}] if time else None
    return {"type": "normal", "display_title": "题", "user": {"nick_name": "甲", "user_id": "u1"},
            "interact_info": {"liked_count": "点赞", "collected_count": "1.2万", "comment_count": "10+"},
            "corner_tag_info": corner, **more}  # fmt: skip


def item(note_id: str = NOTE, token: str | None = "AB+/=", kind: str = "note", **more: Any) -> dict[str, Any]:
    return {"id": note_id, "model_type": kind, "xsec_token": token, "note_card": card(), **more}


def found(*items: Any, **more: Any) -> dict[str, Any]:
    return {"code": 0, "success": True, "data": {"has_more": True, "items": list(items), **more}}


def page(state: str, before: str = "", after: str = "") -> str:
    return f"<html><body>{before}<script>window.__INITIAL_STATE__={state}{after}</script></body></html>"


def note(**more: Any) -> dict[str, Any]:
    return {"noteId": NOTE, "type": "normal", "title": "题", "desc": "文", "time": 1781871093000,
            "user": {"userId": "u1", "nickname": "甲"}, "interactInfo": {"likedCount": "3"}, **more}  # fmt: skip


def state(*notes: dict[str, Any], **more: Any) -> str:
    return json.dumps({"note": {"noteDetailMap": {each["noteId"]: {"note": each} for each in notes}, **more}})


def comment(comment_id: str, **more: Any) -> dict[str, Any]:
    return {"id": comment_id, "note_id": NOTE, "content": "评", "create_time": 1781913600000, "like_count": "2",
            "user_info": {"user_id": "u2", "nickname": "乙"}, **more}  # fmt: skip


def comments(*listed: Any, **more: Any) -> dict[str, Any]:
    return {"code": 0, "success": True, "data": {"has_more": False, "cursor": "c", "comments": list(listed), **more}}


@pytest.mark.parametrize(
    ("endpoint", "body", "http", "outcome"),
    [
        ("xhs.search", found(item()), 471, F.CAPTCHA),
        ("xhs.explore", page(state(note())), 461, F.CAPTCHA),
        ("xhs.search", {"code": 300011, "success": False, "msg": "检测到帐号异常"}, 200, F.ACCOUNT_RESTRICTED),
        ("xhs.search", {"code": "300012", "success": False}, 200, F.IP_BLOCKED),
        ("xhs.comments", {"code": -101, "success": False, "msg": "无登录信息"}, 200, F.LOGIN_REQUIRED),
        ("xhs.feed", {"code": -104, "success": False, "msg": "没有权限"}, 200, F.ACCOUNT_RESTRICTED),
        ("xhs.feed", {"code": -510000, "success": False}, 200, F.GONE),
        ("xhs.search", {"code": -1, "success": False}, 406, F.SIGNATURE_REJECTED),
        ("xhs.search", {"code": -9, "success": False}, 200, F.ERROR),
        ("xhs.search", {"success": False}, 200, F.ERROR),
        ("xhs.search", "", 429, F.RATE_LIMITED),
        ("xhs.search", "<html>请完成验证</html>", 200, F.CAPTCHA),
        ("xhs.search", "<html>", 200, F.PARSE_ERROR),
        ("xhs.search", "[]", 200, F.SCHEMA_ERROR),
        ("xhs.search", {"code": 0, "success": True, "data": {}}, 200, F.SCHEMA_ERROR),
        ("xhs.search", {"code": 0, "success": True, "data": {"has_more": False}}, 200, F.EMPTY),
        ("xhs.search", found(has_more=False), 200, F.EMPTY),
        ("xhs.search", found(item(kind="hot_query"), item(kind="ads")), 200, F.EMPTY),
        ("xhs.search", found(item("?")), 200, F.SCHEMA_ERROR),
        ("xhs.search", found(item(note_card=None)), 200, F.SCHEMA_ERROR),
        ("xhs.comments", comments(), 200, F.EMPTY),
        ("xhs.comments", comments({"id": "?"}), 200, F.SCHEMA_ERROR),
        ("xhs.comments", {"code": 0, "data": {}}, 200, F.SCHEMA_ERROR),
        ("xhs.explore", page('{"note":{"noteDetailMap":{}}}'), 200, F.LOGIN_REQUIRED),
        ("xhs.explore", page('{"noteData":{"data":{}}}'), 200, F.LOGIN_REQUIRED),
        ("xhs.explore", page('{"global":{}}', "<div class='login-container'></div>"), 200, F.LOGIN_REQUIRED),
        ("xhs.explore", page('{"global":{}}'), 200, F.SCHEMA_ERROR),
        ("xhs.explore", page('{"note":'), 200, F.PARSE_ERROR),
        ("xhs.explore", page(state(serverRequestInfo={"errorCode": -510001})), 200, F.GONE),
        ("xhs.explore", page(state(serverRequestInfo={"errorCode": 300012})), 200, F.IP_BLOCKED),
        ("xhs.explore", page(state(serverRequestInfo={"errorCode": 1, "errMsg": "笔记不存在"})), 200, F.GONE),
        ("xhs.explore", page(state(note(noteId="?"))), 200, F.SCHEMA_ERROR),
        ("xhs.explore", "<html>安全验证</html>", 200, F.CAPTCHA),
        ("xhs.explore", "<html>登录后查看更多</html>", 200, F.LOGIN_REQUIRED),
        ("xhs.explore", "", 200, F.PARSE_ERROR),
        ("xhs.explore", "", 404, F.GONE),
        ("xhs.explore", "", 406, F.SIGNATURE_REJECTED),
        ("xhs.other", "{}", 200, F.ERROR),
    ],
)
def test_walls_errors_and_empty_answers_are_told_apart(endpoint: str, body: Any, http: int, outcome: F) -> None:
    parsed = parse(endpoint, body, status=http)
    assert parsed.outcome is outcome
    assert parsed.posts == ()


@pytest.mark.parametrize(
    ("path", "outcome"),
    [
        ("/login?redirectPath=x", F.LOGIN_REQUIRED),
        ("/website-login/captcha?verifyUuid=x", F.CAPTCHA),
        ("/website-login/error?error_code=300012", F.IP_BLOCKED),
        ("/404/sec_x?error_code=-510001", F.GONE),
        ("/404/sec_x?error_code=1", F.BLOCKED),
    ],
)
def test_being_sent_elsewhere_is_a_verdict(path: str, outcome: F) -> None:
    assert parse("xhs.explore", page(state(note())), url=f"https://www.xiaohongshu.com{path}").outcome is outcome


def test_listed_notes_show_their_title_only() -> None:
    ad = item("6a3531d44da803f3b74759f4", kind="ads")
    parsed = parse("xhs.search", found(item(), ad, item(), item("x")))
    (post,) = parsed.posts
    assert (post.native_id, post.text, post.title, post.truncated) == (NOTE, "题", "题", True)
    assert post.url == f"https://www.xiaohongshu.com/explore/{NOTE}?xsec_token=AB%2B%2F%3D&xsec_source=pc_search"
    assert dict(post.extra)["url_canonical"] == f"https://www.xiaohongshu.com/explore/{NOTE}"
    assert (post.author.name, post.author.id) == ("甲", "u1")
    assert dict(parsed.drops) == {Drop.DUPLICATE_IN_BATCH: 1, Drop.NO_ID: 1}


def test_note_without_token_links_to_its_plain_address() -> None:
    (post,) = parse("xhs.search", found(item(token=None))).posts
    assert post.url == f"https://www.xiaohongshu.com/explore/{NOTE}"


def test_counters_tell_labels_bounds_and_unknown_apart() -> None:
    counts = parse("xhs.search", found(item())).posts[0].engagement
    assert (counts.likes, counts.favourites, counts.comments, counts.shares) == (0, 12_000, 10, None)
    assert (counts.approx, counts.lower_bound) == (frozenset({"favourites"}), frozenset({"comments"}))


@pytest.mark.parametrize(
    ("printed", "at", "precision"),
    [
        ("昨天 23:58", datetime(2026, 12, 31, 23, 58, tzinfo=SHANGHAI), Precision.MINUTE),
        ("12-31", datetime(2026, 12, 31, tzinfo=SHANGHAI), Precision.DAY),
        ("编辑于 12-31 江苏", datetime(2026, 12, 31, tzinfo=SHANGHAI), Precision.DAY),
        ("2025-12-30", datetime(2025, 12, 30, tzinfo=SHANGHAI), Precision.DAY),
        ("30分钟前", datetime(2026, 12, 31, 23, 50, tzinfo=SHANGHAI), Precision.MINUTE),
        (None, datetime(2026, 6, 19, 20, 11, tzinfo=SHANGHAI), Precision.SECOND),
    ],
)
def test_times_on_new_years_night(printed: str | None, at: datetime, precision: Precision) -> None:
    (post,) = parse("xhs.search", found(item(note_card=card(printed))), now=NEW_YEAR).posts
    assert post.published_at is not None
    assert post.published_at.replace(second=0) == at
    assert post.published_precision is precision


def test_id_that_holds_no_past_second_gives_no_time() -> None:
    for note_id in ("ffffffff4da803f3b74759f3", "000000014da803f3b74759f3", "6a3531d4"):
        (post,) = parse("xhs.search", found(item(note_id, note_card=card(None)))).posts
        assert post.published_at is None


def test_next_page_follows_the_asked_one_while_there_is_more() -> None:
    assert dict(parse("xhs.search", found(item()), url=f"{API}?page=3").next) == {"page": 4}
    assert parse("xhs.search", found(item(), has_more=False)).next == ()


def test_note_of_the_api_has_its_text() -> None:
    topics = [("鹿鸣茶饮", "topic"), ("奶茶", "topic"), ("贴纸", "brand")]
    full = card(
        note_id=NOTE,
        desc="好喝#鹿鸣茶饮[话题]# @鹿鸣 官方 [哭惹R]\t\n\n<b>",
        ip_location="浙江",
        type="video",
        tag_list=[{"name": name, "type": kind} for name, kind in topics],
        at_user_list=[{"nickname": "鹿鸣 官方"}],
    ) | {"time": 1781871093000}
    (post,) = parse("xhs.feed", found(item(note_card=full))).posts
    assert post.text == "好喝#鹿鸣茶饮# @鹿鸣 官方 [哭惹R]\n<b>"
    assert (post.kind, post.truncated, post.author.region) == (Kind.VIDEO, False, "浙江")
    assert (post.tags, post.at_users) == (("鹿鸣茶饮", "奶茶"), ("鹿鸣 官方",))
    assert post.published_at == datetime(2026, 6, 19, 20, 11, 33, tzinfo=SHANGHAI)


def test_word_undefined_of_a_text_is_kept() -> None:
    text = 'undefined, "x":undefined\\'
    source_text = state(note(desc=text)).replace('"likedCount": "3"', '"likedCount": undefined, "x": [undefined]')
    (post,) = parse("xhs.explore", page(source_text, after=";(function(){undefined})()"), url=PAGE).posts
    assert post.text == text
    assert post.engagement.likes is None


def test_mobile_page_keeps_its_note_elsewhere() -> None:
    mobile = json.dumps({"noteData": {"data": {"noteData": note(user={"userId": "u1", "nickName": "甲"})}}})
    (post,) = parse("xhs.explore", page(mobile), url=PAGE.replace("explore", "discovery/item")).posts
    assert (post.native_id, post.author.name) == (NOTE, "甲")
    assert post.url == f"https://www.xiaohongshu.com/explore/{NOTE}?xsec_token=AB1%3D&xsec_source=pc_search"


def test_page_gives_the_note_that_was_asked_for() -> None:
    other = note(noteId="6a3531d44da803f3b74759f9", xsecToken="T")
    parsed = parse("xhs.explore", page(state(other, note())), url=PAGE)
    assert [post.native_id for post in parsed.posts] == [NOTE]
    (post,) = parse("xhs.explore", page(state(other)), url=PAGE).posts
    assert post.url == "https://www.xiaohongshu.com/explore/6a3531d44da803f3b74759f9?xsec_token=T&xsec_source=pc_search"


def test_hostile_page_is_read_in_linear_time() -> None:
    assert parse("xhs.explore", page('{"a":"' + '\\"' * 500_000)).outcome is F.PARSE_ERROR
    assert parse("xhs.explore", page("{" + '"undefined' * 100_000)).outcome is F.PARSE_ERROR
    assert parse("xhs.explore", page("{" + '"a":{' * 50_000)).outcome is F.PARSE_ERROR


def test_answers_to_a_comment_know_their_thread() -> None:
    reply = comment("b00000000001", target_comment={"id": "a00000000009"}, at_users=[{"nickname": "丙"}])
    top = comment(
        "a00000000001", sub_comment_count="2", sub_comments=[reply, comment("b00000000002")], ip_location="江苏"
    )
    parsed = parse("xhs.comments", comments(top, top, has_more=True))
    first, second, third = parsed.posts
    assert (first.parent_id, first.root_id, first.engagement.comments) == (NOTE, None, 2)
    assert (second.parent_id, second.root_id, second.at_users) == ("a00000000009", "a00000000001", ("丙",))
    assert (third.parent_id, third.engagement.comments) == ("a00000000001", None)
    assert {post.url for post in parsed.posts} == {f"https://www.xiaohongshu.com/explore/{NOTE}"}
    assert first.author.region == "江苏"
    assert dict(parsed.next) == {"cursor": "c"}
    assert parse("xhs.comments", comments(top)).next == ()


def test_page_of_answers_stands_under_the_comment_that_was_asked_for() -> None:
    url = f"{API}/comment/sub/page?note_id={NOTE}&root_comment_id=a00000000001"
    (post,) = parse("xhs.comments", comments(comment("b00000000001", note_id=None)), url=url).posts
    assert (post.parent_id, post.root_id) == ("a00000000001", "a00000000001")
    assert post.url == f"https://www.xiaohongshu.com/explore/{NOTE}"


def test_only_one_note_with_the_operators_cookie_can_be_asked_for() -> None:
    xhs = build_platform("xiaohongshu")
    for given in ({}, {"query": ("鹿鸣茶饮",)}, {"transport": "cookie", "url": "https://www.xiaohongshu.com/"}):
        with pytest.raises(SourceError, match="import an export"):
            xhs.start(source(platform="xiaohongshu", **given), NOW)
    with pytest.raises(SourceError, match="needs `cookie`"):
        xhs.start(source(platform="xiaohongshu", transport="cookie", url=PAGE), NOW)
    with pytest.raises(SourceError, match="xsec_token"):
        xhs.start(source(platform="xiaohongshu", transport="cookie", url=PAGE.split("?")[0], cookie=Secret("a=1")), NOW)
    own = source(platform="xiaohongshu", transport="cookie", url=PAGE, cookie=Secret("a=1"))
    (fetch,) = xhs.start(own, NOW)
    assert (fetch.endpoint, fetch.url) == ("xhs.explore", PAGE)
    parsed = parse("xhs.explore", page(state(note())), url=fetch.url)
    assert xhs.following(fetch, parsed) is None
    assert xhs.detail(own, parsed.posts[0]) is None
