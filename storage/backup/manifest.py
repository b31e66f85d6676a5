"""What a backup says of itself: made by whom, when, of what, with a hash of every file."""

import hashlib
import json
import os
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from domain.codec import from_json, to_plain
from domain.errors import DomainError
from storage.errors import DamagedError, SchemaError

__all__ = ["MANIFEST", "FileNote", "Manifest", "hash_of", "read_manifest", "sync", "write_manifest"]

MANIFEST = "manifest.json"
FORM = 1
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FileNote:
    """One file of a backup."""

    name: str
    """Path below the backup's folder."""
    size_bytes: int
    """Its length."""
    sha256: str
    """Its hash, hexadecimal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup holds."""

    form: int = 0
    """Version of the backup's own layout."""
    version: str
    """Version of the program that made it."""
    made_at: datetime
    """The instant it shows, UTC."""
    state: str
    """Kind of the state database: sqlite or postgresql."""
    state_form: str
    """Revision of its tables."""
    mentions: str
    """Kind of the mention store: sqlite or elasticsearch."""
    mentions_form: int
    """Version of its tables or mapping."""
    rows: tuple[tuple[str, int], ...] = ()
    """(table, rows) of the state, sorted by table."""
    mention_count: int = 0
    """Mentions and candidates."""
    files: tuple[FileNote, ...] = field(default=())
    """Every file but this one, sorted by name."""


def write_manifest(folder: Path, manifest: Manifest) -> Manifest:
    """Write the manifest last, with the hashes of all files that are there, and sync the folder to disk.

    Returns:
        What was written.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    notes = []
    for path in files:
        path.chmod(0o600)
        sync(path)
        size = path.stat().st_size
        notes.append(FileNote(name=path.relative_to(folder).as_posix(), size_bytes=size, sha256=hash_of(path)))
    manifest = replace(manifest, form=FORM, files=tuple(notes))
    with os.fdopen(os.open(folder / MANIFEST, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(to_plain(manifest), file, ensure_ascii=False, indent=1)
        file.write("\n")
    sync(folder / MANIFEST)
    for each in (*(path for path in folder.rglob("*") if path.is_dir()), folder):
        sync(each)
    return manifest


def read_manifest(folder: Path, *, verify: bool = True) -> Manifest:
    """Read a backup's manifest and compare every file with its hash.

    Raises:
        DamagedError: the manifest or a file is missing, cut or changed; names the first.
        SchemaError: a newer program made the backup.
    """
    path = folder / MANIFEST
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise DamagedError(f"{folder} is no whole backup: {MANIFEST} cannot be read ({err})", path=path) from err
    try:
        manifest = from_json(Manifest, text)
    except DomainError as err:
        raise DamagedError(f"{path} is damaged ({err}): take another backup", path=path) from err
    if manifest.form > FORM:
        raise SchemaError(
            f"backup {folder} has form {manifest.form}, this program knows {FORM}: a newer Tingfeng made it"
        )
    if verify:
        for note in manifest.files:
            _verify(folder / note.name, note)
    return manifest


def _verify(path: Path, note: FileNote) -> None:
    if ".." in Path(note.name).parts or Path(note.name).is_absolute() or not path.is_file():
        raise DamagedError(f"backup file {path} is missing: take another backup", path=path)
    size = path.stat().st_size
    if size != note.size_bytes:
        raise DamagedError(
            f"backup file {path} is damaged: {size} bytes, {note.size_bytes} expected; take another backup", path=path
        )
    if hash_of(path) != note.sha256:
        raise DamagedError(f"backup file {path} is damaged: its hash is another; take another backup", path=path)


def hash_of(path: Path) -> str:
    """Return the sha256 of a file, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def sync(path: Path) -> None:
    """Make sure that a file, or the names in a folder, would survive a loss of power."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
