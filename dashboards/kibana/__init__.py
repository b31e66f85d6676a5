"""Kibana objects: data view, saved searches and dashboards as NDJSON for Kibana 8.14 and newer."""

from dashboards.kibana.board import dashboard_id
from dashboards.kibana.bundle import BUNDLE_PATH, bundle, shipped_text
from dashboards.kibana.saved import DATA_VIEW_ID, SavedObject, to_ndjson

__all__ = ["BUNDLE_PATH", "DATA_VIEW_ID", "SavedObject", "bundle", "dashboard_id", "shipped_text", "to_ndjson"]
