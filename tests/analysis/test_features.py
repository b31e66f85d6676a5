import math
from collections import Counter
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analysis.features import BatchRows, count_characters, count_words, row_sums, word_buckets

BITS = 18
TEXTS = st.lists(st.text(max_size=30), min_size=1, max_size=8)


def rows_of(batch: BatchRows) -> list[dict[int, float]]:
    return [
        dict(zip(batch.buckets[start:stop].tolist(), batch.values[start:stop].tolist(), strict=True))
        for start, stop in zip(batch.indptr[:-1], batch.indptr[1:], strict=True)
    ]


@given(TEXTS)
def test_a_text_has_the_same_features_in_any_batch(texts: list[str]) -> None:
    together = rows_of(count_characters(texts, BITS))
    assert together == [rows_of(count_characters([text], BITS))[0] for text in texts]


@given(TEXTS)
def test_rows_are_sorted_and_without_repeats(texts: list[str]) -> None:
    batch = count_characters(texts, BITS)
    assert batch.indptr.size == len(texts) + 1
    for row in range(len(texts)):
        buckets = batch.buckets[batch.indptr[row] : batch.indptr[row + 1]]
        assert np.all(np.diff(buckets) > 0)
        assert np.all((buckets >= 0) & (buckets < 1 << BITS))


def test_counts_are_sublinear() -> None:
    (row,) = rows_of(count_characters(["哈哈哈哈"], 22))
    assert Counter(round(value, 4) for value in row.values()) == Counter(
        {
            round(1 + math.log(4), 4): 1,  # 哈
            round(1 + math.log(3), 4): 1,  # 哈哈
            round(1 + math.log(2), 4): 1,  # 哈哈哈
            1.0: 4,  # edges
        }
    )


def test_an_empty_text_has_no_feature() -> None:
    assert rows_of(count_characters(["", "好", ""], BITS))[0] == {}
    assert rows_of(count_characters([""], BITS)) == [{}]
    assert rows_of(count_words([[], ["好"]], BITS))[0] == {}
    assert rows_of(count_words([], BITS)) == []


def test_order_of_characters_matters() -> None:
    first, second = rows_of(count_characters(["不好看", "看不好"], BITS))
    assert first != second


def test_pairs_do_not_cross_texts() -> None:
    assert rows_of(count_words([["难"], ["喝"]], BITS)) == [
        rows_of(count_words([["难"]], BITS))[0],
        rows_of(count_words([["喝"]], BITS))[0],
    ]


@given(st.lists(st.sampled_from(["咖啡", "难喝", "a", "服务"]), min_size=1, max_size=6))
def test_word_buckets_are_those_of_counting(words: list[str]) -> None:
    keys = [(word, None) for word in words] + list(pairwise(words))
    (row,) = rows_of(count_words([words], BITS))
    assert set(word_buckets(keys, BITS).tolist()) == set(row)


@given(st.lists(st.lists(st.integers(-5, 5), max_size=5), max_size=6))
def test_row_sums_add_up_each_row(rows: list[list[int]]) -> None:
    indptr = np.cumsum([0] + [len(row) for row in rows])
    cells = np.asarray([value for row in rows for value in row], dtype=np.float32)
    assert row_sums(cells, indptr).tolist() == [float(sum(row)) for row in rows]


def test_row_sums_add_columns_apart() -> None:
    cells = np.asarray([[1, 2], [3, 4], [5, 6]], dtype=np.float32)
    assert row_sums(cells, np.asarray([0, 2, 2, 3])).tolist() == [[4, 6], [0, 0], [5, 6]]
