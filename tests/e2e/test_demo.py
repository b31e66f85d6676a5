"""`tingfeng demo` on its own: no key, no network, no shared data; the invented crisis reaches both channels."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from service.demo.stage import TINGFENG
from tests.e2e.harness import clean_env, wait_until
from tests.measure import Measurements

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

CEILING_S = 180.0


def environment(folder: Path) -> dict[str, str]:
    """An empty home and a temporary folder of its own, so that what is left can be seen."""
    for name in ("home", "tmp"):
        (folder / name).mkdir()
    return clean_env(HOME=str(folder / "home"), TMPDIR=str(folder / "tmp"), LANG="C.UTF-8")


def left_processes(folder: Path) -> list[str]:
    """Command lines of processes that work in a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


def test_the_demo_shows_the_crisis_in_both_channels_and_ends(tmp_path: Path, measurements: Measurements) -> None:
    begun_s = time.monotonic()
    done = subprocess.run(
        [*TINGFENG, "demo"], capture_output=True, text=True, timeout=300, env=environment(tmp_path), cwd=tmp_path
    )
    took_s = time.monotonic() - begun_s
    assert done.returncode == 0, done.stdout + done.stderr
    for channel in ("Slack", "企业微信"):
        lines = re.findall(rf"→ {channel} (【.*)", done.stdout)
        assert lines, done.stdout
        assert "云杉咖啡" in lines[0]
        assert all(len(line) <= 36 for line in lines), lines
        assert sum("已解除" in line for line in lines) <= 1
    figures = re.search(r"共看到 (\d+) 条（取页 (\d+) 次），库中 (\d+) 条，提到“云杉咖啡”的 (\d+) 条", done.stdout)
    assert figures is not None, done.stdout
    seen, pages, stored, named = map(int, figures.groups())
    assert seen >= 300
    assert pages >= 20
    assert stored > 2_500
    assert 1_200 < named < stored
    assert not list((tmp_path / "tmp").iterdir())
    assert not left_processes(tmp_path)
    measurements.record("tingfeng demo from start to exit", took_s, unit="s", ceiling=CEILING_S)
    measurements.record("demo told both channels that it was over", float("还没有解除" not in done.stdout), unit="1")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")
def test_ctrl_c_ends_the_demo_and_every_process(tmp_path: Path) -> None:
    log = tmp_path / "said"
    with log.open("wb") as out:
        demo = subprocess.Popen(
            [*TINGFENG, "demo"], stdout=out, stderr=out, env=environment(tmp_path), start_new_session=True
        )
    try:
        wait_until("the service listens", lambda: "监听中" in log.read_text(), limit_s=90)
        assert left_processes(tmp_path)
        os.killpg(demo.pid, signal.SIGINT)
        assert demo.wait(timeout=40) == 130
    finally:
        if demo.poll() is None:
            demo.kill()
    assert "Traceback" not in log.read_text()
    assert not left_processes(tmp_path)
    assert not list((tmp_path / "tmp").iterdir())
