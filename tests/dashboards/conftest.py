"""The real node where there is one."""

from tests.elasticsearch_node.fixture import elastic, elasticsearch_url

__all__ = ["elastic", "elasticsearch_url"]
