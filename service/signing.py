"""Who signed a request: HMAC-SHA256 over when, once, what for, and every byte of the body."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from config.settings import IngestPartner

__all__ = ["HEADERS", "Keyring", "Signed", "signature_of"]

HEADERS = ("X-Tingfeng-Partner", "X-Tingfeng-Timestamp", "X-Tingfeng-Nonce", "X-Tingfeng-Signature")
"""Who, when, once, and the signature."""

_STAMP = re.compile(r"[0-9]{1,12}")
_NONCE = re.compile(r"[0-9A-Za-z_-]{16,128}")
_FORM = "v1="


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What a good signature vouches for."""

    partner: str
    """Name of the partner."""
    at_s: int
    """When it was signed by the partner's clock, Unix time."""
    nonce: str
    """What the partner uses once only; 16 to 128 letters, digits, - and _."""


def signature_of(secret: str, *, stamp: str, nonce: str, method: str, path: str, body: bytes) -> str:
    """Return the value of the signature header, `v1=` and 64 hex digits.

    Args:
        secret: The shared secret.
        stamp: Unix time in seconds, as the timestamp header says it.
        nonce: As the nonce header says it.
        method: HTTP method in capitals.
        path: Path and query as sent.
        body: Body as sent, packed if it was packed.
    """
    head = f"v1\n{stamp}\n{nonce}\n{method}\n{path}\n".encode("utf-8", "surrogateescape")
    return _FORM + hmac.new(secret.encode(), head + body, hashlib.sha256).hexdigest()


class Keyring:
    """The partners' secrets; a partner that is named twice has two, for the time of a change."""

    def __init__(self, partners: Sequence[IngestPartner]) -> None:
        held: dict[str, list[str]] = {}
        for partner in partners:
            held.setdefault(partner.name, []).append(partner.secret.reveal())
        most = max(map(len, held.values()), default=1)
        # As many tries for everybody, and for those whom nobody knows: the time says nothing.
        self._strangers = tuple(secrets.token_hex(32) for _ in range(most))
        self._held = {
            name: tuple(own or other for own, other in zip_longest(found, self._strangers))
            for name, found in held.items()
        }

    def check(self, headers: Mapping[str, str], *, method: str, path: str, body: bytes) -> Signed | None:
        """Return who signed a request; None for an unknown partner, a wrong signature, or malformed headers.

        Whether it was signed lately and is new is for the caller to say.
        """
        partner, stamp, nonce, given = (headers.get(name, "") for name in HEADERS)
        formed = _STAMP.fullmatch(stamp) is not None and _NONCE.fullmatch(nonce) is not None
        good = False
        for secret in self._held.get(partner, self._strangers):
            wanted = signature_of(secret, stamp=stamp, nonce=nonce, method=method, path=path, body=body)
            good |= hmac.compare_digest(wanted.encode(), given.encode("utf-8", "surrogateescape"))
        if not (good and formed and partner in self._held):
            return None
        return Signed(partner=partner, at_s=int(stamp), nonce=nonce)
