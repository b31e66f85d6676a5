import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.moment import SHANGHAI
from domain.query import (
    MENTION_FIELDS,
    FieldType,
    Near,
    Pattern,
    QueryError,
    Term,
    Wildcard,
    compile_matcher,
    matches_pattern,
    nearest_field,
    parse,
    phrases_of,
    resolve_fields,
    spans,
    unit_patterns_of,
    unknown_fields,
)
from domain.units import split_units

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
MENTION = {
    "title": "云杉咖啡上新",
    "text": "昨天买了云杉家的拿铁咖啡，iPhone16 拍的；Battery life is bad，退款被拒！😡",
    "brand": ("yunshan", "bailu"),
    "topics": (),
    "keywords": [None, "退款"],
    "author.name": "张三",
    "author.followers": 12_000,
    "author.region": "",
    "author.verified": False,
    "is_duplicate": True,
    "score": -0.8,
    "published_at": datetime(2026, 11, 24, 8, tzinfo=UTC),
    "event_at": "2026-11-24T16:00:00+08:00",
    "indexed_at": "soon",
    "first_collected_at": datetime(2026, 11, 24, 8),  # noqa: DTZ001 - a wrong value must not match
    "severity": True,
    "lang": 5,
    "outlet": None,
    "surprise": "x",
}


def matches(query: str, now: datetime | None = NOW) -> bool:
    return compile_matcher(parse(query), now=now)(MENTION)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "*",
        "云杉咖啡",
        "上新",
        '"退款被拒"',
        "text: 拿铁",
        "手机 退款",
        "iphone",
        "IPHONE16",
        "ｉＰｈｏｎｅ",
        '"battery life"',
        "phone life",
        "拿铁咖啡iphone",
        "😡",
        "iph*",
        "text: b*d",
        "text: iphone1*",
        "text: 拿铁* 手机",
        "text: *",
        "text: * 手机",
        "t*: 拿铁",
        "*: 张三",
        "brand: yunshan",
        "brand: yun*an",
        "brand: (nobody or bailu)",
        "keywords: 退款",
        "brand > yun",
        "author.*: 张三",
        "author.name: *三",
        "author:{name: 张三 and followers > 100}",
        "author.followers: 12000",
        "author.followers: 12000.0",
        "author.followers > 10000",
        "score <= -0.8",
        "score < 0",
        "is_duplicate: true",
        "not author.verified: true",
        "author.verified: false",
        "published_at: 2026-11-24",
        "published_at >= now-1h",
        "published_at > now-2h and published_at < now",
        'published_at <= "2026-11-24T08:00:00Z"',
        'event_at: "2026-11-24T08:00:00Z"',
        "brand: *",
        "author.*: *",
        "云杉 NEAR/2 拿铁",
        "拿铁 NEAR/2 云杉",
        "title: 云杉 NEAR/0 咖啡",
        "云杉 NEAR/0 云杉",
        "云杉 and not 云杉树",
        "not nope: x",
        "not topics: *",
    ],
)
def test_query_matches(query: str) -> None:
    assert matches(query)


@pytest.mark.parametrize(
    "query",
    [
        "手机",
        '"退款 拒"',
        "拿铁退款",
        "title: 拿铁",
        "咖啡云杉",
        '"life battery"',
        "life*battery",
        "phone",
        "text: ph*",
        "text: *hon",
        "text: 华*手机",
        '"！"',
        '""',
        "brand: Yunshan",
        "brand: yun",
        "brand: y*x",
        "brand: ys*n",
        "brand < a",
        "author.name: 张",
        "author.followers > 12000",
        "author.followers: 12001",
        "severity: 1",
        "severity > 0",
        "lang > a",
        "lang: 5",
        "lang: 5*",
        "is_duplicate: false",
        "published_at > now-1h",
        "published_at < 2026-11-24",
        "published_at: 2026-11-23",
        "indexed_at: 2026",
        "first_collected_at: 2026",
        "topics: *",
        "outlet: *",
        "author.region: *",
        "nope: *",
        "nope: x",
        "surprise: x",
        "BRAND: yunshan",
        "n*pe: x",
        "云杉 NEAR/1 拿铁",
        "上新 NEAR/9 昨天",
        "! NEAR/3 云杉",
        "云杉 NEAR/3 手机",
        "not 云杉",
        "云杉 and 手机",
        "手机 or 电脑",
    ],
)
def test_query_does_not_match(query: str) -> None:
    assert not matches(query)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("author.followers: many", "author.followers: 'many' is no number"),
        ("author.followers > many", "no number"),
        ("author.followers: 1*", "takes no wildcard"),
        ("is_duplicate: maybe", "neither true nor false"),
        ("is_duplicate > true", "no order"),
        ("text > a", "no order"),
        ("published_at: yesterday", "published_at: 'yesterday' is no date"),
        ("published_at > soon", "no date"),
        ("brand: a NEAR/3 b", "NEAR needs a text field"),
    ],
)
def test_a_value_that_the_field_cannot_have_is_refused(query: str, reason: str) -> None:
    with pytest.raises(QueryError, match=reason):
        compile_matcher(parse(query))


