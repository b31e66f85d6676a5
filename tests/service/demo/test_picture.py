import subprocess
from pathlib import Path

import pytest

from service.demo.picture import find_browser, has_chinese_font, take_picture
from service.errors import ServiceError


def fake(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_the_first_browser_there_is_taken() -> None:
    assert find_browser({"google-chrome": "/opt/chrome"}.get) == "/opt/chrome"


def test_no_browser_names_the_package() -> None:
    with pytest.raises(ServiceError, match="apt-get install -y chromium"):
        find_browser(lambda name: None)


def test_where_nobody_lists_fonts_they_are_taken_for_there() -> None:
    assert has_chinese_font(lambda name: None)


def test_a_missing_font_names_the_package(path: Path) -> None:
    fake(path, "chromium", "exit 0")
    fake(path, "fc-list", "exit 0")
    with pytest.raises(ServiceError, match="fonts-noto-cjk"):
        take_picture("http://127.0.0.1:9/", path / "page.png")


def test_no_picture_is_an_error_with_the_browsers_words(path: Path) -> None:
    fake(path, "chromium", "echo cannot draw >&2")
    fake(path, "fc-list", "echo Noto Sans CJK SC")
    with pytest.raises(ServiceError, match="cannot draw"):
        take_picture("http://127.0.0.1:9/", path / "page.png")


def test_a_browser_that_cannot_run_is_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(path, "fc-list", "echo Noto Sans CJK SC")
    (path / "chromium").write_text("not a program")
    (path / "chromium").chmod(0o755)

    def refuse(*args: object, **kwargs: object) -> None:
        if "fc-list" not in str(args):
            raise OSError("exec format error")

    original = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: refuse(*args) or original(*args, **kwargs))
    with pytest.raises(ServiceError, match="exec format error"):
        take_picture("http://127.0.0.1:9/", path / "page.png")


def test_a_picture_replaces_an_old_one(path: Path) -> None:
    script = 'for a in "$@"; do case $a in --screenshot=*) echo new > "${a#--screenshot=}";; esac; done'
    fake(path, "chromium", script)
    fake(path, "fc-list", "echo Noto Sans CJK SC")
    (path / "page.png").write_text("old")
    take_picture("http://127.0.0.1:9/", path / "page.png")
    assert (path / "page.png").read_text() == "new\n"
