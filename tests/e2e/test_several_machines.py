"""Two machines on Elasticsearch and PostgreSQL: crisis and controls as on one, whatever breaks.

Each machine is a whole `tingfeng run` with crawl, analyse and watch and a data folder of its
own. Three Elasticsearch nodes, one PostgreSQL server, the invented world of the demo.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.moment import Window, bucket_of, from_rfc3339
from service.demo.post import FarmPost, weibo_mid
from service.demo.world import BRAND
from tests.dashboards.agree import Panels, differences
from tests.e2e.engines import Engines, open_engines, open_store
from tests.e2e.harness import store_id, wait_until
from tests.e2e.machines import (
    START,
    Machine,
    Machines,
    check_once,
    check_stored,
    import_history,
    open_machines,
    recovery,
)
from tests.measure import Measurements

pytestmark = [pytest.mark.e2e, pytest.mark.es, pytest.mark.pg, pytest.mark.slow]

FIRING_S, RESOLVED_S = 120.0, 240.0
FAST, KILLS, OUTAGE = 120.0, 60.0, 30.0
"""Domain seconds for one real second: nothing breaks; processes are killed; a store is away for a minute."""
AWAY_S = 60.0
PRAISE = (
    "云杉咖啡新出的桂花拿铁太好喝了，强烈推荐",
    "今天在云杉咖啡坐了一下午，服务特别好，很满意",
    "云杉咖啡的豆子又香又醇，性价比很高，会一直回购",
    "店员非常热情，云杉咖啡的环境也很舒服，五星好评",
    "早上一杯云杉咖啡，味道真不错，心情都变好了",
)


@dataclass(frozen=True)
class History:
    """Engines with two weeks of history in a store that every run copies."""

    engines: Engines
    storage: dict[str, Any]
    file: Path


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    with open_engines() as engines:
        storage = engines.storage()
        yield History(engines, storage, import_history(tmp_path_factory.mktemp("history"), storage))


# --- nothing breaks ------------------------------------------------------------------------------------------


def test_crisis_and_controls_as_on_one_machine(history: History, tmp_path: Path, measurements: Measurements) -> None:
    storage = history.engines.copy(history.storage)
    with open_machines(tmp_path, storage, scale=FAST) as stand:
        stand.begin()
        assert_quiet(stand, "two weeks imported at once and first visits")
        read_everything_again(stand, history)
        assert_quiet(stand, "everything read again")
        praise(stand)
        assert_quiet(stand, "200 positive posts in half an hour")
        be_dark(stand)
        assert_quiet(stand, "all sources dark for forty minutes")
        crisis = stand.start_crisis()
        told_to_the_end(stand, crisis)
        measurements.record("messages of two machines", check_once(stand), ceiling=6)
        incidents = stand.incidents()
        assert [one["state"] for one in incidents] == ["resolved"], incidents
        both_worked(stand)
        measurements.record("posts stored once by two machines", check_stored(stand), floor=400)
        for machine in stand.both:
            machine.stop()
        check_dashboards(storage, stand.farm.now())


def assert_quiet(stand: Machines, after: str) -> None:
    """Check that nobody was told anything so far."""
    assert not stand.told(), (after, [one.first_line for one in stand.told()])


def read_everything_again(stand: Machines, history: History) -> None:
    """Let every answer look new, and import the history again on the other machine: nothing is stored again."""
    settled = stand.farm.now() - timedelta(minutes=20)

    def ids() -> list[str]:
        return sorted(one["id"] for one in stand.searched("brand: *") if from_rfc3339(one["event_at"]) < settled)

    before = ids()
    stand.farm.retouch()
    done = stand.both[1].command("import", str(history.file))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "new 0" in done.stdout
    stand.pass_time(timedelta(minutes=10))
    stand.wait_drained()
    assert ids() == before
    assert len(before) > 1_000


def praise(stand: Machines) -> None:
    """Publish 200 positive posts in half an hour; all are heard."""
    start, posts = stand.farm.now() + timedelta(minutes=2), []
    for number in range(200):
        at = (start + timedelta(seconds=9 * number)).replace(microsecond=0)
        posts.append(
            FarmPost(
                id=weibo_mid(at, 900_000 + number),
                site="weibo",
                published_at=at,
                text=f"{PRAISE[number % len(PRAISE)]}，第{number + 1}次打卡",
                author=f"路人{number:03d}",
                author_id=str(7_700_100_000 + number),
                followers=number,
                mark="praise",
            )
        )
    stand.add(posts)
    stand.wait_shown(posts, "praise", limit_s=60)
    stand.pass_time(timedelta(minutes=10))
    stand.wait_drained()
    stored = {one["id"] for one in stand.searched(f"brand: yunshan and {BRAND}")}
    assert {store_id(post, stand.farm.bases) for post in posts} <= stored


def be_dark(stand: Machines) -> None:
    """Let all sources be dark for forty minutes, each in its own way, and come back."""
    for mode, site in (("503", "weibo"), ("drop", "news"), ("html", "forum")):
        stand.farm.go_dark(mode, site)
    stand.pass_time(timedelta(minutes=40))
    stand.farm.go_dark("")
    stand.pass_time(timedelta(minutes=30))


def check_dashboards(storage: Mapping[str, Any], now: datetime) -> None:
    """Check that every panel of the dashboards shows what the product counts, over all that was stored."""
    store = open_store(storage)
    window = Window(start=bucket_of(START - timedelta(days=15)), end=bucket_of(now + timedelta(days=1)))
    assert differences(Panels(store, window), now=now) == []
    store.close()


def both_worked(stand: Machines) -> None:
    """Check that both machines tagged, one of them watched, and somebody visited: who did it last goes first."""
    for machine in stand.both:
        assert machine.role("analyse")["detail"]["stored"] > 0, machine.name
    assert stand.visitor() is not None
    assert sum(machine.watches() for machine in stand.both) == 1


def told_to_the_end(stand: Machines, crisis: list[FarmPost]) -> None:
    """Wait until the crisis was told, shown as a whole, and told to be over."""
    stand.wait_told("firing", stand.real_s(timedelta(minutes=50)) + FIRING_S)
    stand.wait_shown(crisis, "crisis", limit_s=stand.real_s(timedelta(minutes=50)) + 60)
    stand.wait_told("resolved", RESOLVED_S)
    stand.pass_time(timedelta(minutes=20))
    stand.wait_drained()


# --- processes are killed ------------------------------------------------------------------------------------


def test_kills_of_roles_machine_master_and_database_change_nothing(
    history: History, tmp_path: Path, measurements: Measurements
) -> None:
    engines = history.engines
    with open_machines(tmp_path, engines.copy(history.storage), scale=KILLS, seed=2) as stand:
        stand.begin()
        crisis = stand.start_crisis()
        wait_until("the crisis has begun", lambda: stand.shown("crisis") >= 8, limit_s=60)
        _, second = stand.both
        visitor, watcher = stand.visitor(), stand.holder()
        assert visitor is not None and watcher is not None
        for machine, role in ((visitor, "crawl"), (second, "analyse"), (watcher, "watch")):
            took_s = kill_role(machine, role)
            measurements.record(f"{role} killed to {role} at work again", took_s, unit="s", ceiling=30)
        stand.wait_told("firing", FIRING_S)
        took_s = kill_master(engines)
        measurements.record("master of three killed to the next master", took_s, unit="s", ceiling=30)
        measurements.record("PostgreSQL stopped at once to its return", engines.restart_postgres(), unit="s")
        measurements.record("machine killed to the other watching", kill_machine(stand), unit="s", ceiling=45)
        engines.cluster.start()
        told_to_the_end(stand, crisis)
        # What comes late comes in steps: the level may rise twice, where it rises once else.
        measurements.record("messages although all was killed", check_once(stand), ceiling=8)
        incidents = stand.incidents()
        assert [one["state"] for one in incidents] == ["resolved"], incidents
        measurements.record("posts stored once although all was killed", check_stored(stand), floor=200)
        check_recovered(stand)


def kill_role(machine: Machine, role: str) -> float:
    """Kill a role's process and return the real seconds until another one works in its place."""
    began_s = time.monotonic()
    gone = machine.kill_role(role)

    def back() -> bool:
        now = machine.role(role)
        return bool(now.get("ok")) and now["pid"] != gone

    wait_until(f"{role} of {machine.name} is back", back, limit_s=60)
    return time.monotonic() - began_s


