"""Mention stores: one protocol, several backends, one contract suite."""
