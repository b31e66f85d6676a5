"""`tingfeng add` over real roads: a proxy that plays the internet, and a Weibo of our own behind `base_url`."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from domain.account import BRAND
from domain.added import COLLECTED_BY, SCREENSHOT
from domain.mention import Flag, Mention
from domain.ports import DeskChange
from domain.query import parse
from domain.source import VisitState
from service import wiring
from service.adding import Added, Wanted, add_mention, added_lines, added_view
from service.clock import SystemClock
from service.erase import Asked, erase
from service.errors import ServiceError, UsageError
from service.pictures import FOLDER
from tests.crawlers.farm import Farm, farm
from tests.crawlers.visiting import article
from tests.service.conftest import Cli
from tests.storage.desk_sample import incident

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "platforms" / "weibo"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
MID, BID = "5311808091530801", "R4Xbj6qel"
WEIBO = f"https://m.weibo.cn/status/{BID}"
SHARE = "7.99 复制打开抖音，看看【小林的作品】喝出异物了 https://v.douyin.com/iAbC/ q@R.kP 05/12"
PLAIN = SHARE.replace("https://v", "http://v")


@pytest.fixture
async def web() -> AsyncIterator[Farm]:
    async with farm() as made:
        yield made


def installation(folder: Path, web: Farm, *, source: str = "", more: str = "") -> Settings:
    path = folder / "tingfeng.yaml"
    path.write_text(
        "data_dir: data\n"
        "brands: [{id: yunshan, name: 云杉咖啡, query: 云杉咖啡}]\n"
        f"sources: [{source or '{platform: feed, name: news, url: https://news.example.cn/rss}'}]\n"
        f"network: {{proxy: '{web.base}', allow_internal: ['{web.pair}']}}\n"
        f"healthz: {{port: 0}}\nlocale: en\n{more}",
        encoding="utf-8",
    )
    path.chmod(0o600)
    return wiring.load_settings(path)


def weibo(web: Farm) -> str:
    return (
        f"{{platform: weibo, name: wb, transport: cookie, cookie: SUB=x, query: [云杉], base_url: '{web.base}', "
        "proxy: none, pace: 0s}"
    )


async def add(settings: Settings, text: str, **more: Any) -> Added:
    return await asyncio.to_thread(add_mention, settings, Wanted(text=text, by="王敏", **more))


def queued(settings: Settings) -> list[Mention]:
    stores = wiring.open_stores(settings)
    try:
        now = SystemClock().now()
        rows = stores.inbox.lease(owner="t", limit=99, lease=timedelta(0), now=now)
        return [row.mention for row in rows]
    finally:
        stores.close()


def tagged(settings: Settings) -> dict[str, Mention]:
    """Run the analyse step and return everything that is stored."""
    stores = wiring.open_stores(settings)
    try:
        pipeline = wiring.make_pipeline(settings, stores, SystemClock(), owner="t")
        while pipeline.step().leased:
            continue
        found = stores.mentions.search(parse("*"), now=SystemClock().now(), limit=99)
        return {mention.id: mention for mention in found.mentions}
    finally:
        stores.close()


async def test_a_short_link_is_followed_and_its_post_read_over_our_own_source(tmp_path: Path, web: Farm) -> None:
    settings = installation(tmp_path, web, source=weibo(web))
    web.page("/A6xYz", "", 302, Location=WEIBO)
    web.page("/ajax/statuses/show", (FIXTURES / "ajax_statuses_show.json").read_bytes())
    added = await add(settings, "看看这个 http://t.cn/A6xYz，太离谱")
    assert (added.status, added.was_read, added.mention.id) == ("stored", True, f"weibo:{MID}")
    (mention,) = queued(settings)
    assert mention.source == "manual" and "我们已第一时间联系" in mention.post.text
    assert (COLLECTED_BY, "王敏") in mention.post.extra
    assert mention.post.author.name == "云杉咖啡官方" and mention.post.engagement.likes is not None
    assert "/status/" not in " ".join(web.asked)  # the page itself was not asked for


async def test_the_same_link_twice_is_one_mention(tmp_path: Path, web: Farm) -> None:
    settings = installation(tmp_path, web)
    first = await add(settings, f"@小林: 云杉咖啡难喝 {WEIBO}")
    again = await add(settings, f"别的话 https://weibo.com/7900010002/{BID}?from=x")
    assert (first.status, again.status) == ("stored", "known") and first.mention.id == f"weibo:{MID}"
    assert len(queued(settings)) == 1
    assert "known already" in added_lines(again, "en")[0]


async def test_what_cannot_be_read_is_stored_as_forwarded(tmp_path: Path, web: Farm) -> None:
    settings = installation(tmp_path, web)
    video = "https://www.douyin.com/video/7653059635549394849"
    web.page("/iAbC/", "", 302, Location=f"{video}?x=1")
    added = await add(settings, PLAIN)
    assert (added.status, added.was_read) == ("stored", False) and "抖音" in added.why
    (mention,) = queued(settings)
    assert (mention.id, mention.post.url) == ("douyin:7653059635549394849", video)
    assert (mention.post.text, mention.post.author.name) == ("喝出异物了", "小林")
    assert mention.flags == {Flag.TRUNCATED, Flag.BACKFILL}  # its id says that it is older than a day
    assert any("stored as forwarded" in line for line in added_lines(added, "en"))


async def test_a_short_link_that_leads_nowhere_keeps_the_words(tmp_path: Path, web: Farm) -> None:
    settings = installation(tmp_path, web)
    added = await add(settings, PLAIN)
    assert added.status == "stored" and "HTTP 404" in added.why
    (mention,) = queued(settings)
    assert mention.id == "douyin:http://v.douyin.com/iAbC/" and mention.flags == {Flag.TRUNCATED}


async def test_a_bare_link_that_cannot_be_read_is_not_stored(tmp_path: Path, web: Farm) -> None:
    settings = installation(tmp_path, web)
    added = await add(settings, WEIBO, screenshot=_shot(tmp_path))
    assert added.status == "failed" and queued(settings) == []
    assert not (settings.data_dir / FOLDER).exists()
    assert "paste the link together with its words" in added_lines(added, "en")[1]
    assert added_view(added)["id"] is None


async def test_robots_are_obeyed(tmp_path: Path, web: Farm) -> None:
    settings = installation(tmp_path, web)
    web.robots("User-agent: *\nDisallow: /")
    web.page("/iAbC/", "", 302, Location="https://www.douyin.com/video/7653059635549394849")
    added = await add(settings, PLAIN)
    assert "robots.txt" in added.why and "/iAbC/" not in web.asked


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:{port}/secret",
        "http://localhost/secret",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
    ],
)
async def test_no_redirect_leads_inside(tmp_path: Path, web: Farm, target: str) -> None:
    settings = installation(tmp_path, web)
    web.page("/A6xYz", "", 302, Location=target.format(port=web.port))
    web.page("/secret", article())
    added = await add(settings, "难喝 http://t.cn/A6xYz")
    assert not added.was_read and added.why
    assert "/secret" not in web.asked and "/latest" not in web.asked


async def test_no_pasted_link_reaches_what_sources_may(tmp_path: Path, web: Farm) -> None:
    """`network.allow_internal` is for bases that the operator configured, not for what is pasted."""
    settings = installation(tmp_path, web)
    web.page("/secret", article())
    added = await add(settings, f"http://{web.pair}/secret")
    assert added.status == "failed" and web.asked == []


@pytest.mark.slow
async def test_endless_redirects_end(tmp_path: Path, web: Farm) -> None:
    settings = installation(tmp_path, web)
    web.page("/A6xYz", "", 302, Location="http://t.cn/A6xYz")
    added = await add(settings, "难喝 http://t.cn/A6xYz")
    assert "too many redirects" in added.why and web.count("/A6xYz") == 5


async def test_a_page_of_the_open_web_is_read(tmp_path: Path, web: Farm) -> None:
    settings = installation(tmp_path, web)
    web.page("/a", article(), Content_Type="text/html; charset=utf-8")
    added = await add(settings, "看 http://n.example.cn/a 这个")
    assert added.status == "stored" and added.was_read
    (mention,) = queued(settings)
    assert mention.id.startswith("web:") and "门店停业自查" in mention.post.text
    assert mention.flags == frozenset()


async def test_a_link_of_nobodys_that_leads_to_a_platform_is_a_post_of_it(tmp_path: Path, web: Farm) -> None:
    settings = installation(tmp_path, web, source=weibo(web))
    web.page("/x", "", 302, Location=f"http://m.weibo.cn/status/{BID}")
    web.page(f"/status/{BID}", article("app shell"), Content_Type="text/html; charset=utf-8")
    web.page("/ajax/statuses/show", (FIXTURES / "ajax_statuses_show.json").read_bytes())
    added = await add(settings, "http://go.example.cn/x")
    assert (added.status, added.mention.id) == ("stored", f"weibo:{MID}")
    assert "我们已第一时间联系" in queued(settings)[0].post.text


async def test_a_deleted_post_is_kept_as_forwarded(tmp_path: Path, web: Farm) -> None:
    settings = installation(tmp_path, web, source=weibo(web))
    web.page("/ajax/statuses/show", (FIXTURES / "ajax_show_deleted.json").read_bytes())
    added = await add(settings, f"@小林: 云杉咖啡难喝 {WEIBO}")
    assert added.gone and added.status == "stored" and "gone" in added_lines(added, "en")[1]
    assert queued(settings)[0].post.text == "@小林: 云杉咖啡难喝"


async def test_a_paused_source_is_left_alone(tmp_path: Path, web: Farm) -> None:
    settings = installation(tmp_path, web, source=weibo(web))
    now = SystemClock().now()
    stores = wiring.open_stores(settings)
    stores.state.visits.save(
        VisitState(source="wb", platform="weibo", due_at=now, paused_until=now + timedelta(hours=1))
    )
    stores.close()
    added = await add(settings, f"难喝 {WEIBO}")
    assert "wb is paused" in added.why and web.asked == []


@pytest.mark.slow
async def test_a_brand_counts_by_hand_and_stays_when_the_post_is_read_again(tmp_path: Path, web: Farm) -> None:
    settings = installation(tmp_path, web)
    added = await add(settings, f"这家店喝出异物 {WEIBO}", brand="yunshan")
    assert added.brand == "yunshan"
    (stored,) = tagged(settings).values()
    assert stored.brands == ("yunshan",)
    stores = wiring.open_stores(settings)
    seen = replace(stored, source="wb", post=replace(stored.post, extra=(), text="这家店喝出异物，投诉没人理"))
    stores.inbox.append([replace(seen, tags=None)], now=SystemClock().now())
    stores.close()
    (again,) = tagged(settings).values()
    assert again.brands == ("yunshan",) and again.post.text == "这家店喝出异物，投诉没人理"
    assert (COLLECTED_BY, "王敏") in again.post.extra and (BRAND, "yunshan") in again.post.extra


@pytest.mark.slow
async def test_brand_and_picture_are_added_to_a_post_that_was_known(tmp_path: Path, web: Farm) -> None:
    settings = installation(tmp_path, web)
    await add(settings, f"这家店喝出异物 {WEIBO}")
    early = await add(settings, WEIBO, brand="yunshan")
    assert early.waits and "run the same command again" in "".join(added_lines(early, "en"))
    (before,) = tagged(settings).values()
    assert before.brands == ()
    added = await add(settings, f"别的话 {WEIBO}", brand="yunshan", screenshot=_shot(tmp_path))
    assert added.status == "updated" and added.screenshot
    (after,) = tagged(settings).values()
    assert after.brands == ("yunshan",) and after.post.text == before.post.text
    assert after.first_collected_at == before.first_collected_at
    assert (SCREENSHOT, added.screenshot) in after.post.extra
    assert (await add(settings, WEIBO, brand="yunshan", screenshot=_shot(tmp_path))).status == "known"


def _shot(folder: Path) -> Path:
    (folder / "shot.png").write_bytes(PNG)
    return folder / "shot.png"


async def test_an_incident_gets_the_link_once_and_none_of_the_words(tmp_path: Path, web: Farm) -> None:
    settings = installation(tmp_path, web)
    stores = wiring.open_stores(settings)
    stores.state.desk.commit(DeskChange(incidents=(incident(),)), now=SystemClock().now())
    number = incident().id
    stores.close()
    for _ in range(2):
        added = await add(settings, f"云杉咖啡难喝 {WEIBO}", incident=number.lower())
        assert added.incident == number
    stores = wiring.open_stores(settings)
    found = stores.state.desk.incident(number)
    stores.close()
    assert found is not None
    (note,) = found.notes
    assert (note.by, note.action, note.text) == ("王敏", "note", f"{WEIBO} weibo:{MID}")
    with pytest.raises(ServiceError, match="no incident"):
        await add(settings, f"另一条 {WEIBO}x", incident="ZZZZZ")


async def test_authors_are_kept_small(tmp_path: Path, web: Farm) -> None:
    settings = installation(tmp_path, web, more="privacy: {pseudonymize_authors: true}\n")
    await add(settings, PLAIN)
    assert queued(settings)[0].post.author.name == "小***林"


async def test_an_erased_author_takes_his_pictures_and_links_along(tmp_path: Path, web: Farm) -> None:
    settings = installation(tmp_path, web)
    stores = wiring.open_stores(settings)
    stores.state.desk.commit(DeskChange(incidents=(incident(),)), now=SystemClock().now())
    stores.close()
    link = f"https://weibo.com/7900010002/{BID}"
    await add(settings, f"@赵秋娘qnz77: 难喝 {link}", screenshot=_shot(tmp_path), incident=incident().id)
    tagged(settings)
    (picture,) = (settings.data_dir / FOLDER).iterdir()
    said: list[str] = []
    asked = Asked(platform="weibo", name="赵秋娘qnz77")
    erase(settings, asked, said.append)
    assert "screenshots of what he wrote: 1" in said and picture.exists()
    erase(settings, asked, said.append, yes=True)
    assert not picture.exists()
    stores = wiring.open_stores(settings)
    found = stores.state.desk.incident(incident().id)
    stores.close()
    assert found is not None and found.notes[0].text == f"*** weibo:{MID}"
    assert (await add(settings, f"@赵秋娘qnz77: 难喝 {link}")).status == "known"
    assert tagged(settings) == {}


def test_what_cannot_be_is_said_before_anything_is_written(cli: Cli, config: Path, tmp_path: Path) -> None:
    for arguments, words in (
        (["没有链接"], "no link in it"),
        ([WEIBO, "--brand", "other"], "there are yunshan"),
        ([WEIBO, "--screenshot", "none.png"], "cannot be read"),
    ):
        ran = cli("add", *arguments, "-c", str(config))
        assert ran.code == 2 and words in ran.err
    assert not (tmp_path / "data" / "state.db").exists()
    with pytest.raises(UsageError):
        add_mention(wiring.load_settings(config), Wanted(text=""))


def test_the_command_says_what_became_of_it(cli: Cli, config: Path) -> None:
    first = cli("add", f"@小林: 云杉咖啡难喝 {WEIBO}", "--by", "王敏", "-c", str(config))
    assert first.code == 0 and first.out.startswith(f"已收录 weibo:{MID}  {WEIBO}")
    assert "下次运行 tingfeng run 时标注" in first.out
    again = cli("add", WEIBO, "--json", "-c", str(config))
    view = json.loads(again.out)
    assert again.code == 0 and (view["status"], view["id"], view["read"]) == ("known", f"weibo:{MID}", False)
    bare = cli("add", "https://m.weibo.cn/status/R4ZCm8JSK", "-c", str(config))
    assert bare.code == 1 and "请把链接连同文字一起粘贴" in bare.out


def test_words_that_command_a_terminal_are_harmless(cli: Cli, config: Path) -> None:
    ran = cli("add", f"\x1b]0;x\x07【\x1b[31m红】 {WEIBO}", "-c", str(config))
    assert ran.code == 0 and "\x1b" not in ran.out
