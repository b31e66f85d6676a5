"""Reads Elasticsearch's answer to a panel's request as the rows that the panel would show."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dashboards.kibana.measure import RECORDS
from dashboards.kibana.question import Question
from dashboards.kibana.saved import Json

__all__ = ["Row", "rows_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row, slice, cell or bar."""

    keys: tuple[str, ...]
    """Values of the splits, outermost first; a time is RFC 3339. Empty for a single number."""
    values: Mapping[str, float | None]
    """Figures by label; None = none, as over no document, or a division by zero."""


def rows_of(question: Question, answer: Mapping[str, Any]) -> tuple[Row, ...]:
    """Return the rows of a panel in the order of the answer; a search or a control has none."""
    if not question.columns:
        return ()
    splits = [id for id, each in question.columns.items() if each["isBucketed"]]
    top = {"doc_count": answer["hits"]["total"]["value"], **answer.get("aggregations", {})}
    return tuple(_rows(question, splits, top, ()))


def _rows(question: Question, splits: list[str], bucket: Mapping[str, Any], keys: tuple[str, ...]) -> Iterator[Row]:
    if not splits:
        columns = question.columns
        values = {asked.label: _value(asked.column, columns, bucket) for asked in question.shown}
        yield Row(keys=keys, values=values)
        return
    found = bucket[splits[0]]["buckets"]
    named = found.items() if isinstance(found, Mapping) else ((_key(each), each) for each in found)
    for key, each in named:
        yield from _rows(question, splits[1:], each, (*keys, key))


def _key(bucket: Mapping[str, Any]) -> str:
    return str(bucket.get("key_as_string", bucket["key"]))


def _value(id: str, columns: Mapping[str, Json], bucket: Mapping[str, Any]) -> float | None:
    column = columns[id]
    match column["operationType"]:
        case "formula":
            return _value(column["references"][0], columns, bucket)
        case "math":
            return _compute(column["params"]["tinymathAst"], columns, bucket)
    inside = bucket[id] if "filter" in column else bucket
    if column["sourceField"] == RECORDS:
        return float(inside["doc_count"])
    figure = inside[id]
    value = figure["values"]["50.0"] if "values" in figure else figure["value"]
    return None if value is None else float(value)


def _compute(tree: Any, columns: Mapping[str, Json], bucket: Mapping[str, Any]) -> float | None:
    if isinstance(tree, int | float):
        return float(tree)
    if isinstance(tree, str):
        return _value(tree, columns, bucket)
    left, right = (_compute(part, columns, bucket) for part in tree["args"])
    if left is None or right is None:
        return None
    match tree["name"]:
        case "add":
            return left + right
        case "subtract":
            return left - right
        case "multiply":
            return left * right
        case _:
            return left / right if right else None
