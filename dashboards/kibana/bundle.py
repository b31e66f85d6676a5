"""Everything that is imported into Kibana, and the file that ships with the product."""

from pathlib import Path

from dashboards.kibana.board import dashboard
from dashboards.kibana.boards import BOARDS
from dashboards.kibana.dataview import data_view
from dashboards.kibana.saved import DATA_VIEW_ID, SavedObject, to_ndjson
from dashboards.kibana.searches import SEARCHES, saved_search

__all__ = ["BUNDLE_PATH", "bundle", "shipped_text"]

BUNDLE_PATH = Path(__file__).parent / "tingfeng.ndjson"
"""The written file; a test holds it equal to what `bundle` gives."""


def bundle(index: str = DATA_VIEW_ID) -> tuple[SavedObject, ...]:
    """Return all objects, each behind what it refers to.

    Args:
        index: Read alias of the mentions in Elasticsearch, the data view's title.
    """
    return (data_view(index), *(saved_search(each) for each in SEARCHES), *(dashboard(each) for each in BOARDS))


def shipped_text() -> str:
    """Return the NDJSON for the default alias, as it ships."""
    return to_ndjson(bundle())


if __name__ == "__main__":
    BUNDLE_PATH.write_text(shipped_text(), encoding="utf-8")
