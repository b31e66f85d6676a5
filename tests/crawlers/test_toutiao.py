import json
from datetime import datetime
from typing import Any

import pytest

from crawlers.errors import SourceError
from crawlers.platforms import build_platform
from crawlers.platforms.toutiao import ToutiaoPage, ToutiaoSettings
from domain.mention import Kind, Precision
from domain.moment import SHANGHAI
from domain.outcome import Drop
from domain.outcome import FetchOutcome as F
from tests.crawlers.pages import NOW, parse, source

ID = "7653332792814703085"
AT = datetime(2026, 6, 20, 12, 40, tzinfo=SHANGHAI)
SEARCH_ID = '<script>window.T={"searchId":"2026FIX"}</script>'
MORE = "https://so.toutiao.com/search?keyword=x&action_type=pagination&page_num=2"


def card(**more: Any) -> dict[str, Any]:
    return {"title": "题", "abstract": "文", "group_id": ID, "publish_time": 1781930400, **more}


def page(*cards: dict[str, Any] | str, tail: str = SEARCH_ID) -> str:
    bodies = [each if isinstance(each, str) else json.dumps({"data": each}, ensure_ascii=False) for each in cards]
    scripts = "".join(f'<script type="application/json" data-druid-card-data-id="1">{each}</script>' for each in bodies)
    return f"<html><head><title>头条搜索</title></head><body>{scripts}{tail}</body></html>"


def search(*cards: dict[str, Any] | str, **more: Any) -> Any:
    return parse("toutiao.search", page(*cards), **more)


def board(*lines: Any, **more: Any) -> str:
    return json.dumps({"data": list(lines), "status": "success", **more})


@pytest.mark.parametrize(
    ("more", "native_id", "url", "kind"),
    [
        ({"group_id": int(ID)}, ID, f"https://www.toutiao.com/article/{ID}/", Kind.ARTICLE),
        (
            {"group_id": "", "article_url": f"http://toutiao.com/group/{ID}/?app=x"},
            ID,
            f"https://www.toutiao.com/article/{ID}/",
            Kind.ARTICLE,
        ),
        (
            {"group_id": None, "share_url": f"https://m.toutiao.com/i{ID}/"},
            ID,
            f"https://www.toutiao.com/article/{ID}/",
            Kind.ARTICLE,
        ),
        ({"article_url": f"https://www.toutiao.com/w/{ID}/"}, ID, f"https://www.toutiao.com/w/{ID}/", Kind.POST),
        ({"has_video": True}, ID, f"https://www.toutiao.com/article/{ID}/", Kind.VIDEO),
        (
            {"article_url": f"https://www.toutiao.com/video/{ID}/"},
            ID,
            f"https://www.toutiao.com/video/{ID}/",
            Kind.VIDEO,
        ),
    ],
)
def test_ids_and_links_of_its_own_posts(more: dict[str, Any], native_id: str, url: str, kind: Kind) -> None:
    (post,) = search(card(**more)).posts
    assert (post.platform, post.native_id, post.url, post.kind) == ("toutiao", native_id, url, kind)


@pytest.mark.parametrize(
    ("link", "url"),
    [
        (
            "https://so.toutiao.com/search/jump?url=https%3A%2F%2Fa.example%2F1%3Futm_source%3Dx&aid=1",
            "https://a.example/1",
        ),
        ("//a.example/1", "https://a.example/1"),
        (f"https://a.example/article/{ID}/", f"https://a.example/article/{ID}/"),
        (f"https://nottoutiao.com/group/{ID}/", f"https://nottoutiao.com/group/{ID}/"),
    ],
)
def test_pages_of_other_sites_are_known_by_their_link(link: str, url: str) -> None:
    display = {
        "title": {"text": "<em>云杉</em>官网"},
        "summary": {"text": "文"},
        "info": {"url": link, "domain": "a.example"},
    }
    (post,) = search({"display": display}).posts
    assert (post.platform, post.native_id, post.title, post.author.name) == ("web", url, "云杉官网", "a.example")
    assert post.engagement.comments is None


