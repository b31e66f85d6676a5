"""The unpacked packages, and how libraries that are not ours read what is in them."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.wild.fetch import LIST, packages
from tests.wild.oracle import BASE

REPOSITORY = LIST.parents[2]


@pytest.fixture(scope="session")
def wild() -> Mapping[str, Path]:
    """Return the folder of each package; skips where pip cannot fetch them (a failure where nothing may be skipped)."""
    command = [sys.executable, "-m", "tests.wild.fetch"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"feeds and pages of other people's packages are not here: {done.stderr.strip()[-300:]}")
    return {name: package.folder for name, package in packages().items()}


class Oracle:
    """Readings of files by a library that is not ours."""

    address = BASE

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self._folders = folders

    def read(self, what: str, files: Sequence[tuple[Path, str]]) -> Mapping[Path, Any]:
        """Return a reading of each (file, content type) that the library for `feeds` or `pages` can read."""
        command = [sys.executable, str(LIST.with_name("oracle.py")), what, *map(str, self._paths(what))]
        asked = json.dumps([[str(path), kind] for path, kind in files])
        done = subprocess.run(command, input=asked, capture_output=True, text=True, timeout=120, check=True)
        return {Path(path): told for path, told in json.loads(done.stdout).items()}

    def _paths(self, what: str) -> Sequence[Path]:
        if what == "pages":
            return (self._folders["gne"],)
        return (self._folders["feedparser"], self._folders["feedparser-sgmllib"] / "src")


@pytest.fixture(scope="session")
def oracle(wild: Mapping[str, Path]) -> Oracle:
    """Return what asks the other libraries."""
    return Oracle(wild)
