"""Real services on one PostgreSQL: two of each role, a server that restarts, a machine that is lost."""

import http.server
import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.codec import from_json
from domain.incident import Delivery, DeliveryKind, DeliveryState
from domain.ports import DeskChange
from service.demo.sink import Sink, serve
from service.demo.stage import ServiceProcess
from storage import State, open_state
from tests.conftest import REPOSITORY
from tests.postgres_node import PostgresNode, postgres, programs

pytestmark = [pytest.mark.pg, pytest.mark.slow]

KEY = "00000000-0000-4000-8000-000000000000"
SAMPLE = REPOSITORY / "tests" / "fixtures" / "upgrade" / "0001" / "expected.json"
SOURCES = 6
FEED = """<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>晚报</title>
<item><guid>{name}</guid><link>http://{host}/{name}</link><title>云杉咖啡喝出异物</title><description>恶心</description></item>
</channel></rss>"""


class Feeds(http.server.ThreadingHTTPServer):
    """Feeds on loopback that count who was asked how often, and when."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Feed)
        self.asked: Counter[str] = Counter()
        self.at_s: list[float] = []
        self.host = f"127.0.0.1:{self.server_address[1]}"


class _Feed(http.server.BaseHTTPRequestHandler):
    server: Feeds

    def do_GET(self) -> None:
        name = self.path.strip("/")
        if name != "robots.txt":
            self.server.asked[name] += 1
            self.server.at_s.append(time.monotonic())
        body = b"" if name == "robots.txt" else FEED.format(host=self.server.host, name=name).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/rss+xml; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


class Machine(ServiceProcess):
    """One `tingfeng run` with a data folder of its own."""

    def __init__(self, folder: Path, name: str, config: str) -> None:
        self.data = folder / name
        path = folder / f"{name}.yaml"
        path.write_text(f"data_dir: {name}\n{config}", "utf-8")
        super().__init__(path, folder / f"{name}.log")


class Stand:
    """Everything on loopback: the server, the feeds, the channel, the machines."""

    def __init__(self, folder: Path, node: PostgresNode, feeds: Feeds, sink: Sink) -> None:
        self.folder, self.node, self.feeds, self.sink = folder, node, feeds, sink
        self.machines: dict[str, Machine] = {}
        self.state: State = open_state(node.url(), folder)
        sources = "".join(
            f"  - {{platform: feed, name: s{n}, url: 'http://{feeds.host}/s{n}', pace: 500ms}}\n"
            for n in range(SOURCES)
        )
        self.config = (
            f"storage: {{state: '{node.url()}'}}\n"
            "brands: [{id: yunshan, name: 云杉咖啡, query: 云杉咖啡}]\n"
            f"sources:\n{sources}"
            f"network: {{allow_internal: ['{feeds.host}']}}\n"
            f"receivers: [{{name: pr-duty, wecom_robot: {{key: {KEY}, base_url: '{sink.url}'}}}}]\n"
            "healthz: {port: 0}\n"
        )

    def start(self, name: str, roles: str) -> Machine:
        self.machines[name] = Machine(self.folder, name, self.config)
        self.machines[name].start(roles=roles)
        return self.machines[name]

    def queue(self) -> None:
        """Queue one more message for whoever watches."""
        now = datetime.now(UTC)
        sample = from_json(Delivery, json.dumps(json.loads(SAMPLE.read_text("utf-8"))["deliveries"][0]))
        one = replace(
            sample, id=str(uuid.uuid4()), incident=None, kind=DeliveryKind.NOTICE, state=DeliveryState.PENDING,
            attempts=0, answer="", not_before=now, created_at=now,
        )  # fmt: skip
        self.state.desk.commit(DeskChange(deliveries=(one,)), now=now)

    def told(self) -> int:
        return len(self.sink.ledger.posted)

    def all_delivered(self) -> bool:
        return {each.state for each in self.state.desk.deliveries()} == {DeliveryState.DELIVERED}

    def holder(self) -> str:
        """Return the machine whose process holds `watch`."""
        owner = self.state.leases.holder("watch") or ""
        names = [name for name, machine in self.machines.items() if _owner_part(machine) in owner.split(":")]
        return names[0] if names else ""

    def close(self) -> None:
        for machine in self.machines.values():
            machine.stop()
        self.state.close()


def _owner_part(machine: Machine) -> str:
    path = machine.data / "machine"
    return path.read_text("ascii").strip() if path.exists() else "none"


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    postgres()
    if programs() is None:
        pytest.skip("restarts a server of its own: install the package `postgresql`")
    node, feeds, sink = PostgresNode(fsync="off"), Feeds(), Sink(keys=(KEY,))
    threading.Thread(target=feeds.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    with serve(sink):
        made = Stand(tmp_path, node, feeds, sink)
        yield made
        made.close()
    feeds.shutdown()
    feeds.server_close()
    node.close()


def wait_until(condition: Callable[[], bool], *, limit_s: float = 60.0) -> float:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < limit_s, "did not happen in time"
        time.sleep(0.05)
    return time.monotonic() - began


def test_two_watch_one_works_and_the_other_follows_when_its_machine_is_lost(stand: Stand) -> None:
    stand.start("a", "watch")
    stand.start("b", "watch")
    stand.queue()
    wait_until(lambda: stand.told() == 1)
    first = stand.holder()
    assert first in ("a", "b")

    stand.node.stop("immediate")
    time.sleep(1)
    stand.node.start()
    stand.queue()
    wait_until(lambda: stand.told() == 2)
    assert stand.holder() == first
    # Killed between the channel's ok and its own commit it would have to tell once more, marked.
    wait_until(stand.all_delivered)

    stand.machines[first].kill()
    stand.queue()
    waited_s = wait_until(lambda: stand.told() == 3)
    assert stand.holder() == ("b" if first == "a" else "a") and waited_s < 30
    wait_until(stand.all_delivered)
    time.sleep(1)
    assert stand.told() == 3, [posted.to_plain() for posted in stand.sink.ledger.posted]


def test_two_crawl_each_feed_is_asked_once_and_the_pace_of_the_site_holds(stand: Stand) -> None:
    stand.start("a", "crawl")
    stand.start("b", "crawl")
    wait_until(lambda: len(stand.state.visits.load()) == SOURCES)
    time.sleep(2)
    assert stand.feeds.asked == Counter({f"s{n}": 1 for n in range(SOURCES)})
    gaps = [later - earlier for earlier, later in zip(stand.feeds.at_s, stand.feeds.at_s[1:], strict=False)]
    assert min(gaps) > 0.3
    assert stand.state.inbox.depth() == SOURCES
    states = stand.state.visits.load().values()
    assert {each.posts_new for each in states} == {1}
    assert all(each.due_at - datetime.now(UTC) > timedelta(minutes=3) for each in states)
