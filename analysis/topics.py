"""What a mention is about: topics from a taxonomy of queries, and keywords."""

import importlib.util
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from analysis.queries import QuerySet
from domain.query import Document
from domain.tagging import TopicDefinition

__all__ = ["KeywordRanker", "TopicMatcher"]

MAX_KEYWORDS: Final = 10

_STOP_WORDS: Final = frozenset(
    (
        "我们 你们 他们 她们 它们 自己 大家 这个 那个 这些 那些 这样 那样 这么 那么 什么 怎么 怎样 为什么 哪里 "
        "哪个 多少 一个 一些 一下 一点 一样 一直 一种 没有 不是 不会 不能 不要 可以 可能 应该 需要 就是 还是 但是 "
        "可是 不过 然而 而且 并且 或者 如果 因为 所以 虽然 只是 只有 只要 除了 关于 对于 由于 已经 正在 曾经 现在 "
        "今天 昨天 明天 今年 去年 时候 之后 以后 之前 以前 然后 其实 真的 真是 确实 比较 非常 特别 十分 有点 有些 "
        "太多 很多 许多 知道 觉得 感觉 认为 以为 看到 出来 起来 下来 下去 过来 过去 出去 进去 回来 转发 微博 网页 "
        "链接 全文 视频 图片 展开 原文 来自 哈哈 哈哈哈 嘻嘻 呵呵 的话 这种 那种 之类 等等 以及 其中 其他 另外 "
        "还有 还要 还会 都是 也是 又是 不知 the and for with that this from you are was not but have has http "
        "https www com"
    ).split()
)


class TopicMatcher:
    """Attaches every topic whose query holds."""

    def __init__(self, topics: Sequence[TopicDefinition]) -> None:
        """Compile the topics.

        Raises:
            domain.query.QueryError: a query cannot be read; settings check this earlier.
        """
        self._queries = QuerySet({topic.id: topic.query for topic in topics})

    def match(self, line: str, document: Callable[[], Document]) -> tuple[str, ...]:
        """Return the ids of the topics that hold for a document, sorted.

        Args:
            line: `queries.unit_line` of its title and text together, simplified.
            document: makes the public fields; called only if a topic may hold.
        """
        return tuple(self._queries.matching(line, document))


class KeywordRanker:
    """Ranks words by TF-IDF with the document frequencies that jieba carries."""

    def __init__(self, idf: Mapping[str, float] | None = None) -> None:
        """Use the given inverse document frequencies; None = jieba's, read at the first use."""
        self._idf = idf

    def rank(self, tokens: Iterable[str], limit: int = MAX_KEYWORDS) -> tuple[str, ...]:
        """Return the best words, best first, ties by place.

        Args:
            tokens: words of one text in order, lower case.
            limit: most words returned.

        Returns:
            Words of two or more characters without numbers and stop words; empty for a
            text without any.
        """
        idf = _jieba_idf() if self._idf is None else self._idf
        default = 12.0
        counts = Counter(word for word in tokens if len(word) > 1 and word not in _STOP_WORDS and _is_wordy(word))
        ranked = sorted(counts.items(), key=lambda item: -item[1] * idf.get(item[0], default))
        return tuple(word for word, _ in ranked[:limit])


def _is_wordy(word: str) -> bool:
    """Say whether a word is letters or characters, at most 20, not a number."""
    return len(word) <= 20 and (word.isalpha() or (word.isalnum() and not word.isdigit() and not word.isdecimal()))


class _Frequencies:
    """Words with their frequencies in 16 bytes a word; a dictionary of them takes 34 MB more.

    Words are known by their hash in this process: of 64 bits, so that two of 260,000 share
    one once in a hundred million runs.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        hashes, values = array("q"), array("d")
        for line in lines:
            word, _, value = line.partition(" ")
            hashes.append(hash(word))
            values.append(float(value))
        order = np.argsort(np.frombuffer(hashes, dtype=np.int64)) if hashes else np.zeros(0, dtype=np.int64)
        self._hashes = array("q", np.frombuffer(hashes, dtype=np.int64)[order].tobytes()) if hashes else hashes
        self._values = np.frombuffer(values, dtype=np.float64)[order] if hashes else np.zeros(0)

    def get(self, word: str, default: float) -> float:
        """Return the value of a word, or `default` for one that is not there."""
        key = hash(word)
        place = bisect_left(self._hashes, key)
        if place == len(self._hashes) or self._hashes[place] != key:
            return default
        return float(self._values[place])


@lru_cache(maxsize=1)
def _jieba_idf() -> _Frequencies:
    """Read the frequencies that jieba ships (260,000 words, about 0.3 s)."""
    spec = importlib.util.find_spec("jieba")
    if spec is None or spec.origin is None:
        return _Frequencies(())
    with (Path(spec.origin).parent / "analyse" / "idf.txt").open(encoding="utf-8") as lines:
        return _Frequencies(line for line in lines if line.strip())
