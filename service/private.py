"""What this process writes is for its own user."""

import os

__all__ = ["keep_private"]


def keep_private() -> None:
    """Leave group and others out of every file that this process and its children make from now on."""
    os.umask(os.umask(0o077) | 0o077)
