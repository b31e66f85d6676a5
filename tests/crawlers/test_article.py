import json
import time

import pytest

from crawlers.errors import SourceError
from crawlers.platforms import build_platform
from crawlers.platforms.article import ArticlePage, ArticleSettings, _by_resiliparse
from crawlers.text import crowded
from domain.mention import Precision
from domain.moment import SHANGHAI
from domain.outcome import FetchOutcome as F
from tests.crawlers.pages import NOW, parse, source

BODY = "".join(
    f"<p>第{i}段：云杉咖啡人民广场店被指喝出塑料片，涉事门店已经停业自查，检测结果将在两天内公布。</p>"
    for i in range(6)
)


def page(body: str = BODY, head: str = "", title: str = "云杉咖啡回应异物_虚构网") -> str:
    return (
        f"<html><head><title>{title}</title>{head}</head><body>"
        "<div class='nav'><a href=/>首页</a><a href=/n>新闻</a></div>"
        f"<div class='main'><h1>云杉咖啡回应异物</h1><div class='info'>2026-06-19 10:15 作者：陈小夏</div>{body}</div>"
        "<div class='footer'>版权所有 2026-01-01</div></body></html>"
    )


def article(html: str, **more: str) -> object:
    return parse("article.page", html, url="https://news.example.cn/a/1?utm_source=x", **more).posts[0]


def test_text_title_author_and_time_are_found() -> None:
    post = parse("article.page", page(), url="https://news.example.cn/a/1?utm_source=x").posts[0]
    assert post.url == "https://news.example.cn/a/1"
    assert post.title == "云杉咖啡回应异物"
    assert post.text.count("塑料片") == 6
    assert "首页" not in post.text
    assert post.author.name == "陈小夏"
    assert post.published_at is not None
    assert post.published_at.astimezone(SHANGHAI).strftime("%m-%d %H:%M") == "06-19 10:15"
    assert post.published_precision is Precision.MINUTE
    assert dict(post.extra)["date_source"] == "text"


@pytest.mark.parametrize(
    ("head", "source_of_date"),
    [
        ('<meta property="article:published_time" content="2026-06-18T09:00:00+08:00">', "meta"),
        ('<script type="application/ld+json">{"@type":"NewsArticle","datePublished":"2026-06-18 09:00:00",'
         '"author":[{"name":"甲"}],"headline":"题","publisher":{"name":"虚构网"}}</script>', "json-ld"),
        ('<time datetime="2026-06-18T09:00:00+08:00">x</time>', "time"),
    ],
)  # fmt: skip
def test_stated_time_goes_before_the_printed_one(head: str, source_of_date: str) -> None:
    post = parse("article.page", page(head=head)).posts[0]
    assert post.published_at is not None
    assert post.published_at.astimezone(SHANGHAI).strftime("%m-%d %H:%M") == "06-18 09:00"
    assert dict(post.extra)["date_source"] == source_of_date


def test_rule_of_the_site_goes_before_everything() -> None:
    html = page(body=f"<section id=x><p>只要这段</p></section>{BODY}")
    parsed = parse("article.page", html, context={"text_css": "#x"})
    assert parsed.posts[0].text == "只要这段"
    assert parse("article.page", html, context={"text_css": "##["}).posts[0].text.count("塑料片") == 6
    assert parse("article.page", html, context={"text_css": "#none"}).posts[0].text.count("塑料片") == 6
    response_text = ArticlePage(ArticleSettings(text_css="#x"))
    assert response_text.name == "article"


def test_linked_data_holds_the_text() -> None:
    told = {"@graph": [{"@type": "Article", "articleBody": "云杉咖啡" * 40, "author": {"name": "甲"}}]}
    head = (
        f'<script type="application/ld+json">{json.dumps(told)}</script><script type="application/ld+json">{{</script>'
    )
    post = parse("article.page", page(head=head)).posts[0]
    assert post.text == "云杉咖啡" * 40
    assert dict(post.extra)["extracted_by"] == "json-ld"


def test_short_page_is_read_by_whoever_finds_most() -> None:
    post = parse("article.page", "<html><body><div>云杉咖啡今天停业</div></body></html>").posts[0]
    assert "云杉咖啡今天停业" in post.text


