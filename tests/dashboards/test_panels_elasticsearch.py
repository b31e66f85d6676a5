"""Every panel, control and saved search on a real node: it runs, and its numbers are the product's own."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from dashboards import kpi
from dashboards.kibana import bundle
from dashboards.kibana.answer import Row, rows_of
from dashboards.kibana.board import COUNTED
from dashboards.kibana.check import field_types, problems
from dashboards.kibana.question import Question, questions
from domain.counting import CountBy, CountRow
from domain.moment import SHANGHAI
from domain.query import parse
from domain.tagging import Polarity
from service.kibana import kibana_dsl
from storage.memory import MemoryMentions
from storage.mentions.elastic.store import ElasticMentions
from tests.dashboards.world import BRANDS, NOW, WINDOW, mentions

pytestmark = pytest.mark.es

_NAMES = {Polarity.NEGATIVE: "负面", Polarity.NEUTRAL: "中性", Polarity.POSITIVE: "正面"}


class Asked:
    """The objects' requests and their answers, and the product's own store beside them."""

    def __init__(self, elastic: ElasticMentions) -> None:
        self.all = mentions()
        elastic.put(self.all, now=NOW)
        self.elastic = elastic
        self.memory = MemoryMentions()
        self.memory.put(self.all, now=NOW)
        self.objects = [each.json() for each in bundle(elastic.indices.alias)]
        self.questions = questions(self.objects, window=WINDOW, to_dsl=kibana_dsl)

    def answer(self, question: Question) -> Mapping[str, Any]:
        found = self.elastic.client.search(index=self.elastic.indices.alias, body=question.body).body
        assert not found["timed_out"]
        assert found["_shards"]["failed"] == 0
        return found

    def rows(self, board: str, panel: str) -> tuple[Row, ...]:
        (question,) = [
            each for each in self.questions if (each.board, each.panel) == (f"听风 {board}", panel) and each.columns
        ]
        return rows_of(question, self.answer(question))

    def number(self, board: str, panel: str) -> float:
        (row,) = self.rows(board, panel)
        (value,) = row.values.values()
        assert value is not None
        return value

    def table(self, board: str, panel: str, label: str = "声量") -> dict[Any, float | None]:
        found = {row.keys if len(row.keys) > 1 else row.keys[0]: row.values[label] for row in self.rows(board, panel)}
        assert found
        return found

    @property
    def counts(self) -> list[CountRow]:
        return list(self.elastic.counts(WINDOW))


@pytest.fixture(scope="module")
def asked(elasticsearch_url: str) -> Iterator[Asked]:
    from tests.elasticsearch_node.fixture import drop, open_elastic

    store = open_elastic(elasticsearch_url)
    yield Asked(store)
    drop(store)


def test_every_request_runs_and_finds_something(asked: Asked) -> None:
    assert len(asked.questions) > 75
    empty = []
    for question in asked.questions:
        answer = asked.answer(question)
        if not answer["hits"]["total"]["value"] or (question.columns and not rows_of(question, answer)):
            empty.append((question.board, question.panel))
    assert empty == []


def test_kibanas_reading_of_every_query_counts_what_ours_counts(asked: Asked) -> None:
    """The same query through Kibana's language on the node, and through ours in memory."""
    differ = []
    for kql in {COUNTED, *_queries(asked.objects)}:
        body = {"query": {"bool": {"filter": [kibana_dsl(kql)]}}}
        there = asked.elastic.client.count(index=asked.elastic.indices.alias, body=body)["count"]
        own = asked.elastic.client.count(index=asked.elastic.indices.alias, body={"query": {"kql": {"query": kql}}})
        here = asked.memory.count(parse(kql), now=NOW)
        if not here == there == own["count"]:
            differ.append((kql, here, there, own["count"]))
    assert differ == []


def _queries(value: object) -> Iterator[str]:
    if isinstance(value, str) and value[:2] in ('{"', "[{"):
        yield from _queries(json.loads(value))
    elif isinstance(value, dict):
        if value.get("language") == "kuery" and value["query"]:
            yield value["query"]
        for each in value.values():
            yield from _queries(each)
    elif isinstance(value, list):
        for each in value:
            yield from _queries(each)


def test_every_field_is_in_the_index_with_a_fitting_type(asked: Asked) -> None:
    (found,) = {
        str(body["mappings"]["properties"]): body["mappings"]["properties"]
        for body in asked.elastic.client.indices.get_mapping(index=asked.elastic.indices.alias).body.values()
    }.values()
    assert problems(asked.objects, field_types(found)) == ()


def test_volume_share_and_mood_are_those_of_the_counts(asked: Asked) -> None:
    volumes = kpi.volume(asked.counts)
    assert asked.table("品牌总览", "声量占比（SOV）") == volumes
    assert set(volumes) == set(BRANDS)
    pairs: Counter[str] = Counter()
    for row in asked.counts:
        pairs[f"{row.brand} · {_NAMES[row.polarity]}"] += row.mentions
    assert asked.table("品牌总览", "品牌 · 情感") == pairs
    negative = {brand: pairs[f"{brand} · 负面"] for brand in BRANDS}
    assert asked.table("危机室", "品牌") == negative


