"""Risk: words that give bad news away, denials taken out, weighed by P(negative).

Categories, gate and severity: contract page on text analysis, section 6.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ahocorasick_rs import AhoCorasick, Implementation

from analysis.clause import SENTENCE_ENDS
from domain.tagging import RiskCategory, RiskTag

__all__ = ["RiskFinder", "RiskHit", "Risks"]

NEAR_BRAND_CHARS: Final = 25
"""A word this near to the brand counts whatever the mood of the text."""
MIN_P_NEGATIVE: Final = 0.5
"""Words farther off count in a text at least this likely to be negative."""
GAP_CHARS: Final = 8
"""Most characters that stand for `…` in a word of two parts."""
MAX_WORDS_SHOWN: Final = 8
_DENIAL_REACH_CHARS: Final = 25

_NEGATED: Final = re.compile(
    r"(?:没有|没|未|无|并非|不是|不会|不存在|从不|绝不|不曾|未曾|免于|避免|防止|杜绝|预防|以防|以免|远离|拒绝|打击|严查|严打)"
    r"(?:任何|发生|出现|被|有|过|进行|计划|打算|存在|收到|再|的|产品|因|遭|受到|主动|要求|所谓|一起|一次|要|需|需要|使用|添加|含|检出){0,3}$"
)
"""What stands right before a word and takes it back."""
_DENIED: Final = re.compile(
    r"辟谣|谣言|谣传|不实|不属实|并不属实|纯属虚构|子虚乌有|否认|澄清|假消息|假新闻|误传|并无此事|没有此事|没这回事"
)
"""What denies a word elsewhere in the same sentence or the next."""
_NOT_A_DENIAL: Final = re.compile(r"拒不|不承认|否认(?:无效|不了)|没有否认|并未否认|未否认|不否认|无法否认|无可否认")


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskHit:
    """A risk word found in a text."""

    category: int
    """Place of its category in the finder's list."""
    start: int
    """First character."""
    end: int
    """Character after the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Risks:
    """What a text risks."""

    tags: tuple[RiskTag, ...] = ()
    """Categories touched, highest severity first, then by id."""
    severity: int = 0
    """Severity of all together, 0 to 100."""


class RiskFinder:
    """Finds the words of all categories in one pass."""

    def __init__(self, categories: Sequence[RiskCategory]) -> None:
        """Compile the words of the categories; blank words are ignored."""
        self._categories = tuple(categories)
        self._parts: dict[str, list[tuple[int, str | None]]] = {}
        for number, category in enumerate(self._categories):
            for word in category.words:
                first, _, second = word.strip().lower().partition("…")
                if first:
                    self._parts.setdefault(first, []).append((number, second or None))
        self._patterns = tuple(self._parts)
        self._automaton = AhoCorasick(list(self._patterns), implementation=Implementation.DFA)

    @property
    def categories(self) -> tuple[RiskCategory, ...]:
        """The categories, in the order that hits number them."""
        return self._categories

    def find(self, folded: str) -> list[RiskHit]:
        """Find risk words that nothing takes back.

        Args:
            folded: a text as made by `normalise.fold_text`.

        Returns:
            Hits by position; longer words swallow shorter ones of the same category.
        """
        found: list[RiskHit] = []
        for pattern, start, end in self._automaton.find_matches_as_indexes(folded, overlapping=True):
            for category, second in self._parts[self._patterns[pattern]]:
                stop = end if second is None else _end_of_second(folded, end, second)
                if stop is not None and not _taken_back(folded, start, stop):
                    found.append(RiskHit(category=category, start=start, end=stop))
        return _longest(found)

    def weigh(
        self, folded: str, hits: Sequence[RiskHit], p_negative: float, near: Iterable[tuple[int, int]], *, is_news: bool
    ) -> Risks:
        """Turn hits into categories with severities.

        A hit counts if the text is likely negative, if the brand stands near it, or, for
        the strong categories, in news: there plain words are facts, not moods.

        Args:
            folded: the text that was searched.
            hits: what `find` returned for it.
            p_negative: P(negative) of the text, [0, 1].
            near: positions of brands in the same text.
            is_news: whether the text is an article.

        Returns:
            Severity of a category = 100 · w · (.5 + .5 · P(neg)); of all together
            100 · (1 − Π(1 − w)) · (.5 + .5 · P(neg)).
        """
        brands = tuple(near)
        words: dict[int, dict[str, None]] = {}
        for hit in hits:
            category = self._categories[hit.category]
            if p_negative >= MIN_P_NEGATIVE or (is_news and category.strong) or _is_near(hit, brands):
                words.setdefault(hit.category, {})[folded[hit.start : hit.end]] = None
        mood = 0.5 + 0.5 * p_negative
        harmless = 1.0
        tags = []
        for number, found in words.items():
            category = self._categories[number]
            harmless *= 1 - category.weight
            tags.append(
                RiskTag(
                    category=category.id,
                    severity=round(100 * category.weight * mood),
                    words=tuple(found)[:MAX_WORDS_SHOWN],
                )
            )
        tags.sort(key=lambda tag: (-tag.severity, tag.category))
        return Risks(tags=tuple(tags), severity=round(100 * (1 - harmless) * mood))


def _end_of_second(folded: str, start: int, second: str) -> int | None:
    """Return where the second part ends if it follows soon in the same sentence, else None."""
    at = folded.find(second, start, start + GAP_CHARS + len(second))
    if at < 0 or not SENTENCE_ENDS.isdisjoint(folded[start:at]):
        return None
    return at + len(second)


def _taken_back(folded: str, start: int, end: int) -> bool:
    """Say whether a word is negated right before it or denied near it."""
    if _NEGATED.search(folded, max(0, start - 12), start):
        return True
    first, last = max(0, start - _DENIAL_REACH_CHARS), end + _DENIAL_REACH_CHARS
    denial = _DENIED.search(folded, first, last)
    return denial is not None and _NOT_A_DENIAL.search(folded, first, last) is None


def _longest(found: list[RiskHit]) -> list[RiskHit]:
    """Drop hits that lie inside a longer hit of the same category."""
    found.sort(key=lambda hit: (hit.category, hit.start, -hit.end))
    kept: list[RiskHit] = []
    for hit in found:
        if not (kept and kept[-1].category == hit.category and hit.end <= kept[-1].end):
            kept.append(hit)
    return sorted(kept, key=lambda hit: (hit.start, hit.category))


def _is_near(hit: RiskHit, brands: Sequence[tuple[int, int]]) -> bool:
    return any(hit.start - end <= NEAR_BRAND_CHARS and start - hit.end <= NEAR_BRAND_CHARS for start, end in brands)
