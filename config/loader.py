"""Read `tingfeng.yaml` over the packaged defaults into `Settings`, or say everything that is wrong with it."""

import os
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from yaml.nodes import Node

from config.caution import cautions, file_mode_caution
from config.checks import check_references
from config.document import Document, read_document, read_text
from config.entries import (
    read_brands,
    read_outlets,
    read_receivers,
    read_risks,
    read_rules,
    read_sources,
    read_topics,
)
from config.errors import ConfigError
from config.packaged import Packaged, packaged
from config.reader import INVALID, Entries, Reader, key_of
from config.settings import AccountSettings, NetworkSettings, RouteSettings, Settings
from config.shape import TypeShape, shape_of
from config.specs import Specs

__all__ = ["default_settings", "load", "load_text"]

_LISTS = ("brands", "sources", "accounts", "outlets", "rules", "receivers", "routes", "topics", "risks")
_DERIVED = {"path", "data_dir", "warnings", "network", *_LISTS}
_DATA_DIR = "tingfeng-data"
_SHORTCUTS = ("proxy", "no_proxy")


def load(
    path: Path, specs: Specs, *, environ: Mapping[str, str] | None = None, defaults: Packaged | None = None
) -> Settings:
    """Read a settings file.

    Args:
        path: The file.
        specs: Platforms, channels and rule kinds that it may name.
        environ: Variables for `${NAME}`; None = those of the process.
        defaults: What lies below the file; None = the packaged rules, topics and risks.

    Returns:
        The settings, with what a person may care about in `warnings`.

    Raises:
        ConfigError: All mistakes of the file at once, each with line, key path and remedy.
    """
    settings, reader = _read(read_document(path), specs, environ, defaults, need_brand=True)
    if os.name != "posix":
        return settings
    said = []
    if reader.literal_secrets and (mode := _open_mode(path)):
        said.append(file_mode_caution(settings, path, mode, reader.literal_secrets))
    for file in dict.fromkeys(reader.secret_files):
        if mode := _open_mode(file):
            said.append(file_mode_caution(settings, file, mode, ()))
    return replace(settings, warnings=(*settings.warnings, *said))


def _open_mode(path: Path) -> int:
    """Return the mode of a file that others than its owner may touch; 0 = nobody else may."""
    mode = stat.S_IMODE(path.stat().st_mode)
    return mode if mode & 0o077 else 0


def load_text(
    text: str,
    specs: Specs,
    *,
    folder: Path,
    environ: Mapping[str, str] | None = None,
    defaults: Packaged | None = None,
    file: str = "tingfeng.yaml",
) -> Settings:
    """Read settings from a text as if it were `file` in `folder`; see `load`.

    Raises:
        ConfigError: All mistakes of the text at once.
    """
    document = read_text(text, file=file, folder=folder.resolve())
    return _read(document, specs, environ, defaults, need_brand=True)[0]


def default_settings(specs: Specs, *, folder: Path, defaults: Packaged | None = None) -> Settings:
    """Return the settings of an installation that has no file yet: packaged entries, no brand, no source.

    Raises:
        ConfigError: A packaged file is damaged, or names a rule kind that `specs` lacks.
    """
    document = read_text("locale: zh", file="packaged defaults", folder=folder.resolve())
    return _read(document, specs, {}, defaults, need_brand=False)[0]


def _read(
    document: Document,
    specs: Specs,
    environ: Mapping[str, str] | None,
    defaults: Packaged | None,
    *,
    need_brand: bool,
) -> tuple[Settings, Reader]:
    below = packaged() if defaults is None else defaults
    reader = Reader(os.environ if environ is None else environ, document.folder)
    root = document.root
    entries = reader.entries(root, "") or {}
    reader.unknown_keys(entries, _known_keys(), "", _elsewhere())
    lists: dict[str, Any] = {
        "brands": read_brands(reader, _list(reader, entries, "brands")),
        "sources": read_sources(reader, _list(reader, entries, "sources"), specs),
        "accounts": _plain(reader, _list(reader, entries, "accounts"), AccountSettings),
        "outlets": read_outlets(reader, _list(reader, entries, "outlets"), below),
        "rules": read_rules(reader, _list(reader, entries, "rules"), below, specs),
        "receivers": read_receivers(reader, _list(reader, entries, "receivers"), specs),
        "routes": _plain(reader, _list(reader, entries, "routes"), RouteSettings),
        "topics": read_topics(reader, _list(reader, entries, "topics"), below),
        "risks": read_risks(reader, _list(reader, entries, "risks"), below),
    }
    values = reader.fields(entries, Settings, "", root, skip=_DERIVED) or {}
    settings = Settings(
        path=document.folder / Path(document.file).name,
        data_dir=_data_dir(reader, entries, document.folder),
        network=_network(reader, entries),
        **lists,
        **values,
    )
    check_references(reader, settings, entries, need_brand=need_brand, platforms=specs.platforms)
    if reader.problems:
        raise ConfigError(reader.problems)
    if need_brand:
        settings = replace(settings, warnings=tuple(cautions(settings)))
    return settings, reader


def _known_keys() -> list[str]:
    return [key_of(name) for name in shape_of(Settings) if name not in ("path", "warnings")] + list(_SHORTCUTS)


def _elsewhere() -> dict[str, str]:
    places: dict[str, str] = {}
    for name, shape in shape_of(Settings).items():
        if shape.type.item is None and hasattr(shape.type.core, "__dataclass_fields__"):
            places |= {key_of(inner): key_of(name) for inner in shape_of(shape.type.core)}
    return {**places, "port": "healthz", "slack": "receivers", "wecom_robot": "receivers", "query": "brands"}


def _list(reader: Reader, entries: Entries, key: str) -> list[tuple[str, Node]]:
    return reader.items(entries[key][1], key) if key in entries else []


def _plain(reader: Reader, items: list[tuple[str, Node]], kind: type) -> tuple[Any, ...]:
    built = [reader.build(node, kind, path) for path, node in items]
    return tuple(each for each in built if each is not INVALID)


def _data_dir(reader: Reader, entries: Entries, folder: Path) -> Path:
    if "data_dir" in entries and not reader.is_null(entries["data_dir"][1]):
        value = reader.value(entries["data_dir"][1], TypeShape(core=Path), "data_dir")
        if value is not INVALID:
            return Path(os.path.normpath(value))
    return folder / _DATA_DIR


def _network(reader: Reader, entries: Entries) -> NetworkSettings:
    """Read `network`, and the shortcuts `proxy` and `no_proxy` at the top."""
    network = NetworkSettings()
    given: set[str] = set()
    if "network" in entries and not reader.is_null(entries["network"][1]):
        node = entries["network"][1]
        inner = reader.entries(node, "network")
        if inner is not None:
            given = set(inner)
            values = reader.fields(inner, NetworkSettings, "network", node)
            reader.unknown_keys(inner, reader.keys(NetworkSettings), "network", {})
            network = NetworkSettings(**values) if values is not None else network
    for key in _SHORTCUTS:
        if key not in entries:
            continue
        if key in given:
            reader.note(entries[key][0], key, f"`{key}` stands at the top and under `network`", "keep one of them")
            continue
        value = reader.value(entries[key][1], shape_of(NetworkSettings)[key].type, key)
        if value is not INVALID:
            network = replace(network, **{key: value})
    return network
