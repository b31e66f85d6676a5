"""The files of docs/deploy parse and name commands, roles, settings and packages that exist."""

import configparser
import plistlib
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from service import wiring
from service.role import ON_DEMAND, ROLES
from service.supervisor import HEARTBEAT_LIMIT_S, STOP_LIMIT_S
from tests.conftest import REPOSITORY
from tests.docs import commands

DEPLOY = REPOSITORY / "docs" / "deploy"
SETTINGS = sorted(DEPLOY.glob("tingfeng-*.yaml"))
COMPOSE = sorted(DEPLOY.glob("compose-*.yaml"))
AGENTS = sorted((DEPLOY / "launchd").glob("*.plist"))
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
COMMANDS = {name for name, _ in commands()}


def check_command(words: list[str]) -> None:
    """Check one `tingfeng` command: its name, its roles, where its settings lie."""
    assert f"tingfeng {words[0]}" in COMMANDS
    assert words[words.index("--config") + 1] == "/etc/tingfeng/tingfeng.yaml"
    if "--role" in words:
        assert set(words[words.index("--role") + 1].split(",")) <= {*ROLES, "%i"}


def services(path: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text("utf-8"))["services"]
    return found


def test_every_kind_of_installation_is_there() -> None:
    assert [path.name for path in COMPOSE] == ["compose-machines.yaml", "compose-one.yaml", "compose-search.yaml"]
    assert [path.name for path in AGENTS] == ["tingfeng.plist"]
    assert [path.name for path in UNITS] == ["tingfeng.service", "tingfeng@.service"]


@pytest.mark.parametrize("path", SETTINGS, ids=lambda path: path.stem)
def test_the_settings_can_be_used(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINGFENG_STATE", "postgresql://tingfeng:secret@db.example.com/tingfeng?sslmode=verify-full")
    monkeypatch.setenv("TINGFENG_ELASTICSEARCH", "https://es.example.com:9200")
    monkeypatch.setenv("ELASTIC_PASSWORD", "secret")
    settings = wiring.load_settings(path)
    assert settings.data_dir == Path("/var/lib/tingfeng/data")
    assert (settings.storage.state is not None) is (path.stem == "tingfeng-machines")
    assert (settings.storage.mentions == "sqlite") is (path.stem == "tingfeng-one")
    assert ":secret@" not in repr(settings) and "'secret'" not in repr(settings)


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.stem)
def test_compose_files_start_roles_that_exist_with_settings_that_are_there(path: Path) -> None:
    volumes = set(yaml.safe_load(path.read_text("utf-8"))["volumes"])
    found = services(path)
    ours = {name: service for name, service in found.items() if service["image"] == "tingfeng"}
    assert ours
    for service in ours.values():
        check_command(service["command"])
        mounts = [mount.split(":") for mount in service["volumes"]]
        (settings,) = [source for source, target, *_ in mounts if target == "/etc/tingfeng/tingfeng.yaml"]
        assert (path.parent / settings).exists()
        assert service["build"]["context"] == "../.." and (REPOSITORY / service["build"]["dockerfile"]).exists()
    for service in found.values():
        named = [mount.split(":")[0] for mount in service.get("volumes", []) if not mount.startswith((".", "/"))]
        assert set(named) <= volumes
        for other in service.get("depends_on", {}):
            assert other in found


def test_nothing_is_open_to_the_network_unless_asked_for() -> None:
    ports = [port for path in COMPOSE for service in services(path).values() for port in service.get("ports", [])]
    assert ports and all(port.startswith(("127.0.0.1:", "${POSTGRES_ADDRESS:-127.0.0.1}:")) for port in ports)