def kill_master(engines: Engines) -> float:
    """Kill the master of the cluster and return the real seconds until there is another one."""
    master = engines.cluster.master()
    began_s = time.monotonic()
    engines.cluster.kill(master)
    wait_until("there is a new master", lambda: engines.cluster.master() not in ("", master), limit_s=60, every_s=0.1)
    return time.monotonic() - began_s


def kill_machine(stand: Machines) -> float:
    """Kill the machine that watches; return the real seconds until the other does. The first comes back."""
    lost = wait_until("somebody watches", stand.holder, limit_s=60)
    (other,) = (machine for machine in stand.both if machine is not lost)
    stand.asked = other
    began_s = time.monotonic()
    lost.kill()
    wait_until("the other watches", other.watches, limit_s=60)
    took_s = time.monotonic() - began_s
    wait_until("the other visits", other.visits, limit_s=60)
    stand.start(lost)
    return took_s


def check_recovered(stand: Machines) -> None:
    """Check that after every failed step there is one that went on, in the log of the same process or its heir."""
    for machine in stand.both:
        last: dict[str, str] = {}
        for line in recovery([machine]):
            found = re.search(r"(\w+) (step failed|goes on)", line)
            if found:
                last[found[1]] = line
        left = [line for line in last.values() if "step failed" in line and machine is stand.asked]
        assert not left, (left, stand.story())
        assert machine.health().get("ok"), machine.health()


