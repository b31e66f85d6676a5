"""Every panel, control and saved search on a real node: it runs, and its numbers are the product's own."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from dashboards import kpi
from dashboards.kibana.answer import rows_of
from dashboards.kibana.board import COUNTED
from dashboards.kibana.check import field_types, problems
from domain.counting import CountBy
from domain.moment import SHANGHAI, Window
from domain.query import parse
from domain.tagging import Polarity
from service.demo.farm import SITES
from service.demo.pages import post_url
from service.demo.post import write_import
from service.demo.settings import demo_settings
from service.demo.world import World
from service.kibana import kibana_dsl
from storage.memory import MemoryMentions
from storage.mentions.elastic.store import ElasticMentions
from tests.dashboards.agree import NAMES, Panels, differences
from tests.dashboards.test_queries import queries_of
from tests.dashboards.world import BRANDS, NOW, START, WINDOW, mentions
from tests.elasticsearch_node.fixture import drop, open_elastic
from tests.service.conftest import Cli, cli

__all__ = ["cli"]

BASES = {name: f"http://127.0.0.1:{port}" for port, name in enumerate(SITES, start=18_101)}
pytestmark = pytest.mark.es


class Asked(Panels):
    """The panels over invented mentions, and the same mentions in memory."""

    def __init__(self, elastic: ElasticMentions) -> None:
        self.all = mentions()
        elastic.put(self.all, now=NOW)
        self.memory = MemoryMentions()
        self.memory.put(self.all, now=NOW)
        super().__init__(elastic, WINDOW)


@pytest.fixture(scope="module")
def asked(elasticsearch_url: str) -> Iterator[Asked]:
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
    for kql in {COUNTED, *queries_of(asked.objects)}:
        body = {"query": {"bool": {"filter": [kibana_dsl(kql)]}}}
        there = asked.elastic.client.count(index=asked.elastic.indices.alias, body=body)["count"]
        own = asked.elastic.client.count(index=asked.elastic.indices.alias, body={"query": {"kql": {"query": kql}}})
        here = asked.memory.count(parse(kql), now=NOW)
        if not here == there == own["count"]:
            differ.append((kql, here, there, own["count"]))
    assert differ == []


def test_every_field_is_in_the_index_with_a_fitting_type(asked: Asked) -> None:
    (found,) = {
        str(body["mappings"]["properties"]): body["mappings"]["properties"]
        for body in asked.elastic.client.indices.get_mapping(index=asked.elastic.indices.alias).body.values()
    }.values()
    assert problems(asked.objects, field_types(found)) == ()


def test_every_figure_is_that_of_the_counts(asked: Asked) -> None:
    assert differences(asked, now=NOW) == []
    assert set(asked.table("品牌总览", "声量占比（SOV）")) == set(BRANDS)
    assert len(asked.table("渠道矩阵", "平台 × 品牌 · 情感")) == 36
    by_topic = kpi.top_topics(asked.elastic.counts(WINDOW, brand="yunshan", by=CountBy.TOPIC))
    assert {topic for topic, _, _ in by_topic} == set(asked.summed("品牌总览", "主题"))


def test_the_counts_of_memory_are_the_same(asked: Asked) -> None:
    """The store that defines the meaning, beside the one that Kibana shows."""
    expected: Counter[str] = Counter()
    for row in asked.memory.counts(WINDOW):
        expected[f"{row.brand} · {NAMES[row.polarity]}"] += row.mentions
    assert asked.table("品牌总览", "品牌 · 情感") == expected


def test_the_invented_crisis_of_the_demo_is_shown_as_it_is_counted(
    cli: Cli, tmp_path: Path, elasticsearch_url: str
) -> None:
    """Three ordinary days and the crisis, through import, tagger, story index and store."""
    prefix = f"t{uuid.uuid4().hex[:12]}"
    settings = yaml.safe_load(demo_settings(tmp_path / "data", BASES, "http://127.0.0.1:18100"))
    settings["storage"] = {
        "mentions": "elasticsearch",
        "elasticsearch_url": elasticsearch_url,
        "index_prefix": prefix,
        "index_replicas": 0,
        "index_refresh": "10ms",
    }
    Path("tingfeng.yaml").write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    world = World(3)
    posts = [*world.quiet(START - timedelta(days=3), START), *world.crisis(START)]
    write_import(tmp_path / "posts.ndjson", posts, lambda post: post_url(post, BASES))
    ran = cli("import", "posts.ndjson")
    assert ran.code == 0, ran.out + ran.err
    store = open_elastic(elasticsearch_url, prefix)
    try:
        panels = Panels(store, Window(start=START - timedelta(days=4), end=START + timedelta(days=1)))
        assert differences(panels, now=START + timedelta(days=1)) == []
        assert panels.number("品牌总览", "声量") > 300
        assert panels.number("危机室", "负面声量") > 100
        assert panels.number("危机室", "最大粉丝") > 500_000
        assert panels.table("危机室", "风险")["food_safety"]
    finally:
        drop(store)


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
    rows = [row for row in asked.elastic.counts(WINDOW) if row.brand == "bailu" and row.polarity is Polarity.NEGATIVE]
    assert found == sum(row.mentions for row in rows)
