"""Certificate authorities of the operator's own, such as those of a proxy that opens TLS."""

import ssl
from functools import cache
from pathlib import Path

__all__ = ["add_trust", "ca_problem", "trusting"]


@cache
def trusting(ca: Path | None) -> ssl.SSLContext:
    """Return a TLS context that trusts the system's authorities and those in `ca`; made once per file.

    Raises:
        OSError: the file cannot be read, or holds no certificate.
    """
    context = ssl.create_default_context()
    add_trust(context, ca)
    return context


def add_trust(context: ssl.SSLContext, ca: Path | None) -> None:
    """Let a context trust the authorities in a PEM file as well; None = no change.

    Raises:
        OSError: the file cannot be read, or holds no certificate.
    """
    if ca is not None:
        context.load_verify_locations(cafile=str(ca))


def ca_problem(ca: Path) -> str:
    """Return why a file is of no use as a list of authorities; empty = it is fine."""
    try:
        add_trust(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ca)
    except ssl.SSLError:
        return f"{ca} holds no certificate in PEM form"
    except OSError as err:
        return f"{ca} cannot be read: {err.strerror}"
    return ""
