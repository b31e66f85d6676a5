import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.risk import RiskFinder
from analysis.verdict import about_name, by_news_model, near_weights, with_risk, with_talk_risk
from domain.tagging import Polarity, Sentiment
from tests.analysis.builders import RISKS

FINDER = RiskFinder(RISKS)


def mood(p_negative: float, polarity: Polarity = Polarity.NEUTRAL, score: float = 0.2) -> Sentiment:
    return Sentiment(polarity=polarity, score=score, p_negative=p_negative, confidence=0.7)


def words_about(text: str, name: str, *others: str) -> list[str]:
    def places(word: str) -> list[tuple[int, int]]:
        return [(text.index(word), text.index(word) + len(word))]

    hits = about_name(text, FINDER.find(text), places(name), [place for other in others for place in places(other)])
    return [text[hit.start : hit.end] for hit in hits]


def test_a_word_near_the_name_in_its_sentence_speaks_of_it() -> None:
    assert words_about("云杉咖啡召回一批杯子", "云杉咖啡") == ["召回"]
    assert words_about("云杉咖啡开新店。另一家公司召回产品", "云杉咖啡") == []
    assert words_about("云杉咖啡" + "很" * 30 + "召回", "云杉咖啡") == []


def test_a_word_belongs_to_the_nearest_name() -> None:
    text = "白鹿茶饮下架新品，云杉咖啡表示将加强品控"
    assert words_about(text, "白鹿茶饮", "云杉咖啡") == ["下架"]
    assert words_about(text, "云杉咖啡", "白鹿茶饮") == []


def test_at_the_same_distance_the_name_before_the_word_owns_it() -> None:
    text = "白鹿茶饮，召回，云杉咖啡"
    assert words_about(text, "白鹿茶饮", "云杉咖啡") == ["召回"]
    assert words_about(text, "云杉咖啡", "白鹿茶饮") == []


def test_each_category_counts_once() -> None:
    hits = FINDER.find("过期，过期，投诉")
    assert near_weights(hits, RISKS) == [0.6, 0.35]
    assert near_weights(hits, RISKS, consumer_only=True) == [0.6]


def test_risk_words_turn_a_neutral_mood_and_leave_a_good_one() -> None:
    raised = with_risk(mood(0.3), [0.6])
    assert raised.polarity is Polarity.NEGATIVE
    assert raised.score < 0
    assert raised.confidence == raised.p_negative > 0.5
    good = with_risk(mood(0.02, Polarity.POSITIVE), [0.6])
    assert good.polarity is Polarity.POSITIVE
    assert 0.02 < good.p_negative < 0.2
    assert good.confidence < 0.7


@given(st.floats(0, 1), st.lists(st.sampled_from([0.2, 0.35, 0.6]), max_size=4))
def test_risk_words_never_lower_the_chance_of_negative(p_negative: float, weights: list[float]) -> None:
    raised = with_risk(mood(p_negative), weights)
    assert p_negative - 1e-5 <= raised.p_negative <= 1
    assert 0 <= raised.confidence <= 1
    assert -1 <= raised.score <= 1


@pytest.mark.parametrize("p_bad", [0.0, 0.2, 0.5, 0.51, 1.0])
def test_the_news_models_verdict_has_one_sign_throughout(p_bad: float) -> None:
    verdict = by_news_model(p_bad, mood(0.9, Polarity.NEGATIVE))
    assert (verdict.polarity is Polarity.NEGATIVE) == (p_bad >= 0.5) == (verdict.score < 0)
    assert verdict.p_negative == p_bad
    assert verdict.confidence >= 0.5


def test_the_mood_tells_neutral_from_positive_where_news_is_not_bad() -> None:
    assert by_news_model(0.1, mood(0.1, Polarity.POSITIVE)).polarity is Polarity.POSITIVE
    assert by_news_model(0.1, mood(0.1)).polarity is Polarity.NEUTRAL


def test_in_talk_one_word_says_nothing_and_several_do() -> None:
    neutral = mood(0.3, score=-0.6)
    assert with_talk_risk(neutral, [0.6], free=0.6) == neutral
    assert with_talk_risk(neutral, [0.6, 0.35, 0.35], free=0.6).polarity is Polarity.NEGATIVE


def test_in_talk_words_never_turn_a_text_that_sounds_good() -> None:
    good = mood(0.3, Polarity.POSITIVE, score=0.6)
    assert with_talk_risk(good, [0.6, 0.6, 0.6], free=0.0) == good
