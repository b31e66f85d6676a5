from hypothesis import given
from hypothesis import strategies as st

from analysis.clause import MASK, has_contrast, mask, part_about, split_clauses

TEXTS = st.text(alphabet="云杉白鹿好喝难，。但是不过却！;\n", max_size=60)


def place(text: str, *names: str) -> list[tuple[int, int]]:
    return [(text.index(name), text.index(name) + len(name)) for name in names if name in text]


def about(text: str, own: str, *others: str) -> str | None:
    spans = part_about(text, place(text, own), place(text, *others))
    return None if spans is None else "|".join(text[start:end] for start, end in spans)


def test_one_brand_without_contrast_is_the_whole_text() -> None:
    assert about("云杉咖啡很好喝，店员也热情", "云杉") is None


def test_a_brand_that_stands_nowhere_is_the_whole_text() -> None:
    assert about("但是很好喝", "云杉") is None


def test_two_brands_get_their_own_clauses() -> None:
    text = "云杉太难喝了，白鹿倒是不错，下次还买"
    assert about(text, "云杉", "白鹿") == "云杉太难喝了"
    assert about(text, "白鹿", "云杉") == "白鹿倒是不错|下次还买"


def test_a_contrast_word_begins_a_clause() -> None:
    assert about("环境挺好但是云杉太贵", "云杉") == "但是云杉太贵"
    assert has_contrast("好喝但贵")
    assert not has_contrast("好喝又便宜")


@given(TEXTS)
def test_clauses_are_in_order_and_not_empty(text: str) -> None:
    last = 0
    for start, end in split_clauses(text):
        assert last <= start < end <= len(text)
        last = end


@given(TEXTS)
def test_clauses_lose_nothing_but_punctuation(text: str) -> None:
    kept = "".join(text[start:end] for start, end in split_clauses(text))
    assert kept == "".join(char for char in text if char not in "。！？；，!?;,\n")


def test_masking_hides_all_brands_alike() -> None:
    text = "云杉比白鹿贵，但云杉好喝"
    spans = [*place(text, "白鹿"), (0, 2), (8, 10)]
    assert mask(text, [(0, 6), (7, 12)], spans) == f"{MASK}比{MASK}贵，但{MASK}好喝"
    assert mask(text, [(0, 1)], [(0, 2)]) == MASK
    assert mask(text, [], spans) == ""