# --- a minute without Elasticsearch --------------------------------------------------------------------------


def test_a_minute_without_elasticsearch_is_held_in_the_inbox(
    history: History, tmp_path: Path, measurements: Measurements
) -> None:
    cluster = history.engines.cluster
    with open_machines(tmp_path, history.engines.copy(history.storage), scale=OUTAGE, seed=3) as stand:
        stand.begin()
        crisis = stand.start_crisis(timedelta(minutes=2))
        began_s = time.monotonic()
        cluster.kill()
        for machine in stand.both:
            wait_until(f"{machine.name} says what it waits for", waits_for_elasticsearch(machine), limit_s=45)
        time.sleep(max(0.0, began_s + AWAY_S - 10 - time.monotonic()))
        held = stand.inbox()
        measurements.record("posts held in the inbox", held, floor=20)
        assert not stand.told()
        cluster.start()
        gap_s = time.monotonic() - began_s
        measurements.record("time without Elasticsearch", gap_s, unit="s", floor=AWAY_S)
        stand.wait_told("firing", FIRING_S)
        told_s = time.monotonic() - began_s - gap_s
        measurements.record("Elasticsearch whole to both channels' ok", told_s, unit="s", ceiling=60)
        stand.wait_shown(crisis, "crisis", limit_s=120)
        stand.wait_drained()
        check_once(stand)
        assert {one["state"] for one in stand.incidents()} <= {"firing", "acked", "open"}
        measurements.record("posts stored once after the gap", check_stored(stand), floor=200)
        for machine in stand.both:
            assert "role ended" not in machine.log_text(), "waiting is no reason to die"
        check_recovered(stand)
        order = re.findall(r"(\S+) (\S) (\w+) goes on", "\n".join(stand.story()))
        assert {(name, step) for _, name, step in order} >= {("a", "analyse"), ("b", "analyse")}, stand.story()
        note = ", ".join(f"{at} {step} of {name}" for at, name, step in order)
        measurements.record("steps that went on, as logged", len(order), note=note)


def waits_for_elasticsearch(machine: Machine) -> Callable[[], bool]:
    """Return a question: is the health page red, and does it name Elasticsearch?"""

    def ask() -> bool:
        view = machine.health()
        waits = [why for role in view.get("roles", ()) for why in role["detail"].get("waits", {}).values()]
        return view.get("ok") is False and any("elasticsearch" in why for why in waits)

    return ask
