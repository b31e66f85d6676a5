import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.errors import SourceError
from crawlers.platforms import build_platform
from crawlers.platforms._weibo_id import mid_time, permalink
from crawlers.platforms.weibo import WeiboPage, WeiboSettings
from domain.mention import Kind, Precision
from domain.moment import SHANGHAI
from domain.outcome import FetchOutcome as F
from domain.secret import Secret
from domain.weibo_id import bid_to_mid, mid_to_bid
from tests.crawlers.pages import NOW, parse, source

USER = {"id": 12, "screen_name": "甲", "verified": False, "verified_type": -1, "followers_count": "1.2万"}


def status(**more: Any) -> dict[str, Any]:
    return {
        "id": "5311901742082998",
        "created_at": "Sat Jun 20 15:12:08 +0800 2026",
        "text": "文",
        "user": USER,
        **more,
    }


def search(*statuses: dict[str, Any], **more: Any) -> str:
    cards = [{"card_type": 9, "mblog": each} for each in statuses]
    return json.dumps({"ok": 1, "data": {"cards": cards, "cardlistInfo": {"page": 3}}, **more})


def test_ids_are_two_spellings_of_one_number() -> None:
    assert mid_to_bid("3501756485200075") == "z0JH2lOMb"
    assert bid_to_mid("z0JH2lOMb") == "3501756485200075"
    assert mid_to_bid("x") == mid_to_bid("") == bid_to_mid("") == bid_to_mid("!") == ""


@given(st.integers(min_value=1, max_value=10**18))
def test_every_mid_survives_its_bid(number: int) -> None:
    assert bid_to_mid(mid_to_bid(str(number))) == str(number)


def test_mid_holds_its_second() -> None:
    assert mid_time("5311901742082998") == datetime(2026, 6, 20, 15, 12, 8, tzinfo=SHANGHAI)
    assert mid_time("123") is None
    assert permalink("", "", "5311901742082998") == "https://m.weibo.cn/status/R4ZCm8JSK"
    assert permalink("x/../y", "", "5311901742082998") == "https://m.weibo.cn/status/R4ZCm8JSK"
    assert permalink("1", "", "") is None


def test_status_without_time_takes_that_of_its_mid() -> None:
    post = parse("weibo.m_search", search(status(created_at="?"))).posts[0]
    assert post.published_at == datetime(2026, 6, 20, 15, 12, 8, tzinfo=SHANGHAI)
    assert post.published_precision is Precision.SECOND
    assert post.author.followers == 12_000
    assert post.url == "https://weibo.com/12/R4ZCm8JSK"


def test_deleted_statuses_and_advertising_are_told_apart() -> None:
    gone = status(id="5311901742082999", user=None, text="抱歉，此微博已被作者删除。")
    marked = status(id="5311901742083000", deleted="1")
    advert = status(id="5311901742083001", ad_marked=True)
    posts = parse("weibo.m_search", search(gone, marked, advert)).posts
    assert [(post.native_id, post.promoted) for post in posts] == [("5311901742083001", True)]


def test_embedded_original_comes_once_and_after_the_list() -> None:
    original = status(id="5311643450037041", text="原文")
    first = status(retweeted_status=original, text="转//@乙:好")
    second = status(id="5311901742082999", retweeted_status=original)
    posts = parse("weibo.m_search", search(first, second)).posts
    assert [post.kind for post in posts] == [Kind.REPOST, Kind.REPOST, Kind.POST]
    assert posts[0].own_text == "转"
    assert posts[0].repost_of is not None
    assert posts[0].repost_of.text == "原文"


def test_original_that_is_in_the_list_itself_is_not_repeated() -> None:
    original = status(id="5311643450037041", text="原文")
    posts = parse("weibo.m_search", search(status(retweeted_status=original), original)).posts
    assert [post.native_id for post in posts] == ["5311901742082998", "5311643450037041"]


