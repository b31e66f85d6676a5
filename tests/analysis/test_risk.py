import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.normalise import fold_text
from analysis.risk import RiskFinder, Risks
from tests.analysis.builders import FOOD, RISKS, SERVICE

FINDER = RiskFinder(RISKS)


def found(text: str) -> list[str]:
    return [text[hit.start : hit.end] for hit in FINDER.find(fold_text(text))]


def weigh(text: str, p_negative: float, near: tuple[tuple[int, int], ...] = (), *, is_news: bool = False) -> Risks:
    folded = fold_text(text)
    return FINDER.weigh(folded, FINDER.find(folded), p_negative, near, is_news=is_news)


def test_words_are_found_in_traditional_script_too() -> None:
    assert found("門店被要求下架產品") == ["下架"]


def test_a_word_of_two_parts_needs_both_near_in_one_sentence() -> None:
    assert found("居然吃出一条虫") == ["吃出一条虫"]
    assert found("吃出感情。有虫") == []
    assert found("吃出了一大堆各种各样的问题然后虫") == []


def test_longer_words_swallow_shorter_ones_of_their_category() -> None:
    assert found("服务员态度差") == ["态度差"]


@pytest.mark.parametrize(
    "text",
    [
        "我们没有召回任何产品",
        "公司没有进行召回",
        "从未发生食物中毒",
        "避免食物中毒的五个办法",
        "网传门店食物中毒系谣言",
        "官方辟谣：召回不属实",
        "品牌方否认产品召回",
    ],
)
def test_denied_words_do_not_count(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize("text", ["没有人管，食物中毒了", "拒不承认食物中毒", "他们未否认召回一事"])
def test_words_that_only_look_denied_count(text: str) -> None:
    assert found(text) != []


def test_a_word_counts_in_a_negative_text() -> None:
    assert [tag.category for tag in weigh("喝完一直拉肚子", 0.8).tags] == ["food_safety"]
    assert weigh("喝完一直拉肚子", 0.2).tags == ()


def test_a_word_near_the_brand_counts_whatever_the_mood() -> None:
    assert weigh("云杉咖啡召回", 0.1, ((0, 4),)).tags != ()
    far = "云杉咖啡" + "很" * 30 + "召回"
    assert weigh(far, 0.1, ((0, 4),)).tags == ()


def test_strong_words_are_facts_in_news() -> None:
    assert weigh("某品牌产品被下架", 0.1, is_news=True).tags != ()
    assert weigh("顾客投诉", 0.1, is_news=True).tags == ()


def test_severity_follows_the_formula() -> None:
    risks = weigh("过期还拒绝退款", 0.5)
    assert {tag.category: tag.severity for tag in risks.tags} == {"food_safety": 45, "service_complaint": 26}
    assert risks.severity == round(100 * (1 - 0.4 * 0.65) * 0.75)
    assert risks.tags[0].words == ("过期",)


def test_nothing_found_is_no_risk() -> None:
    assert weigh("今天天气不错", 0.9) == Risks()
    assert RiskFinder(()).find("召回") == []


@given(st.text(alphabet="拉肚子召回没有，过期吃出虫态度差辟谣", max_size=40), st.floats(0, 1))
def test_severity_stays_in_range_and_whole_is_at_least_each_part(text: str, p_negative: float) -> None:
    risks = weigh(text, p_negative)
    assert 0 <= risks.severity <= 100
    assert all(0 < tag.severity <= risks.severity for tag in risks.tags)
    assert [tag.severity for tag in risks.tags] == sorted((tag.severity for tag in risks.tags), reverse=True)


def test_weights_decide_the_order_of_tags() -> None:
    assert [FOOD.weight > SERVICE.weight, len(weigh("过期，投诉", 0.9).tags)] == [True, 2]
