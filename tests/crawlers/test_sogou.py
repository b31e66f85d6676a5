"""Sogou's two steps to an article, against a local server."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from config.settings import SourceSettings
from crawlers.completed import CompletedPosts
from crawlers.job import VisitResult
from crawlers.platforms import build_platform
from domain.outcome import FetchOutcome as F
from tests.crawlers.farm import Farm, farm
from tests.crawlers.pages import network, source
from tests.crawlers.test_wechat import article, item, results
from tests.crawlers.visiting import T, job, shared, visit

ACCOUNT = "<a class='account'>甲报</a>"
CAPTCHA = "http://weixin.sogou.com/antispider/?from=%2flink"
_BODY = "<p>云杉咖啡门店停业自查。</p><p>结果将公布。</p>"


def listed(n: int) -> str:
    return item(n, f"/link{n}?url=a&amp;type=2", f"题{n}", ACCOUNT, "云杉咖啡…")


def jump(n: int) -> str:
    pieces = ("http://mp.wei@xin.qq.", f"com/s/{n}?src=11&timestamp=1&signature=x")
    return "<script>var url='';" + "".join(f"url += '{piece}';\n" for piece in pieces) + "</script>"


def page(n: int, **more: str) -> str:
    numbers = f"var biz = 'MzA=='; var mid = '{n}'; var idx = '1'; var sn = '9f{n}'; var user_name = 'gh_1';"
    script = f"{numbers} var nickname = '甲报'; var ct = '1781930000';"
    return article(**{"content": _BODY, "script": script, "title": f"题{n}", **more})


def sogou(site: Farm, numbers: range = range(2)) -> SourceSettings:
    site.page("/weixin", results(*map(listed, numbers)))
    for n in numbers:
        site.page(f"/link{n}", jump(n))
        site.page(f"/s/{n}", page(n))
    return source(platform="wechat", query=("云杉",), base_url=site.base, robots="override")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(type(build_platform("wechat")), "pace", timedelta(0))
    yield


async def look(site: Farm, own: SourceSettings, **more: Any) -> VisitResult:
    return await visit(job(site, own, net=network(site.pair), **more))


async def test_each_result_becomes_the_article_behind_it() -> None:
    async with farm() as site:
        result = await look(site, sogou(site))
    assert (result.outcome, result.followed) == (F.OK, {F.OK: 2})
    post = result.posts[0]
    assert [each.native_id for each in result.posts] == ["MzA==:0:1", "MzA==:1:1"]
    assert post.url == "https://mp.weixin.qq.com/s?__biz=MzA==&mid=0&idx=1&sn=9f0"
    assert post.text == "云杉咖啡门店停业自查。\n结果将公布。"
    assert (post.author.name, post.author.id, post.outlet, post.truncated) == ("甲报", "gh_1", "甲报", False)
    assert post.published_at is not None and post.published_at.timestamp() == 1_781_930_000
    (other,) = [value for name, value in post.extra if name == "id_alt"]
    assert other.startswith("sogou:")
    assert site.asked.count("/link0") == site.asked.count("/s/0") == 1


async def test_results_that_were_seen_are_not_followed_again() -> None:
    async with farm() as site:
        own = sogou(site)
        first = await look(site, own)
        again = await look(site, own, known={key.partition(" ")[2] for key in first.completed},
                           completed=CompletedPosts(first.completed))  # fmt: skip
    assert [key.partition(" ")[2][:6] for key in first.completed] == ["sogou:"] * 2
    assert (again.outcome, again.posts, again.seen) == (F.OK, [], 2)
    assert site.count("/link0") == 1


async def test_at_most_ten_are_followed_and_the_rest_is_kept_without_a_link() -> None:
    async with farm() as site:
        result = await look(site, sogou(site, range(12)))
    assert (len(result.posts), result.followed) == (12, {F.OK: 10})
    assert [post.url for post in result.posts[10:]] == [None, None]
    assert all(post.native_id.startswith("sogou:") for post in result.posts[10:])
    assert [post.text for post in result.posts[10:]] == ["云杉咖啡…"] * 2


async def test_captcha_at_the_second_step_is_the_sources_and_nothing_is_lost() -> None:
    async with farm() as site:
        own = sogou(site, range(3))
        site.page("/link1", "", 302, Location=CAPTCHA)
        result = await look(site, own)
    assert (result.outcome, result.followed) == (F.CAPTCHA, {F.OK: 1, F.CAPTCHA: 1})
    assert [post.native_id[:6] for post in result.posts] == ["MzA==:", "sogou:", "sogou:"]
    assert [post.title for post in result.posts] == ["题0", "题1", "题2"]
    assert site.count("/link2") == site.count("/antispider/") == 0


async def test_captcha_of_the_articles_leaves_the_search_alive_and_is_not_tried_again_soon() -> None:
    async with farm() as site:
        own, with_ = sogou(site), shared(network(site.pair))
        site.page("/s/0", "<html><body><div class='weui-msg'>环境异常，完成验证后即可继续访问</div></body></html>")
        first = await look(site, own, with_=with_)
        second = await look(site, own, with_=with_)
    assert (first.outcome, first.followed) == (F.OK, {F.CAPTCHA: 1})
    assert (second.outcome, second.followed) == (F.OK, {})
    assert [post.url for post in first.posts + second.posts] == [None] * 4
    assert site.count("/link0") == 1
    assert with_.pace.held_until(site.pair) == T + timedelta(hours=6)


async def test_article_without_numbers_stays_under_its_listed_id() -> None:
    async with farm() as site:
        own = sogou(site, range(1))
        site.page("/s/0", page(0, script="var nickname = '甲报'; var ct = '1781930000';", title="题0（全）"))
        result = await look(site, own)
        site.page("/s/0", "", 404)
        gone = await look(site, own)
    (post,) = result.posts
    assert (post.native_id, post.title, post.url) == (gone.posts[0].native_id, "题0（全）", None)
    assert post.text.startswith("云杉咖啡门店")
    assert gone.posts[0].text == "云杉咖啡…"


async def test_two_results_of_one_article_are_one() -> None:
    async with farm() as site:
        own = sogou(site)
        site.page("/s/1", page(0))
        result = await look(site, own)
    assert [post.native_id for post in result.posts] == ["MzA==:0:1"]
