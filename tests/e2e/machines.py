"""Two machines that listen together: each with all roles and a data folder of its own, on the same stores."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from service.demo.pages import SITES, post_url
from service.demo.post import FarmPost, write_import
from service.demo.settings import COOKIE, demo_settings
from service.demo.sink import Sink, serve
from service.demo.stage import FarmProcess
from service.demo.told import Told, told
from service.demo.world import BRAND, RIVAL, World
from tests.e2e.harness import Service, differences, store_id, wait_until

START = datetime(2026, 6, 17, 4, 0, tzinfo=UTC)
"""Where the domain clock starts: a Wednesday, noon in Beijing."""
HISTORY = timedelta(days=14)
HISTORY_SEED = 11
# History was read somewhere long ago: its links belong to no server of today.
HISTORY_BASES = {name: f"https://{name}.example.cn" for name in SITES}
CHANNELS = ("slack", "wecom_robot")
READY_S = 90.0
LEAD_S = 6.0
"""Real seconds that the services may take to start before the clock reaches START."""
ROLES = ("crawl", "analyse", "watch")


class Machine(Service):
    """One `tingfeng run` with all roles."""

    def __init__(self, folder: Path, name: str, config: str) -> None:
        folder.mkdir()
        self.name = name
        super().__init__(folder, config)

    def role(self, name: str) -> dict[str, Any]:
        """The health page's view of one role; empty where it cannot be had."""
        return next((one for one in self.health().get("roles", ()) if one["role"] == name), {})

    def watches(self) -> bool:
        """Whether this machine holds the role watch."""
        return self.role("watch").get("detail", {}).get("standby") is False

    def visits(self) -> bool:
        """Whether this machine ever visited a source."""
        return "visited source=" in self.log_text()

    def kill_role(self, name: str) -> int:
        """End a role's process with nothing put in order, and return its id."""
        pid = wait_until(f"{name} of {self.name} runs", lambda: self.role(name).get("pid"), limit_s=30)
        os.kill(pid, signal.SIGKILL)
        return int(pid)


@dataclass
class Machines:
    """Everything that runs during one test."""

    farm: FarmProcess
    sink: Sink
    both: tuple[Machine, Machine]
    world: World
    scale: float
    epoch_s: float = 0.0
    posts: list[FarmPost] = field(default_factory=list)
    asked: Machine | None = None
    """The machine that commands are run on."""

    def add(self, posts: Sequence[FarmPost]) -> None:
        """Give the farm posts and remember them."""
        self.posts += posts
        self.farm.add(posts)

    def begin(self) -> None:
        """Start both machines by one clock and wait until every source was visited."""
        self.add(self.world.quiet(START - timedelta(hours=2), START + timedelta(hours=12)))
        self.epoch_s = time.time() + LEAD_S
        for machine in self.both:
            self.start(machine)
        self.farm.run(self.epoch_s)
        for machine in self.both:
            wait_until(f"{machine.name} is up", lambda m=machine: m.health().get("ok"), limit_s=READY_S)
        sites = ("weibo", "news", "forum")
        wait_until("first visits", lambda: min(self.farm.hits()[site] for site in sites) >= 2, limit_s=READY_S)
        wait_until("somebody watches", lambda: any(m.watches() for m in self.both), limit_s=30)
        self.pass_time(timedelta(minutes=15))

    def start(self, machine: Machine) -> None:
        """Start one machine by the common clock."""
        machine.start(clock=(START, self.scale), epoch_s=self.epoch_s)

    def pass_time(self, span: timedelta) -> None:
        """Let domain time pass."""
        time.sleep(span.total_seconds() / self.scale)

    def real_s(self, span: timedelta) -> float:
        """Real seconds of a domain span."""
        return span.total_seconds() / self.scale

    def holder(self) -> Machine | None:
        """The machine that holds the role watch now; None = none does."""
        return next((machine for machine in self.both if machine.watches()), None)

    def visitor(self) -> Machine | None:
        """The machine that visited last; None = none did."""
        last = {
            machine: max(re.findall(r"^(\S+ \S+) .*visited source=", machine.log_text(), re.MULTILINE), default="")
            for machine in self.both
        }
        first = max(self.both, key=lambda machine: last[machine])
        return first if last[first] else None

    def told(self, kind: str | None = None, channel: str | None = None) -> list[Told]:
        """Messages of one kind, or all, that a channel, or any, accepted."""
        return [one for one in told(self.sink.ledger) if kind in (None, one.kind) and channel in (None, one.channel)]

    def wait_told(self, kind: str, limit_s: float) -> None:
        """Wait until both channels were told of `kind`."""

        def both_told() -> bool:
            return all(self.told(kind, channel) for channel in CHANNELS)

        try:
            wait_until(f"{kind} in both channels", both_told, limit_s=limit_s)
        except AssertionError as err:
            for machine in self.both:
                err.add_note(f"--- {machine.name}\n{machine.log_text()[-6_000:]}")
            raise

    def start_crisis(self, lead: timedelta = timedelta(minutes=5)) -> list[FarmPost]:
        """Publish the invented crisis, beginning in `lead`."""
        crisis = self.world.crisis((self.farm.now() + lead).replace(microsecond=0))
        self.add(crisis)
        return crisis

    def shown(self, mark: str) -> int:
        """How many posts of a mark were shown to anybody."""
        return len(self.farm.first_shown_s(mark))

    def wait_shown(self, posts: Sequence[FarmPost], mark: str, limit_s: float) -> None:
        """Wait until the services were shown all posts of a mark."""
        ids = {post.id for post in posts}
        wait_until(f"{mark} is shown", lambda: ids <= set(self.farm.first_shown_s(mark)), limit_s=limit_s)

    def inbox(self) -> int:
        """How many posts wait to be tagged; -1 = nobody can say."""
        return max((int(machine.health().get("inbox", -1)) for machine in self.both), default=-1)

    def wait_drained(self, limit_s: float = 60.0) -> None:
        """Wait until nothing waits to be tagged any more."""
        wait_until("the inbox is empty", lambda: self.inbox() == 0, limit_s=limit_s)

    def searched(self, query: str) -> list[dict[str, Any]]:
        """What `tingfeng search` finds, asked on a machine that runs."""
        return (self.asked or self.both[0]).search(query)

    def incidents(self) -> list[dict[str, Any]]:
        """Incidents that anybody was told of."""
        return [one for one in (self.asked or self.both[0]).incidents() if one["deliveries"]]

    def story(self) -> list[str]:
        """What both machines logged about losing and getting back something, in order of time."""
        return recovery(self.both)


