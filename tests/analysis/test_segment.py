import pytest

from analysis.segment import JiebaSegmenter, RjiebaSegmenter, Segmenter, make_segmenter

KINDS = [JiebaSegmenter, RjiebaSegmenter]


def make(kind: type[JiebaSegmenter] | type[RjiebaSegmenter]) -> Segmenter:
    if kind is RjiebaSegmenter:
        pytest.importorskip("rjieba")
    return kind()


@pytest.mark.parametrize("kind", KINDS)
def test_words_are_cut_in_order_without_blanks(kind: type[JiebaSegmenter] | type[RjiebaSegmenter]) -> None:
    segmenter = make(kind)
    assert segmenter.cut("客服 态度很好") == ["客服", "态度", "很", "好"]
    assert segmenter.cut("") == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_user_word_is_kept_whole(kind: type[JiebaSegmenter] | type[RjiebaSegmenter]) -> None:
    segmenter = make(kind)
    assert "云杉咖啡" not in segmenter.cut("我爱云杉咖啡的拿铁")
    segmenter.add_word("云杉咖啡")
    segmenter.add_word("  ")
    assert "云杉咖啡" in segmenter.cut("我爱云杉咖啡的拿铁")


@pytest.mark.parametrize("kind", KINDS)
def test_user_words_stay_in_their_segmenter(kind: type[JiebaSegmenter] | type[RjiebaSegmenter]) -> None:
    make(kind).add_word("白鹿茶饮")
    assert "白鹿茶饮" not in make(kind).cut("一杯白鹿茶饮")


def test_the_fastest_is_chosen_unless_jieba_is_asked_for() -> None:
    assert make_segmenter(prefer="jieba").name == "jieba"
    pytest.importorskip("rjieba")
    assert make_segmenter(["云杉咖啡"]).cut("云杉咖啡") == ["云杉咖啡"]
    assert make_segmenter().name == "rjieba"
