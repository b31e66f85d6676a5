import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.errors import SourceError
from crawlers.platforms import build_platform
from domain.mention import Precision
from domain.moment import SHANGHAI
from domain.outcome import FetchOutcome as F
from tests.crawlers.pages import NOW, parse, source

ITEM = "<item><title>{title}</title><link>https://a.cn/{n}</link><description>{text}</description>{more}</item>"


def rss(*items: str, head: str = "", end: str = "</channel></rss>") -> str:
    return f'{head}<rss version="2.0"><channel><title>某站</title>{"".join(items)}{end}'


def item(n: int = 1, title: str = "题", text: str = "文", more: str = "") -> str:
    return ITEM.format(n=n, title=title, text=text, more=more)


@pytest.mark.parametrize(
    ("printed", "local", "precision"),
    [
        ("<pubDate>2026-06-20 08:00:00</pubDate>", "2026-06-20 08:00:00", Precision.SECOND),
        ("<pubDate>Sat Jun 20 08:10:00 CST 2026</pubDate>", "2026-06-20 08:10:00", Precision.SECOND),
        ("<pubDate>Sat, 20 Jun 2026 08:10:00 CST</pubDate>", "2026-06-20 08:10:00", Precision.SECOND),
        ("<pubDate>2026年06月20日 10:15</pubDate>", "2026-06-20 10:15:00", Precision.MINUTE),
        ("<pubDate>3小时前</pubDate>", "2026-06-20 12:30:00", Precision.HOUR),
        ("<pubDate>6月12日</pubDate>", "2026-06-12 00:00:00", Precision.DAY),
        ("<pubDate>Sat, 20 Jun 2026 23:00:00 GMT</pubDate>", "2026-06-20 15:30:00", Precision.SECOND),
        ('<dc:date xmlns:dc="http://purl.org/dc/elements/1.1/">2026-06-20T01:00:00Z</dc:date>', "2026-06-20 09:00:00",
         Precision.SECOND),
    ],
)  # fmt: skip
def test_entry_time_is_beijing_time_and_never_in_the_future(printed: str, local: str, precision: Precision) -> None:
    post = parse("feed.any", rss(item(more=printed))).posts[0]
    assert post.published_at is not None
    assert post.published_at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S") == local
    assert post.published_precision is precision


@pytest.mark.parametrize(
    "body",
    [
        rss(item(text="云杉镕咖啡")).encode(),
        rss(item(text="云杉镕咖啡"), head='<?xml version="1.0" encoding="gb2312"?>').encode("gb18030"),
        rss(item(text="云杉镕咖啡"), head='<?xml version="1.0" encoding="utf-8"?>').encode("gb18030"),
        b"\xef\xbb\xbf" + rss(item(text="云杉镕咖啡")).encode(),
        b"\n\n " + rss(item(text="云杉镕咖啡"), head='<?xml version="1.0" encoding="utf-8"?>').encode(),
        rss(item(text="云杉镕\x0b咖啡")).encode(),
        rss(item(text="云杉镕咖啡&nbsp;")).encode(),
        rss(item(text="云杉镕咖啡", title="A & B")).encode(),
    ],
)
def test_feed_is_read_whatever_is_wrong_with_its_bytes(body: bytes) -> None:
    parsed = parse("feed.any", body, content_type="text/xml")
    assert parsed.outcome is F.OK
    assert parsed.posts[0].text == "云杉镕咖啡"


def test_mislabelled_header_is_overruled_by_the_bytes() -> None:
    body = rss(item(text="云杉镕咖啡")).encode("gb18030")
    assert parse("feed.any", body, content_type="text/xml; charset=utf-8").posts[0].text == "云杉镕咖啡"


