"""What a person sees who makes a mistake, or meets a broken source: which one, where, and what to do."""

import json
import os
import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.demo.picture import take_picture
from service.demo.settings import COOKIE, demo_settings
from service.demo.stage import FarmProcess, call_json
from service.demo.world import World
from service.errors import ServiceError
from tests.e2e.harness import Service, clean_env, plain, run_command, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

START = datetime(2026, 6, 17, 6, 0, tzinfo=UTC)
BASES = {name: "http://127.0.0.1:9" for name in ("weibo", "news", "forum", "blog")}


def settings(folder: Path, **changes: Any) -> str:
    """The settings of the demo with changes at the top level."""
    base = yaml.safe_load(demo_settings(folder / "data", BASES, "http://127.0.0.1:9"))
    return yaml.safe_dump(base | changes, allow_unicode=True, sort_keys=False)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    one = Service(tmp_path, settings(tmp_path))
    yield one
    one.stop()


# --- settings ------------------------------------------------------------------------------------------------

SOUND = """\
data_dir: data
brands:
  - {id: yunshan, name: 云杉咖啡, query: 云杉咖啡}
sources:
  - {platform: feed, name: news, url: "https://news.example.cn/rss.xml"}
"""
MISTAKES: dict[str, tuple[str, tuple[str, ...]]] = {
    "unknown key": (SOUND + "recievers: []\n", ("recievers", "receivers", ":6:")),
    "unknown platform": (SOUND.replace("feed", "feeed"), ("feeed", "feed", ":5:")),
    "bad duration": (SOUND.replace('xml"}', 'xml", interval: 5 parsecs}'), ("interval", "5 parsecs", "5m")),
    "bad query": (SOUND.replace("query: 云杉咖啡", "query: '(云杉咖啡 or'"), ("query", ":3:")),
    "same brand twice": (SOUND.replace("sources:", "  - {id: yunshan, name: 乙, query: 乙}\nsources:"), ("yunshan",)),
    "feed without address": (SOUND.replace(', url: "https://news.example.cn/rss.xml"', ""), ("url", ":5:")),
    "route to nobody": (SOUND + "routes:\n  - {to: pr-dooty}\n", ("pr-dooty", ":7:")),
    "missing variable": (
        SOUND + 'receivers:\n  - {name: a, wecom_robot: {key: "${NOT_SET_ANYWHERE}"}}\n',
        ("NOT_SET_ANYWHERE", ":7:"),
    ),
    "broken yaml": (SOUND + "rules: [\n", ("YAML", ":7:")),
    "port out of range": (SOUND + "healthz: {port: 99999}\n", ("port", "99999", ":6:")),
    "wrong type": (SOUND.replace('xml"}', 'xml", follow: perhaps}'), ("follow", "perhaps", ":5:")),
    "empty file": ("", ("empty", "tingfeng init")),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_settings_is_named_with_its_place(tmp_path: Path, mistake: str) -> None:
    text, named = MISTAKES[mistake]
    path = tmp_path / "tingfeng.yaml"
    path.write_text(text)
    done = run_command("check", "--config", str(path), cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "tingfeng.yaml" in done.stderr
    for words in named:
        assert words in done.stderr, done.stderr


def test_every_mistake_has_its_own_message(tmp_path: Path) -> None:
    said = set()
    for name, (text, _) in MISTAKES.items():
        path = tmp_path / "tingfeng.yaml"
        path.write_text(text)
        done = run_command("check", "--config", str(path), cwd=tmp_path)
        said.add(re.sub(r"\d+", "", done.stderr.splitlines()[0] + done.stderr.splitlines()[-1]))
        assert done.returncode == 2, name
    assert len(said) >= 10


def test_no_settings_at_all(tmp_path: Path) -> None:
    done = run_command("check", cwd=tmp_path)
    assert done.returncode == 2
    assert "tingfeng init" in done.stderr


# --- import and search ---------------------------------------------------------------------------------------


def test_an_unknown_platform_in_an_import_is_told_by_line_and_the_rest_is_kept(service: Service) -> None:
    good = {
        "platform": "weibo",
        "id": "5311901742082998",
        "kind": "post",
        "text": "云杉咖啡好喝",
        "author": {"name": "甲"},
    }
    good |= {"url": "https://weibo.com/1/a", "published_at": "2026-06-16T10:00:00+08:00"}
    lines = [json.dumps(good), json.dumps(good | {"platform": "weebo", "id": "2"}), "{not json"]
    path = service.folder / "posts.ndjson"
    path.write_text("\n".join(lines))
    done = service.command("import", str(path))
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert "2" in said
    assert "weebo" in said
    assert "weibo" in said
    assert ":3" in said
    assert [one["id"] for one in service.search("brand: yunshan")] == ["weibo:5311901742082998"]


def test_an_import_of_no_file_says_so(service: Service) -> None:
    done = service.command("import", "missing.ndjson")
    assert done.returncode == 2
    assert "missing.ndjson" in done.stderr


@pytest.mark.parametrize("query", ["(云杉咖啡 or", "brand: (a or", "云杉咖啡 and )", 'text: "open'])
def test_a_mistake_in_a_query_is_shown_with_its_position(service: Service, query: str) -> None:
    done = service.command("search", query)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert query in done.stderr
    assert "^" in done.stderr


# --- running -------------------------------------------------------------------------------------------------


def test_a_port_in_use_is_told_with_the_way_out(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        one = Service(tmp_path, settings(tmp_path, healthz={"port": port}))
        done = one.command("run", "--clock-start", START.isoformat(), "--clock-scale", "60")
    assert done.returncode == 2
    assert str(port) in done.stderr
    assert "healthz.port" in done.stderr


def test_a_driven_clock_is_refused_towards_the_outside(tmp_path: Path) -> None:
    (tmp_path / "tingfeng.yaml").write_text(SOUND)
    done = run_command(
        *("run", "--config", str(tmp_path / "tingfeng.yaml")),
        *("--clock-start", START.isoformat(), "--clock-scale", "60"),
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert "source news" in done.stderr


def test_a_second_start_is_refused_with_the_first_ones_pid(service: Service) -> None:
    service.start(clock=(START, 60.0))
    wait_until("health page", lambda: "/healthz" in service.log_text(), limit_s=30)
    done = service.command("run", "--clock-start", START.isoformat(), "--clock-scale", "60")
    assert done.returncode in (1, 2)
    assert str(service.pid) in done.stderr
    assert service.exit_code() is None
    assert service.stop() == 0


def test_a_start_after_a_kill_is_not_refused(service: Service) -> None:
    service.start(clock=(START, 60.0))
    wait_until("health page", lambda: "/healthz" in service.log_text(), limit_s=30)
    service.kill()
    said = len(service.log_text())
    service.start(clock=(START + timedelta(minutes=10), 60.0))
    wait_until("health page again", lambda: "/healthz" in service.log_text()[said:], limit_s=40)
    assert service.stop() == 0


def test_broken_feeds_are_named_with_what_came_instead(tmp_path: Path) -> None:
    farm = FarmProcess(start=START, scale=120.0, cookie=COOKIE, log=tmp_path / "farm.log")
    try:
        posts = World().quiet(START - timedelta(days=1), START)
        farm.add(posts)
        visit = {"platform": "feed", "interval": "1m"}
        paths = {"news": "/rss/latest.xml", "forum": "/forum.php?mod=rss", "blog": "/atom.xml"}
        sources = [{**visit, "name": name, "url": farm.bases[name] + path} for name, path in paths.items()]
        allowed = [base.removeprefix("http://") for base in farm.bases.values()]
        one = Service(tmp_path, settings(tmp_path, sources=sources, network={"allow_internal": allowed}))
        for mode, name in (("html", "news"), ("empty", "blog"), ("truncated", "forum")):
            farm.go_dark(mode, name)
        farm.run()
        one.start(clock=(START, 120.0))
        try:
            view = wait_until("two blind sources", lambda: blind(one), limit_s=60)
            assert {source["source"] for source in view} >= {"news", "blog"}
            assert all(source["why"] and source["fix"] for source in view), view
            assert one.exit_code() is None
            farm.go_dark("")
            wait_until("sources are back", lambda: states(one) == {"live"}, limit_s=60)
            # What could be read of half a feed was whole, and the rest came later: nothing twice, nothing cut.
            wanted = sorted(plain(post.text) for post in posts if post.site == "forum")
            wait_until("the forum is stored", lambda: forum_texts(one) == wanted, limit_s=30, every_s=1.0)
        finally:
            one.stop()
    finally:
        farm.stop()


def sources_of(service: Service) -> list[dict[str, Any]]:
    """Sources as the health page shows them; empty before it is there."""
    found = re.findall(r"http://[\d.]+:\d+/healthz", service.log_text())
    if not found:
        return []
    try:
        return call_json(found[-1])["sources"]  # type: ignore[no-any-return]
    except ServiceError:
        # The page answers 503 while something is not as it should be, with the same body.
        return []


def blind(service: Service) -> list[dict[str, Any]]:
    """The blind sources, once there are two."""
    found = [source for source in sources_of(service) if source["state"] == "blind"]
    return found if len(found) >= 2 else []


def states(service: Service) -> set[str]:
    """The states that any source has."""
    return {source["state"] for source in sources_of(service)}


def forum_texts(service: Service) -> list[str]:
    """Texts stored from the forum, sorted."""
    return sorted(plain(one["text"]) for one in service.search("source: forum"))


# --- pictures ------------------------------------------------------------------------------------------------


def test_a_missing_browser_or_font_is_named_with_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServiceError, match="chromium"):
        take_picture("http://127.0.0.1:9/", tmp_path / "page.png")
    for name in ("chromium", "fc-list"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 0\n")
        (tmp_path / name).chmod(0o755)
    with pytest.raises(ServiceError, match="fonts-noto-cjk"):
        take_picture("http://127.0.0.1:9/", tmp_path / "page.png")


def test_the_environment_of_runs_has_no_proxy() -> None:
    assert not [name for name in clean_env() if name.lower().endswith("_proxy")]
    assert os.environ.get("PATH")
