"""A data partner, for tests: signs what it sends."""

import json
import secrets
from collections.abc import Mapping
from typing import Any

from config.settings import IngestPartner, IngestSettings
from domain.secret import Secret
from service.ingest import PATH, Asked
from service.signing import HEADERS, signature_of

SECRET = "of-the-partner-0123456789abcdef"
WALL_S = 1_781_940_600
PARTNERS = (IngestPartner(name="shuju", secret=Secret(SECRET)),)
INGEST = IngestSettings(port=0, partners=PARTNERS, body_bytes=20_000)


def line(number: int = 1, **more: Any) -> dict[str, Any]:
    """Return a mention as partners send it, published half an hour before the present moment of these tests."""
    return {
        "platform": "weibo", "id": f"531190174208299{number}", "text": f"云杉咖啡喝出异物 {number}",
        "published_at": "2026-06-20T15:00:00+08:00", **more,
    }  # fmt: skip


def ndjson(*lines: object) -> bytes:
    return "\n".join(json.dumps(each, ensure_ascii=False) for each in lines).encode()


def headers(body: bytes, *, at_s: float = WALL_S, nonce: str = "", path: str = PATH, method: str = "POST",
            secret: str = SECRET, partner: str = "shuju", **more: str) -> dict[str, str]:  # fmt: skip
    nonce = nonce or secrets.token_hex(16)
    stamp = str(int(at_s))
    signed = signature_of(secret, stamp=stamp, nonce=nonce, method=method, path=path, body=body)
    named: Mapping[str, str] = dict(zip(HEADERS, (partner, stamp, nonce, signed), strict=True))
    return {**named, **{name.replace("_", "-"): value for name, value in more.items()}}


def asked(body: bytes, *, method: str = "POST", path: str = PATH, **how: Any) -> Asked:
    signed = headers(body, method=method, path=path, **how)
    return Asked(method=method, path=path, headers=signed, body=body)
