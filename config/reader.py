"""From YAML nodes to settings dataclasses, collecting every problem on the way."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import MISSING, is_dataclass
from pathlib import Path
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from config.document import scalar_text
from config.errors import Problem, quote
from config.shape import FieldShape, TypeShape, shape_of
from config.values import ValueProblem, check_marks, nearest, parse_scalar
from domain.errors import TingfengError
from domain.secret import Secret

__all__ = ["INVALID", "Entries", "Reader", "key_of"]

INVALID: Any = object()
"""Stands for a value that was wrong; its problem is already noted."""

_VARIABLE = re.compile(r"\$(\$?)\{([^{}]*)\}")
_VARIABLE_NAME = re.compile(r"[A-Za-z_]\w*")
_NULLS = {"", "~", "null", "Null", "NULL"}
_MAX_SECRET_BYTES = 65_536
_RENAMED = {"proceed": "continue", "health": "healthz"}

Entries = dict[str, tuple[ScalarNode, Node]]
"""A mapping's keys in order, each with the nodes of key and value."""


def key_of(name: str) -> str:
    """Return the key in the file for a field's name in Python."""
    return _RENAMED.get(name, name.rstrip("_"))


class Reader:
    """Reads nodes into typed values; never raises for what a file says, but notes it in `problems`."""

    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        self.problems: list[Problem] = []
        """Everything wrong so far, in order of discovery."""
        self.literal_secrets: list[str] = []
        """Key paths of secrets that stand in the file itself."""
        self.secret_files: list[Path] = []
        """Files that secrets were read from, in order of the file."""
        self._environ = environ
        self._folder = folder
        self._places: dict[str, Node] = {}

    def note(self, node: Node, path: str, problem: str, fix: str = "", *, offset: int = 0) -> None:
        """Note a problem at a node; `offset` moves the column to the right."""
        mark = node.start_mark
        self.problems.append(
            Problem(
                file=mark.name,
                line=mark.line + 1,
                column=mark.column + 1 + offset,
                key_path=path,
                problem=problem,
                fix=fix,
            )
        )

    def note_at(self, path: str, problem: str, fix: str = "") -> None:
        """Note a problem at a key path that was read, or at the nearest place above it."""
        place = path
        while place not in self._places and place:
            place = re.sub(r"(\.[^.\[\]]*|\[\d+\]|^[^.\[\]]+)$", "", place)
        self.note(self._places[place], path, problem, fix)

    def remember(self, path: str, node: Node) -> None:
        """Keep the place of a key path for later problems."""
        self._places[path] = node

    def entries(self, node: Node, path: str) -> Entries | None:
        """Return a mapping's entries, merge keys (`<<`) followed; None and a problem for anything else."""
        self.remember(path, node)
        if not isinstance(node, MappingNode):
            what = "a list" if isinstance(node, SequenceNode) else f"the text {quote(self._raw(node))}"
            self.note(node, path, f"a mapping (key: value) belongs here, not {what}")
            return None
        entries: Entries = {}
        merged: Entries = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                self.note(key, path, "a key must be a plain word")
                continue
            name = scalar_text(key)
            if name == "<<":
                for part in value.value if isinstance(value, SequenceNode) else [value]:
                    merged = {**(self.entries(part, path) or {}), **merged}
            elif name in entries:
                first = entries[name][0].start_mark.line + 1
                self.note(key, _join(path, name), f"the key stands twice, first in line {first}", "keep one of them")
            else:
                entries[name] = (key, value)
        return {**merged, **entries}

    def items(self, node: Node, path: str) -> list[tuple[str, Node]]:
        """Return a list's nodes with their key paths; empty for no value, and with a problem for anything else."""
        self.remember(path, node)
        if isinstance(node, SequenceNode):
            return [(f"{path}[{number}]", item) for number, item in enumerate(node.value)]
        if not self.is_null(node):
            fix = f"begin each entry of `{path}` with `- `"
            self.note(node, path, "a list belongs here", fix)
        return []

    def is_null(self, node: Node) -> bool:
        """Say whether a node is the absence of a value."""
        return isinstance(node, ScalarNode) and node.style is None and scalar_text(node) in _NULLS

    def unknown_keys(self, entries: Entries, known: Iterable[str], path: str, elsewhere: Mapping[str, str]) -> None:
        """Note each key that is not known, with the nearest that is.

        `elsewhere` tells for keys of other places where they belong.
        """
        names = list(known)
        for name, (key, _) in entries.items():
            if name in names:
                continue
            near = nearest(name, names)
            fix = f"known here: {', '.join(sorted(names))}"
            if near:
                fix = f"did you mean `{near}`?"
            elif name in elsewhere:
                fix = f"it belongs under `{elsewhere[name]}`"
            self.note(key, _join(path, name), f"unknown key {quote(name)}", fix)

    def build(self, node: Node, settings: type, path: str) -> Any:
        """Read a mapping into a settings dataclass; INVALID where it cannot be built."""
        entries = self.entries(node, path)
        if entries is None:
            return INVALID
        values = self.fields(entries, settings, path, node)
        self.unknown_keys(entries, self.keys(settings), path, {})
        return INVALID if values is None else self.make(settings, values, node, path)

    def make(self, settings: type, values: Mapping[str, Any], node: Node, path: str) -> Any:
        """Build the dataclass; its own objections become a problem."""
        try:
            return settings(**values)
        except (TingfengError, ValueError) as err:
            self.note(node, path, str(err))
            return INVALID

    def keys(self, settings: type) -> list[str]:
        """Return every key that a file may give for a settings dataclass."""
        keys = []
        for name, shape in shape_of(settings).items():
            keys.append(key_of(name))
            if shape.type.core is Secret:
                keys.append(f"{key_of(name)}_file")
        return keys

    def fields(
        self, entries: Entries, settings: type, path: str, node: Node, *, skip: Collection[str] = ()
    ) -> dict[str, Any] | None:
        """Read the values given for the fields of a dataclass; absent ones are left out.

        Args:
            entries: The mapping's entries.
            settings: Dataclass with the fields.
            path: Key path of the mapping.
            node: The mapping, as place of missing keys.
            skip: Names of fields that the caller reads or derives itself.

        Returns:
            Values by field name; None where a required one is missing or any was wrong.
        """
        values: dict[str, Any] = {}
        whole = True
        for name, shape in shape_of(settings).items():
            if name in skip:
                continue
            value = self._field(entries, shape, path)
            if value is INVALID:
                whole = False
            elif value is not MISSING:
                values[name] = value
            elif shape.required:
                whole = False
                self.note(node, _join(path, key_of(name)), f"the key `{key_of(name)}` is missing", _what(shape))
        return values if whole else None

    def _field(self, entries: Entries, shape: FieldShape, path: str) -> Any:
        key = key_of(shape.name)
        if shape.type.core is Secret and f"{key}_file" in entries:
            if key in entries:
                here = _join(path, key)
                self.note(entries[key][0], here, f"both `{key}` and `{key}_file` are given", "keep one of them")
                return INVALID
            return self._secret_file(entries[f"{key}_file"][1], _join(path, f"{key}_file"))
        if key not in entries:
            return MISSING
        node = entries[key][1]
        if self.is_null(node) and not shape.type.optional:
            return MISSING
        return self.value(node, shape.type, _join(path, key))

    def value(self, node: Node, shape: TypeShape, path: str) -> Any:
        """Read one value of any shape; INVALID where it is wrong."""
        self.remember(path, node)
        if shape.optional and self.is_null(node):
            return None
        if shape.core is dict:
            return self._mapping(node, shape, path)
        if shape.item is not None:
            return self._collection(node, shape, path)
        if isinstance(shape.core, type) and is_dataclass(shape.core):
            return self.build(node, shape.core, path)
        return self._scalar(node, shape, path)

    def _mapping(self, node: Node, shape: TypeShape, path: str) -> Any:
        entries = self.entries(node, path)
        if entries is None or shape.item is None:
            return INVALID
        values = {key: self.value(value, shape.item, _join(path, key)) for key, (_, value) in entries.items()}
        return INVALID if any(value is INVALID for value in values.values()) else values

    def _collection(self, node: Node, shape: TypeShape, path: str) -> Any:
        assert shape.item is not None
        if isinstance(node, ScalarNode) and not self.is_null(node):  # one value stands for a list of one
            value = self.value(node, shape.item, path)
            return INVALID if value is INVALID else shape.core([value])
        if not isinstance(node, SequenceNode):
            self.note(node, path, "a list belongs here", "write it as [a, b] or with one `- ` per line")
            return INVALID
        values = [self.value(item, shape.item, place) for place, item in self.items(node, path)]
        return INVALID if any(value is INVALID for value in values) else shape.core(values)

    def _scalar(self, node: Node, shape: TypeShape, path: str) -> Any:
        if not isinstance(node, ScalarNode):
            what = "a list" if isinstance(node, SequenceNode) else "a mapping"
            hint = "put it in quotes if it begins with { or [" if shape.core in (str, Secret) else ""
            self.note(node, path, f"one value belongs here, not {what}", hint)
            return INVALID
        raw = self._raw(node)
        text = self.interpolate(node, path)
        if text is None:
            return INVALID
        if not text.strip():
            if shape.core is str and node.style is not None:
                return text
            self.note(node, path, "the value is empty")
            return INVALID
        if shape.core is Secret:
            if raw == text:
                self.literal_secrets.append(path)
            return Secret(text.strip())
        try:
            value = parse_scalar(shape.core, text, shown=raw, folder=self._folder)
            check_marks(shape.marks, value, shown=raw)
        except ValueProblem as problem:
            offset = 0
            if problem.position is not None and node.start_mark.line == node.end_mark.line:
                offset = problem.position + (node.style is not None)
            self.note(node, path, problem.problem, problem.fix, offset=offset)
            return INVALID
        return value

    def interpolate(self, node: ScalarNode, path: str) -> str | None:
        """Return a scalar's text with `${NAME}` replaced; None and a problem for an unset variable.

        `$${NAME}` stands for the text `${NAME}` itself.
        """
        good = True

        def replace(found: re.Match[str]) -> str:
            nonlocal good
            name = found[2]
            if found[1]:
                return f"${{{name}}}"
            if not _VARIABLE_NAME.fullmatch(name):
                good = False
                self.note(node, path, f"{quote(found[0])} names no environment variable", "write it as ${NAME}")
                return ""
            if not self._environ.get(name):
                good = False
                state = "is empty" if name in self._environ else "is not set"
                self.note(node, path, f"the environment variable {name} {state}", f"set it: export {name}=…")
                return ""
            return self._environ[name]

        text = _VARIABLE.sub(replace, scalar_text(node))
        return text if good else None

    def _secret_file(self, node: Node, path: str) -> Any:
        if not isinstance(node, ScalarNode) or self.is_null(node):
            self.note(node, path, "the path of a file belongs here")
            return INVALID
        name = self.interpolate(node, path)
        if name is None:
            return INVALID
        file = Path(self._folder, Path(name).expanduser())
        try:
            content = file.read_bytes()[: _MAX_SECRET_BYTES + 1]
            text = content.decode("utf-8").strip()
        except OSError as err:
            self.note(node, path, f"the file {file} cannot be read: {err.strerror}")
        except UnicodeDecodeError:
            self.note(node, path, f"the file {file} holds no text")
        else:
            if text and len(content) <= _MAX_SECRET_BYTES:
                self.secret_files.append(file)
                return Secret(text, file)
            self.note(node, path, f"the file {file} is {'empty' if not text else 'too big for a secret'}")
        return INVALID

    @staticmethod
    def _raw(node: Node) -> str:
        return scalar_text(node) if isinstance(node, ScalarNode) else ""


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _what(shape: FieldShape) -> str:
    return f"{key_of(shape.name)}: {shape.doc}" if shape.doc else ""