@pytest.mark.parametrize(
    ("more", "at", "precision"),
    [
        ({"publish_time": "1781930400"}, AT, Precision.SECOND),
        ({"publish_time": 0, "create_time": 1781930400}, AT, Precision.SECOND),
        ({"publish_time": None, "datetime": "2026-06-20 12:40:00"}, AT, Precision.SECOND),
        ({"publish_time": None}, AT, Precision.MINUTE),
        ({"publish_time": None, "group_id": "12345678901"}, None, None),
    ],
)
def test_the_time_is_printed_or_that_of_the_id(more: dict[str, Any], at: Any, precision: Any) -> None:
    (post,) = search(card(**more)).posts
    assert (post.published_at, post.published_precision) == (at, precision)


def test_a_date_without_year_on_new_years_night_is_last_years() -> None:
    now = datetime(2026, 1, 1, 0, 5, tzinfo=SHANGHAI)
    (post,) = search(card(publish_time=None, datetime="12-31 23:50"), now=now).posts
    assert post.published_at == datetime(2025, 12, 31, 23, 50, tzinfo=SHANGHAI)


def test_no_views_is_unknown_but_no_comments_is_zero() -> None:
    first, second = search(
        card(read_count=0, comment_count=0), card(group_id="7653332792814703086", read_count="1.2万")
    ).posts
    assert (first.engagement.views, first.engagement.comments) == (None, 0)
    assert (second.engagement.views, second.engagement.comments) == (12_000, None)
    assert second.engagement.approx == {"views"}


def test_broken_and_nameless_cards_are_counted_and_the_rest_is_read() -> None:
    parsed = search("{broken", card(), card(), {"title": "无"}, {"related": ["x"]}, "3")
    assert [post.native_id for post in parsed.posts] == [ID]
    assert dict(parsed.drops) == {Drop.UNREADABLE: 1, Drop.DUPLICATE_IN_BATCH: 1, Drop.NO_ID: 1}


@pytest.mark.parametrize(
    ("body", "url", "outcome", "step"),
    [
        (page(), "https://so.toutiao.com/search?keyword=x", F.RETRY_SHELL, {"page_num": 0, "search_id": "2026FIX"}),
        (page(), "http://[x", F.RETRY_SHELL, {"page_num": 0, "search_id": "2026FIX"}),
        (page(tail='<div class="undefined-default"></div>'), "https://so.toutiao.com/search", F.RETRY_SHELL, {}),
        (page(), MORE, F.EMPTY, {}),
        (page(card()), MORE, F.OK, {"page_num": 3, "search_id": "2026FIX"}),
        (page(card(), tail=""), MORE, F.OK, {}),
        (page({"related": 1}), MORE, F.EMPTY, {}),
        (page("{broken"), MORE, F.SCHEMA_ERROR, {}),
        (page({"title": "无"}), MORE, F.SCHEMA_ERROR, {}),
        (page(tail=SEARCH_ID + "<p>抱歉，没有找到相关内容</p>"), "https://so.toutiao.com/search", F.EMPTY, {}),
        (page(tail="<script>a='没有找到'</script>"), MORE, F.SCHEMA_ERROR, {}),
        ("<title>验证码中间页</title>", MORE, F.CAPTCHA, {}),
        ("<script>window.byted_acrawler.init()</script>", MORE, F.JS_CHALLENGE, {}),
        ("", MORE, F.PARSE_ERROR, {}),
    ],
)
def test_a_shell_is_no_empty_page(body: str, url: str, outcome: F, step: dict[str, Any]) -> None:
    parsed = parse("toutiao.search", body, url=url)
    assert (parsed.outcome, dict(parsed.next)) == (outcome, step)


