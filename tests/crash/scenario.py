"""One crisis of an invented brand, lived through by the real service: told, told to be worse, told to be over.

Sources, channels and roles are those of the end-to-end tests. What happens is the same in
every run, down to the texts; only where the roles die differs.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from domain.document import public_document
from domain.incident import DeliveryState, Incident
from domain.moment import from_rfc3339
from service import wiring
from service.demo.pages import post_url
from service.demo.post import FarmPost, weibo_mid
from service.demo.settings import COOKIE, demo_settings
from service.demo.sink import Sink, serve
from service.demo.stage import FarmProcess, ServiceProcess
from service.demo.told import told
from service.demo.world import World
from service.finding import find_mentions
from tests.crash.control import Begun, Kill, begun_deliveries, read_deaths, read_hits, waiting, write_plan
from tests.e2e.harness import ask, clean_env, store_id

START = datetime(2026, 6, 17, 4, 0, tzinfo=UTC)
"""Where the domain clock starts: a Wednesday, noon in Beijing."""
SCALE = 80.0
"""Domain seconds for one real second: a role that is back after nine seconds was gone for twelve minutes."""
FIRST, SECOND = 12, 30
"""Posts of the first wave, which is told, and of the second, which is told as worse."""
SECOND_AFTER = timedelta(minutes=27)
"""So long that a role which died in the first wave is back before it."""
LENGTH = timedelta(minutes=85)
"""From the first wave to the end of the incident, roughly."""
CHANNELS = ("slack", "wecom_robot")
KINDS = ("firing", "escalated", "resolved")
REPEAT_MARK = "可能重复"
LEAD_S, READY_S, SPARE_S = 2.0, 150.0, 150.0
_COLLECTED = ("first_collected_at", "last_collected_at", "indexed_at")
_BY_ORDER = ("story_id", "is_duplicate")
"""Two undisturbed runs differ in these already: a story has the id of the post that happened to come first."""


@dataclass(frozen=True)
class Outcome:
    """What a run left behind; two runs are compared by it."""

    mentions: Mapping[str, Mapping[str, Any]]
    """Public fields of each stored mention by the post's number, without those that follow from when it was
    collected; moments are counted from the first wave."""
    incidents: tuple[tuple[str, ...], ...]
    """Rule, brand, level and state of each."""
    told: Mapping[tuple[str, str, str], int]
    """Accepted messages by channel, kind and first line, which has the numbers: a repeat has the same."""
    marked: Mapping[tuple[str, str, str], int]
    """Those that say of themselves that they may be repeats."""
    undelivered: tuple[str, ...]
    """Deliveries that no channel has accepted."""
    inbox: int
    """Rows left in the inbox, in changed rows and among dead letters."""
    one_step: bool
    """People were told of the crisis only when the second wave had begun: then there is no worse to be told."""
    homeless: tuple[str, ...]
    """Mentions whose story is of no stored mention."""
    hits: Mapping[str, Counter[str]]
    """Fault points reached, by role."""
    died: Mapping[int, tuple[Begun, ...]]
    """Deaths by number in the plan, with the deliveries that had begun; of the whole service by number from 1000."""
    seconds: float
    """How long it took, real time."""
    log: str
    """What the service said."""


@dataclass
class Run:
    """A run in progress."""

    farm: FarmProcess
    sink: Sink
    service: ServiceProcess
    data_dir: Path
    control: Path
    scale: float
    moments: list[datetime] = field(default_factory=list)
    """When the whole service is killed, domain time, in order."""
    begun: list[tuple[Begun, ...]] = field(default_factory=list)
    """What had begun at each of these kills."""
    posts: list[FarmPost] = field(default_factory=list)
    epoch_s: float = 0.0

    def start(self) -> None:
        """Start the service, by the clock of the run."""
        self.service.start(clock=(START, self.scale), epoch_s=self.epoch_s)

    def now(self) -> datetime:
        """Domain time."""
        return START + max(0.0, time.time() - self.epoch_s) * timedelta(seconds=self.scale)

    def tend(self) -> None:
        """Kill the service when that is due, and start it again when it is dead, as a service manager does."""
        if self.moments and self.now() >= self.moments[0]:
            self.moments.pop(0)
            self.begun.append(self.kill_all())
            self.start()
        code = self.service.exit_code()
        if code is not None:
            assert code == -signal.SIGKILL, self.service.log_text()[-5_000:]
            self.start()

    def kill_all(self) -> tuple[Begun, ...]:
        """End the supervisor and every role at one moment; return the deliveries that had begun."""
        assert self.service.pid is not None
        os.killpg(self.service.pid, signal.SIGSTOP)
        begun = begun_deliveries(self.data_dir / "state.db")
        self.service.kill()
        return tuple(begun)

    def stop(self) -> None:
        """Stop the service in order and wait until its last process is gone, should the supervisor die at that."""
        group = self.service.pid
        self.service.stop()
        end_s = time.monotonic() + SPARE_S
        with contextlib.suppress(ProcessLookupError):
            while group is not None and time.monotonic() < end_s:
                os.killpg(group, 0)
                time.sleep(0.1)

    def wait(self, what: str, done: Callable[[], Any], limit_s: float) -> None:
        """Wait for something in real time, keeping the service up."""
        end_s = time.monotonic() + limit_s
        while not done():
            self.tend()
            if time.monotonic() > end_s:
                lines = "\n".join(f"{one.channel} {one.first_line}" for one in told(self.sink.ledger))
                raise AssertionError(f"{what}: not within {limit_s:.0f} s\n{lines}\n{self.service.log_text()[-8_000:]}")
            time.sleep(0.1)

    def told(self, kind: str) -> bool:
        """Say whether both channels have accepted a message of a kind."""
        return {one.channel for one in told(self.sink.ledger) if one.kind == kind} >= set(CHANNELS)


def live(folder: Path, kills: Sequence[Kill] = (), *, whole: int = 0, scale: float = SCALE, seed: int = 1) -> Outcome:
    """Live through the crisis and return what is left.

    Args:
        folder: Empty folder of the run.
        kills: Where roles die.
        whole: How often the whole service is killed, at moments that follow from `seed`.
        scale: Domain seconds for one real second.
        seed: See `whole`.
    """
    began_s = time.monotonic()
    with open_run(folder, kills, scale) as run:
        run.epoch_s = time.time() + LEAD_S
        run.posts = World(5).quiet(START - timedelta(hours=3), START - timedelta(minutes=5))
        run.farm.add(run.posts)
        run.farm.run(run.epoch_s)
        if whole:
            dice = random.Random(seed)
            run.moments = sorted(START + dice.random() * (LENGTH + timedelta(minutes=10)) for _ in range(whole))
        run.start()
        run.wait("every source is known", lambda: visited(run) >= 3, READY_S)
        wave = add_waves(run)
        real_s = LENGTH.total_seconds() / scale
        run.wait("the end is told", lambda: run.told("resolved"), real_s + SPARE_S)
        run.wait("all kills are done", lambda: not run.moments, real_s + SPARE_S)
        run.wait("all is worked off", lambda: settled(run), SPARE_S)
        run.stop()
        return replace(outcome(run, folder / "tingfeng.yaml", wave), seconds=time.monotonic() - began_s)


@contextlib.contextmanager
def open_run(folder: Path, kills: Sequence[Kill], scale: float) -> Iterator[Run]:
    """Start sources and channels and write the settings of the service."""
    data_dir, control, config = folder / "data", folder / "control", folder / "tingfeng.yaml"
    write_plan(control, kills)
    farm = FarmProcess(start=START, scale=scale, cookie=COOKIE, log=folder / "farm.log", feed_size=200)
    try:
        with serve(Sink()) as sink:
            config.write_text(settings_text(data_dir, farm.bases, sink.url))
            config.chmod(0o600)
            here = Path(__file__).resolve()
            path = os.pathsep.join([str(here.parent / "site"), str(here.parents[2])])
            env = clean_env(PYTHONPATH=path, FAULT_CONTROL=str(control), FAULT_DATA=str(data_dir))
            service = ServiceProcess(config, folder / "service.log", env=env)
            try:
                yield Run(farm, sink, service, data_dir, control, scale)
            finally:
                service.stop()
    finally:
        farm.stop()


def settings_text(data_dir: Path, bases: Mapping[str, str], sink: str) -> str:
    """The demo's settings with one rule that needs no history."""
    settings = yaml.safe_load(demo_settings(data_dir, bases, sink))
    for source in settings["sources"]:
        # A role that is being restarted must not pass for a dead source, which is three intervals of silence.
        source["interval"] = "8m"
    rule = {"kind": "threshold", "on": "negative", "at_least": 6, "window": "40m", "cooling": "5m"}
    settings |= {
        "rules": [
            {"name": "negative-burst", "enabled": False},
            {"name": "grave-risk", "enabled": False},
            {"name": "complaints", "brands": ["yunshan"], "severity": "critical", **rule},
        ],
        "crawl": {"visit_deadline": "5s"},
        "analyse": {"lease": "10s"},
    }
    return yaml.safe_dump(settings, allow_unicode=True, sort_keys=False)


