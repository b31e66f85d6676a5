"""Training of the news model from texts that were judged for one name each."""

import importlib.metadata
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import numpy as np
import numpy.typing as npt

from analysis.arrays import Floats, round_trip
from analysis.errors import LabelError
from analysis.features import count_characters
from analysis.labels import TargetText, read_targets
from analysis.model_card import write_news_card
from analysis.news import N_PARTS, NewsJudge, NewsParts, NewsWeights, news_cells, news_parts, save_news
from analysis.normalise import fold_text
from analysis.report import TrainReport

__all__ = ["train_news"]

logger = logging.getLogger(__name__)

NEWS_BITS: Final = 16
C_NEWS: Final = 1.0
N_FOLDS: Final = 5
MIN_NEWS_LABELS: Final = 500
"""Fewer judged texts than this cannot carry the model."""


def train_news(labels: Path, *, out: Path, seed: int, command: str = "", n_bits: int = NEWS_BITS) -> TrainReport:
    """Train from a file of texts with names and write weights and card; never text.

    Args:
        labels: file for `labels.read_targets`.
        out: folder of the model; the sentiment weights in it are left alone.
        seed: seed of the solver.
        command: the command as typed, for the card.
        n_bits: log2 of the number of buckets of each part.

    Raises:
        LabelError: the file cannot be used, or holds too few texts.
    """
    texts = read_targets(labels)
    bad = np.asarray([row.bad for row in texts])
    if len(texts) < MIN_NEWS_LABELS or np.unique(bad).size < 2:
        raise LabelError(f"{labels}: at least {MIN_NEWS_LABELS} judged texts of both kinds are needed")
    parts = [news_parts(row.text, places_of(row.text, row.target)) for row in texts]
    news = _fit(texts, parts, bad, seed, n_bits)
    about = {
        "seed": str(seed),
        "command": command,
        "texts": str(len(texts)),
        "sets": ", ".join(sorted({row.source for row in texts})),
        "version": importlib.metadata.version("tingfeng"),
        "scikit-learn": importlib.metadata.version("scikit-learn"),
    }
    sha256 = save_news(news, out, about)
    write_news_card(out, about, sha256)
    verdicts = np.asarray(NewsJudge(out).p_bad(parts)) >= 0.5
    accuracy = float(np.mean(verdicts == bad))
    logger.info("news model trained labels=%d after=%.4f", len(texts), accuracy)
    return TrainReport(
        mode="news",
        n_labels=len(texts),
        shifts=(),
        accuracy_before=None,
        accuracy_after=accuracy,
        sha256=sha256,
        folder=out,
    )


def places_of(text: str, name: str) -> list[tuple[int, int]]:
    """Return where a name stands in a text, case, width and script folded; in order."""
    folded, wanted = fold_text(text), fold_text(name).strip()
    places: list[tuple[int, int]] = []
    at = folded.find(wanted) if wanted else -1
    while at >= 0:
        places.append((at, at + len(wanted)))
        at = folded.find(wanted, at + len(wanted))
    return places


def _fit(
    texts: Sequence[TargetText], parts: Sequence[NewsParts], bad: npt.NDArray[np.bool_], seed: int, n_bits: int
) -> NewsWeights:
    """Fit weights on all texts, and their calibration on margins from outside each fold.

    All rows of one text fall into one fold, so that no text is judged by itself.
    """
    from scipy import sparse
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    blocks: list[Any] = []
    idfs: list[Floats] = []
    for number in range(N_PARTS):
        rows = count_characters([part[number] for part in parts], n_bits)
        seen_in = np.bincount(rows.buckets, minlength=1 << n_bits)
        idfs.append(round_trip((np.log((1 + len(parts)) / (1 + seen_in)) + 1).astype(np.float32)))
        cells = news_cells(rows, idfs[-1])
        blocks.append(sparse.csr_matrix((cells, rows.buckets, rows.indptr), shape=(len(parts), 1 << n_bits)))
    design = sparse.hstack(blocks, format="csr")
    folds = np.asarray([crc32(row.text.encode("utf-8", "replace")) % N_FOLDS for row in texts])
    margins = np.zeros(len(parts))
    for fold in range(N_FOLDS):
        inside = folds == fold
        head = LinearSVC(C=C_NEWS, random_state=seed).fit(design[~inside], bad[~inside])
        margins[inside] = head.decision_function(design[inside])
    scaling = LogisticRegression(C=10.0).fit(margins[:, None], bad)
    head = LinearSVC(C=C_NEWS, random_state=seed).fit(design, bad)
    return NewsWeights(
        idf=np.stack(idfs),
        weights=head.coef_.reshape(N_PARTS, -1).astype(np.float32),
        bias=float(head.intercept_[0]),
        slope=float(scaling.coef_[0, 0]),
        offset=float(scaling.intercept_[0]),
    )
