"""Refuses a data folder in which a restore broke off: half of it would look like an empty one."""

from pathlib import Path

from service.errors import ServiceError

__all__ = ["UNFINISHED", "refuse_unfinished"]

UNFINISHED = "restore-unfinished"
"""File that lies in the data folder while a restore is on its way; it names the backup."""


def refuse_unfinished(data_dir: Path) -> None:
    """Do nothing unless a restore broke off.

    Raises:
        ServiceError: it did; the message says how to finish it.
    """
    try:
        backup = (data_dir / UNFINISHED).read_text("utf-8").strip()
    except FileNotFoundError:
        return
    raise ServiceError(
        f"{data_dir}: a restore from {backup} broke off; run `tingfeng restore {backup} --force` again to finish it"
    )
