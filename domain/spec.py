"""How a platform, channel or rule module announces itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Spec"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One plug-in module's name, settings and factory; exported as `SPEC`."""

    name: str
    """Lower-case name used in the settings file."""
    settings: type
    """Frozen dataclass of the settings that only this module knows."""
    factory: Callable[..., Any]
    """Builds the object from its settings; its arguments are the package's own matter."""
    title: str = ""
    """Name for people, Chinese."""
