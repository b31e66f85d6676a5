from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.text import clean, clip, clip_bytes, is_loopback, number_text, safe_url, span_text


@given(st.text())
def test_cleaned_text_is_one_line_of_visible_characters(text: str) -> None:
    cleaned = clean(text)
    assert cleaned == clean(cleaned)
    assert all(unicodedata.category(char) not in ("Cc", "Zl", "Zp", "Cs") for char in cleaned)
    assert not set(cleaned) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\ufeff")


def test_clean_keeps_joined_emoji_and_drops_stacked_marks() -> None:
    assert clean("一家👨\u200d👩\u200d👧\n  出门") == "一家👨\u200d👩\u200d👧 出门"
    assert clean("e" + "\u0301" * 50) == "e\u0301\u0301"
    assert clean("a\u200db") == "ab"


@given(st.text(), st.integers(0, 50))
def test_clip_never_exceeds_its_limit(text: str, limit: int) -> None:
    clipped = clip(text, limit)
    assert len(clipped) <= limit
    assert clipped == text or limit == 0 or clipped.endswith("…")


@given(st.text(), st.integers(0, 60))
def test_clip_bytes_never_exceeds_its_limit_nor_splits_a_character(text: str, limit: int) -> None:
    clipped = clip_bytes(text, limit)
    assert len(clipped.encode("utf-8")) <= limit
    assert text.encode("utf-8", "replace").decode().startswith(clipped.removesuffix("…")) or clipped == text


def test_clip_drops_a_base_whose_mark_was_cut_off() -> None:
    assert clip("ab\u0301cd", 3) == "a…"


@given(st.text())
def test_a_safe_link_has_no_character_that_ends_a_link(path: str) -> None:
    url = safe_url("https://weibo.example/" + path)
    assert url is None or (url.isascii() and not set(url) & set("<>|()[]\"'` \n\\") - {"'"})


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "javascript:alert(1)",
        "ftp://a/b",
        "//host/x",
        "https://",
        "http://[::1",
        "https://a:99999/",
        "x" * 9,
        "https://a.example/" + "x" * 2_001,
        "https://a<b/",
    ],
)
def test_what_is_no_web_link_gives_none(url: str | None) -> None:
    assert safe_url(url) is None


def test_safe_link_drops_a_misleading_user_name_and_encodes_hosts() -> None:
    assert safe_url("HTTPS://weibo.com@evil.example:8443/a b?q=中") == "https://evil.example:8443/a%20b?q=%E4%B8%AD"
    assert safe_url("https://云杉.example/") == "https://xn--9kq951d.example/"
    assert safe_url("http://[2001:db8::1]/x") == "http://[2001:db8::1]/x"


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:8650/", True),
        ("http://127.9.9.9/", True),
        ("http://localhost/", True),
        ("http://a.localhost./", True),
        ("http://[::1]/", True),
        ("http://0.0.0.0/", True),
        ("nonsense", True),
        ("https://tingfeng.example/", False),
        ("http://10.0.0.8/", False),
    ],
)
def test_loopback_links_are_known(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback


@pytest.mark.parametrize(
    ("value", "zh", "en"),
    [(0, "0", "0"), (0.4, "0.4", "0.4"), (42.0, "42", "42"), (126_000, "12.6万", "126k"), (1.26e6, "126万", "1.3M"),
     (3e8, "3亿", "300M"), (-3, "-3", "-3"), (9_999, "9999", "9999")],
)  # fmt: skip
def test_numbers_are_short(value: float, zh: str, en: str) -> None:
    assert (number_text(value, "zh"), number_text(value, "en")) == (zh, en)


def test_spans_are_in_two_units() -> None:
    assert span_text(0, "zh") == "1 分钟"
    assert span_text(90_061, "zh") == "1 天 1 小时"
    assert span_text(3_600, "en") == "1 h"
