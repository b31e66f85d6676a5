"""What a failed download means: the border between Scrapy's errors and outcomes."""

import logging
import ssl
from urllib.parse import urlsplit

import aiohttp
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
    UnsupportedURLSchemeError,
)

from crawlers.base import Parsed
from crawlers.errors import GuardError
from crawlers.robots import RobotsRefusedError
from domain.outcome import FetchOutcome

__all__ = ["classify_failure", "is_unreachable"]

logger = logging.getLogger(__name__)

_UNREACHABLE = (CannotResolveHostError, DownloadConnectionRefusedError, DownloadTimeoutError, DownloadFailedError)
_UNTRUSTED = (aiohttp.ClientSSLError, aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError)
_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (CannotResolveHostError, "no such host, or no network"),
    (DownloadConnectionRefusedError, "cannot connect"),
    (DownloadTimeoutError, "no answer in time"),
    (DownloadFailedError, "the connection broke"),
    (ResponseDataLossError, "the answer was cut off"),
    (DownloadCancelledError, "the answer is larger than 8 MiB"),
    (UnsupportedURLSchemeError, "not an http(s) address"),
)


def is_unreachable(error: BaseException) -> bool:
    """Say whether there was no answer at all, as without a network."""
    return isinstance(error, _UNREACHABLE)


def classify_failure(error: Exception, url: str) -> Parsed:
    """Return the outcome of a download that brought no answer, with words for the operator.

    The words name the host only: addresses and library messages may hold credentials.
    """
    host = (urlsplit(url).hostname or "")[:100]
    if isinstance(error, RobotsRefusedError):
        if error.temporary:
            return Parsed(outcome=FetchOutcome.ERROR, detail=f"robots.txt of {host} could not be read")
        return Parsed(outcome=FetchOutcome.BLOCKED, detail=f"robots.txt of {host} forbids it")
    if isinstance(error, GuardError):
        return Parsed(outcome=FetchOutcome.ERROR, detail=f"{error}"[:300])
    if isinstance(error, IgnoreRequest):
        return Parsed(outcome=FetchOutcome.ERROR, detail=f"{host}: the answer is larger than allowed")
    if isinstance(error.__cause__, _UNTRUSTED):
        return Parsed(outcome=FetchOutcome.ERROR, detail=f"{host}: its certificate is not trusted")
    for kind, words in _WORDS:
        if isinstance(error, kind):
            return Parsed(outcome=FetchOutcome.ERROR, detail=f"{host}: {words}")
    logger.error("download failed host=%s error=%s", host, type(error).__name__, exc_info=error)
    return Parsed(outcome=FetchOutcome.ERROR, detail=f"{host}: {type(error).__name__}")
