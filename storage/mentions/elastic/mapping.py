"""The form of the indices: public fields for people and Kibana, `inner` for the product.

Public names are those of `domain.document`. `inner` holds what exact answers need:

- `title`, `text`: units between blanks, made by the splitter of `domain.units`. They are no
  sub-field of `text`, because a sub-field analyses the same text again, and no analyzer of
  Elasticsearch splits as ours does; they are indexed but not kept in `_source`;
- `doc`: the mention as JSON without title and text, which stand above;
- `seats`: per brand `<brand>|<polarity>|<1 if the author is new>`, and `seat_p` in the same
  order the probability of negative; only mentions that detection counts have any;
- `author`, `arrival`: who counts as one author, and the order of arrival.

Everything is flat: no nested documents, no scripts.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from domain.query import MENTION_FIELDS, FieldType

__all__ = ["FORM", "MAX_KEYWORD_CHARS", "index_mapping", "index_settings", "index_template", "public_mapping"]

FORM = 1
"""Version of the mapping; a newer one needs `tingfeng store reindex`."""
MAX_KEYWORD_CHARS = 8_191
"""Longer values of a keyword field are kept but cannot be searched: Lucene takes 32,766 bytes."""
MAX_RESULTS = 10_000
"""Most hits of one request."""

_KEYWORD: Mapping[str, Any] = MappingProxyType({"type": "keyword", "ignore_above": MAX_KEYWORD_CHARS})
_UNITS: Mapping[str, Any] = MappingProxyType({"type": "text", "analyzer": "whitespace", "norms": False})
_KINDS: Mapping[FieldType, Mapping[str, Any]] = MappingProxyType(
    {
        FieldType.TEXT: {"type": "text", "analyzer": "cjk"},
        FieldType.KEYWORD: _KEYWORD,
        FieldType.NUMBER: {"type": "long"},
        FieldType.DATE: {"type": "date"},
        FieldType.BOOLEAN: {"type": "boolean"},
    }
)
_DOUBLES = frozenset({"score", "p_negative", "confidence"})


def public_mapping() -> dict[str, dict[str, Any]]:
    """Return the mapping of every public field by its dotted name."""
    return {
        name: {"type": "double"} if name in _DOUBLES else dict(_KINDS[kind]) for name, kind in MENTION_FIELDS.items()
    }


def index_mapping() -> dict[str, Any]:
    """Return the whole mapping; a field that it does not name is refused."""
    properties: dict[str, Any] = {}
    for name, kind in public_mapping().items():
        head, dot, tail = name.partition(".")
        if dot:
            properties.setdefault(head, {"properties": {}})["properties"][tail] = kind
        else:
            properties[head] = kind
    closed = {"type": "object", "enabled": False}
    properties["inner"] = {
        "properties": {
            "arrival": {"type": "long"},
            "author": dict(_KEYWORD),
            "backfill": {"type": "boolean"},
            "candidate": {"type": "boolean"},
            "filled": dict(_KEYWORD),
            "seats": dict(_KEYWORD),
            "seat_p": {"type": "double"},
            "seat_n": {"type": "short"},
            "title": dict(_UNITS),
            "text": dict(_UNITS),
            "doc": closed,
            "readings": closed,
            "old_texts": closed,
        }
    }
    return {
        "dynamic": "strict",
        "_meta": {"tingfeng": {"form": FORM}},
        "_source": {"excludes": ["inner.title", "inner.text"]},
        "properties": properties,
    }


def index_settings(*, shards: int, replicas: int, refresh_s: float) -> dict[str, Any]:
    """Return the settings of an index.

    Args:
        shards: primary shards.
        replicas: copies of each where there are nodes for them; fewer nodes stay green.
        refresh_s: seconds after which what was written can be found.
    """
    return {
        "number_of_shards": shards,
        "auto_expand_replicas": f"0-{replicas}" if replicas else False,
        "number_of_replicas": 0,
        "refresh_interval": f"{max(1, round(refresh_s * 1000))}ms",
        "mapping.ignore_malformed": True,
        "max_result_window": MAX_RESULTS,
    }


def index_template(prefix: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the index template: `<prefix>-YYYY.MM` under the read alias `<prefix>`."""
    return {
        "index_patterns": [f"{prefix}-*"],
        "priority": 200,
        "version": FORM,
        "template": {"settings": dict(settings), "mappings": index_mapping(), "aliases": {prefix: {}}},
        "_meta": {"tingfeng": {"form": FORM}},
    }
