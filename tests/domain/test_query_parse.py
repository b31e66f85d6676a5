import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import TingfengError
from domain.query import (
    MAX_DEPTH,
    MAX_NEAR,
    MAX_QUERY_CHARS,
    And,
    Exists,
    MatchAll,
    Near,
    Node,
    Not,
    Or,
    Pattern,
    Problem,
    QueryError,
    QuerySyntaxError,
    Range,
    RangeOperator,
    Term,
    Wildcard,
    parse,
    to_kql,
)

PIECES = st.sampled_from(
    'a|手机| |  |\t|\n| and | or |not |NOT |and|or|not|near/3| NEAR/2 |:|: |(|)|"|"x y"|*|<| >= |{|}'.split("|")
    + '\\|\\t|\\(|\\u4f60|\\ud83d|\\ude00|\\and|\u3000|\u00a0|null|title|text: |\\"|\\*|"\\'.split("|")
)
QUERIES = st.lists(PIECES, max_size=10).map("".join)


def word(value: str, field: str | None = None) -> Term:
    return Term(field=field, value=value, quoted=False)


def quote(value: str, field: str | None = None) -> Term:
    return Term(field=field, value=value, quoted=True)


def pattern(*parts: str) -> Pattern:
    return Pattern(parts=parts)


@pytest.mark.parametrize(
    ("query", "tree"),
    [
        ("", MatchAll()),
        (" \t\n\u00a0", MatchAll()),
        ("*:*", MatchAll()),
        ("手机 发热", word("手机 发热")),
        ('"手机 发热"', quote("手机 发热")),
        ("a or or b", Or(children=(word("a"), word("or b")))),
        ("a AND b Or c", Or(children=(And(children=(word("a"), word("b"))), word("c")))),
        ("not a and b", And(children=(Not(child=word("a")), word("b")))),
        ("not (a or b)", Not(child=Or(children=(word("a"), word("b"))))),
        ("(a and b) and c", And(children=(And(children=(word("a"), word("b"))), word("c")))),
        ("brand:*", Exists(field="brand")),
        ("author.*: *", Exists(field=pattern("author.", ""))),
        ("*", Wildcard(field=None, pattern=pattern("", ""))),
        ("title: a*b ", Wildcard(field="title", pattern=pattern("a", "b"))),
        ("title: a\\*b", word("a*b", "title")),
        ('title: "a*b"', quote("a*b", "title")),
        ("topics:(a or not b and c)", parse("topics:a or not topics:b and topics:c")),
        ("author:{name:张三 and followers>=10}", parse("author.name:张三 and author.followers>=10")),
        ("a:{b:{c*:1} or d}", Or(children=(Term(field=pattern("a.b.c", ""), value="1", quoted=False), word("d")))),
        ("n<5", Range(field="n", operator=RangeOperator.LT, value="5", quoted=False)),
        ('n > "1 2"', Range(field="n", operator=RangeOperator.GT, value="1 2", quoted=True)),
        ("n <= 1*", Range(field="n", operator=RangeOperator.LTE, value="1*", quoted=False)),
        ('"a b": c', word("c", "a b")),
        ("\\u4f60\\ud83d\\ude00 \\and \\(\\)\\:", word("你😀 and ():")),
        ('"\\u4f60\\t\\q\\"\\\\"', quote('你\t\\q"\\')),
        ("\\ud83d", word("\ufffd")),
        ("a near b", word("a near b")),
        ("near/3 a", word("near/3 a")),
    ],
)
def test_queries_read_as_trees(query: str, tree: Node) -> None:
    assert parse(query) == tree


@pytest.mark.parametrize(
    ("query", "tree"),
    [
        ("云杉 NEAR/10 咖啡", Near(left=word("云杉"), right=word("咖啡"), distance=10)),
        ('"a b" near/0 c', Near(left=quote("a b"), right=word("c"), distance=0)),
        ("title: a NEAR/3 b", Near(left=word("a", "title"), right=word("b", "title"), distance=3)),
        ("title:(a NEAR/3 b or c)", parse("title: a NEAR/3 b or title: c")),
        ("(a or b) NEAR/2 c", parse("a NEAR/2 c or b NEAR/2 c")),
        ("text:(a or b) NEAR/2 (c or d)", parse("text:(a NEAR/2 c or a NEAR/2 d or b NEAR/2 c or b NEAR/2 d)")),
        ("(text:a or text:b) NEAR/2 c", parse("text:(a NEAR/2 c or b NEAR/2 c)")),
        ("not a NEAR/3 b and c", And(children=(Not(child=parse("a NEAR/3 b")), word("c")))),
        ('a NEAR/3"b"', Near(left=word("a"), right=quote("b"), distance=3)),
    ],
)
def test_near_joins_two_phrases_of_a_field(query: str, tree: Node) -> None:
    assert parse(query) == tree


