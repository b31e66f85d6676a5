"""Fitting a model to a new channel: a moved threshold, or weights on top of the old ones."""

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from analysis.arrays import Floats
from analysis.design import Corpus, Sizes, count_features
from analysis.fitting import calibrate, fit_heads, held_out_margins, split_views
from analysis.sentiment import Margins, SentimentModel
from analysis.weights import VIEWS, ViewWeights, Weights

__all__ = ["fit_shift", "refit_shift", "refit_weights"]

MIN_PLATFORM_LABELS: Final = 30
"""Fewer reviewed texts of a platform than this move no threshold of its own."""
SHIFT_SPREAD: Final = 2.0
"""Expected size of a shift in log-odds: a smaller value shrinks more towards the old threshold."""
SLOPE_SPREAD: Final = 0.5
"""Expected spread of the logarithm of the slope beside the shift."""


def fit_shift(log_odds: npt.NDArray[np.float64], positive: npt.NDArray[np.bool_]) -> float:
    """Find how far the verdict's threshold has to move on a new channel.

    A logistic fit of offset and slope with normal priors around "nothing moved", so that few
    labels, or labels that agree, move little (maximum a posteriori, Newton steps).

    Args:
        log_odds: (n,) log-odds of positive by the old weights.
        positive: (n,) the reviewed judgements.

    Returns:
        Log-odds to add before the sign is taken; 0.0 without labels.
    """
    offset, log_slope = 0.0, 0.0
    target = positive.astype(np.float64)
    for _ in range(50):
        slope = np.exp(log_slope)
        chance = 1 / (1 + np.exp(-np.clip(slope * log_odds + offset, -30, 30)))
        miss, weight = target - chance, chance * (1 - chance)
        inner = slope * log_odds
        gradient = np.asarray(
            [miss.sum() - offset / SHIFT_SPREAD**2, (miss * inner).sum() - log_slope / SLOPE_SPREAD**2]
        )
        curve = np.asarray(
            [
                [weight.sum() + 1 / SHIFT_SPREAD**2, (weight * inner).sum()],
                [(weight * inner).sum(), (weight * inner * inner).sum() + 1 / SLOPE_SPREAD**2],
            ]
        )
        step = np.clip(np.linalg.solve(curve, gradient), -1, 1)
        offset, log_slope = offset + step[0], log_slope + step[1]
        if np.abs(step).max() < 1e-6:
            break
    return float(offset / np.exp(log_slope))


def refit_shift(corpus: Corpus, old: Weights) -> tuple[tuple[str, float, int], ...]:
    """Refit the threshold of each platform that has enough labels, and of the rest together.

    Returns:
        (platform or `*`, log-odds to add, labels behind it), sorted by platform.
    """
    judged = np.flatnonzero(corpus.labels != 1)
    odds = _log_odds(corpus, old, judged)
    positive = corpus.labels[judged] == 2
    names = np.asarray([corpus.platforms[i] for i in judged.tolist()])
    big = [str(name) for name in np.unique(names) if name and int((names == name).sum()) >= MIN_PLATFORM_LABELS]
    shifts = [
        (name, fit_shift(odds[names == name], positive[names == name]), int((names == name).sum())) for name in big
    ]
    rest = ~np.isin(names, big)
    if int(rest.sum()) >= MIN_PLATFORM_LABELS:
        shifts.append(("*", fit_shift(odds[rest], positive[rest]), int(rest.sum())))
    return tuple(sorted(shifts))


def _log_odds(corpus: Corpus, old: Weights, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """(n_rows,) log-odds of positive by the old weights, without any earlier shift."""
    slope, offset = old.calibration.two_way[corpus.groups[rows]].T
    odds: npt.NDArray[np.float64] = slope * old_margins(corpus, old, rows).heads[:, 0] + offset
    return odds


def old_margins(corpus: Corpus, old: Weights, rows: npt.NDArray[np.int64]) -> Margins:
    """Evaluate the old heads on some rows of a corpus, in batches."""
    model = SentimentModel(weights=old)
    parts = [
        model.margins(
            [corpus.forms[i] for i in part.tolist()], [corpus.tokens[i] for i in part.tolist()], corpus.groups[part]
        )
        for part in np.array_split(rows, max(1, rows.size // 2_000))
    ]
    return Margins(
        heads=np.concatenate([part.heads for part in parts]), bayes=np.concatenate([part.bayes for part in parts])
    )


def refit_weights(corpus: Corpus, old: Weights, seed: int) -> Weights:
    """Learn new weights on top of the old ones: the old margin is one more feature.

    Calibration is refitted on held-out margins where the labels allow it; the second
    opinion and the inverse document frequencies stay.
    """
    idfs = {view: old.views[view].idf for view in VIEWS}
    emphasis = {view: old.views[view].emphasis for view in VIEWS}
    before = old_margins(corpus, old, np.arange(corpus.labels.size)).heads.astype(np.float64)
    features = replace(count_features(corpus, _sizes_of(old), idfs, emphasis), before=before)
    heads = fit_heads(features, corpus, np.ones(corpus.labels.size, dtype=bool), seed)
    added = split_views(heads, features)
    mixing = heads.mixing.astype(np.float32)
    return replace(
        old,
        bias=(old.bias @ mixing + heads.bias).astype(np.float32),
        views={view: _mixed(old.views[view], added[view], mixing) for view in VIEWS},
        calibration=calibrate(corpus, held_out_margins(features, corpus, seed), old.calibration),
        shifts={},
    )


def _sizes_of(weights: Weights) -> Sizes:
    view = weights.views["char"]
    return Sizes(
        shared=view.n_bits, group=view.n_bits - view.small_shift, bayes=int(weights.bayes.size).bit_length() - 1
    )


def _mixed(old: ViewWeights, added: ViewWeights, mixing: Floats) -> ViewWeights:
    return ViewWeights(
        idf=old.idf,
        emphasis=old.emphasis,
        shared=old.shared @ mixing + added.shared,
        by_group=old.by_group @ mixing + added.by_group,
    )
