"""The weight file: arrays and JSON, eight bits a weight, checked by size and hash.

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

__all__ = [
    "GROUPS",
    "HEADS",
    "SHIPPED_MODEL",
    "VIEWS",
    "Calibration",
    "ViewWeights",
    "Weights",
    "load_weights",
    "round_trip",
    "save_weights",
]

SHIPPED_MODEL: Final = Path(__file__).parent / "model"
"""Folder of the weights in this package."""
FORMAT: Final = 1
ARRAYS_FILE: Final = "weights.npz"
META_FILE: Final = "model.json"
MAX_BYTES: Final = 64_000_000
"""A larger file is refused before it is read."""

GROUPS: Final = ("review", "weibo", "forum")
"""Groups of platforms that have weights of their own beside the shared ones, in array order."""
VIEWS: Final = ("char", "word")
HEADS: Final = ("two_way", "negative", "neutral", "positive")
"""Columns of the weight matrices; two_way is positive for a positive text."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewWeights:
    """Weights over one kind of features."""

    idf: Floats
    """(n_buckets,) inverse document frequency, > 0."""
    emphasis: Floats
    """(n_buckets,) further factor on the features of the two-way head, > 0."""
    shared: Floats
    """(n_buckets, 4) weights for every platform, columns as `HEADS`."""
    by_group: Floats
    """(4, n_small, 4) weights added for a platform group; row 0 is the unknown group, all 0."""

    @property
    def n_bits(self) -> int:
        """Log2 of the number of buckets."""
        return int(self.idf.size).bit_length() - 1

    @property
    def small_shift(self) -> int:
        """How many low bits of a bucket number the group weights ignore."""
        return self.n_bits - (int(self.by_group.shape[1]).bit_length() - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """From margins to probabilities; first axis: unknown group, then `GROUPS`."""

    two_way: Floats
    """(4, 2) slope and offset: log-odds of positive = slope · margin + offset."""
    three_way: Floats
    """(4, 5, 3) rows: two-way, negative, neutral, positive margin, offset; columns: classes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Everything the sentiment model needs."""

    bias: Floats
    """(4,) intercepts, as `HEADS`."""
    views: Mapping[str, ViewWeights]
    """Weights by view, keys as `VIEWS`."""
    calibration: Calibration
    """From margins to probabilities."""
    bayes: Floats
    """(n_words,) log-odds of positive under hashed words and pairs, 0 = never seen."""
    bayes_prior: float
    """Log-odds of positive before the first word."""
    bayes_unknown: float
    """Log-odds of a word that was never seen."""
    shifts: Mapping[str, float]
    """Log-odds added to the two-way verdict: key platform, or `*`; from reviewed labels."""
    about: Mapping[str, str]
    """What the card says: name, seed, training sets; text only."""


def _pack(values: Floats) -> tuple[npt.NDArray[np.int8], float]:
    """Pack floats into 8 bits on a square-root scale; the largest value stays exact."""
    top = float(np.abs(values).max(initial=0.0))
    if top == 0.0:
        return np.zeros(values.shape, dtype=np.int8), 0.0
    steps = np.rint(np.sqrt(np.abs(values) / np.float32(top)) * 127)
    return (np.sign(values) * steps).astype(np.int8), top


def _unpack(packed: npt.NDArray[np.int8], top: float) -> Floats:
    """Undo `_pack`."""
    steps = np.arange(256, dtype=np.uint8).view(np.int8).astype(np.float32) / 127
    table = (np.sign(steps) * steps * steps * top).astype(np.float32)
    return table[packed.view(np.uint8)]


def round_trip(values: Floats) -> Floats:
    """Return values as they will read after storing, so that training can use the same."""
    return _unpack(*_pack(values))


def save_weights(weights: Weights, folder: Path) -> str:
    """Write the two files of a model.

    Args:
        weights: what to write; buckets that no text filled cost nothing.
        folder: made if absent; a model already there is replaced.

    Returns:
        SHA-256 of the array file, hex.
    """
    arrays: dict[str, npt.NDArray[np.int8]] = {}
    tops: dict[str, list[float]] = {}

    def put(name: str, columns: list[Floats]) -> None:
        packed = [_pack(column) for column in columns]
        arrays[name] = np.stack([values for values, _ in packed])
        tops[name] = [top for _, top in packed]

    for name, view in weights.views.items():
        put(f"{name}.idf", [view.idf])
        put(f"{name}.emphasis", [view.emphasis])
        put(f"{name}.shared", [view.shared[:, head] for head in range(len(HEADS))])
        put(f"{name}.by_group", [group[:, head] for group in view.by_group[1:] for head in range(len(HEADS))])
    put("bayes", [weights.bayes])
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    payload = buffer.getvalue()
    meta = {
        "format": FORMAT,
        "arrays": {"file": ARRAYS_FILE, "bytes": len(payload), "sha256": hashlib.sha256(payload).hexdigest()},
        "tops": tops,
        "bias": weights.bias.tolist(),
        "two_way": weights.calibration.two_way.tolist(),
        "three_way": weights.calibration.three_way.tolist(),
        "bayes_prior": weights.bayes_prior,
        "bayes_unknown": weights.bayes_unknown,
        "shifts": dict(weights.shifts),
        "about": dict(weights.about),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ARRAYS_FILE).write_bytes(payload)
    (folder / META_FILE).write_text(json.dumps(meta, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return hashlib.sha256(payload).hexdigest()


def load_weights(folder: Path = SHIPPED_MODEL) -> Weights:
    """Read a model after checking format, size and hash.

    Raises:
        ModelError: a file is missing, too large, damaged, or of another format.
    """
    try:
        meta = json.loads((folder / META_FILE).read_text(encoding="utf-8"))
        payload = _checked_payload(folder, meta)
        with np.load(io.BytesIO(payload), allow_pickle=False) as arrays:
            return _build(meta, {name: arrays[name] for name in arrays.files})
    except FileNotFoundError as err:
        raise ModelError(f"sentiment model: {err.filename} is missing; run `tingfeng train`") from err
    except (OSError, ValueError, KeyError, TypeError, IndexError, zipfile.BadZipFile) as err:
        raise ModelError(f"sentiment model in {folder} cannot be read: {err}") from err


def _checked_payload(folder: Path, meta: dict[str, object]) -> bytes:
    if meta.get("format") != FORMAT:
        raise ModelError(f"sentiment model in {folder}: format {meta.get('format')!r}, this version reads {FORMAT}")
    stated = meta["arrays"]
    if not isinstance(stated, dict):
        raise ModelError(f"sentiment model in {folder}: no description of its arrays")
    path = folder / ARRAYS_FILE
    size_bytes = path.stat().st_size
    if size_bytes > MAX_BYTES or size_bytes != stated["bytes"]:
        raise ModelError(f"sentiment model: {path} has {size_bytes} bytes, the card says {stated['bytes']}")
    payload = path.read_bytes()
    if hashlib.sha256(payload).hexdigest() != stated["sha256"]:
        raise ModelError(f"sentiment model: {path} is damaged (hash differs)")
    return payload


def _build(meta: dict[str, object], packed: dict[str, npt.NDArray[np.int8]]) -> Weights:
    tops = meta["tops"]
    shifts, about = meta["shifts"], meta["about"]
    if not (isinstance(tops, dict) and isinstance(shifts, dict) and isinstance(about, dict)):
        raise ValueError("description has the wrong shape")
    views = {name: _build_view(name, packed, tops) for name in VIEWS}
    return Weights(
        bias=_floats(meta["bias"], (len(HEADS),)),
        views=views,
        calibration=Calibration(
            two_way=_floats(meta["two_way"], (len(GROUPS) + 1, 2)),
            three_way=_floats(meta["three_way"], (len(GROUPS) + 1, 5, 3)),
        ),
        bayes=_unpack(packed["bayes"][0], tops["bayes"][0]),
        bayes_prior=float(str(meta["bayes_prior"])),
        bayes_unknown=float(str(meta["bayes_unknown"])),
        shifts={str(key): float(value) for key, value in shifts.items()},
        about={str(key): str(value) for key, value in about.items()},
    )


def _floats(values: object, shape: tuple[int, ...]) -> Floats:
    array: Floats = np.asarray(values, dtype=np.float32)
    if array.shape != shape:
        raise ValueError(f"an array has shape {array.shape}, expected {shape}")
    return array


def _build_view(name: str, packed: dict[str, npt.NDArray[np.int8]], tops: dict[str, list[float]]) -> ViewWeights:
    shared = _columns(packed[f"{name}.shared"], tops[f"{name}.shared"])
    groups = packed[f"{name}.by_group"]
    n_heads = len(HEADS)
    by_group = np.zeros((len(GROUPS) + 1, groups.shape[1], n_heads), dtype=np.float32)
    for number in range(len(GROUPS)):
        part = slice(number * n_heads, (number + 1) * n_heads)
        by_group[number + 1] = _columns(groups[part], tops[f"{name}.by_group"][part])
    return ViewWeights(
        idf=_unpack(packed[f"{name}.idf"][0], tops[f"{name}.idf"][0]),
        emphasis=_unpack(packed[f"{name}.emphasis"][0], tops[f"{name}.emphasis"][0]),
        shared=shared,
        by_group=by_group,
    )


def _columns(packed: npt.NDArray[np.int8], tops: list[float]) -> Floats:
    """(n_buckets, n_heads) floats from (n_heads, n_buckets) packed ones."""
    turned = np.ascontiguousarray(packed.T)
    columns = _unpack(turned, 1.0)
    columns *= np.asarray(tops, dtype=np.float32)
    return columns
