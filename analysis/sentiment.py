"""The sentiment model: two heads over hashed characters and words, calibrated.

Two-way head: `score`, whose sign is the verdict. Three-way head with vector scaling:
polarity, P(negative), confidence. A Bayes second opinion marks what is uncertain.
Design: contract page on text analysis, section 1; group weights after H. Daumé III,
"Frustratingly Easy Domain Adaptation", ACL 2007.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from analysis.arrays import Floats
from analysis.features import BatchRows, count_characters, count_words, row_sums
from analysis.normalise import model_form
from analysis.segment import Segmenter
from analysis.weights import GROUPS, SHIPPED_MODEL, VIEWS, ViewWeights, Weights, load_weights
from domain.tagging import Polarity, Sentiment

__all__ = ["Margins", "SentimentModel", "group_of"]

_POLARITIES: Final = (Polarity.NEGATIVE, Polarity.NEUTRAL, Polarity.POSITIVE)
_IRONIC: Final = re.compile(r"\[(?:doge|微笑|允悲|跪了|摊手|二哈|吃瓜)\]")
"""Emoticons that often mean the opposite of what is said."""
_IRONY_DISCOUNT: Final = 0.8
_SHORT_CHARS: Final = 8
"""Texts under this many characters are known to be misread."""
_TINY_SCORE: Final = 1e-4
_EMPTY: Final = Sentiment(polarity=Polarity.NEUTRAL, score=0.0, p_negative=0.2, confidence=0.34, uncertain=True)

_PLATFORM_GROUPS: Final[Mapping[str, str]] = {
    "weibo": "weibo",
    "mastodon": "weibo",
    "x": "weibo",
    "bluesky": "weibo",
    "forum": "forum",
    "tieba": "forum",
    "xueqiu": "forum",
    "guba": "forum",
    "hupu": "forum",
    "autohome": "forum",
    "v2ex": "forum",
    "reddit": "forum",
    "review": "review",
    "dianping": "review",
    "jd": "review",
    "tmall": "review",
    "taobao": "review",
    "meituan": "review",
    "appstore": "review",
}


def group_of(platform: str) -> int:
    """Return the number of a platform's weight group: 0 = unknown, else 1 + place in `GROUPS`."""
    group = _PLATFORM_GROUPS.get(platform)
    return 0 if group is None else 1 + GROUPS.index(group)


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins:
    """What the linear heads say of a batch, before calibration."""

    heads: Floats
    """(n_texts, 4) margins, columns as `weights.HEADS`."""
    bayes: Floats
    """(n_texts,) log-odds of positive by the second opinion."""


