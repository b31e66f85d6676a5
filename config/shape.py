"""The shape of settings dataclasses: fields, their types, marks, defaults and the string under each."""

import ast
import inspect
import textwrap
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from itertools import pairwise
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

__all__ = ["FieldShape", "TypeShape", "shape_of", "type_shape"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeShape:
    """A type taken apart."""

    core: Any
    """Type without None and marks: str, int, …, a Literal, an Enum, a dataclass, `tuple`, `dict`."""
    optional: bool = False
    """Whether None may stand for it."""
    marks: tuple[object, ...] = ()
    """Marks of `config.marks` and others."""
    item: "TypeShape | None" = None
    """Type of the items of a tuple or frozenset, or of the values of a mapping; None = a single value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldShape:
    """One field of a settings dataclass."""

    name: str
    """Name in Python."""
    type: TypeShape
    """Its type."""
    required: bool
    """Whether a file must give it."""
    default: Any
    """Default value; `dataclasses.MISSING` for none."""
    doc: str
    """The string under the field, on one line; empty = there is none."""


@cache
def shape_of(settings: type) -> Mapping[str, FieldShape]:
    """Take a settings dataclass apart, in the order of its fields.

    Raises:
        TypeError: `settings` is no dataclass.
    """
    if not is_dataclass(settings):
        raise TypeError(f"{settings.__qualname__} is no dataclass")
    hints = get_type_hints(settings, include_extras=True)
    docs = _docs(settings)
    shapes = {}
    for one in fields(settings):
        if not one.init:
            continue
        default = one.default
        if one.default_factory is not MISSING:
            default = one.default_factory()
        shapes[one.name] = FieldShape(
            name=one.name,
            type=type_shape(hints[one.name]),
            required=default is MISSING,
            default=default,
            doc=docs.get(one.name, ""),
        )
    return shapes


def type_shape(hint: Any) -> TypeShape:
    """Take a type hint apart.

    Raises:
        TypeError: A union of more than one type and None.
    """
    marks: tuple[object, ...] = ()
    optional = False
    while True:
        origin = get_origin(hint)
        if origin is Annotated:
            hint, *more = get_args(hint)
            marks += tuple(more)
        elif origin in (Union, UnionType):
            members = [member for member in get_args(hint) if member is not NoneType]
            optional = optional or len(members) < len(get_args(hint))
            if len(members) != 1:
                raise TypeError(f"settings cannot hold a union: {hint}")
            hint = members[0]
        else:
            break
    if origin in (tuple, frozenset, list):
        return TypeShape(core=origin, optional=optional, marks=marks, item=type_shape(get_args(hint)[0]))
    if origin in (dict, Mapping) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        return TypeShape(core=dict, optional=optional, marks=marks, item=type_shape(get_args(hint)[1]))
    return TypeShape(core=hint, optional=optional, marks=marks)


def _docs(settings: type) -> dict[str, str]:
    docs: dict[str, str] = {}
    for owner in reversed(settings.__mro__):
        try:
            source = textwrap.dedent(inspect.getsource(owner))
        except (OSError, TypeError):
            continue
        body = getattr(ast.parse(source).body[0], "body", [])
        for before, after in pairwise(body):
            if (
                isinstance(before, ast.AnnAssign)
                and isinstance(before.target, ast.Name)
                and isinstance(after, ast.Expr)
                and isinstance(after.value, ast.Constant)
                and isinstance(after.value.value, str)
            ):
                docs[before.target.id] = " ".join(after.value.value.split())
    return docs
