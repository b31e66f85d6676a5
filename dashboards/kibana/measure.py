"""What a Lens panel counts: plain measures, and formulas over them with Lens's own syntax tree."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from dashboards.kibana.saved import Json

__all__ = ["RECORDS", "Count", "Expression", "Formula", "Math", "Measure", "Stat", "columns_of", "format_of"]

RECORDS = "___records___"
"""Lens's name for the document itself."""

Operation = Literal["sum", "average", "median", "max", "min", "unique_count"]
Format = Literal["", "number", "percent", "compact"]
_SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Number of mentions."""

    label: str = ""
    """Name for people; empty inside a formula."""
    kql: str = ""
    """Only those that match; empty = all."""
    format: Format = ""
    """How the number is written; empty = Kibana's default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat:
    """A figure over one field."""

    op: Operation
    """Operation of Lens."""
    field: str
    """Public field, or a runtime field of the data view."""
    label: str = ""
    """Name for people; empty inside a formula."""
    kql: str = ""
    """Only mentions that match; empty = all."""
    date: bool = False
    """The field is a date (max and min alone)."""
    format: Format = ""
    """How the number is written; empty = Kibana's default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Math:
    """Two values and what is done to them."""

    op: Literal["add", "subtract", "multiply", "divide"]
    """Function of Lens's formula language."""
    left: "Expression"
    """First value."""
    right: "Expression"
    """Second value."""


Expression = Count | Stat | Math | int


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """A value computed from several counts."""

    label: str
    """Name for people."""
    value: Expression
    """What is computed; at least one count in it."""
    format: Format = "percent"
    """How the number is written."""


Measure = Count | Stat | Formula


def columns_of(measure: Measure, id: str) -> dict[str, Json]:
    """Return the columns of a measure in Lens's order: the parts of a formula, then itself under `id`."""
    if not isinstance(measure, Formula):
        return {id: _leaf(measure, measure.label, empty_as_null=False)}
    text = _text(measure.value)
    columns: dict[str, Json] = {}
    tree = _tree(measure.value, columns, f"Part of {text}", id)
    last = tree
    if not isinstance(tree, str):
        last = f"{id}X{len(columns)}"
        columns[last] = {
            "customLabel": True,
            "dataType": "number",
            "isBucketed": False,
            "label": f"Part of {text}",
            "operationType": "math",
            "params": {"tinymathAst": tree},
            "references": list(_names(tree)),
            "scale": "ratio",
        }
    columns[id] = {
        "customLabel": True,
        "dataType": "number",
        "isBucketed": False,
        "label": measure.label,
        "operationType": "formula",
        "params": {"formula": text, "isFormulaBroken": False, **format_of(measure.format)},
        "references": [last],
        "scale": "ratio",
    }
    return columns


def format_of(format: Format) -> Json:
    """Return the parameters by which Lens writes a number; empty for its default."""
    known: dict[Format, Json] = {
        "number": {"id": "number", "params": {"decimals": 0}},
        "percent": {"id": "percent", "params": {"decimals": 1}},
        "compact": {"id": "number", "params": {"compact": True, "decimals": 1}},
    }
    return {"format": known[format]} if format else {}


def _leaf(leaf: Count | Stat, label: str, *, empty_as_null: bool) -> Json:
    column: Json = {
        "customLabel": True,
        "dataType": "number",
        "isBucketed": False,
        "label": label,
        "operationType": "count",
        "params": {"emptyAsNull": empty_as_null, **format_of(leaf.format)},
        "scale": "ratio",
        "sourceField": RECORDS,
    }
    if isinstance(leaf, Stat):
        column |= {"operationType": leaf.op, "sourceField": leaf.field}
        if leaf.date:
            column |= {"dataType": "date", "params": {}}
    if leaf.kql:
        column["filter"] = {"language": "kuery", "query": leaf.kql}
    return column


def _tree(value: Expression, columns: dict[str, Json], label: str, id: str) -> str | int | Json:
    """Add a column for each count and return the syntax tree that names them."""
    if isinstance(value, int):
        return value
    if isinstance(value, Math):
        left, right = _tree(value.left, columns, label, id), _tree(value.right, columns, label, id)
        return {"args": [left, right], "name": value.op, "type": "function"}
    name = f"{id}X{len(columns)}"
    columns[name] = _leaf(value, label, empty_as_null=False)
    return name


def _names(tree: str | int | Json) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict):
        for part in tree["args"]:
            yield from _names(part)


def _text(value: Expression) -> str:
    """Write the formula as a person would type it."""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Math):
        return f"({_text(value.left)} {_SIGNS[value.op]} {_text(value.right)})"
    name, field = ("count", "") if isinstance(value, Count) else (value.op, value.field)
    escaped = value.kql.replace("\\", "\\\\").replace("'", "\\'")
    given = [field] if field else []
    if value.kql:
        given.append(f"kql='{escaped}'")
    return f"{name}({', '.join(given)})"
