import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.errors import UsageError
from service.pictures import FOLDER, MOST_BYTES, keep_picture, picture_of, remove_pictures, sweep_pictures

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
NOW = datetime(2026, 6, 20, 8, tzinfo=UTC)


def kept(folder: Path, raw: bytes = PNG) -> str:
    (folder / "shot").write_bytes(raw)
    name, content = picture_of(folder / "shot")
    keep_picture(folder / "data", name, content)
    return name


@pytest.mark.parametrize(
    ("raw", "ending"), [(PNG, ".png"), (b"\xff\xd8\xff\xe0x", ".jpg"), (b"RIFF\x10\0\0\0WEBPVP8 ", ".webp")]
)
def test_a_picture_is_kept_for_ourselves_alone_under_a_name_of_ours(tmp_path: Path, raw: bytes, ending: str) -> None:
    name = kept(tmp_path, raw)
    path = tmp_path / "data" / FOLDER / name
    assert name.endswith(ending) and "shot" not in name and path.read_bytes() == raw
    assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700
    assert kept(tmp_path, raw) == name and len(list(path.parent.iterdir())) == 1


@pytest.mark.parametrize("raw", [b"", b"<svg onload=alert(1)>", b"GIF89a", b"RIFF\0\0\0\0WAVE", b"%PDF-1.7", b"PNG"])
def test_what_is_no_picture_is_refused(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "shot.png").write_bytes(raw)
    with pytest.raises(UsageError, match="neither PNG, JPEG nor WebP"):
        picture_of(tmp_path / "shot.png")


def test_what_is_too_large_or_missing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "big.png").write_bytes(PNG + b"\0" * MOST_BYTES)
    with pytest.raises(UsageError, match="larger than 10 MB"):
        picture_of(tmp_path / "big.png")
    with pytest.raises(UsageError, match="cannot be read"):
        picture_of(tmp_path / "none.png")


def test_only_names_of_ours_are_removed(tmp_path: Path) -> None:
    name = kept(tmp_path)
    outside = tmp_path / "data" / "state.db"
    outside.write_text("x")
    assert remove_pictures(tmp_path / "data", ["../../state.db", "/etc/passwd", f"{FOLDER}/{name}", ""]) == 0
    assert outside.exists() and remove_pictures(tmp_path / "data", [name, name]) == 1
    assert remove_pictures(tmp_path / "data", [name]) == 0


def test_old_pictures_go_when_mentions_go(tmp_path: Path) -> None:
    name = kept(tmp_path)
    path = tmp_path / "data" / FOLDER / name
    at = (NOW - timedelta(days=10)).timestamp()
    os.utime(path, (at, at))
    assert sweep_pictures(tmp_path / "data", now=NOW, age=timedelta(days=11)) == 0 and path.exists()
    assert sweep_pictures(tmp_path / "data", now=NOW, age=timedelta(days=9)) == 1 and not path.exists()
    assert sweep_pictures(tmp_path / "none", now=NOW, age=timedelta(days=9)) == 0
