"""The real service for a long time: many visits over HTTP, faults switched on and off, and nothing may grow.

TINGFENG_SOAK_VISITS (default 100,000) or TINGFENG_SOAK_MINUTES (real time, at an easy pace) says how long.
"""

import itertools
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from domain.moment import from_rfc3339
from domain.source import VisitState
from service import wiring
from service.clock import ClockOrder
from service.demo.post import FarmPost
from service.demo.sink import DEMO_CHANNEL, DEMO_KEY, DEMO_TOKEN, Sink, serve
from service.demo.sink_ledger import Fault
from service.demo.stage import FarmProcess
from service.demo.told import told
from tests.e2e.harness import COOKIE, Service, store_id, wait_until
from tests.farm.plan import START as FARM_START
from tests.farm.server import Farm
from tests.measure import Measurements
from tests.soak.platforms import platforms, sources_of
from tests.soak.talk import BRANDS, talk
from tests.soak.weigh import Scales, growth

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

VISITS = int(os.environ.get("TINGFENG_SOAK_VISITS", "100000"))
MINUTES = float(os.environ.get("TINGFENG_SOAK_MINUTES") or 0)
START = FARM_START
SCALE = 60.0
LENGTH = timedelta(minutes=MINUTES * SCALE) if MINUTES else timedelta(days=14)
INTERVAL = "60s" if MINUTES else "15s"
LOOK_S = 2.0
FAULT_S, CALM_S = 12.0, 12.0
"""How long a fault lasts and how long the calm after it, real seconds."""
SITE_FAULTS = ("503", "drop", "html", "empty", "truncated", "hang", "loop")
SINK_FAULTS = (
    ("slack.post", Fault(action="reply", status=503, body="<html>busy</html>")),
    ("wecom.send", Fault(action="reply", body=json.dumps({"errcode": -1, "errmsg": "busy"}))),
    ("slack.post", Fault(action="accept_then_reset")),
    ("wecom.send", Fault(action="refuse")),
)
FLAT = 1.10
WARM_UP = 0.5 if MINUTES else 0.3
"""Share of the run in which the heaps of the threads still fill; a run of minutes is half warm-up."""
MOST_PSS_MB = 670.0
"""Of the service without its browser."""
STALE = timedelta(hours=3)
"""A source that was not visited for so long while its site answered is stuck (the longest back-off is 2 h)."""


@dataclass
class Run:
    """What runs."""

    farm: FarmProcess
    posts: dict[str, FarmPost]
    """All posts, also of the future, by native id."""
    sink: Sink
    service: Service
    epoch_s: float
    scales: Scales
    others: Farm


def settings_text(data_dir: Path, bases: dict[str, str], sink: str, others: Farm) -> str:
    """Three brands, a dozen busy sources over four sites, every other platform, two channels, the default rules."""
    every = {"interval": INTERVAL, "pace": "0s", "limit": 200}
    feeds = {"news": "/rss/latest.xml", "forum": "/forum.php?mod=rss", "blog": "/atom.xml"}
    sources: list[dict[str, Any]] = [
        {"platform": "weibo", "name": "weibo", "transport": "cookie", "cookie": COOKIE, "base_url": bases["weibo"]},
        *(
            {"platform": "feed", "name": f"{site}-{n}", "url": f"{bases[site]}{path}", "follow": site == "news"}
            for site, path in feeds.items()
            for n in range(3)
        ),
    ]
    receiver = {
        "name": "pr-duty",
        "slack": {"token": DEMO_TOKEN, "channel": DEMO_CHANNEL, "base_url": sink + "/api/"},
        "wecom_robot": {"key": DEMO_KEY, "base_url": sink},
    }
    settings = {
        "data_dir": str(data_dir),
        "brands": [{"id": id, "name": name, "query": name} for id, name in BRANDS.items()],
        "sources": [*(source | every for source in sources), *sources_of(others)],
        "receivers": [receiver],
        "rules": [{"name": "one", "kind": "match", "query": "sentiment: negative and 恶心", "severity": "high"}],
        "network": {
            "allow_internal": [
                *(base.removeprefix("http://") for base in bases.values()),
                *(f"127.0.0.1:{port}" for port in others.ports.values()),
            ],
            "timeout": "4s",
        },
        "healthz": {"port": 0},
    }
    return yaml.safe_dump(settings, allow_unicode=True, sort_keys=False)


