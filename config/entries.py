"""The lists of a settings file: brands, sources, rules, receivers, topics and risk categories."""

from dataclasses import replace
from hashlib import sha256
from typing import Annotated, Any
from urllib.parse import urlsplit

from yaml.nodes import Node, ScalarNode

from config.document import scalar_text
from config.errors import quote
from config.marks import Identifier, Query
from config.packaged import Packaged, overlay
from config.reader import INVALID, Entries, Reader
from config.settings import OutletSettings, ReceiverSettings, RuleSettings, SourceSettings
from config.shape import TypeShape, type_shape
from config.specs import Specs
from config.values import nearest, slug
from domain.spec import Spec
from domain.tagging import BrandDefinition, RiskCategory, TopicDefinition

__all__ = [
    "read_brands",
    "read_outlets",
    "read_receivers",
    "read_risks",
    "read_rules",
    "read_sources",
    "read_topics",
]

Items = list[tuple[str, Node]]

_ID = type_shape(Annotated[str, Identifier(lower=True)])
_QUERY = type_shape(Annotated[str, Query()])
_TEXT = type_shape(str)
_FLAG = type_shape(bool)
_WORDS = type_shape(tuple[str, ...])


def read_brands(reader: Reader, items: Items) -> tuple[BrandDefinition, ...]:
    """Read `brands`: `id` or `name` is enough; the query defaults to the name and the aliases, each as a phrase."""
    brands = []
    for path, node in items:
        entries = reader.entries(node, path)
        if entries is None:
            continue
        reader.unknown_keys(entries, ("id", "name", "query", "aliases", "competitors"), path, {})
        name = _value(reader, entries, "name", _TEXT, path)
        given = _value(reader, entries, "id", _ID, path)
        if name is None and given is None:
            reader.note(node, path, "a brand needs `id` or `name`", "such as: - {id: yunshan, name: 云杉咖啡}")
            continue
        aliases = _value(reader, entries, "aliases", _WORDS, path) or ()
        competitors = _value(reader, entries, "competitors", _WORDS, path) or ()
        query = _value(reader, entries, "query", _QUERY, path)
        if INVALID in (name, given, query) or aliases is INVALID or competitors is INVALID:
            continue
        name = name or given
        brands.append(
            BrandDefinition(
                id=given or slug(name, "brand"),
                name=name,
                query=query or " or ".join(_phrase(word) for word in (name, *aliases)),
                aliases=aliases,
                competitors=competitors,
            )
        )
    return tuple(brands)


def _value(reader: Reader, entries: Entries, key: str, shape: TypeShape, path: str) -> Any:
    if key not in entries or reader.is_null(entries[key][1]):
        return None
    return reader.value(entries[key][1], shape, f"{path}.{key}")


