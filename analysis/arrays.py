"""Files of weights: arrays and JSON, eight bits a weight, checked by size and hash.

Nothing here can run code: arrays are read with pickle refused, the rest is JSON.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from analysis.errors import ModelError

__all__ = ["Floats", "Stored", "load_arrays", "round_trip", "save_arrays"]

FORMAT: Final = 1
MAX_BYTES: Final = 64_000_000
"""A larger file is refused before it is read."""

Floats = npt.NDArray[np.float32]
Packed = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What a pair of files held."""

    facts: Mapping[str, object]
    """The JSON part, as read."""
    packed: Mapping[str, Packed]
    """(n_columns, n) packed columns, by name."""
    tops: Mapping[str, list[float]]
    """Largest magnitude of each column, by name."""

    def column(self, name: str) -> Floats:
        """Return the first column of an array, (n,)."""
        return _unpack(self.packed[name][0], self.tops[name][0])

    def matrix(self, name: str) -> Floats:
        """Return an array with its columns side by side, (n, n_columns), C order."""
        columns = _unpack(np.ascontiguousarray(self.packed[name].T), 1.0)
        columns *= np.asarray(self.tops[name], dtype=np.float32)
        return columns


def _pack(values: Floats) -> tuple[Packed, float]:
    """Pack floats into 8 bits on a square-root scale; the largest value stays exact."""
    top = float(np.abs(values).max(initial=0.0))
    if top == 0.0:
        return np.zeros(values.shape, dtype=np.int8), 0.0
    steps = np.rint(np.sqrt(np.abs(values) / np.float32(top)) * 127)
    return (np.sign(values) * steps).astype(np.int8), top


def _unpack(packed: Packed, top: float) -> Floats:
    """Undo `_pack`."""
    steps = np.arange(256, dtype=np.uint8).view(np.int8).astype(np.float32) / 127
    table = (np.sign(steps) * steps * steps * top).astype(np.float32)
    return table[packed.view(np.uint8)]


def round_trip(values: Floats) -> Floats:
    """Return values as they will read after storing, so that training can use the same."""
    return _unpack(*_pack(values))


def save_arrays(folder: Path, stem: str, columns: Mapping[str, list[Floats]], facts: Mapping[str, object]) -> str:
    """Write `<stem>.npz` and `<stem>.json`.

    Args:
        folder: made if absent; files already there are replaced.
        stem: name of the pair.
        columns: columns of equal length by array name; the order given is that of the file.
        facts: further values for the JSON part.

    Returns:
        SHA-256 of the array file, hex.
    """
    pairs = {name: [_pack(column) for column in columns[name]] for name in columns}
    arrays = {name: np.stack([values for values, _ in packed]) for name, packed in pairs.items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    payload = buffer.getvalue()
    sha256 = hashlib.sha256(payload).hexdigest()
    meta = {
        "format": FORMAT,
        "arrays": {"file": f"{stem}.npz", "bytes": len(payload), "sha256": sha256},
        "tops": {name: [top for _, top in packed] for name, packed in pairs.items()},
        "facts": dict(facts),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{stem}.npz").write_bytes(payload)
    (folder / f"{stem}.json").write_text(json.dumps(meta, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return sha256


def load_arrays(folder: Path, stem: str) -> Stored:
    """Read a pair of files after checking format, size and hash.

    Raises:
        ModelError: a file is missing, too large, damaged, or of another format.
    """
    try:
        meta = json.loads((folder / f"{stem}.json").read_text(encoding="utf-8"))
        payload = _checked_payload(folder / f"{stem}.npz", meta)
        with np.load(io.BytesIO(payload), allow_pickle=False) as arrays:
            packed = {name: np.asarray(arrays[name], dtype=np.int8) for name in arrays.files}
        tops = {str(name): [float(top) for top in values] for name, values in meta["tops"].items()}
        return Stored(facts=dict(meta["facts"]), packed=packed, tops=tops)
    except FileNotFoundError as err:
        raise ModelError(f"sentiment model: {err.filename} is missing; run `tingfeng train`") from err
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as err:
        raise ModelError(f"sentiment model in {folder} cannot be read: {err}") from err


def _checked_payload(path: Path, meta: Mapping[str, object]) -> bytes:
    if meta.get("format") != FORMAT:
        raise ModelError(f"sentiment model {path}: format {meta.get('format')!r}, this version reads {FORMAT}")
    stated = meta["arrays"]
    if not isinstance(stated, dict):
        raise ModelError(f"sentiment model {path}: its JSON does not describe it")
    size_bytes = path.stat().st_size
    if size_bytes > MAX_BYTES or size_bytes != stated["bytes"]:
        raise ModelError(f"sentiment model {path}: {size_bytes} bytes, its JSON says {stated['bytes']}")
    payload = path.read_bytes()
    if hashlib.sha256(payload).hexdigest() != stated["sha256"]:
        raise ModelError(f"sentiment model {path}: damaged (hash differs)")
    return payload
