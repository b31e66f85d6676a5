import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape

from lxml import etree

from crawlers.base import Response
from crawlers.platforms import build_platform
from domain.outcome import FetchOutcome
from service.demo.pages import (
    SITES,
    WEIBO_STATUS,
    article_page,
    atom_feed,
    post_url,
    rss_feed,
    weibo_empty,
    weibo_search,
    weibo_status,
)
from service.demo.post import FarmPost

AT = datetime(2026, 6, 20, 7, 12, 8, tzinfo=UTC)
BASES = {name: f"http://127.0.0.1:{port}" for port, name in enumerate(SITES, start=4000)}


def post(site: str = "weibo", **changes: object) -> FarmPost:
    values: dict[str, object] = {
        "id": "5311901742082998" if site == "weibo" else "12",
        "site": site,
        "published_at": AT,
        "text": "#云杉咖啡# 好喝 <b>&amp;\n第二行😀",
        "author": "小鹿",
        "author_id": "7900000001" if site == "weibo" else "",
    }
    return FarmPost(**{**values, **changes})  # type: ignore[arg-type]


def search(*posts: FarmPost, known: tuple[FarmPost, ...] = (), more: bool = False) -> dict[str, object]:
    find = {one.id: one for one in (*posts, *known)}.get
    return json.loads(weibo_search(posts, query="云杉咖啡", page=2, more=more, original=find, extra_likes=1))  # type: ignore[no-any-return]


def blog_of(answer: dict[str, object]) -> dict[str, object]:
    cards = answer["data"]["cards"]  # type: ignore[index]
    return next(card["mblog"] for card in cards if card["card_type"] == 9)  # type: ignore[no-any-return]


def test_links_are_permanent_and_tell_the_site() -> None:
    assert post_url(post(), {}) == "https://weibo.com/7900000001/R4ZCm8JSK"
    assert post_url(post("news"), BASES) == f"{BASES['news']}/a/12.html"
    assert post_url(post("forum"), BASES) == f"{BASES['forum']}/thread-12-1-1.html"


def test_weibo_writes_text_time_and_counters_as_it_does() -> None:
    blog = blog_of(search(post(likes=4, comments=2, shares=1, followers=123_000, verified_type=3)))
    assert blog["created_at"] == "Sat Jun 20 15:12:08 +0800 2026"
    assert (blog["attitudes_count"], blog["comments_count"], blog["reposts_count"]) == (5, 2, 1)
    assert blog["user"]["followers_count"] == "12.3万"  # type: ignore[index]
    assert blog["user"]["verified"] is True  # type: ignore[index]
    text = str(blog["text"])
    assert '<span class="surl-text">#云杉咖啡#</span>' in text
    assert "&lt;b&gt;&amp;amp;<br />第二行" in text


def test_weibo_says_whether_there_is_another_page() -> None:
    assert search(post(), more=True)["data"]["cardlistInfo"]["page"] == 3  # type: ignore[index]
    assert search(post())["data"]["cardlistInfo"]["page"] is None  # type: ignore[index]


def test_a_repost_holds_its_original() -> None:
    first = post(id="5311901742082000")
    blog = blog_of(search(post(repost_of=first.id, text="转"), known=(first,)))
    assert blog["raw_text"] == "转"
    assert blog["retweeted_status"]["id"] == first.id  # type: ignore[index]


def test_a_deleted_original_has_no_author() -> None:
    blog = blog_of(search(post(repost_of="1", text="转")))
    assert blog["retweeted_status"]["user"] is None  # type: ignore[index]


def test_nothing_found_is_said_as_weibo_says_it() -> None:
    assert json.loads(weibo_empty())["msg"] == "这里还没有内容"


def test_the_forum_claims_two_encodings_and_sends_a_third() -> None:
    body = rss_feed(SITES["forum"], [post("forum")], base=BASES["forum"], bases=BASES)
    assert body.startswith(b'<?xml version="1.0" encoding="gb2312"?>')
    assert SITES["forum"].said_by_http == "utf-8"
    assert "第二行😀" in body.decode("gb18030")


def test_a_feed_reads_back_the_text() -> None:
    body = rss_feed(
        SITES["news"], [post("news", title="题<1>", text="短 <b>&amp; 文")], base=BASES["news"], bases=BASES
    )
    entry = etree.fromstring(body).find("channel/item")
    assert entry.findtext("title") == "题<1>"
    assert entry.findtext("link") == f"{BASES['news']}/a/12.html"
    assert entry.findtext("pubDate") == "Sat, 20 Jun 2026 15:12:08 +0800"
    assert unescape(re.sub("</?p>", "", entry.findtext("description"))) == "短 <b>&amp; 文"


def test_a_news_feed_shows_a_summary_only() -> None:
    body = rss_feed(SITES["news"], [post("news", text="长" * 200)], base=BASES["news"], bases=BASES).decode()
    assert "长" * 60 + "……" in body
    assert "长" * 61 not in body


def test_an_atom_feed_is_well_formed() -> None:
    root = etree.fromstring(atom_feed(SITES["blog"], [post("blog", text="坏\x01字")], base=BASES["blog"], bases=BASES))
    space = {"a": "http://www.w3.org/2005/Atom"}
    assert root.findtext("a:entry/a:published", namespaces=space) == "2026-06-20T07:12:08.000Z"
    assert root.findtext("a:entry/a:content", namespaces=space) == "<p>坏字</p>"


def test_an_article_page_holds_the_text_and_its_time() -> None:
    page = article_page(SITES["news"], post("news", title="题"), url="http://127.0.0.1:1/a/12.html").decode()
    assert "<p>#云杉咖啡# 好喝 &lt;b&gt;&amp;amp;</p><p>第二行😀</p>" in page
    assert 'content="2026-06-20T15:12:08+08:00"' in page


def test_our_own_parser_reads_one_post_as_the_farm_shows_it() -> None:
    first = post(id="5311901742082000", text="原文")
    again = post(repost_of=first.id, text="转", likes=3)
    url = f"https://weibo.com{WEIBO_STATUS}?id={again.id}"
    shown = weibo_status(again, original={first.id: first}.get, extra_likes=1)
    response = Response(url=url, status=200, headers={"content-type": "application/json"}, body=shown, now=AT)
    parsed = build_platform("weibo", None).parse("weibo.ajax_show", response)
    assert parsed.outcome is FetchOutcome.OK
    assert parsed.posts[0].native_id == again.id and parsed.posts[0].engagement.likes == 4
    gone = replace(response, body=weibo_status(None, original=lambda id: None))
    assert build_platform("weibo", None).parse("weibo.ajax_show", gone).outcome is FetchOutcome.GONE
