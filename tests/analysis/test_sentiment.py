import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.normalise import model_form
from analysis.segment import JiebaSegmenter
from analysis.sentiment import SentimentModel, group_of
from domain.tagging import Polarity, Sentiment


@pytest.fixture(scope="module")
def segmenter() -> JiebaSegmenter:
    return JiebaSegmenter()


@pytest.fixture(scope="module")
def model() -> SentimentModel:
    return SentimentModel()


def score(model: SentimentModel, segmenter: JiebaSegmenter, *texts: str, platform: str = "weibo") -> list[Sentiment]:
    return model.score_texts(texts, [platform] * len(texts), segmenter)


def test_plain_opinions_are_told_apart(model: SentimentModel, segmenter: JiebaSegmenter) -> None:
    bad, good = score(model, segmenter, "质量太差了，用了两天就坏，客服还不理人", "非常满意，味道很好，还会再来")
    assert (bad.polarity, good.polarity) == (Polarity.NEGATIVE, Polarity.POSITIVE)
    assert bad.score < -0.5
    assert good.score > 0.5
    assert bad.p_negative > 0.8 > 0.2 > good.p_negative
    assert not bad.uncertain


def test_nothing_to_read_is_neutral_with_low_confidence(model: SentimentModel, segmenter: JiebaSegmenter) -> None:
    (empty,) = score(model, segmenter, " @小明 ")
    assert (empty.polarity, empty.score) == (Polarity.NEUTRAL, 0.0)
    assert empty.confidence < 0.5
    assert empty.uncertain
    assert model.score([], [], []) == []


def test_irony_lowers_the_confidence_and_is_uncertain(model: SentimentModel, segmenter: JiebaSegmenter) -> None:
    (ironic,) = score(model, segmenter, "这服务真是好得不得了[微笑]，等了一个小时")
    assert ironic.uncertain
    assert ironic.confidence <= 0.8


def test_short_texts_are_uncertain(model: SentimentModel, segmenter: JiebaSegmenter) -> None:
    (short,) = score(model, segmenter, "难喝")
    assert short.uncertain


def test_traditional_text_is_read_as_simplified(model: SentimentModel, segmenter: JiebaSegmenter) -> None:
    one, other = score(model, segmenter, "這家店的服務態度太差，再也不來了", "这家店的服务态度太差，再也不来了")
    assert one == other


@given(texts=st.lists(st.text(max_size=60), min_size=1, max_size=5), platform=st.sampled_from(["weibo", "", "jd"]))
def test_scores_are_in_range_never_zero_and_independent_of_the_batch(
    model: SentimentModel, segmenter: JiebaSegmenter, texts: list[str], platform: str
) -> None:
    together = score(model, segmenter, *texts, platform=platform)
    for text, one in zip(texts, together, strict=True):
        assert -1 <= one.score <= 1
        assert (one.score == 0) == (model_form(text) == "")
        assert 0 <= one.p_negative <= 1
        assert 0 <= one.confidence <= 1
        (alone,) = score(model, segmenter, text, platform=platform)
        assert alone.polarity is one.polarity
        assert alone.score == pytest.approx(one.score, abs=1e-4)


def test_platforms_fall_into_groups_and_unknown_ones_into_none() -> None:
    assert group_of("weibo") == group_of("mastodon") != group_of("tieba")
    assert group_of("zhihu") == group_of("") == 0
