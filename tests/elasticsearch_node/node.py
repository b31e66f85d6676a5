"""Fetch, start and stop real Elasticsearch nodes on loopback, for tests.

    python -m tests.elasticsearch_node.node provision        fetch once (about 1 GB by Maven), then offline
    python -m tests.elasticsearch_node.node run FOLDER       run a node until Ctrl-C, printing its address

Needs a JDK of 21 or newer and, for the first fetch, Maven. ES_TEST_HOME names the unpacked server
(default ~/.cache/es-test/9.4.3), ES_TEST_JDK the JDK, ES_TEST_HEAP the heap of a node (512m).
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

VERSION = "9.4.3"
HERE = Path(__file__).resolve().parent
HOME = Path(os.environ.get("ES_TEST_HOME") or Path.home() / ".cache" / "es-test" / VERSION)
START_S = 180.0
MIN_JAVA = 21


class NodeError(RuntimeError):
    """A node cannot be fetched or does not start; the text says what to do."""


def find_jdk() -> Path | None:
    """Return a JDK that is new enough: ES_TEST_JDK, JAVA_HOME, or an installed one."""
    named = [Path(value) for name in ("ES_TEST_JDK", "JAVA_HOME") if (value := os.environ.get(name))]
    for folder in [*named, *sorted(Path("/usr/lib/jvm").glob("*"), reverse=True)]:
        release = folder / "release"
        if not (folder / "bin" / "javac").exists() or not release.exists():
            continue
        found = re.search(r'JAVA_VERSION="(\d+)', release.read_text())
        if found and int(found.group(1)) >= MIN_JAVA:
            return folder
    return None


def missing() -> str | None:
    """Say what a node lacks here; None = it can be started."""
    if find_jdk() is None:
        return f"no JDK of {MIN_JAVA} or newer (Debian: temurin or default-jdk-headless; or set ES_TEST_JDK)"
    if not (HOME / "lib").is_dir():
        return "the server is not fetched: python -m tests.elasticsearch_node.node provision"
    return None


def provision() -> Path:
    """Fetch the server unless it is there; returns its home.

    Raises:
        NodeError: no JDK, no Maven, or the fetch failed.
    """
    jdk = find_jdk()
    if jdk is None:
        raise NodeError(missing())
    if not (HOME / "lib").is_dir():
        _fetch(jdk)
    return HOME


def _fetch(jdk: Path) -> None:
    if shutil.which("mvn") is None:
        raise NodeError("Maven is missing (Debian: apt install maven)")
    HOME.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=HOME.parent) as folder:
        command = ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), f"-Dto={folder}/got", "process-resources"]
        environment = {**os.environ, "JAVA_HOME": str(jdk)}
        if subprocess.run([*command, "-o"], env=environment, capture_output=True).returncode:
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            if done.returncode:
                raise NodeError(f"Maven could not fetch the server:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        (server,) = Path(folder, "got", "server").glob("*/elasticsearch")
        kql = server / "modules" / "x-pack-kql"
        kql.mkdir()
        for jar in Path(folder, "got", "kql").glob("*.jar"):
            shutil.move(jar, kql / jar.name)
        with zipfile.ZipFile(next(kql.glob("x-pack-kql-*.jar"))) as jar:
            (kql / "plugin-descriptor.properties").write_bytes(
                jar.read("META-INF/es-plugins/x-pack-kql/plugin-descriptor.properties")
            )
        (server / "plugins").mkdir(exist_ok=True)
        shutil.move(server, HOME)


def free_port() -> int:
    """Return a port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Node:
    """One node, started at once; `stop` ends it and leaves its data."""

    def __init__(
        self,
        folder: Path,
        *,
        name: str = "n1",
        http: int | None = None,
        transport: int | None = None,
        security: bool = False,
        files: Mapping[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
        wait: bool = True,
    ) -> None:
        """Start a node.

        Args:
            folder: Holds config, data and log; a second start there goes on with the data.
            name: Name of the node.
            http: Port for clients; None = any free one.
            transport: Port for other nodes; None = any free one.
            security: Switch logins on.
            files: Contents of further config files by name, such as users and roles.yml.
            settings: Further settings; `discovery.type=single-node` unless it names masters.
            wait: Return once it answers; else call `wait_ready`.

        Raises:
            NodeError: It does not start.
        """
        self.folder = folder
        self.http = http or free_port()
        self.transport = transport or free_port()
        self.log = folder / "node.log"
        config = folder / "config"
        config.mkdir(parents=True, exist_ok=True)
        (config / "elasticsearch.yml").write_text("")
        shutil.copy(HERE / "log4j2.properties", config)
        for file, text in (files or {}).items():
            (config / file).write_text(text)
        more = dict(settings or {})
        if "cluster.initial_master_nodes" not in more and "discovery.seed_hosts" not in more:
            more.setdefault("discovery.type", "single-node")
        options = {
            "node.name": name,
            "cluster.name": "tingfeng-test",
            "http.port": str(self.http),
            "transport.port": str(self.transport),
            "network.host": "127.0.0.1",
            "path.data": str(folder / "data"),
            "path.logs": str(folder / "logs"),
            "path.repo": str(folder / "repo"),
            "cluster.routing.allocation.disk.threshold_enabled": "false",
            "xpack.security.enabled": str(security).lower(),
            **more,
        }
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                _command(config, folder, options),
                cwd=folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        if wait:
            self.wait_ready()

    @property
    def url(self) -> str:
        """Address for clients."""
        return f"http://127.0.0.1:{self.http}"

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def wait_ready(self) -> None:
        """Return once the node answers.

        Raises:
            NodeError: It ended or took too long; the text has the end of its log.
        """
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if b"NODE READY" in self.log.read_bytes():
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.2)
        tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])
        self.kill()
        raise NodeError(f"the node did not start:\n{tail}")

    def pause(self) -> None:
        """Freeze the process: it takes connections and answers nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen process go on."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it in order, or by force after 30 s."""
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()


