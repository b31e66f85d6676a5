"""Fitting of the sentiment model's heads, its calibration and its second opinion.

Linear support vector machines over TF-IDF with features copied per platform group (H.
Daumé III, "Frustratingly Easy Domain Adaptation", ACL 2007); vector scaling on margins
that were predicted for texts outside the fold they were trained on.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analysis.arrays import Floats, round_trip
from analysis.design import (
    DEFAULT_SIZES,
    GROUP_FACTOR,
    LABELS,
    Corpus,
    Features,
    Matrix,
    Sizes,
    build_design,
    count_features,
    shared_only,
    view_slices,
)
from analysis.features import BatchRows, word_buckets
from analysis.weights import GROUPS, HEADS, Calibration, ViewWeights, Weights

__all__ = [
    "Heads",
    "calibrate",
    "fit_heads",
    "fit_second_opinion",
    "fit_weights",
    "held_out_margins",
    "split_views",
]

logger = logging.getLogger(__name__)

EMPHASIS_FLOOR: Final = 0.3
C_TWO_WAY: Final = 0.15
C_THREE_WAY: Final = 0.2
N_FOLDS: Final = 4


def fit_weights(corpus: Corpus, seed: int, sizes: Sizes = DEFAULT_SIZES) -> Weights:
    """Fit a whole model from nothing.

    Args:
        corpus: at least a few hundred negative and positive texts; without neutral ones the
            three classes are derived from the two-way head.
        seed: seed of folds and solver.
        sizes: how many buckets the model gets.
    """
    features = count_features(corpus, sizes)
    heads = fit_heads(features, corpus, np.ones(corpus.labels.size, dtype=bool), seed)
    bayes, prior, unknown = fit_second_opinion(corpus, sizes)
    return Weights(
        bias=heads.bias.astype(np.float32),
        views=split_views(heads, features),
        calibration=calibrate(corpus, held_out_margins(features, corpus, seed)),
        bayes=bayes,
        bayes_prior=prior,
        bayes_unknown=unknown,
        shifts={},
        about={},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """Fitted linear heads."""

    coefficients: npt.NDArray[np.float64]
    """(n_columns, 4) over the columns of `build_design`."""
    bias: npt.NDArray[np.float64]
    """(4,) intercepts."""
    emphasis: Mapping[str, Floats]
    """(n_buckets,) factors of the two-way head, by view."""
    mixing: npt.NDArray[np.float64]
    """(4, 4) weights of older margins (rows) in each head (columns); 0 without older ones."""


def held_out_margins(features: Features, corpus: Corpus, seed: int) -> npt.NDArray[np.float64]:
    """Predict each text's margins by heads that never saw it.

    Returns:
        (2, n_texts, 4) margins with the shared weights alone, and with all.
    """
    folds = np.random.default_rng(seed).integers(0, N_FOLDS, size=corpus.labels.size)
    margins = np.zeros((2, folds.size, len(HEADS)))
    plain = build_design(features, corpus.groups)
    for fold in range(N_FOLDS):
        heads = fit_heads(features, corpus, folds != fold, seed)
        rows = np.flatnonzero(folds == fold)
        sharp = build_design(features, corpus.groups, heads.emphasis)
        base = heads.bias + (features.before[rows] @ heads.mixing if features.before is not None else 0.0)
        for number, coefficients in enumerate((shared_only(heads.coefficients, features.sizes), heads.coefficients)):
            margins[number, rows, :1] = sharp[rows] @ coefficients[:, :1]
            margins[number, rows, 1:] = plain[rows] @ coefficients[:, 1:]
            margins[number, rows] += base
        logger.info("fold fitted fold=%d of=%d", fold + 1, N_FOLDS)
    return margins


def _emphasis(counts: BatchRows, corpus: Corpus, chosen: npt.NDArray[np.bool_], n_buckets: int) -> Floats:
    """Factors by how unevenly a feature falls on negative and positive texts, around 1.

    The log-count ratio of S. Wang and C. Manning, "Baselines and Bigrams", ACL 2012, as a
    magnitude, added to a floor; rounded as it will be stored.
    """
    judged = chosen & (corpus.labels != 1) & (corpus.two_way > 0)
    cells = judged[counts.rows]
    positive = (corpus.labels == 2)[counts.rows]
    good = 1.0 + np.bincount(counts.buckets[cells & positive], minlength=n_buckets)
    bad = 1.0 + np.bincount(counts.buckets[cells & ~positive], minlength=n_buckets)
    ratio = np.abs(np.log((good / good.sum()) / (bad / bad.sum())))
    mean = np.average(ratio, weights=good + bad - 2.0)
    return round_trip((EMPHASIS_FLOOR + ratio / mean).astype(np.float32))


def fit_heads(features: Features, corpus: Corpus, chosen: npt.NDArray[np.bool_], seed: int) -> Heads:
    """Fit both heads on the chosen rows; a head that they cannot teach stays 0, or keeps old margins."""
    from scipy import sparse
    from sklearn.svm import LinearSVC

    emphasis = features.emphasis
    if emphasis is None:
        n_buckets = 1 << features.sizes.shared
        emphasis = {view: _emphasis(rows, corpus, chosen, n_buckets) for view, rows in features.counts.items()}
    n_before = 0 if features.before is None else len(HEADS)

    def fit(design: Matrix, rows: npt.NDArray[np.int64], labels: Any, weights: Any, strength: float) -> Any:
        if features.before is not None:
            design = sparse.hstack((design, sparse.csr_matrix(features.before)), format="csr")
        return LinearSVC(C=strength, random_state=seed).fit(design[rows], labels[rows], sample_weight=weights[rows])

    design = build_design(features, corpus.groups, emphasis)
    columns = np.zeros((design.shape[1] + n_before, len(HEADS)))
    bias, mixing = np.zeros(len(HEADS)), np.zeros((len(HEADS), len(HEADS)))
    rows = np.flatnonzero(chosen & (corpus.labels != 1) & (corpus.two_way > 0))
    head = fit(design, rows, corpus.labels == 2, corpus.two_way, C_TWO_WAY)
    columns[:, 0], bias[0] = head.coef_[0], head.intercept_[0]
    rows = np.flatnonzero(chosen & (corpus.three_way > 0))
    if np.unique(corpus.labels[rows]).size == len(LABELS):
        head = fit(build_design(features, corpus.groups), rows, corpus.labels, corpus.three_way, C_THREE_WAY)
        columns[:, 1:], bias[1:] = head.coef_.T, head.intercept_
    if n_before:
        mixing = columns[-n_before:]
        for number in np.flatnonzero(~columns.any(axis=0)):
            mixing[number, number] = 1.0
        columns = columns[:-n_before]
    return Heads(coefficients=columns, bias=bias, emphasis=emphasis, mixing=mixing)


def split_views(heads: Heads, features: Features) -> dict[str, ViewWeights]:
    """Cut the coefficients of a design into the weights of each view."""
    views = {}
    for view, (shared, groups) in view_slices(features.sizes).items():
        by_group = np.zeros((len(GROUPS) + 1, 1 << features.sizes.group, len(HEADS)), dtype=np.float32)
        for number, part in enumerate(groups):
            by_group[number + 1] = heads.coefficients[part] * GROUP_FACTOR
        views[view] = ViewWeights(
            idf=features.idfs[view],
            emphasis=heads.emphasis[view],
            shared=heads.coefficients[shared].astype(np.float32),
            by_group=by_group,
        )
    return views


def calibrate(corpus: Corpus, held_out: npt.NDArray[np.float64], old: Calibration | None = None) -> Calibration:
    """Fit both calibrations on held-out margins.

    Args:
        corpus: the texts.
        held_out: (2, n_texts, 4) margins with the shared weights alone, and with all.
        old: scaling of three classes to keep where the texts know no neutral ones.
    """
    sure = corpus.two_way >= 1
    two_way = np.zeros((len(GROUPS) + 1, 2), dtype=np.float32)
    three_way = np.zeros((len(GROUPS) + 1, 5, 3), dtype=np.float32)
    for group in range(len(GROUPS) + 1):
        margins = held_out[min(group, 1)]
        ours = sure if group == 0 else sure & (corpus.groups == group)
        two_way[group] = _scale_two_way(margins, corpus.labels, ours & (corpus.labels != 1), two_way[0])
        default = old.three_way[group] if old is not None else three_way[0]
        three_way[group] = _scale_three_way(margins, corpus.labels, ours & corpus.has_neutral, default, two_way[group])
    return Calibration(two_way=two_way, three_way=three_way)


def _scale_two_way(
    margins: npt.NDArray[np.float64], labels: npt.NDArray[np.int64], rows: npt.NDArray[np.bool_], default: Floats
) -> Floats:
    from sklearn.linear_model import LogisticRegression

    if np.unique(labels[rows]).size < 2:
        return default
    fitted = LogisticRegression(C=10.0).fit(margins[rows, :1], labels[rows] == 2)
    return np.asarray([fitted.coef_[0, 0], fitted.intercept_[0]], dtype=np.float32)


def _scale_three_way(
    margins: npt.NDArray[np.float64],
    labels: npt.NDArray[np.int64],
    rows: npt.NDArray[np.bool_],
    default: Floats,
    two_way: Floats,
) -> Floats:
    """Vector scaling on four margins: (5, 3), last row the offsets."""
    from sklearn.linear_model import LogisticRegression

    if np.unique(labels[rows]).size == 3:
        fitted = LogisticRegression(C=1.0, max_iter=1_000).fit(margins[rows], labels[rows])
        return np.vstack((fitted.coef_.T, fitted.intercept_)).astype(np.float32)
    if np.any(default):
        return default
    slope, offset = float(two_way[0]), float(two_way[1])
    scaling = np.zeros((5, 3), dtype=np.float32)
    scaling[0] = (-slope / 2, 0.0, slope / 2)
    scaling[4] = (-offset / 2, 0.3, offset / 2)
    return scaling


def fit_second_opinion(corpus: Corpus, sizes: Sizes) -> tuple[Floats, float, float]:
    """Train SnowNLP's Bayes class on words and pairs and export its log-odds.

    Returns:
        (2^bayes,) log-odds of positive under hashed keys, of colliding keys the commonest;
        the prior log-odds; the log-odds of an unknown word.
    """
    from snownlp.classification.bayes import Bayes

    rows = np.flatnonzero((corpus.labels != 1) & (corpus.two_way >= 1))
    lists = [_words_and_pairs(corpus.tokens[i]) for i in rows.tolist()]
    bayes = Bayes()
    bayes.train([[words, "pos" if corpus.labels[i] == 2 else "neg"] for words, i in zip(lists, rows, strict=True)])
    positive, negative = bayes.d["pos"], bayes.d["neg"]
    prior = float(np.log(positive.getsum() / negative.getsum()))
    unknown = float(np.log(positive.freq("") / negative.freq("")))
    keys = sorted(
        set(positive.samples()) | set(negative.samples()),
        key=lambda key: (positive.get(key)[1] + negative.get(key)[1], key[0], key[1] or ""),
    )
    odds = np.log([positive.freq(key) / negative.freq(key) for key in keys])
    packed = np.zeros(1 << sizes.bayes, dtype=np.float32)
    packed[word_buckets(keys, sizes.bayes)] = odds
    return packed, prior, unknown


def _words_and_pairs(words: Sequence[str]) -> set[tuple[str, str | None]]:
    """Each word and each pair of neighbours, once: the second opinion counts texts."""
    return {*((word, None) for word in words), *pairwise(words)}
