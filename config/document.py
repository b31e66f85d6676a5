"""A YAML file as a tree of nodes that know their line and column.

`${NAME}` is our own sign for an environment variable. Inside `{…}` YAML would take its
braces for its own, so they are put away before the file is read and put back in each scalar.
"""

import os
import re
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from config.errors import ConfigError, Problem

__all__ = ["Document", "read_document", "read_text", "scalar_text"]

_MAX_BYTES = 2_000_000
_MAX_NODES = 50_000
_MAX_DEPTH = 40
_TOO_DEEP = f"lists and mappings are nested deeper than {_MAX_DEPTH}"
_VARIABLE = re.compile(r"\$\{([^{}\n]*)\}")
_OPEN, _CLOSE = "\ue000", "\ue001"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One parsed YAML file."""

    file: str
    """Name for messages."""
    folder: Path
    """Folder that relative paths start from; absolute."""
    root: MappingNode
    """Its tree; empty mapping for no keys."""


def read_document(path: Path) -> Document:
    """Read a settings file.

    Raises:
        ConfigError: The file is missing, unreadable, not UTF-8, empty, no YAML, or built to explode.
    """
    try:
        content = _read_bounded(path)
    except FileNotFoundError as err:
        raise _whole(str(path), "there is no such file", "write a starter file with `tingfeng init`") from err
    except IsADirectoryError as err:
        raise _whole(str(path), "this is a folder", "name the file, such as tingfeng.yaml") from err
    except (OSError, ValueError) as err:
        raise _whole(str(path), f"the file cannot be read: {getattr(err, 'strerror', None) or err}") from err
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        line = content.count(b"\n", 0, err.start) + 1
        fix = "save the file as UTF-8 (Windows Notepad: Save as, Encoding: UTF-8)"
        raise ConfigError([_at(str(path), line, 0, "the file is not UTF-8 text", fix)]) from err
    return read_text(text, file=str(path), folder=path.resolve().parent)


class _TooMuchError(Exception):
    """The text holds more nodes, or deeper ones, than any settings."""

    def __init__(self, line: int, column: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line
        self.column = column


class _BoundedLoader(yaml.SafeLoader):
    """Composes nodes until there are too many: a bomb costs no more than a large file."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._nodes = 0
        self._depth = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        """Compose one node within the bounds."""
        self._nodes += 1
        self._depth += 1
        if self._nodes > _MAX_NODES or self._depth > _MAX_DEPTH + 1:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # PyYAML's stubs leave it out
            what = f"more than {_MAX_NODES:,} values" if self._nodes > _MAX_NODES else _TOO_DEEP
            raise _TooMuchError(mark.line + 1, mark.column + 1, what)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _read_bounded(path: Path) -> bytes:
    """Return the content of a plain file; neither a pipe is waited for nor a giant read."""
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise _whole(str(path), "this is no plain file, but a pipe, a socket or a device")
        if found.st_size > _MAX_BYTES:
            raise _whole(str(path), f"the file has {found.st_size:,} bytes, more than {_MAX_BYTES:,}")
        return file.read(_MAX_BYTES)


def read_text(text: str, *, file: str, folder: Path) -> Document:
    """Parse the text of a settings file; empty text is an error, a lone comment too.

    Raises:
        ConfigError: The text is no YAML mapping, or is built to explode.
    """
    hidden = _VARIABLE.sub(lambda found: f"${_OPEN}{found[1]}{_CLOSE}", text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loader = _BoundedLoader(hidden)
            loader.name = file
            root = loader.get_single_node()
    except yaml.MarkedYAMLError as err:
        raise ConfigError([_syntax_problem(err, hidden, file)]) from err
    except yaml.reader.ReaderError as err:
        line = hidden.count("\n", 0, err.position) + 1
        problem = f"a character that YAML does not allow (U+{err.character:04X})"
        raise ConfigError([_at(file, line, 0, problem, "delete it; it is often invisible")]) from err
    except _TooMuchError as err:
        raise ConfigError([_at(file, err.line, err.column, str(err))]) from err
    if root is None or (isinstance(root, ScalarNode) and not root.value.strip()):
        raise _whole(file, "the file is empty", "write a starter file with `tingfeng init`")
    if not isinstance(root, MappingNode):
        problem = "the file must hold keys, such as `brands:`, but it holds " + (
            "a list" if isinstance(root, SequenceNode) else "a text"
        )
        raise ConfigError([_at(file, root.start_mark.line + 1, root.start_mark.column + 1, problem)])
    _bound_size(root, file)
    return Document(file=file, folder=folder, root=root)


def scalar_text(node: ScalarNode) -> str:
    """Return the text of a scalar with the braces of `${NAME}` back in place."""
    return str(node.value).replace(_OPEN, "{").replace(_CLOSE, "}")


def _whole(file: str, problem: str, fix: str = "") -> ConfigError:
    return ConfigError([_at(file, 0, 0, problem, fix)])


def _at(file: str, line: int, column: int, problem: str, fix: str = "") -> Problem:
    return Problem(file=file, line=line, column=column, key_path="", problem=problem, fix=fix)


def _syntax_problem(err: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    mark = err.problem_mark or err.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    lines = text.splitlines()
    row = lines[line - 1] if 0 < line <= len(lines) else ""
    said = (err.problem or err.context or "unreadable").replace(_OPEN, "{").replace(_CLOSE, "}")
    if "\\t" in said or "\t" in row[: len(row) - len(row.lstrip())]:
        return _at(
            file, line, column, "a tab is used for indentation", "YAML wants spaces: replace each tab by two spaces"
        )
    if "single document" in said or "another document" in said:
        return _at(file, line, column, "the file holds a second document after `---`", "keep one document per file")
    if "undefined alias" in said:
        return _at(file, line, column, f"not YAML: {said}", "a value that begins with * must be quoted")
    fix = "check quotes, brackets and indentation here and on the line above"
    if "mapping values are not allowed" in said:
        fix = "a text with `: ` in it must be quoted; or the indentation is off"
    elif "cannot start any token" in said:
        fix = "a text that begins with @ or ` or % must be quoted"
    return _at(file, line, column, f"not YAML: {said}", fix)


def _bound_size(root: Node, file: str) -> None:
    """Refuse trees that aliases make huge, endless or deep."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def measure(node: Node, depth: int) -> int:
        key = id(node)
        if key in open_nodes:
            raise _bomb(node, file, "an alias (*name) that holds itself")
        if depth > _MAX_DEPTH:
            raise _bomb(node, file, _TOO_DEEP)
        if key not in sizes:
            open_nodes.add(key)
            sizes[key] = 1 + sum(measure(child, depth + 1) for child in _children(node))
            open_nodes.discard(key)
        if sizes[key] > _MAX_NODES:
            raise _bomb(node, file, f"more than {_MAX_NODES:,} values once aliases (*name) are followed")
        return sizes[key]

    measure(root, 0)


def _children(node: Node) -> list[Node]:
    if isinstance(node, MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, SequenceNode) else []


def _bomb(node: Node, file: str, problem: str) -> ConfigError:
    return ConfigError(
        [_at(file, node.start_mark.line + 1, node.start_mark.column + 1, problem, "write the values out")]
    )
