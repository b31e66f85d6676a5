"""Settings: schema, loader, packaged defaults, starter file."""

from config.caution import is_loopback
from config.errors import ConfigError, Problem
from config.explain import explain
from config.loader import default_settings, load, load_text
from config.packaged import NO_DEFAULTS, Packaged, packaged
from config.schema import json_schema
from config.settings import Settings
from config.specs import Specs
from config.starter import starter
from config.values import format_duration

__all__ = [
    "NO_DEFAULTS",
    "ConfigError",
    "Packaged",
    "Problem",
    "Settings",
    "Specs",
    "default_settings",
    "explain",
    "format_duration",
    "is_loopback",
    "json_schema",
    "load",
    "load_text",
    "packaged",
    "starter",
]
