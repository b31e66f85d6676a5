from datetime import timedelta

import pytest

from crawlers.address import address_of, site_of
from crawlers.errors import SourceError
from tests.crawlers.pages import network, source

WEIBO = ("weibo.com", "m.weibo.cn", "s.weibo.com")


def test_without_base_the_address_is_fetched_from_itself() -> None:
    address = address_of(source(url="https://a.cn/feed"), (), network())
    assert address.real("https://a.cn/p/1") == ("https://a.cn/p/1", True)
    assert address.real("https://b.cn/p/1") == ("https://b.cn/p/1", False)
    assert address.real("http://a.cn/p/1") == ("http://a.cn/p/1", False)
    assert address.real("ftp://a.cn/") == ("ftp://a.cn/", False)


def test_base_stands_for_the_own_origin_with_path_and_query() -> None:
    address = address_of(source(url="https://a.cn/feed", base_url="http://127.0.0.1:9/mirror/"), (), network())
    assert address.real("https://a.cn/p/1?q=1#f") == ("http://127.0.0.1:9/mirror/p/1?q=1", True)
    assert address.real("https://a.cn") == ("http://127.0.0.1:9/mirror/", True)
    assert address.real("http://127.0.0.1:9/admin") == ("http://127.0.0.1:9/admin", False)


def test_base_stands_for_all_hosts_of_a_platform() -> None:
    address = address_of(source(platform="weibo", base_url="http://127.0.0.1:9"), WEIBO, network())
    assert address.real("https://m.weibo.cn/api?x=1") == ("http://127.0.0.1:9/api?x=1", True)
    assert address.real("https://n.cn/a") == ("https://n.cn/a", False)


@pytest.mark.parametrize(
    ("location", "public"),
    [
        ("/p/2", "https://a.cn/p/2"),
        ("http://127.0.0.1:9/m/p/2?x=1", "https://a.cn/p/2?x=1"),
        ("http://127.0.0.1:9/other", "http://127.0.0.1:9/other"),
        ("http://127.0.0.1:99/m/p", "http://127.0.0.1:99/m/p"),
        ("https://passport.weibo.com/x", "https://passport.weibo.com/x"),
        ("http://[bad", "http://[bad"),
    ],
)
def test_redirects_of_a_mirror_are_read_as_the_original(location: str, public: str) -> None:
    address = address_of(source(url="https://a.cn/feed", base_url="http://127.0.0.1:9/m"), (), network())
    assert address.public("http://127.0.0.1:9/m/feed", location, "https://a.cn/feed") == public


def test_redirects_without_base_are_plain() -> None:
    address = address_of(source(url="https://a.cn/feed"), (), network())
    assert address.public("https://a.cn/feed", "/x", "https://a.cn/feed") == "https://a.cn/x"
    assert address.public("https://a.cn/feed", "http://[bad", "https://a.cn/feed") == "http://[bad"


def test_cookie_goes_to_own_hosts_over_tls_only() -> None:
    address = address_of(source(platform="weibo"), WEIBO, network())
    assert address.may_have_cookie("https://m.weibo.cn/api")
    assert not address.may_have_cookie("http://m.weibo.cn/api")
    assert not address.may_have_cookie("https://evil.cn/api")
    assert not address.may_have_cookie("https://m.weibo.cn.evil.cn/")
    assert not address.may_have_cookie("ftp://m.weibo.cn/")
    mirrored = address_of(source(platform="weibo", base_url="http://127.0.0.1:9"), WEIBO, network())
    assert mirrored.may_have_cookie("https://m.weibo.cn/api")


@pytest.mark.parametrize("wrong", [{"url": "a.cn/feed"}, {"url": "https://a.cn", "base_url": "127.0.0.1:9"}])
def test_wrong_addresses_are_named(wrong: dict[str, str]) -> None:
    with pytest.raises(SourceError, match="must be http"):
        address_of(source(**wrong), (), network())


def test_permit_holds_the_real_base() -> None:
    address = address_of(source(url="https://a.cn/f", base_url="http://Farm:9/x"), (), network(" Farm:9 "))
    assert address.permit.covers("http://farm:9/x/f", own=True)
    assert not address.permit.covers("http://farm:9/x/f", own=False)
    assert address_of(source(platform="weibo"), WEIBO, network()).permit.base is None


def test_site_is_host_and_port() -> None:
    assert site_of("https://A.cn/x") == "a.cn:443"
    assert site_of("nonsense") == "nonsense"
    assert source().pace == timedelta(0)
