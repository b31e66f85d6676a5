"""The whole service before hostile sources: it stands, counts each case under its reason, and lets nothing through."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from domain.outcome import FetchOutcome
from service.demo.sink import DEMO_CHANNEL, DEMO_KEY, DEMO_TOKEN, Sink, serve
from tests.crawlers.visiting import feed as plain_feed
from tests.e2e.harness import Service, wait_until
from tests.hostile.cases import TEXTS, Answer, Case, feed
from tests.hostile.clean import FORBIDDEN
from tests.hostile.inside import INSIDE
from tests.hostile.readers import read_mrkdwn, read_wecom
from tests.hostile.test_crawl import ALWAYS, OUTCOMES, SERVED
from tests.hostile.test_files import LINES

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

START = datetime(2026, 6, 20, 7, 30, tzinfo=UTC)
SCALE = 60.0
CHANNELS = {"slack", "wecom_robot"}


class HostileFarm:
    """One hostile server for each platform; each case has an address of its own."""

    def __init__(self, canary_port: int) -> None:
        self.ports: dict[str, int] = {}
        self.live = 0
        self._canary_port = canary_port

    async def start(self) -> None:
        for platform in ALWAYS:
            app = web.Application()
            app.router.add_get("/{tail:.*}", self._answer)
            runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.ports[platform] = runner.addresses[0][1]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        platform, _, case = request.path.strip("/").split("/")[0].partition("-")
        if platform == "live":
            return self._live()
        if platform not in ALWAYS:
            return web.Response(status=404)
        if case == "loop":
            raise web.HTTPFound(request.path)
        if case.startswith("inside"):
            raise web.HTTPFound(INSIDE[int(case[6:])].format(port=self._canary_port))
        if case in ("endless", "drip"):
            return await self._without_end(request, drip=case == "drip")
        answer: Answer = SERVED[platform][Case(case)]()
        return web.Response(body=answer.body, headers={"Content-Type": "text/html", **dict(answer.headers)})

    def _live(self) -> web.Response:
        """Answer with nothing at first, then with every hostile text: what comes later is no history."""
        self.live += 1
        text = plain_feed() if self.live < 3 else feed(*TEXTS.values(), date="", links=1_000)
        return web.Response(body=text.encode("utf-8", "surrogatepass"))

    async def _without_end(self, request: web.Request, *, drip: bool) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"<" if drip else b"<" * 100_000)
            await asyncio.sleep(0.05 if drip else 0)


@contextmanager
def hostile_farm(canary_port: int) -> Iterator[HostileFarm]:
    made, loop = HostileFarm(canary_port), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True, name="hostile")
    thread.start()
    asyncio.run_coroutine_threadsafe(made.start(), loop).result(10)
    yield made
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)


@contextmanager
def canary() -> Iterator[tuple[int, list[str]]]:
    """Listen as something internal would; yields its port and what connected."""
    heard: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def listen() -> None:
            while True:
                try:
                    connection, address = listener.accept()
                except OSError:
                    return
                heard.append(str(address))
                connection.close()

        threading.Thread(target=listen, daemon=True).start()
        yield listener.getsockname()[1], heard


def sources(farm: HostileFarm, folder: Path) -> tuple[list[dict[str, Any]], dict[str, set[str]]]:
    """Return the sources and the outcomes that each may have."""
    made: list[dict[str, Any]] = []
    may: dict[str, set[str]] = {}

    def add(platform: str, case: str, outcomes: set[str]) -> None:
        address = f"http://127.0.0.1:{farm.ports[platform]}/{platform}-{case}"
        where: dict[str, Any] = {"url": address}
        if platform in ("gdelt", "weibo"):
            where = {"base_url": address, "query": ["云杉咖啡"]}
        if platform == "weibo":
            where |= {"transport": "cookie", "cookie": "SUB=x"}
        name = f"{platform}-{case}"
        made.append({"platform": platform, "name": name, "interval": "30m", "pace": "0s", **where})
        may[name] = outcomes

    for platform in ALWAYS:
        for case in SERVED[platform]:
            add(platform, case.value, {each.value for each in OUTCOMES.get((platform, case), {FetchOutcome.OK})})
        for case_name in ("loop", "endless", "drip", *(f"inside{n}" for n in range(0, len(INSIDE), 4))):
            add(platform, case_name, {"error", "gone"})
    live = f"http://127.0.0.1:{farm.ports['feed']}/live"
    made.append({"platform": "feed", "name": "live", "interval": "1m", "pace": "0s", "url": live})
    made.append({"platform": "import", "name": "drop", "interval": "1m", "path": str(folder)})
    return made, may


def settings(folder: Path, listed: list[dict[str, Any]], farm: HostileFarm, sink: str) -> str:
    receiver = {
        "name": "pr-duty",
        "slack": {"token": DEMO_TOKEN, "channel": DEMO_CHANNEL, "base_url": sink + "/api/"},
        "wecom_robot": {"key": DEMO_KEY, "base_url": sink},
    }
    return yaml.safe_dump(
        {
            "data_dir": str(folder / "data"),
            "brands": [{"id": "yunshan", "name": "云杉咖啡", "query": "云杉咖啡"}],
            "sources": listed,
            "rules": [{"name": "each", "kind": "match", "query": "brand: yunshan", "severity": "critical"}],
            "receivers": [receiver],
            "routes": [{"match": "brand: yunshan", "to": "pr-duty"}],
            "network": {"allow_internal": [f"127.0.0.1:{port}" for port in farm.ports.values()], "timeout": "2s"},
            "healthz": {"port": 0},
        },
        allow_unicode=True,
    )


def drop(folder: Path) -> int:
    """Fill a watched folder with everything that is no honest file; return how many lines are good."""
    folder.mkdir()
    good = json.dumps({"platform": "weibo", "id": "77", "text": "云杉咖啡好喝"}).encode()
    (folder / "lines.ndjson").write_bytes(b"\n".join([good, *LINES.values(), good.replace(b"77", b"78")]))
    (folder / "bomb.csv").write_bytes(LINES[Case.ZIP_BOMB])
    (folder / "link.ndjson").symlink_to("/etc/passwd")
    return 2


def all_visited(service: Service, names: set[str]) -> dict[str, dict[str, Any]]:
    """The sources as the health page shows them, once each was visited; empty before."""
    found = {view["source"]: view for view in service.health().get("sources", ())}
    return found if names <= {name for name, view in found.items() if view["outcomes"]} else {}


def test_the_service_stands_before_hostile_sources(tmp_path: Path) -> None:
    with canary() as (port, heard), hostile_farm(port) as farm, serve(Sink()) as sink:
        drop(tmp_path / "drop")
        listed, may = sources(farm, tmp_path / "drop")
        service = Service(tmp_path, settings(tmp_path, listed, farm, sink.url))
        service.start(clock=(START, SCALE))
        try:
            views = wait_until("every source visited", lambda: all_visited(service, {*may, "drop"}), limit_s=120)
            wait_until("both told", lambda: {one.channel for one in sink.ledger.posted} == CHANNELS, limit_s=60)
            searched = service.command("search", "brand: yunshan", "--json", "--limit", "1000")
            shown = service.command("search", "brand: yunshan", "--limit", "1000")
            incidents = service.command("incidents", "list")
            assert service.exit_code() is None
        finally:
            assert service.stop() == 0
        bodies = [(one.route, dict(one.body)) for one in sink.ledger.requests]
    assert heard == []
    # Every case under its reason.
    for name, outcomes in may.items():
        assert set(views[name]["outcomes"]) <= outcomes, (name, views[name]["outcomes"], views[name]["why"])
    assert views["drop"]["drops"]["unreadable"] >= 5
    assert views["feed-duplicate-id"]["drops"]["duplicate_in_batch"] >= 1
    # Nothing crashed, and the log is text.
    log = service.log_text()
    assert "Traceback" not in log
    assert "crashed" not in log
    assert not FORBIDDEN.search(log)
    # What a person sees.
    mentions = [json.loads(line) for line in searched.stdout.splitlines()]
    assert len(mentions) > 30
    for done in (searched, shown, incidents):
        assert done.returncode == 0, done.stderr
        assert not FORBIDDEN.search(done.stdout)
    assert len(shown.stdout.splitlines()) == len(mentions)
    # What the channels received.
    for _, body in bodies:
        if "markdown" in body:
            assert read_wecom(body["markdown"]["content"]).calls == []
        for block in body.get("blocks", ()):
            for text in [block["text"]] if "text" in block else block["elements"]:
                assert text["type"] == "plain_text" or read_mrkdwn(text["text"]).calls == []
        if isinstance(body.get("text"), str):
            assert read_mrkdwn(body["text"]).calls == []
    # Evidence, bounded and for our user alone.
    kept = list((tmp_path / "data" / "evidence").iterdir())
    assert 3 <= len(kept) <= 200
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in kept)
