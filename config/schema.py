"""A JSON schema of the settings file, for editors."""

from collections.abc import Mapping
from dataclasses import MISSING, is_dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from config.marks import HostPort, Identifier, Query, Range, Url
from config.reader import key_of
from config.settings import (
    AccountSettings,
    NetworkSettings,
    OutletSettings,
    ReceiverSettings,
    RouteSettings,
    RuleSettings,
    Settings,
    SourceSettings,
)
from config.shape import FieldShape, TypeShape, shape_of
from config.specs import Specs
from config.values import format_duration
from domain.secret import Secret
from domain.spec import Spec
from domain.tagging import BrandDefinition, RiskCategory, TopicDefinition

__all__ = ["json_schema"]

Schema = dict[str, Any]

_DURATION = r"^(0|([0-9]+(\.[0-9]+)?(ms|[smhdw]))+|.*\$\{.*)$"
_PRIMITIVE: Mapping[Any, Schema] = {
    str: {"type": ["string", "number", "boolean"]},
    Secret: {"type": ["string", "number"]},
    Path: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": ["integer", "string"]},
    float: {"type": ["number", "string"]},
    timedelta: {"type": ["string", "integer"], "pattern": _DURATION},
}


def json_schema(specs: Specs) -> Schema:
    """Describe the settings file as JSON Schema (draft 2020-12).

    Args:
        specs: Platforms, channels and rule kinds; each becomes one form of its entry.

    Returns:
        The schema, keys in the order of the settings classes, ready for `json.dumps`.
    """
    properties = {
        key_of(name): _field(shape) for name, shape in shape_of(Settings).items() if name not in ("path", "warnings")
    }
    lists = {
        "brands": _entry(BrandDefinition, optional=("id", "name", "query")),
        "sources": _forms("platform", SourceSettings, specs.platforms, optional=("name",)),
        "rules": _rules(specs),
        "receivers": _receivers(specs),
        "accounts": _entry(AccountSettings),
        "outlets": _entry(OutletSettings, extra={"enabled": _SWITCH}, optional=("tier",)),
        "routes": _entry(RouteSettings),
        "topics": _entry(TopicDefinition, extra={"enabled": _SWITCH}, optional=("name", "name_en", "query")),
        "risks": _entry(
            RiskCategory,
            extra={"enabled": _SWITCH, "add_words": _words("Words added to those of the packaged category.")},
            optional=("name", "name_en", "weight", "strong"),
        ),
    }
    for key, form in lists.items():
        properties[key] = {**_docs_of(Settings, key), "type": ["array", "null"], "items": form}
    for key in ("proxy", "no_proxy"):
        properties[key] = _field(shape_of(NetworkSettings)[key])
    properties["data_dir"] = {
        "type": "string",
        "description": "Folder of state, stores and evidence; relative to this file.",
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tingfeng settings",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }


_SWITCH: Schema = {"type": "boolean", "description": "False leaves the packaged entry out."}


def _words(description: str) -> Schema:
    return {"type": ["array", "string"], "items": {"type": "string"}, "description": description}


def _docs_of(settings: type, name: str) -> Schema:
    return {"description": shape_of(settings)[name].doc}


def _entry(settings: type, *, extra: Mapping[str, Schema] | None = None, optional: tuple[str, ...] = ()) -> Schema:
    properties: Schema = {}
    required = []
    for name, shape in shape_of(settings).items():
        if name in ("options", "channels"):
            continue
        key = key_of(name)
        properties[key] = _field(shape)
        if shape.type.core is Secret:
            properties[f"{key}_file"] = {"type": "string", "description": f"File that holds `{key}`."}
        elif shape.required and name not in optional:
            required.append(key)
    properties.update(extra or {})
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _forms(
    key: str,
    common: type,
    specs: Mapping[str, Spec],
    *,
    optional: tuple[str, ...] = (),
    more: list[Schema] | None = None,
) -> Schema:
    forms = []
    for name in sorted(specs):
        spec = specs[name]
        own = _entry(spec.settings)
        form = _entry(common, extra=own["properties"], optional=optional)
        form["properties"][key] = {"const": name, **({"description": spec.title} if spec.title else {})}
        form["required"] = sorted({*form["required"], *own["required"], key})
        forms.append(form)
    return {"anyOf": [*forms, *(more or [])]}


def _rules(specs: Specs) -> Schema:
    change = _entry(RuleSettings, optional=("kind",))
    change["description"] = "Changes keys of the packaged rule of the same name."
    change["additionalProperties"] = True
    change["not"] = {"required": ["kind"]}
    return _forms("kind", RuleSettings, specs.rules, more=[change])


def _receivers(specs: Specs) -> Schema:
    channels = {}
    for name in sorted(specs.channels):
        spec = specs.channels[name]
        channels[name] = {**_entry(spec.settings), **({"description": spec.title} if spec.title else {})}
    return _entry(ReceiverSettings, extra=channels)


def _field(shape: FieldShape) -> Schema:
    schema = _type(shape.type)
    if shape.doc:
        schema["description"] = shape.doc
    default = _plain(shape.default)
    if default is not MISSING:
        schema["default"] = default
    return schema


def _type(shape: TypeShape) -> Schema:
    if shape.core is dict and shape.item is not None:
        schema: Schema = {"type": "object", "additionalProperties": _type(shape.item)}
    elif shape.item is not None:
        schema = {"type": ["array", "string"], "items": _type(shape.item)}
    elif isinstance(shape.core, type) and is_dataclass(shape.core):
        schema = _entry(shape.core)
        schema["type"] = ["object", "null"]
    elif get_origin(shape.core) is Literal:
        schema = {"enum": list(get_args(shape.core))}
    elif isinstance(shape.core, type) and issubclass(shape.core, Enum):
        schema = {"enum": [member.value for member in shape.core]}
    else:
        schema = dict(_PRIMITIVE.get(shape.core, {}))
    for mark in shape.marks:
        schema.update(_mark(mark))
    return {"anyOf": [schema, {"type": "null"}]} if shape.optional else schema


def _mark(mark: object) -> Schema:
    if isinstance(mark, Range):
        bounds = {"minimum": mark.low, "maximum": mark.high}
        return {key: bound for key, bound in bounds.items() if isinstance(bound, int | float)}
    if isinstance(mark, Url):
        return {"type": "string"}
    if isinstance(mark, HostPort):
        return {"type": "string", "pattern": r"^.+:[0-9]{1,5}$"}
    if isinstance(mark, Query):
        return {"type": "string"}
    if isinstance(mark, Identifier):
        return {"type": ["string", "number"], "maxLength": 64}
    return {}


def _plain(value: Any) -> Any:
    """Return a default as JSON holds it; MISSING where it is none or says nothing."""
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bool | int | float | str):
        return value
    return MISSING
