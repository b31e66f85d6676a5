"""Fixtures with a real node."""

from tests.elasticsearch_node.fixture import elastic, elasticsearch_url

__all__ = ["elastic", "elasticsearch_url"]
