"""Screenshots that people add to mentions: checked, named by what they hold, and for the service's user alone."""

import hashlib
import os
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from service.errors import ServiceError, UsageError

__all__ = ["FOLDER", "keep_picture", "picture_of", "remove_pictures", "sweep_pictures"]

FOLDER = Path("evidence") / "manual"
"""Where they lie below data_dir."""
MOST_BYTES = 10_000_000

_NAME = re.compile(r"[0-9a-f]{32}\.(?:png|jpg|webp)")


def picture_of(path: Path) -> tuple[str, bytes]:
    """Return the name that a picture is kept under, and its bytes.

    Raises:
        UsageError: it cannot be read, is larger than 10 MB, or is neither PNG, JPEG nor WebP.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as err:
        raise UsageError(f"--screenshot {path}: cannot be read ({err.strerror})") from err
    if len(raw) > MOST_BYTES:
        raise UsageError(f"--screenshot {path}: larger than {MOST_BYTES // 1_000_000} MB; save it smaller")
    kind = _kind_of(raw)
    if kind is None:
        raise UsageError(f"--screenshot {path}: neither PNG, JPEG nor WebP; save it as one of these")
    return f"{hashlib.sha256(raw).hexdigest()[:32]}.{kind}", raw


def _kind_of(raw: bytes) -> str | None:
    if raw.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if raw.startswith(b"\xff\xd8\xff"):
        return "jpg"
    return "webp" if raw[:4] == b"RIFF" and raw[8:12] == b"WEBP" else None


def keep_picture(data_dir: Path, name: str, raw: bytes) -> None:
    """Write a picture, readable for our own user alone; one that is there is left as it is.

    Raises:
        ServiceError: it cannot be written.
    """
    folder = data_dir / FOLDER
    part = folder / f"{name}.{os.getpid()}.part"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        part.replace(folder / name)
    except OSError as err:
        raise ServiceError(f"{folder} cannot be written: {err.strerror}; free some space or change its owner") from err


def remove_pictures(data_dir: Path, names: Iterable[str]) -> int:
    """Remove pictures by their names and return how many were there; a name that is none of ours is passed over.

    Raises:
        ServiceError: one cannot be removed.
    """
    removed = 0
    for name in sorted({name for name in names if _NAME.fullmatch(name)}):
        path = data_dir / FOLDER / name
        try:
            path.unlink()
            removed += 1
        except FileNotFoundError:
            continue
        except OSError as err:
            raise ServiceError(f"{path} cannot be removed: {err.strerror}; remove it yourself") from err
    return removed


def sweep_pictures(data_dir: Path, *, now: datetime, age: timedelta) -> int:
    """Remove pictures that were added longer ago than mentions are kept; return how many."""
    oldest = (now - age).timestamp()
    folder = data_dir / FOLDER
    old = [path for path in folder.glob("*") if path.is_file() and path.lstat().st_mtime < oldest]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)
