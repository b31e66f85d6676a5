"""A backup taken while others write is the pair of stores of one instant, and comes back as that."""

import json
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from domain.codec import to_plain
from domain.incident import DeliveryState
from domain.mention import Engagement
from domain.ports import DeskChange
from domain.query import MatchAll, parse
from service import wiring
from service.backup import back_up
from service.errors import BusyError, ServiceError, UsageError
from service.lock import RoleLocks
from service.restore import put_back
from service.unfinished import UNFINISHED
from storage.backup.manifest import read_manifest
from storage.errors import DamagedError, SchemaError
from tests.elasticsearch_node.fixture import drop, elasticsearch_url, open_elastic
from tests.postgres_node import postgres
from tests.service.conftest import CONFIG, Cli
from tests.storage.desk_sample import delivery, incident, silence
from tests.storage.sample import NOW, N, mention
from tests.storage.test_processes import begin, kill_after

__all__ = ["elasticsearch_url"]


def configure(folder: Path, extra: str = "") -> Settings:
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "tingfeng.yaml"
    config.write_text(CONFIG + extra, encoding="utf-8")
    return wiring.load_settings(config)


def quiet(_line: str) -> None:
    """Say nothing."""


def fill(settings: Settings, count: int = 12) -> None:
    """Store mentions with a history, and a desk with one thing of each kind."""
    stores = wiring.open_stores(settings)
    stores.state.inbox.append([mention(str(n)) for n in range(count)], now=NOW)
    rows = stores.state.inbox.lease(owner="a", limit=count - 2, lease=timedelta(minutes=5), now=NOW)
    stores.mentions.put([row.mention for row in rows], now=NOW)
    again = [mention("1", "改过的文本", engagement=Engagement(likes=n)) for n in (3, 5)]
    for each in again:
        stores.mentions.put([each], now=NOW)
    stores.state.inbox.ack([row.row for row in rows], [], owner="a", now=NOW)
    stores.state.desk.commit(
        DeskChange(incidents=(incident(),), deliveries=(delivery(1), delivery(1, channel="wecom_robot"))), now=NOW
    )
    stores.state.desk.add_silence(silence("s1", start=0, end=60))
    stores.close()


def shown(settings: Settings) -> dict[str, Any]:
    """Return what people and rules can see of both stores, and how long each queue is."""
    stores = wiring.open_stores(settings)
    try:
        page = stores.mentions.search(parse("*"), now=NOW, limit=5_000)
        desk = stores.state.desk
        return {
            "mentions": {each.id: to_plain(each) for each in page.mentions},
            "readings": {each.id: stores.mentions.engagement_history(each.id) for each in page.mentions},
            "incidents": [(each.id, each.state, each.value) for each in desk.incidents(limit=5_000)],
            "deliveries": [(each.id, each.payload, each.seq) for each in desk.deliveries(limit=5_000)],
            "silences": [to_plain(each) for each in desk.silences()],
            "inbox": stores.inbox.depth(),
            "known": stores.inbox.known([f"weibo:{n}" for n in range(20)]),
        }
    finally:
        stores.close()


def test_a_backup_comes_back_elsewhere_with_everything(tmp_path: Path) -> None:
    source, target = configure(tmp_path / "a"), configure(tmp_path / "b")
    fill(source)
    before = shown(source)
    assert back_up(source, tmp_path / "copy", quiet) == 0
    assert put_back(target, tmp_path / "copy", quiet, now=NOW) == 0
    assert shown(target) == before
    assert len(before["mentions"]) == 10 and before["inbox"] == 2 and before["readings"]["weibo:1"]
    assert sorted(each.name for each in (tmp_path / "copy").iterdir()) == ["manifest.json", "mentions.db", "state.db"]
    modes = {stat.S_IMODE(each.stat().st_mode) for each in (tmp_path / "copy").iterdir()}
    assert modes == {0o600} and stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o700
    assert {each.name for each in tmp_path.iterdir()} == {"a", "b", "copy"}


