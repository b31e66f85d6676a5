"""The matrices that the sentiment model's heads are fitted on.

Features are copied per platform group (H. Daumé III, "Frustratingly Easy Domain
Adaptation", ACL 2007): shared columns, and columns of each group.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analysis.arrays import Floats, round_trip
from analysis.features import BatchRows, count_characters, count_words, row_sums
from analysis.labels import LabelledText
from analysis.normalise import model_form
from analysis.segment import Segmenter
from analysis.sentiment import group_of
from analysis.weights import GROUPS, VIEWS
from domain.tagging import Polarity

__all__ = [
    "DEFAULT_SIZES",
    "GROUP_FACTOR",
    "LABELS",
    "Corpus",
    "Features",
    "Matrix",
    "Sizes",
    "build_design",
    "count_features",
    "prepare",
    "shared_only",
    "view_slices",
]

GROUP_FACTOR: Final = 0.6
"""Length of the copied features of a group, next to the shared ones of length 1."""
_BATCH: Final = 4_000
LABELS: Final = (Polarity.NEGATIVE, Polarity.NEUTRAL, Polarity.POSITIVE)

Matrix = Any
"""A scipy sparse matrix in CSR form, float32; scipy carries no types."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How many buckets a model has, as log2."""

    shared: int = 19
    """Buckets of the shared weights, 10 to 24."""
    group: int = 18
    """Buckets of the weights of each platform group, at most `shared`."""
    bayes: int = 18
    """Buckets of the second opinion, at most `shared`."""


DEFAULT_SIZES: Final = Sizes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Labelled texts, normalised and cut."""

    forms: Sequence[str]
    """Texts in model form."""
    tokens: Sequence[Sequence[str]]
    """Words of each form."""
    platforms: Sequence[str]
    """Platform of each text."""
    groups: npt.NDArray[np.int64]
    """(n,) group numbers as by `sentiment.group_of`."""
    labels: npt.NDArray[np.int64]
    """(n,) 0 negative, 1 neutral, 2 positive."""
    two_way: npt.NDArray[np.float64]
    """(n,) weight of each row in the two-way head."""
    three_way: npt.NDArray[np.float64]
    """(n,) weight of each row in the three-way head."""
    has_neutral: npt.NDArray[np.bool_]
    """(n,) whether the row's set knows neutral texts at all."""