def test_raw_text_shows_links_as_people_see_them() -> None:
    raw = status(
        text_raw="看 http://t.cn/A1 @乙 #话题# [怒] a<b",
        url_struct=[{"short_url": "http://t.cn/A1", "url_title": "网页链接", "long_url": "https://n.cn/1"}],
        topic_struct=[{"topic_title": "另题"}],
    )
    post = parse("weibo.ajax_show", json.dumps(raw)).posts[0]
    assert post.text == "看 网页链接 @乙 #话题# [怒] a<b"
    assert post.links == ("https://n.cn/1",)
    assert post.at_users == ("乙",)
    assert post.tags == ("话题", "另题")


@pytest.mark.parametrize(
    ("endpoint", "body", "http", "outcome"),
    [
        ("weibo.m_search", '{"ok":0,"msg":"这里还没有内容"}', 200, F.EMPTY),
        ("weibo.m_search", '{"ok":0,"msg":"系统繁忙"}', 200, F.ERROR),
        ("weibo.m_search", '{"ok":-100,"url":"https://passport.weibo.com/sso/signin"}', 200, F.LOGIN_REQUIRED),
        ("weibo.m_search", '{"ok":-100,"url":"https://m.weibo.cn/captcha/show"}', 200, F.CAPTCHA),
        ("weibo.m_search", '{"ok":1,"data":{"cards":[]}}', 200, F.EMPTY),
        ("weibo.m_search", '{"ok":1,"data":{"cards":[{"card_type":42}]}}', 200, F.EMPTY),
        ("weibo.m_search", '{"ok":1,"data":{}}', 200, F.SCHEMA_ERROR),
        ("weibo.m_search", '{"ok":1,"data":{"cards":[{"card_type":9}]}}', 200, F.SCHEMA_ERROR),
        ("weibo.m_search", "<html>", 200, F.PARSE_ERROR),
        ("weibo.m_search", "3", 200, F.SCHEMA_ERROR),
        ("weibo.m_search", "", 432, F.BLOCKED),
        ("weibo.m_search", "", 418, F.BLOCKED),
        ("weibo.m_search", '{"ok":1}', 429, F.RATE_LIMITED),
        ("weibo.m_search", "[" * 10_000, 200, F.PARSE_ERROR),
        ("weibo.s_search", "<html><body>x</body></html>", 200, F.SCHEMA_ERROR),
        ("weibo.s_search", "", 200, F.PARSE_ERROR),
        ("weibo.s_search", "<html>", 403, F.BLOCKED),
        ("weibo.s_search", "<html><title>Sina Visitor System</title>", 200, F.LOGIN_REQUIRED),
        ("weibo.visitor", "nothing", 200, F.PARSE_ERROR),
        ("weibo.visitor", 'cb({"retcode":50111261})', 200, F.ERROR),
        ("weibo.visitor", 'cb({"retcode":20000000,"data":{}})', 200, F.SCHEMA_ERROR),
        ("weibo.ajax_show", '{"ok":0,"error_code":20101,"message":"该微博不存在"}', 400, F.GONE),
        ("weibo.ajax_show", '{"ok":0,"message":"暂无查看权限"}', 200, F.GONE),
        ("weibo.ajax_show", '{"ok":1}', 200, F.SCHEMA_ERROR),
        ("weibo.ajax_longtext", '{"ok":1,"data":{}}', 200, F.EMPTY),
        ("weibo.c_api", '{"error":"expired_token","error_code":21327}', 401, F.AUTH_FAILED),
        ("weibo.c_api", '{"error":"rate","error_code":10022}', 403, F.RATE_LIMITED),
        ("weibo.c_api", '{"error":"param","error_code":10008}', 400, F.BAD_QUERY),
        ("weibo.c_api", '{"error":"?","error_code":99}', 403, F.BLOCKED),
        ("weibo.c_api", '{"error":"?","error_code":99}', 200, F.ERROR),
        ("weibo.c_api", '{"statuses":[],"total_number":0}', 200, F.EMPTY),
        ("weibo.c_api", '{"statuses":[{}]}', 200, F.SCHEMA_ERROR),
        ("weibo.c_api", '{"x":1}', 200, F.SCHEMA_ERROR),
        ("weibo.hotflow", '{"ok":0,"msg":"还没有人评论哦~快来抢沙发！"}', 200, F.EMPTY),
        ("weibo.hotflow", '{"ok":0,"msg":"由于博主设置，不能评论"}', 200, F.COMMENTS_CLOSED),
        ("weibo.hotflow", '{"ok":1,"data":{"data":[]}}', 200, F.EMPTY),
        ("weibo.hotflow", '{"ok":1,"data":{"data":[{}]}}', 200, F.SCHEMA_ERROR),
        ("weibo.hotflow", '{"ok":1,"data":{}}', 200, F.SCHEMA_ERROR),
        ("weibo.hot", '{"ok":1,"data":{"realtime":[]}}', 200, F.EMPTY),
        ("weibo.hot", '{"ok":1,"data":{}}', 200, F.SCHEMA_ERROR),
        ("weibo.other", "{}", 200, F.ERROR),
    ],
)
def test_block_error_and_empty_are_never_confused(endpoint: str, body: str, http: int, outcome: F) -> None:
    parsed = parse(endpoint, body, status=http, url="https://m.weibo.cn/x")
    assert parsed.outcome is outcome
    assert parsed.posts == ()