def test_a_pattern_of_fields_passes_over_those_that_do_not_fit() -> None:
    assert not matches("author.*: maybe")
    assert matches("author.*: a NEAR/2 b or 云杉")


def test_values_of_a_wrong_type_match_nothing() -> None:
    for query in ("text: 5", "text: 5*", "text: 5 NEAR/2 6", "text: *5*"):
        assert not compile_matcher(parse(query))({"text": 5})


def test_now_is_needed_only_where_it_is_named() -> None:
    assert matches("published_at: 2026", now=None)
    with pytest.raises(QueryError, match="depends on the present"):
        matches("published_at > now-1d", now=None)


def test_a_clock_is_asked_for_each_document() -> None:
    moments = [NOW]
    matcher = compile_matcher(parse("published_at >= now-1h and not indexed_at > now"), now=lambda: moments[-1])
    assert matcher(MENTION)
    moments.append(NOW + timedelta(minutes=1))
    assert not matcher(MENTION)
    with pytest.raises(QueryError, match="no date"):
        compile_matcher(parse("published_at > now-x"), now=lambda: NOW)
    assert compile_matcher(parse("published_at: 2026"), now=lambda: NOW)(MENTION)


def test_dates_are_read_in_the_zone() -> None:
    node = parse('published_at >= "2026-11-24T16:00" and published_at < "2026-11-24T16:01"')
    assert compile_matcher(node, zone=SHANGHAI)(MENTION)
    assert not compile_matcher(node)(MENTION)


def test_other_documents_have_their_own_fields() -> None:
    labels = {"severity": FieldType.KEYWORD, "rule": FieldType.KEYWORD}
    matcher = compile_matcher(parse("severity: critical and burst*"), fields=labels)
    assert matcher({"severity": "critical", "rule": "burst-negative"})
    assert not matcher({"severity": "critical", "rule": "match"})


def test_a_tree_at_the_depth_limit_matches_within_the_stack() -> None:
    query = "云杉"
    for _ in range(32):
        query = f"(手机 or not {query} and 咖啡)"
    assert matches(query)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("云杉", ["云杉"]),
        ("云杉 NEAR/2 拿铁", ["云杉", "拿铁"]),
        ("云杉 NEAR/1 拿铁", []),
        ("拿铁咖啡 or 咖啡 or 铁咖", ["拿铁咖啡"]),
        ("拿铁 or 咖啡", ["拿铁", "咖啡"]),
        ("iphone1*", ["iPhone16"]),
        ("battery 退款", ["Battery", "退款"]),
        ("云杉 and not 拿铁", ["云杉"]),
        ("not (not 云杉 or 拿铁)", ["云杉"]),
        ("t*: 拿铁 or title: 云杉 or text: 退款", ["拿铁", "退款"]),
        ("* or text: ** or brand: 云杉 or author.followers > 3 or brand: *", []),
        ("手机", []),
    ],
)
def test_spans_are_the_wanted_phrases(query: str, found: list[str]) -> None:
    text = str(MENTION["text"])
    assert [text[start:end] for start, end in spans(parse(query), text)] == found


def test_spans_concern_one_field() -> None:
    assert spans(parse("title: 云杉"), "云杉") == []
    assert spans(parse("title: 云杉"), "云杉", field="title") == [(0, 2)]


def test_each_occurrence_has_a_span() -> None:
    assert spans(parse("aa"), "aa, AA aa") == [(0, 2), (4, 6), (7, 9)]
    assert spans(parse("哈哈"), "哈哈哈") == [(0, 3)]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("手机*", [["手", "机"]]),
        ("te*st", [["te*st"]]),
        ("a**b*c", [["a*b*c"]]),
        ("x*5", [["x*", "*5"]]),
        ("华*5 * a", [["华", "*5"], ["*"], ["a"]]),
        ("foo* bar *baz q", [["foo*"], ["bar"], ["*baz"], ["q"]]),
        ("! a* a*", [["a*"]]),
        ("* *", [["*"]]),
    ],
)
def test_stars_go_on_within_words_and_numbers(value: str, words: list[list[str]]) -> None:
    node = parse(f"text: {value}")
    assert isinstance(node, Wildcard)
    assert [["*".join(unit.parts) for unit in word] for word in unit_patterns_of(node.pattern)] == words


