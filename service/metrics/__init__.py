"""Metrics for Prometheus: what there is, what a role counts, what `/metrics` says."""
