"""The tier of a medium: by whose host, by whose name, and never by one that only looks like it."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alerts.detect import rule_specs
from config import default_settings, load
from config.settings import OutletSettings
from config.specs import Specs
from crawlers.intake import take_in
from crawlers.outlets import OutletTiers
from crawlers.platforms import platform_specs
from domain.mention import Kind, Post
from tests.crawlers.pages import source

T = datetime(2026, 6, 20, 8, tzinfo=UTC)
SPECS = Specs(platforms=platform_specs(), rules=rule_specs())
TIERS = OutletTiers(
    [
        OutletSettings(
            name="云上报", tier="省级", hosts=("yunshang.example", "xn--fiq228c.example"), aliases=("云上新闻",)
        ),
        OutletSettings(name="云上博客", tier="自媒体", hosts=("blog.yunshang.example",)),
        OutletSettings(name="Cloud Daily", tier="国际"),
    ]
)


@pytest.mark.parametrize(
    ("url", "tier"),
    [
        ("https://yunshang.example/a/1.html", "省级"),
        ("http://www.yunshang.example", "省级"),
        ("https://News.YunShang.example:8443/a?b#c", "省级"),
        ("https://yunshang.example./a", "省级"),
        ("https://blog.yunshang.example/a", "自媒体"),
        ("https://a.blog.yunshang.example/a", "自媒体"),
        ("https://中文.example/a", "省级"),
        ("https://evilyunshang.example/a", None),
        ("https://yunshang.example.evil.example/a", None),
        ("https://evil.example/yunshang.example", None),
        ("https://yunshang.example@evil.example/a", None),
        ("https://evil.example/?u=https://yunshang.example/", None),
        ("ftp://yunshang.example/a", None),
        ("https://[::1/a", None),
        ("https://" + "a." * 5_000 + "yunshang.example/", None),
        ("yunshang.example/a", None),
        ("", None),
        (None, None),
    ],
)
def test_a_host_counts_with_the_hosts_below_it(url: str | None, tier: str | None) -> None:
    assert TIERS.tier(url=url, outlet=None) == tier


@pytest.mark.parametrize(
    ("outlet", "tier"),
    [
        ("云上报", "省级"),
        (" 云上 新闻 ", "省级"),
        ("cloud　DAILY", "国际"),
        ("云上报社", None),
        ("假云上报", None),
        ("", None),
        (None, None),
    ],
)
def test_a_name_counts_where_it_is_the_same(outlet: str | None, tier: str | None) -> None:
    assert TIERS.tier(url="https://other.example/", outlet=outlet) == tier


def test_the_host_says_more_than_a_printed_name() -> None:
    assert TIERS.tier(url="https://blog.yunshang.example/1", outlet="云上报") == "自媒体"


def test_a_name_counts_before_the_other_name_of_another() -> None:
    tiers = OutletTiers(
        [OutletSettings(name="甲报", tier="a", aliases=("乙报",)), OutletSettings(name="乙报", tier="b")]
    )
    assert tiers.tier(url=None, outlet="乙报") == "b"


def post(**more: object) -> Post:
    given: dict[str, object] = {"platform": "web", "native_id": "1", "kind": Kind.ARTICLE, "text": "文", **more}
    return Post(**given)  # type: ignore[arg-type]


def test_what_the_source_says_wins_and_unknown_stays_unknown() -> None:
    page = post(url="https://news.yunshang.example/1")

    def tier(found: Post, **facts: object) -> str | None:
        (mention,) = take_in([found], source(**facts), T, backfill=False, outlets=TIERS).mentions
        return mention.outlet_tier

    assert (tier(page), tier(page, tier="门户")) == ("省级", "门户")
    assert tier(post(url="https://unknown.example/1")) is None
    assert tier(post(url="https://unknown.example/1"), outlet="云上报") == "省级", "the name that the source states"
    assert take_in([page], source(), T, backfill=False).mentions[0].outlet_tier is None


def packaged() -> OutletTiers:
    return OutletTiers(default_settings(SPECS, folder=Path("/tmp")).outlets)


def test_the_packaged_media_are_many_and_of_known_tiers() -> None:
    outlets = default_settings(SPECS, folder=Path("/tmp")).outlets
    assert len(outlets) >= 120
    assert {each.tier for each in outlets} == {"中央", "省级", "行业", "门户", "自媒体", "国际"}
    hosts = [host for each in outlets for host in each.hosts]
    names = [name for each in outlets for name in (each.name, *each.aliases)]
    assert len(hosts) == len(set(hosts)), "one host, one medium"
    assert len(names) == len(set(names)), "one name, one medium"
    assert all(host == host.lower() and "/" not in host and "." in host for host in hosts)


@pytest.mark.parametrize(
    ("url", "tier"),
    [
        ("http://finance.people.com.cn/n1/2026/0620/c1.html", "中央"),
        ("https://evilpeople.com.cn/n1", None),
        ("https://people.com.cn.evil.example/n1", None),
        ("https://www.thepaper.cn/newsDetail_forward_1", "省级"),
        ("https://finance.sina.com.cn/a.html", "门户"),
        ("https://blog.sina.com.cn/s/1", "自媒体"),
        ("https://mp.weixin.qq.com/s/1", None),
        ("https://weibo.com/1/2", None),
        ("https://www.example.gov.cn/1", None),
    ],
)
def test_packaged_hosts_are_those_of_the_media(url: str, tier: str | None) -> None:
    assert packaged().tier(url=url, outlet=None) == tier


def test_an_account_on_a_shared_platform_is_known_by_its_name() -> None:
    assert packaged().tier(url="https://mp.weixin.qq.com/s/1", outlet="人民日报") == "中央"
    assert packaged().tier(url="https://mp.weixin.qq.com/s/1", outlet="人民日报夜读") is None


def test_the_operator_changes_adds_and_leaves_out(tmp_path: Path) -> None:
    path = tmp_path / "tingfeng.yaml"
    path.write_text(
        "data_dir: data\nbrands: [{id: yunshan, name: 云杉咖啡, query: 云杉咖啡}]\noutlets:\n"
        "  - {name: 新华网, tier: 甲}\n"
        "  - {name: 搜狐, enabled: false}\n"
        "  - {name: 我报, tier: 乙, hosts: [my.example, people.com.cn]}\n"
    )
    tiers = OutletTiers(load(path, SPECS).outlets)

    def tier(url: str) -> str | None:
        return tiers.tier(url=url, outlet=None)

    assert tier("https://news.cn/1") == "甲", "the hosts of the packaged entry stay"
    assert tier("https://www.sohu.com/1") is None
    assert tier("https://my.example/1") == "乙"
    assert tier("https://people.com.cn/1") == "乙", "the operator's own entry wins"


def test_an_entry_without_hosts_or_with_senseless_ones_harms_nothing() -> None:
    odd = OutletSettings(name="x", tier="y", hosts=("", ".", "a" * 300, "\ud800.example"))
    tiers = OutletTiers([odd, replace(odd, name="z")])
    assert tiers.tier(url="https://./", outlet="z") == "y"
    assert tiers.tier(url="https://a.example/", outlet=None) is None
