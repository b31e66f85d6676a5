"""A data folder of an earlier version starts here with everything; one of a newer version is left alone."""

import hashlib
import json
import lzma
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.clock import ManualClock
from domain.codec import to_json, to_plain
from domain.incident import DeliveryState
from domain.ports import InboxKind
from domain.query import parse
from service import wiring
from service.demo.sink import Sink, serve
from storage.errors import SchemaError, StoreError

FOLDERS = Path(__file__).resolve().parents[1] / "fixtures" / "upgrade"
KEY = "00000000-0000-4000-8000-000000000000"
NOW = datetime(2026, 6, 20, 8, 30, tzinfo=UTC)


@pytest.fixture(params=["0001", "0002", "0003"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a copy of a data folder with its settings, unpacked."""
    copy = Path(shutil.copytree(FOLDERS / request.param, tmp_path / "installation"))
    for packed in copy.glob("data/*.xz"):
        packed.with_suffix("").write_bytes(lzma.decompress(packed.read_bytes()))
        packed.unlink()
    return copy


def expected(folder: Path) -> Mapping[str, Any]:
    return dict(json.loads((folder / "expected.json").read_text("utf-8")))


def same(stored: object, before: Mapping[str, Any]) -> bool:
    """Say whether a stored value still has all that it had; new fields may have come."""
    now = json.loads(to_json(stored))
    return all(now.get(name) == value for name, value in before.items())


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_folders_are_small() -> None:
    assert sum(each.stat().st_size for each in FOLDERS.rglob("*") if each.is_file()) <= 1_000_000


def test_everything_is_there_after_the_upgrade(folder: Path) -> None:
    before = expected(folder)
    settings = wiring.load_settings(folder / "tingfeng.yaml")
    stores = wiring.open_stores(settings)
    page = stores.mentions.search(parse("*"), now=NOW, limit=500)
    assert {each.id: each.post.text for each in page.mentions} == before["mentions"]
    assert stores.mentions.count(parse("brand: yunshan"), now=NOW) == before["of_the_brand"]
    assert stores.mentions.count(parse("negative_for: yunshan"), now=NOW) == before["negative"]
    for stored, old in (
        (stores.state.desk.incidents(), before["incidents"]),
        (stores.state.desk.deliveries(), before["deliveries"]),
        (list(stores.state.visits.load().values()), before["visits"]),
        (stores.state.desk.silences(), before.get("silences", [])),
    ):
        assert len(stored) == len(old)
        assert all(same(one, two) for one, two in zip(stored, old, strict=True))
    assert len(stores.state.desk.evaluations()) == before["evaluations"]
    assert [list(each) for each in stores.inbox.dead_letters()] == before.get("dead_letters", [])
    for id, readings in before.get("readings", {}).items():
        assert [[to_plain(at), to_plain(each)] for at, each in stores.mentions.engagement_history(id)] == readings
    for site, until in before.get("held", {}).items():
        assert to_plain(stores.state.sites.held_until(site, now=NOW)) == until
    for name, at in before.get("marks", {}).items():
        assert to_plain(stores.state.marks.at(name)) == at
    rows = stores.inbox.lease(owner="w", limit=9, lease=timedelta(minutes=1), now=NOW)
    assert [row.kind for row in rows] == [InboxKind.NEW] * before["inbox"]
    assert stores.inbox.known(list(before["mentions"])) == set(before["mentions"])
    stores.close()
    (kept,) = folder.glob("data/state.db.before-*")
    with closing(sqlite3.connect(kept)) as raw:
        assert raw.execute("SELECT version_num FROM alembic_version").fetchone() == (before["schema"],)


def test_the_message_that_nobody_took_goes_out_and_the_incident_goes_on(folder: Path) -> None:
    before = expected(folder)
    (old,) = before["deliveries"]
    sink = Sink(keys=(KEY,))
    with serve(sink):
        config = folder / "tingfeng.yaml"
        text = config.read_text("utf-8")
        config.write_text(text.replace("base_url: 'http://127.0.0.1:9'", f"base_url: '{sink.url}'"), "utf-8")
        settings, clock = wiring.load_settings(config), ManualClock(NOW)
        stores = wiring.open_stores(settings)
        outbox = wiring.make_outbox(settings, stores, clock, owner="o")
        assert outbox.deliver_due() == 1
        outbox.close()
        (sent,) = stores.state.desk.deliveries()
        assert (sent.id, sent.state) == (old["id"], DeliveryState.DELIVERED)
        pipeline = wiring.make_pipeline(settings, stores, clock, owner="a")
        while pipeline.step().leased:
            pass
        assert wiring.make_watch(settings, stores, clock, owner="w").step().claimed == before["inbox"]
        assert stores.mentions.count(parse("*"), now=NOW) == len(before["mentions"]) + before["inbox"]
        assert len(stores.state.desk.incidents()) == 1
        stores.close()


@pytest.mark.parametrize("folder", ["0003"], indirect=True)
def test_what_a_machine_that_is_gone_held_is_free_again_and_its_number_is_old(folder: Path) -> None:
    before = expected(folder)
    stores = wiring.open_stores(wiring.load_settings(folder / "tingfeng.yaml"))
    fence = stores.state.leases.acquire("watch", owner="w", lease=timedelta(minutes=1), now=NOW)
    assert fence is not None and fence.token > before["fence"]
    assert len(stores.state.visits.load()["evening"].pending) == 3
    assert stores.state.visits.claim("evening", owner="c", until=NOW + timedelta(minutes=4), now=NOW)
    stores.close()


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        ("state.db", "UPDATE alembic_version SET version_num = '9999'", "9999"),
        ("mentions.db", "PRAGMA user_version = 9999", "9999"),
    ],
)
def test_a_newer_form_is_refused_by_name_and_nothing_is_changed(
    folder: Path, file: str, change: str, said: str
) -> None:
    wiring.open_stores(wiring.load_settings(folder / "tingfeng.yaml")).close()
    with closing(sqlite3.connect(folder / "data" / file)) as raw:
        raw.execute(change)
        raw.commit()
    files = ("state.db", "mentions.db")
    before = [digest(folder / "data" / each) for each in files]
    there = sorted(each.name for each in folder.glob("data/*") if not each.name.endswith(("-wal", "-shm")))
    with pytest.raises(StoreError, match=said) as caught:
        wiring.open_stores(wiring.load_settings(folder / "tingfeng.yaml"))
    assert "newer Tingfeng" in str(caught.value) and file in str(caught.value)
    assert isinstance(caught.value, SchemaError) or file == "mentions.db"
    assert [digest(folder / "data" / each) for each in files] == before
    assert sorted(each.name for each in folder.glob("data/*") if not each.name.endswith(("-wal", "-shm"))) == there
