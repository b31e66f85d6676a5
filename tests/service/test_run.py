"""The real roles, in this process and as processes of their own, against a feed on loopback."""

import http.server
import json
import os
import signal
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse

from domain.errors import TingfengError
from domain.query import parse as parse_query
from service import wiring
from service.beat import Beat
from service.clock import SystemClock
from service.errors import UsageError
from service.role import _repeat, main, run_analyse, run_crawl, run_watch
from service.run import run_service
from tests.logs import kept_logging

FEED = """<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>晚报</title>
<item><guid>a</guid><link>http://{host}/a</link><title>云杉咖啡喝出异物</title><description>太恶心了</description></item>
<item><guid>b</guid><link>http://{host}/b</link><title>天气</title><description>晴</description></item>
</channel></rss>"""


class _Feed(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        host = self.headers["Host"]
        body = b"" if self.path == "/robots.txt" else FEED.format(host=host).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/rss+xml; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def feed() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Feed)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def listening(tmp_path: Path, feed: str) -> Path:
    path = tmp_path / "tingfeng.yaml"
    path.write_text(
        "data_dir: data\n"
        "brands: [{id: yunshan, name: 云杉咖啡, query: 云杉咖啡}]\n"
        f"sources: [{{platform: feed, name: news, url: 'http://{feed}/rss', pace: 0s}}]\n"
        f"network: {{allow_internal: ['{feed}']}}\n"
        "healthz: {port: 0}\n",
        encoding="utf-8",
    )
    return path


def wait_until(condition: Callable[[], bool], *, limit_s: float = 30.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)


def in_thread(work: Callable[[threading.Event], None]) -> tuple[threading.Thread, threading.Event]:
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(stop,))
    thread.start()
    return thread, stop


def test_the_three_roles_carry_a_page_to_the_store(listening: Path) -> None:
    settings, clock = wiring.load_settings(listening), SystemClock()
    stores = wiring.open_stores(settings)
    beat = Beat(None, "test")
    crawl, stop_crawl = in_thread(lambda stop: run_crawl(settings, clock, stop, beat))
    wait_until(lambda: stores.inbox.depth() == 2)
    stop_crawl.set()
    crawl.join()
    analyse, stop_analyse = in_thread(lambda stop: run_analyse(settings, clock, stop, beat))
    wait_until(lambda: stores.inbox.depth() == 0)
    stop_analyse.set()
    analyse.join()
    page = stores.mentions.search(parse_query("brand: yunshan"), now=clock.now())
    assert [mention.post.title for mention in page.mentions] == ["云杉咖啡喝出异物"]
    watch, stop_watch = in_thread(lambda stop: run_watch(settings, clock, stop, beat))
    wait_until(lambda: not stores.inbox.claim_changes(owner="t", limit=9, lease=clock.span(0), now=clock.now()))
    stop_watch.set()
    watch.join()
    states = stores.state.visits.load()
    assert states["news"].posts_matched == 1
    stores.close()


@pytest.mark.slow
def test_the_service_listens_says_how_it_is_and_stops_in_order(listening: Path) -> None:
    said: list[str] = []
    seen: dict[str, object] = {}
    scraped: dict[str, float] = {}

    def look() -> None:
        wait_until(lambda: any("healthz" in line for line in said))
        address = next(line for line in said if "healthz" in line).split("：")[1].split()[0]

        def healthy() -> bool:
            try:
                with urllib.request.urlopen(address, timeout=5) as answer:
                    seen.update(json.load(answer))
            except OSError:
                return False
            return bool(seen["ok"]) and seen["sources"][0]["state"] == "live" and seen["inbox"] == 0  # type: ignore[index]

        def measured() -> bool:
            with urllib.request.urlopen(address.replace("/healthz", "/metrics"), timeout=5) as answer:
                text = answer.read().decode()
            scraped.update((each.name, each.value) for family in parse(text) for each in family.samples)
            return "tingfeng_evaluation_seconds_count" in scraped and "tingfeng_analyse_batch_seconds_count" in scraped

        try:
            wait_until(healthy, limit_s=60)
            wait_until(measured, limit_s=30)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    watcher = threading.Thread(target=look)
    watcher.start()
    started = time.monotonic()
    assert run_service(listening, roles=("crawl", "analyse", "watch"), order=None, say=said.append) == 0
    watcher.join()
    assert seen["ok"] and seen["inbox"] == 0 and seen["problems"] == []
    assert scraped["tingfeng_visits_total"] >= 1 and scraped["tingfeng_mentions_new_total"] == 2
    assert scraped["tingfeng_mentions_matched_total"] == 1 and scraped["tingfeng_analyse_batch_mentions_sum"] >= 2
    assert scraped["tingfeng_evaluated_total"] >= 1 and scraped["tingfeng_healthy"] == 1
    assert scraped["tingfeng_role_memory_bytes"] > 1e7
    assert said[0].startswith("开始听：云杉咖啡") and said[-1] == "正在停止…"
    assert time.monotonic() - started < 80