def test_several_machines_run_every_role_each_with_a_folder_of_its_own() -> None:
    ours = {
        name: service
        for name, service in services(DEPLOY / "compose-machines.yaml").items()
        if service["image"] == "tingfeng"
    }
    assert {service["command"][2] for service in ours.values()} == set(ROLES) - ON_DEMAND
    assert len({service["volumes"][1] for service in ours.values()}) == len(ours)
    assert all(service["environment"].keys() >= {"TINGFENG_STATE"} for service in ours.values())


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_units_start_the_service_and_leave_it_time_to_stop(path: Path) -> None:
    unit = configparser.RawConfigParser(strict=True)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # the keys' case counts
    unit.read_string(path.read_text("utf-8"))
    program, *words = unit["Service"]["ExecStart"].split()
    assert program == "/opt/tingfeng/.venv/bin/tingfeng"
    check_command(words)
    assert ("--role" in words) is ("@" in path.name)
    service = unit["Service"]
    assert service["Restart"] == "always" and int(service["TimeoutStopSec"]) > STOP_LIMIT_S
    assert service["Type"] == "notify" and int(service["WatchdogSec"]) > HEARTBEAT_LIMIT_S
    assert service["UMask"] == "0077" and service["NoNewPrivileges"] == "yes" and service["User"] != "root"
    assert unit["Install"]["WantedBy"] == "multi-user.target"


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_understands_every_key(path: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        return  # another system; Linux machines with systemd look
    text = path.read_text("utf-8").replace("/opt/tingfeng/.venv/bin/tingfeng", "/bin/sh").replace("=tingfeng", "=root")
    copy = tmp_path / path.name.replace("@", "@crawl" if "@" in path.name else "@")
    copy.write_text(text, encoding="utf-8")
    command = ["systemd-analyze", "verify", "--man=no", str(copy)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    ours = [line for line in ran.stderr.splitlines() if "tingfeng" in line]
    assert (ran.returncode, ours) == (0, [])


@pytest.mark.parametrize("path", AGENTS, ids=lambda path: path.name)
def test_launchd_keeps_the_service_alive(path: Path) -> None:
    agent = plistlib.loads(path.read_bytes())
    program, *words = agent["ProgramArguments"]
    assert program == "/opt/tingfeng/.venv/bin/tingfeng"
    check_command(words)
    assert agent["KeepAlive"] is True and agent["RunAtLoad"] is True and agent["ThrottleInterval"] >= 10
    assert agent["ExitTimeOut"] > STOP_LIMIT_S and agent["Umask"] == 0o077 and agent["UserName"] != "root"
    assert agent["StandardErrorPath"] and agent["StandardOutPath"] != agent["StandardErrorPath"]
    if (plutil := shutil.which("plutil")) is not None:
        assert subprocess.run([plutil, "-lint", str(path)], timeout=60, check=False).returncode == 0


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.stem)
def test_our_containers_can_write_nothing_but_their_data_and_start_again(path: Path) -> None:
    for service in services(path).values():
        if service["image"] != "tingfeng":
            continue
        assert service["read_only"] is True and service["tmpfs"] == ["/tmp"] and service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"] and "privileged" not in service
        assert service["restart"] == "unless-stopped"
        assert int(service["stop_grace_period"].rstrip("s")) > STOP_LIMIT_S
        writable = [mount for mount in service["volumes"] if not mount.endswith(":ro")]
        assert [mount.split(":")[1] for mount in writable] == ["/var/lib/tingfeng"]


def test_the_image_runs_without_rights_and_is_asked_how_it_is() -> None:
    text = (DEPLOY / "Containerfile").read_text("utf-8")
    (user,) = re.findall(r"(?m)^USER (\S+)$", text)
    assert user.isdigit() and int(user) > 0
    assert "HEALTHCHECK" in text and "/livez" in text


def test_the_image_holds_every_package() -> None:
    text = (DEPLOY / "Containerfile").read_text("utf-8")
    copied = set(re.findall(r"^COPY (\w+) \1$", text, re.MULTILINE))
    packages = {path.parent.name for path in REPOSITORY.glob("*/__init__.py")} - {"tests"}
    assert copied == packages
    for name in re.findall(r"^COPY ((?:[\w.-]+ )+)\./$", text, re.MULTILINE):
        assert all((REPOSITORY / file).exists() for file in name.split())