class SentimentModel:
    """Scores batches of texts; reads its weights at the first use."""

    def __init__(self, folder: Path = SHIPPED_MODEL, *, weights: Weights | None = None) -> None:
        self._folder = folder
        self._given = weights

    @cached_property
    def weights(self) -> Weights:
        """The weights, read once.

        Raises:
            ModelError: they are missing or damaged.
        """
        return self._given if self._given is not None else load_weights(self._folder)

    def margins(self, forms: Sequence[str], tokens: Sequence[Sequence[str]], groups: npt.NDArray[np.int64]) -> Margins:
        """Evaluate the linear heads and the second opinion.

        Args:
            forms: texts in model form.
            tokens: the words of each form.
            groups: (n_texts,) group numbers as by `group_of`.
        """
        weights = self.weights
        chars = count_characters(forms, weights.views["char"].n_bits)
        words = count_words(tokens, weights.views["word"].n_bits)
        heads = np.tile(weights.bias, (len(forms), 1))
        for name, rows in zip(VIEWS, (chars, words), strict=True):
            heads += _view_margins(weights.views[name], rows, groups)
        return Margins(heads=heads, bayes=_second_opinion(weights, words))

    def score(self, forms: Sequence[str], tokens: Sequence[Sequence[str]], platforms: Sequence[str]) -> list[Sentiment]:
        """Score texts that are already in model form and cut into words.

        Args:
            forms: texts in model form; an empty one gives neutral, score 0, low confidence.
            tokens: the words of each form, in order.
            platforms: platform of each text; an unknown one uses the shared weights alone.

        Returns:
            One sentiment per text, in order.
        """
        if not forms:
            return []
        groups = np.fromiter((group_of(platform) for platform in platforms), dtype=np.int64, count=len(forms))
        margins = self.margins(forms, tokens, groups)
        shifts = self._shifts(platforms)
        scores = self._scores(margins, groups, shifts)
        classes = self._classes(margins, groups, shifts)
        disagree = (margins.bayes > 0) != (scores > 0)
        return [
            _sentiment(form, float(score), row, bool(doubt))
            for form, score, row, doubt in zip(forms, scores, classes.tolist(), disagree, strict=True)
        ]

    def score_texts(self, texts: Sequence[str], platforms: Sequence[str], segmenter: Segmenter) -> list[Sentiment]:
        """Normalise, cut and score raw texts; see `score`."""
        forms = [model_form(text) for text in texts]
        return self.score(forms, [segmenter.cut(form) for form in forms], platforms)

    def _shifts(self, platforms: Sequence[str]) -> Floats:
        known = self.weights.shifts
        default = known.get("*", 0.0)
        return np.asarray([known.get(platform, default) for platform in platforms], dtype=np.float32)

    def _scores(self, margins: Margins, groups: npt.NDArray[np.int64], shifts: Floats) -> Floats:
        slope, offset = self.weights.calibration.two_way[groups].T
        scores: Floats = np.tanh((slope * margins.heads[:, 0] + offset + shifts) / 2)
        scores = np.clip(scores, -0.9999, 0.9999)
        tiny = np.abs(scores) < _TINY_SCORE
        scores[tiny] = np.where(scores[tiny] < 0, -_TINY_SCORE, _TINY_SCORE)
        return scores

    def _classes(self, margins: Margins, groups: npt.NDArray[np.int64], shifts: Floats) -> Floats:
        scaling = self.weights.calibration.three_way[groups]
        logits = np.einsum("nk,nkc->nc", margins.heads, scaling[:, :4]) + scaling[:, 4]
        logits[:, 0] -= shifts / 2
        logits[:, 2] += shifts / 2
        logits -= logits.max(axis=1, keepdims=True)
        odds = np.exp(logits)
        classes: Floats = odds / odds.sum(axis=1, keepdims=True)
        return classes


def _view_margins(view: ViewWeights, rows: BatchRows, groups: npt.NDArray[np.int64]) -> Floats:
    """(n_texts, 4) margins of one view: TF-IDF, unit length, times the weights."""
    plain = rows.values * view.idf[rows.buckets]
    sharp = plain * view.emphasis[rows.buckets]
    lengths = np.sqrt(row_sums(np.stack((sharp * sharp, plain * plain), axis=1), rows.indptr))
    lengths[lengths == 0] = 1.0
    lengths = lengths[rows.rows]
    matrix = view.shared[rows.buckets]
    matrix += view.by_group[groups[rows.rows], rows.buckets >> view.small_shift]
    matrix[:, 0] *= sharp / lengths[:, 0]
    matrix[:, 1:] *= (plain / lengths[:, 1])[:, None]
    return row_sums(matrix, rows.indptr)


def _second_opinion(weights: Weights, words: BatchRows) -> Floats:
    shift = int(weights.views["word"].idf.size // weights.bayes.size).bit_length() - 1
    odds = weights.bayes[words.buckets >> shift]
    odds = np.where(odds == 0, np.float32(weights.bayes_unknown), odds)
    return row_sums(odds, words.indptr) + np.float32(weights.bayes_prior)


def _sentiment(form: str, score: float, classes: Sequence[float], disagree: bool) -> Sentiment:
    if not form:
        return _EMPTY
    best = max(range(3), key=lambda number: classes[number])
    ironic = _IRONIC.search(form) is not None
    return Sentiment(
        polarity=_POLARITIES[best],
        score=score,
        p_negative=classes[0],
        confidence=classes[best] * (_IRONY_DISCOUNT if ironic else 1.0),
        uncertain=disagree or ironic or len(form) < _SHORT_CHARS,
    )
