"""Worker processes that begin at one moment: each says `ready`, waits for a line, and ends with one line of JSON."""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from tests.conftest import REPOSITORY

__all__ = ["run_together"]


def run_together(commands: Sequence[Sequence[str]], *, limit_s: float = 300.0) -> list[dict[str, Any]]:
    """Run Python modules with arguments together and return what each said at its end."""
    running = [
        subprocess.Popen(
            [sys.executable, "-m", *command], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for command in commands
    ]
    for each in running:
        assert each.stdout is not None and each.stdout.readline() == "ready\n"
    for each in running:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    return [json.loads(each.communicate(timeout=limit_s)[0]) for each in running]
