import gzip
from datetime import datetime, timedelta

import pytest

from crawlers.errors import SourceError
from crawlers.platforms import build_platform
from domain.mention import Kind, Precision
from domain.moment import SHANGHAI
from domain.outcome import Drop
from domain.outcome import FetchOutcome as F
from tests.crawlers.pages import NOW, parse, source

SPACES = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:n="http://www.google.com/schemas/sitemap-news/0.9"'


def news(n: int = 1, title: str = "题", date: str = "2026-06-20T07:00:00Z", more: str = "") -> str:
    return (
        f"<url><loc>https://a.cn/{n}</loc><n:news><n:publication><n:name>某报</n:name><n:language>zh-CN</n:language>"
        f"</n:publication><n:publication_date>{date}</n:publication_date><n:title>{title}</n:title>{more}</n:news></url>"
    )


def pages(*urls: str, end: str = "</urlset>") -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><urlset {SPACES}>{"".join(urls)}{end}'


def index(*children: tuple[str, str]) -> str:
    listed = (
        f"<sitemap><loc>{loc}</loc>{f'<lastmod>{changed}</lastmod>' if changed else ''}</sitemap>"
        for loc, changed in children
    )
    return f"<sitemapindex {SPACES}>{''.join(listed)}</sitemapindex>"


def children(body: str, now: datetime = NOW) -> object:
    parsed = parse("sitemap.index", body, url="https://a.cn/index.xml", now=now)
    return dict(parsed.extras)["fresh_children"]


@pytest.mark.parametrize(
    ("printed", "local", "precision"),
    [
        ("2026-06-20T07:00:00Z", "2026-06-20 15:00:00", Precision.SECOND),
        ("2026-06-20T07:00:00.123+00:00", "2026-06-20 15:00:00", Precision.SECOND),
        ("2026-06-20T15:00+08:00", "2026-06-20 15:00:00", Precision.MINUTE),
        ("2026-06-20T15:00:00", "2026-06-20 15:00:00", Precision.SECOND),
        ("2026-06-20", "2026-06-20 00:00:00", Precision.DAY),
    ],
)
def test_publication_time_without_a_zone_is_beijing_time(printed: str, local: str, precision: Precision) -> None:
    post = parse("sitemap.news", pages(news(date=printed))).posts[0]
    assert post.published_at is not None
    assert post.published_at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S") == local
    assert post.published_precision is precision


def test_entry_is_an_article_of_its_publication() -> None:
    more = "<n:keywords>云杉咖啡，食品安全, ,云杉咖啡</n:keywords><n:genres>Blog</n:genres>"
    (post,) = parse("sitemap.news", pages(news(title="<![CDATA[价格 &amp; 好]]>", more=more))).posts
    assert (post.platform, post.native_id, post.kind) == ("web", "https://a.cn/1", Kind.ARTICLE)
    assert (post.title, post.text, post.author.name, post.outlet) == ("价格 & 好", "", "某报", "某报")
    assert (post.tags, post.lang) == (("云杉咖啡", "食品安全"), "zh-cn")


def test_namespace_prefix_is_free_and_may_be_missing() -> None:
    prefixed = (
        '<s:urlset xmlns:s="http://www.sitemaps.org/schemas/sitemap/0.9"><s:url><s:loc>https://a.cn/1</s:loc>'
        '<news xmlns="http://www.google.com/schemas/sitemap-news/0.9"><title>题</title></news></s:url></s:urlset>'
    )
    undeclared = (
        "<urlset><url><loc>https://a.cn/1</loc><news:news><news:title>题</news:title></news:news></url></urlset>"
    )
    for body in (prefixed, undeclared):
        (post,) = parse("sitemap.news", body).posts
        assert (post.title, post.author.name, post.published_at) == ("题", None, None)


def test_pages_without_news_and_repeated_ones_are_counted() -> None:
    plain = "<url><loc>https://a.cn/9</loc><lastmod>2026-06-20</lastmod></url>"
    parsed = parse("sitemap.news", pages(news(), plain, news(), news(2, title=""), news(3)))
    assert [post.native_id for post in parsed.posts] == ["https://a.cn/1", "https://a.cn/3"]
    assert dict(parsed.drops) == {Drop.DUPLICATE_IN_BATCH: 1, Drop.NO_ID: 1, Drop.NO_TEXT: 1}


def test_tracking_parameters_go_and_the_link_as_found_stays() -> None:
    body = pages(news()).replace("https://a.cn/1", "https://a.cn/1?id=2&amp;utm_source=x")
    (post,) = parse("sitemap.news", body).posts
    assert (post.url, post.raw_url) == ("https://a.cn/1?id=2", "https://a.cn/1?id=2&utm_source=x")


