import sqlite3
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.units import MAX_UNIT_CHARS, is_open_ended, split_units, split_units_with_spans

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=60)
LIKELY_TEXT = st.text(
    st.sampled_from("云杉咖啡のガか\u3099ｶﾞabcABCée\u0301①㎏ﬁß019１２，。 ,\"'\t\u200b\u00ad😀👍🏽ไทย한국"), max_size=40
)


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("云杉咖啡", ["云", "杉", "咖", "啡"]),
        ("iPhone16 Pro", ["iphone", "16", "pro"]),
        ("真5G！", ["真", "5", "g"]),
        ("ＩＰＨＯＮＥ１６", ["iphone", "16"]),
        ("café CAFE\u0301", ["cafe", "cafe"]),
        ("①㎏", ["1", "kg"]),
        ("3.15 1,000", ["3", "15", "1", "000"]),
        ("don't e-mail foo_bar", ["don", "t", "e", "mail", "foo", "bar"]),
        ("[怒]", ["怒"]),
        ("か\u3099 ｶﾞ あ\u3099", ["が", "ガ", "あ"]),
        ("ip\u200bhone 云\u200b杉", ["iphone", "云", "杉"]),
        ("Nike™ ®", ["nike"]),
        ("ΟΔΟΣ οδος", ["οδοσ", "οδοσ"]),
        ("한국", ["한", "국"]),
        ("⼀豈", ["一", "豈"]),
        ("軟體", ["軟", "體"]),
        ("", []),
        (" ，。！…—「」 \n", []),
    ],
)
def test_text_splits_into_characters_words_and_numbers(text: str, units: list[str]) -> None:
    assert split_units(text) == units


def test_emoji_are_units_that_no_word_or_number_can_be() -> None:
    assert split_units("😀👍🏽❤️") == ["u1f600", "u1f44d", "u2764"]
    assert split_units("u1f600") == ["u", "1", "f", "600"]


def test_spans_point_at_the_raw_text() -> None:
    text = "买 iPhone１６，云杉"
    assert [(unit, text[start:end]) for unit, start, end in split_units_with_spans(text)] == [
        ("买", "买"),
        ("iphone", "iPhone"),
        ("16", "１６"),
        ("云", "云"),
        ("杉", "杉"),
    ]


def test_units_of_an_expanding_character_share_its_span() -> None:
    assert split_units_with_spans("xﷺ") == [(unit, 0, 2) for unit in ("xصلى", "الله", "عليه", "وسلم")]


def test_long_runs_are_cut() -> None:
    units = split_units_with_spans("a" * 130 + " " + "9" * 65)
    assert [len(unit) for unit, _, _ in units] == [64, 64, 2, 64, 1]
    assert units[2][1:] == (128, 130)
    assert units[-1] == ("9", 195, 196)


@pytest.mark.parametrize(
    "text",
    ["a" * 300_000, "e" + "\u0315\u0301" * 150_000, "a\u200b" * 150_000, "\u0e35" * 300_000],
)
def test_runs_made_to_be_slow_are_split_whole(text: str) -> None:
    assert sum(map(len, split_units(text))) <= len(text)


@pytest.mark.parametrize(
    ("unit", "is_open"),
    [("iphone", True), ("16", True), ("云", False), ("u1f600", False), ("が", False)],
)
def test_words_and_numbers_are_open_ended(unit: str, is_open: bool) -> None:
    assert is_open_ended(unit) is is_open


@given(ANY_TEXT | LIKELY_TEXT)
@example("\ud800")
@example("\U0001f3fb")
def test_any_text_gives_clean_units_with_spans_in_order(text: str) -> None:
    before = 0
    for unit, start, end in split_units_with_spans(text):
        assert 0 < len(unit) <= MAX_UNIT_CHARS
        assert not any(char.isspace() or char in "\"'*()^:" for char in unit)
        assert before <= start < end <= len(text)
        before = start


@given(ANY_TEXT | LIKELY_TEXT)
def test_units_split_into_themselves(text: str) -> None:
    units = [unit for unit in split_units(text) if not _is_sign(unit)]
    assert split_units(" ".join(units)) == units


@given(LIKELY_TEXT)
def test_compatibility_forms_give_the_units_of_their_plain_forms(text: str) -> None:
    plain = [unit for unit in split_units(text) if not _is_sign(unit)]
    words = "".join(char for char in text if char not in "①㎏")
    if words == text:
        assert split_units(unicodedata.normalize("NFC", " ".join(plain))) == plain


@given(st.lists(ANY_TEXT | LIKELY_TEXT, min_size=1, max_size=5))
def test_each_unit_is_one_token_of_the_search_index(texts: list[str]) -> None:
    units = [unit for text in texts for unit in split_units(text)]
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE VIRTUAL TABLE found USING fts5(body, tokenize='unicode61 remove_diacritics 0')")
        connection.execute("CREATE VIRTUAL TABLE vocabulary USING fts5vocab(found, 'instance')")
        connection.execute("INSERT INTO found(body) VALUES (?)", (" ".join(units),))
        tokens = [row[0] for row in connection.execute("SELECT term FROM vocabulary ORDER BY offset")]
    finally:
        connection.close()
    assert tokens == units


def _is_sign(unit: str) -> bool:
    return not (unit.isalpha() or unit.isnumeric())