def _command(config: Path, folder: Path, options: Mapping[str, str]) -> list[str]:
    jdk = find_jdk()
    if jdk is None or not (HOME / "lib").is_dir():
        raise NodeError(missing())
    heap = os.environ.get("ES_TEST_HEAP", "512m")
    return [
        str(jdk / "bin" / "java"),
        *(f"-Xms{heap}", f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
        "--enable-native-access=org.elasticsearch.nativeaccess,org.apache.lucene.core",
        "--add-modules=jdk.net,org.elasticsearch.server",
        *("--module-path", str(HOME / "lib")),
        *(f"-Des.nativelibs.path={HOME / 'lib' / 'platform' / 'linux-x64'}", "-Des.distribution.type=tar"),
        *(f"-Djava.io.tmpdir={folder}", "-Djava.awt.headless=true", "-Dfile.encoding=UTF-8"),
        *("-Dio.netty.noUnsafe=true", "-cp", str(_launcher(jdk)), "Launch", str(HOME), str(config)),
        *(f"{name}={value}" for name, value in options.items()),
    ]


def _launcher(jdk: Path) -> Path:
    """Compile the launcher beside the server unless it is there and newer than its source."""
    folder, source = HOME / "launcher", HERE / "Launch.java"
    compiled = folder / "Launch.class"
    if not compiled.exists() or compiled.stat().st_mtime < source.stat().st_mtime:
        command = [
            str(jdk / "bin" / "javac"),
            "--release",
            "21",
            "-cp",
            f"{HOME}/lib/*",
            "-d",
            str(folder),
            str(source),
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise NodeError(f"the launcher does not compile:\n{done.stderr[-2000:]}")
    return folder


def main() -> int:
    """Run the command line of this module."""
    try:
        match sys.argv[1:]:
            case ["provision"]:
                sys.stdout.write(f"{provision()}\n")
                return 0
            case ["run", folder]:
                provision()
                node = Node(Path(folder).resolve(), http=9200)
                sys.stdout.write(f"{node.url}\n")
                sys.stdout.flush()
                try:
                    signal.pause()
                except KeyboardInterrupt:
                    node.stop()
                return 0
    except NodeError as err:
        sys.stderr.write(f"{err}\n")
        return 1
    sys.stderr.write(f"{__doc__}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
