"""A real Elasticsearch node for tests; never part of the product."""