def test_what_cannot_run_is_refused_before_anything_starts(listening: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="crawl, browse, analyse, watch"):
        run_service(listening, roles=("fly",), order=None, say=print)
    memory = tmp_path / "memory.yaml"
    memory.write_text(listening.read_text(encoding="utf-8") + "storage: {mentions: memory}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="sqlite"):
        run_service(memory, roles=("watch",), order=None, say=print)


def test_a_driven_clock_is_for_loopback_only(listening: Path, tmp_path: Path) -> None:
    from service.clock import clock_order

    order = clock_order("2026-06-20T15:30:00+08:00", 60.0, None)
    outside = tmp_path / "outside.yaml"
    text = listening.read_text(encoding="utf-8").replace("sources: [", "sources: [{platform: gdelt}, ")
    outside.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="loopback only"):
        run_service(outside, roles=("watch",), order=order, say=print)


def test_a_role_with_bad_settings_ends_with_one(tmp_path: Path) -> None:
    umask = os.umask(0o022)
    try:
        with kept_logging():
            assert main(["watch", "--config", str(tmp_path / "nowhere.yaml")]) == 1
    finally:
        os.umask(umask)


def test_a_beat_is_a_line_of_json_and_stops_without_progress() -> None:
    read_fd, write_fd = os.pipe()
    beat, stop = Beat(write_fd, "crawl"), threading.Event()
    beat.note({"stored": 3})
    beat.start(stop)
    line = os.read(read_fd, 1000)
    stop.set()
    assert json.loads(line.splitlines()[0]) == {"role": "crawl", "started": True, "stored": 3}
    os.close(read_fd)
    os.close(write_fd)


class _Hurried(threading.Event):
    """Waits by moving a clock."""

    now_s = 0.0

    def wait(self, timeout: float | None = None) -> bool:
        self.now_s += timeout or 0.0
        return self.is_set()


def test_a_role_says_what_it_waits_for_and_when_it_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    read_fd, write_fd = os.pipe()
    beat, stop = Beat(write_fd, "analyse"), _Hurried()
    tries = 0

    def step() -> bool:
        nonlocal tries
        tries += 1
        if tries < 6:
            raise TingfengError("elasticsearch: not reachable")
        stop.set()
        return True

    with caplog.at_level("INFO", "service.role"):
        _repeat(step, stop, "analyse", beat, monotonic=lambda: stop.now_s)
    os.close(write_fd)
    with os.fdopen(read_fd) as lines:
        said = [json.loads(line) for line in lines]
    assert [one.get("waits") for one in said] == [{"analyse": "elasticsearch: not reachable"}, None]
    assert [record.message.partition(" error=")[0] for record in caplog.records] == [
        "analyse step failed, trying again",
        "analyse goes on after_s=10.0",
    ]


def test_a_hiccup_of_a_store_is_no_trouble() -> None:
    read_fd, write_fd = os.pipe()
    beat, stop = Beat(write_fd, "watch"), _Hurried()
    tries = 0

    def step() -> bool:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise TingfengError("others kept changing it")
        stop.set()
        return True

    _repeat(step, stop, "watch", beat, monotonic=lambda: stop.now_s)
    os.close(write_fd)
    with os.fdopen(read_fd) as lines:
        assert lines.read() == ""
