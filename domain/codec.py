"""Domain values to JSON and back, the same for inbox, stores and exports."""

import json
import types
import typing
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar, cast

from domain.errors import DomainError
from domain.moment import from_rfc3339, to_rfc3339

__all__ = ["from_json", "from_plain", "to_json", "to_plain"]

T = TypeVar("T")
_AS_IT_IS = frozenset({type(None), str, int, bool, float})
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_Reader = Callable[[Any], Any]


def to_plain(value: object) -> Any:
    """Return a JSON-ready copy of a domain value.

    Dataclasses become objects without the fields that equal their plain default (None,
    empty, False), moments RFC 3339, spans seconds, enums their value, sets sorted lists.
    """
    kind: Any = type(value)
    return value if kind in _AS_IT_IS else _writer(kind)(value)


@lru_cache(maxsize=256)
def _writer(kind: Any) -> Callable[[Any], Any]:
    """Return what writes values of one type, so that it is found out once and not for each value."""
    if issubclass(kind, Enum):
        return lambda value: value.value
    if issubclass(kind, str | bool | int | float):
        return lambda value: value
    if issubclass(kind, datetime):
        return to_rfc3339
    if issubclass(kind, timedelta):
        return timedelta.total_seconds
    if issubclass(kind, tuple | list):
        return lambda value: [to_plain(each) for each in value]
    if issubclass(kind, frozenset | set):
        return lambda value: sorted(to_plain(each) for each in value)
    if is_dataclass(kind):
        return _object_writer(_plain_fields(kind))
    raise DomainError(f"no JSON form for {kind.__name__}")


def _object_writer(parts: tuple[tuple[str, Any], ...]) -> Callable[[Any], dict[str, Any]]:
    def write(value: Any) -> dict[str, Any]:
        written = {}
        for name, default in parts:
            part = getattr(value, name)
            if part is default or (default is not MISSING and part == default):
                continue
            kind: Any = type(part)
            written[name] = part if kind in _AS_IT_IS else _writer(kind)(part)
        return written

    return write


def _plain_fields(cls: Any) -> tuple[tuple[str, Any], ...]:
    defaults: list[tuple[str, Any]] = []
    for each in fields(cls):
        if each.default_factory is not MISSING:
            defaults.append((each.name, each.default_factory()))
        else:
            defaults.append((each.name, each.default))
    return tuple(defaults)


def to_json(value: object) -> str:
    """Return a domain value as compact JSON text, Chinese unescaped."""
    return _ENCODER.encode(to_plain(value))


def from_json(cls: type[T], text: str) -> T:
    """Read JSON text as a value of `cls`.

    Raises:
        DomainError: the text is no JSON or does not fit `cls`.
    """
    try:
        plain = json.loads(text)
    except ValueError as err:
        raise DomainError(f"not JSON, expected {cls.__name__}: {text[:60]!r}") from err
    return from_plain(cls, plain)


def from_plain(cls: type[T], plain: object) -> T:
    """Read what `to_plain` gave as a value of `cls`; unknown fields are ignored.

    Raises:
        DomainError: a field is missing or of the wrong form.
    """
    try:
        return cast(T, _reader(cast(Any, cls))(plain))
    except (TypeError, ValueError, KeyError, AttributeError) as err:
        raise DomainError(f"does not fit {cls.__name__}: {err}") from err


@lru_cache(maxsize=512)
def _reader(kind: Any) -> _Reader:
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        inner = _reader(next(arg for arg in typing.get_args(kind) if arg is not type(None)))
        return lambda raw: None if raw is None else inner(raw)
    if origin is tuple:
        return _tuple_reader(typing.get_args(kind))
    if origin is frozenset:
        item = _reader(typing.get_args(kind)[0])
        return lambda raw: frozenset(item(each) for each in raw)
    if kind is datetime:
        return from_rfc3339
    if kind is timedelta:
        return lambda raw: timedelta(seconds=raw)
    if kind is str:
        return _text
    if kind is float:
        return float
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    if isinstance(kind, type) and is_dataclass(kind):
        return _object_reader(kind)
    return lambda raw: _checked(kind, raw)


def _text(raw: Any) -> str:
    return raw if isinstance(raw, str) else _checked(str, raw)


def _checked(kind: type, raw: Any) -> Any:
    if not isinstance(raw, kind) or (kind is int and isinstance(raw, bool)):
        raise TypeError(f"expected {kind.__name__}, found {type(raw).__name__}")
    return raw


def _tuple_reader(args: tuple[Any, ...]) -> _Reader:
    if len(args) == 2 and args[1] is Ellipsis:
        item = _reader(args[0])
        return lambda raw: tuple(item(each) for each in raw)
    readers = tuple(_reader(arg) for arg in args)
    return lambda raw: tuple(read(each) for read, each in zip(readers, raw, strict=True))


def _object_reader(cls: type) -> _Reader:
    hints = typing.get_type_hints(cls)
    readers = {each.name: _reader(hints[each.name]) for each in fields(cls)}

    def read(raw: Any) -> Any:
        return cls(**{name: readers[name](value) for name, value in raw.items() if name in readers})

    return read