_EVENT = re.compile(
    r"^(\S+ \S+) (?:INFO|WARNING|ERROR)\s+\S+ \S+ "
    r"((?:role ended|role started|role held|role stands by|role not renewed|role was taken|role cannot go on"
    r"|\w+ step failed|\w+ goes on|visits pause|visits go on|source not claimed).*)$",
    re.MULTILINE,
)


def recovery(machines: Sequence[Machine]) -> list[str]:
    """Lines about trouble and return out of all logs, oldest first, each with its machine's name."""
    found = [(at, m.name, what[:160]) for m in machines for at, what in _EVENT.findall(m.log_text())]
    return [f"{at} {name} {what}" for at, name, what in sorted(found)]


def check_once(stand: Machines) -> int:
    """Check that each message kind that must be single is single in both channels; returns messages in all."""
    for channel in CHANNELS:
        count = Counter(one.kind for one in stand.told(channel=channel))
        lines = [one.first_line for one in stand.told(channel=channel)]
        assert count["firing"] == 1, lines
        assert count["resolved"] <= 1, lines
        assert set(count) <= {"firing", "escalated", "resolved"}, lines
        assert len(lines) == len(set(lines)), lines
    return len(stand.told())


def check_stored(stand: Machines) -> int:
    """Check that every shown post that names a brand is stored once with its fields; returns how many."""
    shown = stand.farm.first_shown_s()
    stored: dict[str, list[dict[str, Any]]] = {}
    for one in stand.searched("brand: *"):
        stored.setdefault(one["id"], []).append(one)
    twice = [id for id, found in stored.items() if len(found) > 1]
    assert not twice, twice[:20]
    wrong: list[str] = []
    checked = 0
    for post in stand.posts:
        if post.id not in shown or not (BRAND in post.text or RIVAL in post.text):
            continue
        checked += 1
        found = stored.get(store_id(post, stand.farm.bases), [])
        if not found:
            wrong.append(f"{post.site} {post.id} {post.published_at}: not stored")
        elif post.repost_of is None:
            wrong += [f"{post.site} {post.id}: {text}" for text in _differences(post, found[0], stand.farm.bases)]
    assert not wrong, f"{len(wrong)} of {checked}: " + "\n".join(wrong[:20])
    return checked


def _differences(post: FarmPost, stored: Mapping[str, Any], bases: Mapping[str, str]) -> list[str]:
    # Likes change while answers are retouched, and weibo shows many followers in units of 10,000.
    loose = ("engagement.likes", "author.followers" if (post.followers or 0) >= 10_000 else "engagement.likes")
    return [text for text in differences(post, stored, bases) if not text.startswith(loose)]


def settings_text(data_dir: Path, bases: Mapping[str, str], sink: str, storage: Mapping[str, Any]) -> str:
    """The demo's settings on the given stores, with limits that fit a clock that runs fast."""
    settings = yaml.safe_load(demo_settings(data_dir, bases, sink))
    settings["sources"][0]["pages"] = 30
    settings |= {
        "storage": dict(storage),
        # Real time: what a killed process held is free again soon.
        "crawl": {"visit_deadline": "5s"},
        "analyse": {"lease": "10s"},
    }
    return yaml.safe_dump(settings, allow_unicode=True, sort_keys=False)


def import_history(folder: Path, storage: Mapping[str, Any]) -> Path:
    """Import two quiet weeks by the command `tingfeng import`, and return the file."""
    history = World(HISTORY_SEED).quiet(START - HISTORY, START - timedelta(hours=2))
    path = folder / "history.ndjson"
    write_import(path, history, lambda post: post_url(post, HISTORY_BASES))
    bases = {name: f"http://127.0.0.1:{port}" for port, name in enumerate(SITES, start=18_101)}
    machine = Machine(folder / "importer", "importer", settings_text(folder / "data", bases, bases["weibo"], storage))
    done = machine.command("import", str(path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "bad lines 0" in done.stdout, done.stdout
    return path


@contextlib.contextmanager
def open_machines(folder: Path, storage: Mapping[str, Any], *, scale: float, seed: int = 1) -> Iterator[Machines]:
    """Start sources and channels; the machines wait for `begin`.

    Args:
        folder: Empty folder of this run.
        storage: The stores that both use, with the history in them.
        scale: Domain seconds for one real second.
        seed: Of the invented world.
    """
    farm = FarmProcess(start=START, scale=scale, cookie=COOKIE, log=folder / "farm.log", feed_size=400)
    try:
        with serve(Sink()) as sink:
            first, second = (
                Machine(folder / name, name, settings_text(folder / name / "data", farm.bases, sink.url, storage))
                for name in ("a", "b")
            )
            stand = Machines(farm, sink, (first, second), World(seed), scale)
            try:
                yield stand
            finally:
                for machine in stand.both:
                    machine.stop()
    finally:
        farm.stop()
