import io
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from service.demo import run
from service.demo.run import Demo, Summary
from service.demo.sink_ledger import Ledger
from service.demo.told import Told
from service.errors import ServiceError

NOON = datetime(2026, 6, 20, 4, 0, tzinfo=UTC)
OK = (sys.executable, "-c", "")


class FakeFarm:
    """A farm whose sites are visited at once, or never."""

    def __init__(self, visited: bool = True) -> None:
        self.bases = {
            name: f"http://127.0.0.1:{port}" for port, name in enumerate(("weibo", "news", "forum", "blog"), 9)
        }
        self._visited, self._posts, self.stopped = visited, 0, False

    def add(self, posts: list[Any]) -> None:
        self._posts += len(posts)

    def run(self) -> None:
        pass

    def now(self) -> datetime:
        return NOON

    def hits(self) -> dict[str, int]:
        return dict.fromkeys(self.bases, int(self._visited))

    def first_shown_s(self, mark: str | None = None) -> dict[str, float]:
        return {"1": 1.0}

    def stop(self) -> None:
        self.stopped = True


class FakeService:
    """A service that says some things and then goes on or ends."""

    def __init__(self, ledger: Ledger, lines: tuple[str, ...], code: int | None = None) -> None:
        self._ledger, self._lines, self._code, self.stopped = ledger, lines, code, False

    def start(self, *, clock: tuple[datetime, float]) -> None:
        assert clock[1] == 120.0
        for line in self._lines:
            self._ledger.accept("slack", "C", {"text": line})
            self._ledger.accept("wecom_robot", "k", {"msgtype": "markdown", "markdown": {"content": line}})

    def exit_code(self) -> int | None:
        return self._code

    def log_text(self) -> str:
        return "http://127.0.0.1:1/healthz it went wrong"

    def stop(self) -> None:
        self.stopped = True


class Scene:
    """A demo with everything but the sink imitated."""

    def __init__(self, folder: Path, *lines: str, code: int | None = None, visited: bool = True, **more: Any) -> None:
        self.out = io.StringIO()
        self.farm = FakeFarm(visited)
        self.demo = Demo(
            folder,
            Console(file=self.out, width=200),
            make_farm=lambda **_: self.farm,
            make_service=lambda *_: self.service,
            **{"tingfeng": OK, "cut_off_s": 0.5, **more},
        )
        self.service = FakeService(self.demo.sink.ledger, lines, code)

    def play(self) -> int:
        with self.demo:
            return self.demo.play()


def test_a_crisis_told_and_resolved_in_both_channels_is_a_success(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "【红】云杉咖啡 负面 64 条", "【红】已解除 云杉咖啡", cut_off_s=30)
    assert scene.play() == 0
    said = scene.out.getvalue()
    assert "→ Slack 【红】云杉咖啡 负面 64 条" in said
    assert "企业微信 【红】已解除 云杉咖啡" in said
    assert "共看到 1 条" in said
    assert "发出消息 4 条" in said
    assert scene.farm.stopped
    assert scene.service.stopped
    assert (tmp_path / "tingfeng.yaml").stat().st_mode & 0o077 == 0


@pytest.mark.slow
def test_an_end_that_does_not_come_in_time_is_said_and_is_no_failure(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "【红】云杉咖啡 负面 64 条", cut_off_s=3.0)
    assert scene.play() == 0
    assert "还没有解除" in scene.out.getvalue()


def test_a_channel_that_heard_nothing_is_a_failure(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    assert scene.play() == 1
    assert "没有收到警报的渠道：Slack、企业微信" in scene.out.getvalue()


def test_a_service_that_ends_is_a_failure_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="it went wrong"):
        Scene(tmp_path, code=1, visited=False).play()


def test_sources_that_nobody_visits_are_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_READY_S", 0.1)
    with pytest.raises(ServiceError, match="没有开始访问来源"):
        Scene(tmp_path, visited=False).play()


def test_an_import_that_fails_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="disk is full"):
        Scene(tmp_path, tingfeng=(sys.executable, "-c", "raise SystemExit('disk is full')")).play()


def test_a_picture_is_taken_where_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[Path] = []
    monkeypatch.setattr(run, "take_picture", lambda url, file: taken.append(file))
    lines = ("【红】云杉咖啡 负面 64 条", "【红】升级 云杉咖啡", "【红】已解除 云杉咖啡")
    scene = Scene(tmp_path, *lines, screenshot=tmp_path / "page.png", cut_off_s=30)
    assert scene.play() == 0
    assert taken == [tmp_path / "page.png"]


def test_the_page_stays_open_until_it_is_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    scene = Scene(tmp_path)
    monkeypatch.setattr(run.time, "sleep", interrupt)
    scene.demo.leave_open()
    assert "按 Ctrl-C 结束" in scene.out.getvalue()


@pytest.mark.parametrize(
    ("raised", "code"),
    [(ServiceError("no farm"), 1), (KeyboardInterrupt(), 130), (None, 0)],
    ids=["error", "ctrl-c", "ok"],
)
def test_the_command_ends_with_the_right_code_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, raised: BaseException | None, code: int
) -> None:
    def play(self: Demo) -> int:
        if raised:
            raise raised
        return 0

    monkeypatch.setattr(run.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(Demo, "play", play)
    monkeypatch.setattr(Demo, "leave_open", lambda self: None)
    assert run.run_demo(keep=True) == code
    assert not list(tmp_path.iterdir())


def test_a_summary_knows_which_channel_is_missing() -> None:
    one = Told(channel="slack", kind="firing", first_line="", text="", at_s=0.0)
    assert Summary(told=[one]).missing("firing") == ["wecom_robot"]


@pytest.mark.parametrize("hours", range(0, 24, 5))
def test_the_demo_begins_at_the_last_ten_o_clock_of_beijing(hours: int) -> None:
    now = NOON + timedelta(hours=hours)
    start = run._morning(now)
    assert start.hour == 2
    assert timedelta(0) <= now - start < timedelta(days=1)


def test_no_thread_of_the_sink_is_left(tmp_path: Path) -> None:
    Scene(tmp_path).play()
    assert not [one for one in threading.enumerate() if one.name == "sink"]
