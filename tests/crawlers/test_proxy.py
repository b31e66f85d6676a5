import pytest

from crawlers.proxy import proxy_for
from tests.crawlers.pages import network, source


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("http_proxy", "http://env.example:3128")
    monkeypatch.setenv("no_proxy", "direct.cn")


@pytest.mark.parametrize(
    ("own", "everyone", "proxy"),
    [
        (None, None, None),
        (None, "http://p:1", "http://p:1"),
        ("http://q:2", "http://p:1", "http://q:2"),
        ("none", "http://p:1", None),
        (None, "p:1", "http://p:1"),
        ("env", None, "http://env.example:3128"),
        (None, "env", "http://env.example:3128"),
    ],
)
def test_source_goes_before_all_and_environment_counts_only_when_asked(
    own: str | None, everyone: str | None, proxy: str | None
) -> None:
    assert proxy_for("http://a.cn/x", source(proxy=own), network(proxy=everyone)) == proxy


@pytest.mark.parametrize(
    ("url", "direct"),
    [
        ("http://a.cn/", True),
        ("http://x.b.cn/", True),
        ("http://b.cn/", True),
        ("http://xa.cn/", False),
        ("http://c.cn/", False),
    ],
)
def test_listed_hosts_are_reached_directly(url: str, direct: bool) -> None:
    found = proxy_for(url, source(), network(proxy="http://p:1", no_proxy=("A.cn", ".b.cn")))
    assert (found is None) is direct


def test_environment_names_exceptions_too() -> None:
    assert proxy_for("http://direct.cn/", source(proxy="env"), network()) is None
    assert proxy_for("https://a.cn/", source(proxy="env"), network()) is None
