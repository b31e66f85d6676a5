"""What news says about one name: risk words near it, and the news model, beside the mood.

Plain words of bad news are neutral in mood, so news is judged by them too: each category
found near the name raises the odds of negative. A clearly positive mood stays positive. The
news model speaks where such words are of its own field.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from analysis.clause import SENTENCE_ENDS, Span
from analysis.risk import NEAR_BRAND_CHARS, RiskHit
from domain.tagging import Polarity, RiskCategory, Sentiment

__all__ = ["about_name", "by_news_model", "near_weights", "with_risk", "with_talk_risk"]

ODDS_PER_WEIGHT: Final = 3.0
"""Log-odds that a category of weight 1 near a name would add; set by hand on own sentences."""
_CONSUMER_RISKS: Final = frozenset({"food_safety", "product_safety", "recall"})
"""Categories that the texts of the news model hardly know."""


def about_name(text: str, hits: Sequence[RiskHit], own: Sequence[Span], others: Sequence[Span]) -> list[RiskHit]:
    """Return the risk words that speak of a name.

    Args:
        text: the text, folded.
        hits: risk words found in it.
        own: where the name stands.
        others: where other names stand.

    Returns:
        Hits within 25 characters of the name in the same sentence, to which no other name
        is nearer; of two at the same distance the one before the word owns it.
    """
    found = []
    for hit in hits:
        mine = min((_distance(text, hit, span) for span in own), default=None)
        theirs = min((_distance(text, hit, span) for span in others), default=None)
        if mine is not None and mine[0] <= NEAR_BRAND_CHARS and (theirs is None or mine <= theirs):
            found.append(hit)
    return found


def _distance(text: str, hit: RiskHit, span: Span) -> tuple[int, int]:
    """Characters between a word and a name, and 1 if the name follows; far across a sentence end."""
    start, end = span
    first, last = (end, hit.start) if end <= hit.start else (hit.end, start)
    if not SENTENCE_ENDS.isdisjoint(text[first:last]):
        return (NEAR_BRAND_CHARS + 1 + len(text), 1)
    return (max(0, last - first), int(start >= hit.end))


def near_weights(
    hits: Iterable[RiskHit], categories: Sequence[RiskCategory], *, consumer_only: bool = False
) -> list[float]:
    """Return the weight of each category among the hits, once each, in order of the categories."""
    numbers = sorted({hit.category for hit in hits})
    return [
        categories[number].weight for number in numbers if not consumer_only or categories[number].id in _CONSUMER_RISKS
    ]


def with_risk(sentiment: Sentiment, weights: Iterable[float], *, free: float = 0.0) -> Sentiment:
    """Return a sentiment whose odds of negative risk words raise, by e^(3 (Σw − free)).

    Args:
        sentiment: the mood.
        weights: weight of each category found, once each.
        free: sum of weights that changes nothing: 0 in news, more where words are moods.
    """
    surplus = max(0.0, sum(weights) - free)
    p_negative = min(max(sentiment.p_negative, 1e-6), 1 - 1e-6)
    odds = p_negative / (1 - p_negative) * math.exp(ODDS_PER_WEIGHT * surplus)
    return _raised(sentiment, odds / (1 + odds)) if surplus else sentiment


def with_talk_risk(sentiment: Sentiment, weights: Iterable[float], *, free: float) -> Sentiment:
    """Raise a mood of consumer talk, where the two-way verdict is negative already.

    One word may be a plain fact there (a car forum speaks of brakes all day): on labelled
    microblogs and forums texts with one category were as often negative as the model said,
    those with two or more nearly always.
    """
    return with_risk(sentiment, weights, free=free) if sentiment.score < 0 else sentiment


def by_news_model(p_bad: float, general: Sentiment) -> Sentiment:
    """Return the news model's verdict on a name; the mood only tells neutral from positive."""
    if p_bad >= 0.5:
        return Sentiment(polarity=Polarity.NEGATIVE, score=_sure(1 - 2 * p_bad, -1), p_negative=p_bad, confidence=p_bad)
    polarity = Polarity.POSITIVE if general.polarity is Polarity.POSITIVE else Polarity.NEUTRAL
    return Sentiment(polarity=polarity, score=_sure(1 - 2 * p_bad, 1), p_negative=p_bad, confidence=1 - p_bad)


def _raised(sentiment: Sentiment, p_negative: float) -> Sentiment:
    if p_negative <= sentiment.p_negative:
        return sentiment
    if p_negative < 0.5:
        shrunk = sentiment.confidence * (1 - p_negative) / max(1e-9, 1 - sentiment.p_negative)
        return replace(sentiment, p_negative=p_negative, confidence=shrunk)
    return replace(
        sentiment,
        polarity=Polarity.NEGATIVE,
        score=min(sentiment.score, _sure(1 - 2 * p_negative, -1)),
        p_negative=p_negative,
        confidence=p_negative,
    )


def _sure(score: float, sign: int) -> float:
    """Return a score that is never 0, in [-0.9999, 0.9999]."""
    return max(-0.9999, min(0.9999, score)) or sign * 1e-4