def test_near_is_a_word_in_the_language_of_kibana() -> None:
    assert parse("a NEAR/3 b", near=False) == word("a NEAR/3 b")
    assert parse("a NEAR/3", near=False) == word("a NEAR/3")


def test_near_knows_its_field() -> None:
    node = parse("title: a NEAR/3 b")
    assert isinstance(node, Near)
    assert node.field == "title"


@pytest.mark.parametrize(
    ("query", "problem", "position"),
    [
        ("foo:", Problem.MISSING_VALUE, 4),
        ("foo >= ", Problem.MISSING_VALUE, 7),
        ("foo: )", Problem.MISSING_VALUE, 5),
        ('brand:"未闭合', Problem.UNCLOSED_QUOTE, 6),
        ('a and "b', Problem.UNCLOSED_QUOTE, 6),
        ('"a\\"', Problem.UNCLOSED_QUOTE, 0),
        ("(brand:x", Problem.UNCLOSED_PAREN, 8),
        ("a:(b or c", Problem.UNCLOSED_PAREN, 9),
        ("a:{b:c", Problem.UNCLOSED_BRACE, 6),
        ("brand:x)", Problem.UNEXPECTED_CLOSE, 7),
        ("a}", Problem.UNEXPECTED_CLOSE, 1),
        ("()", Problem.MISSING_CLAUSE, 1),
        ("a and ", Problem.MISSING_CLAUSE, 6),
        ("{a}", Problem.UNEXPECTED_TEXT, 0),
        ("a:b:c", Problem.UNEXPECTED_TEXT, 3),
        ('"a" b', Problem.UNEXPECTED_TEXT, 4),
        ("(a b", Problem.UNCLOSED_PAREN, 4),
        ('(a "b")', Problem.UNEXPECTED_TEXT, 3),
        ("foo cannot bar", Problem.UNEXPECTED_TEXT, 7),
        ("not not a", Problem.UNEXPECTED_TEXT, 4),
        ("a\\q", Problem.UNEXPECTED_TEXT, 1),
        ("a\\", Problem.UNEXPECTED_TEXT, 1),
        ("a NEAR/3 ", Problem.BAD_NEAR, 9),
        ("a NEAR/3", Problem.BAD_NEAR, 8),
        ("a NEAR/3 b NEAR/4 c", Problem.BAD_NEAR, 11),
        ("a b NEAR/3 c", Problem.BAD_NEAR, 0),
        ("a NEAR/3 b c", Problem.BAD_NEAR, 9),
        ("a NEAR/3 title: b", Problem.BAD_NEAR, 9),
        ("a* NEAR/3 b", Problem.BAD_NEAR, 0),
        ("(a and b) NEAR/3 c", Problem.BAD_NEAR, 0),
        ("(a or t:b) NEAR/3 c", Problem.BAD_NEAR, 11),
        (f"a NEAR/{MAX_NEAR + 1} b", Problem.BAD_NEAR, 2),
        (f"({' or '.join('a' * 20)}) NEAR/1 ({' or '.join('b' * 11)})", Problem.BAD_NEAR, 99),
    ],
)
def test_errors_say_what_and_where(query: str, problem: Problem, position: int) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        parse(query)
    assert (caught.value.problem, caught.value.position) == (problem, position)
    assert caught.value.query == query
    assert isinstance(caught.value, QueryError)
    assert isinstance(caught.value, TingfengError)


def test_an_error_shows_the_place_with_a_caret_and_a_hint() -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        parse("brand:云杉 and text:")
    assert str(caught.value) == (
        "query syntax: the field has no value at column 19\n"
        "brand:云杉 and text:\n"
        "      　　          ^\n"
        "Write field: value, field: (one or two), field: * or field >= 10."
    )


def test_an_error_in_a_query_of_several_lines_names_the_line() -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        parse("a\nor b)\nor c")
    assert (caught.value.line, caught.value.column) == (2, 4)
    assert str(caught.value).splitlines()[:3] == [
        "query syntax: ) closes nothing that is open here at line 2, column 5",
        "or b)",
        "    ^",
    ]