def test_words_and_quotes_give_phrases() -> None:
    assert phrases_of(Term(field=None, value="手机 发热 手机 ！", quoted=False)) == (("手", "机"), ("发", "热"))
    assert phrases_of(Term(field=None, value="手机 5G", quoted=True)) == (("手", "机", "5", "g"),)


def test_every_field_of_the_public_list_is_known() -> None:
    assert set(MENTION_FIELDS) >= {"title", "text", "brand", "author.followers", "published_at", "reach"}
    assert resolve_fields("text") == ("text",)
    assert resolve_fields(None) == ("title", "text")
    assert resolve_fields(Pattern(parts=("author.", ""))) == tuple(n for n in MENTION_FIELDS if n.startswith("author."))
    assert resolve_fields("Text") == ()


def test_unknown_fields_are_named_once_in_order() -> None:
    node = parse("(b: 1 or not a > 2) and text: x and b: * and z*q: 1 and y and a: p NEAR/2 q")
    assert unknown_fields(node) == ("b", "a", "z*q")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("Brand", "brand"),
        ("author.follower", "author.followers"),
        ("sentimant", "sentiment"),
        ("followers", "author.followers"),
        ("views", "engagement.views"),
        ("qqqq", None),
    ],
)
def test_nearest_field_helps_with_typos(name: str, nearest: str | None) -> None:
    assert nearest_field(name) == nearest


@pytest.mark.parametrize(
    ("parts", "text", "fits"),
    [
        (("a",), "a", True),
        (("a",), "ab", False),
        (("", ""), "", True),
        (("a", "a"), "a", False),
        (("a", "b", "c"), "axbyc", True),
        (("a", "b", "c"), "acb", False),
        (("a", "c", "c"), "abc", False),
    ],
)
def test_patterns_fit_whole_texts(parts: tuple[str, ...], text: str, fits: bool) -> None:
    assert matches_pattern(Pattern(parts=parts), text) is fits


def test_patterns_made_to_be_slow_are_answered() -> None:
    text = "a" * 50_000
    assert not matches_pattern(Pattern(parts=("a",) * 1_000 + ("b",)), text)
    assert not compile_matcher(parse("text:" + "a*" * 200 + "b"))({"text": text})


SHORT = st.text("ab云 ", min_size=1, max_size=3)
LONG = st.text("ab云 ", max_size=14)


def _near_by_trying(text: str, left: str, right: str, distance: int) -> bool:
    units, first, second = split_units(text), split_units(left), split_units(right)
    starts = [
        [at for at in range(len(units)) if phrase and units[at : at + len(phrase)] == phrase]
        for phrase in (first, second)
    ]
    return any(
        (two - one - len(first) if one <= two else one - two - len(second)) <= distance
        for one in starts[0]
        for two in starts[1]
    )


@given(LONG, SHORT, SHORT, st.integers(0, 4))
def test_near_agrees_with_trying_every_pair(text: str, left: str, right: str, distance: int) -> None:
    terms = [Term(field="text", value=value, quoted=True) for value in (left, right)]
    node = Near(left=terms[0], right=terms[1], distance=distance)
    wanted = _near_by_trying(text, left, right, distance)
    assert compile_matcher(node)({"text": text}) is wanted
    assert bool(spans(node, text)) is wanted


@given(LONG, SHORT, SHORT, st.integers(0, 4))
def test_phrases_and_near_agree_with_the_search_index(text: str, left: str, right: str, distance: int) -> None:
    phrases = [" ".join(split_units(value)) for value in (left, right)]
    terms = [Term(field="text", value=value, quoted=True) for value in (left, right)]
    near = Near(left=terms[0], right=terms[1], distance=distance)
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE VIRTUAL TABLE found USING fts5(body, tokenize='unicode61 remove_diacritics 0')")
        connection.execute("INSERT INTO found VALUES (?)", (" ".join(split_units(text)),))
        search = "SELECT count(*) FROM found WHERE found MATCH ?"
        for node, query in (
            (terms[0], f'"{phrases[0]}"'),
            (near, f'NEAR("{phrases[0]}" "{phrases[1]}", {distance})' if all(phrases) else '""'),
        ):
            answer = connection.execute(search, (query,)).fetchone()[0]
            assert compile_matcher(node)({"text": text}) is bool(answer), query
    finally:
        connection.close()
