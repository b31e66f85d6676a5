"""Every fault that `tingfeng doctor` knows, really caused: it sees that one, says the fix, and nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from domain.outcome import FetchOutcome
from domain.source import VisitState
from service import wiring
from service.channels import channel_lines
from service.demo.sink import DEMO_KEY, Sink, serve
from service.doctor.base import Finding, Look, fine, look_at_all
from service.doctor.folder import kind_of_disk
from service.doctor.machine import clock
from service.health_page import HealthPage
from service.lock import RoleLocks
from service.unfinished import UNFINISHED
from tests.service.conftest import Cli
from tests.service.scene import pages
from tests.storage.mentions.elastic.cluster import FakeCluster, fake_cluster
from tests.tls import Authority

pytestmark = pytest.mark.slow

NOBODY = 65_534


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with serve(Sink()) as running:
        yield running


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


class House:
    """An installation that is healthy until a test breaks one thing."""

    def __init__(self, cli: Cli, folder: Path, sink: Sink) -> None:
        self._cli = cli
        self.path = folder / "tingfeng.yaml"
        self.data = folder / "data"
        self.write(
            receivers=f"[{{name: pr, wecom_robot: {{key: {DEMO_KEY}, base_url: '{sink.url}'}}}}]",
            routes="[{to: pr}]",
        )
        with wiring.opened(self.path):
            pass

    def write(self, **keys: str) -> None:
        """Write the settings, `keys` in place of what was there."""
        self.keys = {
            "data_dir": "data",
            "brands": "[{id: yunshan, name: 云杉咖啡}]",
            "sources": '[{platform: feed, name: news, url: "https://news.example.cn/rss"}]',
            "healthz": "{port: 0}",
            **getattr(self, "keys", {}),
            **keys,
        }
        self.path.write_text("\n".join(f"{key}: {value}" for key, value in self.keys.items() if value), "utf-8")
        self.path.chmod(0o600)

    def faults(self, *arguments: str) -> list[dict[str, str]]:
        """Return what is not as it should be; the exit code and the words for people agree with it."""
        ran = self._cli("doctor", "--json", *arguments)
        views = [json.loads(line) for line in ran.out.splitlines()]
        assert len(views) > 5 or views[-1]["check"] == "settings", ran.out + ran.err
        assert ran.code == (1 if any(view["level"] == "fail" for view in views) else 0)
        assert all(view["ok"] is (view["level"] == "ok") for view in views)
        faults = [view for view in views if not view["ok"]]
        assert all(fault["fix"] for fault in faults), "every fault has a fix"
        return faults

    def fault(self, *arguments: str) -> dict[str, str]:
        """Return the only thing that is not as it should be."""
        (fault,) = self.faults(*arguments)
        return fault


@pytest.fixture
def house(cli: Cli, tmp_path: Path, sink: Sink) -> House:
    return House(cli, tmp_path, sink)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


# --- all is well ---------------------------------------------------------------------------------------------


def test_a_healthy_installation_is_green_and_nothing_is_written(house: House, cli: Cli) -> None:
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in house.data.rglob("*")}
    ran = cli("doctor")
    assert ran.code == 0, ran.out
    assert all(line.startswith("ok   ") for line in ran.out.splitlines()), ran.out
    assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in house.data.rglob("*")} == before
    assert DEMO_KEY not in ran.out


def test_before_the_first_start_nothing_is_made(house: House, cli: Cli) -> None:
    shutil.rmtree(house.data)
    ran = cli("doctor")
    assert ran.code == 0 and "made at the first start" in ran.out and "tingfeng run" in ran.out
    assert not house.data.exists()


def test_a_fresh_installation_without_receiver_is_a_warning_with_the_next_step(house: House) -> None:
    house.write(receivers="", routes="")
    fault = house.fault()
    assert (fault["check"], fault["level"]) == ("receivers", "warn")
    assert "tingfeng notify test" in fault["fix"]


def test_a_running_service_that_is_well_is_green(house: House, cli: Cli) -> None:
    page = HealthPage("127.0.0.1", 0, pages(lambda: {"ok": True, "roles": []}))
    page.start()
    locks = RoleLocks(house.data, ["crawl", "watch"])
    locks.take()
    try:
        house.write(healthz=f"{{port: {page.address.rsplit(':', 1)[1].split('/')[0]}}}")
        ran = cli("doctor")
        assert ran.code == 0 and f"the service runs: crawl, watch (process {os.getpid()})" in ran.out
        assert "our service answers and is well" in ran.out
    finally:
        locks.release()
        page.stop()


# --- settings and secrets ------------------------------------------------------------------------------------


def test_no_settings(cli: Cli) -> None:
    ran = cli("doctor")
    assert ran.code == 1 and "FAIL" in ran.out and "tingfeng init" in ran.out


def test_mistakes_of_the_settings_are_told_one_by_one(house: House) -> None:
    house.write(retention="{mentions: 7}", locale="fr")
    faults = house.faults()
    assert [fault["check"] for fault in faults] == ["settings", "settings"]
    assert "tingfeng.yaml:" in faults[0]["what"] and "fr" in faults[0]["what"] + faults[1]["what"]


def test_the_environment_variable_of_a_secret_is_missing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WECOM_KEY", raising=False)
    house.write(receivers='[{name: pr, wecom_robot: {key: "${WECOM_KEY}"}}]')
    fault = house.fault()
    assert "WECOM_KEY is not set" in fault["what"] and "export WECOM_KEY=" in fault["fix"]


def test_others_may_read_secrets(house: House) -> None:
    house.path.chmod(0o644)
    fault = house.fault()
    assert fault["level"] == "warn" and "chmod 600" in fault["what"]
    secret = house.path.with_name("wecom.key")
    secret.write_text(DEMO_KEY, encoding="utf-8")
    secret.chmod(0o640)
    house.write(receivers=house.keys["receivers"].replace(f"key: {DEMO_KEY}", "key_file: wecom.key"))
    fault = house.fault()
    assert fault["level"] == "warn" and f"chmod 600 {secret}" in fault["what"] and DEMO_KEY not in str(fault)


# --- data folder, disk, stores -------------------------------------------------------------------------------


def test_the_data_folder_is_a_file(house: House) -> None:
    shutil.rmtree(house.data)
    house.data.write_text("", encoding="utf-8")
    house.data.chmod(0o600)
    assert "is no folder" in house.fault()["what"]


def test_others_may_look_into_the_data_folder(house: House) -> None:
    (house.data / "state.db").chmod(0o644)
    fault = house.fault()
    assert (fault["check"], fault["level"]) == ("data_dir", "warn")
    assert "state.db" in fault["what"]
    subprocess.run(fault["fix"], shell=True, check=True)
    assert house.faults() == []


def test_a_restore_that_broke_off(house: House) -> None:
    (house.data / UNFINISHED).write_text("/backups/monday", encoding="utf-8")
    (house.data / UNFINISHED).chmod(0o600)
    fault = house.fault()
    assert fault["check"] == "data_dir" and "tingfeng restore /backups/monday --force" in fault["what"]


def test_a_file_of_another_user(house: House) -> None:
    if os.getuid() != 0:
        return  # only root may give files away
    os.chown(house.data / "state.db", NOBODY, -1)
    fault = house.fault()
    assert fault["check"] == "data_dir" and "state.db" in fault["what"]
    assert fault["fix"].startswith("sudo chown -R 0 ")


def test_a_disk_that_is_nearly_full(house: House) -> None:
    free = shutil.disk_usage(house.data).free
    house.write(crawl=f"{{disk_free_bytes: {free * 2}}}")
    fault = house.fault()
    assert (fault["check"], fault["level"]) == ("disk", "fail") and "visits pause" in fault["what"]
    house.write(crawl=f"{{disk_free_bytes: {free - 500_000_000}}}")
    assert (house.fault()["check"], house.fault()["level"]) == ("disk", "warn")


def test_a_network_disk_is_known_by_its_mount(tmp_path: Path) -> None:
    linux = f"/dev/sda / ext4 rw 0 0\nnas:/x {tmp_path} nfs4 rw 0 0\n"
    assert kind_of_disk(tmp_path / "data", linux) == "nfs4"
    assert kind_of_disk(Path("/"), linux) == "ext4"
    mac = f"/dev/disk1 on / (apfs, local)\n//u@nas/x on {tmp_path} (smbfs, nodev)\n"
    assert kind_of_disk(tmp_path, mac) == "smbfs"
    assert kind_of_disk(tmp_path, "") == ""


def test_a_database_is_damaged(house: House) -> None:
    (house.data / "mentions.db").write_bytes(b"not a database" * 100)
    fault = house.fault()
    assert fault["check"] == "mentions" and "not a database" in fault["what"] and "docs/operations.md" in fault["fix"]


@pytest.mark.parametrize(
    ("file", "change"),
    [("state.db", "UPDATE alembic_version SET version_num='9999'"), ("mentions.db", "PRAGMA user_version=99")],
)
def test_a_newer_program_wrote_a_store(house: House, file: str, change: str) -> None:
    with contextlib.closing(sqlite3.connect(house.data / file)) as connection:
        connection.execute(change)
        connection.commit()
    fault = house.fault()
    assert "a newer Tingfeng wrote it" in fault["what"] and "docs/operations.md" in fault["fix"]


def cluster_of(version: str = "9.4.3", **privileges: bool) -> contextlib.AbstractContextManager[FakeCluster]:
    @contextlib.contextmanager
    def running() -> Iterator[FakeCluster]:
        with fake_cluster() as cluster:
            answer = {"cluster": {"monitor": True}, "index": {"mentions": {"read": True, **privileges}}}
            cluster.on("/_security/user/_has_privileges", (200, answer))
            cluster.on("/", (200, {"version": {"number": version}, "tagline": "You Know, for Search"}))
            cluster.rules.sort(key=lambda rule: -len(rule[0]))
            yield cluster

    return running()


@pytest.mark.parametrize(
    ("version", "privileges", "said"),
    [("7.17.0", {}, "7.17.0"), ("9.4.3", {"write": False}, "lacks write"), ("8.19.0", {"write": True}, "")],
)
def test_elasticsearch_that_cannot_be_worked_on(
    house: House, version: str, privileges: dict[str, bool], said: str
) -> None:
    with cluster_of(version, **privileges) as cluster:
        house.write(storage=f"{{mentions: elasticsearch, elasticsearch_url: '{cluster.url}'}}")
        if not said:
            assert house.faults() == []
        else:
            fault = house.fault()
            assert fault["check"] == "mentions" and said in fault["what"]
        assert {request.method for request in cluster.requests} <= {"GET", "POST"}
        assert all(request.path in ("/", "/_security/user/_has_privileges") for request in cluster.requests)


def test_elasticsearch_is_away(house: House) -> None:
    house.write(storage=f"{{mentions: elasticsearch, elasticsearch_url: 'http://127.0.0.1:{free_port()}'}}")
    fault = house.fault()
    assert fault["check"] == "mentions" and "not reachable" in fault["what"] and "start the cluster" in fault["fix"]


@pytest.mark.slow
def test_postgresql_is_away(house: House) -> None:
    pytest.importorskip("psycopg")
    house.write(storage=f"{{state: 'postgresql://tingfeng:hunter2@127.0.0.1:{free_port()}/tingfeng'}}")
    fault = house.fault()
    assert fault["check"] == "state" and "refused" in fault["what"] and "start the server" in fault["fix"]
    assert "hunter2" not in str(fault)


# --- the service ---------------------------------------------------------------------------------------------


class _Stranger(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"ok": true}')

    def log_message(self, *_: Any) -> None:
        return


def test_the_port_is_in_use_by_another_program(house: House) -> None:
    server = HTTPServer(("127.0.0.1", 0), _Stranger)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        house.write(healthz=f"{{port: {server.server_port}}}")
        fault = house.fault()
        assert fault["check"] == "port" and "another program" in fault["what"] and "healthz.port" in fault["fix"]
    finally:
        server.shutdown()
        server.server_close()


def test_the_service_is_not_well(house: House) -> None:
    view = {"ok": False, "roles": [{"role": "watch", "ok": False}, {"role": "crawl", "ok": True}], "channels": []}
    page = HealthPage("127.0.0.1", 0, pages(lambda: view))
    page.start()
    try:
        house.write(healthz=f"{{port: {page.address.rsplit(':', 1)[1].split('/')[0]}}}")
        fault = house.fault()
        assert fault["check"] == "port" and fault["what"].endswith("our service is not well: role watch")
    finally:
        page.stop()


def test_the_service_does_not_run(house: House) -> None:
    locks = RoleLocks(house.data, ["crawl"])
    locks.take()
    locks.release()
    fault = house.fault()
    assert (fault["check"], fault["level"]) == ("service", "warn") and "systemctl start" in fault["fix"]


def test_the_page_of_a_running_service_does_not_answer(house: House) -> None:
    locks = RoleLocks(house.data, ["crawl"])
    locks.take()
    try:
        house.write(healthz=f"{{port: {free_port()}}}")
        fault = house.fault()
        assert fault["check"] == "port" and "does not answer" in fault["what"]
    finally:
        locks.release()


def test_a_process_left_over_holds_the_folder(house: House) -> None:
    locks = RoleLocks(house.data, ["crawl"])
    locks.take()
    try:
        (house.data / "run-crawl.lock").write_text("999999999\n", encoding="ascii")
        fault = house.fault()
        assert fault["check"] == "service" and "still hold" in fault["what"] and "fuser" in fault["fix"]
    finally:
        locks.release()


def test_a_channel_is_broken(house: House, cli: Cli, sink: Sink) -> None:
    house.write(receivers=house.keys["receivers"].replace(DEMO_KEY, "693a91f6-7abc-4bc4-97a0-0ec20cfa5aaa"))
    assert cli("notify", "test", "pr").code == 1
    fault = house.fault()
    assert fault["check"] == "channel" and "93000" in fault["what"] and "tingfeng notify test pr" in fault["fix"]
    with wiring.opened(house.path) as (settings, stores):
        now = datetime.now(UTC)
        figures = stores.state.figures.read()
        assert {line["state"] for line in channel_lines(settings, figures.channels, now)} >= {"broken"}


def test_a_source_is_blind(house: House) -> None:
    now = datetime.now(UTC)
    with wiring.opened(house.path) as (_, stores):
        stores.state.visits.save(
            VisitState(
                source="news",
                platform="feed",
                due_at=now,
                first_visit_at=now - timedelta(days=1),
                last_visit_at=now,
                last_outcome=FetchOutcome.GONE,
                fails=9,
            )
        )
    fault = house.fault()
    assert fault["check"] == "source" and "news" in fault["what"] and "url" in fault["fix"]


def test_sources_of_a_stopped_service_are_not_faults_of_their_own(house: House) -> None:
    then = datetime.now(UTC) - timedelta(hours=6)
    with wiring.opened(house.path) as (_, stores):
        stores.state.visits.save(
            VisitState(
                source="news",
                platform="feed",
                due_at=then,
                first_visit_at=then,
                last_visit_at=then,
                last_success_at=then,
                last_outcome=FetchOutcome.OK,
            )
        )
    assert house.faults() == []
    locks = RoleLocks(house.data, ["crawl"])
    locks.take()
    try:
        assert house.fault()["check"] == "source"
    finally:
        locks.release()
    assert house.fault()["check"] == "service"


# --- network -------------------------------------------------------------------------------------------------


def test_a_proxy_that_nobody_runs(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = f"127.0.0.1:{free_port()}"
    house.write(sources=house.keys["sources"].replace("name: news", f"name: news, proxy: 'http://u:hunter2@{proxy}'"))
    fault = house.fault()
    assert fault["check"] == "proxy" and fault["what"] == f"proxy {proxy}: refuses the connection"
    house.write(sources=house.keys["sources"].replace(f"'http://u:hunter2@{proxy}'", "env"))
    assert house.faults() == []
    monkeypatch.setenv("https_proxy", f"http://{proxy}")
    assert house.fault()["what"] == f"proxy {proxy}: refuses the connection"
    assert house.faults("--offline") == []


def test_a_channel_that_cannot_be_reached(house: House) -> None:
    house.write(
        receivers=f"[{{name: pr, wecom_robot: {{key: {DEMO_KEY}, base_url: 'http://127.0.0.1:{free_port()}'}}}}]"
    )
    fault = house.fault()
    assert fault["check"] == "reach" and "wecom_robot of pr" in fault["what"] and "firewall" in fault["fix"]


def test_a_certificate_that_is_not_trusted_and_an_authority_that_expired(house: House, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve_tls() -> None:
        context = authority.server()
        with contextlib.suppress(OSError):
            while True:
                raw, _ = listener.accept()
                with contextlib.suppress(OSError):
                    context.wrap_socket(raw, server_side=True).close()

    threading.Thread(target=serve_tls, daemon=True).start()
    server = f"https://127.0.0.1:{listener.getsockname()[1]}"
    house.write(receivers=f"[{{name: pr, wecom_robot: {{key: {DEMO_KEY}, base_url: '{server}'}}}}]")
    fault = house.fault()
    assert fault["check"] == "reach" and "not trusted" in fault["what"] and "network.ca" in fault["fix"]
    house.write(network=f"{{ca: {authority.ca}}}")
    assert house.faults() == []
    listener.close()
    (tmp_path / "old").mkdir()
    expired = Authority(tmp_path / "old", days=-1)
    house.write(network=f"{{ca: {expired.ca}}}")
    (fault, closed) = house.faults()
    assert (fault["check"], closed["check"]) == ("certificates", "reach")
    assert fault["level"] == "fail" and "has expired" in fault["what"]


def test_the_environment_names_certificates_that_are_not_there(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    fault = house.fault()
    assert fault["check"] == "certificates" and fault["fix"].startswith("unset SSL_CERT_FILE")


# --- the machine ---------------------------------------------------------------------------------------------


def test_another_distribution_provides_our_packages(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "site" / "stranger-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n", encoding="utf-8")
    (info / "top_level.txt").write_text("alerts\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    fault = house.fault()
    assert fault["check"] == "packages" and "alerts (stranger)" in fault["what"] and "make clean setup" in fault["fix"]


def test_too_few_open_files(house: House) -> None:
    def lower() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

    command = [sys.executable, "-c", "from service.cli import main; main()", "doctor", "--json", "-c", str(house.path)]
    ran = subprocess.run(command, capture_output=True, text=True, preexec_fn=lower, timeout=60, check=False)
    faults = [view for view in map(json.loads, ran.stdout.splitlines()) if not view["ok"]]
    assert ran.returncode == 0 and [fault["check"] for fault in faults] == ["files"], ran.stdout + ran.stderr
    assert "256" in faults[0]["what"] and "ulimit -n" in faults[0]["fix"]


def test_a_clock_that_cannot_be_right() -> None:
    (finding,) = clock(datetime(2020, 1, 1, tzinfo=UTC))
    assert finding.level.value == "fail" and "timedatectl" in finding.fix


# --- bounds --------------------------------------------------------------------------------------------------


def test_a_look_that_hangs_or_breaks_is_a_fault_of_its_own_and_holds_up_nobody() -> None:
    ended = threading.Event()

    def hang() -> Iterator[Finding]:
        ended.wait(30)
        yield fine("slow", "late")

    def break_off() -> Iterator[Finding]:
        yield fine("odd", "begun")
        raise RuntimeError("token=abcdefgh123456")

    began_s = time.monotonic()
    looks = [Look(check="slow", look=hang), Look(check="odd", look=break_off)]
    found = look_at_all(looks, limit_s=0.3)
    ended.set()
    assert time.monotonic() - began_s < 5
    assert [(each.check, each.level.value) for each in found] == [("slow", "fail"), ("odd", "ok"), ("odd", "fail")]
    assert "abcdefgh" not in found[2].what
