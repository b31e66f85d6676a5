"""The roles that are shipped: the least that running and setting up need, for the prefix `mentions`."""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

__all__ = ["RUN", "SETUP"]


def _read(name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(files("storage.mentions.elastic").joinpath(name).read_text("utf-8"))
    return found


RUN: Mapping[str, Any] = _read("role.json")
"""For the service."""
SETUP: Mapping[str, Any] = _read("role_setup.json")
"""For `tingfeng store setup`, `migrate`, `reindex`, and retention that drops whole indices."""
