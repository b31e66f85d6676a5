"""Kibana's saved objects as values: identity, versions, one line of NDJSON each."""

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = [
    "CORE_VERSION",
    "DATA_VIEW_ID",
    "TYPE_VERSIONS",
    "Json",
    "Reference",
    "SavedObject",
    "compact",
    "object_id",
    "read_ndjson",
    "to_ndjson",
]

Json = dict[str, Any]
"""A JSON object inside this package."""

DATA_VIEW_ID = "mentions"
"""Id of the data view; links and other people's dashboards may name it."""

CORE_VERSION = "8.8.0"
TYPE_VERSIONS = {"dashboard": "10.2.0", "index-pattern": "8.0.0", "search": "7.9.3", "tag": "8.0.0"}
"""Model version written per type.

A server refuses a version newer than its own, and migrates an older one; without any it runs
every migration since the beginning. 10.2.0 is the dashboard of Kibana 8.14 (changed by pull
request 174714, March 2024); 7.9.3 is what Kibana's own sample data writes for a saved search.
"""

_SPACE = uuid.UUID("0c2a9a5e-6a33-5d1e-9c0b-5b0d3d4f7a21")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A named pointer from one object to another."""

    name: str
    """Name by which the attributes know it."""
    type: str
    """Type of the other object."""
    id: str
    """Id of the other object."""

    def json(self) -> Json:
        """Return it as Kibana stores it."""
        return {"id": self.id, "name": self.name, "type": self.type}


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedObject:
    """One saved object."""

    type: str
    """dashboard, search, index-pattern or tag."""
    id: str
    """Stable id: the same object always has the same."""
    attributes: Json
    """What Kibana keeps of it; parts of it are JSON inside strings."""
    references: tuple[Reference, ...] = ()
    """Every object it needs."""

    @property
    def title(self) -> str:
        """Name for people."""
        return str(self.attributes.get("title") or self.attributes.get("name") or self.id)

    def json(self) -> Json:
        """Return it as it stands in a file for import."""
        return {
            "attributes": self.attributes,
            "coreMigrationVersion": CORE_VERSION,
            "id": self.id,
            "managed": False,
            "references": [each.json() for each in self.references],
            "type": self.type,
            "typeMigrationVersion": TYPE_VERSIONS[self.type],
        }


def object_id(*names: str) -> str:
    """Return the id of what `names` lead to: the same names always give the same uuid5."""
    return str(uuid.uuid5(_SPACE, "/".join(names)))


def compact(value: object) -> str:
    """Write JSON inside a string: keys sorted, no blanks, Chinese as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def to_ndjson(objects: Iterable[SavedObject]) -> str:
    """Write objects for import, one a line, each line ended; the same objects give the same text."""
    return "".join(compact(each.json()) + "\n" for each in objects)


def read_ndjson(text: str) -> Sequence[Json]:
    """Read the objects of an export; the summary that Kibana puts at its end is left out.

    Raises:
        ValueError: a line is no JSON object.
    """
    found = []
    for line in text.split("\n"):
        if not line.strip():
            continue
        value = json.loads(line)
        if not isinstance(value, dict):
            raise ValueError(f"no object of Kibana: {line[:40]}")
        if "exportedCount" not in value:
            found.append(value)
    return found
