"""Hashed character and word features, computed for a whole batch at once in numpy.

The design and its figures: contract page on text analysis, sections 1 and 3.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["BatchRows", "count_characters", "count_words", "row_sums", "word_buckets"]

_EDGE: Final = 0x110000
"""Marks both ends of a text; one above the last Unicode code point."""
_K1: Final = np.uint64(0x9E3779B97F4A7C15)
_K2: Final = np.uint64(0xC2B2AE3D27D4EB4F)
_K3: Final = np.uint64(0x165667B19E3779F9)
_MIX: Final = np.uint64(0xD6E8FEB86659FD93)
_SHIFT: Final = np.uint64(32)
_MAX_CACHED_WORDS: Final = 400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRows:
    """Sparse features of one batch, row after row (the CSR layout)."""

    indptr: npt.NDArray[np.int64]
    """(n_texts + 1,) where each row begins in `buckets`; the last entry is n_cells."""
    rows: npt.NDArray[np.int64]
    """(n_cells,) row number of each cell, ascending."""
    buckets: npt.NDArray[np.int64]
    """(n_cells,) bucket numbers, ascending inside a row, none twice in a row."""
    values: npt.NDArray[np.float32]
    """(n_cells,) sublinear counts 1 + ln(count), all >= 1."""


class _WordHashes(dict[str, int]):
    """32-bit hash of each word, remembered."""

    def __missing__(self, word: str) -> int:
        if len(self) >= _MAX_CACHED_WORDS:
            self.clear()
        value = self[word] = zlib.crc32(word.encode("utf-8", "surrogatepass"))
        return value


_WORD_HASHES: Final = _WordHashes()


def _mix(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Spread the bits of each key (xor-shift and multiply, twice)."""
    keys = (keys ^ (keys >> _SHIFT)) * _MIX
    keys = (keys ^ (keys >> _SHIFT)) * _MIX
    return keys ^ (keys >> _SHIFT)


def _code_points(texts: Sequence[str]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Join the texts, each between two edge marks; return the symbols and their rows."""
    lengths = np.fromiter((len(text) for text in texts), dtype=np.int64, count=len(texts))
    joined = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype="<u4")
    rows = np.repeat(np.arange(len(texts), dtype=np.int64), lengths + 2)
    symbols = np.full(rows.size, _EDGE, dtype=np.uint64)
    inner = np.ones(rows.size, dtype=bool)
    ends = np.cumsum(lengths + 2)
    inner[ends - 1] = False
    inner[ends - lengths - 2] = False
    symbols[inner] = joined
    return symbols, rows


def count_characters(texts: Sequence[str], n_bits: int) -> BatchRows:
    """Count hashed character 1-, 2- and 3-grams of every text, edges marked.

    Args:
        texts: texts in model form, any order; empty texts are allowed.
        n_bits: log2 of the number of buckets, 10 to 24.

    Returns:
        One row per text, in order. The row of an empty text has no cell.
    """
    symbols, rows = _code_points(texts)
    if symbols.size <= 2 * len(texts):
        return _tally(np.zeros(0, dtype=np.int64), len(texts), n_bits)
    one = (symbols + np.uint64(1)) * _K1
    two = one[:-1] ^ ((symbols[1:] + np.uint64(1)) * _K2)
    three = two[:-1] ^ ((symbols[2:] + np.uint64(1)) * _K3)
    keys = _mix(np.concatenate((one, two + np.uint64(1), three + np.uint64(2))))
    owners = np.concatenate((rows, rows[:-1], rows[:-2]))
    inside = symbols != _EDGE
    keep = np.concatenate(
        (
            inside,
            (rows[:-1] == rows[1:]) & (inside[:-1] | inside[1:]),
            (rows[:-2] == rows[2:]) & inside[1:-1],
        )
    )
    return _tally(_cells(keys[keep], owners[keep], n_bits), len(texts), n_bits)


def count_words(tokens: Sequence[Sequence[str]], n_bits: int) -> BatchRows:
    """Count hashed words and pairs of neighbouring words of every text.

    Args:
        tokens: the words of each text, in order; empty lists are allowed.
        n_bits: log2 of the number of buckets, 10 to 24.

    Returns:
        One row per text, in order.
    """
    lengths = np.fromiter((len(words) for words in tokens), dtype=np.int64, count=len(tokens))
    n_words = int(lengths.sum())
    hashes = np.fromiter((_WORD_HASHES[word] for words in tokens for word in words), dtype=np.uint64, count=n_words)
    rows = np.repeat(np.arange(len(tokens), dtype=np.int64), lengths)
    one = (hashes + np.uint64(1)) * _K1
    two = one[:-1] ^ ((hashes[1:] + np.uint64(1)) * _K2)
    same = rows[:-1] == rows[1:]
    keys = _mix(np.concatenate((one, two[same])))
    owners = np.concatenate((rows, rows[:-1][same]))
    return _tally(_cells(keys, owners, n_bits), len(tokens), n_bits)


def word_buckets(words: Sequence[tuple[str, str | None]], n_bits: int) -> npt.NDArray[np.int64]:
    """Return the bucket in which `count_words` counts each word, or pair of words.

    Args:
        words: (word, None) for a word, (word, next word) for a pair.
        n_bits: log2 of the number of buckets, as given to `count_words`.

    Returns:
        (n_words,) bucket numbers, in order.
    """
    first = np.fromiter((_WORD_HASHES[word] for word, _ in words), dtype=np.uint64, count=len(words))
    second = np.fromiter(
        (0 if follower is None else (_WORD_HASHES[follower] + 1) for _, follower in words),
        dtype=np.uint64,
        count=len(words),
    )
    keys = _mix(((first + np.uint64(1)) * _K1) ^ (second * _K2))
    return (keys >> np.uint64(64 - n_bits)).astype(np.int64)


def _cells(keys: npt.NDArray[np.uint64], owners: npt.NDArray[np.int64], n_bits: int) -> npt.NDArray[np.int64]:
    """Name the cell (row and bucket) of each occurrence by one sortable number."""
    buckets = (keys >> np.uint64(64 - n_bits)).astype(np.int64)
    return (owners << n_bits) | buckets


def _tally(cells: npt.NDArray[np.int64], n_texts: int, n_bits: int) -> BatchRows:
    """Turn one number per occurrence into sorted rows with sublinear counts."""
    cells.sort()
    is_first = np.ones(cells.size, dtype=bool)
    np.not_equal(cells[1:], cells[:-1], out=is_first[1:])
    first = np.flatnonzero(is_first)
    counts = np.diff(np.append(first, cells.size))
    cells = cells[first]
    rows = cells >> n_bits
    per_row = np.bincount(rows, minlength=n_texts)
    return BatchRows(
        indptr=np.concatenate(([0], np.cumsum(per_row))).astype(np.int64),
        rows=rows,
        buckets=cells & ((1 << n_bits) - 1),
        values=(1.0 + np.log(counts)).astype(np.float32),
    )


def row_sums(cells: npt.NDArray[np.float32], indptr: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Sum cells over the rows of a batch.

    Args:
        cells: (n_cells,) or (n_cells, k), in row order.
        indptr: (n_rows + 1,) where each row begins.

    Returns:
        (n_rows,) or (n_rows, k); 0 for an empty row.
    """
    padded = np.concatenate((cells, np.zeros((1, *cells.shape[1:]), dtype=cells.dtype)))
    sums = np.add.reduceat(padded, indptr[:-1], axis=0) if indptr.size > 1 else padded[:0]
    sums[indptr[:-1] == indptr[1:]] = 0
    return sums