@contextmanager
def running(folder: Path) -> Iterator[Run]:
    """Start the farm, the channels and the service, all on one clock."""
    farm = FarmProcess(start=START, scale=SCALE, cookie=COOKIE, log=folder / "farm.log", feed_size=30)
    try:
        posts = {one.id: one for one in talk(START - timedelta(hours=3), LENGTH + timedelta(hours=3))}
        farm.add(list(posts.values()))
        epoch_s = time.time()
        order = ClockOrder(start=START, scale=SCALE, epoch_s=epoch_s)
        with serve(Sink()) as sink, platforms(order, LENGTH) as others:
            service = Service(folder, settings_text(folder / "data", farm.bases, sink.url, others))
            farm.run(epoch_s)
            service.start(clock=(START, SCALE), epoch_s=epoch_s)
            try:
                wait_until("the service is up", lambda: "/healthz" in service.log_text(), limit_s=60)
                yield Run(farm, posts, sink, service, epoch_s, Scales(), others)
            finally:
                service.stop()
    finally:
        farm.stop()


def soak(run: Run) -> None:
    """Let it run, faults on and off, until the visits are made or the time is over; the end is calm."""
    site_faults = itertools.cycle(itertools.product(SITE_FAULTS, run.farm.bases))
    sink_faults = itertools.cycle(SINK_FAULTS)
    begun_s = time.monotonic()
    turn_s, dark = begun_s + CALM_S, False
    looks = 0
    calm_s = STALE.total_seconds() / SCALE + 10
    while not _is_over(run, time.monotonic() - begun_s + calm_s):
        now_s = time.monotonic()
        if now_s >= turn_s:
            dark = not dark
            run.farm.go_dark("")
            if dark:
                mode, site = next(site_faults)
                run.farm.go_dark(mode, site)
                route, fault = next(sink_faults)
                run.sink.ledger.script(route, fault)
            turn_s = now_s + (FAULT_S if dark else CALM_S)
        _look(run, whole=looks % 10 == 0)
        looks += 1
        time.sleep(LOOK_S)
    run.farm.go_dark("")
    end_s = time.monotonic() + calm_s
    while time.monotonic() < end_s:
        _look(run, whole=False)
        time.sleep(LOOK_S)
    wait_until("the inbox is empty", lambda: run.service.health().get("inbox") == 0, limit_s=60)


def _is_over(run: Run, took_s: float) -> bool:
    if MINUTES:
        return took_s >= MINUTES * 60
    return sum(run.farm.hits().values()) + len(run.others.asked) >= VISITS and _visits(run) >= VISITS


def _look(run: Run, *, whole: bool) -> None:
    assert run.service.exit_code() is None, run.service.log_text()[-3000:]
    pid = run.service.pid
    assert pid is not None
    roles = run.service.health().get("roles", [])
    run.scales.look(pid, roles)
    if whole:
        run.scales.weigh_all(pid, without=next((each["pid"] for each in roles if each["role"] == "browse"), None))


def _states(run: Run) -> dict[str, VisitState]:
    with wiring.opened(run.service.config) as (_, stores):
        return dict(stores.state.visits.load())


def _visits(run: Run) -> int:
    return sum(number for state in _states(run).values() for _, number in state.outcomes)