@pytest.mark.parametrize(
    ("body", "http", "outcome"),
    [
        (pages(), 200, F.EMPTY),
        ("<urlset/>", 200, F.EMPTY),
        (pages("<url><loc>https://a.cn/9</loc></url>"), 200, F.EMPTY),
        (pages(news(title="")), 200, F.SCHEMA_ERROR),
        (pages(end=""), 200, F.PARSE_ERROR),
        (pages("<url><loc>https://a.cn", end=""), 200, F.PARSE_ERROR),
        (index(), 200, F.EMPTY),
        (index(("https://a.cn/old.xml", "2026-06-01")), 200, F.EMPTY),
        (index(("https://a.cn/new.xml", "2026-06-20")), 200, F.OK),
        ("<!DOCTYPE html><html><body>请登录</body></html>", 200, F.PARSE_ERROR),
        ('<rss version="2.0"><channel></channel></rss>', 200, F.PARSE_ERROR),
        ("https://a.cn/1\nhttps://a.cn/2", 200, F.PARSE_ERROR),
        ("", 200, F.PARSE_ERROR),
        (b"\x1f\x8b" + b"x" * 50, 200, F.PARSE_ERROR),
        (pages(news()), 403, F.BLOCKED),
        (pages(news()), 404, F.GONE),
        ("busy", 429, F.RATE_LIMITED),
    ],
)
def test_what_is_no_sitemap_is_never_empty(body: str | bytes, http: int, outcome: F) -> None:
    for endpoint in ("sitemap.news", "sitemap.index"):
        parsed = parse(endpoint, body, status=http)
        assert parsed.outcome is outcome
        assert parsed.posts == ()


def test_unknown_endpoint_is_an_error() -> None:
    assert parse("sitemap.other", pages(news())).outcome is F.ERROR


def test_broken_off_file_gives_its_whole_entries() -> None:
    parsed = parse("sitemap.news", pages(news(1), news(2))[:-30])
    assert (parsed.outcome, [post.native_id for post in parsed.posts]) == (F.OK, ["https://a.cn/1"])
    assert dict(parsed.drops) == {Drop.UNREADABLE: 1}


def test_gzip_is_unpacked_within_bounds() -> None:
    packed = gzip.compress(pages(news()).encode())
    assert parse("sitemap.news", packed, content_type="application/x-gzip").posts[0].title == "题"
    assert parse("sitemap.news", gzip.compress(packed)).posts[0].title == "题"
    head, tail = pages(news()).encode()[:100], pages(news()).encode()[100:]
    assert parse("sitemap.news", gzip.compress(head) + gzip.compress(tail)).posts[0].title == "题"
    many = gzip.compress(pages(*(news(n) for n in range(500))).encode())
    assert 0 < len(parse("sitemap.news", many[: len(many) // 2]).posts) < 500
    assert parse("sitemap.news", gzip.compress(b"<urlset>" + b" " * 40_000_000)).outcome is F.PARSE_ERROR


def test_gbk_is_read() -> None:
    body = pages(news(title="云杉咖啡停业")).replace("UTF-8", "gb2312").encode("gb18030")
    assert parse("sitemap.news", body).posts[0].title == "云杉咖啡停业"


def test_children_are_fresh_for_two_days_newest_first() -> None:
    body = index(
        ("https://a.cn/undated.xml", ""),
        ("https://a.cn/day.xml", "2026-06-18"),
        ("https://a.cn/edge.xml?from=x&amp;p=1", "2026-06-18T15:30:00+08:00"),
        ("https://a.cn/past.xml", "2026-06-18T15:29:59+08:00"),
        ("/rel.xml.gz", "2026-06-20T07:00:00Z"),
        ("https://a.cn/old.xml", "2026-06-17"),
        ("javascript:x", "2026-06-20"),
        ("https://a.cn/strange.xml", "soon"),
        ("https://a.cn/undated.xml", ""),
    )
    assert children(body) == [
        "https://a.cn/rel.xml.gz",
        "https://a.cn/edge.xml?from=x&p=1",
        "https://a.cn/day.xml",
        "https://a.cn/undated.xml",
        "https://a.cn/strange.xml",
    ]


def test_index_gives_twenty_children_at_most() -> None:
    listed = children(index(*((f"https://a.cn/{n}.xml", "") for n in range(50))))
    assert listed == [f"https://a.cn/{n}.xml" for n in range(20)]


def test_children_of_the_old_year_are_fresh_on_new_years_night() -> None:
    night = datetime(2027, 1, 1, 0, 20, tzinfo=SHANGHAI)
    body = index(("https://a.cn/2026-12.xml", "2026-12-31"), ("https://a.cn/2026-11.xml", "2026-11-30"))
    assert children(body, night) == ["https://a.cn/2026-12.xml"]
    assert children(body, night + timedelta(days=5)) == []


def test_visit_goes_from_the_index_to_its_children_one_by_one() -> None:
    sitemap = build_platform("sitemap")
    (fetch,) = sitemap.start(source(platform="sitemap", url="https://a.cn/index.xml"), NOW)
    assert (fetch.url, fetch.page) == ("https://a.cn/index.xml", 1)
    listed = index(("https://a.cn/index.xml", ""), ("https://a.cn/1.xml", ""), ("https://a.cn/2.xml", ""))
    first = sitemap.following(fetch, parse(fetch.endpoint, listed))
    assert first is not None
    assert (first.url, first.page) == ("https://a.cn/1.xml", 2)
    second = sitemap.following(first, parse(first.endpoint, pages(news())))
    assert second is not None
    assert (second.url, second.page) == ("https://a.cn/2.xml", 3)
    assert sitemap.following(second, parse(second.endpoint, pages(news()))) is None


def test_source_needs_an_address_and_posts_have_no_detail() -> None:
    sitemap = build_platform("sitemap")
    with pytest.raises(SourceError, match="needs `url`"):
        sitemap.start(source(platform="sitemap"), NOW)
    assert sitemap.detail(source(), parse("sitemap.news", pages(news())).posts[0]) is None
