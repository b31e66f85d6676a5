import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import DomainError
from domain.ids import bounded_id, canonical_url, fingerprint, mention_id, other_ids, short_number, text_hash
from domain.mention import Kind, Post


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ("HTTP://Example.CN:80/a?b=2&a=1#x", "http://example.cn/a?a=1&b=2"),
        ("https://example.cn:443", "https://example.cn/"),
        ("https://example.cn:8443/x", "https://example.cn:8443/x"),
        ("https://a.cn/p?utm_source=x&id=7&spm=1.2&share_token=q&from=timeline", "https://a.cn/p?id=7"),
        (
            "https://mp.weixin.qq.com/s?__biz=A&mid=1&idx=2&sn=f&chksm=z&scene=4#rd",
            "https://mp.weixin.qq.com/s?__biz=A&idx=2&mid=1&sn=f",
        ),
        ("https://例子.中国/路径", "https://xn--fsqu00a.xn--fiqs8s/%E8%B7%AF%E5%BE%84"),
        ("  https://a.cn/x  ", "https://a.cn/x"),
        ("https://a.cn./x", "https://a.cn/x"),
        ("http://[2001:DB8::1]:80/x", "http://[2001:db8::1]/x"),
        ("https://a.cn/?q=&p", "https://a.cn/?p=&q="),
    ],
)
def test_a_link_has_one_canonical_form(raw: str, canonical: str) -> None:
    assert canonical_url(raw) == canonical
    assert canonical_url(canonical) == canonical


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "ftp://a.cn/x",
        "/relative",
        "https://",
        "javascript:alert(1)",
        "http://a.cn:99999/",
        "http://[::1",
        "https://a.cn/" + "x" * 9_000,
        "https://" + "ü" * 80 + ".cn/",
    ],
)
def test_what_is_no_web_link_is_refused(raw: str) -> None:
    with pytest.raises(DomainError):
        canonical_url(raw)


@given(st.text(max_size=40), st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), max_size=4))
def test_canonical_form_is_idempotent(path: str, query: dict[str, str]) -> None:
    from urllib.parse import quote, urlencode

    try:
        raw = "https://a.cn/" + quote(path) + "?" + urlencode(query)
    except UnicodeEncodeError:
        return
    once = canonical_url(raw)
    assert canonical_url(once) == once


def test_ids_name_the_platform_and_the_native_id() -> None:
    assert mention_id(platform="weibo", native_id="53", kind=Kind.POST) == "weibo:53"
    assert mention_id(platform="weibo", native_id="53", kind=Kind.COMMENT) == "weibo:c:53"


def test_one_page_has_one_id_whichever_feed_brought_it() -> None:
    one = mention_id(platform="web", native_id="guid-1", kind=Kind.ARTICLE, url="https://A.cn/p?utm_id=3&x=1")
    two = mention_id(
        platform="web",
        native_id="other",
        kind=Kind.ARTICLE,
        url="https://a.cn:443/p?x=1#top",
        feed_url="https://feeds.cn/rss",
    )
    assert one == two
    assert one.startswith("web:") and len(one) == 36


def test_an_entry_without_link_is_known_by_feed_and_guid() -> None:
    first = mention_id(platform="web", native_id="7", kind=Kind.ARTICLE, feed_url="https://a.cn/rss")
    assert first != mention_id(platform="web", native_id="7", kind=Kind.ARTICLE, feed_url="https://b.cn/rss")
    assert mention_id(platform="web", native_id="https://a.cn/x", kind=Kind.ARTICLE) == mention_id(
        platform="web", native_id="g", kind=Kind.ARTICLE, url="https://a.cn/x"
    )


@pytest.mark.parametrize(
    ("platform", "native_id"),
    [("Weibo", "1"), ("", "1"), ("we ibo", "1"), ("weibo", ""), ("weibo", "  "), ("web", "x")],
)
def test_what_cannot_be_known_again_is_refused(platform: str, native_id: str) -> None:
    with pytest.raises(DomainError):
        mention_id(platform=platform, native_id=native_id, kind=Kind.POST)


def test_text_hash_follows_title_and_text() -> None:
    assert text_hash(None, "a") == text_hash("", "a") != text_hash("a", "")
    assert len(text_hash("标题", "\ud800")) == 16


def test_fingerprint_ignores_the_order_of_labels() -> None:
    labels = [("rule", "burst"), ("brand", "a")]
    assert fingerprint(labels) == fingerprint(reversed(labels)) != fingerprint(labels[:1])


def test_short_numbers_are_five_plain_letters() -> None:
    assert {len(short_number(str(n))) for n in range(50)} == {5}
    assert len({short_number(str(n)) for n in range(500)}) > 495


def test_a_long_native_id_keeps_its_identity_in_a_bounded_form() -> None:
    ids = {
        mention_id(platform="weibo", native_id="号" * 10_000 + end, kind=kind)
        for end in "ab"
        for kind in (Kind.POST, Kind.COMMENT)
    }
    assert len(ids) == 4
    assert all(len(each.encode()) <= 512 for each in ids)
    assert bounded_id(bounded_id("x" * 10_000)) == bounded_id("x" * 10_000)
    assert bounded_id("x" * 440) == "x" * 440


@pytest.mark.parametrize("native_id", ["../../etc/passwd", "a/b", "A", "a", "a\nb", "\u202ea"])
def test_an_id_is_never_changed_where_it_is_short(native_id: str) -> None:
    assert mention_id(platform="weibo", native_id=native_id, kind=Kind.POST) == f"weibo:{native_id}"


def test_other_ids_are_those_that_other_roads_give() -> None:
    def post(platform: str, native_id: str, *others: str) -> Post:
        extra = (("forum", "x"), *(("id_alt", each) for each in others))
        return Post(platform=platform, native_id=native_id, kind=Kind.VIDEO, text="题", extra=extra)

    assert other_ids(post("bilibili", "BV1xx411c7mD", "av7", "av7", " ")) == ("bilibili:av7",)
    assert other_ids(post("weibo", "z0JH2lOMb", "3501756485200075")) == ()
    assert other_ids(post("web", "guid", "other")) == ()
    assert other_ids(post("bilibili", "av7")) == ()
