import json
from datetime import datetime
from typing import Any

import pytest

from crawlers.errors import SourceError
from crawlers.platforms import build_platform
from crawlers.platforms.baidu import BaiduPage, BaiduSettings
from domain.mention import Precision
from domain.moment import SHANGHAI
from domain.outcome import Drop
from domain.outcome import FetchOutcome as F
from domain.secret import Secret
from tests.crawlers.pages import NOW, parse, source

SEARCH = "https://www.baidu.com/s?tn=news&word=x&pn="
LINK = "https://n.example.cn/1.html"


def card(data: dict[str, Any] | str | None = None, *, mu: str = LINK, inner: str = "") -> str:
    told = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False) if data else ""
    comment = f"<!--s-data:{told}-->" if told else ""
    return f'<div class="result-op c-container new-pmd" mu="{mu}">{comment}<div class="c-container">{inner}</div></div>'


def page(*cards: str, tail: str = "") -> str:
    return f"<html><head><title>百度资讯搜索</title></head><body>{''.join(cards)}{tail}</body></html>"


def board(*lines: Any, nested: bool = False) -> str:
    content = [{"content": list(lines)}] if nested else list(lines)
    body = {"data": {"cards": [{"component": "hotList", "content": content}]}}
    return f"<html><body><!--s-data:{json.dumps(body, ensure_ascii=False)}--></body></html>"


def test_a_card_without_embedded_data_is_read_from_its_labels() -> None:
    inner = (
        f'<h3><a href="{LINK}" aria-label="标题：云杉"><!--s-text--><em>云杉</em>回应 &amp; 致歉<!--/s-text--></a></h3>'
        '<span aria-label="摘要门店已停业">门店已停业</span><span aria-label="新闻来源：虚构日报">虚构日报</span>'
        '<span class="x" aria-label="发布于：昨天12:30">昨天12:30</span>'
    )
    for data in (None, '{"title": "坏', '{"summary": 3}'):
        (post,) = parse("baidu.news", page(card(data, inner=inner))).posts
        assert (post.title, post.text, post.author.name) == ("云杉回应 & 致歉", "门店已停业", "虚构日报")
        assert post.published_at == datetime(2026, 6, 19, 12, 30, tzinfo=SHANGHAI)
        assert post.published_precision is Precision.MINUTE
        assert (post.platform, post.native_id, post.truncated) == ("web", LINK, True)
    old = inner.replace('class="x" aria-label="发布于：昨天12:30"', 'class="c-color-gray2"')
    assert parse("baidu.news", page(card(inner=old))).posts[0].published_raw == "昨天12:30"


@pytest.mark.parametrize(
    ("printed", "at"),
    [
        ("12月31日", datetime(2025, 12, 31, tzinfo=SHANGHAI)),
        ("12月31日 23:50", datetime(2025, 12, 31, 23, 50, tzinfo=SHANGHAI)),
        ("昨天23:58", datetime(2025, 12, 31, 23, 58, tzinfo=SHANGHAI)),
        ("10分钟前", datetime(2025, 12, 31, 23, 55, tzinfo=SHANGHAI)),
        ("1月1日", datetime(2026, 1, 1, tzinfo=SHANGHAI)),
    ],
)
def test_times_on_new_years_night(printed: str, at: datetime) -> None:
    now = datetime(2026, 1, 1, 0, 5, tzinfo=SHANGHAI)
    body = page(card({"title": "题", "dispTime": printed}))
    assert parse("baidu.news", body, now=now).posts[0].published_at == at


@pytest.mark.parametrize(
    ("mu", "data", "link"),
    [
        (
            "https://baijiahao.baidu.com/s?id=18&amp;wfr=spider&amp;for=pc",
            {"title": "题"},
            "https://baijiahao.baidu.com/s?id=18",
        ),
        ("http://www.baidu.com/link?url=abc", {"title": "题", "titleUrl": LINK}, LINK),
        ("http://www.baidu.com/link?url=abc", {"title": "题"}, "http://www.baidu.com/link?url=abc"),
        (f"{LINK}?utm_source=x&amp;spm=1&amp;id=2", {"title": "题"}, f"{LINK}?id=2"),
        ("javascript:x", {"title": "题", "titleUrl": LINK}, LINK),
        ("", {"title": "题", "titleUrl": LINK}, LINK),
    ],
)
def test_the_id_is_the_page_s_own_link(mu: str, data: dict[str, Any], link: str) -> None:
    assert parse("baidu.news", page(card(data, mu=mu))).posts[0].native_id == link


