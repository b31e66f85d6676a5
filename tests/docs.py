"""The parts of docs/ that follow from the code; `make docs` writes them, test_docs holds them current."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, is_dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args, get_origin

import typer.main

from config.marks import HostPort, Identifier, Query, Range, Url
from config.reader import key_of
from config.settings import EscalationStep, ReceiverSettings, RouteSettings, RuleSettings, Settings, SourceSettings
from config.shape import FieldShape, TypeShape, shape_of
from config.values import format_duration
from domain.secret import Secret
from domain.spec import Spec
from domain.tagging import BrandDefinition, RiskCategory, TopicDefinition
from service import wiring
from service.cli.app import whole_app
from service.metrics.catalogue import CATALOGUE
from service.schema import schema_text

REPOSITORY = Path(__file__).resolve().parent.parent
DOCS = REPOSITORY / "docs"
BEGIN = "<!-- generated: make docs -->"
END = "<!-- end of generated -->"

_SKIP = ("path", "warnings", "options", "channels")
_LISTS = ("brands", "sources", "rules", "receivers", "routes", "topics", "risks")
_DERIVED: Mapping[type, Mapping[str, str]] = {
    BrandDefinition: {"id": "from the name", "name": "the id", "query": "name and aliases, each as a phrase"},
    SourceSettings: {"name": "derived"},
    TopicDefinition: {"name": "the id", "name_en": "the id"},
    Settings: {"data_dir": "`tingfeng-data`"},
}
"""Defaults that the loader derives, by settings class and field."""


def generated() -> dict[Path, str]:
    """Return the whole text of every page with a generated part, as it should be."""
    specs = wiring.specs()
    parts = {
        "configuration.md": _configuration(specs),
        "commands.md": "\n".join(_commands()),
        "metrics.md": "\n".join(_metrics()),
    }
    pages = {}
    for name, part in parts.items():
        before, _, rest = (DOCS / name).read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        pages[DOCS / name] = f"{before}{BEGIN}\n{part.strip()}\n{END}{after}"
    pages[DOCS / "tingfeng.schema.json"] = schema_text()
    return pages


def _configuration(specs: Any) -> str:
    top = {name: shape for name, shape in shape_of(Settings).items() if name not in (*_SKIP, *_LISTS)}
    plain = {name: shape for name, shape in top.items() if not _is_section(shape.type)}
    lines = ["### Top of the file", "", *_table(plain, _DERIVED[Settings])]
    for name, shape in top.items():
        if _is_section(shape.type):
            lines += ["", f"### `{key_of(name)}`", "", shape.doc, "", *_table(shape_of(shape.type.core))]
    for name, settings in (
        ("brands", BrandDefinition),
        ("sources", SourceSettings),
        ("rules", RuleSettings),
        ("receivers", ReceiverSettings),
        ("routes", RouteSettings),
        ("routes[].escalate", EscalationStep),
        ("topics", TopicDefinition),
        ("risks", RiskCategory),
    ):
        lines += ["", f"### `{name}[]`", "", *_table(shape_of(settings), _DERIVED.get(settings, {}))]
    for heading, found in (
        ("Keys of one platform (`sources[]` with `platform: …`)", specs.platforms),
        ("Keys of one rule kind (`rules[]` with `kind: …`)", specs.rules),
        ("Keys of one channel (under its name in `receivers[]`)", specs.channels),
    ):
        lines += ["", f"### {heading}", *_plugins(found)]
    return "\n".join(lines)


def _plugins(specs: Mapping[str, Spec]) -> Iterator[str]:
    for name in sorted(specs):
        yield from ("", f"**{name}**" + (f" {specs[name].title}" if specs[name].title else ""), "")
        shapes = shape_of(specs[name].settings)
        yield from _table(shapes) if shapes else ["No keys of its own."]


def _is_section(shape: TypeShape) -> bool:
    return isinstance(shape.core, type) and is_dataclass(shape.core) and shape.item is None


def _table(shapes: Mapping[str, FieldShape], derived: Mapping[str, str] = MappingProxyType({})) -> Iterator[str]:
    yield from ("| key | value | default | meaning |", "|---|---|---|---|")
    for name, shape in shapes.items():
        if name not in _SKIP:
            default = derived.get(name, _default(shape))
            cells = (f"`{key_of(name)}`", _value(shape.type), default, shape.doc.replace("None = ", "without: "))
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _value(shape: TypeShape) -> str:
    if shape.item is not None:
        return f"{'mapping' if shape.core is dict else 'list'} of {_value(shape.item)}"
    if get_origin(shape.core) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(shape.core))
    if isinstance(shape.core, type) and issubclass(shape.core, Enum):
        return ", ".join(f"`{member.value}`" for member in shape.core)
    for mark in shape.marks:
        named = {Url: "address", HostPort: "host:port", Query: "query", Identifier: "name"}.get(type(mark))
        if named:
            return named
    if isinstance(shape.core, type) and is_dataclass(shape.core):
        return "mapping"
    names = {str: "text", int: "number", float: "number", bool: "true, false", timedelta: "duration"}
    names |= {Secret: "secret", Path: "path"}
    bounds = next((mark for mark in shape.marks if isinstance(mark, Range)), None)
    return names.get(shape.core, shape.core.__name__) + (f", {_bounds(bounds)}" if bounds else "")


def _bounds(mark: Range) -> str:
    low, high = (format_duration(edge) if isinstance(edge, timedelta) else edge for edge in (mark.low, mark.high))
    if high is None:
        return f"from {low}"
    return f"{low} to {high}" if low is not None else f"up to {high}"


def _default(shape: FieldShape) -> str:
    value = shape.default
    if value is MISSING:
        return "needed"
    if value is None or value == () or value == "" or (is_dataclass(value) and not isinstance(value, type)):
        return ""
    if isinstance(value, tuple):
        return ", ".join(f"`{_plain(one)}`" for one in value)
    return f"`{_plain(value)}`"


def _plain(value: object) -> str:
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value.value) if isinstance(value, Enum) else str(value)


def _metrics() -> Iterator[str]:
    yield from ("| metric | kind | from | labels | meaning |", "|---|---|---|---|---|")
    for metric in CATALOGUE.values():
        labels = (*metric.labels, "role") if metric.origin == "role" else metric.labels
        cells = (
            f"`{metric.name}`",
            metric.kind,
            metric.origin,
            ", ".join(f"`{label}`" for label in labels),
            metric.doc,
        )
        yield "| " + " | ".join(cells) + " |"


def commands() -> Iterator[tuple[str, Any]]:
    """Give every command that a person can call, with its whole name, in alphabetical order."""
    yield from _walk("tingfeng", typer.main.get_command(whole_app()))


def _walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None or command.invoke_without_command:
        yield name, command
    if inner is None:
        return
    for key, child in sorted(inner.items()):
        if not child.hidden:
            yield from _walk(f"{name} {key}", child)


def _commands() -> Iterator[str]:
    for name, command in commands():
        shown = [one for one in command.params if not getattr(one, "hidden", False)]
        arguments = " ".join(one.name.upper() for one in shown if one.param_type_name == "argument")
        yield from ("", f"### `{f'{name} {arguments}'.strip()}`", "", inspect.cleandoc(command.help or ""))
        if shown:
            yield ""
        for one in shown:
            label = ", ".join(f"`{part}`" for part in one.opts) if one.param_type_name == "option" else f"`{one.name}`"
            default = (
                one.default if isinstance(one.default, str | int | Path) and one.default not in (False, "") else None
            )
            needed = " Needed." if one.required and one.param_type_name == "option" else ""
            yield f"- {label}: {getattr(one, 'help', '') or ''}{needed}" + (
                f" Default: `{default}`." if default else ""
            )


if __name__ == "__main__":
    for path, text in generated().items():
        path.write_text(text, encoding="utf-8")
