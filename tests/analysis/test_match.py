import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.match import AliasFinder, BrandHit, BrandMatcher, brand_words, brands_version
from analysis.normalise import fold_text, simplify
from analysis.queries import unit_line
from domain.query import QueryError
from domain.tagging import BrandDefinition
from tests.analysis.builders import BAILU, YUNSHAN


def match(
    text: str, title: str | None = None, brands: tuple[BrandDefinition, ...] = (YUNSHAN, BAILU)
) -> list[BrandHit]:
    line = unit_line(fold_text(f"{title or ''}。{text}"))
    return BrandMatcher(brands).match(title, text, line, lambda: {"platform": "weibo"})


def test_a_brand_is_named_where_its_query_holds() -> None:
    (hit,) = match("今天喝了云杉咖啡，云杉拿铁也不错")
    assert hit.brand == "yunshan"
    assert hit.spans == ((4, 8), (9, 13))


def test_brands_come_in_order_of_id() -> None:
    assert [hit.brand for hit in match("云杉咖啡和白鹿奶茶哪个好喝")] == ["bailu", "yunshan"]


def test_an_alias_gives_a_place_but_no_match_of_its_own() -> None:
    assert match("Yunshan Coffee 不错") == []
    (hit,) = match("YUNSHAN COFFEE 就是云杉咖啡")
    assert hit.spans == ((0, 14), (17, 21))


def test_traditional_text_names_a_simplified_brand_at_its_own_places() -> None:
    brand = BrandDefinition(id="bl", name="白鹿饮", query="白鹿饮品")
    (hit,) = match("這是白鹿飲品", brands=(brand,))
    assert hit.spans == ((2, 6),)


def test_a_name_in_the_title_counts_and_has_its_own_places() -> None:
    (hit,) = match("正文没有提到", title="云杉咖啡涨价")
    assert hit.spans == ()
    assert hit.title_spans == ((0, 4),)


def test_a_definition_may_ask_for_other_fields() -> None:
    brand = BrandDefinition(id="w", name="云杉", query="云杉 and platform: zhihu")
    assert match("云杉", brands=(brand,)) == []
    assert BrandMatcher((brand,)).match(None, "云杉", unit_line("云杉")) == []


def test_a_broken_definition_is_refused() -> None:
    with pytest.raises(QueryError):
        BrandMatcher((BrandDefinition(id="x", name="x", query="(云杉"),))


def test_latin_names_stand_alone() -> None:
    finder = AliasFinder({"a": ("JD", "京东"), "b": ("jd.com", " ")})
    assert [(hit.owner, hit.start, hit.end) for hit in finder.find("jd和京东不是jdx, jd.com是")] == [
        ("a", 0, 2),
        ("a", 3, 5),
        ("b", 12, 18),
    ]


def test_no_names_find_nothing() -> None:
    assert AliasFinder({}).find("随便什么") == []


@given(st.text(alphabet="云杉咖啡拿铁，軟體a ", max_size=40))
def test_places_lie_inside_the_text_in_order(text: str) -> None:
    for hit in match(text):
        ends = [0]
        for start, end in hit.spans:
            assert ends[-1] <= start < end <= len(text)
            assert simplify(text[start:end]).strip()
            ends.append(end)


def test_the_version_changes_with_a_definition_and_not_with_the_order() -> None:
    assert brands_version((YUNSHAN, BAILU)) == brands_version((BAILU, YUNSHAN))
    other = BrandDefinition(id="bailu", name="白鹿茶饮", query="白鹿茶饮")
    assert brands_version((YUNSHAN, other)) != brands_version((YUNSHAN, BAILU))


def test_brand_words_are_folded_and_without_blanks() -> None:
    assert brand_words((YUNSHAN, BAILU)) == ("云杉咖啡", "白鹿茶饮")
