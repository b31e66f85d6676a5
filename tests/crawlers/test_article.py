import json
import time

import pytest

from crawlers.errors import SourceError
from crawlers.platforms import build_platform
from crawlers.platforms.article import (
    ArticlePage,
    ArticleSettings,
    _by_resiliparse,
    _is_list,
    _link_titles,
    _tree,
    _without_block,
)
from crawlers.text import crowded, html_to_text
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


ASIDE = "".join(f"<li><span>{n}</span><a href=/n{n}>第{n}条别家新闻：白鹿茶饮又上了热搜榜</a></li>" for n in range(60))


def test_list_of_other_news_is_told_from_an_article() -> None:
    titles = _link_titles(_tree(page(body=f"{BODY}<ul>{ASIDE}</ul>")))
    ranked = "\n".join(f"- {n}{13_000 + n}第{n}条别家新闻：白鹿茶饮又上了热搜榜" for n in range(20))
    assert _is_list(f"热点新闻\n{ranked}", titles)
    assert not _is_list(f"{html_to_text(BODY).text}\n{ranked[:200]}", titles)
    assert not _is_list("", titles)


def test_short_article_beside_a_list_of_other_news_is_found() -> None:
    body = "<p>云杉咖啡今天回应异物一事，称涉事门店已经停业自查。</p>" * 3
    html = page(
        body=f"<div id=endText>{body}</div><div class=post_list><div class=content><ul>{ASIDE}</ul></div></div>"
    )
    text = parse("article.page", html).posts[0].text
    assert "停业自查" in text
    assert "白鹿茶饮" not in text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"{'甲' * 130}\n相关阅读：\n白鹿茶饮又上热搜\n- 09:38\n243,325", "甲" * 130),
        (f"{'甲' * 130}\n【猜你喜欢】", "甲" * 130),
        (f"{'甲' * 20}\n相关阅读\n白鹿茶饮又上热搜", None),
        (f"{'甲' * 130}\n相关阅读\n{'乙' * 200}", None),
        (f"{'甲' * 130}\n他说，相关阅读材料已经公布", None),
        ("", None),
    ],
)
def test_what_is_recommended_after_the_end_is_left_out(text: str, kept: str | None) -> None:
    assert _without_block(text) == (text if kept is None else kept)


def test_text_of_a_table_has_no_lines_of_its_frame() -> None:
    html = page(body=f"<table><tr><td>{BODY}</td><td>旁边一格</td></tr></table>")
    assert not [line for line in parse("article.page", html).posts[0].text.split("\n") if line.startswith("|")]


@pytest.mark.parametrize(
    ("tab", "heading", "meta", "title"),
    [
        ("1-10月云杉县投资趋稳", "", "", "1-10月云杉县投资趋稳"),
        ("题 - 虚构网", "", "", "题"),
        ("新闻动态--虚构学会官网", "", "", "新闻动态"),
        ("云杉咖啡南美站正式启动 - 虚构省政府门户网站", "虚构省政府网站", "", "云杉咖啡南美站正式启动"),
        ("云杉咖啡南美站正式启动 - 虚构网", "南美站开张：云杉咖啡出海", "", "南美站开张：云杉咖啡出海"),
        ('奖金百万！"云杉奖"首位得主来头不小_虚构网', "", '"奖金百万！"云杉奖"首位得主来头不小"',
         '奖金百万！"云杉奖"首位得主来头不小'),
        ("云杉咖啡回应异物_虚构网", "", '"云杉咖啡回应"', "云杉咖啡回应"),
    ],
)  # fmt: skip
def test_title_is_the_page_s_own(tab: str, heading: str, meta: str, title: str) -> None:
    head = f"<meta property=og:title content={meta}>" if meta else ""
    html = f"<html><head><title>{tab}</title>{head}</head><body><h1>{heading}</h1><div>{BODY}</div></body></html>"
    assert parse("article.page", html).posts[0].title == title


def test_time_beside_the_title_goes_before_one_of_the_news_above_it() -> None:
    html = page(body=BODY).replace("<div class='nav'>", "<div class='nav'><a href=/l>2026-05-01 长征火箭升空</a>")
    assert told_on(html) == "06-19 10:15"


def test_time_that_is_said_to_be_of_publication_goes_before_one_of_the_story() -> None:
    html = page(body=f"<p>2026年2月27日下午，云杉咖啡调研</p>{BODY}<p>发布日期：2026-03-06</p>")
    assert told_on(html.replace("2026-06-19 10:15", "")) == "03-06 00:00"


@pytest.mark.parametrize(
    ("head", "title", "local"),
    [
        ('<meta itemprop="dateUpdate" content="2026-06-18 12:00:57">', "", "06-18 12:00"),
        ('<meta name="firstpublishedtime" content="2026-06-17">', "", "06-17 00:00"),
        ('<meta name="article:published_time" content="2026-06-18T09:00:00"><script type="application/ld+json">'
         '{"@type":"NewsArticle","datePublished":"2026-06-18T09:00:00.000Z"}</script>', "Spruce Coffee answers",
         "06-18 17:00"),
        ('<meta name="article:published_time" content="2026-06-18T09:00:00"><script type="application/ld+json">'
         '{"@type":"NewsArticle","datePublished":"2026-06-18T09:00:00.000Z"}</script>', "云杉咖啡回应", "06-18 09:00"),
    ],
)  # fmt: skip
def test_time_is_found_where_only_machines_look(head: str, title: str, local: str) -> None:
    html = f"<html><head><title>{title}</title>{head}</head><body><div>{BODY}</div></body></html>"
    assert told_on(html) == local


def test_time_in_english_words_is_read() -> None:
    html = page(body=f"<p>Posted on June 18, 2026 at 12:06 PM</p>{BODY}").replace("2026-06-19 10:15", "")
    assert told_on(html) == "06-18 12:06"


@pytest.mark.parametrize(
    ("title", "body", "outcome"),
    [
        ("云杉银行升级人机验证，用户称安全验证收不到", BODY * 2, F.OK),
        ("云杉银行升级人机验证，用户称安全验证收不到", "<p>请拖动滑块</p>", F.CAPTCHA),
        ("安全验证 - 虚构网", BODY * 2, F.CAPTCHA),
        ("Just a moment...", BODY * 2, F.CAPTCHA),
    ],
)
def test_article_about_a_captcha_is_none(title: str, body: str, outcome: F) -> None:
    assert parse("article.page", page(body=body, title=title)).outcome is outcome


@pytest.mark.parametrize("name", ["name, email@gmail.example", "104363", "https://a.cn/u/1"])
def test_author_that_is_no_name_is_not_taken(name: str) -> None:
    post = parse("article.page", page(head=f'<meta name="author" content="{name}">')).posts[0]
    assert post.author.name == "陈小夏"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("（文/李四）", "李四"),
        ("本站中文|首页", None),
        ("来源：“持久战”，中国人", None),
        ("来源：虚构日报", "虚构日报"),
    ],
)
def test_byline_is_a_name_and_no_clause(line: str, name: str | None) -> None:
    html = page(body=f"<p>{line}</p>{BODY}").replace("作者：陈小夏", "")
    assert parse("article.page", html, url="https://x.example.cn/1").posts[0].author.name == (name or "x.example.cn")


def told_on(html: str) -> str:
    at = parse("article.page", html).posts[0].published_at
    assert at is not None
    return at.astimezone(SHANGHAI).strftime("%m-%d %H:%M")