def test_title_and_text_lose_markup_and_double_escaping() -> None:
    post = parse(
        "feed.any", rss(item(title="价格&lt;100元 &amp;amp; 好", text="&amp;lt;p&amp;gt;一&amp;lt;/p&amp;gt;二"))
    ).posts[0]
    assert post.title == "价格<100元 & 好"
    assert post.text == "一\n二"


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ("<author>a@b.cn (王小编)</author>", "王小编"),
        ("<author><name>李四</name></author>", "李四"),
        ("", "某站"),
    ],
)
def test_author_falls_back_to_the_feed(more: str, name: str) -> None:
    assert parse("feed.any", rss(item(more=more))).posts[0].author.name == name


def test_identity_is_guid_then_link_then_title() -> None:
    posts = parse(
        "feed.any",
        rss(
            "<item><guid isPermaLink='false'>g1</guid><link>https://a.cn/1?utm_source=x</link><title>一</title></item>",
            "<item><guid>https://a.cn/2</guid><title>二</title></item>",
            "<item><link>/3</link><title>三</title></item>",
            "<item><title>四</title></item>",
            "<item><link>/3</link><title>三重复</title></item>",
            "<item></item>",
        ),
        url="https://a.cn/feed",
    ).posts
    assert [post.native_id for post in posts] == ["g1", "https://a.cn/2", "https://a.cn/3", "四|"]
    assert [post.url for post in posts] == ["https://a.cn/1", "https://a.cn/2", "https://a.cn/3", None]
    assert posts[0].raw_url == "https://a.cn/1?utm_source=x"


def test_rss_1_and_atom_with_relative_links_are_read() -> None:
    rdf = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
        "<channel><title>站</title></channel><item><title>题</title><link>http://a.cn/1</link></item></rdf:RDF>"
    )
    atom = (
        '<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://b.cn/x/"><title>志</title><author><name>主</name>'
        '</author><entry><id>u1</id><title type="text">1 &lt; 2</title><link href="p1"/><updated>2026-06-20T05:00:00Z'
        '</updated><summary type="html">&lt;p&gt;摘要&lt;/p&gt;</summary><category label="标签"/></entry></feed>'
    )
    assert parse("feed.any", rdf).posts[0].url == "http://a.cn/1"
    post = parse("feed.any", atom).posts[0]
    assert (post.url, post.title, post.text, post.author.name, post.tags) == (
        "https://b.cn/x/p1", "1 < 2", "摘要", "主", ("标签",),
    )  # fmt: skip


def test_media_and_podcast_elements_are_not_the_entrys_own() -> None:
    media = (
        '<media:content xmlns:media="http://search.yahoo.com/mrss/" url="x"><media:title>图</media:title>'
        "</media:content>"
        '<itunes:title xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd">播客</itunes:title>'
    )
    body = f"<item>{media}<title>题</title><link>https://a.cn/1</link><description>文</description></item>"
    post = parse("feed.any", rss(body)).posts[0]
    assert (post.title, post.text) == ("题", "文")


def test_json_feed_of_both_versions_is_read() -> None:
    feed = {
        "version": "https://jsonfeed.org/version/1", "title": "志", "author": {"name": "主"}, "language": "zh-CN",
        "items": [
            {"id": 7, "url": "/t/7", "content_text": "a < b", "date_published": "Sat, 20 Jun 2026 06:00:00 GMT"},
            {"id": "8", "title": "&lt;b&gt;题", "summary": "要", "authors": [{"name": "甲"}], "tags": ["一", 2]},
            "no object",
        ],
    }  # fmt: skip
    posts = parse("feed.any", json.dumps(feed), url="https://b.cn/feed.json").posts
    assert [(p.native_id, p.url, p.text, p.author.name, p.lang) for p in posts] == [
        ("7", "https://b.cn/t/7", "a < b", "主", "zh"),
        ("8", None, "要", "甲", "zh"),
    ]
    assert posts[0].published_at is not None


