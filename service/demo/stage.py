"""Starts and stops the processes of the demo: imitated sources and channels, and the real service."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from domain.moment import from_rfc3339, to_rfc3339
from service.demo.pages import SITES
from service.demo.post import FarmPost
from service.errors import ServiceError

__all__ = ["TINGFENG", "FarmProcess", "HelperProcess", "ServiceProcess", "call_json"]

TINGFENG = (sys.executable, "-c", "from service.cli import main; main()")
"""The command `tingfeng` of this very interpreter."""

_STOP_S = 10.0
_POSTS_PER_CALL = 2_000
# Helpers are on loopback: the environment's proxies are not for them.
_HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def call_json(url: str, body: bytes | None = None, *, timeout_s: float = 30.0) -> Any:
    """GET a loopback address, or POST `body` to it, and return its JSON.

    Raises:
        ServiceError: it does not answer, or not with JSON.
    """
    try:
        with _HTTP.open(urllib.request.Request(url, data=body), timeout=timeout_s) as answer:
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as err:
        raise ServiceError(f"{url} answered {err.code}: {err.read()[:200].decode(errors='replace')}") from err
    except (OSError, ValueError) as err:
        raise ServiceError(f"{url} does not answer: {err}") from err


class HelperProcess:
    """A process that says where it listens on its first line, and ends when its input closes.

    Args:
        argv: Its command line.
        log: File that takes what it logs.

    Raises:
        ServiceError: it did not start.
    """

    def __init__(self, argv: Sequence[str], log: Path) -> None:
        with log.open("ab") as errors:
            # A session of its own: Ctrl-C reaches only the process that stops the others in order.
            self._process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
            )
        line = self._process.stdout.readline() if self._process.stdout else b""
        try:
            self.first = cast(dict[str, Any], json.loads(line))
        except ValueError as err:
            self.stop()
            tail = log.read_text(encoding="utf-8", errors="replace").strip()[-500:]
            raise ServiceError(f"{' '.join(argv[:3])} did not start: {tail or 'it said nothing'}") from err

    def stop(self) -> None:
        """Close its input, wait until it is gone, end it by force after 10 s; twice is once."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(timeout=_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class FarmProcess(HelperProcess):
    """The imitated sources.

    Args:
        start: Domain time at which their clock stands until `run`.
        scale: Domain seconds for one real second.
        cookie: Cookie that weibo wants to see.
        log: File that takes what it logs.
        feed_size: Most entries of a feed.
    """

    def __init__(self, *, start: datetime, scale: float, cookie: str, log: Path, feed_size: int = 200) -> None:
        clock = ["--clock-start", to_rfc3339(start), "--clock-scale", str(scale)]
        shape = ["--cookie", cookie, "--feed-size", str(feed_size)]
        super().__init__([sys.executable, "-m", "service.demo.farmserver", *clock, *shape], log)
        ports: Mapping[str, int] = self.first["ports"]
        self.bases = {name: f"http://127.0.0.1:{ports[name]}" for name in SITES}
        self._control = f"http://127.0.0.1:{ports['control']}"

    def run(self, epoch_s: float | None = None) -> None:
        """Let the clock go from a Unix time on; None = from now on."""
        call_json(f"{self._control}/run", json.dumps({"epoch_s": time.time() if epoch_s is None else epoch_s}).encode())

    def now(self) -> datetime:
        """Return the domain time, UTC."""
        return from_rfc3339(call_json(f"{self._control}/state")["now"])

    def hits(self) -> dict[str, int]:
        """Return how many pages were asked of each site."""
        return cast(dict[str, int], call_json(f"{self._control}/state")["hits"])

    def add(self, posts: Sequence[FarmPost]) -> None:
        """Add posts, past or future."""
        for start in range(0, len(posts), _POSTS_PER_CALL):
            lines = "\n".join(post.to_json() for post in posts[start : start + _POSTS_PER_CALL])
            call_json(f"{self._control}/posts", lines.encode())

    def go_dark(self, mode: str, *sites: str) -> None:
        """Let sites, or all, answer as `mode` says; empty = their pages again."""
        call_json(f"{self._control}/dark", json.dumps({"mode": mode, "sites": sites}).encode())

    def retouch(self) -> None:
        """Change every answer a little; nothing new is published."""
        call_json(f"{self._control}/retouch", b"")

    def first_shown_s(self, mark: str | None = None) -> dict[str, float]:
        """Return the Unix time of each post's first showing by id; of one mark, or of all."""
        query = "" if mark is None else f"?mark={mark}"
        return {id: seen["first_s"] for id, seen in call_json(f"{self._control}/ledger{query}").items()}


class ServiceProcess:
    """The real `tingfeng run` and every role below it.

    Args:
        config: Its settings file.
        log: File that takes its output.
        env: Its environment; None = ours.
    """

    def __init__(self, config: Path, log: Path, *, env: Mapping[str, str] | None = None) -> None:
        self._config, self._log, self._env = config, log, env
        self._process: subprocess.Popen[bytes] | None = None

    def start(
        self, *, clock: tuple[datetime, float] | None = None, epoch_s: float | None = None, roles: str = ""
    ) -> None:
        """Start it.

        Args:
            clock: Domain time at `epoch_s`, and domain seconds for one real second.
            epoch_s: Unix time, the same for services that shall have one time; None = the start.
            roles: Comma-separated; empty = all.
        """
        argv = [*TINGFENG, "run", "--config", str(self._config)]
        if clock is not None:
            argv += ["--clock-start", to_rfc3339(clock[0]), "--clock-scale", str(clock[1])]
        if epoch_s is not None:
            argv += ["--clock-epoch", repr(epoch_s)]
        if roles:
            argv += ["--role", roles]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=None if self._env is None else dict(self._env),
            )

    @property
    def pid(self) -> int | None:
        """Process id of the supervisor; None = it was not started or has been stopped."""
        return self._process.pid if self._process else None

    def exit_code(self) -> int | None:
        """Return how it ended by itself; None = it runs, or was not started."""
        return self._process.poll() if self._process else None

    def log_text(self) -> str:
        """Return what it said so far."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    def kill(self) -> None:
        """End the supervisor and every role at once, with nothing put in order."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def stop(self, *, limit_s: float = 30.0) -> int | None:
        """Ask it to stop and return its exit code, -9 after `limit_s`; None = it did not run."""
        if self._process is None:
            return None
        self._process.terminate()
        try:
            code = self._process.wait(timeout=limit_s)
        except subprocess.TimeoutExpired:
            self.kill()
            return -signal.SIGKILL
        self._process = None
        return code
