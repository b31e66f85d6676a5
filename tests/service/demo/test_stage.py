import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.demo.post import FarmPost
from service.demo.stage import FarmProcess, HelperProcess, ServiceProcess, call_json
from service.errors import ServiceError

START = datetime(2026, 6, 20, 7, 0, tzinfo=UTC)


def wait_for(file: Path, text: str) -> None:
    end_s = time.monotonic() + 20
    while time.monotonic() < end_s:
        if file.exists() and text in file.read_text():
            return
        time.sleep(0.05)
    raise AssertionError(f"{text!r} not in {file}")


def test_the_farm_process_is_steered_over_http(tmp_path: Path) -> None:
    farm = FarmProcess(start=START, scale=60, cookie="SUB=a", log=tmp_path / "farm.log", feed_size=5)
    try:
        post = FarmPost(id="1", site="forum", published_at=START, text="好", author="甲", mark="crisis")
        farm.add([post])
        assert farm.now() == START
        assert farm.first_shown_s() == {}
        with pytest.raises(ServiceError, match="does not answer"):
            call_json(farm.bases["forum"] + "/forum.php?mod=rss")  # XML, not JSON
        assert set(farm.first_shown_s("crisis")) == {"1"}
        assert farm.hits()["forum"] == 1
        farm.run()
        assert START <= farm.now() < START + timedelta(minutes=10)
        farm.retouch()
        farm.go_dark("503", "forum")
        with pytest.raises(ServiceError, match="answered 503"):
            call_json(farm.bases["forum"] + "/forum.php?mod=rss")
    finally:
        farm.stop()
        farm.stop()


def test_a_helper_that_does_not_start_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="no such luck"):
        HelperProcess([sys.executable, "-c", "import sys; sys.exit('no such luck')"], tmp_path / "log")


def test_a_helper_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.demo.stage._STOP_S", 0.2)
    code = "import time; print('{}', flush=True); time.sleep(60)"
    helper = HelperProcess([sys.executable, "-c", code], tmp_path / "log")
    helper.stop()


def stubborn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> ServiceProcess:
    monkeypatch.setattr("service.demo.stage.TINGFENG", (sys.executable, "-c", code))
    return ServiceProcess(tmp_path / "tingfeng.yaml", tmp_path / "log", env={"PATH": "/usr/bin:/bin"})


def test_a_service_is_started_with_its_clock_and_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import sys, time; print(*sys.argv[1:], flush=True); time.sleep(60)"
    service = stubborn(tmp_path, monkeypatch, code)
    assert service.stop() is None
    assert service.pid is None
    assert service.exit_code() is None
    assert service.log_text() == ""
    service.start(clock=(START, 60.0))
    wait_for(tmp_path / "log", "--clock-scale 60.0")
    assert "--clock-start 2026-06-20T07:00:00.000Z" in service.log_text()
    assert service.pid is not None
    assert service.stop() == -15
    service.kill()


def test_a_service_that_will_not_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    service = stubborn(tmp_path, monkeypatch, code)
    service.start()
    wait_for(tmp_path / "log", "up")
    assert service.stop(limit_s=0.2) == -9


def test_a_service_that_ended_by_itself_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service = stubborn(tmp_path, monkeypatch, "raise SystemExit(3)")
    service.start()
    end_s = time.monotonic() + 20
    while service.exit_code() is None and time.monotonic() < end_s:
        time.sleep(0.05)
    assert service.exit_code() == 3
