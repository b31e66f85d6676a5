"""Starts the real service, the imitated sources and the imitated channels, and looks at what they did."""

import contextlib
import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from domain.ids import mention_id
from domain.mention import Kind
from domain.moment import to_rfc3339
from service.demo.pages import post_url
from service.demo.post import FarmPost
from service.demo.stage import TINGFENG, ServiceProcess

COOKIE = "SUB=_2A25Lcookie"
HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(url: str, timeout_s: float = 10.0) -> Any:
    """GET an address and return its JSON, whatever the status; None = nothing answered."""
    try:
        with HTTP.open(url, timeout=timeout_s) as answer:
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as err:
        with contextlib.suppress(ValueError, OSError):
            return json.loads(err.read())
    except (OSError, ValueError):
        pass
    return None


def wait_until(what: str, done: Callable[[], Any], *, limit_s: float, every_s: float = 0.3) -> Any:
    """Poll until `done` returns something true, and return that.

    Raises:
        AssertionError: nothing came within `limit_s` real seconds.
    """
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        found = done()
        if found:
            return found
        time.sleep(every_s)
    raise AssertionError(f"{what}: not within {limit_s:.0f} s")


class Service(ServiceProcess):
    """The real `tingfeng run` and the commands beside it, on one data folder."""

    def __init__(self, folder: Path, config: str) -> None:
        self.folder = folder
        self.config = folder / "tingfeng.yaml"
        self.config.write_text(config)
        self.config.chmod(0o600)
        super().__init__(self.config, folder / "service.log", env=clean_env())

    def health(self) -> dict[str, Any]:
        """What the health page says, with 200 or 503; empty before it is there."""
        found = re.findall(r"http://[\d.]+:\d+/healthz", self.log_text())
        return (ask(found[-1]) or {}) if found else {}

    def command(self, *args: str, limit_s: float = 300.0, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run another command on the same settings."""
        return run_command(*args, "--config", str(self.config), limit_s=limit_s, stdin=stdin, cwd=self.folder)

    def search(self, query: str, limit: int = 50_000) -> list[dict[str, Any]]:
        """What `tingfeng search --json` finds."""
        done = self.command("search", query, "--json", "--limit", str(limit))
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def incidents(self) -> list[dict[str, Any]]:
        """What `tingfeng incidents list --json` shows."""
        done = self.command("incidents", "list", "--json")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


def clean_env(**more: str) -> dict[str, str]:
    """The environment without proxies and without the switches of tests."""
    keep = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith(("TINGFENG_", "COV_", "PYTEST_"))
    }
    return {**keep, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), **more}


def run_command(
    *args: str, limit_s: float = 120.0, stdin: str = "", cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `tingfeng` with arguments and return what it said."""
    return subprocess.run(
        [*TINGFENG, *args],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=limit_s,
        cwd=cwd,
        env=clean_env() if env is None else dict(env),
    )


def store_id(post: FarmPost, bases: Mapping[str, str]) -> str:
    """The id under which a post of the farm must be stored."""
    url = post_url(post, bases)
    if post.site == "weibo":
        return mention_id(platform="weibo", native_id=post.id, kind=Kind.POST, url=url)
    return mention_id(platform="web", native_id=url, kind=Kind.ARTICLE, url=url)


def plain(text: str) -> str:
    """A text without white space, to compare what was written with what was read."""
    return re.sub(r"\s+", "", text)


def differences(post: FarmPost, stored: Mapping[str, Any], bases: Mapping[str, str], extra_likes: int = 0) -> list[str]:
    """Name the public fields in which a stored mention is not the post that was published."""
    expected: dict[str, tuple[object, object]] = {
        "url": (post_url(post, bases), stored["url"]),
        "text": (plain(post.text), plain(stored["text"])),
        "title": (post.title, stored["title"]),
        "author.name": (post.author, stored["author"]["name"]),
        "published_at": (to_rfc3339(post.published_at), stored["published_at"]),
        "platform": ("weibo" if post.site == "weibo" else "web", stored["platform"]),
    }
    if post.site == "weibo":
        counters = stored["engagement"]
        expected |= {
            "author.followers": (post.followers, stored["author"]["followers"]),
            "author.id": (post.author_id, stored["author"]["id"]),
            "engagement.likes": (post.likes + extra_likes, counters["likes"]),
            "engagement.comments": (post.comments, counters["comments"]),
            "engagement.shares": (post.shares, counters["shares"]),
        }
    return [f"{name}: {is_!r} instead of {should!r}" for name, (should, is_) in expected.items() if should != is_]