@pytest.mark.slow
@pytest.mark.parametrize("lines", [3, 40])
def test_a_backup_taken_while_others_write_shows_one_instant(tmp_path: Path, lines: int) -> None:
    source, target = configure(tmp_path / "a"), configure(tmp_path / "b")
    wiring.open_stores(source).close()
    writer = begin("live", source.data_dir, "k")
    assert writer.stdout is not None
    said = [writer.stdout.readline().strip() for _ in range(lines)]
    back_up(source, tmp_path / "copy", quiet)
    late = kill_after(writer, 1)
    put_back(target, tmp_path / "copy", quiet, now=NOW)
    with closing(sqlite3.connect(target.data_dir / "state.db")) as raw:
        seen, queued, members, changed = (
            {each for (each,) in raw.execute(f"SELECT {column} FROM {table}")}
            for column, table in (
                ("id", "seen"),
                ("mention", "inbox"),
                ("mention", "story_members"),
                ("mention", "changed"),
            )
        )
        told = dict(raw.execute("SELECT incident, state FROM deliveries"))
        fired = {each for (each,) in raw.execute("SELECT id FROM incidents")}
    with closing(sqlite3.connect(target.data_dir / "mentions.db")) as raw:
        stored = {each for (each,) in raw.execute("SELECT id FROM mentions")}
    assert {f"weibo:{id}" for id in said[:-1]} <= seen, "what was queued before the backup is in it"
    assert stored | queued == seen, "every post is in the inbox or stored, and nothing came from later"
    assert seen - queued == changed <= stored, "what was acknowledged is stored and announced"
    assert len(stored & queued) <= 3, "one batch at most stands between put and acknowledgement"
    assert stored <= members <= seen
    assert set(told) == fired and {f"k{n}" for n in range(0, max(0, lines - 1), 10)} <= fired
    assert set(told.values()) <= {DeliveryState.DROPPED.value, DeliveryState.UNCERTAIN.value}
    assert late, "the writer went on behind the backup"