def test_furniture_is_no_result_and_cards_without_a_link_are_counted() -> None:
    related = card({"title": "大家还在搜"}, mu="http://28608.recommend_list.baidu.com")
    body = page(card({"title": "题"}), related, card({"title": "题"}), card({"title": "无"}, mu="x:"), card(mu="x:"))
    parsed = parse("baidu.news", body)
    assert [post.native_id for post in parsed.posts] == [LINK]
    assert dict(parsed.drops) == {Drop.DUPLICATE_IN_BATCH: 1, Drop.NO_ID: 1}


def test_an_advert_is_marked() -> None:
    first = card({"title": "题"}, inner="<span>广告</span>")
    second = card({"title": "广告业半年报"}, mu=LINK + "?2", inner="<h3>广告业半年报</h3>")
    assert [post.promoted for post in parse("baidu.news", page(first, second)).posts] == [True, False]


@pytest.mark.parametrize(
    ("tail", "here", "step"),
    [
        ('<a href="/s?tn=news&pn=0">上一页</a><a href="/s?tn=news&pn=20">下一页 &gt;</a>', "10", {"pn": 20}),
        ('<a href="/s?tn=news&pn=0">&lt; 上一页</a>', "10", {}),
        ('<a href="/s?tn=news&pn=10">下一页</a>', "10", {}),
        ('<a href="http://[x">下一页</a>', "0", {}),
    ],
)
def test_the_next_page_is_the_one_that_the_page_links(tail: str, here: str, step: dict[str, int]) -> None:
    assert dict(parse("baidu.news", page(card({"title": "题"}), tail=tail), url=SEARCH + here).next) == step


@pytest.mark.parametrize(
    ("body", "http", "outcome"),
    [
        (page(tail="<div>抱歉，没有找到与“云杉”相关的资讯</div>"), 200, F.EMPTY),
        (page(card({"title": "没有找到的真相：百度安全验证"})), 200, F.OK),
        (page(tail="<script>var a='没有找到'</script>"), 200, F.SCHEMA_ERROR),
        (page(tail="<script>location='https://wappass.baidu.com/static/captcha/tuxing.html'</script>"), 200, F.CAPTCHA),
        ("<title>百度安全验证</title>", 200, F.CAPTCHA),
        ("<title>百度安全验证</title>", 403, F.CAPTCHA),
        (page(card({"title": "题"}, mu="x:")), 200, F.SCHEMA_ERROR),
        ("", 200, F.PARSE_ERROR),
        ("down", 503, F.ERROR),
        ("", 403, F.BLOCKED),
        ("", 429, F.RATE_LIMITED),
    ],
)
def test_a_captcha_is_never_an_empty_page_nor_the_reverse(body: str, http: int, outcome: F) -> None:
    assert parse("baidu.news", body, status=http).outcome is outcome


def test_a_redirect_to_the_captcha_is_one() -> None:
    to = "https://wappass.baidu.com/static/captcha/tuxing_v2.html?ak=1"
    assert parse("baidu.news", "", status=302, location=to).outcome is F.CAPTCHA
    assert parse("baidu.hot", "", url=to).outcome is F.CAPTCHA
    assert parse("baidu.news", "", status=302, location="http://[x").outcome is F.ERROR


@pytest.mark.parametrize("nested", [False, True])
def test_pinned_lines_of_the_board_do_not_count(nested: bool) -> None:
    lines = [
        {"word": "宣传", "isTop": True, "hotScore": "9"},
        {"word": "一", "query": "一 号", "hotScore": "7809412", "url": "javascript:x"},
        {"query": "二", "hotScore": "", "url": "https://m.baidu.com/s?word=2"},
    ]
    parsed = parse("baidu.hot", board(*lines, nested=nested))
    assert [(each.rank, each.title, each.hot, each.url) for each in parsed.trends] == [
        (1, "一", 7_809_412, "https://www.baidu.com/s?wd=%E4%B8%80%20%E5%8F%B7"),
        (2, "二", None, "https://m.baidu.com/s?word=2"),
    ]


