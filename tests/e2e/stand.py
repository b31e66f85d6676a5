"""One stand for a run: sources, channels and the service on a prepared data folder."""

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from service.demo.post import FarmPost
from service.demo.sink import DEMO_CHANNEL, DEMO_KEY, DEMO_TOKEN, Sink, serve
from service.demo.stage import FarmProcess
from service.demo.told import Told, told
from tests.e2e.corpus import BRANDS, Corpus, Timeline
from tests.e2e.harness import COOKIE, Service, wait_until

SCALE = 120.0
"""Domain seconds for one real second; everything but network time-outs follows it."""
START = datetime(2026, 6, 17, 6, 0, tzinfo=UTC)
"""Where the domain clock starts: a Wednesday, 14:00 in Beijing."""
CHANNELS = ("slack", "wecom_robot")
READY_S, FIRING_S, RESOLVED_S = 60.0, 120.0, 240.0


def settings_text(data_dir: Path, bases: Mapping[str, str], sink: str, **changes: Any) -> str:
    """The settings of a run: three brands, four sources, two channels, default rules."""
    visit = {"interval": "5m", "pace": "1s", "limit": 600}
    sources: list[dict[str, Any]] = [
        {"platform": "weibo", "name": "weibo", "transport": "cookie", "cookie": COOKIE, "base_url": bases["weibo"]},
        {"platform": "feed", "name": "news", "url": bases["news"] + "/rss/latest.xml", "follow": True},
        {"platform": "feed", "name": "forum", "url": bases["forum"] + "/forum.php?mod=rss"},
        {"platform": "feed", "name": "blog", "url": bases["blog"] + "/atom.xml"},
    ]
    sources[0]["pages"] = 20
    receiver = {
        "name": "pr-duty",
        "slack": {"token": DEMO_TOKEN, "channel": DEMO_CHANNEL, "base_url": sink + "/api/"},
        "wecom_robot": {"key": DEMO_KEY, "base_url": sink},
    }
    settings = {
        "data_dir": str(data_dir),
        "brands": [{"id": id, "name": name, "query": query} for id, (name, query) in BRANDS.items()],
        "sources": [source | visit for source in sources],
        "receivers": [receiver],
        "network": {"allow_internal": [base.removeprefix("http://") for base in bases.values()]},
        "healthz": {"port": 0},
    }
    return yaml.safe_dump(settings | changes, allow_unicode=True, sort_keys=False)


@dataclass
class Stand:
    """Everything that runs during one test."""

    farm: FarmProcess
    sink: Sink
    service: Service
    corpus: Corpus
    timeline: Timeline
    posts: list[FarmPost] = field(default_factory=list)
    epoch_s: float = 0.0
    """Unix time of `START`, for the sources and for each start of the service."""

    def add(self, posts: Sequence[FarmPost]) -> None:
        """Give the farm posts and remember them."""
        self.posts += posts
        self.farm.add(posts)

    def begin(self) -> None:
        """Start the service and wait until every source was visited and its news is stored."""
        self.add(self.timeline.quiet(self.corpus.quiet, START - timedelta(hours=2)))
        self.epoch_s = time.time()
        self.restart()
        self.farm.run(self.epoch_s)
        self.wait("first visits", lambda: min(self.farm.hits().values()) >= 2, READY_S)
        self.pass_time(timedelta(minutes=20))

    def restart(self) -> None:
        """Start the service, perhaps again, and wait until it is up; its clock goes on as the sources' does."""
        said = len(self.service.log_text())
        self.service.start(clock=(START, SCALE), epoch_s=self.epoch_s)
        self.wait("the service is up", lambda: "/healthz" in self.service.log_text()[said:], READY_S)

    def pass_time(self, span: timedelta) -> None:
        """Let domain time pass."""
        time.sleep(span.total_seconds() / SCALE)
        self.check_alive()

    def check_alive(self) -> bool:
        """Say that the service runs, or fail with its last words."""
        assert self.service.exit_code() is None, self.service.log_text()[-3000:]
        return True

    def told(self, kind: str, channel: str | None = None) -> list[Told]:
        """Messages of one kind that a channel, or any, accepted."""
        return [one for one in told(self.sink.ledger) if one.kind == kind and channel in (None, one.channel)]

    def wait_told(self, kind: str, limit_s: float) -> None:
        """Wait until both channels were told of `kind`."""
        self.wait(f"{kind} in both channels", lambda: all(self.told(kind, one) for one in CHANNELS), limit_s)

    def wait(self, what: str, done: Callable[[], Any], limit_s: float) -> None:
        """Wait for something; a failure carries what the service said."""
        try:
            wait_until(what, lambda: self.check_alive() and done(), limit_s=limit_s)
        except AssertionError as err:
            err.add_note("\n".join(one.first_line for one in told(self.sink.ledger)))
            err.add_note(self.service.log_text()[-30_000:])
            raise

    def settle(self) -> set[str]:
        """Return the posts that were shown by now, wait until what they became is stored, and stop the service."""
        shown = set(self.farm.first_shown_s())
        self.pass_time(timedelta(minutes=10))  # visits under way end
        settled = self.farm.now() + timedelta(minutes=1)  # the two clocks differ by a moment

        def stored() -> bool:
            # The farm goes on publishing: the inbox need not be empty at any glance.
            span = self.farm.now() - settled
            seen = self.service.health()
            return seen.get("inbox") is not None and (seen["inbox_oldest_s"] or 0) < span.total_seconds()

        self.wait("what was shown is stored", stored, 60)
        self.service.stop()
        return shown

    def latency_s(self, number: int = 60) -> float:
        """Real seconds from the farm's showing of crisis post `number` to the later channel's ok.

        Zero where it was told before that post was shown.
        """
        shown = sorted(self.farm.first_shown_s("crisis").values())
        answered = max(min(one.at_s for one in self.told("firing", channel)) for channel in CHANNELS)
        return max(0.0, answered - shown[number - 1])


@contextlib.contextmanager
def open_stand(folder: Path, prepared: Path | None, corpus: Corpus, *, seed: int, **changes: Any) -> Iterator[Stand]:
    """Start sources and channels; the service waits for `begin`.

    Args:
        folder: Empty folder of this run.
        prepared: Data folder to begin with; None = an empty one.
        corpus: The texts.
        seed: Of the timeline.
        changes: Top-level settings that differ.
    """
    data_dir = folder / "data"
    if prepared is not None:
        shutil.copytree(prepared, data_dir)
    farm = FarmProcess(start=START, scale=SCALE, cookie=COOKIE, log=folder / "farm.log", feed_size=400)
    try:
        with serve(Sink()) as sink:
            service = Service(folder, settings_text(data_dir, farm.bases, sink.url, **changes))
            try:
                yield Stand(farm, sink, service, corpus, Timeline(seed, start=1_000_000 + seed * 10_000))
            finally:
                service.stop()
    finally:
        farm.stop()
