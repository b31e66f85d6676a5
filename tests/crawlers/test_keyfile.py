import asyncio
import logging
import os
from pathlib import Path

import pytest

from crawlers import keyfile
from crawlers.keyfile import KeyFiles
from domain.secret import Secret


def write(path: Path, text: str | bytes, at: int) -> None:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    os.utime(path, ns=(at, at))


async def test_changed_file_is_taken_without_a_restart(tmp_path: Path) -> None:
    path, files = tmp_path / "cookie", KeyFiles()
    write(path, "SUB=old\n", 1)
    secret = Secret("SUB=old", path)
    assert await files.current(secret) == "SUB=old"
    write(path, "SUB=new\n", 2)
    assert await files.current(secret) == "SUB=new"
    assert await files.current(Secret("inline")) == "inline"


@pytest.mark.parametrize("bad", ["", "  \n", b"\xff\xfe\x00", "x" * 70_000, None])
async def test_unusable_file_leaves_the_one_before(
    tmp_path: Path, bad: str | bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    path, files = tmp_path / "cookie", KeyFiles()
    write(path, "SUB=first", 1)
    secret = Secret("SUB=at-the-start", path)
    assert await files.current(secret) == "SUB=first"
    if bad is None:
        path.unlink()
    else:
        write(path, bad, 2)
    with caplog.at_level(logging.INFO, "crawlers.keyfile"):
        assert [await files.current(secret) for _ in range(3)] == ["SUB=first"] * 3
    assert len(caplog.records) == 1
    assert "SUB" not in caplog.text
    write(path, "SUB=last", 3)
    assert await files.current(secret) == "SUB=last"


async def test_file_that_never_held_one_leaves_that_of_the_settings(tmp_path: Path) -> None:
    assert await KeyFiles().current(Secret("SUB=start", tmp_path / "none")) == "SUB=start"


async def test_many_visits_read_a_changed_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, files = tmp_path / "cookie", KeyFiles()
    write(path, "SUB=a", 1)
    reads: list[Path] = []
    real = Path.read_bytes

    def counted(self: Path) -> bytes:
        reads.append(self)
        return real(self)

    monkeypatch.setattr(keyfile.Path, "read_bytes", counted)
    got = await asyncio.gather(*(files.current(Secret("SUB=0", path)) for _ in range(20)))
    assert (set(got), reads) == ({"SUB=a"}, [path])