@pytest.mark.parametrize(("http", "outcome"), [(403, F.BLOCKED), (404, F.GONE), (429, F.RATE_LIMITED), (500, F.ERROR)])
def test_refusals_by_status(http: int, outcome: F) -> None:
    assert parse("toutiao.search", page(card()), status=http).outcome is outcome
    assert parse("toutiao.hot", "{}", status=http).outcome is outcome
    assert parse("toutiao.hot", "<html></html>", status=http).outcome is outcome


def test_the_board_is_ranked_without_its_pins_and_without_tracking() -> None:
    first = {
        "Title": "一",
        "HotValue": "18234567",
        "Url": "https://www.toutiao.com/trending/7/?rank=1",
        "Label": "boom",
    }
    second = {"Title": "<em>二</em>", "HotValue": "", "ClusterIdStr": "8", "Url": "javascript:x", "Label": "odd"}
    third = {"Title": "三", "ClusterId": 9, "HotValue": 12}
    trends = parse("toutiao.hot", board(first, {"Title": ""}, second, third, fixed_top_data=[{"Title": "顶"}])).trends
    assert [(each.rank, each.title, each.hot, each.url, each.label) for each in trends] == [
        (1, "一", 18_234_567, "https://www.toutiao.com/trending/7/", "爆"),
        (2, "二", None, "https://www.toutiao.com/trending/8/", None),
        (3, "三", 12, "https://www.toutiao.com/trending/9/", None),
    ]


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (board(), F.EMPTY),
        (board({"title": "x"}), F.SCHEMA_ERROR),
        ('{"message": "error"}', F.SCHEMA_ERROR),
        ("[]", F.SCHEMA_ERROR),
        ("{", F.PARSE_ERROR),
        ("<html><script>__ac_nonce</script></html>", F.JS_CHALLENGE),
        ("<title>验证码中间页</title>", F.CAPTCHA),
    ],
)
def test_boards_that_cannot_be_read_are_told_apart(body: str, outcome: F) -> None:
    assert parse("toutiao.hot", body).outcome is outcome


def test_unknown_endpoints_are_an_error() -> None:
    assert parse("toutiao.other", "{}").detail == "unknown endpoint toutiao.other"


def test_without_words_the_board_is_asked() -> None:
    (fetch,) = build_platform("toutiao").start(source(platform="toutiao"), NOW)
    assert fetch.endpoint == "toutiao.hot"
    assert fetch.url == "https://www.toutiao.com/hot-event/hot-board/?origin=toutiao_pc"
    assert build_platform("toutiao").following(fetch, parse(fetch.endpoint, board({"Title": "x"}))) is None


def test_search_is_the_operator_s_own_decision_and_goes_on_in_the_form_for_pages() -> None:
    toutiao = build_platform("toutiao")
    with pytest.raises(SourceError, match=r"robots\.txt closes its search"):
        toutiao.start(source(platform="toutiao", query=("云杉",)), NOW)
    with pytest.raises(SourceError, match="no transport 'cookie'"):
        toutiao.start(source(platform="toutiao", transport="cookie"), NOW)
    (fetch,) = toutiao.start(source(platform="toutiao", query=("云杉",), robots="override"), NOW)
    assert fetch.url == "https://so.toutiao.com/search?keyword=%E4%BA%91%E6%9D%89&pd=information&dvpf=pc&page_num=0"
    shell = parse(fetch.endpoint, page(), url=fetch.url)
    again = toutiao.following(fetch, shell)
    assert again is not None
    assert again.page == 1
    assert again.url.endswith("&dvpf=pc&source=pagination&action_type=pagination&page_num=0&search_id=2026FIX")
    parsed = parse(again.endpoint, page(card()), url=again.url)
    following = toutiao.following(again, parsed)
    assert following is not None
    assert following.page == 2
    assert following.url == again.url.replace("page_num=0", "page_num=1")
    assert toutiao.detail(source(), parsed.posts[0]) is None
    everything = ToutiaoPage(ToutiaoSettings(section="synthesis"))
    assert "pd=synthesis" in everything.start(source(platform="toutiao", query=("x",), robots="override"), NOW)[0].url
