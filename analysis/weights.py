"""The weights of the sentiment model, in memory and on disk."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from analysis.arrays import Floats, Stored, load_arrays, save_arrays
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
    "save_weights",
]

SHIPPED_MODEL: Final = Path(__file__).parent / "model"
"""Folder of the weights in this package."""
STEM: Final = "weights"

GROUPS: Final = ("review", "weibo", "forum")
"""Groups of platforms that have weights of their own beside the shared ones, in array order."""
VIEWS: Final = ("char", "word")
HEADS: Final = ("two_way", "negative", "neutral", "positive")
"""Columns of the weight matrices; two_way is positive for a positive text."""


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


def save_weights(weights: Weights, folder: Path) -> str:
    """Write the two files of a model.

    Args:
        weights: what to write; buckets that no text filled cost nothing.
        folder: made if absent; a model already there is replaced.

    Returns:
        SHA-256 of the array file, hex.
    """
    columns: dict[str, list[Floats]] = {}
    for name, view in weights.views.items():
        columns[f"{name}.idf"] = [view.idf]
        columns[f"{name}.emphasis"] = [view.emphasis]
        columns[f"{name}.shared"] = [view.shared[:, head] for head in range(len(HEADS))]
        columns[f"{name}.by_group"] = [group[:, head] for group in view.by_group[1:] for head in range(len(HEADS))]
    columns["bayes"] = [weights.bayes]
    facts = {
        "bias": weights.bias.tolist(),
        "two_way": weights.calibration.two_way.tolist(),
        "three_way": weights.calibration.three_way.tolist(),
        "bayes_prior": weights.bayes_prior,
        "bayes_unknown": weights.bayes_unknown,
        "shifts": dict(weights.shifts),
        "about": dict(weights.about),
    }
    return save_arrays(folder, STEM, columns, facts)


def load_weights(folder: Path = SHIPPED_MODEL) -> Weights:
    """Read a model after checking format, size and hash.

    Raises:
        ModelError: a file is missing, too large, damaged, or of another format.
    """
    stored = load_arrays(folder, STEM)
    try:
        return _build(stored)
    except (ValueError, KeyError, TypeError, IndexError) as err:
        raise ModelError(f"sentiment model in {folder} cannot be read: {err}") from err


def _build(stored: Stored) -> Weights:
    facts = stored.facts
    shifts, about = facts["shifts"], facts["about"]
    if not (isinstance(shifts, dict) and isinstance(about, dict)):
        raise ValueError("description has the wrong shape")
    return Weights(
        bias=_floats(facts["bias"], (len(HEADS),)),
        views={name: _build_view(name, stored) for name in VIEWS},
        calibration=Calibration(
            two_way=_floats(facts["two_way"], (len(GROUPS) + 1, 2)),
            three_way=_floats(facts["three_way"], (len(GROUPS) + 1, 5, 3)),
        ),
        bayes=stored.column("bayes"),
        bayes_prior=float(str(facts["bayes_prior"])),
        bayes_unknown=float(str(facts["bayes_unknown"])),
        shifts={str(key): float(value) for key, value in shifts.items()},
        about={str(key): str(value) for key, value in about.items()},
    )


def _floats(values: object, shape: tuple[int, ...]) -> Floats:
    array: Floats = np.asarray(values, dtype=np.float32)
    if array.shape != shape:
        raise ValueError(f"an array has shape {array.shape}, expected {shape}")
    return array


def _build_view(name: str, stored: Stored) -> ViewWeights:
    groups = stored.matrix(f"{name}.by_group")
    by_group = np.zeros((len(GROUPS) + 1, groups.shape[0], len(HEADS)), dtype=np.float32)
    for number in range(len(GROUPS)):
        by_group[number + 1] = groups[:, number * len(HEADS) : (number + 1) * len(HEADS)]
    return ViewWeights(
        idf=stored.column(f"{name}.idf"),
        emphasis=stored.column(f"{name}.emphasis"),
        shared=stored.matrix(f"{name}.shared"),
        by_group=by_group,
    )
