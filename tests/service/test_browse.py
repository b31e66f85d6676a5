"""The role with the browser: through the supervisor with a real Chromium, and what it says where there is none."""

import http.server
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from crawlers.chromium import find_chromium
from service import wiring
from service.beat import Beat
from service.clock import SystemClock
from service.doctor.examination import examine
from service.role import ROLES, run_browse, wanted
from service.run import _children
from service.supervisor import Supervisor, role_argv

PAGE = (
    "<html><head><meta charset='utf-8'><title>云杉咖啡停业自查</title></head><body><article id='a'></article>"
    "<script>document.getElementById('a').innerHTML = '<p>云杉咖啡门店停业自查，结果将公布。</p>'.repeat(9)"
    "</script></body></html>"
)
BROWSER = pytest.mark.skipif(find_chromium(None) is None, reason="no Chromium on this machine: install `chromium`")


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = PAGE.encode() if self.path == "/page" else b""
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    pair = f"127.0.0.1:{server.server_address[1]}"
    path = tmp_path / "tingfeng.yaml"
    path.write_text(
        "data_dir: data\n"
        "brands: [{id: yunshan, name: 云杉咖啡, query: 云杉咖啡}]\n"
        f"sources: [{{platform: article, name: page, transport: browser, url: 'http://{pair}/page', pace: 0s}}]\n"
        f"network: {{allow_internal: ['{pair}']}}\n"
        "healthz: {port: 0}\n",
        encoding="utf-8",
    )
    yield path
    server.shutdown()
    server.server_close()


def wait_until(condition: Callable[[], bool], *, limit_s: float = 40.0) -> None:
    deadline_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline_s, "did not happen in time"
        time.sleep(0.05)


def lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


@BROWSER
@pytest.mark.slow
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_role_reads_rendered_pages_and_leaves_no_process(config: Path, end: str) -> None:
    pytest.importorskip("scrapy_playwright", reason="scrapy-playwright is missing: pip install 'tingfeng[browser]'")
    stores = wiring.open_stores(wiring.load_settings(config))
    supervisor = Supervisor(["browse"], lambda name: role_argv(name, ["--config", str(config)]))
    try:

        def read() -> bool:
            supervisor.step()
            return stores.inbox.depth() == 1

        wait_until(read)
        wait_until(lambda: bool(supervisor.status()[0]["ok"]))
        pid = int(str(supervisor.status()[0]["pid"]))
        below = psutil.Process(pid).children(recursive=True)
        assert any("--remote-debugging-pipe" in each.cmdline() for each in below if each.status() != "zombie")
        if end == "kill":
            os.kill(pid, signal.SIGKILL)
        began_s = time.monotonic()
    finally:
        supervisor.stop()
    assert time.monotonic() - began_s < 8.5, "it ends by itself before it is killed"
    wait_until(lambda: not [each for each in below if lives(each)], limit_s=10)
    stores.close()


def test_role_runs_only_where_a_source_needs_it(config: Path) -> None:
    settings = wiring.load_settings(config)
    assert wanted(settings, "browse")
    assert _children(settings, ROLES) == ["crawl", "browse", "analyse", "watch"]
    config.write_text(config.read_text(encoding="utf-8").replace("transport: browser, ", ""), encoding="utf-8")
    assert _children(wiring.load_settings(config), ROLES) == ["crawl", "analyse", "watch"]


def test_each_source_is_visited_by_one_of_both_roles(config: Path) -> None:
    pytest.importorskip("scrapy_playwright", reason="scrapy-playwright is missing: pip install 'tingfeng[browser]'")
    text = config.read_text(encoding="utf-8").replace("sources: [", "sources: [{platform: v2ex, name: topics}, ")
    config.write_text(text, encoding="utf-8")
    settings = wiring.load_settings(config)
    stores = wiring.open_stores(settings)
    crawler = wiring.make_crawler(settings, stores, SystemClock())
    browser, _ = wiring.make_browser(settings, stores, SystemClock())
    assert (set(crawler._sources), set(browser._sources)) == ({"topics"}, {"page"})
    crawler.close(), browser.close()
    stores.close()


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_without_a_browser_the_role_waits_and_doctor_says_what_to_install(config: Path, locale: str) -> None:
    text = f"locale: {locale}\ncrawl: {{browser: /nowhere/chromium}}\n" + config.read_text(encoding="utf-8")
    config.write_text(text, encoding="utf-8")
    settings = wiring.load_settings(config)
    beat, stop = Beat(None, "browse"), threading.Event()
    role = threading.Thread(target=run_browse, args=(settings, SystemClock(), stop, beat))
    role.start()
    wait_until(lambda: "browse" in beat._waits)
    assert "/nowhere/chromium" in beat._waits["browse"]
    stop.set()
    role.join(timeout=10)
    assert not role.is_alive()
    (found,) = [each for each in examine(config, offline=True) if each.check == "browser"]
    assert (found.level, "/nowhere/chromium" in found.what, "Chromium" in found.fix) == ("fail", True, True)