def _phrase(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _plugin(
    reader: Reader, entries: Entries, node: Node, path: str, key: str, known: dict[str, Spec]
) -> tuple[str, Spec | None]:
    """Find the module that an entry names; unknown ones are noted with the nearest known name."""
    choices = f"one of: {', '.join(sorted(known)) or 'none is installed'}"
    if key not in entries or reader.is_null(entries[key][1]):
        reader.note(node, f"{path}.{key}", f"the key `{key}` is missing", choices)
        return "", None
    field = entries[key][1]
    if not isinstance(field, ScalarNode):
        reader.note(field, f"{path}.{key}", f"`{key}` must be one word", choices)
        return "", None
    name = scalar_text(field)
    if name not in known:
        near = nearest(name, list(known))
        problem = f"unknown {key} {quote(name)}"
        reader.note(field, f"{path}.{key}", problem, f"did you mean `{near}`?" if near else choices)
    return name, known.get(name)


def read_sources(reader: Reader, items: Items, specs: Specs) -> tuple[SourceSettings, ...]:
    """Read `sources`: common keys and those of the platform stand side by side; a name is derived if none is given."""
    sources = []
    for path, node in items:
        entries = reader.entries(node, path)
        if entries is None:
            continue
        platform, spec = _plugin(reader, entries, node, path, "platform", dict(specs.platforms))
        skip = ["options", "platform", *(() if "name" in entries else ("name",))]
        values = reader.fields(entries, SourceSettings, path, node, skip=skip)
        options = _options(reader, entries, spec, SourceSettings, node, path)
        if values is None or options is INVALID or spec is None:
            continue
        values.setdefault("name", _source_name(platform, values))
        sources.append(SourceSettings(**{**values, "platform": platform, "options": options}))
    return tuple(sources)


def _options(reader: Reader, entries: Entries, spec: Spec | None, common: type, node: Node, path: str) -> Any:
    """Read the keys that only the module knows, and note keys that neither knows."""
    if spec is None:
        return INVALID
    keys = [key for key in reader.keys(common) if key != "options"]
    reader.unknown_keys(entries, [*keys, *reader.keys(spec.settings)], path, {})
    values = reader.fields(entries, spec.settings, path, node)
    return INVALID if values is None else reader.make(spec.settings, values, node, path)


def _source_name(platform: str, values: dict[str, Any]) -> str:
    address = values.get("url") or ""
    parts = urlsplit(address)
    hint = "-".join(values.get("query", ()))
    if address:
        hint = parts.netloc.rpartition("@")[2] + parts.path
        if parts.query:  # hashed, for it may hold a key
            hint += "-" + sha256(parts.query.encode()).hexdigest()[:8]
    transport = values.get("transport", "open")
    return slug("-".join(part for part in (platform, transport if transport != "open" else "", hint) if part), platform)


def read_rules(reader: Reader, items: Items, below: Packaged, specs: Specs) -> tuple[RuleSettings, ...]:
    """Read `rules` over the packaged ones: a rule of the same name changes only the keys that it gives."""
    rules = []
    for given, node in overlay(below.rules, items, "name"):
        path = given or "rules[packaged]"
        entries = reader.entries(node, path)
        if entries is None:
            continue
        kind, spec = _plugin(reader, entries, node, path, "kind", dict(specs.rules))
        values = reader.fields(entries, RuleSettings, path, node, skip=("options", "kind"))
        options = _options(reader, entries, spec, RuleSettings, node, path)
        if values is not None and options is not INVALID and spec is not None:
            rules.append(RuleSettings(**{**values, "kind": kind, "options": options}))
    return tuple(rules)


def read_receivers(reader: Reader, items: Items, specs: Specs) -> tuple[ReceiverSettings, ...]:
    """Read `receivers`: each key that is the name of a channel holds that channel's settings."""
    common = [key for key in reader.keys(ReceiverSettings) if key != "channels"]
    receivers = []
    for path, node in items:
        entries = reader.entries(node, path)
        if entries is None:
            continue
        values = reader.fields(entries, ReceiverSettings, path, node, skip=("channels",))
        reader.unknown_keys(entries, [*common, *specs.channels], path, {})
        channels = [
            (name, reader.build(value, specs.channels[name].settings, f"{path}.{name}"))
            for name, (_, value) in entries.items()
            if name in specs.channels
        ]
        if not channels and set(entries) <= set(common):
            choices = ", ".join(sorted(specs.channels))
            reader.note(node, path, "this receiver has no channel", f"give it one of: {choices}")
        elif values is not None and all(settings is not INVALID for _, settings in channels):
            receivers.append(ReceiverSettings(**{**values, "channels": tuple(channels)}))
    return tuple(receivers)


def read_topics(reader: Reader, items: Items, below: Packaged) -> tuple[TopicDefinition, ...]:
    """Read `topics` over the packaged ones; `enabled: false` leaves one out."""
    topics = []
    for path, entries, node in _switched(reader, overlay(below.topics, items, "id"), "topics"):
        reader.unknown_keys(entries, (*reader.keys(TopicDefinition), "enabled"), path, {})
        topic_id = _value(reader, entries, "id", _ID, path)
        name = _value(reader, entries, "name", _TEXT, path) or topic_id
        query = _value(reader, entries, "query", _QUERY, path)
        for key, value in (("id", topic_id), ("query", query)):
            if value is None:
                reader.note(node, f"{path}.{key}", f"the key `{key}` is missing")
        english = _value(reader, entries, "name_en", _TEXT, path) or topic_id
        if None not in (topic_id, query) and INVALID not in (topic_id, name, query, english):
            topics.append(TopicDefinition(id=topic_id, name=name, name_en=english, query=query))
    return tuple(topics)


def read_risks(reader: Reader, items: Items, below: Packaged) -> tuple[RiskCategory, ...]:
    """Read `risks` over the packaged ones; `add_words` adds to a category's words, `enabled: false` leaves it out."""
    risks = []
    for path, entries, node in _switched(reader, overlay(below.risks, items, "id"), "risks"):
        reader.unknown_keys(entries, (*reader.keys(RiskCategory), "enabled", "add_words"), path, {})
        values = reader.fields(entries, RiskCategory, path, node)
        more = _value(reader, entries, "add_words", _WORDS, path) or ()
        if values is None or more is INVALID:
            continue
        category = reader.make(RiskCategory, values, node, path)
        if category is not INVALID:
            risks.append(replace(category, words=tuple(dict.fromkeys((*category.words, *more)))))
    return tuple(risks)


def read_outlets(reader: Reader, items: Items, below: Packaged) -> tuple[OutletSettings, ...]:
    """Read `outlets` over the packaged ones, by name; `enabled: false` leaves one out."""
    outlets = []
    for path, entries, node in _switched(reader, overlay(below.outlets, items, "name"), "outlets"):
        reader.unknown_keys(entries, (*reader.keys(OutletSettings), "enabled"), path, {})
        values = reader.fields(entries, OutletSettings, path, node)
        if values is not None:
            outlets.append(OutletSettings(**values))
    return tuple(outlets)


def _switched(reader: Reader, items: list[tuple[str | None, Node]], key: str) -> list[tuple[str, Entries, Node]]:
    """Return the entries that are switched on, with path, keys and node."""
    on = []
    for given, node in items:
        path = given or f"{key}[packaged]"
        entries = reader.entries(node, path)
        if entries is not None and _value(reader, entries, "enabled", _FLAG, path) is not False:
            on.append((path, entries, node))
    return on
