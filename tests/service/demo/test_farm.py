import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from domain.moment import to_rfc3339
from service.demo.farm import Farm, Page
from service.demo.farmserver import main, serve_farm
from service.demo.pages import SITES, WEIBO_STATUS
from service.demo.post import FarmPost, write_farm_posts

START = datetime(2026, 6, 20, 7, 0, tzinfo=UTC)
SEARCH = "/api/container/getIndex"


def post(id: str, site: str = "forum", *, minutes: float = 0, text: str = "云杉咖啡", mark: str = "") -> FarmPost:
    return FarmPost(
        id=id,
        site=site,
        published_at=START + timedelta(minutes=minutes),
        text=text,
        author="小鹿",
        author_id="7900000001" if site == "weibo" else "",
        mark=mark,
    )


def farm(*posts: FarmPost, cookie: str = "SUB=abc", feed_size: int = 200) -> Farm:
    one = Farm(start=START, scale=60, cookie=cookie, feed_size=feed_size, wall_s=lambda: 5.0)
    one.bases = {name: f"http://127.0.0.1:{port}" for port, name in enumerate(SITES, start=4000)}
    one.add(posts)
    return one


def ask(one: Farm, site: str, path: str, *, cookie: str = "SUB=abc", **query: str) -> Page:
    return one.answer(SITES[site], path, query, cookie)


def search(one: Farm, words: str, page: str = "1", cookie: str = "SUB=abc") -> Page:
    return ask(one, "weibo", SEARCH, cookie=cookie, containerid=f"100103type=61&q={words}&t=0", page=page)


def ids(page: Page) -> list[str]:
    return [card["mblog"]["id"] for card in json.loads(page.body)["data"]["cards"] if card["card_type"] == 9]


def likes_of(page: Page) -> int:
    return int(json.loads(page.body)["data"]["cards"][1]["mblog"]["attitudes_count"])


def test_nothing_is_shown_before_it_is_published() -> None:
    one = farm(post("1"), post("2", minutes=5))
    body = ask(one, "forum", "/forum.php?mod=rss").body
    assert b"thread-1-1-1" in body
    assert b"thread-2-1-1" not in body
    assert ask(one, "forum", "/thread-2-1-1.html").status == 404
    assert set(one.ledger) == {"1"}


def test_the_clock_stands_until_it_is_let_go() -> None:
    one = farm(post("2", minutes=5))
    assert one.now() == START
    one.run(epoch_s=time.time() - 10)
    assert timedelta(minutes=9) < one.now() - START < timedelta(minutes=30)
    assert b"thread-2-1-1" in ask(one, "forum", "/forum.php").body


def test_a_feed_shows_the_newest_first_up_to_its_size() -> None:
    one = farm(*(post(str(n), minutes=-n) for n in range(5)), feed_size=3)
    assert [found.id for found in one.published("forum", 3)] == ["0", "1", "2"]
    assert ask(one, "forum", "/forum.php").body.count(b"<item>") == 3


def test_the_ledger_keeps_the_first_showing_and_counts() -> None:
    one = farm(post("1", mark="crisis"), post("2"))
    ask(one, "forum", "/forum.php")
    ask(one, "forum", "/forum.php")
    assert (one.ledger["1"].first_s, one.ledger["1"].times) == (5.0, 2)
    assert [found.id for found in one.posts(mark="crisis")] == ["1"]
    assert len(one.posts()) == 2


def test_weibo_wants_the_cookie() -> None:
    one = farm(post("1", "weibo"))
    assert search(one, "云杉咖啡", cookie="").status == 432
    assert json.loads(search(one, "云杉咖啡", cookie="SUB=old").body)["ok"] == -100
    assert ids(search(one, "云杉咖啡")) == ["1"]


def test_weibo_shows_one_post_and_says_which_it_does_not_have() -> None:
    one = farm(post("1", "weibo"), post("2", "weibo", minutes=5), post("3"))
    shown = json.loads(ask(one, "weibo", WEIBO_STATUS, id="1").body)
    assert (shown["id"], shown["text_raw"], shown["ok"]) == ("1", "云杉咖啡", 1)
    for id in ("2", "3", "x", ""):
        assert json.loads(ask(one, "weibo", WEIBO_STATUS, id=id).body)["error_code"] == 20101
    assert ask(one, "weibo", WEIBO_STATUS, id="1", cookie="").status == 432


def test_weibo_finds_by_words_in_pages_of_ten() -> None:
    one = farm(*(post(str(n), "weibo", minutes=-n) for n in range(12)), post("99", "weibo", text="别的"))
    assert ids(search(one, "云杉咖啡")) == [str(n) for n in range(10)]
    assert ids(search(one, "云杉咖啡", page="2")) == ["10", "11"]
    assert json.loads(search(one, "云杉咖啡", page="3").body)["ok"] == 0
    assert json.loads(search(one, "").body)["ok"] == 0
    assert ids(search(one, "云杉咖啡", page="x")) == [str(n) for n in range(10)]


def test_a_known_id_is_replaced() -> None:
    one = farm(post("1", text="旧"))
    one.add([post("1", text="新")])
    assert [found.text for found in one.published("forum", 9)] == ["新"]