def test_medium_named_by_the_page_is_the_outlet() -> None:
    head = (
        '<meta property="og:site_name" content="虚构网"><meta property="og:title" content="真题">'
        '<meta name="author" content="乙">'
    )
    post = parse("article.page", page(head=head)).posts[0]
    assert (post.outlet, post.title, post.author.name) == ("虚构网", "真题", "乙")


@pytest.mark.parametrize(
    ("html", "outcome"),
    [
        ("", F.PARSE_ERROR),
        ("<html><body></body></html>", F.PARSE_ERROR),
        (page(title="百度安全验证"), F.CAPTCHA),
        (page(title="登录"), F.LOGIN_REQUIRED),
        ("<html>" + "<div>" * 100_000, F.PARSE_ERROR),
        ("\0" * 100, F.PARSE_ERROR),
    ],
)
def test_page_without_text_is_no_article(html: str, outcome: F) -> None:
    begun = time.process_time()
    assert parse("article.page", html).outcome is outcome
    assert time.process_time() - begun < 5


def test_other_things_than_pages_are_refused() -> None:
    assert parse("article.page", "%PDF-1.4", content_type="application/pdf").outcome is F.PARSE_ERROR
    assert parse("article.page", page(), status=404).outcome is F.GONE
    assert parse("article.page", page(), url="https://passport.weibo.com/x").outcome is F.LOGIN_REQUIRED


def test_giant_page_is_read_in_time() -> None:
    begun = time.process_time()
    parsed = parse("article.page", "<html><body>" + "<p>正文内容。</p>" * 60_000)
    assert parsed.outcome is F.OK
    assert time.process_time() - begun < 6


def test_future_times_are_brought_back() -> None:
    head = '<meta name="pubdate" content="2026-06-21 23:00:00">'
    post = parse("article.page", page(head=head)).posts[0]
    assert post.published_at == NOW


def test_page_needs_an_address() -> None:
    platform = build_platform("article")
    with pytest.raises(SourceError, match="needs `url`"):
        platform.start(source(platform="article"), NOW)
    (fetch,) = platform.start(source(platform="article", url="https://a.cn/1"), NOW)
    parsed = parse("article.page", page())
    assert platform.following(fetch, parsed) is None
    assert platform.detail(source(), parsed.posts[0]) is None


LISTS = "".join(f'<li><a href="/{n}"><span>另一条不相干的新闻标题{n}</span></a></li>' for n in range(200))
LONG_LINKS = "".join(
    f'<p><a href="/{n}">{"这一段正文整个放在链接里，网站这样做是为了统计点击。" * 3}</a></p>' for n in range(9)
)


@pytest.mark.parametrize(("more", "spared"), [("", True), (f"<ul>{LISTS}</ul>", True), (LONG_LINKS, False)])
def test_second_reader_is_asked_unless_most_text_was_found(
    more: str, spared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def count(source: str) -> str:
        asked.append(source)
        return _by_resiliparse(source)

    monkeypatch.setattr("crawlers.platforms.article._by_resiliparse", count)
    monkeypatch.setattr("crawlers.platforms.article._by_trafilatura", lambda tree: "正文" * 80)
    (post,) = parse("article.page", page("<p>" + "正文" * 80 + "</p>" + more)).posts
    assert "正文" in post.text
    assert (asked == []) is spared


@pytest.mark.parametrize("attribute", ["a", "a=1", 'a="<>"', "a   =   '>'"])
def test_tag_with_thousands_of_attributes_is_refused_at_once(attribute: str) -> None:
    assert crowded("<p>if a<b</p><div " + f"{attribute} " * 2_000 + ">")
    assert crowded("<div" + f"/{attribute} " * 2_000)
    assert not crowded("<p>if a<b</p><div " + f"{attribute} " * 1_999 + ">" + f"<i {attribute}>" * 3_000)
    parsed = parse("article.page", page("<div " + f"{attribute} " * 2_000 + ">"))
    assert (parsed.outcome, parsed.detail) == (F.PARSE_ERROR, "a tag with thousands of attributes")