def test_nothing_grows_and_nothing_gets_stuck(tmp_path: Path, measurements: Measurements) -> None:
    with running(tmp_path) as run:
        begun_s = time.monotonic()
        soak(run)
        took_s = time.monotonic() - begun_s
        end = run.farm.now()
        hits = sum(run.farm.hits().values()) + len(run.others.asked)
        shown = run.farm.first_shown_s()
        code = run.service.stop()
        states = _states(run)
        log = run.service.log_text()
        (tmp_path / "looks.json").write_text(json.dumps({n: [vars(o) for o in s] for n, s in run.scales.looks.items()}))
    assert code == 0
    outcomes: Counter[str] = sum((Counter(dict(state.outcomes)) for state in states.values()), Counter())
    visits = sum(outcomes.values())
    measurements.record("visits", visits, floor=VISITS if not MINUTES else 60 * MINUTES, note=f"{dict(outcomes)}")
    measurements.record("requests that the sites saw", hits, floor=visits * 0.5)
    measurements.record("minutes", took_s / 60, unit="min")
    (tmp_path / "states.json").write_text(
        json.dumps({name: [dict(state.outcomes), state.last_detail] for name, state in states.items()}, indent=1)
    )
    failed = visits - outcomes["ok"] - outcomes["empty"]
    measurements.record("share of visits that met a fault", failed / visits, floor=0.001)
    stale = {name: state.last_visit_at for name, state in states.items() if end - state.last_visit_at > STALE}
    assert not stale, f"not visited for {STALE}: {stale}"
    blind = [name for name, state in states.items() if state.fails > 0]
    assert not blind, f"not heard again after the faults: {blind}"
    for name, looks in sorted(run.scales.looks.items()):
        assert len(run.scales.pids[name]) == 1, f"{name} was started again: {run.scales.pids[name]}"
        last = looks[-1]
        rss = growth([one.rss_bytes for one in looks], WARM_UP)
        note = f"{last.rss_bytes / 1e6:.0f} MB at the end"
        measurements.record(f"{name}: memory at the end to memory after warm-up", rss, ceiling=FLAT, note=note)
        files = growth([one.files for one in looks])
        measurements.record(f"{name}: open files, end to warm", files, ceiling=1.25, note=f"{last.files} at the end")
        threads = growth([one.threads for one in looks])
        measurements.record(f"{name}: threads, end to warm", threads, ceiling=1.25, note=f"{last.threads} at the end")
        if name == "browse":
            below = growth([one.below_bytes for one in looks], WARM_UP)
            note = f"{last.below_bytes / 1e6:.0f} MB, {last.children} processes at the end"
            measurements.record("browser: memory at the end to memory after warm-up", below, ceiling=1.25, note=note)
        assert max(one.children for one in looks) <= (20 if name == "browse" else 4), name
    measurements.record("platforms with a source", len({state.platform for state in states.values()}), floor=15)
    measurements.record(
        "memory of the whole service, PSS, most", run.scales.most_pss_bytes / 1e6, unit="MB", ceiling=MOST_PSS_MB
    )
    _lags(run, shown, measurements)
    assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:3000]


def _lags(run: Run, shown: dict[str, float], measurements: Measurements) -> None:
    """Record how long posts were under way, and that none that was shown is missing."""
    indexed_s: dict[str, float] = {}
    with wiring.opened(run.service.config) as (_, stores):
        row = 0
        while part := stores.mentions.walk(row, 2_000):  # type: ignore[attr-defined]  # SQLite is what runs here
            row = part[-1].row
            for walked in part:
                indexed = from_rfc3339(walked.plain["indexed_at"])
                indexed_s[str(walked.plain["id"])] = run.epoch_s + (indexed - START).total_seconds() / SCALE
        deliveries = stores.state.desk.deliveries(limit=100_000)
    ids = {native: store_id(run.posts[native], run.farm.bases) for native in shown}
    # A page that was cut in half counts as shown whole; what it showed may be gone when the site is well again.
    kept = sum(id in indexed_s for id in ids.values()) / len(ids)
    measurements.record("share of the shown posts that is stored", kept, floor=0.99, note=f"{len(ids)} posts")
    lags = [indexed_s[id] - shown[native] for native, id in ids.items() if id in indexed_s]
    waits = [
        (one.sent_at - one.created_at).total_seconds() / SCALE for one in deliveries if one.sent_at and not one.repeat
    ]
    measurements.record("shown to searchable, p95", _p95(lags), unit="s", note=f"{len(lags)} posts, real time")
    assert waits
    measurements.record("queued to accepted, p95", _p95(waits), unit="s", note=f"{len(waits)} messages, real time")
    unsent = Counter(f"{one.state.value}: {one.answer}" for one in deliveries if one.sent_at is None)
    measurements.record(
        "messages that nobody accepted", sum(unsent.values()), note=f"{dict(unsent)}; others {len(waits)}"
    )
    kinds = Counter(one.kind for one in told(run.sink.ledger))
    assert kinds["firing"] >= 2, kinds


def _p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]
