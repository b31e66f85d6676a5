"""Answers built to cost time: what is nested, repeated or left open, through every parser and decoder."""

import os
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.base import Parsed, Response
from crawlers.cn_time import parse_cn_time
from crawlers.decode import decode_body
from crawlers.link import public_link
from crawlers.number import parse_number
from crawlers.platforms import build_platform
from crawlers.text import at_names, clean, clean_line, hashtags, html_to_text
from crawlers.verdict import retry_after_s, url_outcome
from domain.outcome import FetchOutcome
from tests.crawlers.pages import NOW
from tests.hostile.clean import FORBIDDEN, assert_clean

SIZE = 300_000
LIMIT_S = 5.0
"""Seconds of the processor, not of the wall: the machine may be busy."""
ENDPOINTS = (
    "feed.any", "article.page", "gdelt.artlist", "weibo.m_search", "weibo.s_search", "weibo.hot", "weibo.m_detail",
    "weibo.visitor", "weibo.ajax_show", "weibo.ajax_longtext", "weibo.hotflow", "weibo.c_api",
)  # fmt: skip


def again(unit: str, size: int = SIZE) -> str:
    return (unit * (size // len(unit) + 1))[:size]


CHANNEL = "<rss><channel>"
BODIES: dict[str, str] = {
    "doctypes": again("<!DOCTYPE\n"),
    "open-doctypes": again("<!DOCTYPE["),
    "open-subset": "<!DOCTYPE x [" + again("] "),
    "giant-namespace": f'<rss xmlns:x="{"u" * (SIZE // 2)}"><channel>' + again("<x:a/>", SIZE // 2),
    "empty-items": CHANNEL + again("<item/>"),
    "items": CHANNEL + again("<item><title>a</title><link>http://a/</link></item>"),
    "children": f"{CHANNEL}<item>{again('<b/>')}</item>",
    "attributes": CHANNEL + "<item " + " ".join("a%d=''" % n for n in range(SIZE // 10)) + "/>",  # noqa: UP031
    "ampersands": CHANNEL + again("&"),
    "comments": CHANNEL + again("<!--"),
    "sections": CHANNEL + again("<![CDATA["),
    "nested-items": CHANNEL + again("<item><description>"),
    "nested-texts": CHANNEL + "<item><description>" * 100 + again("<b>a</b>") + "</description></item>" * 100,
    "open-tags": again("<"),
    "quotes": again("<a \"'"),
    "crossed-quotes": again("<a '\"<a \"'"),
    "scripts": again("<script>"),
    "images": again('<img alt="'),
    "links": again("<a href=x>"),
    "ats": again("@a"),
    "hashes": again("#a"),
    "blanks": again(" \t"),
    "lines": again("a \n"),
    "more": again("展开c "),
    "declarations": again("<?xml "),
    "marks": again("\ufeff", SIZE // 3),
    "render-data": again("$render_data = ["),
    "callbacks": again("({"),
    "json-items": '{"title":"x","items":[' + "{}," * (SIZE // 3) + "{}]}",
    "json-open": again('{"a":'),
    "json-digits": '{"articles":' + again("1") + "}",
    "noise": "",
}


def read(endpoint: str, body: bytes) -> Parsed:
    platform = build_platform(endpoint.partition(".")[0])
    return platform.parse(endpoint, Response(url="https://x.example.cn/a", body=body, now=NOW))


@pytest.mark.slow
@pytest.mark.parametrize("name", BODIES)
def test_a_megabyte_of_anything_is_read_in_time(name: str) -> None:
    body = BODIES[name].encode() or os.urandom(SIZE)
    for endpoint in ENDPOINTS:
        # Pages are read in a process of their own that is ended after 20 s: three libraries take part.
        limit_s = 15.0 if endpoint == "article.page" else LIMIT_S
        begun = time.process_time()
        parsed = read(endpoint, body)
        took_s = time.process_time() - begun
        assert took_s < limit_s, f"{endpoint}: {took_s:.1f} s"
        assert len(parsed.detail) <= 300
        for post in parsed.posts[:100]:
            assert_clean(post)


READERS: dict[str, Callable[[str], object]] = {
    "html": html_to_text,
    "clean": clean,
    "hashtags": hashtags,
    "names": at_names,
    "time": lambda text: parse_cn_time(text, NOW),
    "number": parse_number,
    "link": public_link,
    "url": url_outcome,
}


@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS)
def test_a_megabyte_of_any_text_is_read_in_time(reader: str) -> None:
    for name, text in BODIES.items():
        begun = time.process_time()
        READERS[reader](text)
        assert time.process_time() - begun < LIMIT_S, name


@pytest.mark.slow
@pytest.mark.parametrize("name", BODIES)
def test_eight_megabytes_take_no_more_than_in_proportion(name: str) -> None:
    body = ((BODIES[name].encode() or os.urandom(SIZE)) * 9)[: 8 << 20]
    for endpoint in ENDPOINTS:
        if endpoint == "article.page":
            continue
        begun = time.process_time()
        read(endpoint, body)
        assert time.process_time() - begun < 8 * LIMIT_S, endpoint


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_any_bytes_come_to_an_outcome(endpoint: str) -> None:
    @given(st.binary(max_size=400) | st.text(alphabet="<>&;[]{}\"'/!-ar:0 \0\u202e\ud800云", max_size=200))
    def look(given_body: bytes | str) -> None:
        body = given_body if isinstance(given_body, bytes) else given_body.encode("utf-8", "surrogatepass")
        parsed = read(endpoint, body)
        assert isinstance(parsed.outcome, FetchOutcome)
        for post in parsed.posts:
            assert_clean(post)

    look()


@given(
    st.binary(max_size=300), st.sampled_from([None, "text/xml; charset=utf-7", "a; charset=\0", "x; charset=gb2312"])
)
def test_any_bytes_become_text(body: bytes, content_type: str | None) -> None:
    decode_body(body, content_type).encode("utf-8", "surrogatepass")


@given(st.text(max_size=200), st.integers(min_value=1, max_value=50))
def test_any_line_is_bounded_and_harmless(text: str, limit: int) -> None:
    line = clean_line(text, limit)
    assert line is None or (0 < len(line) <= limit and not FORBIDDEN.search(line) and "\n" not in line)


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_wait_that_a_server_asks_for_is_bounded(asked: str, date: str) -> None:
    found = retry_after_s({"retry-after": asked, "date": date, "x-ratelimit-reset": asked}, NOW)
    assert found is None or 0 <= found <= 86_400


@pytest.mark.parametrize(
    "asked",
    ["-1", "nan", "inf", "1e308", "9" * 5_000, "Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT",
     "Mon, 99 Foo 2026", "²", "٣", "\0", "Sat, 20 Jun 2026 07:00:00"],
)  # fmt: skip
def test_absurd_waits_are_bounded(asked: str) -> None:
    for date in ("", "Fri, 31 Dec 9999 23:59:59 GMT", "garbage"):
        found = retry_after_s({"retry-after": asked, "date": date}, NOW)
        assert found is None or 0 <= found <= 86_400
