"""Compiles charts with an independent compiler and writes down their shapes.

Not run by the tests: it needs Python 3.12 and `kb-dashboard-core==0.4.1 'tatsu<5.18'` (newer TatSu never
ends on a formula). From the repository, with such a Python:

    PYTHONPATH=. python -m tests.dashboards.outside
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.dashboards.shape import shapes_of

FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "kibana"


def compiled() -> dict[str, Any]:
    """Return the dashboard that the compiler makes of `outside.yaml`."""
    from kb_dashboard_core.dashboard_compiler import load, render  # type: ignore[import-not-found,unused-ignore]

    (board,) = load(str(FOLDER / "outside.yaml"))
    found: dict[str, Any] = render(board).model_dump(by_alias=True, mode="json")
    return found


if __name__ == "__main__":
    text = json.dumps(shapes_of(compiled()), indent=1, sort_keys=True)
    (FOLDER / "outside_shapes.json").write_text(text + "\n", encoding="utf-8")
