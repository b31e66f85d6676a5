import io
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.logs import kept_logging


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


Cli = Callable[..., Ran]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Cli]:
    """Run `tingfeng ARGS` in this process, in an empty folder; standard input is given as text."""
    from service.cli import main

    umask = os.umask(0o022)
    monkeypatch.chdir(tmp_path)

    def run(*args: str, stdin: str = "") -> Ran:
        monkeypatch.setattr(sys, "argv", ["tingfeng", *args])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    with kept_logging():
        yield run
    os.umask(umask)


CONFIG = """\
data_dir: data
brands:
  - {id: yunshan, name: 云杉咖啡, query: '云杉咖啡 or 云杉 NEAR/10 咖啡'}
sources:
  - {platform: feed, name: news, url: "https://news.example.cn/rss"}
healthz: {port: 0}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "tingfeng.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


@pytest.fixture
def repo() -> Path:
    return Path(__file__).resolve().parents[2]