def test_being_sent_to_the_passport_is_a_login_wall() -> None:
    assert (
        parse("weibo.m_search", search(status()), url="https://passport.weibo.com/visitor").outcome is F.LOGIN_REQUIRED
    )


def test_long_text_replaces_short_links() -> None:
    body = {
        "ok": 1,
        "data": {"longTextContent": "全 http://t.cn/1<br/>完", "url_struct": [{"short_url": "http://t.cn/1"}]},
    }
    assert dict(parse("weibo.ajax_longtext", json.dumps(body)).extras)["long_text"] == "全 网页链接\n完"


def test_full_text_inside_a_status_completes_it() -> None:
    post = parse("weibo.m_search", search(status(isLongText=True, longText={"longTextContent": "全文 a<b"}))).posts[0]
    assert (post.text, post.truncated) == ("全文 a<b", False)


def test_original_that_is_gone_leaves_its_id() -> None:
    page = (
        "<html><body><div class='card-wrap' mid='5311901742082998'><div class='content'>"
        "<p class='txt' node-type='feed_list_content'>转发微博</p><div class='card-comment'>"
        "<p class='txt' node-type='feed_list_content'>抱歉，此微博已被作者删除。</p>"
        "<a action-data='mid=5311643450037041'>赞</a></div></div></div></body></html>"
    )
    (post,) = parse("weibo.s_search", page).posts
    assert post.kind is Kind.REPOST
    assert post.repost_of is not None
    assert (post.repost_of.id, post.repost_of.available) == ("5311643450037041", False)


def test_mobile_detail_page_holds_the_status() -> None:
    body = "<script>var $render_data = [" + json.dumps({"status": status()}) + "][0] || {};</script>"
    assert parse("weibo.m_detail", body).posts[0].native_id == "5311901742082998"
    assert parse("weibo.m_show", json.dumps({"ok": 1, "data": status()})).posts[0].text == "文"


def test_profile_search_is_a_list_of_statuses() -> None:
    body = {"ok": 1, "data": {"list": [status()]}}
    assert parse("weibo.search_profile", json.dumps(body)).outcome is F.OK


def test_api_pages_go_on_while_there_is_more() -> None:
    body = json.dumps({"statuses": [status()], "total_number": 120})
    parsed = parse("weibo.c_api", body, url="https://c.api.weibo.com/x.json?q=a&count=50&page=2")
    assert dict(parsed.next) == {"page": 3}
    parsed = parse("weibo.c_api", body, url="https://c.api.weibo.com/x.json?q=a&count=50&page=3")
    assert parsed.next == ()