def test_retouching_changes_etags_and_likes_but_shows_nothing_new() -> None:
    one = farm(post("1"), post("2", "weibo"))
    before, likes = ask(one, "forum", "/forum.php"), likes_of(search(one, "云杉咖啡"))
    assert ask(one, "forum", "/forum.php").etag == before.etag
    one.retouch()
    assert ask(one, "forum", "/forum.php").etag != before.etag
    assert likes_of(search(one, "云杉咖啡")) == likes + 1


@pytest.mark.parametrize(("mode", "status"), [("503", 503), ("drop", 0), ("html", 200), ("empty", 200)])
def test_a_dark_site_shows_no_post(mode: str, status: int) -> None:
    one = farm(post("1"), post("2", "news"))
    one.go_dark(mode, ["forum"])
    assert ask(one, "forum", "/forum.php").status == status
    assert "1" not in one.ledger
    assert b"<item>" in ask(one, "news", "/rss/latest.xml").body
    one.go_dark("")
    assert b"<item>" in ask(one, "forum", "/forum.php").body


def test_a_truncated_feed_ends_in_the_middle() -> None:
    one = farm(post("1"))
    whole = ask(one, "forum", "/forum.php").body
    one.go_dark("truncated")
    assert ask(one, "forum", "/forum.php").body == whole[: len(whole) // 2]


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown mode"):
        farm().go_dark("sulk")


def test_robots_is_open_and_not_counted() -> None:
    one = farm()
    assert b"Disallow: /admin/" in ask(one, "news", "/robots.txt").body
    assert one.hits["news"] == 0


# --- over HTTP -----------------------------------------------------------------------------------------------


@pytest.fixture
async def served() -> AsyncIterator[tuple[Farm, dict[str, int]]]:
    one = farm(post("1", mark="crisis"), post("2", "news"), post("3", "blog"))
    runners, ports = await serve_farm(one, {})
    yield one, ports
    for runner in runners:
        await runner.cleanup()


async def test_a_feed_is_sent_as_it_claims_and_not_twice(served: tuple[Farm, dict[str, int]]) -> None:
    _, ports = served
    async with aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{ports['forum']}/forum.php?mod=rss") as answer:
            etag = answer.headers["ETag"]
            assert answer.headers["Content-Type"] == "text/xml; charset=utf-8"
            assert "云杉咖啡" in (await answer.read()).decode("gb18030")
        url = f"http://127.0.0.1:{ports['forum']}/forum.php?mod=rss"
        async with session.get(url, headers={"If-None-Match": etag}) as answer:
            assert answer.status == 304
        async with session.get(f"http://127.0.0.1:{ports['news']}/a/2.html") as answer:
            assert "云杉咖啡" in await answer.text()


async def test_a_dropped_connection_gives_no_answer(served: tuple[Farm, dict[str, int]]) -> None:
    _, ports = served
    async with aiohttp.ClientSession() as session:
        async with session.post(f"http://127.0.0.1:{ports['control']}/dark", json={"mode": "drop"}) as answer:
            assert answer.status == 200
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"http://127.0.0.1:{ports['blog']}/atom.xml")


async def test_control_tells_and_steers(served: tuple[Farm, dict[str, int]]) -> None:
    one, ports = served
    control = f"http://127.0.0.1:{ports['control']}"
    async with aiohttp.ClientSession() as session:
        await session.get(f"http://127.0.0.1:{ports['forum']}/forum.php?mod=rss")
        async with session.post(f"{control}/posts", data=post("9", "blog").to_json() + "\n\n") as answer:
            assert await answer.json() == {"added": 1}
        async with session.post(f"{control}/run", json={"epoch_s": 0}) as answer:
            assert answer.status == 200
        await session.post(f"{control}/retouch")
        async with session.get(f"{control}/state") as answer:
            state = await answer.json()
        async with session.get(f"{control}/ledger?mark=crisis") as answer:
            assert await answer.json() == {"1": {"first_s": 5.0, "times": 1}}
        async with session.post(f"{control}/posts", data="{}") as answer:
            assert answer.status == 400
            assert "error" in await answer.json()
    assert state["hits"]["forum"] == 1
    assert state["bases"] == one.bases


async def test_a_port_in_use_is_an_error() -> None:
    one = farm()
    runners, ports = await serve_farm(one, {})
    try:
        with pytest.raises(OSError, match="in use"):
            await serve_farm(farm(), {"weibo": ports["weibo"]})
    finally:
        for runner in runners:
            await runner.cleanup()


def test_the_process_names_its_ports_and_ends_with_its_parent(tmp_path: Path) -> None:
    path = tmp_path / "posts.ndjson"
    write_farm_posts(path, [post("1")])
    clock = ["--clock-start", to_rfc3339(START), "--clock-scale", "60"]
    process = subprocess.Popen(
        [sys.executable, "-m", "service.demo.farmserver", "--posts", str(path), "--cookie", "SUB=abc", *clock],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    ports = json.loads(process.stdout.readline())["ports"]
    with urllib.request.urlopen(f"http://127.0.0.1:{ports['forum']}/forum.php?mod=rss") as answer:
        assert b"thread-1-1-1" in answer.read()
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"http://127.0.0.1:{ports['forum']}/nothing")
    process.stdin.close()
    assert process.wait(timeout=10) == 0


def test_a_bad_start_is_refused() -> None:
    with pytest.raises(SystemExit):
        main(["--clock-start", "x"])
