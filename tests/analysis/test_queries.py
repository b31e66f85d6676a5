from hypothesis import given
from hypothesis import strategies as st

from analysis.queries import QuerySet, needed_phrases, unit_line
from domain.query import compile_matcher, parse

QUERIES = {
    "plain": "咖啡",
    "either": "拿铁 or 摩卡",
    "both": "云杉 and 咖啡",
    "but": "咖啡 and not 云杉",
    "near": "云杉 NEAR/2 咖啡",
    "not": "not 咖啡",
    "field": "platform: weibo",
    "mixed": "咖啡 or platform: weibo",
    "all": "*",
    "latin": "iphone16",
    "title": "title: 云杉",
    "quoted": '"云杉 咖啡"',
}
WORDS = st.lists(st.sampled_from(["云杉", "咖啡", "拿铁", "摩卡", "，", " ", "iPhone 16", "茶"]), max_size=8)


@given(WORDS, WORDS, st.sampled_from(["weibo", "web"]))
def test_the_pass_over_all_queries_finds_what_each_alone_finds(
    title: list[str], text: list[str], platform: str
) -> None:
    document = {"title": "".join(title) or None, "text": "".join(text), "platform": platform}
    line = unit_line(f"{''.join(title)}。{''.join(text)}")
    alone = sorted(name for name, query in QUERIES.items() if compile_matcher(parse(query))(document))
    assert QuerySet(QUERIES).matching(line, lambda: document) == alone


def test_the_document_is_not_made_when_no_query_can_hold() -> None:
    def unwanted() -> dict[str, object]:
        raise AssertionError("made although nothing can hold")

    assert QuerySet({"one": "咖啡"}).matching(unit_line("一杯茶"), unwanted) == []
    assert QuerySet({}).matching(unit_line("一杯茶"), unwanted) == []


def test_needed_phrases_are_unknown_without_a_wanted_text_term() -> None:
    for query in ("*", "not 咖啡", "platform: weibo", "咖啡 or platform: weibo", "url: *", "score < 0"):
        assert needed_phrases(parse(query)) is None
    assert needed_phrases(parse("platform: weibo and 咖啡")) == {" 咖 啡 "}
