"""Logs on standard error: one line an event, values after the event's name."""

import logging
import os
import re

__all__ = ["configure_logging"]

_SECRETS = re.compile(r"(xox[abpe]-[\w-]+|(?<=key=)[\w-]{8,}|(?<=access_token=)[^&\s]+|(?i:(?<=cookie: ))[^\r\n]+)")
_CONTROL = {code: None for code in [*range(0x00, 0x09), *range(0x0B, 0x20), 0x7F, 0x202A, 0x202B, 0x202D, 0x202E]}


class _Masked(logging.Formatter):
    """Masks what looks like a credential and drops control characters."""

    def format(self, record: logging.LogRecord) -> str:
        return _SECRETS.sub("***", super().format(record)).translate(_CONTROL)


def configure_logging(role: str) -> None:
    """Send logs to standard error with the role's name; level from TINGFENG_LOG (default INFO)."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Masked(f"%(asctime)s %(levelname)-7s {role} %(name)s %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    level = os.environ.get("TINGFENG_LOG", "INFO").upper()
    root.setLevel(level if level in {"DEBUG", "INFO", "WARNING", "ERROR"} else "INFO")
    for noisy in (
        "scrapy",
        "asyncio",
        "jieba",
        "alembic",
        "sqlalchemy",
        "httpx",
        "trafilatura",
        "readability",
        "htmldate",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)
