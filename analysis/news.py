"""Whether news is bad for one name in it: a small model beside the sentiment model.

The name is masked before the model sees it, so that it cannot learn names; it reads the
whole text, 25 characters around each place of the name, and the sentences that hold it.
Design: contract page on text analysis, section 7.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np

from analysis.arrays import Floats, load_arrays, save_arrays
from analysis.clause import Span
from analysis.errors import ModelError
from analysis.features import BatchRows, count_characters, row_sums
from analysis.normalise import model_form
from analysis.weights import SHIPPED_MODEL

__all__ = ["NewsJudge", "NewsParts", "NewsWeights", "load_news", "news_cells", "news_parts", "save_news"]

STEM: Final = "news"
N_PARTS: Final = 3
WINDOW_CHARS: Final = 25
NAME_MARK: Final = "\ue000"
"""Stands for the name; a private code point that no text holds."""
_SENTENCE: Final = re.compile("[^。！？!?\n；;]+")

NewsParts = tuple[str, str, str]
"""Whole text, surroundings of the name, sentences with the name; all in model form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsWeights:
    """Linear weights over hashed characters of the three parts."""

    idf: Floats
    """(3, n_buckets) inverse document frequencies, by part."""
    weights: Floats
    """(3, n_buckets) weights, by part; positive speaks for bad news."""
    bias: float
    """Intercept of the margin."""
    slope: float
    """Log-odds of bad news = slope · margin + offset."""
    offset: float
    """See `slope`."""

    @property
    def n_bits(self) -> int:
        """Log2 of the number of buckets."""
        return int(self.idf.shape[1]).bit_length() - 1


def save_news(news: NewsWeights, folder: Path, about: dict[str, str]) -> str:
    """Write `news.npz` and `news.json`; return the hash of the arrays, hex."""
    columns = {"idf": list(news.idf), "weights": list(news.weights)}
    facts = {"bias": news.bias, "slope": news.slope, "offset": news.offset, "about": about}
    return save_arrays(folder, STEM, columns, facts)


def load_news(folder: Path = SHIPPED_MODEL) -> NewsWeights | None:
    """Read the news model of a folder; None if it has none.

    Raises:
        ModelError: the files are damaged, or of another format.
    """
    if not (folder / f"{STEM}.json").exists():
        return None
    stored = load_arrays(folder, STEM)
    try:
        return NewsWeights(
            idf=np.ascontiguousarray(stored.matrix("idf").T),
            weights=np.ascontiguousarray(stored.matrix("weights").T),
            bias=float(str(stored.facts["bias"])),
            slope=float(str(stored.facts["slope"])),
            offset=float(str(stored.facts["offset"])),
        )
    except (KeyError, ValueError) as err:
        raise ModelError(f"news model in {folder} cannot be read: {err}") from err


def news_parts(text: str, own: Sequence[Span]) -> NewsParts:
    """Cut out of a text what the model reads about a name.

    Args:
        text: title and text as one.
        own: where the name stands in it, in order, not overlapping; may be empty.
    """
    pieces, at = [], 0
    for start, end in own:
        pieces += [text[at:start], NAME_MARK]
        at = end
    marked = "".join([*pieces, text[at:]])
    places = [place for place, char in enumerate(marked) if char == NAME_MARK]
    near = " ".join(marked[max(0, place - WINDOW_CHARS) : place + WINDOW_CHARS + 1] for place in places)
    sentences = " ".join(sentence for sentence in _SENTENCE.findall(marked) if NAME_MARK in sentence)
    return model_form(marked), model_form(near), model_form(sentences)


def news_cells(rows: BatchRows, idf: Floats) -> Floats:
    """(n_cells,) TF-IDF of one part, each row of unit length."""
    cells = rows.values * idf[rows.buckets]
    lengths = np.sqrt(row_sums(cells * cells, rows.indptr))
    lengths[lengths == 0] = 1.0
    scaled: Floats = (cells / lengths[rows.rows]).astype(np.float32)
    return scaled


class NewsJudge:
    """Judges news by name; reads its weights at the first use."""

    def __init__(self, folder: Path = SHIPPED_MODEL) -> None:
        self._folder = folder

    @cached_property
    def weights(self) -> NewsWeights | None:
        """The weights, read once; None if the folder has none.

        Raises:
            ModelError: they are damaged.
        """
        return load_news(self._folder)

    def p_bad(self, parts: Sequence[NewsParts]) -> list[float]:
        """Return the probability that each text is bad news for its name, [0, 1].

        Raises:
            ModelError: the folder has no news model, or a damaged one.
        """
        weights = self.weights
        if weights is None:
            raise ModelError(f"news model: {self._folder} has none; run `tingfeng train` on texts with a target")
        if not parts:
            return []
        log_odds = weights.slope * news_margins(weights, parts) + weights.offset
        return [float(chance) for chance in 1 / (1 + np.exp(-np.clip(log_odds, -30, 30)))]


def news_margins(weights: NewsWeights, parts: Sequence[NewsParts]) -> Floats:
    """(n_texts,) margins before calibration."""
    margins = np.full(len(parts), weights.bias, dtype=np.float32)
    for number in range(N_PARTS):
        rows = count_characters([part[number] for part in parts], weights.n_bits)
        cells = news_cells(rows, weights.idf[number])
        margins += row_sums(cells * weights.weights[number][rows.buckets], rows.indptr)
    return margins
