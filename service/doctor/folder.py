"""The data folder: whose it is, who may read it, what disk it lies on."""

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

from config.settings import Settings
from service.doctor.base import Finding, fail, fine, warn
from service.errors import ServiceError
from service.unfinished import refuse_unfinished

__all__ = ["data_dir", "disk", "kind_of_disk"]

SPARE_BYTES = 1_000_000_000
"""Below this a person should act before visits pause."""
_REMOTE = (
    "nfs",
    "cifs",
    "smb",
    "9p",
    "fuse.sshfs",
    "afpfs",
    "webdav",
    "ceph",
    "glusterfs",
    "drvfs",
    "vboxsf",
    "virtiofs",
)
_SHOWN = 3


def data_dir(settings: Settings) -> Iterator[Finding]:
    """Look who owns the data folder and who may read it."""
    folder = settings.data_dir
    if not folder.exists():
        yield from _missing(folder)
        return
    if not folder.is_dir():
        yield fail(
            "data_dir", f"data_dir {folder} is no folder", "name another folder in data_dir, or move the file away"
        )
        return
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        fix = f"chown -R the service's user {folder}, or run as the user who owns it"
        yield fail("data_dir", f"data_dir {folder} cannot be read and written by us", fix)
        return
    try:
        refuse_unfinished(folder)
    except ServiceError as err:
        yield fail("data_dir", str(err), "finish the restore, or start with an empty data_dir")
    yield from _owners(folder)
    yield from _modes(folder)


def _missing(folder: Path) -> Iterator[Finding]:
    above = next(each for each in folder.parents if each.exists())
    if os.access(above, os.W_OK | os.X_OK):
        yield fine("data_dir", f"data_dir {folder} is made at the first start")
    else:
        fix = f"make it for the service's user: install -d -m 0700 -o USER {folder}; or name another data_dir"
        yield fail("data_dir", f"data_dir {folder} is not there, and {above} is not ours to write", fix)


def _owners(folder: Path) -> Iterator[Finding]:
    """Find files that another user made, as a command with sudo does: the service could not write them."""
    owner = folder.stat().st_uid
    strange = [path for path in _inside(folder) if path.lstat().st_uid != owner]
    if strange:
        said = f"{len(strange)} files in {folder} are not of the folder's owner (uid {owner}): {_names(strange)}"
        yield fail(
            "data_dir",
            said,
            f"sudo chown -R {owner} {folder}; run commands as that user: sudo -u '#{owner}' tingfeng …",
        )


def _modes(folder: Path) -> Iterator[Finding]:
    open_ = [path for path in (folder, *_inside(folder)) if stat.S_IMODE(path.lstat().st_mode) & 0o077]
    if open_:
        said = f"other users may look into {_names(open_)}"
        yield warn("data_dir", said, f"chmod -R go= {folder}")
    else:
        yield fine("data_dir", f"data_dir {folder} is its owner's alone")


def _inside(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        yield from (path for name in (*folders, *names) if not (path := Path(place, name)).is_symlink())


def _names(paths: list[Path]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ", ".join(path.name for path in paths[:_SHOWN]) + more


def disk(settings: Settings) -> Iterator[Finding]:
    """Look how much space is left, and whether the disk is of this machine."""
    place = next(each for each in (settings.data_dir, *settings.data_dir.parents) if each.exists())
    free = shutil.disk_usage(place).free
    least = settings.crawl.disk_free_bytes
    said = f"{free / 1e9:.1f} GB free on the disk of data_dir"
    if free < least:
        fix = "free some space (shorter retention helps later), or move data_dir to a larger disk"
        yield fail("disk", f"{said}, less than crawl.disk_free_bytes ({least / 1e9:.1f} GB): visits pause", fix)
    elif free < least + SPARE_BYTES:
        yield warn("disk", said, f"free some space before it falls below {least / 1e9:.1f} GB and visits pause")
    else:
        yield fine("disk", said)
    kind = kind_of_disk(place, _mounts())
    if kind.startswith(_REMOTE):
        fix = "put data_dir on a disk of this machine; in WSL2 below your Linux home, not /mnt/c"
        yield fail("disk", f"data_dir lies on {kind}: SQLite loses data on network disks", fix)


def kind_of_disk(place: Path, mounts: str) -> str:
    """Return the kind of file system a place lies on; empty = the mounts do not say.

    Args:
        place: a folder that exists.
        mounts: lines of /proc/self/mounts (`device folder kind …`) or of `mount` on macOS
            (`device on folder (kind, …)`).
    """
    best, kind = "", ""
    for line in mounts.splitlines():
        if " on " in line and line.endswith(")"):
            point, _, rest = line.partition(" on ")[2].rpartition(" (")
            words = ["", point, rest.partition(",")[0].rstrip(")")]
        else:
            words = line.split(" ")
        if len(words) < 3:
            continue
        point = words[1].replace("\\040", " ")
        if len(point) > len(best) and place.resolve().is_relative_to(point):
            best, kind = point, words[2]
    return kind


def _mounts() -> str:
    try:
        return Path("/proc/self/mounts").read_text("utf-8")
    except OSError:  # no Linux
        pass
    try:
        return subprocess.run(["/sbin/mount"], capture_output=True, text=True, timeout=5, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
