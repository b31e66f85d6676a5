"""Query DSL: Kibana's own answers in its mode; bounded and honest about exactness in ours."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from domain.query import MENTION_FIELDS, Near, QueryError, QuerySyntaxError, Term, parse
from storage.mentions.dsl import KIBANA_FIELDS, Clause, compile_query, kibana_query

NOW = datetime(2026, 6, 20, 8, 0, tzinfo=UTC)
FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
ORACLE: dict[str, Any] = json.loads((FIXTURES / "kql_oracle.json").read_text("utf-8"))
VIEW = {
    **{name: "text" for name in ("title", "text")},
    **{name: "keyword" for name in ("brand", "sentiment", "platform", "topics", "author.name")},
    **{"author.followers": "long", "published_at": "date", "is_duplicate": "boolean"},
}


def ours(query: str) -> Clause:
    return compile_query(parse(query), now=NOW)


# --- Kibana's reading ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", [query for query, answer in ORACLE.items() if "error" not in answer])
def test_kibana_mode_gives_what_kibana_gives(query: str) -> None:
    assert kibana_query(parse(query, near=False), VIEW) == ORACLE[query]


@pytest.mark.parametrize("query", [query for query, answer in ORACLE.items() if "error" in answer])
def test_kibana_mode_refuses_what_kibana_refuses_at_the_same_place(query: str) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        parse(query, near=False)
    assert caught.value.position == len(ORACLE[query]["error"].split("\n")[-1]) - 1


def test_the_oracle_has_all_its_strings() -> None:
    assert sum("error" not in answer for answer in ORACLE.values()) == 25
    assert sum("error" in answer for answer in ORACLE.values()) == 5


def test_kibana_adds_its_time_zone_to_dates_only() -> None:
    dates = kibana_query(parse("published_at >= 2026-06-20", near=False), VIEW, zone="Asia/Shanghai")
    (clause,) = dates["bool"]["should"]
    assert clause == {"range": {"published_at": {"gte": "2026-06-20", "time_zone": "Asia/Shanghai"}}}
    numbers = kibana_query(parse("author.followers >= 5", near=False), VIEW, zone="Asia/Shanghai")
    assert numbers["bool"]["should"] == [{"range": {"author.followers": {"gte": "5"}}}]


def test_kibana_knows_no_near() -> None:
    near = Near(
        left=Term(field=None, value="甲", quoted=False), right=Term(field=None, value="乙", quoted=False), distance=2
    )
    with pytest.raises(QueryError, match="NEAR"):
        kibana_query(near)


def test_the_public_fields_are_the_data_view() -> None:
    assert set(KIBANA_FIELDS) == set(MENTION_FIELDS)
    assert kibana_query(parse("author.*: 张三", near=False))["bool"]["should"][0] == {
        "term": {"author.id": {"value": "张三"}}
    }


# --- our reading ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "dsl"),
    [
        ("*", {"match_all": {}}),
        ("platform: weibo", {"term": {"platform": "weibo"}}),
        ("platform: (weibo or zhihu)", {"terms": {"platform": ["weibo", "zhihu"]}}),
        ("text: 异物", {"match_phrase": {"inner.text": "异 物"}}),
        ("text: 云", {"term": {"inner.text": "云"}}),
        ("text: hel*", {"wildcard": {"inner.text": {"value": "hel*"}}}),
        ("text: *", {"term": {"inner.filled": "text"}}),
        ("brand: *", {"range": {"brand": {"gt": ""}}}),
        ("author.followers: *", {"exists": {"field": "author.followers"}}),
        ("author.followers >= 0.5", {"range": {"author.followers": {"gt": 0}}}),
        ("author.followers < -0.5", {"range": {"author.followers": {"lte": -1}}}),
        ("author.followers: 0.5", {"match_none": {}}),
        ("author.followers: 1e3", {"term": {"author.followers": 1000}}),
        ("score > -0", {"range": {"score": {"gt": 0.0}}}),
        ("is_duplicate: true", {"term": {"is_duplicate": True}}),
        ("source: a\\*b*", {"wildcard": {"source": {"value": "a\\*b*"}}}),
        ("not nonsense: 1", {"match_all": {}}),
        ("not *", {"match_none": {}}),
        ("nonsense: 1 or 。", {"match_none": {}}),
        ("platform: weibo and *", {"term": {"platform": "weibo"}}),
        ("platform: weibo and not *", {"match_none": {}}),
        ("not platform: weibo", {"bool": {"must_not": [{"term": {"platform": "weibo"}}]}}),
        (
            "event_at: 2026-06-20",
            {"range": {"event_at": {"gte": 1781884800000, "lte": 1781971199999, "format": "epoch_millis"}}},
        ),
    ],
)
def test_a_clause_is_exact_and_plain(query: str, dsl: dict[str, Any]) -> None:
    assert ours(query) == Clause(query=dsl, depth=ours(query).depth)


def test_a_bare_value_looks_into_title_and_text() -> None:
    assert ours("云杉").query["bool"]["should"] == [
        {"match_phrase": {"inner.title": "云 杉"}},
        {"match_phrase": {"inner.text": "云 杉"}},
    ]


@pytest.mark.parametrize("query", ["甲 NEAR/3 乙", "text: a*b c*d", "author.followers > 99999999999999999999"])
def test_what_the_engine_cannot_say_lets_more_through(query: str) -> None:
    assert not ours(query).exact or query.startswith("text")
    assert not ours(f"not ({query})").exact or query.startswith("text")


def test_several_patterns_side_by_side_are_left_to_the_matcher() -> None:
    clause = ours("text: 云a*")
    assert not clause.exact
    assert clause.query == {
        "bool": {"filter": [{"term": {"inner.text": "云"}}, {"wildcard": {"inner.text": {"value": "a*"}}}]}
    }


def test_near_needs_both_phrases_in_one_field() -> None:
    clause = ours("text: 甲 NEAR/3 乙")
    assert clause.query == {"bool": {"filter": [{"term": {"inner.text": "甲"}}, {"term": {"inner.text": "乙"}}]}}
    assert ours("甲 NEAR/3 。").query == {"match_none": {}}


def test_an_or_with_something_unsayable_says_nothing() -> None:
    clause = ours("platform: weibo or author.followers > 99999999999999999999")
    assert (clause.query, clause.exact) == ({"match_all": {}}, False)
    assert ours("* or author.followers > 99999999999999999999").exact


def test_a_query_is_never_deeper_or_longer_than_the_engine_takes() -> None:
    deep = "甲"
    for n in range(40):
        deep = f"({deep} and not 乙{n}) or 丙" if n % 2 else f"({deep} and not id: x{n}) and 甲"
    assert ours(deep).depth <= 20
    long = " or ".join(f"text: 甲乙{n}" for n in range(2000))
    assert ours(long) == Clause(query={"match_all": {}}, exact=False)
    values = " or ".join(f"id: x{n}" for n in range(2000))
    assert len(ours(values).query["terms"]["id"]) == 2000
    assert not ours(f"url: {'x' * 9000}").exact
