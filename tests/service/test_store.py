"""`tingfeng store`: set up, move, rebuild; killed at any moment, the same command goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.mention import Engagement, Mention
from domain.query import MatchAll
from service.lock import RoleLocks
from storage.mentions.elastic.store import ElasticMentions
from storage.mentions.sqlite import SqliteMentions
from tests.elasticsearch_node.fixture import drop, elasticsearch_url, open_elastic
from tests.measure import Measurements
from tests.service.conftest import CONFIG, Cli
from tests.storage.sample import NOW, N, P, mention

__all__ = ["elasticsearch_url"]

STORAGE = (
    "storage: {{mentions: elasticsearch, elasticsearch_url: '{url}', index_prefix: '{prefix}', index_refresh: 10ms}}\n"
)
REPOSITORY = Path(__file__).resolve().parents[2]


def invented(count: int) -> Iterator[Mention]:
    for n in range(count):
        yield mention(
            str(n),
            f"云杉咖啡 第{n}条 喝出异物",
            brands={"yunshan": (N, P)[n % 2]} if n % 3 else {},
            minutes=-n,
            engagement=Engagement(likes=n) if n % 5 == 0 else None,
        )


def fill(folder: Path, count: int) -> SqliteMentions:
    folder.mkdir(parents=True, exist_ok=True)
    old = SqliteMentions(folder / "mentions.db")
    batch: list[Mention] = []
    for each in invented(count):
        batch.append(each)
        if len(batch) == 1_000:
            old.put(batch, now=NOW)
            batch = []
    old.put(batch, now=NOW)
    return old


# --- without a cluster ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["setup", "migrate", "reindex"])
def test_settings_without_elasticsearch_are_refused(cli: Cli, config: Path, command: str, tmp_path: Path) -> None:
    fill(tmp_path / "data", 1).close()
    ran = cli("store", command)
    assert ran.code == 2
    assert "storage.mentions" in ran.err


def test_a_folder_without_mentions_is_refused(cli: Cli, config: Path) -> None:
    ran = cli("store", "migrate", "--from", "nowhere")
    assert ran.code == 2
    assert "mentions.db" in ran.err


def test_a_running_service_is_not_moved_under_its_feet(cli: Cli, config: Path, tmp_path: Path) -> None:
    fill(tmp_path / "data", 1).close()
    locks = RoleLocks(tmp_path / "data", ["analyse"])
    locks.take(wait_s=0)
    ran = cli("store", "migrate")
    locks.release()
    assert ran.code != 0
    assert "in use" in ran.err


# --- on a real node ------------------------------------------------------------------------------------------


@pytest.fixture
def elastic_config(config: Path, elasticsearch_url: str) -> Iterator[tuple[Path, ElasticMentions]]:
    store = open_elastic(elasticsearch_url)
    config.write_text(CONFIG + STORAGE.format(url=elasticsearch_url, prefix=store.indices.alias))
    yield config, store
    drop(store)


@pytest.mark.es
def test_setup_and_reindex_say_what_they_did(cli: Cli, elastic_config: tuple[Path, ElasticMentions]) -> None:
    _, store = elastic_config
    assert "in place" in cli("store", "setup").out
    store.put([mention("1")], now=NOW)
    assert "present mapping" in cli("store", "reindex").out
    ran = cli("store", "reindex", "--all")
    assert ran.code == 0 and "2026.06: 1 mentions" in ran.out
    assert json.loads(cli("search", "*", "--json").out)["id"] == "weibo:1"


@pytest.mark.es
def test_what_was_moved_is_compared(cli: Cli, elastic_config: tuple[Path, ElasticMentions], tmp_path: Path) -> None:
    _, store = elastic_config
    old = fill(tmp_path / "data", 300)
    ran = cli("store", "migrate")
    assert ran.code == 0, ran.out + ran.err
    assert "moved 300" in ran.out and "the same: 300" in ran.out
    assert cli("store", "migrate").out.startswith("moved 0")
    one = next(invented(1))
    store.put([replace(one, post=replace(one.post, text="另一个"))], now=NOW)
    old.put([mention("late")], now=NOW)
    store.put([mention("foreign", platform="zhihu")], now=NOW)
    ran = cli("store", "migrate")
    assert ran.code == 1
    assert "platform zhihu: 0 here, 1 there" in ran.out
    old.close()


@pytest.mark.es
def test_a_damaged_mark_is_named(cli: Cli, elastic_config: tuple[Path, ElasticMentions], tmp_path: Path) -> None:
    fill(tmp_path / "data", 3).close()
    (tmp_path / "data" / "migrate-elasticsearch.json").write_text("{")
    ran = cli("store", "migrate")
    assert ran.code == 1 and "delete it" in ran.err


@pytest.mark.es
@pytest.mark.slow
def test_a_move_that_is_killed_twice_goes_on(
    elastic_config: tuple[Path, ElasticMentions], tmp_path: Path, measurements: Measurements
) -> None:
    """TINGFENG_MOVE_MENTIONS sets the number; 200,000 is what docs/elasticsearch.md quotes."""
    config, store = elastic_config
    count = int(os.environ.get("TINGFENG_MOVE_MENTIONS", "12000"))
    old = fill(tmp_path / "data", count)
    mark = tmp_path / "data" / "migrate-elasticsearch.json"
    command = [
        sys.executable,
        "-c",
        "from service.cli import main; main()",
        "store",
        "migrate",
        "--config",
        str(config),
    ]
    reached = 0
    began = time.monotonic()
    for _ in range(2):
        process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while process.poll() is None and _row(mark) <= reached:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        reached = _row(mark)
        assert 0 < reached < count
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    measurements.record("moved_mentions", count, note=f"{time.monotonic() - began:.0f} s with two kills and the check")
    assert f"the same: {count}" in done.stdout
    assert _moved(done.stdout) <= count - reached
    row = 0
    while part := old.walk(row, 2_000):
        ids = [str(each.plain["id"]) for each in part]
        assert store.get(ids) == old.get(ids)
        row = part[-1].row
    assert store.count(MatchAll(), now=NOW) == count
    old.close()


def _row(mark: Path) -> int:
    return int(json.loads(mark.read_text())["row"]) if mark.exists() else 0


def _moved(out: str) -> int:
    return int(out.split("moved ", 1)[1].split()[0])
