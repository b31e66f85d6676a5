"""Which platforms, channels and rule kinds there are, and the settings that each of them knows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.spec import Spec

__all__ = ["Specs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Specs:
    """The plug-in modules that a settings file may name."""

    platforms: Mapping[str, Spec] = field(default_factory=dict)
    """By name, for `sources[].platform`."""
    channels: Mapping[str, Spec] = field(default_factory=dict)
    """By name, for the keys of `receivers[]`."""
    rules: Mapping[str, Spec] = field(default_factory=dict)
    """By kind, for `rules[].kind`."""
