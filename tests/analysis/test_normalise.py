from hypothesis import given
from hypothesis import strategies as st

from analysis.normalise import (
    MAX_MODEL_CHARS,
    fold_text,
    join_title,
    model_form,
    simplify,
    split_repost,
    story_form,
)

CHINESE = st.text(alphabet=st.sampled_from("云杉咖啡很難喝，服務！[怒]@小明 ＡＢ１２㎏ｶﾞé\u0301İß👍🏽\n"), max_size=60)


def test_model_form_drops_links_and_names_and_folds_width_case_and_script() -> None:
    text = "＠无 @小明 這杯ＬＡＴＴＥ太難喝了！！！！！！ https://t.cn/A6x?y=1 [怒]\n再也不來"
    assert model_form(text) == "这杯latte太难喝了!!! [怒] 再也不来"


def test_model_form_keeps_emoticon_codes() -> None:
    assert "[允悲]" in model_form("味道一般[允悲]")


def test_model_form_of_nothing_is_empty() -> None:
    assert model_form("") == ""
    assert model_form(" \u3000\n") == ""
    assert model_form("@只有名字") == ""


def test_model_form_of_a_very_long_text_keeps_its_beginning_and_end() -> None:
    form = model_form("开头" + "中间" * 10_000 + "结尾")
    assert len(form) <= MAX_MODEL_CHARS
    assert form.startswith("开头")
    assert form.endswith("结尾")


@given(st.text(max_size=200))
def test_model_form_is_stable(text: str) -> None:
    once = model_form(text)
    assert len(once) <= MAX_MODEL_CHARS
    assert once == once.strip()


@given(st.one_of(st.text(max_size=200), CHINESE))
def test_folding_keeps_every_position(text: str) -> None:
    assert len(fold_text(text)) == len(text)
    assert len(simplify(text)) == len(text)


@given(CHINESE)
def test_folding_twice_changes_nothing(text: str) -> None:
    assert simplify(simplify(text)) == simplify(text)


def test_simplify_touches_traditional_characters_only() -> None:
    assert simplify("軟體與咖啡 café") == "软体与咖啡 café"
    plain = "全是简体字"
    assert simplify(plain) is plain


def test_fold_text_of_ascii_is_lower_case() -> None:
    assert fold_text("Yunshan COFFEE") == "yunshan coffee"
    assert fold_text("ＹＳ咖啡") == "ys咖啡"


def test_title_is_put_before_its_text_once() -> None:
    assert join_title("标题", "正文") == "标题。正文"
    assert join_title("标题", "标题 正文") == "标题 正文"
    assert join_title(None, "正文") == "正文"
    assert join_title("标题", "") == "标题"


def test_a_repost_chain_is_split_at_its_first_link() -> None:
    parts = split_repost("太过分了//@甲:我也遇到过//@乙:原文")
    assert parts.own == "太过分了"
    assert parts.quoted == "//@甲:我也遇到过//@乙:原文"


def test_a_repost_that_says_only_repost_has_no_words_of_its_own() -> None:
    for text in ("转发微博//@甲:原文", "Repost //@甲:原文", "//@甲:原文"):
        assert split_repost(text).own == ""


def test_a_text_without_chain_is_all_its_own() -> None:
    assert split_repost(" 自己写的 ").own == "自己写的"
    assert split_repost("http://a.b/c").quoted == ""


def test_story_form_keeps_words_only() -> None:
    assert story_form("【快讯】雲杉咖啡，召回！！@小明 [怒] http://t.cn/x") == "快讯云杉咖啡召回"
    assert story_form("！！！") == ""
