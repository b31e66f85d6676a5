"""Holds what the dashboards show against what the product counts, over any filled index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from dashboards import kpi
from dashboards.kibana import bundle
from dashboards.kibana.answer import Row, rows_of
from dashboards.kibana.board import COUNTED
from dashboards.kibana.question import Question, questions
from domain.counting import CountRow
from domain.moment import Window
from domain.query import parse
from domain.tagging import Polarity
from service.kibana import kibana_dsl
from storage.mentions.elastic.store import ElasticMentions

__all__ = ["NAMES", "Panels", "differences"]

NAMES = {Polarity.NEGATIVE: "负面", Polarity.NEUTRAL: "中性", Polarity.POSITIVE: "正面"}


class Panels:
    """The objects' requests over one store, and their answers."""

    def __init__(self, elastic: ElasticMentions, window: Window) -> None:
        self.elastic, self.window = elastic, window
        self.objects = [each.json() for each in bundle(elastic.indices.alias)]
        self.questions = questions(self.objects, window=window, to_dsl=kibana_dsl)

    def answer(self, question: Question) -> Mapping[str, Any]:
        """Ask, and let no failed shard pass."""
        found: Mapping[str, Any] = self.elastic.client.search(index=self.elastic.indices.alias, body=question.body).body
        assert not found["timed_out"]
        assert found["_shards"]["failed"] == 0
        return found

    def rows(self, board: str, panel: str) -> Sequence[Row]:
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
        return {row.keys if len(row.keys) > 1 else row.keys[0]: row.values[label] for row in self.rows(board, panel)}

    def summed(self, board: str, panel: str) -> dict[str, float]:
        """Return a two-way table added up by its first split."""
        found: Counter[str] = Counter()
        for (first, _), number in self.table(board, panel).items():
            found[first] += int(number or 0)
        return dict(found)


def differences(panels: Panels, *, now: datetime) -> list[str]:
    """Return each figure that differs from the product's own, with both; empty = they agree.

    Args:
        panels: The dashboards over a filled store; its window in whole buckets.
        now: Domain time, for queries with dates.
    """
    rows = list(panels.elastic.counts(panels.window))
    checks = (*_of_counts(panels, rows), *_of_authors(panels, rows), *_of_terms(panels, now), *_of_totals(panels, now))
    return [f"{name}: shown {shown}, counted {counted}" for name, shown, counted in checks if shown != counted]


_Check = tuple[str, object, object]


def _of_counts(panels: Panels, rows: Sequence[CountRow]) -> Iterator[_Check]:
    volumes = kpi.volume(rows)
    yield "SOV", panels.table("品牌总览", "声量占比（SOV）"), volumes
    pairs: Counter[str] = Counter()
    for row in rows:
        pairs[f"{row.brand} · {NAMES[row.polarity]}"] += row.mentions
    yield "品牌 · 情感", panels.table("品牌总览", "品牌 · 情感"), dict(pairs)
    negative = {brand: pairs[f"{brand} · 负面"] for brand in volumes if pairs[f"{brand} · 负面"]}
    yield "危机室 品牌", panels.table("危机室", "品牌"), negative
    yield "负面走势", panels.summed("品牌总览", "各品牌负面走势"), negative
    matrix = {
        (platform, f"{brand} · {NAMES[polarity]}"): number
        for brand in volumes
        for platform, by in kpi.platform_matrix([row for row in rows if row.brand == brand]).items()
        for polarity, number in by.items()
        if number
    }
    yield "平台矩阵", panels.table("渠道矩阵", "平台 × 品牌 · 情感"), matrix


def _of_authors(panels: Panels, rows: Sequence[CountRow]) -> Iterator[_Check]:
    shown = panels.table("品牌总览", "品牌 · 情感", "作者")
    for brand, polarity in sorted({(row.brand, row.polarity) for row in rows}):
        exact = panels.elastic.distinct_authors(panels.window, brand=brand, polarity=polarity, include_backfill=True)
        name = f"{brand} · {NAMES[polarity]}"
        yield f"作者 {name}", shown.get(name), exact


def _of_terms(panels: Panels, now: datetime) -> Iterator[_Check]:
    def terms(kql: str, field: str, limit: int) -> dict[str, int]:
        found = panels.elastic.terms(parse(kql), now=now, field=field, window=panels.window, limit=limit)
        return {each.term: each.mentions for each in found}

    topics = panels.summed("品牌总览", "主题")
    known = terms(COUNTED, "topics", 100)
    yield "主题", topics, {topic: known[topic] for topic in topics}
    yield "主题 前 15", sorted(topics.values()), sorted(sorted(known.values(), reverse=True)[:15])
    yield "风险", panels.table("危机室", "风险"), terms(f"{COUNTED} and negative_for: *", "risk", 15)
    yield "来源", panels.table("来源与覆盖", "来源", "收录"), terms("*", "source", 50)


def _of_totals(panels: Panels, now: datetime) -> Iterator[_Check]:
    """The number of mentions behind every panel and search, by our own language on our own store."""
    for question in panels.questions:
        if question.kql is None:
            continue
        shown = panels.answer(question)["hits"]["total"]["value"]
        counted = panels.elastic.count(parse(question.kql or "*"), now=now, window=panels.window)
        yield f"{question.board} / {question.panel}", shown, counted