def test_authors_are_those_of_the_counts(asked: Asked) -> None:
    found = asked.table("品牌总览", "品牌 · 情感", "作者")
    for brand in BRANDS:
        for polarity, name in _NAMES.items():
            exact = asked.elastic.distinct_authors(WINDOW, brand=brand, polarity=polarity, include_backfill=True)
            assert found[f"{brand} · {name}"] == exact


def test_the_negative_line_adds_up_to_the_counts(asked: Asked) -> None:
    drawn: Counter[str] = Counter()
    for (brand, _), number in asked.table("品牌总览", "各品牌负面走势").items():
        drawn[brand] += int(number or 0)
    counted: Counter[str] = Counter()
    for row in asked.counts:
        if row.polarity is Polarity.NEGATIVE:
            counted[row.brand] += row.mentions
    assert drawn == counted


def test_the_platform_matrix_is_that_of_the_counts(asked: Asked) -> None:
    expected = {
        (platform, f"{brand} · {_NAMES[polarity]}"): number
        for brand in BRANDS
        for platform, by in kpi.platform_matrix([row for row in asked.counts if row.brand == brand]).items()
        for polarity, number in by.items()
        if number
    }
    assert asked.table("渠道矩阵", "平台 × 品牌 · 情感") == expected


def test_topics_and_risks_are_those_of_the_store(asked: Asked) -> None:
    by_topic: Counter[str] = Counter()
    for (topic, _mood), number in asked.table("品牌总览", "主题").items():
        by_topic[topic] += int(number or 0)
    assert by_topic == {
        each.term: each.mentions
        for each in asked.memory.terms(parse(COUNTED), now=NOW, field="topics", window=WINDOW, limit=50)
    }
    bad = parse(f"{COUNTED} and negative_for: *")
    assert asked.table("危机室", "风险") == {
        each.term: each.mentions for each in asked.memory.terms(bad, now=NOW, field="risk", window=WINDOW, limit=50)
    }
    one = [row for row in asked.elastic.counts(WINDOW, brand="yunshan", by=CountBy.TOPIC)]
    assert {topic for topic, _, _ in kpi.top_topics(one)} <= set(by_topic)


def test_big_numbers_are_those_of_the_key_figures(asked: Asked) -> None:
    counted = [
        each for each in asked.all if each.brands and not {flag.value for flag in each.flags} & {"owned", "deleted"}
    ]
    assert asked.number("品牌总览", "声量") == len(counted)
    assert asked.number("品牌总览", "互动") == kpi.engagement(counted).total
    assert asked.number("品牌总览", "触达") == kpi.reach(counted).stated_people
    assert asked.number("品牌总览", "触达已知的比例") == pytest.approx(kpi.reach(counted).stated_by / len(counted))
    bad = [each for each in counted if any(tag.sentiment.polarity is Polarity.NEGATIVE for tag in each.tags.brands)]  # type: ignore[union-attr]
    good = [each for each in counted if any(tag.sentiment.polarity is Polarity.POSITIVE for tag in each.tags.brands)]  # type: ignore[union-attr]
    assert asked.number("危机室", "负面声量") == len(bad)
    assert asked.number("危机室", "负面率") == pytest.approx(len(bad) / len(counted))
    health = 50 * (1 + (len(good) - len(bad)) / (len(good) + len(bad) + kpi.HEALTH_PRIOR))
    assert asked.number("品牌总览", "健康指数") == pytest.approx(health)
    assert asked.number("危机室", "负面事件数") == len({each.story_id for each in bad})
    assert asked.number("来源与覆盖", "收录") == len(asked.all)


def test_computed_fields_follow_beijing_and_the_clock(asked: Asked) -> None:
    counted = [
        each for each in asked.all if each.brands and not {flag.value for flag in each.flags} & {"owned", "deleted"}
    ]
    names = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
    expected: Counter[tuple[str, str]] = Counter()
    for each in counted:
        local = each.event_at.astimezone(SHANGHAI)
        expected[f"{local.isoweekday()} {names[local.weekday()]}", f"{local.hour:02} 时"] += 1
    assert asked.table("渠道矩阵", "时段") == expected
    late = asked.table("来源与覆盖", "来源", "延迟中位数（分钟）")
    for source, minutes in late.items():
        known = [each for each in asked.all if each.source == source and each.post.published_at]
        spans = [(each.first_collected_at - each.post.published_at) / timedelta(minutes=1) for each in known]  # type: ignore[operator]
        assert min(spans) - 0.01 <= (minutes or 0) <= max(spans) + 0.01


def test_one_brand_in_the_search_box_narrows_every_panel(asked: Asked) -> None:
    """What a link of an alert opens: its query goes beside each panel's own."""
    (question,) = [each for each in asked.questions if (each.board, each.panel) == ("听风 危机室", "负面声量")]
    query = question.body["query"]["bool"]["filter"]
    body = {**question.body, "query": {"bool": {"filter": [*query, kibana_dsl('negative_for: "bailu"')]}}}
    found = asked.elastic.client.search(index=asked.elastic.indices.alias, body=body).body["hits"]["total"]["value"]
    rows = [row for row in asked.counts if row.brand == "bailu" and row.polarity is Polarity.NEGATIVE]
    assert found == sum(row.mentions for row in rows)