def test_desktop_comments_know_their_thread() -> None:
    body = {"ok": 1, "data": [{"id": 1, "idstr": "5311903722354873", "text_raw": "评", "like_counts": 3, "user": USER,
            "source": "来自湖北", "comments": [{"id": "5311904349168169", "text": "复"}]}], "max_id": 0}  # fmt: skip
    url = "https://weibo.com/ajax/statuses/buildComments?id=5311901742082998&uid=12"
    first, reply = parse("weibo.build_comments", json.dumps(body), url=url).posts
    assert (first.parent_id, first.root_id, first.engagement.likes) == ("5311901742082998", "5311903722354873", 3)
    assert (reply.parent_id, reply.root_id) == ("5311903722354873", "5311903722354873")
    assert first.url == "https://weibo.com/12/R4ZCm8JSK"
    assert first.author.region == "湖北"


def test_result_page_without_mid_is_known_by_its_link() -> None:
    page = (
        "<html><body><div class='card-wrap' mid='x'><div class='content'><div class='info'><a nick-name='甲' "
        "href='//weibo.com/u/12'>甲</a></div><div class='from'>"
        "<a href='//weibo.com/12/R4ZCm8JSK?x'>01月02日 08:00</a></div>"
        "<p class='txt' node-type='feed_list_content'>文<a href='#'>展开<i>c</i></a></p></div></div>"
        "<div class='card-wrap' mid='1'><p>广告位</p></div></body></html>"
    )
    (post,) = parse("weibo.s_search", page, now=NOW + timedelta(days=194)).posts
    assert (post.native_id, post.truncated, post.author.id) == ("5311901742082998", True, "12")
    assert post.engagement.likes is None


def test_transports_ask_for_what_they_need() -> None:
    weibo = WeiboPage()
    assert [f.endpoint for f in weibo.start(source(platform="weibo"), NOW)] == ["weibo.hot"]
    for transport, needed in (("cookie", "cookie"), ("official", "token")):
        with pytest.raises(SourceError, match=f"needs `{needed}`"):
            weibo.start(source(platform="weibo", transport=transport), NOW)
    with pytest.raises(SourceError, match="transport `browser` needs `cookie`"):
        weibo.start(source(platform="weibo", transport="browser"), NOW)
    with pytest.raises(SourceError, match="no transport 'rsshub'"):
        weibo.start(source(platform="weibo", transport="rsshub"), NOW)
    cookie = source(platform="weibo", transport="cookie", cookie=Secret("SUB=1"), query=("云杉 咖啡", "乙"))
    first, second = weibo.start(cookie, NOW)
    assert "q%3D%E4%BA%91%E6%9D%89%20%E5%92%96%E5%95%A1" in first.url
    assert second.endpoint == "weibo.m_search"
    (found,) = WeiboPage(WeiboSettings(via="s")).start(source(platform="weibo", transport="cookie", cookie=Secret("x"),
                                                             query=("云",)), NOW)  # fmt: skip
    assert found.url == "https://s.weibo.com/weibo?q=%E4%BA%91&typeall=1&suball=1"
    token = source(platform="weibo", transport="official", token=Secret("t"), query=("云",))
    (asked,) = weibo.start(token, NOW)
    assert "access_token" not in asked.url


def test_next_pages_follow_the_answer() -> None:
    weibo = build_platform("weibo")
    cookie = source(platform="weibo", transport="cookie", cookie=Secret("SUB=1"), query=("云",))
    (fetch,) = weibo.start(cookie, NOW)
    step = weibo.following(fetch, parse("weibo.m_search", search(status())))
    assert step is not None
    assert step.url.endswith("&page=3")
    assert step.url.count("page=") == 1
    assert step.page == 2
    assert weibo.following(fetch, parse("weibo.m_search", "{}")) is None


def test_full_text_is_asked_for_truncated_posts_of_the_cookie_road_only() -> None:
    weibo = build_platform("weibo")
    post = parse("weibo.m_search", search(status(isLongText=True))).posts[0]
    fetch = weibo.detail(source(platform="weibo", transport="cookie"), post)
    assert fetch is not None
    assert fetch.url == "https://weibo.com/ajax/statuses/longtext?id=R4ZCm8JSK"
    assert weibo.detail(source(platform="weibo"), post) is None
