"""The settings that ship with the product, and how a file's own entries lie over them."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from config.document import read_document, scalar_text

__all__ = ["NO_DEFAULTS", "Packaged", "entry_text", "overlay", "packaged"]

_FOLDER = Path(__file__).parent / "defaults"


@dataclass(frozen=True, slots=True, kw_only=True)
class Packaged:
    """Entries that hold unless a file says otherwise."""

    rules: tuple[Node, ...] = ()
    """Rules, by `name`."""
    topics: tuple[Node, ...] = ()
    """Topics, by `id`."""
    risks: tuple[Node, ...] = ()
    """Risk categories, by `id`."""
    outlets: tuple[Node, ...] = ()
    """Media and their tiers, by `name`."""


NO_DEFAULTS = Packaged()
"""Nothing packaged: only what the file says."""


@cache
def packaged() -> Packaged:
    """Read the packaged rules, topics, risk categories and outlets, once per process.

    Raises:
        ConfigError: A packaged file is damaged.
    """
    return Packaged(
        rules=_entries("rules.yaml", "rules"),
        topics=_entries("topics.yaml", "topics"),
        risks=_entries("risk.yaml", "risks"),
        outlets=_entries("outlets.yaml", "outlets"),
    )


def _entries(name: str, key: str) -> tuple[Node, ...]:
    path = _FOLDER / name
    if not path.exists():
        return ()
    for field, value in read_document(path).root.value:
        if scalar_text(field) == key and isinstance(value, SequenceNode):
            return tuple(value.value)
    return ()


def entry_text(node: Node, key: str) -> str:
    """Return the text of one key of an entry; empty where it is absent or no scalar."""
    if isinstance(node, MappingNode):
        for field, value in node.value:
            if isinstance(field, ScalarNode) and scalar_text(field) == key and isinstance(value, ScalarNode):
                return scalar_text(value)
    return ""


def overlay(defaults: tuple[Node, ...], own: list[tuple[str, Node]], key: str) -> list[tuple[str | None, Node]]:
    """Lay a file's entries over the packaged ones.

    An own entry with the name of a packaged one takes over the keys that it does not give
    itself, unless it is of another `kind`. The rest of the packaged entries come first.

    Returns:
        Pairs of key path and entry; the path is None for an untouched packaged entry.
    """
    by_name = {entry_text(node, key): node for node in defaults}
    named = {entry_text(node, key) for _, node in own}
    entries: list[tuple[str | None, Node]] = [(None, node) for name, node in by_name.items() if name not in named]
    for path, node in own:
        below = by_name.get(entry_text(node, key))
        entries.append((path, _merged(node, below) if below is not None else node))
    return entries


def _merged(own: Node, below: Node) -> Node:
    if not isinstance(own, MappingNode) or not isinstance(below, MappingNode):
        return own
    kind = entry_text(own, "kind")
    if kind and kind != entry_text(below, "kind"):
        return own
    given = {scalar_text(field) for field, _ in own.value if isinstance(field, ScalarNode)}
    inherited = [(field, value) for field, value in below.value if scalar_text(field) not in given]
    return MappingNode(own.tag, own.value + inherited, own.start_mark, own.end_mark)