def prepare(texts: Sequence[LabelledText], segmenter: Segmenter) -> Corpus:
    """Normalise and cut labelled texts, in order."""
    forms = [model_form(row.text) for row in texts]
    with_neutral = {row.source for row in texts if row.polarity is Polarity.NEUTRAL}
    return Corpus(
        forms=forms,
        tokens=[segmenter.cut(form) for form in forms],
        platforms=[row.platform for row in texts],
        groups=np.asarray([group_of(row.platform) for row in texts], dtype=np.int64),
        labels=np.asarray([LABELS.index(row.polarity) for row in texts], dtype=np.int64),
        two_way=np.asarray([row.two_way for row in texts]),
        three_way=np.asarray([row.three_way for row in texts]),
        has_neutral=np.asarray([row.source in with_neutral for row in texts]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """Counted features of a corpus."""

    sizes: Sizes
    """How many buckets they were counted into."""
    counts: Mapping[str, BatchRows]
    """Rows of the corpus, by view."""
    idfs: Mapping[str, Floats]
    """(n_buckets,) inverse document frequencies, by view."""
    emphasis: Mapping[str, Floats] | None = None
    """(n_buckets,) factors of the two-way head, by view; None = learnt from each fold."""
    before: npt.NDArray[np.float64] | None = None
    """(n_texts, 4) margins of older weights, to learn on top of; None = from nothing."""


def count_features(
    corpus: Corpus,
    sizes: Sizes = DEFAULT_SIZES,
    idfs: Mapping[str, Floats] | None = None,
    emphasis: Mapping[str, Floats] | None = None,
) -> Features:
    """Count the features of a corpus; frequencies and factors from it unless given."""
    counts = {"char": _count("char", corpus.forms, sizes), "word": _count("word", corpus.tokens, sizes)}
    return Features(
        sizes=sizes,
        counts=counts,
        idfs=idfs or {view: _idf(rows, sizes) for view, rows in counts.items()},
        emphasis=emphasis,
    )


def build_design(
    features: Features, groups: npt.NDArray[np.int64], emphasis: Mapping[str, Floats] | None = None
) -> Matrix:
    """Build the matrix that a head is fitted on.

    Args:
        features: counted features.
        groups: (n_texts,) group numbers.
        emphasis: factors on the features before they are brought to length 1; None = none.

    Returns:
        (n_texts, 2 · (n_shared + 3 · n_small)) CSR matrix, char view first, in each view the
        shared columns and then those of each group.
    """
    from scipy import sparse

    sizes = features.sizes
    blocks: list[Matrix] = []
    for view, counts in features.counts.items():
        factors = features.idfs[view] * emphasis[view] if emphasis is not None else features.idfs[view]
        scaled = _unit_length(counts, factors)
        shared = sparse.csr_matrix(
            (scaled, counts.buckets, counts.indptr), shape=(groups.size, 1 << sizes.shared), dtype=np.float32
        )
        small = sparse.csr_matrix(
            (scaled * np.float32(GROUP_FACTOR), counts.buckets >> (sizes.shared - sizes.group), counts.indptr),
            shape=(groups.size, 1 << sizes.group),
            dtype=np.float32,
        )
        small.sum_duplicates()
        chosen = [sparse.diags((groups == 1 + group).astype(np.float32)) @ small for group in range(len(GROUPS))]
        blocks += [shared, *chosen]
    return sparse.hstack(blocks, format="csr", dtype=np.float32)


def _count(view: str, texts: Sequence[Any], sizes: Sizes) -> BatchRows:
    count = count_characters if view == "char" else count_words
    parts = [count(texts[start : start + _BATCH], sizes.shared) for start in range(0, len(texts), _BATCH)]
    starts = np.cumsum([0] + [part.buckets.size for part in parts])
    indptr = [part.indptr[:-1] + start for part, start in zip(parts, starts, strict=False)]
    return BatchRows(
        indptr=np.concatenate([*indptr, starts[-1:]]),
        rows=np.concatenate([part.rows + _BATCH * number for number, part in enumerate(parts)]),
        buckets=np.concatenate([part.buckets for part in parts]),
        values=np.concatenate([part.values for part in parts]),
    )


def _idf(counts: BatchRows, sizes: Sizes) -> Floats:
    """Smoothed inverse document frequency, rounded as it will be stored."""
    n_texts = counts.indptr.size - 1
    seen_in = np.bincount(counts.buckets, minlength=1 << sizes.shared)
    return round_trip((np.log((1 + n_texts) / (1 + seen_in)) + 1).astype(np.float32))


def _unit_length(counts: BatchRows, idf: Floats) -> Floats:
    cells = counts.values * idf[counts.buckets]
    lengths = np.sqrt(row_sums(cells * cells, counts.indptr))
    lengths[lengths == 0] = 1.0
    scaled = (cells / lengths[counts.rows]).astype(np.float32)
    return scaled


def view_slices(sizes: Sizes) -> dict[str, tuple[slice, list[slice]]]:
    """Columns of each view in the design: the shared ones, and those of each group."""
    n_shared, n_small = 1 << sizes.shared, 1 << sizes.group
    width = n_shared + len(GROUPS) * n_small
    slices = {}
    for number, view in enumerate(VIEWS):
        start = number * width
        small = [start + n_shared + g * n_small for g in range(len(GROUPS))]
        slices[view] = (slice(start, start + n_shared), [slice(at, at + n_small) for at in small])
    return slices


def shared_only(coefficients: npt.NDArray[np.float64], sizes: Sizes) -> npt.NDArray[np.float64]:
    """Return the coefficients with those of every group set to 0, same shape."""
    masked = coefficients.copy()
    for _, groups in view_slices(sizes).values():
        for part in groups:
            masked[part] = 0
    return masked
