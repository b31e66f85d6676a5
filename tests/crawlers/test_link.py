import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.link import origin, public_link


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("https://a.cn/p?utm_source=x&id=3&spm=1&from=rss&b=%20", "https://a.cn/p?id=3&b=%20"),
        ("/p/1", "https://base.cn/p/1"),
        (" https://a.cn/x y\n.html\ud83d ", "https://a.cn/x%20y.html"),
        ("//b.cn/x#frag", "https://b.cn/x"),
        ("https://a.cn/#/route/1", "https://a.cn/#/route/1"),
        ("HTTPS://A.cn/X", "https://A.cn/X"),
        ("javascript:alert(1)", None),
        ("mailto:x@a.cn", None),
        ("http://[bad", None),
        ("http://a.cn:99999/", None),
        ("", None),
        ("https://a.cn/" + "x" * 3_000, None),
    ],
)
def test_link_for_people(link: str, expected: str | None) -> None:
    assert public_link(link, "https://base.cn/feed") == expected


@given(st.text(max_size=60))
def test_public_link_is_stable(tail: str) -> None:
    once = public_link("https://a.cn/" + tail)
    assert once is None or public_link(once) == once


def test_origin_has_the_port_that_is_meant() -> None:
    assert origin("HTTP://A.cn./x") == ("http", "a.cn", 80)
    assert origin("https://a.cn:8443") == ("https", "a.cn", 8443)
    with pytest.raises(ValueError, match="no http"):
        origin("ftp://a.cn/")
