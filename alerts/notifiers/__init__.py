"""Channels, one module each; a module with a `SPEC` is a channel."""

import importlib
import pkgutil
from collections.abc import Mapping

from domain.spec import Spec

__all__ = ["notifier_specs"]


def notifier_specs() -> Mapping[str, Spec]:
    """Return the channels that a receiver may name, by name, sorted."""
    found: dict[str, Spec] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda one: one.name):
        spec = getattr(importlib.import_module(f"{__name__}.{module.name}"), "SPEC", None)
        if isinstance(spec, Spec):
            found[spec.name] = spec
    return found
