"""Rows as compressed NDJSON, one file for each table."""

import base64
import gzip
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from storage.errors import DamagedError

__all__ = ["read_rows", "write_rows"]

_BYTES = "base64"


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows to a new file of mode 0600; return how many. Bytes become `{"base64": …}`."""
    written = 0
    with (
        os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=5, filename="", mtime=0) as file,
    ):
        for row in rows:
            line = json.dumps(row, ensure_ascii=False, separators=(",", ":"), default=_plain)
            file.write(line.encode("utf-8") + b"\n")
            written += 1
    return written


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file in their order.

    Raises:
        DamagedError: the file is missing, cut or changed.
    """
    try:
        with gzip.open(path, "rb") as file:
            for line in file:
                row = json.loads(line)
                yield {name: _value(value) for name, value in row.items()}
    except (OSError, EOFError, ValueError, AttributeError) as err:
        raise DamagedError(f"backup file {path} is damaged ({err}): take another backup", path=path) from err


def _plain(value: object) -> object:
    if isinstance(value, bytes | memoryview):
        return {_BYTES: base64.b64encode(bytes(value)).decode("ascii")}
    raise TypeError(f"no JSON form for {type(value).__name__}")


def _value(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {_BYTES}:
        return base64.b64decode(value[_BYTES])
    return value