@pytest.mark.parametrize(
    ("body", "outcome", "words"),
    [
        ("", F.PARSE_ERROR, "empty answer"),
        ("   \n", F.PARSE_ERROR, "empty answer"),
        (
            "<!doctype html><html><head><title>维护中</title></head><body>系统维护中</body></html>",
            F.PARSE_ERROR,
            "HTML page",
        ),
        ("just words", F.PARSE_ERROR, "no feed"),
        ("<other/>", F.PARSE_ERROR, "no feed"),
        ("{broken", F.PARSE_ERROR, "broken JSON"),
        ('{"a": 1}', F.PARSE_ERROR, "no JSON Feed"),
        ("[" * 10_000, F.PARSE_ERROR, "broken JSON"),
        (rss(), F.EMPTY, ""),
        ('{"version": "https://jsonfeed.org/version/1.1", "items": []}', F.EMPTY, ""),
        (rss("<item><title>半", end=""), F.PARSE_ERROR, "cut off"),
    ],
)
def test_no_feed_and_an_empty_feed_are_different_things(body: str, outcome: F, words: str) -> None:
    parsed = parse("feed.any", body)
    assert parsed.outcome is outcome
    assert words in parsed.detail
    assert parsed.posts == ()


def test_cut_off_feed_gives_its_whole_entries_only() -> None:
    whole = rss(item(1), item(2), item(3))
    parsed = parse("feed.any", whole[: whole.index("https://a.cn/3") + 5])
    assert parsed.outcome is F.OK
    assert [post.url for post in parsed.posts] == ["https://a.cn/1", "https://a.cn/2"]
    assert "cut off" in parsed.detail


@pytest.mark.parametrize(
    ("status", "outcome"), [(404, F.GONE), (429, F.RATE_LIMITED), (500, F.ERROR), (403, F.BLOCKED)]
)
def test_status_counts_before_the_body(status: int, outcome: F) -> None:
    assert parse("feed.any", rss(item()), status=status).outcome is outcome


def test_entities_are_not_expanded_and_files_not_read() -> None:
    levels = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 12))
    bomb = rss(item(title="&l11;"), head=f'<!DOCTYPE x [<!ENTITY l0 "lol">{levels}]>')
    xxe = rss(item(title="&f;"), head='<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]>')
    begun = time.process_time()
    assert parse("feed.any", bomb).posts[0].title == "&l11;"
    assert parse("feed.any", xxe).posts[0].title == "&f;"
    assert time.process_time() - begun < 1


@pytest.mark.parametrize("body", ["<rss>" + "<a>" * 100_000, "<rss><channel>" + "<item>" * 50_000, "&" * 500_000])
def test_hostile_xml_takes_no_time(body: str) -> None:
    begun = time.process_time()
    assert parse("feed.any", body).outcome in (F.PARSE_ERROR, F.OK, F.EMPTY)
    assert time.process_time() - begun < 3


@given(st.binary(max_size=300))
def test_any_bytes_give_an_outcome(body: bytes) -> None:
    assert parse("feed.any", b"<rss><channel><item><title>" + body).outcome in (F.PARSE_ERROR, F.OK, F.EMPTY)


def test_feed_needs_an_address() -> None:
    with pytest.raises(SourceError, match="needs `url`"):
        build_platform("feed").start(source(), NOW)
    (fetch,) = build_platform("feed").start(source(url="https://a.cn/f"), NOW)
    assert fetch.endpoint == "feed.any"
    assert build_platform("feed").following(fetch, parse("feed.any", rss(item()))) is None
    assert build_platform("feed").detail(source(), parse("feed.any", rss(item())).posts[0]) is None


def test_entry_of_rss_1_without_link_is_known_by_the_address_it_is_about() -> None:
    rdf = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
        '<channel><title>站</title></channel><item rdf:about="http://a.cn/7"><title>题</title></item>'
        '<item rdf:about="http://a.cn/x"><title>又</title><link>http://a.cn/8</link></item></rdf:RDF>'
    )
    assert [post.url for post in parse("feed.any", rdf).posts] == ["http://a.cn/7", "http://a.cn/8"]


def test_id_in_capitals_is_a_link_too() -> None:
    assert parse("feed.any", rss("<item><guid isPermaLink='false'>HTTP://a.cn/9</guid></item>")).posts[0].url == (
        "http://a.cn/9"
    )
