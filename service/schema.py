"""Writes the JSON schema of the settings for editors: `python -m service.schema FILE`."""

import json
import sys
from pathlib import Path

from service import wiring

__all__ = ["schema_text"]


def schema_text() -> str:
    """Return the schema of all settings, every platform, channel and rule included."""
    from config.schema import json_schema

    return json.dumps(json_schema(wiring.specs()), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(schema_text(), encoding="utf-8")