def add_waves(run: Run) -> datetime:
    """Publish the crisis and return its beginning, the next full five minutes: where rules divide time."""
    start = run.now() + timedelta(minutes=1)
    start = START + timedelta(minutes=5) * -(-(start - START) // timedelta(minutes=5))
    crowd = [post for post in World(7).crisis(start) if post.site in ("weibo", "forum") and post.repost_of is None]
    crowd, news = crowd[5 : 5 + FIRST + SECOND], [post for post in World(7).crisis(start) if post.site == "news"]
    assert len(crowd) == FIRST + SECOND and len(news) == 2
    posts = [at(post, start + timedelta(seconds=10 * n), n) for n, post in enumerate(crowd[:FIRST])]
    second = start + SECOND_AFTER
    posts += [at(post, second + timedelta(seconds=4 * n), FIRST + n) for n, post in enumerate(crowd[FIRST:])]
    posts += [replace(post, published_at=second, id=f"crisis-{n}") for n, post in enumerate(news)]
    run.posts = [*run.posts, *posts]
    run.farm.add(posts)
    return start


def at(post: FarmPost, moment: datetime, number: int) -> FarmPost:
    """Return a post published at another moment; the id of weibo tells it."""
    id = weibo_mid(moment, 900_000 + number) if post.site == "weibo" else post.id
    return replace(post, published_at=moment, id=id)


def visited(run: Run) -> int:
    """How many sources were visited with the state saved."""
    saves = [
        count
        for point, count in read_hits(run.control).get("crawl", Counter()).items()
        if point.startswith("commit visits |") and point.endswith("after")
    ]
    return sum(saves)


def settled(run: Run) -> bool:
    """Say whether everything published was shown, nothing waits, and no call is under way."""
    shown = run.farm.first_shown_s()
    if any(post.id not in shown for post in run.posts if post.mark == "crisis"):
        return False
    pages = re.findall(r"http://[\d.]+:\d+/healthz", run.service.log_text())
    health = ask(pages[-1], timeout_s=5.0) if pages else None
    return bool(health) and health.get("inbox") == 0 and not waiting(run.data_dir / "state.db")


# --- what is left --------------------------------------------------------------------------------------------


def outcome(run: Run, config: Path, wave: datetime) -> Outcome:
    """Read the stores and the channels of a run whose service has stopped."""
    settings = wiring.load_settings(config)
    stores = wiring.open_stores(settings)
    try:
        desk, inbox = stores.state.desk, stores.inbox
        stored = [public_document(one) for one in find_mentions(stores.mentions, "*", now=run.now(), limit=10_000)]
        changes = inbox.claim_changes(owner="test", limit=1_000, lease=timedelta(seconds=1), now=run.now() + LENGTH)
        incidents = tuple(sorted(summary(one) for one in desk.incidents(limit=100)))
        accepted = (DeliveryState.DELIVERED, DeliveryState.DEGRADED)
        undelivered = tuple(
            f"{one.channel} {one.kind} {one.state} {one.answer}"
            for one in desk.deliveries(limit=500)
            if one.state not in accepted
        )
        left = inbox.depth() + len(changes) + len(inbox.dead_letters())
    finally:
        stores.close()
    messages = told(run.sink.ledger)
    firing_s = min((one.at_s for one in messages if one.kind == "firing"), default=0.0)
    first = START + (firing_s - run.epoch_s) * timedelta(seconds=run.scale)
    died = read_deaths(run.control) | dict(enumerate(run.begun, start=1_000))
    return Outcome(
        mentions=by_post(stored, run, wave),
        incidents=incidents,
        told=Counter((one.channel, one.kind, one.first_line) for one in messages),
        marked=Counter((one.channel, one.kind, one.first_line) for one in messages if REPEAT_MARK in one.text),
        undelivered=undelivered,
        inbox=left,
        one_step=first >= wave + SECOND_AFTER,
        homeless=tuple(one["id"] for one in stored if one["story_id"] not in {each["id"] for each in stored}),
        hits=read_hits(run.control),
        died=died,
        seconds=0.0,
        log=run.service.log_text(),
    )


def summary(incident: Incident) -> tuple[str, ...]:
    """What must be the same of an incident; when it was noticed, and whether in a gap of data, is the clock's."""
    return (incident.rule, incident.brand, incident.severity.value, incident.state.value)


def by_post(stored: Sequence[Mapping[str, Any]], run: Run, wave: datetime) -> dict[str, dict[str, Any]]:
    """Return stored mentions by the number of their post, comparable between runs with other ports and clocks."""
    numbers = {store_id(post, run.farm.bases): (f"post-{n}", post) for n, post in enumerate(run.posts)}
    found: dict[str, dict[str, Any]] = {}
    for one in stored:
        number, post = numbers.get(one["id"], (one["id"], None))
        assert number not in found, f"{number} is stored twice"
        plain = {name: value for name, value in one.items() if name not in (*_COLLECTED, *_BY_ORDER, "id")}
        if post is not None:
            plain["url"] = number if plain["url"] == post_url(post, run.farm.bases) else plain["url"]
            origin = wave if post.mark == "crisis" else START
            for name in ("event_at", "published_at"):
                plain[name] = (from_rfc3339(plain[name]) - origin).total_seconds()
        found[number] = plain
    return found