@pytest.mark.parametrize(
    ("body", "http", "outcome"),
    [
        (board(), 200, F.EMPTY),
        (board({"word": "x", "isTop": "1"}), 200, F.EMPTY),
        (board({"other": 1}), 200, F.SCHEMA_ERROR),
        (board({"word": "x"}).replace("<!--s-data:", "<!--s-data:(").replace("-->", ")-->"), 200, F.OK),
        ("<html><!--s-data:{broken--><!--s-data:{}--></html>", 200, F.SCHEMA_ERROR),
        ('{"data": {"cards": [{"content": [{"word": "x"}]}]}}', 200, F.OK),
        ("<title>百度安全验证</title>", 200, F.CAPTCHA),
        ("", 200, F.PARSE_ERROR),
        ("", 500, F.ERROR),
    ],
)
def test_boards_that_cannot_be_read_are_told_apart(body: str, http: int, outcome: F) -> None:
    assert parse("baidu.hot", body, status=http).outcome is outcome


def test_answers_of_qianfan_are_read_as_those_of_web_search() -> None:
    found = {
        "references": [{"url": LINK, "title": "题", "content": "百度安全验证 <title>百度安全验证</title>", "date": ""}]
    }
    parsed = parse("baidu.qianfan", json.dumps(found))
    assert [(post.platform, post.native_id) for post in parsed.posts] == [("web", LINK)]
    assert parse("baidu.qianfan", '{"references": []}').outcome is F.EMPTY


def test_unknown_endpoints_are_an_error() -> None:
    parsed = parse("baidu.other", "{}")
    assert parsed.outcome is F.ERROR
    assert parsed.detail == "unknown endpoint baidu.other"


def test_without_words_the_board_is_asked() -> None:
    (fetch,) = build_platform("baidu").start(source(platform="baidu"), NOW)
    assert (fetch.endpoint, fetch.url) == ("baidu.hot", "https://top.baidu.com/board?tab=realtime")
    (other,) = BaiduPage(BaiduSettings(board="car")).start(source(platform="baidu"), NOW)
    assert other.url.endswith("tab=car")
    assert build_platform("baidu").following(fetch, parse(fetch.endpoint, board({"word": "x"}))) is None


def test_search_needs_the_operator_s_cookie_and_goes_on_by_tens() -> None:
    baidu = build_platform("baidu")
    more = {"platform": "baidu", "query": ("云杉", "星澜"), "transport": "cookie", "cookie": Secret("BAIDUID=1")}
    first, second = baidu.start(source(**more), NOW)
    assert first.url == ("https://www.baidu.com/s?rtt=4&bsst=1&cl=2&tn=news&ie=utf-8&word=%E4%BA%91%E6%9D%89&pn=0")
    assert "%E6%98%9F%E6%BE%9C" in second.url
    body = page(card({"title": "题"}), tail='<a href="/s?pn=10">下一页</a>')
    parsed = parse(first.endpoint, body, url=first.url)
    following = baidu.following(first, parsed)
    assert following is not None
    assert following.url == first.url.replace("pn=0", "pn=10")
    assert following.page == 2
    assert baidu.detail(source(**more), parsed.posts[0]) is None
    (by_focus,) = BaiduPage(BaiduSettings(by_time=False)).start(source(**{**more, "query": ("x",)}), NOW)
    assert "rtt=1" in by_focus.url


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"query": ("云杉",)}, "captcha"),
        ({"query": ("云杉",), "transport": "cookie"}, "needs `query` and `cookie`"),
        ({"transport": "cookie", "cookie": Secret("x")}, "needs `query` and `cookie`"),
        ({"transport": "rsshub"}, "no transport 'rsshub'"),
        ({"transport": "browser", "query": ("云杉咖啡",)}, "soon asks for a captcha"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_works_instead(more: dict[str, Any], words: str) -> None:
    with pytest.raises(SourceError, match=words):
        build_platform("baidu").start(source(platform="baidu", **more), NOW)