def test_an_error_in_a_long_line_shows_the_part_around_it() -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        parse("a" * 500 + ")" + "b" * 500)
    line, caret = caught.value.excerpt(width=20).splitlines()
    assert line == "…" + "a" * 10 + ")" + "b" * 9
    assert caret == " " * 11 + "^"


@pytest.mark.parametrize(
    "query", ["(" * 10_000, "a:" + "(" * 10_000, "a:{" * 10_000, "(" * 10_000 + "a" + ")" * 10_000, "not (" * 10_000]
)
def test_deep_nesting_is_refused_without_exhausting_the_stack(query: str) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        parse(query)
    assert caught.value.problem is Problem.TOO_DEEP


def test_as_many_levels_as_allowed_are_read() -> None:
    assert parse("(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH) == word("a")
    with pytest.raises(QuerySyntaxError):
        parse("(" * (MAX_DEPTH + 1) + "a" + ")" * (MAX_DEPTH + 1))


def test_a_tree_too_deep_for_its_parentheses_is_refused() -> None:
    query = "a"
    for _ in range(60):
        query = f"(b and not {query} or c)"
    with pytest.raises(QuerySyntaxError) as caught:
        parse(query)
    assert caught.value.problem is Problem.TOO_DEEP


def test_a_query_too_long_is_refused() -> None:
    assert parse("a" * MAX_QUERY_CHARS) == word("a" * MAX_QUERY_CHARS)
    with pytest.raises(QuerySyntaxError) as caught:
        parse("a" * (MAX_QUERY_CHARS + 1))
    assert caught.value.problem is Problem.TOO_LONG


@pytest.mark.parametrize("query", ["a" + " " * 60_000 + "b", "a or " * 13_000 + "a", '"' + "\\" * 60_000, "n" * 60_000])
def test_long_queries_are_read_in_linear_time(query: str) -> None:
    try:
        assert parse(query) != MatchAll()
    except QuerySyntaxError as err:
        assert err.problem is Problem.UNCLOSED_QUOTE


@given(st.text(st.characters(exclude_categories=[]), max_size=40) | QUERIES)
def test_any_text_reads_or_is_refused_at_a_place_inside(query: str) -> None:
    try:
        node = parse(query)
    except QuerySyntaxError as err:
        assert 0 <= err.position <= len(query)
        assert "^" in str(err)
    else:
        to_kql(node).encode()


@given(QUERIES)
def test_what_is_written_reads_as_the_same_tree(query: str) -> None:
    try:
        node = parse(query)
    except QuerySyntaxError:
        return
    assert parse(to_kql(node)) == node


WORDS = st.text(st.sampled_from('ab 手机"\\:()<>{}*ornotdNEAR/3\t\n\u00a0😀'), max_size=12)
RUNS = WORDS.map(str.strip)
NAMES = st.sampled_from(["title", "text", "a b", "", "x:y", "or", "not", "a*b", " c "])
PATTERNS = st.lists(RUNS, min_size=2, max_size=3).map(lambda parts: Pattern(parts=tuple(parts)))
FIELDS = st.none() | NAMES | PATTERNS.filter(lambda found: not found.is_lonely)
TERMS = st.builds(Term, field=FIELDS, value=RUNS, quoted=st.just(False)) | st.builds(
    Term, field=FIELDS, value=WORDS, quoted=st.just(True)
)
NEARS = st.builds(
    lambda field, left, right, n: Near(left=quote(left, field), right=quote(right, field), distance=n),
    st.none() | NAMES,
    WORDS,
    WORDS,
    st.integers(0, MAX_NEAR),
)
LEAVES = (
    st.just(MatchAll())
    | TERMS
    | NEARS
    | st.builds(Exists, field=NAMES)
    | st.builds(Wildcard, field=FIELDS, pattern=PATTERNS.filter(lambda found: not found.is_lonely))
    | st.builds(Range, field=NAMES, operator=st.sampled_from(RangeOperator), value=WORDS, quoted=st.just(True))
    | st.builds(Range, field=NAMES, operator=st.sampled_from(RangeOperator), value=RUNS, quoted=st.just(False))
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(Not, child=inner)
        | st.builds(And, children=st.lists(inner, min_size=2, max_size=3).map(tuple))
        | st.builds(Or, children=st.lists(inner, min_size=2, max_size=3).map(tuple))
    ),
    max_leaves=8,
)


@given(TREES)
def test_any_tree_is_written_and_read_back(tree: Node) -> None:
    assert parse(to_kql(tree)) == tree