def test_the_copy_is_the_instant_at_which_it_began(tmp_path: Path) -> None:
    from storage.backup.snapshot import copy_file, frozen

    source = configure(tmp_path / "a")
    fill(source)
    files = [source.data_dir / "state.db", source.data_dir / "mentions.db"]
    with frozen(files) as readers:
        stores = wiring.open_stores(source)
        stores.state.inbox.append([mention("late")], now=NOW)
        stores.mentions.put([mention("late")], now=NOW)
        stores.close()
        for reader, path in zip(readers, files, strict=True):
            copy_file(reader, tmp_path / path.name)
    with closing(sqlite3.connect(tmp_path / "state.db")) as raw:
        assert raw.execute("SELECT count(*) FROM seen WHERE id = 'weibo:late'").fetchone() == (0,)
    with closing(sqlite3.connect(tmp_path / "mentions.db")) as raw:
        assert raw.execute("SELECT count(*) FROM mentions WHERE id = 'weibo:late'").fetchone() == (0,)
    assert "weibo:late" in shown(source)["mentions"]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a backup of a filled folder."""
    source = configure(tmp_path / "a")
    fill(source)
    back_up(source, tmp_path / "copy", quiet)
    return tmp_path / "copy"


@pytest.mark.parametrize("name", ["state.db", "mentions.db", "manifest.json"])
@pytest.mark.parametrize("harm", ["cut", "bit", "gone"])
def test_a_damaged_backup_is_refused_by_the_name_of_the_file(copy: Path, tmp_path: Path, name: str, harm: str) -> None:
    path = copy / name
    raw = bytearray(path.read_bytes())
    if harm == "bit":
        raw[len(raw) // 2 if name != "manifest.json" else 0] ^= 1
    path.write_bytes(raw if harm == "bit" else raw[:-100])
    if harm == "gone":
        path.unlink()
    target = configure(tmp_path / "b")
    with pytest.raises(DamagedError, match=name):
        put_back(target, copy, quiet)
    assert [each.name for each in target.data_dir.iterdir()] == [] if target.data_dir.exists() else True


@pytest.mark.parametrize(("field", "value"), [("state_form", "9999"), ("mentions_form", 99), ("form", 99)])
def test_a_backup_of_a_newer_program_is_refused(copy: Path, tmp_path: Path, field: str, value: object) -> None:
    plain = json.loads((copy / "manifest.json").read_text("utf-8"))
    (copy / "manifest.json").write_text(json.dumps(plain | {field: value}), "utf-8")
    with pytest.raises(SchemaError, match="newer Tingfeng"):
        put_back(configure(tmp_path / "b"), copy, quiet)


def test_a_folder_in_use_is_refused_and_moved_aside_by_force(copy: Path, tmp_path: Path) -> None:
    target = configure(tmp_path / "b")
    fill(target, 5)
    before = shown(target)
    with pytest.raises(UsageError, match=r"not empty .*mentions\.db.*--force"):
        put_back(target, copy, quiet)
    assert shown(target) == before
    put_back(target, copy, quiet, force=True, now=NOW)
    assert len(shown(target)["mentions"]) == 10
    (aside,) = target.data_dir.glob("before-restore-*")
    with closing(sqlite3.connect(aside / "mentions.db")) as raw:
        assert raw.execute("SELECT count(*) FROM mentions").fetchone() == (len(before["mentions"]),)
    put_back(target, copy, quiet, force=True, now=NOW + timedelta(seconds=1))
    assert len(list(target.data_dir.glob("before-restore-*"))) == 2


def test_a_running_service_is_refused(copy: Path, tmp_path: Path) -> None:
    target = configure(tmp_path / "b")
    wiring.prepare_data_dir(target.data_dir)
    locks = RoleLocks(target.data_dir, ["watch"])
    locks.take()
    with pytest.raises(BusyError, match="in use"):
        put_back(target, copy, quiet, force=True)
    locks.release()


def test_a_restore_that_broke_off_is_not_taken_for_an_empty_folder(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = configure(tmp_path / "b")
    moved: list[Path] = []

    def replace_once(self: Path, to: Path) -> Path:
        if moved:
            raise OSError(28, "No space left on device", str(to))
        moved.append(to)
        os.replace(self, to)
        return to

    with monkeypatch.context() as broken:
        broken.setattr(Path, "replace", replace_once)
        with pytest.raises(ServiceError, match="No space left"):
            put_back(target, copy, quiet, now=NOW)
    assert moved and (target.data_dir / UNFINISHED).exists()
    with pytest.raises(ServiceError, match=r"broke off.*restore .*copy --force"):
        wiring.open_stores(target)
    put_back(target, copy, quiet, force=True, now=NOW)
    assert len(shown(target)["mentions"]) == 10 and not list(target.data_dir.glob("*.restore*"))


def test_the_target_must_be_new_and_elsewhere(copy: Path, tmp_path: Path) -> None:
    source = configure(tmp_path / "a")
    with pytest.raises(UsageError, match="already here"):
        back_up(source, copy, quiet)
    with pytest.raises(UsageError, match="in data_dir"):
        back_up(source, source.data_dir / "copy", quiet)


def test_a_damaged_store_gives_no_backup(tmp_path: Path) -> None:
    source = configure(tmp_path / "a")
    fill(source)
    with closing(sqlite3.connect(source.data_dir / "mentions.db")) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page_bytes, pages = raw.execute(
            "SELECT page_size, page_count FROM pragma_page_size, pragma_page_count"
        ).fetchone()
    with (source.data_dir / "mentions.db").open("r+b") as file:
        for page in range(2, pages, 2):
            file.seek(page * page_bytes + 3)
            file.write(b"\xa5" * 2_000)
    with pytest.raises(DamagedError, match=r"mentions\.db is damaged"):
        back_up(source, tmp_path / "copy", quiet)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a"]


def test_the_commands_do_it(cli: Cli, tmp_path: Path) -> None:
    source, target = configure(tmp_path / "a"), configure(tmp_path / "b")
    fill(source)
    assert cli("backup", "copy", "-c", str(source.path)).code == 0
    assert not (tmp_path / "copy" / "tingfeng.yaml").exists()
    with_config = cli("backup", "copy2", "-c", str(source.path), "--with-config")
    assert with_config.code == 0 and "10 mentions, 1 incidents, 2 messages, 2 posts in the inbox" in with_config.out
    assert (tmp_path / "copy2" / "tingfeng.yaml").read_bytes() == source.path.read_bytes()
    restored = cli("restore", "copy", "-c", str(target.path), "--tell-within", "36500d")
    assert restored.code == 0 and "2 messages may have gone out since" in restored.out
    assert cli("restore", "copy", "-c", str(target.path)).code == 2
    assert cli("restore", "copy", "-c", str(target.path), "--tell-within", "soon").code == 2
    manifest = read_manifest(tmp_path / "copy")
    assert manifest.version and (manifest.state, manifest.mentions) == ("sqlite", "sqlite")
    assert dict(manifest.rows)["incidents"] == 1 and manifest.mention_count == 10


def test_what_was_set_aside_is_listed_and_put_back_by_command(cli: Cli, tmp_path: Path) -> None:
    settings = configure(tmp_path / "a")
    stores = wiring.open_stores(settings)
    stores.state.inbox.append([mention("1")], now=NOW)
    (row,) = stores.state.inbox.lease(owner="w", limit=1, lease=timedelta(minutes=1), now=NOW)
    stores.state.inbox.dead_letter(row.row, reason="field too long", owner="w", now=NOW)
    stores.close()
    config = ("-c", str(settings.path))
    listed = cli("inbox", "list", "--json", *config)
    assert json.loads(listed.out) == {"row": row.row, "mention": "weibo:1", "reason": "field too long"}
    assert cli("inbox", "requeue", *config).code == 2
    assert cli("inbox", "requeue", "999", *config).code == 1
    assert cli("inbox", "requeue", str(row.row), *config).code == 0
    assert "0 set aside, 1 waiting" in cli("inbox", "list", *config).out


# --- engines ---------------------------------------------------------------------------------------------------


def state_on(url: str) -> str:
    return f"storage: {{state: '{url}'}}\n"


@pytest.mark.pg
def test_a_state_on_postgresql_comes_back_and_goes_on_counting(tmp_path: Path) -> None:
    node = postgres()
    source = configure(tmp_path / "a", state_on(node.empty()))
    fill(source)
    before = shown(source)
    back_up(source, tmp_path / "copy", quiet)
    target = configure(tmp_path / "b", state_on(node.empty()))
    put_back(target, tmp_path / "copy", quiet, now=NOW)
    assert shown(target) == before
    stores = wiring.open_stores(target)
    stores.state.inbox.append([mention("next", brands={"y": N})], now=NOW)
    rows = stores.state.inbox.lease(owner="w", limit=9, lease=timedelta(minutes=1), now=NOW)
    assert [row.mention.id for row in rows][-1] == "weibo:next" and len(rows) == 3
    stores.close()
    with pytest.raises(UsageError, match="not empty"):
        put_back(target, tmp_path / "copy", quiet, force=True, now=NOW)


@pytest.mark.pg
@pytest.mark.parametrize("there", [True, False])
def test_a_state_changes_its_engine_by_a_backup(tmp_path: Path, there: bool) -> None:
    engines = (state_on(postgres().empty()), "")
    source = configure(tmp_path / "a", engines[there])
    fill(source)
    before = shown(source)
    back_up(source, tmp_path / "copy", quiet)
    target = configure(tmp_path / "b", engines[not there])
    put_back(target, tmp_path / "copy", quiet, now=NOW)
    assert shown(target) == before


@pytest.mark.pg
def test_a_backup_of_postgresql_taken_while_others_write_loses_nothing(tmp_path: Path) -> None:
    url = postgres().empty()
    source, target = configure(tmp_path / "a", state_on(url)), configure(tmp_path / "b")
    wiring.open_stores(source).close()
    writer = begin("live", source.data_dir, "k", url)
    assert writer.stdout is not None
    said = [writer.stdout.readline().strip() for _ in range(30)]
    back_up(source, tmp_path / "copy", quiet)
    kill_after(writer, 1)
    put_back(target, tmp_path / "copy", quiet, now=NOW)
    with closing(sqlite3.connect(target.data_dir / "state.db")) as raw:
        seen, queued = (
            {each for (each,) in raw.execute(f"SELECT {column} FROM {table}")}
            for column, table in (("id", "seen"), ("mention", "inbox"))
        )
    with closing(sqlite3.connect(target.data_dir / "mentions.db")) as raw:
        stored = {each for (each,) in raw.execute("SELECT id FROM mentions")}
    assert {f"weibo:{id}" for id in said[:-1]} <= seen
    assert seen - queued <= stored, "what the state has acknowledged is in the mentions"


@pytest.fixture
def elastic_settings(tmp_path: Path, elasticsearch_url: str) -> Iterator[list[Settings]]:
    """Return two installations with empty indices of their own."""
    stores = [open_elastic(elasticsearch_url) for _ in range(2)]
    line = (
        "storage: {{mentions: elasticsearch, elasticsearch_url: '{url}', index_prefix: '{prefix}', "
        "index_refresh: 10ms}}\n"
    )
    yield [
        configure(tmp_path / f"e{n}", line.format(url=elasticsearch_url, prefix=store.indices.alias))
        for n, store in enumerate(stores)
    ]
    for store in stores:
        drop(store)


@pytest.mark.es
def test_mentions_on_elasticsearch_come_back_with_their_history(
    tmp_path: Path, elastic_settings: list[Settings]
) -> None:
    source, target = elastic_settings
    fill(source)
    before = shown(source)
    back_up(source, tmp_path / "copy", quiet)
    put_back(target, tmp_path / "copy", quiet, now=NOW)
    assert shown(target) == before
    with pytest.raises(UsageError, match="holds mentions"):
        put_back(target, tmp_path / "copy", quiet, force=True, now=NOW)
    plain = configure(tmp_path / "plain")
    put_back(plain, tmp_path / "copy", quiet, now=NOW)
    assert shown(plain) == before


@pytest.mark.es
def test_mentions_of_a_file_go_to_elasticsearch_by_a_backup(tmp_path: Path, elastic_settings: list[Settings]) -> None:
    source = configure(tmp_path / "a")
    fill(source)
    before = shown(source)
    back_up(source, tmp_path / "copy", quiet)
    put_back(elastic_settings[0], tmp_path / "copy", quiet, now=NOW)
    assert shown(elastic_settings[0]) == before
    store = wiring.open_elastic(elastic_settings[0])
    assert store.count(MatchAll(), now=NOW) == 10
    store.close()
